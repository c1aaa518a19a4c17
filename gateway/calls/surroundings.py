"""What a live call needs around it: its clock, its prompts, and what all calls share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Protocol

from gateway.callflow.settings import FlowSettings
from gateway.calls.backlog import Backlog
from gateway.calls.counts import Counts
from gateway.calls.records import CallRecords
from gateway.calls.timeline import Entry
from gateway.calls.transcribing import Transcribing
from gateway.calls.trunks import Trunk
from ivr_prompts.catalogue import Prompt


class PromptSource(Protocol):
    """Where a call has its prompts from (`gateway.calls.prompt_book`)."""

    def for_call(self, flow: FlowSettings, dialled: str, at: datetime) -> Mapping[str, Prompt]:
        """By role, what a call that begins at `at` plays from its first to its last prompt."""


@dataclass(frozen=True)
class Surroundings:
    """What all calls share."""

    records: CallRecords
    prompts: PromptSource
    memory_folder: Path
    counts: Counts = field(default_factory=Counts)
    sync_s: float = 0.5
    policy_version: str = "1"
    delete_partial: bool = True  # whether a withdrawal in mid-call removes what was recorded
    on_entry: Callable[[str, Entry], None] | None = None  # called with the call's id
    transcribing: Transcribing | None = None  # None: calls are not transcribed
    trunk_of: Callable[[str], Trunk] = lambda source: Trunk()  # by its name, or the address of an INVITE
    backlog: Backlog | None = None  # None: one of each call's own


class CallClock:
    """The flow's monotonic seconds and the record's UTC instants, tied together when the call begins."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._began_at = datetime.now(timezone.utc)

    def now(self) -> float:
        """Seconds since the call began."""
        return time.monotonic() - self._began

    def at(self, now: float) -> datetime:
        """The instant (UTC) of a moment on the flow's clock; a stepped system clock does not show."""
        return self._began_at + timedelta(seconds=now)
