"""Capture: two legs' growing WAV files become one sealed stereo spool, while the call runs.

A worker's recorders write `caller.wav` and `agent.wav` into a memory-backed folder. `LegFiles` reads
what has grown, gives the memory back, and pairs the legs by sample offset; `Capture` appends the
pairs, sealed, to the spool and makes them durable on a schedule.

Promises:
1. Nothing is read before `permit()`, which the driver calls when the recording's row is committed.
   Bytes found before that are counted, and thrown away.
2. Caller left, agent right; a leg that is behind is waited for, and padded with silence at the end.
3. Memory does not grow with the call: what was written is given back to the system, and nothing before, so
   that a killed gateway's successor finds the rest.
4. Tones of keys are silenced before anything is written (`tones`).
5. Whoever listens (`on_audio`) hears what was written, and cannot disturb the writing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from gateway.calls.counts import Counts
from gateway.calls.tones import StereoEraser

WAV_HEADER_BYTES = 44
SAMPLE_BYTES = 2
LEGS = ("caller.wav", "agent.wav")
PAGE_BYTES = 4096
POLL_S, HEARD_POLL_S = 0.5, 0.2  # the second while somebody listens, such as a transcriber
SHORTEST_POLL_S = 0.05
STALLED_S = 4.0  # the recorders grow all the time, also in silence; if not, memory is full

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where stereo PCM goes: `storage.spool.Spool`."""

    def append(self, pcm: bytes) -> None:
        """Add interleaved 16-bit stereo PCM."""

    def sync(self) -> None:
        """Make what was added survive a power cut."""


class CaptureStalled(Exception):
    """The recorders' files no longer grow: the memory folder is full, or the media clock stands still."""


class LegFiles:
    """The two growing files of one recording, read in step."""

    def __init__(self, folder: Path, already_read_bytes: int = 0) -> None:
        self.folder = folder
        self._files = [-1, -1]
        self._read_bytes = [already_read_bytes, already_read_bytes]
        self._freed_to = PAGE_BYTES  # the first page holds the header
        self._waiting = [bytearray(), bytearray()]

    def take(self, last: bool = False) -> bytes:
        """The stereo PCM that has become whole since the last time; with `last`, all that is left."""
        for leg in (0, 1):
            self._waiting[leg] += self._grown(leg)
        lengths = [len(waiting) for waiting in self._waiting]
        size = (max if last else min)(lengths)
        size -= size % SAMPLE_BYTES
        if size == 0:
            return b""
        stereo = np.zeros((size // SAMPLE_BYTES, 2), dtype="<i2")
        for leg, waiting in enumerate(self._waiting):
            mine = bytes(waiting[:size])
            mine = mine[: len(mine) - len(mine) % SAMPLE_BYTES]
            stereo[: len(mine) // SAMPLE_BYTES, leg] = np.frombuffer(mine, dtype="<i2")
            del waiting[:size]
        return stereo.tobytes()

    def _grown(self, leg: int) -> bytes:
        if self._files[leg] < 0:
            try:
                self._files[leg] = os.open(self.folder / LEGS[leg], os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                return b""
        fd, offset = self._files[leg], WAV_HEADER_BYTES + self._read_bytes[leg]
        data = os.pread(fd, max(0, os.fstat(fd).st_size - offset), offset)
        self._read_bytes[leg] += len(data)
        return data

    def written(self) -> int:
        """Samples that both legs have by now, read or not; 0 when the files are not open."""
        if min(self._files) < 0:
            return 0
        shorter = min(os.fstat(fd).st_size for fd in self._files)
        return max(0, shorter - WAV_HEADER_BYTES) // SAMPLE_BYTES

    def give_back(self, frames: int) -> None:
        """Free the memory of the first `frames` samples: they are written, and nobody reads them again."""
        end = (WAV_HEADER_BYTES + frames * SAMPLE_BYTES) // PAGE_BYTES * PAGE_BYTES
        if end > self._freed_to:
            for fd in self._files:
                if fd >= 0:
                    _free(fd, self._freed_to, end - self._freed_to)
            self._freed_to = end

    def close(self) -> None:
        """Let go of the files."""
        for leg, fd in enumerate(self._files):
            if fd >= 0:
                os.close(fd)
                self._files[leg] = -1

    def remove(self) -> None:
        """Close the files and remove the folder with them."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Capture:
    """Pumps one recording from its leg files to its sink until it is finished or abandoned."""

    def __init__(
        self, folder: Path, sync_s: float, counts: Counts, on_audio: Callable[[bytes], None] | None = None
    ) -> None:
        self._files = LegFiles(folder)
        self._on_audio = on_audio
        self._tones = StereoEraser()
        self._sync_s = sync_s
        self._counts = counts
        self._sink: Sink | None = None
        self._synced_at = 0.0
        self._lock = asyncio.Lock()
        self._failed: Exception | None = None
        self._grew_at: float | None = None
        self.frames = 0  # samples per leg appended so far

    @property
    def folder(self) -> Path:
        """Where the worker writes."""
        return self._files.folder

    @property
    def position(self) -> int:
        """Samples per leg that were captured, some of which may not be read yet."""
        return max(self.frames, self._files.written())

    def prepare(self) -> None:
        """Make the empty folder. What lies there already is caller audio where none may be."""
        found = stray_audio_bytes(self.folder)
        if found:
            self._counts.preconsent_audio_bytes += found
            log.error("audio was found before consent and removed", extra={"bytes": found})
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def permit(self, sink: Sink) -> None:
        """From here on audio may be read: the recording and its ground are stored."""
        self._sink = sink

    async def run(self) -> None:
        """Pump until cancelled; raises what the sink raised (a full disk, ...)."""
        while True:
            await asyncio.sleep(self._poll_s)
            # To the end, also when cancelled: what is written is heard, and one thread at a time writes.
            await asyncio.shield(asyncio.ensure_future(self.pump()))

    @property
    def _poll_s(self) -> float:
        """Seconds from one pump to the next: not more often than need be, as it is most of a call's work."""
        return min(POLL_S if self._on_audio is None else HEARD_POLL_S, max(self._sync_s, SHORTEST_POLL_S))

    async def pump(self, last: bool = False) -> None:
        """Move what has grown; with `last`, everything, and durably."""
        async with self._lock:
            stereo = await asyncio.to_thread(self._pump, last)
            if stereo and self._on_audio is not None:
                try:
                    self._on_audio(stereo)
                except Exception:
                    self._on_audio = None
                    log.exception("who listens to a recording failed")

    def _pump(self, last: bool) -> bytes:
        if self._failed is not None:
            raise self._failed
        if self._sink is None:
            return b""
        try:
            stereo = self._tones.take(self._files.take(last), last)
            if stereo:
                self._sink.append(stereo)
                self.frames += len(stereo) // (2 * SAMPLE_BYTES)
                self._files.give_back(self.frames)
                self._counts.captured_audio_bytes += len(stereo)
            now = time.monotonic()
            if stereo or self._grew_at is None:
                self._grew_at = now
            elif not last and now - self._grew_at > STALLED_S:
                self._sink.append(self._tones.take(b"", last=True))
                raise CaptureStalled("the recorders stand still; is the memory folder full?")
            if last or now - self._synced_at >= self._sync_s - self._poll_s / 2:
                self._sink.sync()
                self._synced_at = now
            return stereo
        except Exception as error:
            self._failed = error
            raise

    async def discard(self) -> None:
        """Forget what was not read: the files go."""
        async with self._lock:
            self._sink = None
            await asyncio.to_thread(self._files.remove)


def stray_audio_bytes(folder: Path) -> int:
    """Bytes of sound in leg files that lie in `folder`."""
    return sum(max(0, path.stat().st_size - WAV_HEADER_BYTES) for path in folder.glob("*.wav"))


_libc = ctypes.CDLL(None, use_errno=True)
_PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01


def _free(fd: int, start: int, length: int) -> None:
    """Free whole pages of a file; it keeps its size (Linux, tmpfs)."""
    with contextlib.suppress(AttributeError):
        _libc.fallocate(
            ctypes.c_int(fd),
            ctypes.c_int(_PUNCH_HOLE_KEEP_SIZE),
            ctypes.c_long(start),
            ctypes.c_long(length),
        )
