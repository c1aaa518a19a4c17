"""Complaints, investigations and orders of authorities: what they do to the grounds (§3.4, §3.5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from storage.model import ArtifactKind, GroundName
from storage.policy import changes
from storage.policy import events as e
from storage.policy.book import Book, ClaimFile, Holding, OrderFile, Refused
from storage.policy.clocks import local_date
from storage.policy.grounds import active, ground
from storage.policy.limitation import floor
from storage.policy.recordings import add_recording, live_call

APPROVERS = ("LEGAL", "DPO")

# --- complaints ---------------------------------------------------------------------------------


def complaint(book: Book, event: e.ComplaintReceived, at: datetime) -> list[str]:
    """A complaint is received: what is still kept of its calls is frozen (R-35)."""
    if event.complaint in book.complaints:
        raise Refused(f"{event.complaint} is another complaint already")
    book.complaints[event.complaint] = ClaimFile(event.complaint, at, event.calls)
    for holding in book.parts(event.calls, at):
        rule = changes.NOT_TO_KEEP if holding.condemned else "R-35"
        holding.grounds = changes.freeze(holding.grounds, event.complaint, at, book.settings, rule)
    return []


def freeze_extended(book: Book, event: e.FreezeExtended, at: datetime) -> list[str]:
    """The days of the freeze begin anew, with a reason (R-36)."""
    file = _complaint(book, event.complaint)
    if not event.reason.strip():
        raise Refused("a freeze is extended only with a written reason (R-36)")
    frozen = [
        holding
        for holding in book.parts(file.calls, at)
        if changes.has(holding.grounds, GroundName.COMPLAINT_FREEZE, at, file.id)
    ]
    if not frozen:
        raise Refused("nothing is frozen for that complaint (R-36)")
    for holding in frozen:
        rule = "R-35" if _frozen_in_time(holding, file, at) else changes.NOT_TO_KEEP
        ended = changes.end(
            holding.grounds, (GroundName.COMPLAINT_FREEZE,), at, "the freeze was extended (R-36)", file.id
        )
        holding.grounds = changes.freeze(ended, file.id, at, book.settings, rule, event.reason)
    return []


def complaint_decided(book: Book, event: e.ComplaintDecided, at: datetime) -> list[str]:
    """Whether the complaint needs the calls, with a reason (R-36, R-37)."""
    file = _complaint(book, event.complaint)
    if not event.reason.strip():
        raise Refused("a decision about keeping needs a written reason (R-37)")
    remaining = book.parts(file.calls, at)
    if not remaining:
        raise Refused("nothing of the calls remains (R-35)")
    kept = [h for h in remaining if event.keep and h.part in event.scope and _may_keep(h, file, at)]
    if event.keep:
        if file.closed_at is not None:
            raise Refused("the complaint is closed (R-38)")
        if not kept:
            raise Refused("nothing in the scope remains that may be kept (R-21, R-35)")
    file.kept_parts = event.scope if event.keep else ()
    decided = "it was decided that the complaint does not need it (R-36)"
    for holding in remaining:
        if holding in kept:
            holding.grounds = changes.keep_for_complaint(
                holding.grounds, file.id, at, _until(book, file), event.reason
            )
        else:
            holding.grounds = changes.end(holding.grounds, (GroundName.COMPLAINT,), at, decided, file.id)
        holding.grounds = changes.end(holding.grounds, (GroundName.COMPLAINT_FREEZE,), at, decided, file.id)
    return []


def _may_keep(holding: Holding, file: ClaimFile, at: datetime) -> bool:
    """After a deletion order nothing new; what the complaint had before, survives it (R-21)."""
    return (
        not holding.condemned
        or changes.has(holding.grounds, GroundName.COMPLAINT, at, file.id)
        or _frozen_in_time(holding, file, at)
    )


def _frozen_in_time(holding: Holding, file: ClaimFile, at: datetime) -> bool:
    """Whether a freeze for the complaint runs that began before any deletion order."""
    return any(
        g.ground is GroundName.COMPLAINT_FREEZE and g.case == file.id and g.rule != changes.NOT_TO_KEEP
        for g in active(holding.grounds, at)
    )


def complaint_closed(book: Book, event: e.ComplaintClosed, at: datetime) -> list[str]:
    """Finally closed: the freeze ends, what was kept gets its date and is an archive (R-38, R-39)."""
    file = _complaint(book, event.complaint)
    if file.closed_at is not None:
        raise Refused(f"the complaint {file.id} is closed already")
    file.closed_at = at
    for holding in book.parts(file.calls, at):
        holding.grounds = changes.end(
            holding.grounds,
            (GroundName.COMPLAINT_FREEZE,),
            at,
            "the complaint was closed without a decision to keep it (R-36)",
            file.id,
        )
    _date_complaint(book, file, at)
    return []


def _until(book: Book, file: ClaimFile) -> date | None:
    closed_on = local_date(file.closed_at) if file.closed_at else None
    return changes.complaint_until(closed_on, file.confirmed, book.settings)


def _date_complaint(book: Book, file: ClaimFile, at: datetime) -> None:
    until, closed = _until(book, file), file.closed_at is not None
    for holding in book.parts(file.calls, at):
        holding.grounds = changes.limit_complaint(holding.grounds, file.id, until, at, closed=closed)


def _complaint(book: Book, name: str) -> ClaimFile:
    if name not in book.complaints:
        raise Refused(f"there is no complaint {name}")
    return book.complaints[name]


# --- limitation ---------------------------------------------------------------------------------


def limitation_facts(book: Book, event: e.LimitationFactsGiven, at: datetime) -> list[str]:
    """What is known about the claim; later facts replace those before, key by key (§6)."""
    file = _claim(book, event.complaint, event.case)
    file.facts = file.facts.with_(**event.facts)
    return []


def limitation_confirmed(book: Book, event: e.LimitationConfirmed, at: datetime) -> list[str]:
    """The legal role confirms a limitation date, which dates complaint or case (R-38, R-45)."""
    file = _claim(book, event.complaint, event.case)
    confirmed = event.date or file.proposed
    if confirmed is None:
        raise Refused("the proposal is open: an answer or a proceeding is pending; give a date (F-10)")
    file.confirmed = confirmed
    if event.complaint is not None:
        _date_complaint(book, file, at)
    else:
        for holding in book.parts(file.calls, at):
            holding.grounds = changes.cap_extension(holding.grounds, file.id, confirmed, at)
    return []


def _claim(book: Book, complaint_id: str | None, case: str | None) -> ClaimFile:
    return _complaint(book, complaint_id) if complaint_id is not None else _case(book, case or "")


# --- investigations -----------------------------------------------------------------------------


def forwarded(book: Book, event: e.Forwarded, at: datetime) -> list[str]:
    """Calls go to the investigators, with a reason (R-40); what cannot go is told call by call."""
    if not event.reason.strip():
        raise Refused("a call is forwarded only with a written reason (R-40)")
    refusals, done = [], []
    for call in dict.fromkeys(event.calls):
        if why := _forward(book, call, event, at):
            refusals.append(f"{call}: {why}")
        else:
            done.append(call)
    if not done:
        raise Refused("; ".join(refusals) or "no call is named")
    _add_to_case(book, event.case, tuple(done), at)
    return refusals


def _forward(book: Book, call: str, event: e.Forwarded, at: datetime) -> str | None:
    """Forward one call; or why not."""
    recordings = book.living(f"{call}/audio", at)
    if not recordings:
        return "there is no recording to forward (R-40)"
    if any(holding.condemned for holding in recordings):
        return "a deletion order stands; no new ground comes because of it (R-21)"
    if any(
        changes.has(h.grounds, name, at, event.case) for h in recordings for name in changes.INVESTIGATION
    ):
        return "it is with this case already"
    added = False
    for holding in book.parts((call,), at):
        recorded_at = holding.recorded_at or holding.made_at
        triage = changes.triage_of_forwarded(event.case, recorded_at, at, book.settings, event.reason)
        if triage is not None:
            holding.grounds, added = (*holding.grounds, triage), True
    return None if added else "the days in which it could be assessed are over (A-08)"


def investigator_recording(book: Book, event: e.InvestigatorRecording, at: datetime) -> list[str]:
    """An investigator records, announced, for a case; no consent and no key (R-41)."""
    if not (event.case or "").strip():
        raise Refused("an investigator records only for a case (R-41)")
    case = event.case or ""
    file = live_call(book, event.call)
    if file.recording or book.living(f"{event.call}/audio", at):
        raise Refused(f"there is a recording of {event.call} already; forward it instead (R-40)")
    file.recorded_by_investigator = True
    basis = changes.triage_of_own_recording(case, at, book.settings)
    add_recording(book, file, ArtifactKind.INVESTIGATION_AUDIO, basis, at)
    _add_to_case(book, case, (event.call,), at)
    return []


def investigation_decided(book: Book, event: e.InvestigationDecided, at: datetime) -> list[str]:
    """Relevant: a year from the recording (R-43). Not: deleted at once (R-42)."""
    file = _case(book, event.case)
    remaining = book.parts(file.calls, at)
    assessed = [h for h in remaining if _with_case(h, file.id, at)]
    if not remaining or (event.relevant and not assessed):
        raise Refused("nothing of the case remains, or its triage is over (R-42, R-43)")
    for holding in remaining:
        if not event.relevant:
            holding.grounds = changes.nothing_to_investigate(holding.grounds, file.id, at, book.settings)
            if book.settings.investigation.no_action_scope == "all_copies":
                holding.condemned = "R-42"
        elif holding in assessed:
            recorded_at = holding.recorded_at or holding.made_at
            holding.grounds = changes.found_relevant(holding.grounds, file.id, recorded_at, at, book.settings)
    return []


def _with_case(holding: Holding, case: str, at: datetime) -> bool:
    return any(changes.has(holding.grounds, name, at, case) for name in changes.INVESTIGATION)


def investigation_extended(book: Book, event: e.InvestigationExtended, at: datetime) -> list[str]:
    """Longer than the year: reason, four eyes, in time, below the ceiling (R-44, R-45)."""
    file = _case(book, event.case)
    if not event.reason.strip():
        raise Refused("keeping it longer needs a written reason (R-44)")
    decided_by = _approval(event, book.settings.investigation.extension.four_eyes)
    ceiling = file.confirmed or file.proposed or floor(file.facts, file.knowledge_default)
    if event.until > ceiling:
        raise Refused(f"{event.until} is later than the limitation date {ceiling} (R-45)")
    extended = False
    for holding in book.parts(file.calls, at):
        if holding.part in event.artifacts and _is_later(holding, file.id, event.until, at):
            holding.grounds = changes.extend(
                holding.grounds, file.id, event.until, at, decided_by, event.reason
            )
            extended = True
    if not extended:
        raise Refused("nothing of the case is kept as relevant until an earlier date (R-44)")
    return []


def _approval(event: e.InvestigationExtended, four_eyes: bool) -> str:
    approver = event.approved_by or ""
    if not four_eyes:
        return approver or event.proposed_by
    if not approver or approver == event.proposed_by:
        raise Refused("somebody else than the proposer must approve it (R-44)")
    if approver not in APPROVERS:
        raise Refused(f"{' or '.join(APPROVERS)} approves an extension (R-44)")
    return f"{event.proposed_by} and {approver}"


def _is_later(holding: Holding, case: str, until: date, at: datetime) -> bool:
    """Whether the artifact is kept for the case now, until a date before `until`."""
    dates = [
        g.until
        for g in holding.grounds
        if g.ground in (GroundName.INV, GroundName.INV_EXT) and g.case == case and g.active(at)
    ]
    return bool(dates) and all(day is not None and day < until for day in dates)


def _case(book: Book, name: str) -> ClaimFile:
    if name not in book.cases:
        raise Refused(f"there is no case {name}")
    return book.cases[name]


def _add_to_case(book: Book, case: str, calls: tuple[str, ...], at: datetime) -> None:
    file = book.cases.get(case) or ClaimFile(case, at)
    if not file.calls:  # opened before: it begins with its first call (§6, the default knowledge date)
        file = replace(file, began_at=at)
    book.cases[case] = replace(file, calls=tuple(dict.fromkeys((*file.calls, *calls))))


# --- authorities --------------------------------------------------------------------------------


def authority_ordered(book: Book, event: e.AuthorityOrdered, at: datetime) -> list[str]:
    """A court, the police or a supervisor orders the calls kept (§4, priority 0)."""
    if event.order in book.orders:
        raise Refused(f"{event.order} is another order already")
    remaining = book.parts(event.calls, at)
    if not remaining:
        raise Refused("nothing of the calls remains")
    book.orders[event.order] = OrderFile(event.order, event.calls)
    for holding in remaining:
        ordered = ground(GroundName.AUTHORITY, at, case=event.order, decided_by="authority")
        holding.grounds = (*holding.grounds, ordered)
    return []


def authority_lifted(book: Book, event: e.AuthorityLifted, at: datetime) -> list[str]:
    """The order is lifted, and with it its ground."""
    file = book.orders.get(event.order)
    if file is None or file.lifted_at is not None:
        raise Refused(f"there is no order {event.order}")
    file.lifted_at = at
    for holding in book.parts(file.calls, at):
        why = "the order of the authority was lifted (§4)"
        holding.grounds = changes.end(holding.grounds, (GroundName.AUTHORITY,), at, why, event.order)
    return []
