"""The desk for data subjects' requests: received, scoped, identified, answered; the package handed out."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.texts import text
from gateway.web.api.archive import Done, told
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.ranges import send
from gateway.web.api.route import ANYBODY, GATE, Routes, duty, roles
from storage import artifacts, cases, requests
from storage.cases import Note
from storage.gate import Asking
from storage.model import ArtifactKind, CaseKind
from storage.policy import events as e
from storage.policy.book import Refused
from storage.policy.clocks import COPENHAGEN
from storage.requests import RequestView

routes = Routes("requests")

ZIP = "application/zip"
Words = Field("", max_length=4000)
Right = Literal["access", "erasure", "rectification", "restriction", "objection"]


class OpenQuery(Given):
    """Which ones."""

    everything: bool = Field(False, description="Those that are finished, too.")


class NewRequest(Given):
    """A request as it came in. `requester`: `caller`, or `agent:NAME` for somebody who took part."""

    right: Right
    calls: list[str] = Field(default_factory=list, max_length=200)
    requester: str = Field("caller", max_length=100)
    withdraws: bool = False
    received_on: date | None = Field(None, description="The civil date it came in, if before today.")
    note: str = Words


class Received(BaseModel):
    """What was registered."""

    request: RequestView
    done: Done


class WithNotes(BaseModel):
    """A request, and what was written about it."""

    request: RequestView
    notes: list[Note]


class Scope(Given):
    """Calls that it is about, too."""

    calls: list[str] = Field(min_length=1, max_length=200)


class Identity(Given):
    """The result of the identity check; never a copy of what was shown (R-34)."""

    result: Literal["confirmed", "failed"]
    how: str = Field(min_length=1, max_length=1000)


class Reasoned(Given):
    """Why."""

    reason: str = Words


class Answer(Given):
    """How it is answered. `keep`: what was reviewed, for up to a year (R-31); needs a reason."""

    keep: bool = False
    reason: str = Words
    reply: str = Field("", max_length=4000, description="What was answered, in short; kept sealed.")
    letter: Literal["da", "en"] = Field("da", description="The language of the package's letter.")


class Answered(BaseModel):
    """What answering did. `package`: its artifact; `manifest`: its files and their SHA-256."""

    done: Done
    package: str | None
    manifest: dict[str, str]


@routes.get("/requests", rule=ANYBODY)
async def listing(ask: Ask, query: OpenQuery) -> list[RequestView]:
    """Requests by the day their answer is due."""
    return await ask.read(lambda s: requests.listing(s, ask.desk, ask.at, query.everything))


@routes.post("/requests", rule=duty(e.RightsRequest), status=201)
async def receive(ask: Ask, body: NewRequest) -> Received:
    """Register a request: it is documented, and what it is about is held from this moment on (R-30)."""
    asking, found = ask.asking(), await calls_of(ask, body.calls)
    request, done = await ask.work(
        lambda: requests.receive(
            ask.desk,
            asking,
            body.right,
            found,
            ask.at,
            requester=body.requester,
            withdraws=body.withdraws,
            received_at=noon(body.received_on),
            words={"request": body.note},
        )
    )
    return Received(request=await _view(ask, request), done=told(done, ask.lang))


@routes.get("/requests/{request}", rule=roles("RIGHTS", "DPO"))
async def show(ask: Ask, request: str) -> WithNotes:
    """One request, and what was written about it; the reading is logged."""
    view = await _view(ask, request)
    asking = for_case(ask, request, "accountability")
    notes = await ask.work(lambda: ask.desk.gate.read_notes(asking, request, ask.at))
    return WithNotes(request=view, notes=notes)


@routes.post("/requests/{request}/scope", rule=duty(e.RequestScoped))
async def scope(ask: Ask, request: str, body: Scope) -> Done:
    """Add calls to an open request, found since it came in; they are held from now on (R-30)."""
    await _view(ask, request)
    asking, found = ask.asking(), await calls_of(ask, body.calls)
    return told(await ask.work(lambda: requests.scope(ask.desk, asking, request, found, ask.at)), ask.lang)


@routes.post("/requests/{request}/identify", rule=duty(e.RightsAnswered))
async def identify(ask: Ask, request: str, body: Identity) -> None:
    """Note the result of the identity check; nothing is handed out without it."""
    await _view(ask, request)
    asking = ask.asking()
    await ask.work(lambda: requests.identify(ask.desk, asking, request, body.result, body.how, ask.at))


@routes.post("/requests/{request}/extend", rule=duty(e.RightsExtended))
async def extend(ask: Ask, request: str, body: Reasoned) -> Done:
    """The notice of art. 12(3) was sent, inside the first month: two months more."""
    await _view(ask, request)
    asking, words = ask.asking(), {"reason": body.reason}
    return told(await ask.work(lambda: requests.extend(ask.desk, asking, request, words, ask.at)), ask.lang)


@routes.post("/requests/{request}/answer", rule=duty(e.RightsAnswered))
async def answer(ask: Ask, request: str, body: Answer) -> Answered:
    """Review completed: of an access request the package is made; the hold ends, the request is closed."""
    await _view(ask, request)
    asking, words = ask.asking(), {"reason": body.reason, "reply": body.reply}
    done, package = await ask.work(
        lambda: requests.answer(ask.desk, asking, request, body.keep, words, ask.at, body.letter)
    )
    return Answered(
        done=told(done, ask.lang),
        package=package.artifact_id if package else None,
        manifest=dict(package.manifest) if package else {},
    )


@routes.post("/requests/{request}/release", rule=duty(e.DocumentationReleased))
async def release(ask: Ask, request: str) -> Done:
    """Let go of what documents a request before its year is over: allowed, and preferred (R-31)."""
    await _view(ask, request)
    asking = ask.asking()
    return told(await ask.work(lambda: requests.release(ask.desk, asking, request, ask.at)), ask.lang)


@routes.get(
    "/requests/{request}/package", rule=GATE, media=(ZIP,), problems=("range-not-satisfiable", "conflict")
)
async def package(ask: Ask, request: str) -> web.StreamResponse:
    """The package of an answered access request, to be handed out; logged as downloaded."""
    await _view(ask, request)
    found = await ask.read(lambda s: artifacts.of_case(s, request, ArtifactKind.EXPORT))
    if not found:
        raise Problem("conflict", "there is no package: the request is not answered, or its days are over")
    asking = for_case(ask, request, "access_package")
    reader = await ask.work(lambda: ask.desk.gate.open_media(asking, found[-1].id, ask.at, "download"))
    with reader:
        return await send(ask.request, reader, ZIP, filename=f"{request}.zip")


async def _view(ask: Ask, request: str) -> RequestView:
    await known(ask, request, CaseKind.RIGHTS_REQUEST)
    return await ask.read(lambda s: requests.view(s, ask.desk, request, ask.at))


async def known(ask: Ask, case: str, kind: CaseKind) -> None:
    """That there is such a case; else `Problem`."""
    try:
        await ask.read(lambda s: cases.get(s, case, kind))
    except Refused:
        raise Problem("not-found") from None


async def calls_of(ask: Ask, prefixes: list[str]) -> list[str]:
    """The ids of calls given by the beginnings of their ids; `Problem` names those that are none."""
    found, errors = [], []
    for index, prefix in enumerate(prefixes):
        try:
            found.append(await ask.call(prefix))
        except Problem:
            errors.append({"key": f"calls.{index}", "why": text("desk.no_such_call", ask.lang)})
    if errors:
        raise Problem("invalid", errors=errors)
    return found


def for_case(ask: Ask, case: str, purpose: str) -> Asking:
    """Who asks, about this case; the purpose is the one given, or the usual one."""
    asking = ask.asking()
    return Asking(asking.person, asking.role, asking.purpose or purpose, case, asking.reason)


def noon(on: date | None) -> datetime | None:
    """The middle of a local day: when a letter of that date came in."""
    return datetime.combine(on, time(12), COPENHAGEN) if on else None
