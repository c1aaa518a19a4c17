"""Signing in and out, who one is, and what the API is."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, Field

from gateway.texts import LANGUAGES, TEXTS
from gateway.web.api.ask import Ask
from gateway.web.api.openapi import contract
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.route import PUBLIC, SIGNED_IN, Routes
from gateway.web.api.serve import SERVICE
from gateway.web.api.sessions import COOKIE
from gateway.web.oidc.provider import ProviderFailed
from storage import people
from storage.people import SignInFailed
from storage.policy.duties import PROCESSOR_MEANS, ROLES

log = logging.getLogger(__name__)
routes = Routes("session")


class Token(Given):
    """A token, as `tast1 users token` shows it once."""

    token: str = Field(min_length=1, max_length=200)


class Who(BaseModel):
    """Somebody, without a name: the name is in the access list only."""

    id: str
    organisation: str


class HeldRole(BaseModel):
    """A role somebody holds. `means`: what it is called in the language asked for."""

    name: str
    expires_at: datetime | None
    means: str


class SessionView(BaseModel):
    """Who is signed in. `csrf`: for the header X-CSRF-Token; null for a program with a token."""

    person: Who
    roles: list[HeldRole]
    csrf: str | None
    expires_at: datetime | None


class SignedOut(BaseModel):
    """That nobody is signed in any more. `leads_to`: where a browser ends the provider's session, or null."""

    leads_to: str | None


@routes.get("/session", rule=SIGNED_IN)
async def show(ask: Ask) -> SessionView:
    """Who is signed in, and the roles they hold."""
    return _view(ask)


@routes.post("/session", rule=PUBLIC, problems=("sign-in-failed",), status=201)
async def begin(ask: Ask, body: Token) -> SessionView:
    """Sign a browser in with a token; the answer sets the session's cookie."""
    service, source = ask.request.app[SERVICE], ask.request.remote or ""
    wait_s = service.sign_ins.wait_s(source, time.monotonic())
    if wait_s:
        raise Problem("too-many-requests", headers={"Retry-After": str(int(wait_s) + 1)})
    if ask.request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Problem("not-allowed", "sign in from this gateway's own pages")
    try:
        ask.person = await service.sessions.by_token(ask.desk.db, body.token, ask.at, "web")
    except SignInFailed as failed:
        actor = {"id": "nobody", "role": "", "channel": "web"}
        await ask.write(lambda s: people.note_failed(s, ask.at, actor))
        ways = list(service.sign_in_ways)
        raise Problem("sign-in-failed", str(failed), sign_in=ways) from None
    service.sign_ins.give_back(source)  # many people may come from one address, at nine on a Monday
    ask.session = service.sessions.begin(ask.person.id, ask.at)
    ask.notes["cookie"] = lambda response: service.sessions.put_cookie(response, ask.session)
    return _view(ask)


@routes.delete("/session", rule=SIGNED_IN)
async def end(ask: Ask) -> SignedOut:
    """Sign out. Who came through an identity provider is led there, to end the session there as well."""
    service, session = ask.request.app[SERVICE], ask.session
    leads_to = None
    if session is not None:
        service.sessions.end(session)
        if session.provided and service.provider is not None:
            try:
                leads_to = await service.provider.sign_out(session.id_token)
            except ProviderFailed as failed:  # signed out here all the same
                log.warning("nobody can be signed out at the identity provider", extra={"why": str(failed)})
    ask.notes["cookie"] = lambda response: response.del_cookie(COOKIE, path="/")
    return SignedOut(leads_to=leads_to)


def _view(ask: Ask) -> SessionView:
    return SessionView(
        person=Who(id=ask.person.id, organisation=ask.person.organisation),
        roles=[
            HeldRole(name=role.name, expires_at=role.expires_at, means=_means(role.name, ask.lang))
            for role in ask.person.roles
        ],
        csrf=ask.session.csrf if ask.session else None,
        expires_at=ask.session.expires_at if ask.session else None,
    )


def _means(role: str, lang: str) -> str:
    return ROLES.get(role, PROCESSOR_MEANS)[LANGUAGES.index(lang)]


meta = Routes("meta")


@meta.get("/openapi.json", rule=PUBLIC)
async def openapi(ask: Ask) -> dict[str, Any]:
    """The contract of this API (OpenAPI 3.1)."""
    return contract(ask.request.app[SERVICE].routes, version("tast1"))


@meta.get("/texts/{lang}", rule=PUBLIC)
async def texts(ask: Ask, lang: str) -> dict[str, str]:
    """What codes are called (kinds, grounds, states, actions, ...), in `da` or `en`."""
    if lang not in LANGUAGES:
        raise Problem("not-found")
    return {key: both[LANGUAGES.index(lang)] for key, both in TEXTS.items()}
