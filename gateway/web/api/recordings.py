"""Recordings and transcripts, to listen to and to read: the policy is asked and each reading is logged."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.ranges import send
from gateway.web.api.route import ANYBODY, GATE, Routes
from gateway.web.api.serve import HEADERS, PREFIX
from storage.gate import Asking
from storage.media import PEAK_MS
from storage.sealed import SealedReader
from transcription import exports
from transcription.segments import Speaker
from transcription.turns import turns

routes = Routes("recordings")

FLAC = "audio/flac"
LISTENING = timedelta(minutes=15)
MOST = 500


@dataclass
class Listening:
    """A recording that somebody was let in to, open for a while: many requests for parts of it, one entry
    in the audit log."""

    user: str
    asking: Asking
    recording: str
    reader: SealedReader
    peaks: bytes
    ends_at: datetime
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Ear:
    """All that are listened to just now."""

    def __init__(self) -> None:
        self._open: dict[str, Listening] = {}

    def add(self, listening: Listening, at: datetime) -> str:
        """A name for it that nobody can guess."""
        self._drop(at)
        name = secrets.token_urlsafe(24)
        self._open[name] = listening
        return name

    def find(self, name: str, user: str, at: datetime) -> Listening:
        """What somebody listens to; `Problem` when it is over or somebody else's."""
        self._drop(at)
        found = self._open.get(name)
        if found is None or found.user != user:
            raise Problem("not-found")
        return found

    def end(self, name: str) -> None:
        """It is over."""
        if found := self._open.pop(name, None):
            found.reader.close()

    def _drop(self, at: datetime) -> None:
        over = [name for name, each in self._open.items() if each.ends_at <= at]
        for name in over or (list(self._open)[:1] if len(self._open) > MOST else ()):
            self.end(name)


EAR = web.AppKey("ear", Ear)


class ListenView(BaseModel):
    """Where to listen, until when. `url` takes Range requests: FLAC, caller left, agent right."""

    url: str
    peaks_url: str
    expires_at: datetime


class PeaksView(BaseModel):
    """The waveform: least and greatest sample (-128 to 127) of every piece, of each leg."""

    milliseconds_per_point: int
    caller: list[tuple[int, int]]
    agent: list[tuple[int, int]]


class TranscriptQuery(Given):
    """How it is read."""

    format: Literal["json", "vtt", "text"] = "json"
    unredacted: bool = Field(False, description="With CPR, card, IBAN and telephone numbers; for few roles.")


class WordView(BaseModel):
    """A word. Times in seconds from the start of the recording; confidence 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None


class TurnView(BaseModel):
    """What one of the two said before the other one spoke."""

    leg: Literal["caller", "agent"]
    start_s: float
    end_s: float
    words: list[WordView]


class GapView(BaseModel):
    """A span of which there are no words."""

    leg: str
    start_s: float
    end_s: float
    reason: str


class TranscriptView(BaseModel):
    """A transcript, turn by turn."""

    language: str
    model: str
    duration_s: float
    turns: list[TurnView]
    gaps: list[GapView]


@routes.post("/recordings/{recording}/listen", rule=GATE, status=201)
async def listen(ask: Ask, recording: str) -> ListenView:
    """Open a recording to listen to, in the capacity stated; logged once as played."""
    recording_id, asking = await ask.artifact(recording), ask.asking()
    reader, peaks = await ask.work(lambda: ask.desk.gate.open_to_listen(asking, recording_id, ask.at))
    listening = Listening(ask.person.id, asking, recording_id, reader, peaks, ask.at + LISTENING)
    name = ask.request.app[EAR].add(listening, ask.at)
    url = f"{PREFIX}/listen/{name}"
    return ListenView(url=url, peaks_url=f"{url}/peaks", expires_at=listening.ends_at)


@routes.get("/listen/{name}", rule=ANYBODY, media=(FLAC,), problems=("range-not-satisfiable",))
async def sound(ask: Ask, name: str) -> web.StreamResponse:
    """The sound of what was opened, or a range of it; not any more once the policy forbids it."""
    listening = await _still(ask, name)
    async with listening.lock:
        return await send(ask.request, listening.reader, FLAC)


@routes.get("/listen/{name}/peaks", rule=ANYBODY)
async def peaks(ask: Ask, name: str) -> PeaksView:
    """The waveform of what was opened."""
    return _peaks((await _still(ask, name)).peaks)


@routes.delete("/listen/{name}", rule=ANYBODY)
async def done(ask: Ask, name: str) -> None:
    """Close it."""
    ask.request.app[EAR].find(name, ask.person.id, ask.at)
    ask.request.app[EAR].end(name)


@routes.get("/recordings/{recording}/audio", rule=GATE, media=(FLAC,), problems=("range-not-satisfiable",))
async def audio(ask: Ask, recording: str) -> web.StreamResponse:
    """A copy of a recording, for programs; every request is logged as an export."""
    recording_id, asking = await ask.artifact(recording), ask.asking()
    reader = await ask.work(lambda: ask.desk.gate.open_media(asking, recording_id, ask.at, "export"))
    with reader:
        return await send(ask.request, reader, FLAC)


@routes.get("/transcripts/{transcript}", rule=GATE, media=("application/json", "text/vtt", "text/plain"))
async def transcript(ask: Ask, transcript: str, query: TranscriptQuery) -> web.StreamResponse:
    """What was said, redacted unless asked for whole: turns with words and times, WebVTT, or plain text."""
    transcript_id, asking = await ask.artifact(transcript), ask.asking()
    whole = await ask.work(
        lambda: ask.desk.gate.read_words(asking, transcript_id, ask.at, "read", query.unredacted)
    )
    try:
        told = exports.from_json(whole.decode())
    except exports.TranscriptFormatError:
        raise Problem("conflict", "it is no transcript") from None
    if query.format != "json":
        write = exports.to_webvtt if query.format == "vtt" else exports.to_text
        kind = "text/vtt" if query.format == "vtt" else "text/plain"
        return web.Response(text=write(told, ask.lang), content_type=kind, charset="utf-8", headers=HEADERS)
    view = TranscriptView(
        language=told.language,
        model=told.model,
        duration_s=told.duration_s,
        turns=[
            TurnView(
                leg="agent" if turn.speaker is Speaker.AGENT else "caller",
                start_s=turn.start_s,
                end_s=turn.end_s,
                words=[
                    WordView(text=w.text, start_s=w.start_s, end_s=w.end_s, confidence=w.confidence)
                    for w in turn.words
                ],
            )
            for turn in turns(told)
        ],
        gaps=[GapView(leg=g.leg.value, start_s=g.start_s, end_s=g.end_s, reason=g.reason) for g in told.gaps],
    )
    return web.Response(body=view.model_dump_json().encode(), content_type="application/json")


async def _still(ask: Ask, name: str) -> Listening:
    """What is listened to, if the policy still allows it (a withdrawal ends it at once, R-20)."""
    ear = ask.request.app[EAR]
    found = ear.find(name, ask.person.id, ask.at)
    verdict = await ask.work(lambda: ask.desk.gate.may_read(found.asking, found.recording, ask.at, "play"))
    if not verdict.allowed:
        ear.end(name)
        raise Problem("not-allowed", verdict.why)
    return found


def _peaks(stored: bytes) -> PeaksView:
    values = [each - 256 if each > 127 else each for each in stored]
    quads = [values[i : i + 4] for i in range(0, len(values) - 3, 4)]
    return PeaksView(
        milliseconds_per_point=PEAK_MS,
        caller=[(quad[0], quad[1]) for quad in quads],
        agent=[(quad[2], quad[3]) for quad in quads],
    )
