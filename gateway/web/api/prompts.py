"""Prompts: versions, what is wrong with them, how they sound, who approves them, where they are played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from gateway.texts import text
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.ranges import send_bytes
from gateway.web.api.requests import Words
from gateway.web.api.route import ANYBODY, Routes, roles
from gateway.workshop.workshop import Attempt, Item, Workshop
from ivr_prompts import studio
from ivr_prompts.catalogue import CONSENT_MARKERS
from ivr_prompts.findings import Finding
from ivr_prompts.studio import StudioError
from storage.policy.book import Refused
from storage.policy.duties import PROMPT_ACTIVATORS, PROMPT_APPROVERS, PROMPT_MAKERS
from storage.tables import PromptActivation

routes = Routes("prompts")

WAV = "audio/wav"
MOST_MS = studio.LONGEST_S * 1000

STUDIO: web.AppKey[asyncio.Lock] = web.AppKey("studio", asyncio.Lock)
"""One recording at a time: some minutes of it take hundreds of megabytes while it is resampled."""


class FindingView(BaseModel):
    """Something that is wrong with a version, and what to do."""

    severity: Literal["error", "warning"]
    name: str
    text: str


class VersionView(BaseModel):
    """A version of a prompt. `state`: shipped, draft (waits for approval), faulty, approved."""

    prompt: str
    set: str
    role: str
    version: str
    state: Literal["shipped", "draft", "faulty", "approved"]
    text: str
    duration_ms: int
    loudness_lufs: float | None
    made_at: datetime | None
    made_by: str | None
    approved_at: datetime | None
    approved_by: str | None


class PlayedView(BaseModel):
    """Where a version is played, from when. `scope`: the whole set, a flow, or a dialled number."""

    prompt: str
    scope: Literal["set", "flow", "number"]
    target: str
    begins_at: datetime
    made_by: str


class PromptsView(BaseModel):
    """Every version there is, and what was activated; where nothing was, the shipped one is played."""

    versions: list[VersionView]
    played: list[PlayedView]


class CheckedView(BaseModel):
    """A version and everything that is wrong with it."""

    version: VersionView
    findings: list[FindingView]


class NewText(Given):
    """A text to be spoken. `markers`: the words after which each of the question's markers stands."""

    text: str = Field(min_length=1, max_length=4000)
    markers: dict[str, str] = Field(default_factory=dict, max_length=10)


class NewRecording(Given):
    """A studio's recording of a text, and where the markers of a consent question stand in it (ms)."""

    file: bytes = Field(min_length=1, description="WAV, FLAC, or what else libsndfile reads; 32 MB at most.")
    text: str = Field(min_length=1, max_length=4000)
    purposes_end: int | None = Field(None, ge=0, le=MOST_MS)
    key_instruction: int | None = Field(None, ge=0, le=MOST_MS)
    prompt_end: int | None = Field(None, ge=0, le=MOST_MS)
    level: bool = Field(False, description="Bring it to the usual loudness.")

    def markers(self) -> dict[str, int]:
        """The markers that were given, by name."""
        given = {name: getattr(self, name) for name in CONSENT_MARKERS}
        return {name: ms for name, ms in given.items() if ms is not None}


class Approval(Given):
    """Warnings are accepted with a reason."""

    accept_warnings: bool = False
    reason: str = Words


class PlaceGiven(Given):
    """Where: everywhere the set is played, in a flow, or for a dialled number."""

    flow: str = Field("", max_length=64)
    number: str = Field("", max_length=64)


class Activation(PlaceGiven):
    """From when; null: now."""

    begins_at: AwareDatetime | None = None


class RollBack(PlaceGiven):
    """What is taken back: what was activated last, or with `scheduled` what would begin later."""

    scheduled: bool = False


class RolledBack(BaseModel):
    """What is not played any more, and what is instead (null: a wider place decides)."""

    ended: str
    left: str | None


@routes.get("/prompts", rule=ANYBODY)
async def listing(ask: Ask) -> PromptsView:
    """Every version of every prompt, and what is played where."""
    shop = ask.running.workshop
    items = await ask.work(shop.items)
    placed = await ask.work(lambda: shop.activations(ask.at))
    names = {item.row.id: item.name for item in items if item.row}
    return PromptsView(
        versions=[_view(item) for item in items], played=[_played(each, names) for each in placed]
    )


@routes.get("/prompts/{set}/{role}/{version}", rule=ANYBODY)
async def check(ask: Ask, set: str, role: str, version: str) -> CheckedView:
    """A version and everything that is wrong with it, with what to do."""
    item = await _item(ask, f"{set}/{role}/{version}")
    return await _checked(ask, item)


@routes.get(
    "/prompts/{set}/{role}/{version}/audio", rule=ANYBODY, media=(WAV,), problems=("range-not-satisfiable",)
)
async def audio(ask: Ask, set: str, role: str, version: str) -> web.StreamResponse:
    """A version as it comes out of the caller's telephone (G.711, 300 to 3400 Hz)."""
    item = await _item(ask, f"{set}/{role}/{version}")
    plain = await ask.work(lambda: ask.running.workshop.audio(item))
    heard = await ask.work(lambda: studio.to_wav(studio.as_heard(studio.from_wav(plain))))
    return await send_bytes(ask.request, heard, WAV)


@routes.post("/prompts/{set}/{role}/render", rule=roles(*PROMPT_MAKERS), status=201)
async def render(ask: Ask, set: str, role: str, body: NewText) -> CheckedView:
    """Make a version of a text, spoken by espeak-ng; it waits for somebody else's approval."""
    return await _made(ask, set, role, body.text, lambda shop: shop.voice(set, role, body.text, body.markers))


@routes.post("/prompts/{set}/{role}/import", rule=roles(*PROMPT_MAKERS), status=201, form=True)
async def bring_in(ask: Ask, set: str, role: str, body: NewRecording) -> CheckedView:
    """Make a version of a studio's recording; it waits for somebody else's approval."""
    sound = studio.Upload(body.file, text("prompt.upload", ask.lang))
    words = body.text.replace("\r\n", "\n")  # as forms send lines (RFC 7578 §4.1.1 leaves it to the browser)

    def attempt(shop: Workshop) -> Attempt:
        return shop.take(set, role, sound, words, body.markers(), body.level)

    async with ask.request.app[STUDIO]:
        return await _made(ask, set, role, words, attempt)


@routes.post("/prompts/{set}/{role}/{version}/approve", rule=roles(*PROMPT_APPROVERS))
async def approve(ask: Ask, set: str, role: str, version: str, body: Approval) -> VersionView:
    """Approve a version that somebody else made; the consent question's needs the DPO or LEGAL."""
    item, asking = await _item(ask, f"{set}/{role}/{version}"), ask.asking()
    shop = ask.running.workshop
    return _view(
        await ask.work(lambda: shop.approve(asking, item.name, ask.at, body.accept_warnings, body.reason))
    )


@routes.post("/prompts/{set}/{role}/{version}/activate", rule=roles(*PROMPT_ACTIVATORS))
async def activate(ask: Ask, set: str, role: str, version: str, body: Activation) -> PlayedView:
    """Have calls play a version that begin from now on, or from an instant on."""
    item, asking = await _item(ask, f"{set}/{role}/{version}"), ask.asking()
    shop, begins = ask.running.workshop, body.begins_at or ask.at
    name = item.name if item.row else f"{set}/{role}/shipped"
    _, made = await ask.work(lambda: shop.activate(asking, name, ask.at, begins, body.flow, body.number))
    await ask.running.look_up_prompts()
    return _played(made, {item.row.id: item.name} if item.row else {})


@routes.post("/prompts/{set}/{role}/rollback", rule=roles(*PROMPT_ACTIVATORS))
async def rollback(ask: Ask, set: str, role: str, body: RollBack) -> RolledBack:
    """Go back to what was played before, in a place."""
    await _known(ask, set, role)
    shop, asking = ask.running.workshop, ask.asking()
    place = await ask.work(lambda: shop.place(set, role, body.flow, body.number))
    ended, left = await ask.work(lambda: shop.roll_back(asking, place, ask.at, body.scheduled))
    await ask.running.look_up_prompts()
    return RolledBack(ended=ended.name, left=left.name if left else None)


async def _made(
    ask: Ask, prompt_set: str, role: str, words: str, attempt: Callable[[Workshop], Attempt]
) -> CheckedView:
    """The version that an attempt became, and everything that is wrong with it."""
    await _known(ask, prompt_set, role)
    shop, asking = ask.running.workshop, ask.asking()
    try:
        item = await ask.work(lambda: shop.keep(asking, prompt_set, role, words, attempt(shop), ask.at))
    except StudioError as error:
        raise Problem("conflict", text(f"studio.{error.reason}", ask.lang, **error.values)) from None
    return await _checked(ask, item)


async def _known(ask: Ask, prompt_set: str, role: str) -> None:
    try:
        await ask.work(lambda: ask.running.workshop.shipped(prompt_set, role))
    except Refused:
        raise Problem("not-found") from None


async def _item(ask: Ask, name: str) -> Item:
    try:
        return await ask.work(lambda: ask.running.workshop.find(name, ask.at))
    except Refused:
        raise Problem("not-found") from None


async def _checked(ask: Ask, item: Item) -> CheckedView:
    findings = await ask.work(lambda: ask.running.workshop.findings(item))
    return CheckedView(version=_view(item), findings=[_finding(each, ask.lang) for each in findings])


def _finding(found: Finding, lang: str) -> FindingView:
    values = {name: _number(value, lang) for name, value in found.values.items()}
    told = text(f"finding.{found.name}", lang, **values)
    return FindingView(severity=found.severity, name=found.name, text=told)


def _number(value: object, lang: str) -> str:
    return str(value).replace(".", ",") if isinstance(value, float) and lang == "da" else str(value)


def _view(item: Item) -> VersionView:
    row, prompt = item.row, item.prompt
    errors = [each for each in (row.findings if row else ()) if each["severity"] == "error"]
    made = "approved" if row and row.approved_at else "faulty" if errors else "draft"
    return VersionView(
        prompt=item.name,
        set=prompt.language,
        role=prompt.role,
        version=prompt.version,
        state="shipped" if row is None else made,  # type: ignore[arg-type]
        text=prompt.text,
        duration_ms=prompt.duration_ms,
        loudness_lufs=row.loudness_lufs if row else None,
        made_at=row.made_at if row else None,
        made_by=row.made_by if row else None,
        approved_at=row.approved_at if row else None,
        approved_by=row.approved_by if row else None,
    )


def _played(placed: PromptActivation, names: dict[str, str]) -> PlayedView:
    shipped = f"{placed.prompt_set}/{placed.role}/shipped"
    return PlayedView(
        prompt=names.get(placed.version_id or "", shipped),
        scope=placed.scope,  # type: ignore[arg-type]
        target=placed.target,
        begins_at=placed.begins_at,
        made_by=placed.made_by,
    )
