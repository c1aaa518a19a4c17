"""Signing a browser in through an identity provider: there, and back.

The session's cookie is SameSite=Strict: no other site can make a browser send it. So neither does the
provider's redirect back, nor any redirect that follows from it; a session found in that way would seem not
to be there. Therefore:

* What ties the answer to the browser is a cookie of its own, `FLOW`: SameSite=Lax, which a top-level GET from
  elsewhere does carry, only below the sign-in's path, for ten minutes, and good for nothing else.
* The callback answers with a page, not with a redirect. The page leads on by itself, and that navigation
  begins on this site: the session's cookie goes with it.
"""

from __future__ import annotations

import logging
import time
from html import escape
from typing import Annotated
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.texts import text
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.route import PUBLIC, Routes
from gateway.web.api.serve import PREFIX, SERVICE, Service
from gateway.web.oidc.flow import LASTS
from gateway.web.oidc.provider import ProviderFailed
from gateway.web.oidc.sign_in import CameBack, ProviderSignIn
from storage import people
from storage.provided import NotVouched

FLOW = "tast1_sign_in"
PATH = "/sign-in/oidc"

log = logging.getLogger(__name__)
routes = Routes("session")


def _path_here(value: str) -> str:
    parts = urlsplit(value)
    harmless = value.isprintable() and "\\" not in value and " " not in value
    if not value.startswith("/") or value.startswith("//") or parts.scheme or parts.netloc or not harmless:
        raise ValueError("must be a path of this host, such as /console/")
    return value


class Begin(Given):
    """Where to go once signed in."""

    next: Annotated[str, AfterValidator(_path_here)] = Field(
        "/console/", max_length=1000, description="A path of this host."
    )


class Back(BaseModel):
    """What the provider sends a browser back with; what else it adds is left alone."""

    model_config = ConfigDict(extra="ignore")

    state: str = Field("", max_length=200, description="As it was sent there.")
    code: str = Field("", max_length=4000, description="To be exchanged for tokens, once.")
    error: str = Field("", max_length=200, description="Why there is no code.")
    iss: str = Field("", max_length=1000, description="Who answers (RFC 9207).")


@routes.get(PATH, rule=PUBLIC, media=("text/html",), problems=("not-found",), status=303)
async def provider(ask: Ask, query: Begin) -> web.Response:
    """Sign in through the identity provider: leads there and back to `next`. 404 without one."""
    service, way = _way(ask)
    try:
        url, begun = await way.begin(ask.request.cookies.get(FLOW, ""), query.next, ask.lang, ask.at)
    except ProviderFailed as failed:
        return _answer(ask, _unavailable(ask, failed))
    response = web.Response(status=303, headers={"Location": url})
    response.set_cookie(
        FLOW,
        begun.browser,
        max_age=int(LASTS.total_seconds()),
        path=PREFIX + PATH,
        httponly=True,
        samesite="Lax",
        secure=service.sessions.secure,
    )
    return response


@routes.get(f"{PATH}/callback", rule=PUBLIC, media=("text/html",), problems=("sign-in-failed", "not-found"))
async def back(ask: Ask, query: Back) -> web.Response:
    """Where the identity provider sends the browser back to; answers with a page that leads on."""
    service, way = _way(ask)
    browser = ask.request.cookies.get(FLOW, "")
    came = CameBack(query.state, browser, query.code, query.error, query.iss)
    try:
        signed = await way.finish(ask.desk.db, came, ask.at)
    except ProviderFailed as failed:
        return _answer(ask, _unavailable(ask, failed))
    except NotVouched as refused:
        return _answer(ask, await _refused(ask, service, refused))
    session = service.sessions.begin(signed.person.id, ask.at, signed.id_token)
    leads_to = signed.begun.next
    response = _page(ask, "signed_in", text("oidc.signed_in.detail", ask.lang), leads_to, goes_on=True)
    service.sessions.put_cookie(response, session)
    if not way.flows.waits(browser):
        response.del_cookie(FLOW, path=PREFIX + PATH)
    return response


def _way(ask: Ask) -> tuple[Service, ProviderSignIn]:
    service = ask.request.app[SERVICE]
    if service.provider is None:
        raise Problem("not-found")
    return service, service.provider


async def _refused(ask: Ask, service: Service, refused: NotVouched) -> Problem:
    wait_s = service.sign_ins.wait_s(ask.request.remote or "", time.monotonic())
    if wait_s:
        return Problem("too-many-requests", headers={"Retry-After": str(int(wait_s) + 1)})
    actor = {"id": "nobody", "role": "", "channel": "web"}
    await ask.write(lambda s: people.note_failed(s, ask.at, actor, way="oidc", why=refused.why))
    return Problem("sign-in-failed", str(refused), sign_in=list(service.sign_in_ways))


def _unavailable(ask: Ask, failed: ProviderFailed) -> Problem:
    log.warning("sign-in through the identity provider failed", extra={"why": str(failed)})
    return Problem("unavailable", text("oidc.unavailable", ask.lang))


def _answer(ask: Ask, problem: Problem) -> web.Response:
    """A problem, as a page for a browser."""
    if "text/html" not in ask.request.headers.get("Accept", ""):
        raise problem
    detail = problem.body(ask.lang)["detail"]
    response = _page(ask, problem.name, str(detail), PREFIX + PATH, goes_on=False)
    response.set_status(problem.status)
    response.headers.update(problem.headers)
    return response


def _page(ask: Ask, name: str, detail: str, link: str, goes_on: bool) -> web.Response:
    """A page without anything from elsewhere: a sentence and a link, which it follows by itself or not."""
    lang, href = ask.lang, escape(link, quote=True)
    title = escape(text("oidc.signed_in" if goes_on else f"problem.{name}", lang))
    follow = f'<meta http-equiv="refresh" content="0; url={href}">' if goes_on else ""
    label = escape(text("oidc.go_on" if goes_on else "oidc.again", lang))
    body = (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">{follow}'
        f"<title>{title}</title></head>"
        f'<body><h1>{title}</h1><p>{escape(detail)}</p><p><a href="{href}">{label}</a></p></body></html>'
    )
    return web.Response(text=body, content_type="text/html", headers={"Content-Language": lang})
