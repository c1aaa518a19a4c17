"""From a provider's word to a person here: signing a browser in, and access tokens of programs.

What is refused is `storage.provided.NotVouched` with a code; what the provider fails at, `ProviderFailed`.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from gateway.web.oidc.flow import Begun, Flows
from gateway.web.oidc.provider import OidcSettings, Provider, ProviderFailed, endpoint
from gateway.web.oidc.tokens import TokenRefused, check_access_token, check_id_token, claim, values
from storage import provided
from storage.database import Database
from storage.people import Person
from storage.provided import NotVouched, Vouched

MOST_TOKENS = 2000
HINT_CHARACTERS = 4000
"""The longest id_token that goes into an address when somebody signs out; many servers take 8 KB in all."""
_NOTED_EVERY = timedelta(minutes=10)


@dataclass(frozen=True)
class CameBack:
    """What a browser brings back from the provider (RFC 6749 §4.1.2; `issuer`: RFC 9207)."""

    state: str
    browser: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True)
class SignedIn:
    """Somebody who has come back from the provider, the sign-in that this ends, and its id_token."""

    person: Person
    begun: Begun
    id_token: str = field(repr=False)


class ProviderSignIn:
    """Signing in through one provider. `close` when done."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self.provider = Provider(settings)
        self.flows = Flows()
        self._noted: OrderedDict[str, datetime] = OrderedDict()

    @property
    def secure(self) -> bool:
        """Whether browsers reach this gateway over TLS."""
        return self.settings.redirect_base.startswith("https:")

    async def close(self) -> None:
        """Let go of connections."""
        await self.provider.close()

    async def begin(self, browser: str, next_path: str, lang: str, at: datetime) -> tuple[str, Begun]:
        """Where to send a browser that signs in, and what waits for it. `ProviderFailed`."""
        configuration = await self.provider.configuration()
        url = configuration.get("authorization_endpoint")
        if not isinstance(url, str) or urlsplit(url).scheme not in ("https", "http"):
            raise ProviderFailed("its configuration names no authorization_endpoint")
        begun = self.flows.begin(browser, next_path, at)
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge,
            "code_challenge_method": "S256",
            "ui_locales": lang,
        }
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}", begun

    async def sign_out(self, id_token: str) -> str | None:
        """Where to send a browser to end its session at the provider, too; None: it does not offer that.

        OpenID Connect RP-Initiated Logout 1.0 §2. `id_token`: what it signed in with, by which the provider
        knows whose session is meant. It leads back to `signed_out_uri`. `ProviderFailed`.
        """
        configuration = await self.provider.configuration()
        if not self.settings.end_session or "end_session_endpoint" not in configuration:
            return None
        url = endpoint(configuration, "end_session_endpoint", self.settings.issuer)
        told = {
            "client_id": self.settings.client_id,
            "post_logout_redirect_uri": self.settings.signed_out_uri,
        }
        if id_token and len(id_token) <= HINT_CHARACTERS:
            told["id_token_hint"] = id_token
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(told)}"

    async def finish(self, db: Database, back: CameBack, at: datetime) -> SignedIn:
        """Who has signed in, and where they wanted to go. `NotVouched`, `ProviderFailed`."""
        try:
            begun = self.flows.take(back.state, back.browser, at)
            vouched, id_token = await self._vouched(back, begun, at)
        except TokenRefused as refused:
            raise NotVouched(refused.why) from None
        organisation = self.settings.organisation
        person = await db.write(lambda s: provided.sign_in(s, vouched, organisation, at, "web"))
        if not person.roles:  # what the provider took away stays taken away
            raise NotVouched("no_role")
        return SignedIn(person, begun, id_token)

    async def bearer(self, db: Database, token: str, at: datetime) -> Person:
        """Whose access token it is. `NotVouched`, `ProviderFailed`.

        What the token says of roles is taken over when it is new here, and every ten minutes.
        """
        settings = self.settings
        if settings.api_audience is None:
            raise NotVouched("not_configured")
        try:
            read = await self.provider.verify(token)
            check_access_token(
                read,
                issuer=settings.issuer,
                audience=settings.api_audience,
                client_id=settings.client_id,
                now=at.timestamp(),
            )
        except TokenRefused as refused:
            raise NotVouched(refused.why) from None
        vouched = self._of_claims(read.claims, whole=False)
        if not self._is_noted(token, at):
            organisation = settings.organisation
            person = await db.write(lambda s: provided.sign_in(s, vouched, organisation, at, "api"))
            self._note(token, at)
            return person
        return await db.read(lambda s: provided.known(s, settings.issuer, vouched.subject, at, "api"))

    async def _vouched(self, back: CameBack, begun: Begun, at: datetime) -> tuple[Vouched, str]:
        settings = self.settings
        configuration = await self.provider.configuration()
        promised = configuration.get("authorization_response_iss_parameter_supported") is True
        if (back.issuer or promised) and back.issuer != settings.issuer:
            raise TokenRefused("issuer")
        if back.error or not back.code:
            raise TokenRefused("denied")
        tokens = await self.provider.exchange(back.code, begun.verifier)
        read = await self.provider.verify(tokens.id_token)
        check_id_token(
            read,
            issuer=settings.issuer,
            client_id=settings.client_id,
            nonce=begun.nonce,
            access_token=tokens.access_token,
            now=at.timestamp(),
        )
        claims = dict(read.claims)
        if any(claim(claims, name) is None for name in (settings.role_claim, settings.user_claim)):
            claims = {**await self.provider.userinfo(tokens.access_token, claims["sub"]), **claims}
        return self._of_claims(claims, whole=True), tokens.id_token

    def _of_claims(self, claims: Mapping[str, Any], whole: bool) -> Vouched:
        """`whole`: these are all claims there are, so one that is missing says that there are no roles."""
        settings = self.settings
        given = claim(claims, settings.role_claim)
        roles: frozenset[str] | None = frozenset() if whole else None
        if given is not None:
            roles = frozenset(settings.roles[each] for each in values(given) if each in settings.roles)
        proposed, name = claim(claims, settings.user_claim), claims.get("name")
        return Vouched(
            settings.issuer,
            claims["sub"],
            proposed if isinstance(proposed, str) else "",
            name[:255] if isinstance(name, str) else "",
            roles,
        )

    def _is_noted(self, token: str, at: datetime) -> bool:
        noted = self._noted.get(_hash(token))
        return noted is not None and at - noted < _NOTED_EVERY

    def _note(self, token: str, at: datetime) -> None:
        self._noted.pop(_hash(token), None)
        self._noted[_hash(token)] = at
        if len(self._noted) > MOST_TOKENS:
            self._noted.popitem(last=False)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
