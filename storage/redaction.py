"""Redaction as storage asks for it: what finds numbers that identify people is given to the desk.

Promises:
1. Without it no words are given out redacted, and so none to a role that may not read them whole: a desk
   that was built without redaction refuses, it never hands out words as they are.
2. A silenced copy differs from the recording in the silenced samples only: same rate, length and legs.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import soundfile

from storage.sealed import MediaError, SealedReader

Silences = Sequence[Sequence[tuple[float, float]]]
"""For each channel (0: caller, 1: agent) the stretches to silence: start and end in seconds."""


class NotTranscribed(Exception):
    """There is no transcript from which to know what to silence in a recording."""


def _no_redaction(words: bytes) -> Any:
    raise ValueError("there is no redaction here")


@dataclass(frozen=True)
class Redaction:
    """`words`: the words without the numbers that identify people; `silences`: where those are heard.

    Both take the words of a transcript or derivative as they are stored, and raise `ValueError` for what they
    cannot read: what cannot be redacted is not given out.
    """

    words: Callable[[bytes], bytes] = _no_redaction
    silences: Callable[[bytes], Silences] = _no_redaction


class SilencedSound:
    """An opened recording and what is to be silenced in a copy of it. A context manager."""

    def __init__(self, reader: SealedReader | io.BytesIO, silences: Silences) -> None:
        self._reader = reader
        self.silences = silences

    def __enter__(self) -> SilencedSound:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.close()

    def write(self, file: IO[bytes]) -> None:
        """Write the copy as FLAC to a file that can seek. `MediaError`, `OSError`."""
        told = _Told(file)
        try:
            with soundfile.SoundFile(self._reader) as source:
                rate_hz, at = source.samplerate, 0
                how: dict[str, Any] = {"subtype": "PCM_16", "format": "FLAC"}
                frames = source.frames
                with soundfile.SoundFile(told, "w", rate_hz, source.channels, **how) as copy:
                    for block in source.blocks(10 * rate_hz, dtype="int16", always_2d=True):
                        copy.write(self._silenced(block, at, rate_hz))
                        at += len(block)
                        if told.error is not None:
                            break
        except soundfile.SoundFileError as error:
            raise told.error or MediaError("the recording cannot be decoded") from error
        if told.error is not None:
            raise told.error
        if at < frames:  # an error of the reader, which passed through C as well
            raise MediaError("the recording is shorter than it says")

    def _silenced(self, block: npt.NDArray[np.int16], at: int, rate_hz: int) -> npt.NDArray[np.int16]:
        """A block that begins at the sample `at`, each leg silent where it must be."""
        block = block.copy()
        for channel, intervals in enumerate(self.silences[: block.shape[1]]):
            for start_s, end_s in intervals:
                first = max(0, math.floor(start_s * rate_hz) - at)
                end = max(0, math.ceil(end_s * rate_hz) - at)
                block[first:end, channel] = 0
        return block


class _Told:
    """A file that keeps the error of a write: libsndfile calls back from C, where none can be raised."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, piece: bytes) -> int:
        if self.error is None:
            try:
                return self._file.write(piece)
            except OSError as error:
                self.error = error
        return 0

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is held back."""
