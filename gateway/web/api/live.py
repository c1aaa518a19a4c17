"""Calls that are up: what state they are in, their words as they are spoken, and an agent's buttons."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from enum import Enum
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.callflow.messages import (
    CaseNamed,
    Event,
    OfferRequested,
    PauseRequested,
    ResumeRequested,
    StopRequested,
    TransferAbandoned,
    TransferAsked,
    TransferCompleted,
    TransferredExternal,
)
from gateway.calls.driver import CallDriver
from gateway.calls.watching import watching
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.route import ANYBODY, GATE, Routes, duty, roles
from gateway.web.api.serve import HEADERS
from storage import audit_log, people
from storage.people import Person, SignInFailed
from storage.policy import events as e

routes = Routes("live")

EVENTS = "text/event-stream"
LOOK_S = 0.25
"""How often what is up is looked at for those who follow it."""
PING_S = 15.0
ASKED_AGAIN_S = 5.0
"""How often a stream asks whether who follows it still may: a role that is taken away ends it."""


class LiveCall(BaseModel):
    """A call that is up, or has just ended."""

    call: str
    flow: str
    arrived_at: datetime
    phase: str
    consent: str
    recording: bool
    paused: bool
    recording_id: str | None


class Happened(BaseModel):
    """A line of a call's timeline."""

    name: str
    at: datetime
    detail: dict[str, Any]


class LiveCallView(LiveCall):
    """A call that is up, with what happened in it so far."""

    timeline: list[Happened]


class LiveCalls(BaseModel):
    """What is up, oldest first, and what ended last, newest first."""

    items: list[LiveCall]
    recent: list[LiveCall]


class Button(str, Enum):
    """What an agent may ask of a call."""

    PAUSE = "pause"
    RESUME = "resume"
    OFFER = "offer"
    TRANSFERRED = "transferred"
    COMPLETE = "complete"
    BACK = "back"


class Asked(BaseModel):
    """What was asked of a call; it does so within a moment."""

    asked: str


class ForCase(Given):
    """The case that an investigator records for."""

    case: str = Field(min_length=1, max_length=64)


class Transfer(Given):
    """To whom a call is handed over; `attended`: after a word with them, while the caller waits."""

    target: str = Field(min_length=1, max_length=128)
    attended: bool = False


BUTTONS: dict[Button, Callable[[], Event]] = {
    Button.PAUSE: PauseRequested,
    Button.RESUME: ResumeRequested,
    Button.OFFER: OfferRequested,
    Button.TRANSFERRED: TransferredExternal,
    Button.COMPLETE: TransferCompleted,
    Button.BACK: TransferAbandoned,
}


@routes.get("/live/calls", rule=ANYBODY)
async def listing(ask: Ask) -> LiveCalls:
    """Calls that are up, and the last that ended: states, no numbers and no words."""
    return _all(ask)


@routes.get("/live/events", rule=ANYBODY, media=(EVENTS,))
async def events(ask: Ask) -> web.StreamResponse:
    """The same as `/live/calls` whenever it changes: server-sent events named `calls`."""

    async def told() -> AsyncIterator[tuple[str, str]]:
        before = ""
        while True:
            now = _all(ask).model_dump_json()
            if now != before:
                before = now
                yield "calls", now
            await asyncio.sleep(LOOK_S)

    async def may() -> bool:
        return bool((await _again(ask)).roles)

    return await _stream(ask, told(), may)


@routes.get("/live/calls/{call}", rule=ANYBODY)
async def show(ask: Ask, call: str) -> LiveCallView:
    """A call that is up or has just ended, second by second."""
    driver = _driver(ask, call)
    timeline = [Happened(name=each.name, at=each.at, detail=dict(each.detail)) for each in driver.timeline]
    return LiveCallView(**_facts(driver).model_dump(), timeline=timeline)


@routes.get("/live/calls/{call}/words", rule=GATE, media=(EVENTS,), problems=("conflict",))
async def words(ask: Ask, call: str) -> web.StreamResponse:
    """The words of a call that is being recorded, as they are spoken: server-sent events `words` and `end`.

    The policy is asked and the reading is logged. Numbers are masked for everybody; nothing is kept.
    """
    driver = _driver(ask, call)
    recording = driver.recording_id
    if recording is None:
        raise Problem("conflict", "nothing of that call is being recorded")
    asking = ask.asking()
    await ask.work(lambda: ask.desk.gate.watch(asking, recording, ask.at))

    async def told() -> AsyncIterator[tuple[str, str]]:
        with watching(driver, recording) as watch:
            async for heard in watch:
                yield "words", json.dumps(heard, ensure_ascii=False)
        yield "end", "{}"

    async def may() -> bool:
        person, gate = await _again(ask), ask.desk.gate
        now = dataclasses.replace(asking, person=person)
        verdict = await ask.work(lambda: gate.may_read(now, recording, ask.running.now(), "watch"))
        # What is withdrawn ends by itself, with its last word to the watcher: `end`.
        return verdict.allowed or driver.recording_id != recording

    return await _stream(ask, told(), may)


@routes.post("/live/calls/{call}/stop", rule=duty(e.Withdrawn), status=202)
async def stop(ask: Ask, call: str) -> Asked:
    """Consent is withdrawn: recording stops, what was recorded is erased, the call goes on (R-22)."""
    return await _press(ask, call, "stop", StopRequested("agent"))


@routes.post("/live/calls/{call}/record", rule=duty(e.InvestigatorRecording), status=202)
async def record(ask: Ask, call: str, body: ForCase) -> Asked:
    """Record a call of an announced flow for a case of one's own (R-41)."""
    driver = _driver(ask, call)
    asking = ask.asking()
    await ask.work(lambda: ask.desk.require_case(asking, body.case, ask.at))
    if not driver.flow.announced:
        raise Problem("conflict", "that is no call of an announced flow")
    return await _press(ask, call, "record", CaseNamed(body.case, ask.person.id))


@routes.post(
    "/live/calls/{call}/transfer", rule=roles("AGENT", "INSPECTOR"), status=202, problems=("conflict",)
)
async def transfer(ask: Ask, call: str, body: Transfer) -> Asked:
    """Hand a call over to a target that the settings of its flow allow, and to no other."""
    driver = _driver(ask, call)
    actor = ask.asking().actor
    await ask.write(lambda s: audit_log.append(s, ask.at, "live.transfer", driver.call_id, {}, actor))
    why = driver.refer(TransferAsked(body.target, body.attended))
    if why == "not_allowed":
        raise Problem("conflict", "the settings of the call's flow allow no transfer there")
    if why:
        raise Problem("conflict", "nobody of the company is speaking with the caller just now")
    return Asked(asked="transfer")


@routes.post("/live/calls/{call}/{button}", rule=roles("AGENT", "INSPECTOR"), status=202)
async def press(ask: Ask, call: str, button: str) -> Asked:
    """`pause` and `resume` the recording (a CPR number is said), `offer` it again, say that nobody of the
    company is left in the call (`transferred`); `complete` a transfer, or take the caller `back`."""
    try:
        wanted = Button(button)
    except ValueError:
        raise Problem("not-found") from None
    return await _press(ask, call, button, BUTTONS[wanted]())


async def _press(ask: Ask, call: str, name: str, event: Event) -> Asked:
    driver = _driver(ask, call)
    actor = ask.asking().actor
    await ask.write(lambda s: audit_log.append(s, ask.at, f"live.{name}", driver.call_id, {}, actor))
    if not ask.running.calls.post(driver.call_id, event):
        raise Problem("conflict", "the call is over")
    return Asked(asked=name)


def _driver(ask: Ask, call: str) -> CallDriver:
    driver = ask.running.calls.find(call)
    if driver is None:
        raise Problem("not-found")
    return driver


def _all(ask: Ask) -> LiveCalls:
    calls = ask.running.calls
    return LiveCalls(
        items=[_facts(driver) for driver in calls.up()],
        recent=[_facts(driver) for driver in reversed(calls.recent()[-20:])],
    )


def _facts(driver: CallDriver) -> LiveCall:
    return LiveCall(
        call=driver.call_id,
        flow=driver.flow.name,
        arrived_at=driver.arrived_at,
        phase=driver.call.phase.value,
        consent=driver.call.consent.value,
        recording=driver.call.recording,
        paused=driver.recording_id is not None and not driver.call.recording,
        recording_id=driver.recording_id,
    )


async def _again(ask: Ask) -> Person:
    """Who follows, with the roles they hold by now; somebody who is disabled holds none."""
    try:
        return await ask.read(
            lambda s: people.person(s, ask.person.id, ask.running.now(), ask.person.channel)
        )
    except SignInFailed:
        return Person(ask.person.id)


async def _stream(
    ask: Ask, told: AsyncIterator[tuple[str, str]], may: Callable[[], Awaitable[bool]]
) -> web.StreamResponse:
    """Server-sent events while `may` says so; a comment every `PING_S`, which keeps proxies from closing."""
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": EVENTS, "X-Accel-Buffering": "no"})
    await response.prepare(ask.request)
    following = asyncio.ensure_future(_next(told))
    asked_at = pinged_at = time.monotonic()
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=ASKED_AGAIN_S)
            now = time.monotonic()
            if now - asked_at >= ASKED_AGAIN_S:
                asked_at = now
                if not await may():
                    return response
            if not done:
                if now - pinged_at >= PING_S:
                    pinged_at = now
                    await response.write(b": ping\n\n")
                continue
            event = following.result()
            if event is None:
                return response
            name, data = event
            await response.write(f"event: {name}\ndata: {data}\n\n".encode())
            following = asyncio.ensure_future(_next(told))
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await following
        await told.aclose()  # type: ignore[attr-defined]


async def _next(told: AsyncIterator[tuple[str, str]]) -> tuple[str, str] | None:
    return await anext(told, None)
