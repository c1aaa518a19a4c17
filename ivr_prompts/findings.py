"""Findings: what the checks of a prompt can find, and the numbers each one tells.

What a finding means and what to do about it is said in Danish and English in `gateway/texts/prompts.py`,
under `finding.NAME`, with the values below put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]
Value = int | float | str

VALUES: dict[str, tuple[str, ...]] = {
    # the file: ivr_prompts.sound_checks
    "sample_rate": ("rate_hz",),
    "channels_cancel": ("loss_db",),
    "silent": ("peak_dbfs",),
    "too_short": ("length_ms", "least_ms"),
    "too_long": ("length_s", "most_s"),
    "too_quiet": ("lufs", "least_lufs"),
    "too_loud": ("lufs", "most_lufs"),
    "true_peak": ("peak_dbtp", "lower_db"),
    "clipped": ("places", "first_ms"),
    "dc_offset": ("percent",),
    "muffled": ("share_db",),
    "outside_band": ("percent",),
    "starts_abruptly": ("lead_ms", "least_ms"),
    "starts_late": ("lead_ms", "most_ms"),
    "ends_abruptly": ("tail_ms", "least_ms"),
    "ends_late": ("tail_ms", "most_ms"),
    "long_pause": ("at_ms", "pause_ms"),
    # markers: ivr_prompts.marker_checks
    "markers_missing": ("names",),
    "markers_unknown": ("names",),
    "markers_order": ("names",),
    "marker_outside": ("marker", "ms", "length_ms"),
    "marker_in_speech": ("marker", "ms", "pause_ms"),
    "no_pauses": (),
    "speech_after_end": ("ms", "speech_ms"),
    # the words: ivr_prompts.wording
    "text_empty": (),
    "text_length": ("per_s",),
    "language_unknown": ("language",),
    "key_not_named": ("keys",),
    "other_key": ("pressed", "keys"),
    "purposes_more": ("purposes",),
    "purposes_missing": ("purposes",),
    "policy_wording": ("word", "says", "policy"),
    "company_not_named": ("company",),
}
"""The name of every finding, and the names of its values. A unit ends the name of a value."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a prompt. An error keeps it from being approved."""

    severity: Severity
    name: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same for a JSON column."""
        return {"severity": self.severity, "name": self.name, "values": dict(self.values)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Finding:
        """The finding in `as_json`'s words."""
        return cls(told["severity"], str(told["name"]), dict(told["values"]))


def error(name: str, **values: Value) -> Finding:
    """A finding that must go before approval."""
    return Finding("error", name, values)


def warning(name: str, **values: Value) -> Finding:
    """A finding that can be accepted with a reason."""
    return Finding("warning", name, values)
