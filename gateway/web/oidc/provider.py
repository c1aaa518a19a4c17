"""What an OpenID Connect provider is asked: its configuration, its keys, tokens for a code, claims.

Configuration and keys are kept for `KEPT_S`; a token signed with a key that is not known has the keys fetched
anew, at most every `AGAIN_S`. Nothing is asked before somebody signs in: a gateway starts without its
provider, and calls never wait for it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

import aiohttp
from joserfc import jwk

from gateway.web.oidc.tokens import TokenRefused, UnknownKey, Verified, public_keys, verified

KEPT_S = 3600.0
AGAIN_S = 60.0
TIMEOUT_S = 10.0
ANSWER_BYTES = 1 << 20
CALLBACK = "/api/v1/sign-in/oidc/callback"
SIGNED_OUT = "/console/"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OidcSettings:
    """`web.oidc`, with the secret read. `organisation`: of the users that are made."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_base: str
    scopes: tuple[str, ...]
    user_claim: str
    role_claim: str
    roles: Mapping[str, str]
    api_audience: str | None
    end_session: bool
    ca_file: Path | None
    organisation: str

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to."""
        return self.redirect_base + CALLBACK

    @property
    def signed_out_uri(self) -> str:
        """Where the provider sends browsers back to that have signed out."""
        return self.redirect_base + SIGNED_OUT


class ProviderFailed(Exception):
    """The provider cannot be reached, or does not answer as OpenID Connect says."""


@dataclass(frozen=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


class Provider:
    """The provider of the settings. `close` when done."""

    def __init__(self, settings: OidcSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self._lock = asyncio.Lock()
        self._configuration: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, list[jwk.Key]] | None = None

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.close()

    async def configuration(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery §4). `ProviderFailed`."""
        async with self._lock:
            return await self._configured()

    async def verify(self, token: str) -> Verified:
        """A token whose signature is the provider's. `TokenRefused`, `ProviderFailed`."""
        try:
            return verified(token, await self._known_keys())
        except UnknownKey:
            return verified(token, await self._known_keys(AGAIN_S))

    async def exchange(self, code: str, verifier: str) -> Tokens:
        """The tokens for a code (RFC 6749 §4.1.3). `TokenRefused` "code" when the provider refuses it."""
        settings, configuration = self.settings, await self.configuration()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        ways = configuration.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if settings.client_secret and "client_secret_basic" in ways:
            # RFC 6749 §2.3.1: both are encoded like a form before they are joined.
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = settings.client_id
            if settings.client_secret:
                form["client_secret"] = settings.client_secret
        url = endpoint(configuration, "token_endpoint", settings.issuer)
        status, told = await self._ask("POST", url, headers, form)
        if status == 400:
            raise TokenRefused("code")
        if status != 200:
            raise ProviderFailed(f"the token endpoint answered {status}")
        id_token, access_token = told.get("id_token"), told.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise ProviderFailed("the token endpoint gave no tokens")
        return Tokens(id_token, access_token)

    async def userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        """More claims of who signed in (OpenID Connect Core §5.3); none where there is no such endpoint."""
        configuration = await self.configuration()
        if "userinfo_endpoint" not in configuration:
            return {}
        url = endpoint(configuration, "userinfo_endpoint", self.settings.issuer)
        status, told = await self._ask("GET", url, {"Authorization": f"Bearer {access_token}"})
        if status != 200:
            raise ProviderFailed(f"the userinfo endpoint answered {status}")
        if told.get("sub") != subject:  # §5.3.2: or somebody else's claims are taken for theirs
            raise TokenRefused("subject")
        return told

    async def _known_keys(self, older_than_s: float = KEPT_S) -> list[jwk.Key]:
        async with self._lock:
            if self._keys is None or self._clock() - self._keys[0] >= older_than_s:
                configuration = await self._configured()
                url = endpoint(configuration, "jwks_uri", self.settings.issuer)
                status, told = await self._ask("GET", url)
                if status != 200:
                    raise ProviderFailed(f"the keys' address answered {status}")
                self._keys = (self._clock(), public_keys(told))
            return self._keys[1]

    async def _configured(self) -> dict[str, Any]:
        if self._configuration is None or self._clock() - self._configuration[0] >= KEPT_S:
            issuer = self.settings.issuer
            status, told = await self._ask("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
            if status != 200:
                raise ProviderFailed(f"its configuration's address answered {status}")
            if told.get("issuer") != issuer:
                raise ProviderFailed("its configuration names another issuer than web.oidc.issuer")
            self._configuration = (self._clock(), told)
        return self._configuration[1]

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, form: Any = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON object; {} where it is none. No redirect is followed: secrets would go with it."""
        try:
            async with self._session().request(
                method,
                url,
                headers={"Accept": "application/json", **(headers or {})},
                data=form,
                allow_redirects=False,
            ) as response:
                raw = await response.content.read(ANSWER_BYTES)
                while len(raw) < ANSWER_BYTES and (more := await response.content.read(ANSWER_BYTES)):
                    raw += more
                status = response.status
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            log.warning("the identity provider cannot be reached", extra={"kind": type(error).__name__})
            raise ProviderFailed("it cannot be reached") from None
        try:
            told = json.loads(raw)
        except (ValueError, RecursionError):
            told = {}
        return status, told if isinstance(told, dict) else {}

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            ca = self.settings.ca_file
            context = ssl.create_default_context(cafile=str(ca) if ca else None)
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context, limit=8),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http


def endpoint(configuration: Mapping[str, Any], name: str, issuer: str) -> str:
    """An address that the provider names; over TLS if the provider itself is."""
    url = configuration.get(name)
    if not isinstance(url, str) or urlsplit(url).scheme not in ("https", urlsplit(issuer).scheme):
        raise ProviderFailed(f"its configuration names no {name}")
    return url
