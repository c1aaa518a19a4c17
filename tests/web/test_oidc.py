"""Signing in through a real identity provider: who gets in, with which roles, and what is refused."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import pytest
import pytest_asyncio
import yaml
from joserfc import jwk
from yarl import URL

from gateway.config import Settings
from gateway.parts import provider_sign_in
from gateway.web.api.limits import Buckets
from gateway.web.api.serve import PREFIX, SERVICE
from storage import audit_log, people
from tests.ports import free_port
from tests.web import identity
from tests.web.identity import AUDIENCE, CLIENT, ROLES, SECRET, Browser, Identity, packed, signed
from tests.web.site import Site, served

BEGIN = f"{PREFIX}/sign-in/oidc"


class Office:
    """A site whose people sign in through a provider."""

    def __init__(self, site: Site, provider: Identity, base: str) -> None:
        self.site = site
        self.provider = provider
        self.base = base

    @property
    def begin(self) -> str:
        return self.base + BEGIN

    def denied(self) -> list[str]:
        """Why sign-ins were refused, oldest first, as the audit log has it."""
        return [json.loads(each.detail)["why"] for each in self._entries("deny")]

    def signed_in(self) -> list[str]:
        return [each.subject for each in self._entries("sign_in")]

    def _entries(self, action: str) -> list[audit_log.Entry]:
        database = self.site.running.archive.database
        return [e for e in database.read_sync(lambda s: list(audit_log.entries(s))) if e.action == action]

    def roles(self, user: str) -> dict[str, str]:
        """The roles somebody holds now: by whom they were given."""
        at = self.site.running.now()
        active = self.site.running.archive.database.read_sync(lambda s: people.active(s, user, at))
        return {each.role: each.granted_by for each in active}

    async def who(self, browser: Browser) -> dict[str, Any]:
        """Who the gateway says a browser is."""
        async with browser.http.get(self.base + f"{PREFIX}/session") as response:
            found: dict[str, Any] = await response.json(content_type=None)
            return found


@contextlib.asynccontextmanager
async def office(folder: Path, algorithm: str = "RS256", **settings: Any) -> AsyncIterator[Office]:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    async with identity.provider(base, algorithm) as provider:
        (folder / "oidc-secret").write_text(f"{SECRET}\n")
        oidc = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret": "file:oidc-secret",
            "redirect_base": base,
            "role_claim": "groups",
            "roles": ROLES,
            "api_audience": AUDIENCE,
            **settings,
        }
        text = yaml.safe_dump({"web": {"oidc": oidc}, "storage": {"controller": "LB"}})
        sign_in = provider_sign_in(Settings.parse(text, "config.yaml", folder, {}))
        assert sign_in is not None
        async with served(folder, provider=sign_in, port=port, sam=("SYSADMIN",)) as site:
            site.server.app[SERVICE].sign_ins = Buckets(per_s=1e6, burst=1e6)
            yield Office(site, provider, base)


@pytest_asyncio.fixture
async def lb(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as made:
        yield made


@pytest.mark.asyncio
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_somebody_signs_in_through_the_provider(tmp_path: Path, algorithm: str) -> None:
    async with office(tmp_path, algorithm) as lb, Browser() as browser:
        status, problem = await lb.site.ask("GET", "/session")
        assert status == 401 and problem["sign_in"] == ["token", "oidc"]
        await browser.go_as_far_as_the_callback(f"{lb.begin}?next=/console/calls%3Fa=1%26b=2", "anna")
        await browser.get(browser.callback)
        assert browser.status == 200 and "Signed in" in browser.page
        assert '<meta http-equiv="refresh" content="0; url=/console/calls?a=1&amp;b=2">' in browser.page
        session = next(each for each in browser.cookies if each.startswith("tast1_session="))
        assert "HttpOnly" in session and "SameSite=Strict" in session
        who = await lb.who(browser)
        assert who["person"] == {"id": "anna", "organisation": "LB"}
        assert [role["name"] for role in who["roles"]] == ["DPO"], "groups that are not mapped give nothing"
        assert lb.roles("anna") == {"DPO": "provider:oidc"} and lb.signed_in() == ["anna"]
        async with browser.http.delete(
            lb.base + f"{PREFIX}/session", headers={"X-CSRF-Token": who["csrf"]}
        ) as response:
            assert response.status == 200
        assert (await lb.who(browser))["status"] == 401
        assert lb.denied() == []


async def signed_out(lb: Office, browser: Browser) -> str | None:
    """Sign out here; where the browser is led then."""
    csrf = {"X-CSRF-Token": (await lb.who(browser))["csrf"]}
    async with browser.http.delete(lb.base + f"{PREFIX}/session", headers=csrf) as response:
        assert response.status == 200
        found: str | None = (await response.json())["leads_to"]
    assert (await lb.who(browser))["status"] == 401, "whatever the provider does"
    return found


@pytest.mark.asyncio
async def test_signing_out_leads_to_the_provider_with_what_it_needs_to_end_its_session(lb: Office) -> None:
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        place = await signed_out(lb, browser)
        assert place is not None and place.startswith(lb.provider.issuer)
        asked = URL(place).query
        assert asked["client_id"] == CLIENT and asked["post_logout_redirect_uri"] == f"{lb.base}/console/"
        assert asked["id_token_hint"] == lb.provider.answered[-1]["id_token"]
        await browser.get(place)
        assert browser.status == 200 and "sign-out" in browser.page, "the provider knows whose session it is"


@pytest.mark.asyncio
async def test_signing_out_stays_here_where_the_provider_does_not_offer_more(lb: Office) -> None:
    way = lb.site.server.app[SERVICE].provider
    assert way is not None

    def without(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name != "end_session_endpoint"}

    def elsewhere(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "end_session_endpoint": "javascript:alert(1)"}

    def gone(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "issuer": "https://evil.example"}

    for change in (without, elsewhere, gone):
        async with Browser() as browser:
            await browser.sign_in(lb.begin, "anna")
            lb.provider.configuration = change
            way.provider._configuration = None
            assert await signed_out(lb, browser) is None, change.__name__
            lb.provider.configuration = lambda answer: answer
            way.provider._configuration = None
    lb.site.shop.hire("tom", "QA")
    async with Browser() as browser:
        token = {"token": lb.site.shop.tokens["tom"]}
        async with browser.http.post(lb.base + f"{PREFIX}/session", json=token) as response:
            assert response.status == 201
        assert await signed_out(lb, browser) is None, "nobody vouched for them"


@pytest.mark.asyncio
async def test_a_long_token_is_not_put_into_an_address_and_a_setting_turns_it_off(tmp_path: Path) -> None:
    async with office(tmp_path) as lb, Browser() as browser:
        lb.provider.tokens = lb.provider.id_token(groups=["tast1-dpo", *(f"group-{n}" for n in range(500))])
        await browser.sign_in(lb.begin, "anna")
        place = await signed_out(lb, browser)
        assert place is not None and "id_token_hint" not in URL(place).query and len(place) < 400
    (tmp_path / "off").mkdir()
    async with office(tmp_path / "off", end_session=False) as lb, Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert await signed_out(lb, browser) is None


@pytest.mark.asyncio
async def test_the_flow_has_a_cookie_of_its_own_that_comes_back_from_elsewhere(lb: Office) -> None:
    async with Browser() as browser:
        await browser.get(lb.begin)
        assert browser.status == 303
        (cookie,) = browser.cookies
        assert "SameSite=Lax" in cookie and "HttpOnly" in cookie and f"Path={BEGIN}" in cookie
        assert "Max-Age=600" in cookie


ELSEWHERE = (
    *("https://evil.example/", "//evil.example/", "/\\evil.example", "console", "/a b", "/a\r\nX: y"),
    *("javascript:1", "", "/\tx"),
)


@pytest.mark.asyncio
async def test_next_is_a_path_of_this_host(lb: Office) -> None:
    async with Browser() as browser:
        for place in ELSEWHERE:
            asked = URL(lb.begin).with_query(next=place)
            async with browser.http.get(asked, allow_redirects=False) as response:
                assert response.status == 422, place
                assert (await response.json(content_type=None))["errors"][0]["key"] == "next"


@pytest.mark.asyncio
async def test_roles_follow_the_provider_and_what_was_granted_here_stays(lb: Office) -> None:
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
    lb.site.shop.tast1("users", "grant", "anna", "CASEDOC")
    await lb.provider.change("anna", groups=["tast1-qa"])
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert lb.roles("anna") == {"QA": "provider:oidc", "CASEDOC": f"os:{os.getuid()}"}
        await lb.provider.change("anna", groups=[])
        await browser.http.close()
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert browser.status == 200 and list(lb.roles("anna")) == ["CASEDOC"]
    lb.site.shop.tast1("users", "revoke", "anna", "CASEDOC")
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert browser.status == 401 and "you have no access here" in browser.page
    assert lb.denied() == ["no_role"]


@pytest.mark.asyncio
async def test_a_role_from_the_provider_ends_when_nobody_comes_any_more(lb: Office) -> None:
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
    lb.site.running.clock = lb.site.running.now() + timedelta(hours=24, seconds=1)
    assert lb.roles("anna") == {}


@pytest.mark.asyncio
async def test_a_stranger_without_a_role_becomes_no_user(lb: Office) -> None:
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "248289761001")
        assert browser.status == 401 and "tast1_session" not in "".join(browser.cookies)
    assert lb.denied() == ["no_role"]
    assert "Nobody Special" not in lb.site.shop.tast1("users", "list")


@pytest.mark.asyncio
async def test_a_subject_that_is_no_id_gets_one(lb: Office) -> None:
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "Bo-With A Long Subject")
        who = await lb.who(browser)
        assert who["person"]["id"].startswith("p-") and lb.roles(who["person"]["id"]) == {
            "QA": "provider:oidc"
        }


@pytest.mark.asyncio
async def test_another_claim_than_the_subject_opens_nobody_who_is_there_already(tmp_path: Path) -> None:
    async with office(tmp_path, user_claim="preferred_username") as lb:
        async with Browser() as browser:  # quinn calls himself sam there; sam is the administrator here
            await browser.sign_in(lb.begin, "quinn")
            assert browser.status == 401
            assert lb.denied() == ["taken"] and list(lb.roles("sam")) == ["SYSADMIN"]
        async with Browser() as browser:
            await browser.sign_in(lb.begin, "anna")
            assert (await lb.who(browser))["person"]["id"] == "anna.a"
        file = lb.site.shop.config
        assert "web.oidc" in lb.site.shop.tast1("users", "link", "sam", "quinn", status=1)
        file.write_text(
            file.read_text()
            + f"web: {{oidc: {{issuer: '{lb.provider.issuer}', client_id: a, redirect_base: '{lb.base}',"
            + " roles: {tast1-qa: QA}}}\n"
        )
        lb.site.shop.tast1("users", "link", "sam", "quinn")
        async with Browser() as browser:
            await browser.sign_in(lb.begin, "quinn")
            assert (await lb.who(browser))["person"]["id"] == "sam"
            assert lb.roles("sam") == {"SYSADMIN": f"os:{os.getuid()}", "QA": "provider:oidc"}


@pytest.mark.asyncio
async def test_who_is_disabled_here_is_not_let_in_by_the_provider(lb: Office) -> None:
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        lb.site.shop.tast1("users", "disable", "anna")
        assert (await lb.who(browser))["status"] == 401
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert browser.status == 401 and lb.denied() == ["disabled"]


# --- what is refused ------------------------------------------------------------------------------


def unsigned(claims: dict[str, Any]) -> str:
    return f"{packed({'alg': 'none', 'typ': 'JWT'})}.{packed(claims)}."


def hmac_with_the_public_key(answer: dict[str, Any], provider: Identity) -> str:
    """HS256 whose secret is what everybody knows: the public key, as PEM."""
    public = jwk.JWKRegistry.import_key(provider.keys["RS256"]).as_pem(private=False)
    header = {"alg": "HS256", "typ": "JWT", "kid": provider.keys["RS256"]["kid"]}
    signed_part = f"{packed(header)}.{packed(identity.claims_of(answer['id_token']))}"
    mac = hmac.new(public, signed_part.encode(), hashlib.sha256).digest()
    return f"{signed_part}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def forgeries(provider: Identity) -> dict[str, tuple[str, identity.Change]]:
    """Name: the code that the audit log has for it, and how the provider's answer is changed."""
    now, change = int(time.time()), provider.id_token
    other = identity.new_keys()["RS256"]

    def with_token(make: Any) -> identity.Change:
        return lambda answer: {**answer, "id_token": make(answer)}

    def tampered(answer: dict[str, Any]) -> str:
        head, _, signature = answer["id_token"].split(".")
        claims = {**identity.claims_of(answer["id_token"]), "sub": "quinn"}
        return f"{head}.{packed(claims)}.{signature}"

    return {
        "expired": ("expired", change(exp=now - 61)),
        "issued long ago": ("expired", change(iat=now - 3600)),
        "not yet": ("not_yet", change(iat=now + 120)),
        "not before later": ("not_yet", change(nbf=now + 120)),
        "without an end": ("malformed", change(exp=None)),
        "another issuer": ("issuer", change(iss="https://evil.example")),
        "another audience": ("audience", change(aud="somebody-else")),
        "ours among others, without azp": ("audience", change(aud=[CLIENT, "somebody-else"])),
        "for another party": ("audience", change(aud=[CLIENT, "somebody-else"], azp="somebody-else")),
        "azp of another": ("audience", change(azp="somebody-else")),
        "another nonce": ("nonce", change(nonce="x")),
        "no nonce": ("nonce", change(nonce=None)),
        "another access token": ("at_hash", change(at_hash="x")),
        "no subject": ("subject", change(sub=None)),
        "somebody else's key": (
            "key",
            with_token(lambda a: signed(identity.claims_of(a["id_token"]), other)),
        ),
        "somebody else's key under the same name": (
            "signature",
            with_token(
                lambda a: signed(identity.claims_of(a["id_token"]), other, kid=provider.keys["RS256"]["kid"])
            ),
        ),
        "changed afterwards": ("signature", with_token(tampered)),
        "no signature": ("algorithm", with_token(lambda a: unsigned(identity.claims_of(a["id_token"])))),
        "HMAC with the public key": (
            "algorithm",
            with_token(lambda a: hmac_with_the_public_key(a, provider)),
        ),
        "an algorithm not allowed": (
            "algorithm",
            change(header={"alg": "RS384"}, algorithm="RS256"),
        ),
        "an extension nobody knows": ("algorithm", change(header={"crit": ["exp"]})),
        "another kind of key than the algorithm's": (
            "key",
            with_token(
                lambda a: signed(
                    identity.claims_of(a["id_token"]),
                    provider.keys["ES256"],
                    kid=provider.keys["RS256"]["kid"],
                )
            ),
        ),
        "no token at all": ("malformed", with_token(lambda a: "x")),
        "far too long": ("malformed", with_token(lambda a: a["id_token"] + "A" * 40_000)),
    }


@pytest.mark.asyncio
async def test_forged_tokens_are_refused_and_each_refusal_is_logged(lb: Office) -> None:
    cases = forgeries(lb.provider)
    for name, (_, change) in cases.items():
        lb.provider.tokens = change
        async with Browser() as browser:
            await browser.sign_in(lb.begin, "anna")
            assert browser.status == 401 and "tast1_session" not in "".join(browser.cookies), name
    assert dict(zip(cases, lb.denied(), strict=True)) == {name: why for name, (why, _) in cases.items()}
    lb.provider.tokens = lb.provider.id_token(exp=int(time.time()) - 30)  # clocks differ that much
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert browser.status == 200


@pytest.mark.asyncio
async def test_what_came_back_once_is_not_taken_again(lb: Office) -> None:
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert browser.status == 200
        await browser.get(browser.callback)  # state and code again
        assert browser.status == 401 and lb.denied() == ["state"]
        used, old = URL(browser.callback), lb.provider.answered[-1]
        await browser.go_as_far_as_the_callback(lb.begin, "anna")
        await browser.get(str(URL(browser.callback).update_query(code=used.query["code"])))  # the code again
        assert browser.status == 401 and lb.denied()[1:] == ["code"]
        lb.provider.tokens = lambda answer: {**answer, "id_token": old["id_token"]}  # its nonce was used
        await browser.sign_in(lb.begin, "anna")
        assert browser.status == 401 and lb.denied()[2:] == ["nonce"]


@pytest.mark.asyncio
async def test_what_comes_back_is_only_for_the_browser_that_began(lb: Office) -> None:
    async with Browser() as anna, Browser() as mallory:
        await mallory.go_as_far_as_the_callback(lb.begin, "quinn")
        await anna.get(mallory.callback)  # a link to somebody else's sign-in
        assert anna.status == 401
        await anna.get(lb.begin)
        await anna.get(mallory.callback)  # the same with a flow of one's own
        assert anna.status == 401
        await mallory.get(mallory.callback)
        assert mallory.status == 200, "the failed attempts took nothing away"
        await anna.go_as_far_as_the_callback(lb.begin, "anna")
        lb.site.running.clock = lb.site.running.now() + timedelta(minutes=11)
        await anna.get(anna.callback)
        assert anna.status == 401
    assert lb.denied() == ["state"] * 3


@pytest.mark.asyncio
async def test_two_tabs_of_a_browser_sign_in_side_by_side(lb: Office) -> None:
    async with Browser() as browser:
        await browser.go_as_far_as_the_callback(lb.begin, "anna")
        first = browser.callback
        await browser.go_as_far_as_the_callback(lb.begin, "anna")
        await browser.get(browser.callback)
        assert browser.status == 200
        await browser.get(first)
        assert browser.status == 200


@pytest.mark.asyncio
async def test_an_answer_in_another_providers_name_or_none_is_refused(lb: Office) -> None:
    async with Browser() as browser:
        await browser.go_as_far_as_the_callback(lb.begin, "anna")
        back = URL(browser.callback)
        assert back.query["iss"] == lb.provider.issuer
        await browser.get(str(back.update_query(iss="https://evil.example")))
        assert browser.status == 401
        await browser.go_as_far_as_the_callback(lb.begin, "anna")
        await browser.get(str(URL(browser.callback).without_query_params("iss")))
        assert browser.status == 401, "it says that it always names itself"
        await browser.go_as_far_as_the_callback(lb.begin, "anna")
        failed = URL(browser.callback).without_query_params("code").update_query(error="access_denied")
        await browser.get(str(failed))
        assert browser.status == 401
    assert lb.denied() == ["issuer", "issuer", "denied"]


@pytest.mark.asyncio
async def test_the_code_is_bound_to_the_verifier(lb: Office) -> None:
    way = lb.site.server.app[SERVICE].provider
    assert way is not None
    async with Browser() as browser:
        await browser.go_as_far_as_the_callback(lb.begin, "anna")
        (begun,) = way.flows._by_state.values()
        object.__setattr__(begun, "verifier", "a" * 43)  # a stolen code without what it is bound to
        await browser.get(browser.callback)
        assert browser.status == 401 and lb.denied() == ["code"]


# --- keys and configuration -----------------------------------------------------------------------


@pytest.mark.asyncio
async def test_keys_are_kept_and_fetched_anew_when_they_rotate(lb: Office) -> None:
    way = lb.site.server.app[SERVICE].provider
    assert way is not None
    clock = [0.0]
    way.provider._clock = lambda: clock[0]
    new = identity.new_keys()["RS256"]

    def show(answer: dict[str, Any]) -> dict[str, Any]:
        return {"keys": [jwk.JWKRegistry.import_key(new).as_dict(private=False)]}

    def sign(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "id_token": signed(identity.claims_of(answer["id_token"]), new)}

    async def attempt() -> int:
        async with Browser() as browser:
            await browser.sign_in(lb.begin, "anna")
            return browser.status

    assert [await attempt(), await attempt()] == [200, 200]
    assert (
        lb.provider.asked.count("/jwks") == 1
        and lb.provider.asked.count("/.well-known/openid-configuration") == 1
    )
    lb.provider.tokens, lb.provider.keys_shown = sign, show
    assert await attempt() == 401, "forged keys do not make the gateway ask on and on"
    assert lb.provider.asked.count("/jwks") == 1
    clock[0] = 61.0
    assert await attempt() == 200 and lb.provider.asked.count("/jwks") == 2
    lb.provider.tokens = lambda answer: answer
    clock[0] = 130.0
    assert await attempt() == 401, "the old key is not the provider's any more"
    assert lb.denied() == ["key", "key"]


@pytest.mark.asyncio
async def test_a_provider_that_fails_is_told_as_such_and_calls_itself_what_it_is(lb: Office) -> None:
    lb.provider.configuration = lambda answer: {**answer, "issuer": "https://evil.example"}
    async with Browser() as browser:
        await browser.get(lb.begin)
        assert browser.status == 503 and "does not answer" in browser.page
    status, problem = await lb.site.ask("GET", "/sign-in/oidc")
    assert (status, problem["type"]) == (503, "/problems/unavailable")
    assert "Identitetsudbyderen" in problem["detail"]
    lb.provider.configuration = lambda answer: answer
    async with Browser() as browser:
        await browser.sign_in(lb.begin, "anna")
        assert browser.status == 200


@pytest.mark.asyncio
async def test_without_a_provider_there_is_no_such_page(tmp_path: Path) -> None:
    async with served(tmp_path) as site:
        assert (await site.ask("GET", "/sign-in/oidc"))[0] == 404
        assert (await site.ask("GET", "/sign-in/oidc/callback"))[0] == 404
        assert (await site.ask("GET", "/session"))[1]["sign_in"] == ["token"]


# --- programs -------------------------------------------------------------------------------------


async def as_program(lb: Office, token: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(f"{lb.base}{PREFIX}/session") as response,
    ):
        return response.status, await response.json(content_type=None)


async def access_token(lb: Office) -> str:
    form = {"grant_type": "client_credentials", "resource": AUDIENCE, "scope": "api"}

    pair = base64.b64encode(f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}".encode()).decode()
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{lb.provider.issuer}/token", data=form, headers={"Authorization": f"Basic {pair}"}) as it,
    ):
        told = await it.json()
        return str(told["access_token"])


@pytest.mark.asyncio
async def test_a_program_comes_with_an_access_token_of_the_provider(lb: Office) -> None:
    token = await access_token(lb)
    status, problem = await as_program(lb, token)
    assert status == 401 and lb.denied() == ["no_role"], "the client itself is nobody here"
    now, claims = int(time.time()), identity.claims_of(token)
    good = {**claims, "sub": "robot", "groups": ["tast1-qa"]}
    key, kind = lb.provider.keys["RS256"], {"typ": "at+jwt"}
    status, who = await as_program(lb, signed(good, key, **kind))
    assert status == 200 and who["person"]["id"] == "robot" and who["csrf"] is None
    assert lb.roles("robot") == {"QA": "provider:oidc"}
    without_roles = {name: value for name, value in good.items() if name != "groups"}
    status, who = await as_program(lb, signed({**without_roles, "jti": "2"}, key, **kind))
    assert status == 200 and lb.roles("robot") == {"QA": "provider:oidc"}, "it says nothing of roles"
    refused = {
        "expired": signed({**good, "exp": now - 61}, key, **kind),
        "issuer": signed({**good, "iss": "https://evil.example"}, key, **kind),
        "audience": signed({**good, "aud": CLIENT}, key, **kind),
        "kind": signed(good, key, typ="logout+jwt"),
        "algorithm": unsigned(good),
        "key": signed(good, identity.new_keys()["RS256"], **kind),
    }
    for why, forged in refused.items():
        status, problem = await as_program(lb, forged)
        assert (status, problem["type"]) == (401, "/problems/sign-in-failed"), why
    assert lb.denied() == ["no_role", *refused]
    lb.site.shop.tast1("users", "disable", "robot")
    assert (await as_program(lb, signed(good, key, **kind)))[0] == 401


@pytest.mark.asyncio
async def test_an_id_token_is_no_access_token_where_the_client_is_the_audience(tmp_path: Path) -> None:
    async with office(tmp_path, api_audience=CLIENT) as lb:
        async with Browser() as browser:
            await browser.sign_in(lb.begin, "anna")
        status, _ = await as_program(lb, lb.provider.answered[-1]["id_token"])
        assert status == 401 and lb.denied() == ["kind"]


@pytest.mark.asyncio
async def test_access_tokens_are_taken_only_when_an_audience_is_set(tmp_path: Path) -> None:
    async with office(tmp_path, api_audience=None) as lb:
        status, _ = await as_program(lb, await access_token(lb))
        assert status == 401 and lb.denied() == ["not_configured"]
