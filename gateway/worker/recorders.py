"""Two WAV files, one per leg, that begin on one tick of the media clock and end with one length.

The promises:
1. No recorder and no file exists before `open`, and `open` is called for `OpenCapture` only.
2. Both recorders start on the same tick: they are connected right after a tick, and what pjmedia has
   written to each is compared; when they differ, both are thrown away and started anew.
3. A looping silence paces both, so that they grow in step whether or not a leg is connected.
4. When `SHUT` is reached the two files are complete and of one length.

All steps are short: waiting for a tick is done by `pass_time`, so RTP is read meanwhile.
"""

from __future__ import annotations

import ctypes
from enum import Enum
from pathlib import Path

import pjsua2 as pj

from gateway.worker.endpoint import SipEndpoint, wav_header

HEADER_BYTES = 44
FILES = ("caller.wav", "agent.wav")
TICK_S = 0.02
SETTLE_S = 3 * TICK_S
GIVE_UP_S = 2.0


class Stage(Enum):
    """How far a capture is."""

    NONE = "none"
    WAITING = "waiting for a tick"
    CHECKING = "comparing both recorders"
    OPEN = "open"
    ENDING = "disconnected, last frames are written"
    CLOSING = "files are being closed"
    SHUT = "shut"
    FAILED = "failed"


class Recorders:
    """One capture of one call; a second `open` after `SHUT` begins another."""

    def __init__(self, endpoint: SipEndpoint, silence: pj.AudioMediaPlayer) -> None:
        self._lib = endpoint.lib
        self._lib.pjsua_recorder_get_port.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)]
        self._lib.pjmedia_wav_writer_port_get_pos.argtypes = [ctypes.c_void_p]
        self._lib.pjmedia_wav_writer_port_get_pos.restype = ctypes.c_ssize_t
        self._silence = silence
        self._recorders: list[pj.AudioMediaRecorder] = []
        self._folder = Path()
        self._tick = 0
        self._since = 0.0
        self._lengths = (0, 0)
        self.stage = Stage.NONE

    @property
    def media(self) -> tuple[pj.AudioMedia, pj.AudioMedia] | None:
        """Where the caller's and the agent's sound may be connected to; None: nowhere."""
        return (self._recorders[0], self._recorders[1]) if self.stage is Stage.OPEN else None

    def open(self, folder: str, now: float) -> None:
        """Create both files in `folder`; `stage` becomes OPEN at a tick soon after, or FAILED."""
        if self.stage not in (Stage.NONE, Stage.SHUT, Stage.FAILED):
            return
        self._folder = Path(folder)
        self._since = now
        self._create()

    def shut(self, now: float) -> None:
        """Close both files; `stage` becomes SHUT after a tick or two."""
        if self.stage in (Stage.WAITING, Stage.CHECKING, Stage.OPEN):
            self._disconnect()
            self._to(Stage.ENDING, now)

    def pass_time(self, now: float) -> None:
        """Go one step on, when it is time."""
        if self.stage is Stage.WAITING:
            self._wait_for_tick(now)
        elif self.stage is Stage.CHECKING:
            self._check(now)
        elif self.stage is Stage.ENDING and now - self._since >= SETTLE_S:
            self._lengths = (self._written(0), self._written(1))
            self._recorders.clear()
            self._to(Stage.CLOSING, now)
        elif self.stage is Stage.CLOSING:
            self._close(now)

    def due(self, now: float) -> float | None:
        """When `pass_time` is wanted."""
        if self.stage in (Stage.NONE, Stage.OPEN, Stage.SHUT, Stage.FAILED):
            return None
        return now + (0.001 if self.stage is Stage.WAITING else 0.005)

    def _create(self) -> None:
        try:
            for name in FILES:
                recorder = pj.AudioMediaRecorder()
                recorder.createRecorder(str(self._folder / name))
                self._recorders.append(recorder)
            self._tick = self._silence.getPos()
            self.stage = Stage.WAITING
        except pj.Error:
            self._recorders.clear()
            self.stage = Stage.FAILED

    def _wait_for_tick(self, now: float) -> None:
        tick = self._silence.getPos()
        if tick == self._tick:
            return
        for recorder in self._recorders:
            self._silence.startTransmit(recorder)
        self._to(Stage.CHECKING, now)

    def _check(self, now: float) -> None:
        """Compare what both have written. Within a tick one is written before the other: look again."""
        first, second, again = self._written(0), self._written(1), self._written(0)
        if first and first == again == second:
            self._to(Stage.OPEN, now)
        elif now - self._since >= 10 * TICK_S:
            self._disconnect()
            self._recorders.clear()
            self._to(Stage.CLOSING, now)
            self._lengths = (-1, -1)

    def _close(self, now: float) -> None:
        """Wait until pjmedia has let go of both files; then make them one length, or start again."""
        if now - self._since < SETTLE_S:
            return
        paths = [self._folder / name for name in FILES]
        if self._lengths[0] < 0:
            for path in paths:
                path.unlink(missing_ok=True)
            self._create()
            return
        sizes = [path.stat().st_size for path in paths if path.exists()]
        done = sizes == [HEADER_BYTES + length for length in self._lengths]
        if not done and now - self._since < GIVE_UP_S:
            return
        if len(sizes) == len(paths) and sizes[0] != sizes[1]:
            for path in paths:
                _lengthen(path, max(sizes) - HEADER_BYTES)
        self.stage = Stage.SHUT

    def _disconnect(self) -> None:
        for recorder in self._recorders:
            if self.stage is not Stage.WAITING:
                self._silence.stopTransmit(recorder)

    def _written(self, number: int) -> int:
        """Bytes of sound that a recorder has taken. Ids count from 0: no others exist in a worker."""
        port = ctypes.c_void_p()
        self._lib.pjsua_recorder_get_port(number, ctypes.byref(port))
        return int(self._lib.pjmedia_wav_writer_port_get_pos(port))

    def _to(self, stage: Stage, now: float) -> None:
        self.stage = stage
        self._since = now


def _lengthen(path: Path, data_bytes: int) -> None:
    """Bring a WAV file to `data_bytes` of sound with silence at its end."""
    with path.open("r+b") as file:
        file.write(wav_header(data_bytes))
        file.truncate(HEADER_BYTES + data_bytes)
