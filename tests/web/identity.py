"""A real identity provider (npm's oidc-provider) behind a front that can forge its answers, and a browser.

The front is the issuer: what the gateway asks goes through it, and a test says what is changed on the way.
The provider's keys are the tests' own, so what is forged can be signed as well as the provider itself would.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from joserfc import jwk, jws
from multidict import CIMultiDict
from yarl import URL

FOLDER = Path(__file__).parent / "provider"
CLIENT, SECRET, AUDIENCE = "tast1", "a secret: with / and %", "https://tast1.example/api"
PEOPLE: dict[str, dict[str, Any]] = {
    "anna": {"name": "Anna", "preferred_username": "anna.a", "groups": ["tast1-dpo", "canteen"]},
    "quinn": {"name": "Quinn", "preferred_username": "sam", "groups": ["tast1-qa"]},
    "248289761001": {"name": "Nobody Special", "preferred_username": "x", "groups": ["canteen"]},
    "Bo-With A Long Subject": {"name": "Bo", "preferred_username": "bo", "groups": ["tast1-qa"]},
}
ROLES = {"tast1-dpo": "DPO", "tast1-qa": "QA"}
_OF_A_CONNECTION = ("Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date", "Server")

Change = Callable[[dict[str, Any]], dict[str, Any]]


def or_skip() -> None:
    """Skip where the provider is not installed; `make packages` installs it."""
    if shutil.which("node") is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("no identity provider: make packages")


def new_keys() -> dict[str, Any]:
    """A private key for each algorithm."""
    made = {
        "RS256": jwk.JWKRegistry.generate_key("RSA", 2048),
        "ES256": jwk.JWKRegistry.generate_key("EC", "P-256"),
        "EdDSA": jwk.JWKRegistry.generate_key("OKP", "Ed25519"),
    }
    return {
        name: {**key.as_dict(private=True), "kid": f"{name}-{time.time_ns()}", "use": "sig", "alg": name}
        for name, key in made.items()
    }


def signed(claims: dict[str, Any], key: dict[str, Any], **header: Any) -> str:
    """A token, signed with a key, whatever its header says."""
    top = {"alg": key["alg"], "kid": key["kid"], "typ": "JWT", **header}
    text = f"{packed(top)}.{packed(claims)}"
    private = jwk.JWKRegistry.import_key({name: value for name, value in key.items() if name != "alg"})
    made = jws.JWSRegistry.algorithms[top["alg"]].sign(text.encode(), private)
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def packed(value: dict[str, Any]) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    """What a token says; nothing is verified."""
    found: dict[str, Any] = json.loads(unpadded(token.split(".")[1]))
    return found


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Identity:
    """A provider that runs. `tokens`, `keys_shown`, `configuration`: change its answers, if set."""

    def __init__(self, issuer: str, keys: dict[str, Any]) -> None:
        self.issuer = issuer
        self.keys = keys
        self.answered: list[dict[str, Any]] = []  # tokens that were given out
        self.asked: list[str] = []  # paths
        self.tokens: Change = lambda answer: answer
        self.keys_shown: Change = lambda answer: answer
        self.configuration: Change = lambda answer: answer
        self.process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def change(self, person: str, **claims: Any) -> None:
        """The provider says something else of a person from now on."""
        line = json.dumps({person: {**PEOPLE[person], **claims}})
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    def id_token(
        self, algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any
    ) -> Change:
        """Answers with an id_token that says something else, signed by the provider; None: left out."""

        def change(answer: dict[str, Any]) -> dict[str, Any]:
            told = {**claims_of(answer["id_token"]), **claims}
            told = {name: value for name, value in told.items() if value is not None}
            return {**answer, "id_token": signed(told, self.keys[algorithm], **(header or {}))}

        return change

    async def forward(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        headers = {name: value for name, value in request.headers.items() if name != "Accept-Encoding"}
        async with (
            aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                request.method,
                f"http://127.0.0.1:{self.port}{request.path_qs}",
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as response,
        ):
            body, status = await response.read(), response.status
            kept = [(name, value) for name, value in response.headers.items() if name not in _OF_A_CONNECTION]
        if request.path == "/token" and status == 200:
            answer = json.loads(body)
            self.answered.append(answer)
            body = json.dumps(self.tokens(answer)).encode()
        elif request.path == "/jwks":
            body = json.dumps(self.keys_shown(json.loads(body))).encode()
        elif request.path == "/.well-known/openid-configuration":
            body = json.dumps(self.configuration(json.loads(body))).encode()
        return web.Response(status=status, body=body, headers=CIMultiDict(kept))


@contextlib.asynccontextmanager
async def provider(redirect_base: str, algorithm: str = "RS256") -> AsyncIterator[Identity]:
    """A provider with one client, whose id_tokens are signed by an algorithm."""
    or_skip()
    keys = new_keys()
    app = web.Application()
    runner = web.AppRunner(app, access_log=None)
    made = Identity("", keys)
    app.router.add_route("*", "/{path:.*}", made.forward)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [f"{redirect_base}/api/v1/sign-in/oidc/callback"],
        "post_logout_redirect_uris": [f"{redirect_base}/console/"],
        "grant_types": ["authorization_code", "client_credentials"],
        "response_types": ["code"],
        "id_token_signed_response_alg": algorithm,
    }
    told = {
        "issuer": made.issuer,
        "clients": [client],
        "keys": list(keys.values()),
        "people": PEOPLE,
        "audience": AUDIENCE,
    }
    made.process = await asyncio.create_subprocess_exec(
        "node",
        "provider.mjs",
        cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert made.process.stdin is not None and made.process.stdout is not None
    try:
        made.process.stdin.write(json.dumps(told).encode() + b"\n")
        while not (line := (await made.process.stdout.readline()).strip()).isdigit():
            assert line or made.process.returncode is None, "the provider did not start"
        made.port = int(line)
        yield made
    finally:
        made.process.stdin.close()
        await made.process.wait()
        await runner.cleanup()


class Browser:
    """A browser: it keeps cookies, follows redirects one by one and fills in the provider's forms."""

    def __init__(self) -> None:
        self.http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers={"Accept": "text/html", "Accept-Language": "en"},
        )
        self.status = 0
        self.page = ""
        self.cookies: list[str] = []
        self.callback = ""

    async def get(self, url: str) -> None:
        """Load a page, without following where it leads."""
        await self._load("GET", url)

    async def sign_in(self, url: str, person: str) -> None:
        """Begin at `url`, sign in at the provider, and load the page that it leads back to."""
        await self.go_as_far_as_the_callback(url, person)
        await self._load("GET", self.callback)

    async def go_as_far_as_the_callback(self, url: str, person: str) -> None:
        """The same, but what the provider leads back to is not loaded; see `callback`."""
        method, form = "GET", None
        for _ in range(20):
            place = await self._load(method, url, form)
            if place is not None and URL(place).path.endswith("/sign-in/oidc/callback"):
                self.callback = place
                return
            if place is not None:
                method, url, form = "GET", place, None
                continue
            action = re.search(r'action="([^"]+)"', self.page)
            prompt = re.search(r'name="prompt" value="([^"]+)"', self.page)
            assert action and prompt, f"{self.status}: {self.page[:500]}"
            method, url = "POST", action[1]
            form = {"prompt": prompt[1], "login": person, "password": "any"}
        raise AssertionError("the provider leads nowhere")

    async def _load(self, method: str, url: str, form: Any = None) -> str | None:
        async with self.http.request(method, url, data=form, allow_redirects=False) as response:
            self.status, self.page = response.status, await response.text()
            self.cookies = response.headers.getall("Set-Cookie", [])
            place = response.headers.get("Location")
            return str(response.url.join(URL(place))) if place else None

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
