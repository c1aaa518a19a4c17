"""The stages of a call, read from its timeline: what lasted from when to when. Pure.

Metrics of duration and traces are made from them, so the two never disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.calls.timeline import Entry

# Stage: what begins it, what ends it. The end of the call ends everything.
_BORDERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "answer": (frozenset({"arrived"}), frozenset({"answered"})),
    "greeting": (frozenset({"greeting_started"}), frozenset({"prompt_started", "agent_dialled"})),
    "prompt": (frozenset({"prompt_started"}), frozenset({"prompt_finished", "decision"})),
    "question": (frozenset({"prompt_started"}), frozenset({"decision"})),
    "store_consent": (frozenset({"decision"}), frozenset({"consent_stored", "consent_not_stored"})),
    "ring": (frozenset({"agent_dialled"}), frozenset({"agent_answered", "agent_failed"})),
    "bridge": (frozenset({"agent_answered"}), frozenset({"hung_up"})),
    "capture": (frozenset({"capture_started"}), frozenset({"capture_stopped"})),
    "pause": (frozenset({"capture_paused"}), frozenset({"capture_resumed", "capture_stopped"})),
}
STAGES = tuple(_BORDERS)
"""Every stage there is, in the order in which they usually begin."""


@dataclass(frozen=True)
class Stage:
    """Something of a call that lasted. `detail` is that of the entries at its borders."""

    name: str
    start: datetime
    end: datetime
    detail: dict[str, str | int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.end - self.start).total_seconds()


def stages_of(timeline: Sequence[Entry]) -> list[Stage]:
    """The stages in the order in which they began; one that was under way at the end ends there."""
    found: list[Stage] = []
    for name, (begins, ends) in _BORDERS.items():
        begun: Entry | None = None
        for entry in timeline:
            over = entry.name in ends or (entry.name == "closed" and begun is not None)
            if begun is not None and over:
                if name != "store_consent" or entry.name != "closed":
                    found.append(Stage(name, begun.at, entry.at, {**begun.detail, **entry.detail}))
                begun = None
            elif entry.name in begins and begun is None and _counts(name, entry):
                begun = entry
    return sorted(found, key=lambda stage: (stage.start, STAGES.index(stage.name)))


def _counts(stage: str, entry: Entry) -> bool:
    """Only of a yes it is waited for that it is stored."""
    return stage != "store_consent" or entry.detail.get("decision") == "accepted"


def durations(timeline: Sequence[Entry]) -> Iterator[tuple[str, float]]:
    """What a finished call adds to the histograms: name and seconds. What did not happen adds nothing.

    answer: INVITE to 200. prompt_to_key: first sound of the question to the key that was accepted.
    consent_to_capture: from when it may be recorded (the record stored, the agent there) to when it is.
    ring: agent dialled to answered. call: answered to closed.
    """
    first = {entry.name: entry.at for entry in reversed(timeline)}
    for stage in stages_of(timeline):
        if stage.name == "answer" and "answered" in first:
            yield "answer", stage.seconds
        elif stage.name == "ring" and "agent_answered" in first:
            yield "ring", stage.seconds
    yield from (("prompt_to_key", seconds) for seconds in _to_keys(timeline))
    if "capture_started" in first and "consent_stored" in first:
        permitted = max(first["consent_stored"], first.get("agent_answered", first["consent_stored"]))
        yield "consent_to_capture", (first["capture_started"] - permitted).total_seconds()
    if "answered" in first and "closed" in first:
        yield "call", (first["closed"] - first["answered"]).total_seconds()


def _to_keys(timeline: Sequence[Entry]) -> Iterator[float]:
    asked: datetime | None = None
    pressed: datetime | None = None
    for entry in timeline:
        if entry.name == "prompt_started":
            asked, pressed = entry.at, None
        elif entry.name == "key" and entry.detail.get("key") == "accept":
            pressed = entry.at
        elif entry.name == "decision":
            if asked and pressed and entry.detail.get("decision") == "accepted":
                yield (pressed - asked).total_seconds()
            asked = pressed = None
