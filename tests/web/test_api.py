"""The API over HTTP: who is let in, what is said to the others, and what a browser needs."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
import soundfile
from aiohttp import web

from gateway.web.api import live
from gateway.web.api.app import ROUTES, api_app, check
from gateway.web.api.limits import Buckets
from gateway.web.api.route import Routes, Rule
from gateway.web.api.serve import HEADERS, PREFIX, SERVICE
from gateway.web.api.sessions import CSRF
from storage import audit_log
from tests.web.site import Site, served

REASON = quote("Klage fra kunden: hvad blev der sagt?")


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    people = {"anna": ("DPO",), "quinn": ("QA",), "sam": ("SYSADMIN",), "rita": ("RIGHTS", "CASEDOC")}
    async with served(tmp_path, **people) as made:
        yield made


def logged(site: Site, action: str) -> list[audit_log.Entry]:
    entries = site.running.archive.database.read_sync(lambda s: list(audit_log.entries(s)))
    return [each for each in entries if each.action == action]


@pytest.mark.asyncio
async def test_nobody_is_let_in_without_a_token_and_is_told_how_to_sign_in(site: Site) -> None:
    for route in ROUTES:
        if route.rule.public:
            continue
        path = route.path.replace("{", "").replace("}", "")
        status, problem = await site.ask(route.method, path)
        assert (status, problem["type"]) == (401, "/problems/sign-in-failed"), route.path
        assert problem["sign_in"] == ["token"] and "Log ind" not in problem["title"]
        assert site.headers["Content-Type"].startswith("application/problem+json")
        for name, value in HEADERS.items():
            assert site.headers[name] == value


@pytest.mark.asyncio
async def test_a_browser_signs_in_with_a_cookie_and_needs_the_csrf_token(
    site: Site,
) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.post(site.url("/session"), json={"token": "t1_wrong"}) as response:
            assert response.status == 401
        token = site.shop.tokens["anna"]
        async with browser.post(site.url("/session"), json={"token": token}) as response:
            assert response.status == 201
            cookie = response.headers["Set-Cookie"]
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and token not in cookie
        async with browser.get(site.url("/session"), headers={"Accept-Language": "en"}) as response:
            who = await response.json()
            assert who["person"]["id"] == "anna"
            assert [(role["name"], role["means"]) for role in who["roles"]] == [
                ("DPO", "data protection officer")
            ]
        url, capacity = site.url(f"/recordings/{site.shop.fresh}/listen"), {"Tast1-Reason": REASON}
        async with browser.post(url, headers=capacity) as response:
            assert response.status == 403
        async with browser.post(url, headers={**capacity, CSRF: who["csrf"]}) as response:
            assert response.status == 201
        async with browser.delete(site.url("/session"), headers={CSRF: who["csrf"]}) as response:
            assert response.status == 200 and await response.json() == {"leads_to": None}
        async with browser.get(site.url("/session")) as response:
            assert response.status == 401
    assert len(logged(site, "deny")) == 1, "the wrong token"


@pytest.mark.asyncio
async def test_a_session_ends_with_time_and_with_the_user(site: Site) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        for end in ("time", "user"):
            async with browser.post(site.url("/session"), json={"token": site.shop.tokens["quinn"]}) as it:
                assert it.status == 201
            if end == "time":
                site.running.clock = site.running.now() + timedelta(minutes=31)
            else:
                site.running.clock = None
                site.shop.tast1("users", "disable", "quinn")
            async with browser.get(site.url("/session")) as response:
                assert response.status == 401, end


@pytest.mark.asyncio
async def test_a_recording_is_heard_in_parts_logged_once_and_not_after_a_withdrawal(site: Site) -> None:
    recording = site.shop.fresh
    status, ways = await site.ask("GET", f"/artifacts/{recording}/ways", by="quinn")
    assert status == 200 and {way["role"] for way in ways} == {"QA"}
    purpose = ways[0]["purpose"]
    status, problem = await site.ask("POST", f"/recordings/{recording}/listen", by="quinn", Purpose="gossip")
    assert status == 403 and problem["rule"] in ("R-03", "R-50")
    status, opened = await site.ask("POST", f"/recordings/{recording}/listen", by="quinn", Purpose=purpose)
    assert status == 201
    url = str(site.server.make_url(opened["url"]))
    bearer = {"Authorization": f"Bearer {site.shop.tokens['quinn']}"}
    async with aiohttp.ClientSession(headers=bearer) as session:
        async with session.get(url) as response:
            whole = await response.read()
            assert response.status == 200 and response.headers["Accept-Ranges"] == "bytes"
        sound, rate = soundfile.read(io.BytesIO(whole))
        assert sound.shape == (16000, 2) and rate == 8000
        for wanted, expected in (
            ("bytes=0-99", whole[:100]),
            ("bytes=100-", whole[100:]),
            ("bytes=-50", whole[-50:]),
            (f"bytes=10-{len(whole) * 2}", whole[10:]),
        ):
            async with session.get(url, headers={"Range": wanted}) as response:
                assert response.status == 206 and await response.read() == expected, wanted
        async with session.get(url, headers={"Range": f"bytes={len(whole)}-"}) as response:
            assert response.status == 416
            assert response.headers["Content-Range"] == f"bytes */{len(whole)}"
        async with session.get(str(site.server.make_url(opened["peaks_url"]))) as response:
            peaks = await response.json()
            assert len(peaks["caller"]) == len(peaks["agent"]) == 2000 // peaks["milliseconds_per_point"]
            assert all(least < 0 < greatest for least, greatest in peaks["caller"])
        assert len(logged(site, "play")) == 1

        status, _ = await site.ask("GET", opened["url"].removeprefix(PREFIX), by="anna")
        assert status == 404, "what somebody opened is theirs"
        status, done = await site.ask(
            "POST", f"/calls/{site.shop.call}/withdraw", by="quinn", json={"channel": "mail"}
        )
        assert status == 200 and done["erased"] >= 1
        async with session.get(url) as response:
            assert response.status == 403
        async with session.get(url) as response:
            assert response.status == 404


@pytest.mark.asyncio
async def test_a_wrong_role_is_refused_and_it_is_logged(site: Site) -> None:
    status, problem = await site.ask("POST", "/calls/search", by="quinn", json={"number": "87654321"})
    assert (status, problem["rule"]) == (403, "R-50")
    assert "RIGHTS" in problem["detail"]
    assert [json.loads(each.detail) for each in logged(site, "deny")] == [{"route": "POST /calls/search"}]
    status, problem = await site.ask("GET", "/artifacts?kind=AUD", by="sam")
    assert status == 200
    status, problem = await site.ask("POST", f"/recordings/{site.shop.fresh}/listen", by="sam", Purpose="x")
    assert status == 403
    status, problem = await site.ask("GET", "/artifacts", by="sam", Role="QA")
    assert status == 403 and "QA" in problem["detail"], "nobody acts in a role they do not hold"


@pytest.mark.asyncio
async def test_somebody_without_a_role_sees_who_they_are_and_nothing_else(site: Site) -> None:
    site.shop.hire("nina")
    status, who = await site.ask("GET", "/session", by="nina")
    assert status == 200 and who["roles"] == []
    for route in ROUTES:
        if route.rule.public or route.rule.without_role:
            continue
        path = route.path.replace("{", "").replace("}", "")
        status, problem = await site.ask(route.method, path, by="nina")
        assert (status, problem["type"]) == (403, "/problems/not-allowed"), route.path


@pytest.mark.asyncio
async def test_a_stream_ends_when_the_role_is_taken_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ASKED_AGAIN_S", 0.1)
    bearer = {"Authorization": f"Bearer {site.shop.tokens['quinn']}"}
    async with (
        aiohttp.ClientSession(headers=bearer) as session,
        session.get(site.url("/live/events")) as followed,
    ):
        assert (await followed.content.readline()).startswith(b"event: calls")
        site.shop.tast1("users", "revoke", "quinn", "QA")
        await asyncio.wait_for(followed.content.read(), 20)


@pytest.mark.asyncio
async def test_a_token_is_told_once_also_with_an_idempotency_key(site: Site) -> None:
    bearer = {"Authorization": f"Bearer {site.shop.tokens['sam']}", "Idempotency-Key": "k1"}
    async with aiohttp.ClientSession(headers=bearer) as session:
        made = []
        for _ in range(2):
            async with session.post(site.url("/users/quinn/token"), json={}) as response:
                made.append((await response.json())["token"])
        assert made[0] != made[1]


@pytest.mark.asyncio
async def test_calls_are_listed_in_pages_and_found_by_number(site: Site) -> None:
    status, page = await site.ask("GET", "/calls?limit=1", by="anna")
    assert status == 200 and [each["call"] for each in page["items"]] == [site.shop.call]
    status, page = await site.ask("GET", f"/calls?limit=1&cursor={page['next']}", by="anna")
    assert [each["call"] for each in page["items"]] == [site.shop.old_call] and page["next"] is None
    status, problem = await site.ask("GET", "/calls?limit=0&color=red&cursor=x", by="anna")
    assert status == 422 and {each["key"] for each in problem["errors"]} == {"limit", "color"}
    status, problem = await site.ask("GET", "/calls?cursor=x", by="anna")
    assert status == 422 and problem["errors"][0]["key"] == "cursor"
    status, found = await site.ask(
        "POST", "/calls/search", by="anna", json={"number": "87 65 43 21"}, Reason=REASON
    )
    assert status == 200 and len(found["items"]) == 2
    assert "87654321" not in json.dumps(found)


@pytest.mark.asyncio
async def test_an_artifact_is_shown_with_its_grounds_and_why(site: Site) -> None:
    status, shown = await site.ask("GET", f"/artifacts/{site.shop.fresh[:10]}", by="sam")
    assert status == 200 and shown["facts"]["artifact"] == site.shop.fresh
    assert [each["ground"] for each in shown["grounds"]] == ["G-CONSENT"] and shown["certificate"] is None
    status, why = await site.ask("GET", f"/artifacts/{site.shop.fresh}/why", by="sam")
    assert status == 200 and "R-10" in why["why"]
    status, problem = await site.ask("GET", "/artifacts/nothing", by="sam")
    assert (status, problem["type"]) == (404, "/problems/not-found")


@pytest.mark.asyncio
async def test_a_request_with_an_idempotency_key_happens_once(site: Site) -> None:
    bearer = {"Authorization": f"Bearer {site.shop.tokens['anna']}", "Idempotency-Key": "k1"}
    url = site.url(f"/calls/{site.shop.call}/withdraw")
    async with aiohttp.ClientSession(headers=bearer) as session:
        told = []
        for _ in range(3):
            async with session.post(url, json={"channel": "letter"}) as response:
                assert response.status == 200
                told.append(await response.json())
        assert told[0] == told[1] == told[2] and told[0]["erased"] >= 1
        async with session.post(url, json={"channel": "mail"}) as response:
            assert response.status == 409
    assert len(logged(site, "withdrawn")) == 1


@pytest.mark.asyncio
async def test_what_ended_a_ground_is_told_in_the_language_asked_for(site: Site) -> None:
    status, done = await site.ask("POST", f"/calls/{site.shop.call}/withdraw", by="anna", json={})
    assert status == 200 and done["erased"] >= 1
    bearer = {"Authorization": f"Bearer {site.shop.tokens['anna']}"}
    told = {}
    for lang in ("da", "en"):
        async with (
            aiohttp.ClientSession(headers={**bearer, "Accept-Language": lang}) as session,
            session.get(site.url(f"/artifacts/{site.shop.fresh}")) as response,
        ):
            view = await response.json()
            told[lang] = {each["ended_by"] for each in view["certificate"]["lapsed"]}
            ended = {each["ended_by"] for each in view["grounds"] if each["ended_at"]}
            assert ended <= told[lang]
    assert told == {
        "da": {"kunden har tilbagekaldt samtykket (R-20)"},
        "en": {"the caller withdrew the consent (R-20)"},
    }


@pytest.mark.asyncio
async def test_what_the_rules_refuse_is_told_in_danish_too(site: Site) -> None:
    of = [site.shop.call, site.shop.old_call]
    told = await site.ask(
        "POST", "/investigations/C-1/forward", by="quinn", json={"calls": of, "reason": "x"}
    )
    assert told[0] == 200 and told[1]["refusals"] == [
        f"{site.shop.old_call}: der er ingen optagelse at videresende (R-40)"
    ]


@pytest.mark.asyncio
async def test_what_is_no_json_or_too_large_is_refused_in_one_shape(site: Site) -> None:
    url = site.url("/calls/search")
    bearer = {"Authorization": f"Bearer {site.shop.tokens['anna']}"}
    async with aiohttp.ClientSession(headers=bearer) as session:
        for body, kind, status in (
            (b"{", "application/json", 400),
            (b"[" * 5000, "application/json", 400),
            (b"{}", "text/plain", 400),
            (b"{}", "application/json", 422),
            (b"x" * (1 << 21), "application/json", 413),
        ):
            async with session.post(url, data=body, headers={"Content-Type": kind}) as response:
                assert response.status == status, body[:10]
                assert (await response.json(content_type=None))["status"] == status
        async with session.put(url, json={}) as response:
            assert response.status == 405 and "POST" in response.headers["Allow"]


def test_a_route_without_a_rule_does_not_start(tmp_path: Path) -> None:
    app = api_app(None)  # type: ignore[arg-type]
    check(app)

    async def open_to_all(_: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get(f"{PREFIX}/secret", open_to_all)
    with pytest.raises(ValueError, match=r"no rule: .*GET /api/v1/secret"):
        check(app)
    with pytest.raises(TypeError):
        Routes("x").get("/secret")  # type: ignore[call-arg]
    assert all(isinstance(route.rule, Rule) for route in ROUTES)


@pytest.mark.asyncio
async def test_who_asks_too_often_is_told_when_to_come_back(site: Site) -> None:
    site.server.app[SERVICE].rate = Buckets(per_s=0.1, burst=3)
    statuses = [(await site.ask("GET", "/openapi.json"))[0] for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429] and 1 <= int(site.headers["Retry-After"]) <= 10
    site.server.app[SERVICE].rate = Buckets(per_s=1e6, burst=1e6)
    good = {"token": site.shop.tokens["anna"]}
    assert {(await site.ask("POST", "/session", json=good))[0] for _ in range(12)} == {201}
    tried = [(await site.ask("POST", "/session", json={"token": "guess"}))[0] for _ in range(12)]
    assert tried.count(401) == 10 and tried[-1] == 429


@pytest.mark.asyncio
async def test_what_a_reload_would_change_is_told_with_every_mistake(site: Site) -> None:
    config = site.shop.config
    before = config.read_text()
    config.write_text(before + "ivr:\n  timeout_s: 7\n")
    status, told = await site.ask("POST", "/config/reload", by="sam", json={"dry_run": True})
    assert status == 200 and told["taken"] and told["mistakes"] == []
    assert [(one["key"], one["before"], one["after"]) for one in told["changes"]] == [
        ("ivr.timeout_s", "5.0", "7.0")
    ]
    config.write_text(before + "ivr:\n  timeout_s: 70\n  repeat: 9\n")
    status, told = await site.ask("POST", "/config/reload", by="sam", json={"dry_run": True})
    assert status == 200 and not told["taken"] and told["changes"] == []
    assert [one["key"] for one in told["mistakes"]] == ["ivr.timeout_s", "ivr.repeat"]
    status, _ = await site.ask("POST", "/config/reload", by="anna", json={})
    assert status == 403
