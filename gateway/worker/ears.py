"""Where the caller is heard for keys in the sound: a port of the bridge, open only while keys are asked for.

The promises:
1. A frame is judged as it comes and let go of; what is handed on are keys. `shut` wipes the last 55 ms.
2. Shut, it hears nothing, whatever is still connected to it.
3. It lives as long as its process: pjsua2 crashes when a port is deleted while the media clock runs. It
   leaves the bridge, though, when nobody listens any more: the clock would call it at every tick, which costs
   as much as a quarter of the call.

The clock's thread waits for Python in here (some 0.2 ms in 20). Nothing is recorded while that happens.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections import deque

import numpy as np
import pjsua2 as pj

from gateway.worker.endpoint import SAMPLE_RATE_HZ, at_the_edge
from gateway.worker.inband import FRAME, Frame, InbandDetector, Tone

log = logging.getLogger(__name__)

FRAME_US = 20_000
_Pointers = ctypes.c_void_p * 2
_MOST = 32  # keys that may wait to be taken: more than fingers can press meanwhile


class Ears(pj.AudioMediaPort):  # type: ignore[misc]
    """`open`, connect the caller, `take` the keys now and then, `shut`."""

    def __init__(self) -> None:
        super().__init__()
        sound = pj.MediaFormatAudio()
        sound.init(pj.PJMEDIA_FORMAT_PCM, SAMPLE_RATE_HZ, 1, FRAME_US, 16)
        self.createPort("keys", sound)
        self._lock = threading.Lock()
        self._detector = InbandDetector()
        self._keys: deque[Tone] = deque(maxlen=_MOST)
        self._known_thread = 0
        self.hears = False
        """Whether it is open."""

    def open(self) -> None:
        """Hear from now on."""
        self.hears = True

    def shut(self) -> None:
        """Hear nothing more, and forget what was heard; keys that nobody took are none."""
        with self._lock:
            self.hears = False
            self._detector.forget()
            self._keys.clear()

    def take(self) -> list[Tone]:
        """The keys that have ended since the last time."""
        return [self._keys.popleft() for _ in range(len(self._keys))]

    @at_the_edge
    def onFrameReceived(self, frame: pj.MediaFrame) -> None:
        if not self.hears:
            return
        if self._known_thread != threading.get_ident():
            self._known_thread = threading.get_ident()
            # Python then keeps what it knows of the clock's thread, instead of building it up at each tick.
            ctypes.pythonapi.PyGILState_Ensure()
        with self._lock:
            if self.hears:
                self._keys.extend(self._detector.hear(_samples(frame)))


_gone: list[Ears] = []
"""Ports that have left the bridge: never deleted, as the bridge would take another's place for theirs."""


class Hearing:
    """The caller heard for keys in the sound while somebody wants it."""

    def __init__(self, lib: ctypes.CDLL) -> None:
        self._lib = lib
        self._ears: Ears | None = None
        self.until = 0.0
        """When the caller was last heard; monotonic seconds."""

    @property
    def media(self) -> pj.AudioMedia | None:
        """Where the caller is to be connected to; None: nobody listens."""
        return self._ears if self._ears is not None and self._ears.hears else None

    def start(self) -> None:
        """Listen from now on."""
        try:
            self._ears = self._ears or Ears()
            self._ears.open()
        except pj.Error as error:
            log.error("keys in the sound cannot be heard", extra={"pii": {"text": str(error)}})

    def stop(self, now: float) -> None:
        """Listen no more."""
        if self._ears is not None and self._ears.hears:
            self._ears.shut()
            self.until = now

    def take(self) -> list[Tone]:
        """The keys that have ended since the last time."""
        return self._ears.take() if self._ears is not None else []

    def leave(self) -> None:
        """Take the port from the bridge if nobody listens; only when nothing is connected to it any more."""
        if self._ears is not None and not self._ears.hears:
            self._lib.pjsua_conf_remove_port(self._ears.getPortId())
            _gone.append(self._ears)
            self._ears = None


def _samples(frame: pj.MediaFrame) -> Frame | None:
    """A copy of the frame's sound; None: there is none.

    The vector's own pointers are read: pjsua2 converts it byte by byte, which takes a hundred times as long.
    """
    if frame.type != pj.PJMEDIA_FRAME_TYPE_AUDIO:
        return None
    begin, end = _Pointers.from_address(int(frame.buf.this))
    if not begin or not end or end - begin != 2 * FRAME:
        return None
    return np.frombuffer(ctypes.string_at(begin, end - begin), "<i2").astype(np.int16)
