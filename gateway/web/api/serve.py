"""From routes to a web application: rules before handlers, types at the border, problems for what fails.

Promises:
1. What is served is what has a rule; `application` refuses to build anything else.
2. The order is: source's rate, who asks, rule of the route, types, handler. A refusal by a rule is in the
   audit log.
3. Nothing that was sent is logged or repeated; an error that is none of ours is logged by its kind and place
   and answered with 500 and no detail.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from gateway.texts import text
from gateway.web.api.ask import REASON, ROLE, Ask, Running
from gateway.web.api.form import read_form
from gateway.web.api.limits import Buckets
from gateway.web.api.problems import Problem, of, of_validation
from gateway.web.api.route import Route
from gateway.web.api.sessions import Sessions
from gateway.web.oidc.provider import ProviderFailed
from gateway.web.oidc.sign_in import ProviderSignIn
from storage import audit_log, people
from storage.database import Database
from storage.people import Person, SignInFailed
from storage.provided import NotVouched

PREFIX = "/api/v1"
BODY_BYTES = 1 << 20
KEY = "Idempotency-Key"
KEPT = timedelta(hours=24)
MOST_KEPT = 10_000

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer of the API: it is for programs and for our own pages, and for nobody's cache."""

Run = Callable[[], Awaitable[web.StreamResponse]]
Kept = tuple[datetime, str, "asyncio.Future[tuple[int, bytes, str]]"]
"""When a request came, the hash of its body, and the answer to it: status, body, media type."""

log = logging.getLogger(__name__)


@dataclass
class Service:
    """What all requests share."""

    running: Running
    routes: tuple[Route, ...]
    sessions: Sessions
    provider: ProviderSignIn | None = None
    rate: Buckets = field(default_factory=lambda: Buckets(per_s=50, burst=200))
    sign_ins: Buckets = field(default_factory=lambda: Buckets(per_s=1 / 6, burst=10))
    answers: Answers = field(default_factory=lambda: Answers())

    @property
    def sign_in_ways(self) -> tuple[str, ...]:
        """How people may sign in: with a token of this gateway, through the identity provider."""
        return ("token", "oidc") if self.provider else ("token",)


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)


def add_api(app: web.Application, service: Service) -> None:
    """Put the API into an application; `ValueError` for what has no rule or stands twice."""
    seen = set()
    for route in service.routes:
        if (route.method, route.path) in seen:
            raise ValueError(f"{route.method} {route.path} stands twice")
        seen.add((route.method, route.path))
        app.router.add_route(route.method, PREFIX + route.path, _handler(route))
    app[SERVICE] = service
    app.middlewares.append(answer)


def without_rule(app: web.Application, public: Iterable[str] = ()) -> list[str]:
    """The routes of an application that have no rule: must be none. `public`: paths that need none."""
    known = {(r.method, PREFIX + r.path) for r in app[SERVICE].routes}
    known |= {("HEAD", path) for method, path in known if method == "GET"}
    found = []
    for each in app.router.routes():
        path = each.resource.canonical if each.resource is not None else "?"
        if (each.method, path) not in known and not any(f"{path}/".startswith(f"{name}/") for name in public):
            found.append(f"{each.method} {path}")
    return found


@web.middleware
async def answer(request: web.Request, handler: Any) -> web.StreamResponse:
    """Problems in one shape, headers on everything of the API."""
    if not request.path.startswith(PREFIX):
        response: web.StreamResponse = await handler(request)
        return response
    lang = language(request)
    try:
        response = await handler(request)
    except web.HTTPNotFound:
        response = Problem("not-found").response(lang)
    except web.HTTPMethodNotAllowed as error:
        allowed = {"Allow": ", ".join(sorted(error.allowed_methods))}
        response = Problem("method-not-allowed", headers=allowed).response(lang)
    except web.HTTPRequestEntityTooLarge:
        response = Problem("too-large").response(lang)
    except (web.HTTPException, asyncio.CancelledError, ConnectionError):
        raise
    except Exception as error:
        problem = of(error)
        if problem is None:
            log.exception("a request failed", extra={"route": _name(request)})
            problem = Problem("failed")
        response = problem.response(lang)
    if not response.prepared:
        response.headers.update({**HEADERS, **response.headers})
    return response


def language(request: web.Request) -> str:
    """Danish, unless English is preferred."""
    wanted: list[tuple[float, str]] = []
    for part in request.headers.get("Accept-Language", "").split(","):
        name, _, weight = part.strip().partition(";q=")
        short = name[:2].lower()
        if short in ("da", "en"):
            try:
                wanted.append((-float(weight or 1), short))
            except ValueError:
                continue
    return min(wanted)[1] if wanted else "da"


def _name(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else '?'}"


def _handler(route: Route) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        service = request.app[SERVICE]
        _not_too_often(service.rate, request)
        at = service.running.now()
        person, session = await _who(service, route, request, at)
        ask = Ask(request, route, service.running, person, language(request), at, session)
        await _let_in(ask)
        given = await _given(ask)
        key = request.headers.get(KEY, "")
        if key and route.replayed:
            return await service.answers.once(ask, key, lambda: _run(ask, given))
        return await _run(ask, given)

    return handle


def _not_too_often(buckets: Buckets, request: web.Request) -> None:
    wait_s = buckets.wait_s(request.remote or "", time.monotonic())
    if wait_s:
        raise Problem("too-many-requests", headers={"Retry-After": str(int(wait_s) + 1)})


async def _who(service: Service, route: Route, request: web.Request, at: datetime) -> tuple[Person, Any]:
    db: Database = service.running.desk.db
    try:
        return await service.sessions.person(db, request, at)
    except ProviderFailed as failed:
        log.warning("an access token cannot be checked", extra={"why": str(failed)})
        raise Problem("unavailable", text("oidc.unavailable", language(request))) from None
    except SignInFailed as failed:
        if route.rule.public:
            return Person("", ()), None
        if "Authorization" in request.headers:  # somebody tried a token
            _not_too_often(service.sign_ins, request)
        if isinstance(failed, NotVouched):
            why, actor = failed.why, {"id": "nobody", "role": "", "channel": "api"}
            await db.write(lambda s: people.note_failed(s, at, actor, way="oidc", why=why))
        ways = list(service.sign_in_ways)
        asked = {"WWW-Authenticate": 'Bearer realm="tast1"'}
        raise Problem("sign-in-failed", str(failed), headers=asked, sign_in=ways) from None


async def _let_in(ask: Ask) -> None:
    """The rule of the route. Which artifact, case and purpose is asked in storage, later."""
    rule = ask.route.rule
    if rule.public or rule.without_role:
        return
    role = ask.request.headers.get(ROLE, "")
    held = [each.name for each in ask.person.roles]
    if any(rule.lets(name) for name in ([role] if role else held) if name in held):
        return
    if role and role not in held:
        why = f"{ask.person.id} does not hold {role} (R-50)"
    else:
        may = ", ".join(rule.roles or ()) or rule.name
        why = f"that is for {may}, not for {role or ', '.join(held) or 'nobody'} (R-50)"
    detail = {"route": f"{ask.route.method} {ask.route.path}"}
    actor = ask.person.actor(role)
    await ask.write(lambda s: audit_log.append(s, ask.at, "deny", "api", detail, actor))
    raise Problem("not-allowed", why)


async def _given(ask: Ask) -> dict[str, Any]:
    route, request = ask.route, ask.request
    given: dict[str, Any] = {name: request.match_info[name] for name in route.parameters}
    if any("\0" in each or len(each) > 200 for each in given.values()):
        raise Problem("not-found")
    try:
        if len(request.headers.get(REASON, "")) > 4000:
            raise Problem("invalid", errors=[{"key": REASON, "why": "too long"}])
        if route.query is not None:
            given["query"] = route.query.model_validate(dict(request.query))
        if route.body is not None:
            given["body"] = route.body.model_validate(await (_form(ask) if route.form else _json(ask)))
    except ValidationError as error:
        raise of_validation(error) from None
    return given


async def _form(ask: Ask) -> Any:
    found, ask.body = await read_form(ask.request)
    return found


async def _json(ask: Ask) -> Any:
    request = ask.request
    raw = await request.content.read(BODY_BYTES + 1)
    while len(raw) <= BODY_BYTES and (more := await request.content.read(BODY_BYTES + 1 - len(raw))):
        raw += more
    if len(raw) > BODY_BYTES:
        raise Problem("too-large")
    ask.body = raw
    if not raw:
        return {}
    if request.content_type != "application/json":
        raise Problem("malformed", "the body must be application/json")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Problem("malformed", "the body is not JSON") from None


async def _run(ask: Ask, given: dict[str, Any]) -> web.StreamResponse:
    result = await ask.route.handler(ask, **given)
    if isinstance(result, web.StreamResponse):
        return result
    if ask.route.returns is None:
        response = web.Response(status=ask.route.status)
    else:
        body = adapter(ask.route.returns).dump_json(result)
        response = web.Response(body=body, status=ask.route.status, content_type="application/json")
    if sign := ask.notes.get("cookie"):
        sign(response)
    return response


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Reads and writes JSON of a type."""
    return TypeAdapter(kind)


@dataclass
class Answers:
    """Answers to requests that carry an `Idempotency-Key`, for a day: asked again, nothing happens again.

    In memory: a gateway that starts anew has forgotten them.
    """

    _kept: OrderedDict[tuple[str, str, str], Kept] = field(default_factory=OrderedDict)

    async def once(self, ask: Ask, key: str, run: Run) -> web.StreamResponse:
        """The answer to the first request with this key; a different request with it is a conflict."""
        at, place = ask.at, (ask.person.id, f"{ask.route.method} {ask.request.path}", key[:200])
        digest = hashlib.sha256(ask.body).hexdigest()
        self._forget(at)
        if place in self._kept:
            _, before, waiting = self._kept[place]
            if before != digest:
                raise Problem("conflict", f"this {KEY} was used for another request; take a new one")
            status, before_body, kind = await asyncio.shield(waiting)
            replay = {"Idempotent-Replay": "true"}
            return web.Response(status=status, body=before_body, content_type=kind, headers=replay)
        future: asyncio.Future[tuple[int, bytes, str]] = asyncio.get_running_loop().create_future()
        self._kept[place] = (at, digest, future)
        try:
            response = await run()
        except BaseException:
            # It may be tried again: nothing was done, or it is not known.
            del self._kept[place]
            future.set_exception(Problem("conflict", "the first request with this key failed; send it again"))
            future.exception()
            raise
        body = response.body if isinstance(response, web.Response) else None
        plain = bytes(body) if isinstance(body, (bytes, bytearray)) else b""
        future.set_result((response.status, plain, response.content_type))
        return response

    def _forget(self, at: datetime) -> None:
        while self._kept:
            place, (kept_at, _, future) = next(iter(self._kept.items()))
            if len(self._kept) < MOST_KEPT and at - kept_at < KEPT:
                break
            if not future.done():
                break
            del self._kept[place]
