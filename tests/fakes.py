"""Fakes that remember what they were told; for logic only, never for the claim that a call works."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from gateway.callflow import messages as m
from gateway.calls import line as ln
from gateway.calls.records import Ending, OpenRecording
from storage.consents import ConsentRecord
from storage.database import DatabaseError
from storage.jobs import Span
from storage.outcomes import Outcome
from storage.reconciliation import Seen

WAV_HEADER = b"RIFF" + bytes(40)


class FakeLine:
    """A line whose events a test tells, and whose recorder writes a counting pattern on demand.

    It answers what a worker would answer by itself: prompts begin, capture opens and shuts.
    """

    def __init__(self, prompts_end: bool = True) -> None:
        self.sent: list[ln.Command] = []
        self.heard: asyncio.Queue[ln.LineEvent] = asyncio.Queue()
        self.prompts_end = prompts_end
        self.folder: Path | None = None
        self.muted = False
        self._closed = False

    def send(self, command: ln.Command) -> None:
        if self._closed:
            return
        self.sent.append(command)
        match command:
            case ln.AnswerCall():
                self.tell(ln.LegUp(m.Leg.CALLER, "PCMA/8000"))
            case ln.PlayFile(play, _, loop):
                self.tell(ln.PlayStarted(play))
                if self.prompts_end and not loop:
                    self.tell(m.PromptFinished(play))
            case ln.OpenCapture(folder):
                self.folder = Path(folder)
                for leg in ("caller.wav", "agent.wav"):
                    (self.folder / leg).write_bytes(WAV_HEADER)
                self.tell(ln.CaptureOpened())
            case ln.ShutCapture():
                self.tell(ln.CaptureShut())
            case ln.EndLine():
                self.close()

    def tell(self, event: ln.LineEvent) -> None:
        if not self._closed:
            self.heard.put_nowait(event)

    def close(self, reason: str = "ended") -> None:
        self.tell(ln.LineClosed(reason))
        self._closed = True

    def sound(self, caller: int, agent: int, frames: int) -> None:
        """Both recorders write `frames` samples of a constant."""
        assert self.folder is not None
        for leg, value in (("caller.wav", caller), ("agent.wav", agent)):
            with (self.folder / leg).open("ab") as file:
                file.write(struct.pack("<h", value) * frames)

    async def events(self) -> AsyncIterator[ln.LineEvent]:
        while True:
            event = await self.heard.get()
            yield event
            if isinstance(event, ln.LineClosed):
                return

    def count(self, kind: type) -> int:
        return sum(isinstance(command, kind) for command in self.sent)


class FakeSpool:
    """A spool in memory."""

    def __init__(self, fails: bool = False) -> None:
        self.pcm = b""
        self.fails = fails

    def append(self, pcm: bytes) -> None:
        if self.fails:
            raise OSError(28, "no space left")
        self.pcm += pcm

    def sync(self) -> None:
        pass

    def close(self) -> None:
        pass


class FakeRecords:
    """Records in memory. `broken` names the methods that fail; every call is kept in order."""

    def __init__(self, broken: frozenset[str] = frozenset()) -> None:
        self.broken = broken
        self.told: list[tuple[str, object]] = []
        self.spool = FakeSpool()
        self.stored_consents: set[str] = set()

    def _tell(self, name: str, detail: object = None) -> None:
        if name in self.broken:
            raise DatabaseError("the database is gone")
        self.told.append((name, detail))

    def names(self) -> list[str]:
        return [name for name, _ in self.told]

    async def open(self, call_id: str, at: datetime, sip_call_id: str, caller: str, flow: str) -> None:
        self._tell("open")

    async def answered(self, call_id: str, at: datetime, codec: str) -> None:
        self._tell("answered")

    async def agent_answered(self, call_id: str, at: datetime, agent: str, codec: str) -> None:
        self._tell("agent_answered")

    async def decision(self, record: ConsentRecord, at: datetime) -> str:
        self._tell("decision", record)
        if record.decision == "accepted":
            self.stored_consents.add(f"ce{record.offer}")
        return f"ce{record.offer}"

    async def late_key(self, record: ConsentRecord, at: datetime) -> None:
        self._tell("late_key", record)

    async def start_recording(
        self, call_id: str, consent_id: str, artifact_id: str, at: datetime
    ) -> OpenRecording:
        self._tell("start_recording", consent_id)
        assert consent_id in self.stored_consents, "a recording without a stored consent"
        return OpenRecording(artifact_id, bytes(32), self.spool)  # type: ignore[arg-type]

    async def start_investigation(
        self, call_id: str, case_id: str, by: str, artifact_id: str, at: datetime
    ) -> OpenRecording:
        self._tell("start_investigation", case_id)
        return OpenRecording(artifact_id, bytes(32), self.spool)  # type: ignore[arg-type]

    async def seal(self, recording: OpenRecording, at: datetime, ending: Ending) -> None:
        self._tell("seal", ending)

    async def transcribed(self, recording_id: str, words: bytes, left: Sequence[Span], at: datetime) -> bool:
        self._tell("transcribed", (words, tuple(left)))
        return True

    async def discard(self, recording: OpenRecording) -> None:
        self._tell("discard")
        self.spool.pcm = b""

    async def withdraw(self, call_id: str, at: datetime, channel: str) -> None:
        self._tell("withdraw", channel)

    async def close(self, call_id: str, at: datetime, reason: str) -> None:
        self._tell("close", reason)

    async def reconcile(self, call_id: str, at: datetime, seen: Seen) -> Outcome:
        self._tell("reconcile", seen)
        return Outcome.DECLINED
