"""How grounds come and go: each function takes the grounds of one artifact and returns them changed.

A deletion order ends the grounds it targets and no other (§1.2, §4); a hold adds a ground with
purposes and roles of its own and leaves the rest alone. A date moves later only by a ground that
somebody decided. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from storage.model import Ground, GroundName
from storage.policy.clocks import add_years, days_from, expiry_of, local_date
from storage.policy.grounds import ground, ground_for_days
from storage.policy.settings import PolicySettings, after_period

Grounds = tuple[Ground, ...]
# The rule of a freeze that began after a deletion order: the complaint may listen, and may not keep.
NOT_TO_KEEP = "R-21"
INVESTIGATION = frozenset({GroundName.INV_TRIAGE, GroundName.INV, GroundName.INV_EXT})


def end(
    grounds: Grounds, names: Iterable[GroundName], at: datetime, why: str, case: str | None = None
) -> Grounds:
    """`grounds` with the active ones of these names (and of `case`, if given) ended at `at`.

    `why` is what ended them, with its rule, as part of a sentence.
    """
    names = frozenset(names)
    return tuple(
        replace(g, ended_at=at, ended_by=why)
        if g.ground in names and g.active(at) and case in (None, g.case)
        else g
        for g in grounds
    )


def has(grounds: Grounds, name: GroundName, at: datetime, case: str | None = None) -> bool:
    """Whether a ground of this name (and case, if given) is active."""
    return any(g.ground is name and g.active(at) and case in (None, g.case) for g in grounds)


def limited(g: Ground, until: date | None, at: datetime) -> Ground:
    """`g` with this last date (None: open-ended); ended now when the date is over already."""
    if until is None:
        return replace(g, until=None, expires_at=None)
    if (expires_at := expiry_of(until)) <= at:
        return replace(g, ended_at=at, ended_by=f"its last date, {until}, is over ({g.rule})")
    return replace(g, until=until, expires_at=expires_at)


# --- consent ------------------------------------------------------------------------------------


def withdraw(
    grounds: Grounds, at: datetime, settings: PolicySettings, *, during_call: bool, order: str = ""
) -> Grounds:
    """Consent is withdrawn (R-20 to R-23): G-CONSENT ends, grounds with a purpose of their own stay.

    A triage already begun may be finished within some days. With deletion switched off G-CONSENT
    keeps its date and loses its purposes and roles, unless there is an `order` to erase: what it is, with
    its rule, as part of a sentence.
    """
    rules = settings.withdrawal
    delete = bool(order) or (rules.midcall_delete_partial if during_call else rules.delete_existing)
    why = order or f"the caller withdrew the consent ({'R-22' if during_call else 'R-20'})"
    by_when, by_instant = days_from(
        at, settings.investigation.after_withdrawal_days, settings.retention.day_count
    )
    kept = []
    for g in grounds:
        if not g.active(at):
            pass
        elif g.ground is GroundName.CONSENT:
            g = replace(g, ended_at=at, ended_by=why) if delete else replace(g, purposes=(), roles=())
        elif g.ground is GroundName.RIGHTS_DOC and settings.rights.on_withdrawal != "keep":
            optional = "the consent was withdrawn, which ends documentation that is optional (R-20, R-31)"
            g = replace(g, ended_at=at, ended_by=optional)
        elif g.ground is GroundName.INV_TRIAGE and (g.expires_at is None or g.expires_at > by_instant):
            g = replace(g, until=by_when, expires_at=by_instant)
        kept.append(g)
    return tuple(kept)


# --- rights requests ----------------------------------------------------------------------------


def hold_for_request(grounds: Grounds, request: str, kind: str, at: datetime) -> Grounds:
    """What somebody asked about is kept until the answer (R-30); a restriction closes its use."""
    held = ground(GroundName.RIGHTS_OPEN, at, case=request, reason=f"{kind} request received")
    if kind == "restriction":
        return (*grounds, held, ground(GroundName.RESTRICT, at, case=request))
    return (*grounds, held)


def release_request(grounds: Grounds, request: str, at: datetime) -> Grounds:
    """The request is answered: its hold ends."""
    names = (GroundName.RIGHTS_OPEN, GroundName.RESTRICT)
    return end(grounds, names, at, "the rights request was answered (R-30)", request)


def rights_documentation(
    request: str, received_at: datetime, answered_at: datetime, settings: PolicySettings
) -> Ground:
    """G-RIGHTS-DOC: up to a year, from the receipt or from the end of the review (R-31, A-03)."""
    by_review = settings.rights.doc_hold_clock == "review_completed"
    anchor = answered_at if by_review else received_at
    last = after_period(local_date(anchor), settings.rights.doc_hold_max)
    return ground(
        GroundName.RIGHTS_DOC, anchor, last, case=request, decided_by="RIGHTS", reason="kept after review"
    )


def request_documentation(closed_at: datetime, settings: PolicySettings) -> Ground:
    """G-REQUEST-DOC of a closed request: up to three years (R-34, A-04)."""
    last = after_period(local_date(closed_at), settings.rights.doc_ttl)
    if settings.rights.doc_rounding == "calendar_year_end":
        last = date(last.year, 12, 31)
    return ground(GroundName.REQUEST_DOC, closed_at, last)


# --- complaints ---------------------------------------------------------------------------------


def freeze(
    grounds: Grounds, complaint: str, at: datetime, settings: PolicySettings, rule: str, reason: str = ""
) -> Grounds:
    """G-COMPLAINT-FREEZE: day 30 shall not decide a complaint (R-35). `rule`: `NOT_TO_KEEP`, or R-35."""
    days = settings.complaint.freeze_days
    name = GroundName.COMPLAINT_FREEZE
    frozen = ground_for_days(name, at, days, settings, rule=rule, case=complaint, reason=reason)
    return (*grounds, frozen)


def keep_for_complaint(
    grounds: Grounds, complaint: str, at: datetime, until: date | None, reason: str
) -> Grounds:
    """G-COMPLAINT by a reasoned decision (R-37); a second decision replaces the first."""
    grounds = end(grounds, (GroundName.COMPLAINT,), at, "a new decision replaced it (R-37)", complaint)
    kept = ground(GroundName.COMPLAINT, at, case=complaint, decided_by="COMPLAINT", reason=reason)
    return (*grounds, limited(kept, until, at))


def complaint_until(closed_on: date | None, limitation: date | None, settings: PolicySettings) -> date | None:
    """The last date of G-COMPLAINT; None: open (R-38, A-05). `limitation` is the confirmed date."""
    if closed_on is None:
        return None
    if settings.complaint.end_rule == "at_final_closure":
        return closed_on
    if settings.complaint.end_rule == "closure_plus_3y":
        return add_years(closed_on, 3)
    return None if limitation is None else max(closed_on, limitation)


def limit_complaint(
    grounds: Grounds, complaint: str, until: date | None, at: datetime, *, closed: bool
) -> Grounds:
    """G-COMPLAINT gets its date; after the closing it is an archive and nothing else (R-39)."""
    return tuple(
        replace(limited(g, until, at), purposes=("complaint_archive",) if closed else g.purposes)
        if g.ground is GroundName.COMPLAINT and g.case == complaint and g.active(at)
        else g
        for g in grounds
    )


# --- investigations -----------------------------------------------------------------------------


def triage_of_forwarded(
    case: str, recorded_at: datetime, at: datetime, settings: PolicySettings, reason: str
) -> Ground | None:
    """G-INV-TRIAGE of a forwarded call (R-40); None when its time is over already.

    It lasts as long as the triage, and never beyond the days of an ordinary recording (A-08).
    """
    days = min(settings.investigation.triage_days, settings.retention.callcenter_days)
    g = ground_for_days(GroundName.INV_TRIAGE, recorded_at, days, settings, case=case, reason=reason)
    return g if g.active(at) else None


def triage_of_own_recording(case: str, recorded_at: datetime, settings: PolicySettings) -> Ground:
    """G-INV-TRIAGE of an investigator's own announced recording (R-41)."""
    days = settings.investigation.triage_days
    return ground_for_days(GroundName.INV_TRIAGE, recorded_at, days, settings, case=case, rule="R-41")


def found_relevant(
    grounds: Grounds, case: str, recorded_at: datetime, at: datetime, settings: PolicySettings
) -> Grounds:
    """G-INV: one year from the recording, not from the forwarding (R-43, A-09)."""
    if has(grounds, GroundName.INV, at, case):
        return grounds
    last = after_period(local_date(recorded_at), settings.investigation.relevant_ttl)
    grounds = end(grounds, (GroundName.INV_TRIAGE,), at, "the triage is over: relevant (R-43)", case)
    kept = ground(
        GroundName.INV, recorded_at, case=case, decided_by="INSPECTOR", reason="relevant to the case"
    )
    return (*grounds, limited(kept, last, at))


def nothing_to_investigate(grounds: Grounds, case: str, at: datetime, settings: PolicySettings) -> Grounds:
    """No further investigation: deleted at once (R-42), everywhere unless the setting says less (A-07)."""
    why = "nothing in it gave rise to further investigation, so it goes at once (R-42)"
    grounds = end(grounds, INVESTIGATION, at, why, case)
    if settings.investigation.no_action_scope == "all_copies":
        grounds = end(grounds, (GroundName.CONSENT, GroundName.RIGHTS_DOC), at, why)
    return grounds


def extend(grounds: Grounds, case: str, until: date, at: datetime, decided_by: str, reason: str) -> Grounds:
    """G-INV-EXT through `until` (R-44); it replaces an extension before it."""
    grounds = end(grounds, (GroundName.INV_EXT,), at, "a further extension replaced it (R-44)", case)
    kept = ground(GroundName.INV_EXT, at, until, case=case, decided_by=decided_by, reason=reason)
    return (*grounds, kept)


def cap_extension(grounds: Grounds, case: str, ceiling: date, at: datetime) -> Grounds:
    """No extension goes beyond the confirmed limitation date (R-45)."""
    return tuple(
        limited(g, min(ceiling, g.until or ceiling), at)
        if g.ground is GroundName.INV_EXT and g.case == case and g.active(at)
        else g
        for g in grounds
    )
