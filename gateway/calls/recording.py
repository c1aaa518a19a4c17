"""Recording: one recording of one call, from StartCapture to its sealed file.

`start` and `finish` are the slow halves (database, disk); the driver runs them one after the other in
its queue of records. `shut` is the fast half: it stops the recorder at once, whatever storage does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from gateway.calls.capture import Capture
from gateway.calls.counts import Counts
from gateway.calls.line import Line, MuteCapture, OpenCapture, ShutCapture, UnmuteCapture
from gateway.calls.records import CallRecords, Ending, OpenRecording
from gateway.calls.transcribing import CallTranscription

SAMPLES_PER_MS = 8
OPEN_TIMEOUT_S = 3.0
SHUT_TIMEOUT_S = 3.0

log = logging.getLogger(__name__)


class RecordingError(Exception):
    """The recording could not begin or go on; the call does."""


class Recording:
    """One recording. `on_failed` is called once, from the event loop, if it breaks while it runs."""

    def __init__(
        self,
        artifact_id: str,
        line: Line,
        records: CallRecords,
        memory_folder: Path,
        sync_s: float,
        counts: Counts,
        on_failed: Callable[[str], None],
        transcription: CallTranscription | None = None,
    ) -> None:
        self.artifact_id = artifact_id
        self._line = line
        self._records = records
        self._counts = counts
        self.transcription = transcription
        listener = transcription.hear if transcription is not None else None
        self._capture = Capture(memory_folder / self.artifact_id, sync_s, counts, listener)
        self._on_failed = on_failed
        self._open: OpenRecording | None = None
        self._ordered = False
        self._shut = False
        self._muted = False
        self._incomplete_reason: str | None = None
        self._spans: list[list[int]] = []  # [start, end] in ms; end -1 while it runs
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()
        self._pumping: asyncio.Task[None] | None = None

    # --- what the line says -----------------------------------------------------------------------

    def hear_opened(self) -> None:
        """The files exist and grow."""
        self._opened.set()

    def hear_shut(self) -> None:
        """The files are closed, or the worker that wrote them is gone."""
        self._closed.set()
        self._opened.set()

    # --- what the flow asks -----------------------------------------------------------------------

    async def start(self, store: Callable[[str], Awaitable[OpenRecording]]) -> bool:
        """Store, then record. False when it was stopped before it could begin.

        `store` commits the row, ground and key of the recording of that id. Raises what storage raised, or
        `RecordingError` when the recorder does not answer.
        """
        if self._shut:
            return False
        await asyncio.to_thread(self._capture.prepare)
        self._open = await store(self.artifact_id)
        if self._shut:
            return False
        self._capture.permit(self._open.spool)
        self._ordered = True
        self._line.send(OpenCapture(str(self._capture.folder)))
        if self._muted:
            self._line.send(MuteCapture())
        else:
            self._spans.append([0, -1])
        try:
            await asyncio.wait_for(self._opened.wait(), OPEN_TIMEOUT_S)
        except asyncio.TimeoutError as error:
            raise RecordingError("the recorder did not start") from error
        if self.transcription is not None:
            self.transcription.start()
        self._pumping = asyncio.get_running_loop().create_task(self._pump())
        return True

    def mute(self) -> None:
        """Silence from here on (pause, hold)."""
        self._muted = True
        if self._ordered and not self._shut:
            self._line.send(MuteCapture())
            self._end_span()

    def unmute(self) -> None:
        """Sound again."""
        self._muted = False
        if self._ordered and not self._shut:
            self._line.send(UnmuteCapture())
            self._spans.append([self._position_ms(), -1])

    def shut(self) -> None:
        """Stop the recorder now."""
        if not self._shut:
            self._shut = True
            if self._ordered:
                self._line.send(ShutCapture())
            else:
                self._closed.set()

    async def finish(self, keep: bool, incomplete_reason: str | None) -> bool:
        """Write the rest of what was captured; without `keep`, let go of it. True when it is to be sealed."""
        self.shut()
        if not keep and self.transcription is not None:
            await self.transcription.abort()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closed.wait(), SHUT_TIMEOUT_S)
        if self._pumping is not None:
            self._pumping.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._pumping
        if self._open is None:
            await self._capture.discard()
            return False
        if keep:
            try:
                await self._capture.pump(last=True)
            except Exception:
                log.exception("the end of a recording could not be written")
                incomplete_reason = incomplete_reason or "storage"
        await self._capture.discard()
        try:
            self._open.spool.close()
        except Exception:
            log.exception("a spool could not be closed")
            incomplete_reason = incomplete_reason or "storage"
        if not keep:
            await self._records.discard(self._open)
            return False
        self._end_span()
        self._incomplete_reason = incomplete_reason
        return True

    async def seal(self, at: datetime) -> None:
        """Seal what `finish` wrote, as of `at`; may be tried again when storage could not."""
        assert self._open is not None
        await self._records.seal(self._open, at, Ending(self.captured_ms, self._incomplete_reason))

    @property
    def captured_ms(self) -> tuple[tuple[int, int], ...]:
        """The spans that were captured, from the start of the recording."""
        return tuple((start, end) for start, end in self._spans if end > start)

    @property
    def duration_ms(self) -> int:
        """How long the recording is so far."""
        return self._position_ms()

    # --- helpers -----------------------------------------------------------------------------------

    async def _pump(self) -> None:
        try:
            await self._capture.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("a recording could not be written")
            self._counts.storage_failures["recording"] += 1
            self._on_failed(type(error).__name__)

    def _position_ms(self) -> int:
        return self._capture.position // SAMPLES_PER_MS

    def _end_span(self) -> None:
        if self._spans and self._spans[-1][1] < 0:
            self._spans[-1][1] = self._position_ms()
