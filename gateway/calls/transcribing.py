"""Transcribing: both legs of one recording to the transcribers, while the call runs; at its end the words.

Promises:
1. It hears what is written to the recording, the same samples, and nothing else; there is none of it before
   a recording is stored.
2. It never holds up a recording or a call. What it cannot get transcribed is a gap, and each gap is left to
   the catch-up job of that recording.
3. Words are told to whoever watches and handed over at the end; they are kept nowhere in between but here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from storage.jobs import Span
from transcription.client import LegStream
from transcription.protocol import HeardWord, StreamConfig
from transcription.segments import (
    CLOSED_REASONS,
    PAUSED,
    SPEAKER_OF,
    Gap,
    Leg,
    Segment,
    Transcript,
    Word,
    dropped,
    merged,
)
from transcription.servers import Servers

UNKNOWN = "[…]"
"""Something that is not in the vocabulary of the model."""
_UNKNOWN_WORDS = ("[unk]", "<unk>")
CHANNEL = {Leg.CALLER: 0, Leg.AGENT: 1}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    """What a watcher is told. Not settled: what is being said, and may change. `words` of settled ones."""

    leg: Leg
    text: str
    settled: bool
    heard_s: float  # how much of the recording this comes from
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Transcribing:
    """How calls are transcribed: where, and as what."""

    servers: Servers
    config: StreamConfig
    language: str = "da"
    model: str = ""
    max_lag_s: float = 20.0

    def open(self, on_heard: Callable[[Heard], None]) -> CallTranscription:
        """For one recording that begins."""
        return CallTranscription(self, on_heard)


class CallTranscription:
    """One recording, live. `hear` what is recorded, then `finish` or `abort`."""

    def __init__(self, how: Transcribing, on_heard: Callable[[Heard], None]) -> None:
        self._how = how
        self._on_heard = on_heard
        self._told = True
        self._streams = {leg: self._stream(leg) for leg in Leg}

    def _stream(self, leg: Leg) -> LegStream:
        stream = LegStream(self._how.servers, self._how.config, max_queued_s=self._how.max_lag_s)
        stream.on_partial = lambda text: self._tell(leg, text, ())
        stream.on_final = lambda words: self._tell(leg, "", words)
        return stream

    def _tell(self, leg: Leg, text: str, heard: Sequence[HeardWord]) -> None:
        if not self._told:
            return
        words = as_words(heard, leg)
        stream = self._streams[leg]
        told = " ".join(word.text for word in words) if words else text
        self._on_heard(Heard(leg, told, bool(words), stream.heard_s, words))

    def start(self) -> None:
        """Begin to send what is heard."""
        for stream in self._streams.values():
            stream.start()

    @property
    def lag_s(self) -> float:
        """How far the slower leg is behind, in seconds."""
        return max(stream.lag_s for stream in self._streams.values())

    def hear(self, stereo: bytes) -> None:
        """Some more of the recording: interleaved 16-bit PCM, caller left, agent right."""
        samples = np.frombuffer(stereo, dtype="<i2").reshape(-1, 2)
        for leg, stream in self._streams.items():
            stream.feed(samples[:, CHANNEL[leg]].tobytes())

    async def finish(self, captured_ms: Iterable[tuple[int, int]], duration_ms: int) -> Transcript:
        """The words of both legs and the gaps; what was paused is empty, and stays so."""
        await asyncio.gather(*(stream.finish() for stream in self._streams.values()))
        duration_s = duration_ms / 1000
        transcript = merged(
            [Segment(leg, as_words(stream.words, leg)) for leg, stream in self._streams.items()],
            [
                Gap(leg, gap.start_s, gap.end_s, gap.reason)
                for leg, stream in self._streams.items()
                for gap in stream.gaps
            ],
            language=self._how.language,
            model=self._how.model,
            duration_s=duration_s,
        )
        return dropped(transcript, pauses(captured_ms, duration_s), PAUSED)

    def hush(self) -> None:
        """Tell nobody anything more (withdrawal), whatever still comes."""
        self._told = False

    async def abort(self) -> None:
        """Forget every word."""
        self.hush()
        await asyncio.gather(*(stream.abort() for stream in self._streams.values()))


def as_words(heard: Iterable[HeardWord], leg: Leg) -> tuple[Word, ...]:
    """What a transcriber heard, as words of a transcript."""
    return tuple(
        Word(
            UNKNOWN if word.text in _UNKNOWN_WORDS else part,
            word.start_s,
            word.end_s,
            word.confidence,
            SPEAKER_OF[leg],
        )
        for word in heard
        for part in word.text.split()
    )


def pauses(captured_ms: Iterable[tuple[int, int]], duration_s: float) -> list[tuple[float, float]]:
    """The spans between what was captured, in seconds."""
    found, at = [], 0.0
    for start_ms, end_ms in sorted(captured_ms):
        if start_ms / 1000 > at:
            found.append((at, start_ms / 1000))
        at = max(at, end_ms / 1000)
    return [*found, (at, duration_s)] if at < duration_s else found


def open_spans(transcript: Transcript) -> tuple[Span, ...]:
    """What is still to be transcribed: the gaps that may be filled."""
    return tuple(
        Span(gap.leg.value, int(gap.start_s * 1000), int(gap.end_s * 1000) + 1)
        for gap in transcript.gaps
        if gap.reason not in CLOSED_REASONS
    )
