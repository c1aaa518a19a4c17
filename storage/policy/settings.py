"""The settings of the recording policy, with the defaults of its rules (§11). Standard library only.

Each section is a frozen dataclass whose field names are those of `policy` in config.yaml. Where the
policy can be read two ways the readings are in `CHOICES`; the first is the cautious default.
Periods are ISO 8601 durations in years, months and days ("P1Y", "P13M"), never a number of seconds:
they are counted on the calendar.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from storage.policy.clocks import add_months

CHOICES: dict[str, tuple[str, ...]] = {
    "tz": ("Europe/Copenhagen",),
    "retention.day_count": ("calendar", "exact_24h"),
    "retention.anchor": ("recording_started_at", "ended_at"),
    "retention.transcript_anchor": ("source_recording",),
    "rights.doc_hold_clock": ("request_received", "review_completed"),
    "rights.doc_clock": ("request_closed",),
    "rights.doc_rounding": ("none", "calendar_year_end"),
    "rights.on_withdrawal": ("release_after_fulfilment", "keep"),
    "complaint.end_rule": ("max_closure_limitation", "at_final_closure", "closure_plus_3y"),
    "complaint.knowledge_default": ("complaint_received",),
    "complaint.legal_confirm": ("required",),
    "investigation.no_action_scope": ("all_copies", "inspector_copy_only"),
    "investigation.clock": ("recording",),
    "investigation.extension.ceiling": ("limitation_date",),
    "location.storage": ("EU_EEA_only",),
    "location.third_country_access": ("deny_unless_tool_and_ticket",),
}
REQUEST_KINDS = ("access", "erasure", "rectification", "restriction", "objection")
_PERIOD = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?")


@dataclass(frozen=True)
class RetentionSettings:
    """Recordings made with consent (R-10, R-11)."""

    callcenter_days: int = 30
    day_count: str = "calendar"
    anchor: str = "recording_started_at"
    transcript_anchor: str = "source_recording"


@dataclass(frozen=True)
class PurgeSettings:
    """How soon what is past its date is physically gone, in hours (R-42, R-60)."""

    sla_hours: int = 24
    straks_target_hours: int = 1


@dataclass(frozen=True)
class BackupSettings:
    """Deletion and backups (R-61)."""

    max_lag_days: int = 14
    tombstones: bool = True


@dataclass(frozen=True)
class RightsSettings:
    """Requests of data subjects (R-30 to R-34)."""

    doc_hold_max: str = "P1Y"
    doc_hold_clock: str = "request_received"
    doc_ttl: str = "P3Y"
    doc_clock: str = "request_closed"
    doc_rounding: str = "none"
    export_payload_days: int = 30
    hold_on: tuple[str, ...] = ("access", "rectification", "restriction", "objection")
    on_withdrawal: str = "release_after_fulfilment"


@dataclass(frozen=True)
class ComplaintSettings:
    """Complaints and disputes (R-35 to R-39)."""

    freeze_days: int = 14
    end_rule: str = "max_closure_limitation"
    knowledge_default: str = "complaint_received"
    legal_confirm: str = "required"


@dataclass(frozen=True)
class ExtensionSettings:
    """Keeping an investigation's recording longer (R-44, R-45)."""

    four_eyes: bool = True
    ceiling: str = "limitation_date"
    per_artifact: bool = True


@dataclass(frozen=True)
class InvestigationSettings:
    """Recordings forwarded to, or made by, investigators (R-40 to R-46)."""

    triage_days: int = 30
    after_withdrawal_days: int = 7
    no_action_scope: str = "all_copies"
    relevant_ttl: str = "P1Y"
    clock: str = "recording"
    extension: ExtensionSettings = ExtensionSettings()
    covert: bool = False


@dataclass(frozen=True)
class WithdrawalSettings:
    """Withdrawn consent (R-20 to R-22)."""

    delete_existing: bool = True
    midcall_delete_partial: bool = True


@dataclass(frozen=True)
class ConsentEvidenceSettings:
    """Consent records (R-13)."""

    grace_days: int = 30


@dataclass(frozen=True)
class SamplingSettings:
    """Samples for compliance (R-55 to R-57)."""

    extends_retention: bool = False
    exclude_special_category: bool = True
    record_ttl: str = "P1Y"


@dataclass(frozen=True)
class LogSettings:
    """Records about calls and look-ups (R-12, R-62)."""

    declined_days: int = 30
    access_ttl: str = "P13M"
    deletion_certificate_ttl: str = "P3Y"


@dataclass(frozen=True)
class LocationSettings:
    """Where content may be, and from where it may be seen (R-51, R-52)."""

    storage: str = "EU_EEA_only"
    third_country_access: str = "deny_unless_tool_and_ticket"


@dataclass(frozen=True)
class PolicySettings:
    """The whole policy as settings."""

    tz: str = "Europe/Copenhagen"
    retention: RetentionSettings = RetentionSettings()
    purge: PurgeSettings = PurgeSettings()
    backup: BackupSettings = BackupSettings()
    rights: RightsSettings = RightsSettings()
    complaint: ComplaintSettings = ComplaintSettings()
    investigation: InvestigationSettings = InvestigationSettings()
    withdrawal: WithdrawalSettings = WithdrawalSettings()
    consent_evidence: ConsentEvidenceSettings = ConsentEvidenceSettings()
    sampling: SamplingSettings = SamplingSettings()
    logs: LogSettings = LogSettings()
    location: LocationSettings = LocationSettings()


def parse_period(period: str) -> tuple[int, int]:
    """`(months, days)` of a duration such as "P1Y", "P13M" or "P1Y6M". ValueError: not one."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise ValueError(f"{period!r} is not a period (write years, months or days: P1Y, P13M, P30D)")
    years, months, days = (int(group or 0) for group in match.groups())
    return 12 * years + months, days


def after_period(day: date, period: str) -> date:
    """The last civil date of a period that begins on `day`; 29 February becomes 28 February (A-09)."""
    months, days = parse_period(period)
    return add_months(day, months) + timedelta(days=days)


def overlaid(settings: Any, overrides: Mapping[str, Any]) -> Any:
    """`settings`, a dataclass, with the nested values of `overrides` in place of its own."""
    return dataclasses.replace(
        settings,
        **{
            key: overlaid(getattr(settings, key), value) if isinstance(value, Mapping) else value
            for key, value in overrides.items()
        },
    )


def problems(settings: PolicySettings) -> Iterator[tuple[str, str]]:
    """`(key, why)` of every value that means nothing to the policy; empty when all is well."""
    for key, value in _leaves("", settings):
        if key in CHOICES:
            if value not in CHOICES[key]:
                yield key, f"must be one of {', '.join(CHOICES[key])}"
        elif key == "rights.hold_on":
            if any(kind not in REQUEST_KINDS for kind in value):
                yield key, f"may list {', '.join(REQUEST_KINDS)}"
        elif key == "sampling.extends_retention":
            if value:
                yield key, "must be false: the policy gives a sample no period of its own (R-56)"
        elif isinstance(value, str):
            try:
                parse_period(value)
            except ValueError as error:
                yield key, str(error)
        elif not isinstance(value, bool) and not 0 <= value <= 36500:
            yield key, "must be a whole number from 0 to 36500"


def _leaves(prefix: str, section: Any) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        key = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from _leaves(f"{key}.", value)
        else:
            yield key, value
