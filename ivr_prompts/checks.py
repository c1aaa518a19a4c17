"""The checks of a prompt: `check(candidate, wanted)` tells what is wrong with it, worst first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ivr_prompts.findings import Finding
from ivr_prompts.marker_checks import of_markers
from ivr_prompts.sound import Sound
from ivr_prompts.sound_checks import of_file, of_prompt
from ivr_prompts.wording import Wanted, of_text


@dataclass(frozen=True)
class Candidate:
    """A prompt that may become one. `sound` is what callers hear; `source` what it was made from, if more."""

    role: str
    language: str
    text: str
    sound: Sound  # 8 kHz
    markers_ms: Mapping[str, int] = field(default_factory=dict)
    source: Sound | None = None
    mixed_loss_db: float = 0.0  # of the source, when its channels became one


def check(candidate: Candidate, wanted: Wanted = Wanted()) -> tuple[Finding, ...]:
    """What is wrong; errors first. Of each thing found in source and sound alike, the source's is told."""
    spoken = bool(candidate.text.strip())
    sound = candidate.sound
    found = [
        *of_file(candidate.source or sound, spoken, candidate.mixed_loss_db),
        *of_prompt(candidate.role, sound, spoken),
        *of_markers(candidate.role, sound, candidate.markers_ms),
        *of_text(candidate.role, candidate.language, candidate.text, sound, wanted),
    ]
    return worst_first(found)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors before warnings, each in the order it was found, nothing twice."""
    told: dict[tuple[str, str], Finding] = {}
    for each in findings:
        told.setdefault((each.name, str(each.values.get("marker", each.values.get("pressed", "")))), each)
    return tuple(sorted(told.values(), key=lambda each: each.severity != "error"))
