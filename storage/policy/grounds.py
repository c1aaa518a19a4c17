"""The table of grounds, and what follows from the grounds of one artifact. Pure.

An artifact may exist while it has an active ground, and may be used only for the purposes and by
the roles of its active grounds (§1.2). Nothing here knows of events: `changes.py` says how grounds
come and go, this module what a set of them means at an instant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone

from storage.model import CONSENT_PURPOSES, Ground, GroundName
from storage.policy.clocks import days_from, expiry_of, local_date, local_midnight
from storage.policy.settings import PolicySettings


@dataclass(frozen=True)
class GroundRow:
    """One kind of ground: the rule it comes from, on what law, for what, for whom."""

    rule: str
    lawful_basis: tuple[str, ...]
    purposes: tuple[str, ...]
    roles: tuple[str, ...]
    means: str  # why the artifact is kept, as part of a sentence
    ended: str  # what it says when the time has run out


WORKS_ON = {"training": "QA", "analysis": "ANALYST", "documentation": "CASEDOC"}
"""By purpose of consent, whose work it is: consent to some of them lets in nobody else (A-14)."""

# The clock start of a ground from which nothing is counted.
UNCOUNTED = datetime(1970, 1, 1, tzinfo=timezone.utc)

_COMPLAINT_BASIS = ("6(1)(f)", "6(4)", "dbl. § 5(2)")
# The published policy names no art. 9 condition for complaints; calls to an insurer hold health data
# that nobody has flagged before listening, so the claim condition is always there.
_COMPLAINT_BASIS_9 = (*_COMPLAINT_BASIS, "9(2)(f)")
_INVESTIGATION_BASIS = ("6(1)(f)", "9(2)(f)", "dbl. § 8(3)")

TABLE: dict[GroundName, GroundRow] = {
    GroundName.CONSENT: GroundRow(
        "R-10",
        ("6(1)(a)", "9(2)(a)"),
        CONSENT_PURPOSES,
        tuple(WORKS_ON[purpose] for purpose in CONSENT_PURPOSES),
        "the caller consented to its recording",
        "the days that consent covers are over",
    ),
    GroundName.RIGHTS_OPEN: GroundRow(
        "R-30",
        ("6(1)(f)", "6(1)(c)"),
        ("rights_request",),
        ("RIGHTS", "DPO"),
        "a rights request about it is not answered yet",
        "the rights request is answered",
    ),
    GroundName.RIGHTS_DOC: GroundRow(
        "R-31",
        ("6(1)(f)",),
        ("rights_documentation",),
        ("RIGHTS", "DPO"),
        "it documents how a rights request was handled",
        "the time for documenting a rights request is over",
    ),
    GroundName.COMPLAINT_FREEZE: GroundRow(
        "R-35",
        _COMPLAINT_BASIS_9,
        ("complaint",),
        ("COMPLAINT",),
        "a complaint about its content waits for a decision",
        "nobody decided in time that the complaint needs it",
    ),
    GroundName.COMPLAINT: GroundRow(
        "R-37",
        _COMPLAINT_BASIS_9,
        ("complaint",),
        ("COMPLAINT", "LEGAL"),
        "it was decided that a complaint or dispute needs it",
        "the complaint is finally closed and time-barred",
    ),
    GroundName.INV_TRIAGE: GroundRow(
        "R-40",
        _INVESTIGATION_BASIS,
        ("investigation",),
        ("INSPECTOR",),
        "investigators are assessing whether it matters to a case",
        "nobody found in time that it matters to the case",
    ),
    GroundName.INV: GroundRow(
        "R-43",
        _INVESTIGATION_BASIS,
        ("investigation",),
        ("INSPECTOR", "LEGAL"),
        "investigators found that it matters to a case",
        "the time for keeping it for the case is over",
    ),
    GroundName.INV_EXT: GroundRow(
        "R-44",
        _INVESTIGATION_BASIS,
        ("investigation",),
        ("INSPECTOR", "LEGAL"),
        "keeping it longer for a case was approved with a reason",
        "the approved extension is over",
    ),
    GroundName.RESTRICT: GroundRow(
        "R-30",
        ("6(1)(c)", "18"),
        (),
        (),
        "its use is restricted at the request of the data subject, so it is only stored",
        "the restriction is answered",
    ),
    GroundName.AUTHORITY: GroundRow(
        "§4 prio 0",
        ("6(1)(c)",),
        ("authority_order",),
        ("LEGAL",),
        "a court or an authority ordered it kept",
        "the order is lifted",
    ),
    GroundName.EVIDENCE: GroundRow(
        "R-13",
        ("6(1)(c)", "7(1)"),
        ("proof_of_consent",),
        ("DPO", "RIGHTS"),
        "it proves the consent for something that is kept, or was until a short while ago",
        "what the consent covered is gone and the grace is over",
    ),
    GroundName.DECLINED: GroundRow(
        "R-12",
        ("6(1)(f)", "5(2)"),
        ("proof_of_no_recording",),
        ("DPO", "RIGHTS"),
        "it proves that the call was not recorded",
        "its days are over",
    ),
    GroundName.REQUEST_DOC: GroundRow(
        "R-34",
        ("6(1)(f)", "5(2)"),
        ("accountability",),
        ("RIGHTS", "DPO"),
        "it documents a rights request",
        "the years after the request was closed are over",
    ),
    GroundName.EXPORT: GroundRow(
        "R-33",
        ("6(1)(c)", "15(3)"),
        ("access_package",),
        ("REQUESTER", "RIGHTS"),
        "it is the package for the person who asked",
        "the days for fetching the package are over",
    ),
    GroundName.SAMPLE: GroundRow(
        "R-56",
        _COMPLAINT_BASIS,
        ("compliance",),
        ("COMPLIANCE", "DPO"),
        "it holds the findings of a compliance sample",
        "its time is over",
    ),
}


def ground(
    name: GroundName,
    clock_start: datetime,
    until: date | None = None,
    expires_at: datetime | None = None,
    *,
    rule: str | None = None,
    case: str | None = None,
    decided_by: str = "policy",
    reason: str = "",
) -> Ground:
    """A ground of the table. `until` alone means through the end of that day; neither: open-ended."""
    row = TABLE[name]
    if until is not None and expires_at is None:
        expires_at = expiry_of(until)
    return Ground(
        ground=name,
        rule=rule or row.rule,
        lawful_basis=row.lawful_basis,
        purposes=row.purposes,
        roles=row.roles,
        clock_start=clock_start,
        until=until,
        expires_at=expires_at,
        decided_by=decided_by,
        reason=reason,
        case=case,
    )


def ground_for_days(
    name: GroundName,
    anchor: datetime,
    days: int,
    settings: PolicySettings,
    *,
    rule: str | None = None,
    case: str | None = None,
    reason: str = "",
) -> Ground:
    """A ground that holds `days` from `anchor`, counted as `retention.day_count` says (A-01)."""
    until, expires_at = days_from(anchor, days, settings.retention.day_count)
    return ground(name, anchor, until, expires_at, rule=rule, case=case, reason=reason)


def consent_ground(
    anchor: datetime, settings: PolicySettings, *, rule: str = "R-10", purposes: tuple[str, ...] = ()
) -> Ground:
    """G-CONSENT: 30 days from the start of the recording (R-04, R-10); `rule` R-11 for transcripts."""
    days = settings.retention.callcenter_days
    return only_for(ground_for_days(GroundName.CONSENT, anchor, days, settings, rule=rule), purposes)


def only_for(g: Ground, purposes: tuple[str, ...]) -> Ground:
    """A ground of consent, for these purposes alone and those whose work they are; none: for all (A-14)."""
    if not purposes:
        return g
    return replace(
        g,
        purposes=tuple(each for each in g.purposes if each in purposes),
        roles=tuple(WORKS_ON[each] for each in g.purposes if each in purposes),
    )


def declined_ground(call_at: datetime, settings: PolicySettings) -> Ground:
    """G-DECLINED: the log of an unrecorded call, 30 days from the call (R-12)."""
    return ground_for_days(GroundName.DECLINED, call_at, settings.logs.declined_days, settings)


def evidence_ground(
    last_life: date | None, settings: PolicySettings, *, ended_at: datetime | None = None
) -> Ground:
    """G-EVIDENCE: the last date on which anything of the call existed, plus the grace (R-13).

    `last_life` None: something is open-ended, and so is the evidence. `ended_at`, if known, is the
    instant at which the last of it ended; it counts under `day_count: exact_24h`.
    """
    if last_life is None:
        return ground(GroundName.EVIDENCE, UNCOUNTED)
    if settings.retention.day_count == "exact_24h":
        anchor = ended_at or expiry_of(last_life)
    else:
        anchor = local_midnight(last_life)
    return ground_for_days(GroundName.EVIDENCE, anchor, settings.consent_evidence.grace_days, settings)


def readable(grounds: Iterable[Ground], at: datetime) -> bool:
    """Whether anybody at all may read an artifact with these grounds at `at`.

    A ground without roles keeps an artifact and opens it to nobody (R-20, art. 18).
    """
    return any(g.roles for g in active(grounds, at))


def exists(grounds: Iterable[Ground], at: datetime) -> bool:
    """Whether an artifact with these grounds may exist at `at`: it has at least one active ground."""
    return any(g.active(at) for g in grounds)


def active(grounds: Iterable[Ground], at: datetime) -> tuple[Ground, ...]:
    """The grounds that hold at `at`."""
    return tuple(g for g in grounds if g.active(at))


def end_of(g: Ground) -> datetime | None:
    """The instant at which a ground ends or ended; None while it is open-ended."""
    return min((end for end in (g.expires_at, g.ended_at) if end is not None), default=None)


def last_date_of(g: Ground) -> date | None:
    """The last civil date on which a ground holds or held; None while it is open-ended."""
    if g.ended_at is not None and (g.expires_at is None or g.ended_at < g.expires_at):
        return local_date(g.ended_at)
    return g.until


def expires_at(grounds: Iterable[Ground]) -> datetime | None:
    """The instant at which the last of these grounds ends; None while one is open-ended.

    ValueError when there are none: an artifact without grounds does not exist.
    """
    ends = [end_of(g) for g in grounds]
    if not ends:
        raise ValueError("an artifact without grounds has no date")
    return None if None in ends else max(end for end in ends if end is not None)


def until(grounds: Iterable[Ground]) -> date | None:
    """The last civil date of the longest of these grounds; None while one is open-ended."""
    dates = [last_date_of(g) for g in grounds]
    if not dates:
        raise ValueError("an artifact without grounds has no date")
    return None if None in dates else max(day for day in dates if day is not None)


def why(grounds: Iterable[Ground], at: datetime) -> str:
    """One sentence: why an artifact with these grounds exists at `at`, or why it does not."""
    grounds = tuple(grounds)
    holding = active(grounds, at)
    if holding:
        return f"It is kept because {'; and because '.join(_kept(g) for g in holding)}."
    past = [g for g in grounds if (end := end_of(g)) is not None and end <= at]
    if not past:
        return "It does not exist: nothing permits keeping it (R-01)."
    last = max(past, key=lambda g: end_of(g) or at)
    if last.ended_at is not None and end_of(last) == last.ended_at:
        because = last.ended_by or f"{last.ground.value} was ended ({last.rule})"
        return f"It is gone since {_day(last.ended_at)}: {because}."
    kept_until = f"; it was kept through {last.until}" if last.until else ""
    return f"It is gone: {TABLE[last.ground].ended} ({last.rule}){kept_until}."


def _kept(g: Ground) -> str:
    case = f" ({g.case})" if g.case else ""
    limit = f"through {g.until}" if g.until else "with no date yet"
    closed = "" if g.roles else ", and nobody may read it"
    return f"{TABLE[g.ground].means}{case}, {limit} ({g.rule}, {g.ground.value}){closed}"


def _day(instant: datetime) -> str:
    return local_date(instant).isoformat()
