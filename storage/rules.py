"""Where storage takes its periods from: the one import of the grounds and settings of the policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

from storage.model import Ground, GroundName
from storage.policy.clocks import add_years, days_from, expiry_of, local_date


@dataclass(frozen=True)
class _Retention:
    callcenter_days: int = 30
    day_count: str = "calendar"
    anchor: str = "recording_started_at"


@dataclass(frozen=True)
class PolicySettings:
    """The periods storage needs."""

    retention: _Retention = field(default_factory=_Retention)


def consent_ground(anchor: datetime, settings: PolicySettings) -> Ground:
    """G-CONSENT (R-04, R-10): 30 local days from the start of the recording."""
    until, expires_at = days_from(anchor, settings.retention.callcenter_days, settings.retention.day_count)
    return Ground(
        GroundName.CONSENT,
        "R-10",
        ("6(1)(a)", "9(2)(a)"),
        ("training", "analysis", "documentation"),
        ("QA", "ANALYST", "CASEDOC"),
        anchor,
        until,
        expires_at,
    )


def evidence_ground(last_life: date | None, settings: PolicySettings) -> Ground:
    """G-EVIDENCE (R-13): open while a recording lives, then a month."""
    until = last_life + timedelta(days=30) if last_life else None
    start = datetime.combine(last_life or date(2000, 1, 1), datetime.min.time(), timezone.utc)
    return Ground(
        GroundName.EVIDENCE,
        "R-13",
        ("6(1)(c)",),
        ("proof of consent",),
        ("DPO", "RIGHTS"),
        start,
        until,
        expiry_of(until) if until else None,
    )


def declined_ground(call_at: datetime, settings: PolicySettings) -> Ground:
    """G-DECLINED (R-12): the log of a call that was not recorded."""
    until, expires_at = days_from(call_at, 30)
    return Ground(
        GroundName.DECLINED,
        "R-12",
        ("6(1)(f)",),
        ("proof of no recording",),
        ("DPO", "RIGHTS"),
        call_at,
        until,
        expires_at,
    )


def certificates_from(now: datetime, settings: PolicySettings) -> date:
    """The first civil date whose deletion certificates are still kept."""
    return add_years(local_date(now), -3)
