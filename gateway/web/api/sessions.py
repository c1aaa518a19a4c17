"""Who is signed in: sessions of browsers, and tokens of programs.

Promises:
1. A session is in memory only, known by a random name that a cookie holds (HttpOnly, SameSite=Strict); it
   ends after `IDLE` without use, after `WHOLE` in any case, and with the gateway.
2. Roles are looked up anew for every request: a role that was taken away is gone at once.
3. What a browser changes needs the session's CSRF token in a header, which no other site can send.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web

from gateway.web.api.problems import Problem
from gateway.web.oidc.sign_in import ProviderSignIn
from storage import people
from storage.database import Database
from storage.people import Person, SignInFailed

COOKIE = "tast1_session"
CSRF = "X-CSRF-Token"
IDLE = timedelta(minutes=30)
WHOLE = timedelta(hours=10)
MOST = 2000
"""Sessions at once; the one that was idle longest makes room."""

_USED_EVERY = timedelta(minutes=10)


@dataclass
class Signed:
    """A session."""

    user: str
    name: str
    csrf: str
    began_at: datetime
    used_at: datetime
    id_token: str = field(default="", repr=False)  # of the identity provider that vouched, to sign out there
    provided: bool = False  # whether an identity provider vouched

    @property
    def expires_at(self) -> datetime:
        """When it ends if it is not used."""
        return min(self.used_at + IDLE, self.began_at + WHOLE)


@dataclass
class Sessions:
    """The sessions of one gateway."""

    secure: bool = False  # whether the cookie is for TLS only
    provider: ProviderSignIn | None = None  # whose access tokens are taken too
    _by_name: dict[str, Signed] = field(default_factory=dict)
    _noted: dict[str, datetime] = field(default_factory=dict)

    def begin(self, user: str, at: datetime, id_token: str | None = None) -> Signed:
        """A new session of somebody who has just signed in, with a provider's `id_token` or without one."""
        if len(self._by_name) >= MOST:
            del self._by_name[min(self._by_name, key=lambda name: self._by_name[name].used_at)]
        signed = Signed(user, secrets.token_urlsafe(32), secrets.token_urlsafe(24), at, at)
        signed.id_token, signed.provided = id_token or "", id_token is not None
        self._by_name[_hash(signed.name)] = signed
        return signed

    def end(self, signed: Signed) -> None:
        """Sign out."""
        self._by_name.pop(_hash(signed.name), None)

    def end_of_user(self, user: str) -> None:
        """Sign somebody out everywhere."""
        for name in [name for name, signed in self._by_name.items() if signed.user == user]:
            del self._by_name[name]

    def find(self, request: web.Request, at: datetime) -> Signed | None:
        """The session of a request's cookie, if it goes on."""
        name = _hash(request.cookies.get(COOKIE, ""))
        signed = self._by_name.get(name)
        if signed is None:
            return None
        if signed.expires_at <= at:
            del self._by_name[name]
            return None
        signed.used_at = at
        return signed

    def put_cookie(self, response: web.StreamResponse, signed: Signed) -> None:
        """Give the browser its cookie."""
        response.set_cookie(
            COOKIE, signed.name, httponly=True, samesite="Strict", secure=self.secure, path="/"
        )

    async def person(self, db: Database, request: web.Request, at: datetime) -> tuple[Person, Signed | None]:
        """Who asks. `SignInFailed` for nobody, `Problem` for a browser without the CSRF token."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer":
                raise SignInFailed("sign in with: Authorization: Bearer TOKEN")
            if self.provider is not None and token.count(".") == 2:
                return await self.provider.bearer(db, token, at), None
            return await self.by_token(db, token, at), None
        signed = self.find(request, at)
        if signed is None:
            raise SignInFailed("nobody is signed in")
        if request.method not in ("GET", "HEAD") and not hmac.compare_digest(
            request.headers.get(CSRF, "").encode(), signed.csrf.encode()
        ):
            raise Problem("not-allowed", f"the header {CSRF} must hold the session's token (GET /session)")
        with _gone(self, signed):
            return await db.read(lambda s: people.person(s, signed.user, at, "web")), signed

    async def by_token(self, db: Database, token: str, at: datetime, channel: str = "api") -> Person:
        """Whose token it is. When it was last used is noted every ten minutes."""
        person = await db.read(lambda s: people.sign_in(s, token, at, channel))
        noted = self._noted.get(person.id)
        if noted is None or at - noted > _USED_EVERY:
            self._noted[person.id] = at
            await db.write(lambda s: people.sign_in(s, token, at, channel))
        return person


@contextmanager
def _gone(sessions: Sessions, signed: Signed) -> Iterator[None]:
    """Who is disabled has no sessions any more."""
    try:
        yield
    except SignInFailed:
        sessions.end_of_user(signed.user)
        raise


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
