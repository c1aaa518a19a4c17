"""What the gateway counts while it runs: plain numbers, read by the metrics page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


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
