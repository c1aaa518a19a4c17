"""The timeline of a call: what happened when, in words that name nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

NAMES = (
    "arrived",
    "answered",
    "greeting_started",
    "prompt_started",
    "marker_passed",
    "prompt_finished",
    "key",
    "decision",
    "consent_stored",
    "consent_not_stored",
    "agent_dialled",
    "agent_ringing",
    "agent_answered",
    "agent_failed",
    "case_named",
    "capture_started",
    "capture_paused",
    "capture_resumed",
    "capture_stopped",
    "recording_sealed",
    "transcript_stored",
    "held",
    "resumed",
    "withdrawn",
    "transfer_begun",
    "transfer_done",
    "transfer_failed",
    "transfer_abandoned",
    "transferred",
    "hung_up",
    "leg_ended",
    "closed",
)
"""Every entry there is; each has a text in both languages."""


@dataclass(frozen=True)
class Entry:
    """One line. `detail` holds no numbers, names, digits or words of the caller."""

    name: str
    at: datetime
    detail: dict[str, str | int] = field(default_factory=dict)
