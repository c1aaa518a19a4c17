"""What the gateway counts while it runs: plain numbers, read by the metrics page."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

SHORT_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for what machines do while a caller waits."""
WAITED_S = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0)
"""Bounds for what people take: to decide, to answer."""
CALL_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
"""Bounds for the length of a call."""
SWEEP_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
"""Bounds for a sweep: it may have a whole archive to erase."""


class Histogram:
    """How long something took, in seconds, counted below each of some bounds."""

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self.bounds_s = bounds_s
        self.sum_s = 0.0
        self._counts = [0] * (len(bounds_s) + 1)

    def observe(self, seconds: float) -> None:
        """Count one; what a stepped clock makes negative counts as nothing."""
        seconds = max(0.0, seconds)
        self._counts[bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts)

    def below(self) -> Iterator[tuple[float, int]]:
        """Each bound with how many took no longer; the last bound is infinity."""
        total = 0
        for bound, count in zip((*self.bounds_s, float("inf")), self._counts, strict=True):
            total += count
            yield bound, total


def _durations() -> dict[str, Histogram]:
    return {
        "answer": Histogram(SHORT_S),
        "prompt_to_key": Histogram(WAITED_S),
        "consent_to_capture": Histogram(SHORT_S),
        "ring": Histogram(WAITED_S),
        "call": Histogram(CALL_S),
        "sweep": Histogram(SWEEP_S),
    }


@dataclass
class Counts:
    """Counters since the start; none of their names or labels is about a person."""

    calls: Counter[str] = field(default_factory=Counter)  # by how they ended
    decisions: Counter[str] = field(default_factory=Counter)  # by answer
    recordings: Counter[str] = field(default_factory=Counter)  # by how they ended
    key_methods: Counter[tuple[str, str]] = field(default_factory=Counter)  # questions by trunk and method
    refused_events: int = 0
    preconsent_audio_bytes: int = 0  # must stay 0: caller audio found where none may be
    captured_audio_bytes: int = 0
    storage_failures: Counter[str] = field(default_factory=Counter)  # by what could not be stored
    transcripts: Counter[str] = field(default_factory=Counter)  # by whether they were whole at the end
    prompt_fallbacks: Counter[str] = field(default_factory=Counter)  # by role: the shipped one played instead
    webhooks: Counter[str] = field(default_factory=Counter)  # events, by what became of them
    swept: Counter[str] = field(default_factory=Counter)  # by kind of artifact
    outcomes: Counter[str] = field(default_factory=Counter)  # by name of `storage.outcomes`
    durations: dict[str, Histogram] = field(default_factory=_durations)
