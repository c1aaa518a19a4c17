"""What a change of settings would make of the dates that were set before it. Pure.

New settings apply to what is kept from then on. `dates_of` says which date a ground would have had under
them; `storage.preview` asks it of the whole archive, and the event `Restated` puts it into force.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timezone
from typing import NamedTuple, Protocol

from storage.model import ArtifactKind, Ground, GroundName
from storage.policy import changes
from storage.policy import events as e
from storage.policy.book import Book, Holding, Refused
from storage.policy.clocks import days_from, expiry_of, local_date
from storage.policy.settings import PolicySettings, after_period

Dates = tuple[date | None, datetime | None]
"""`(until, expires_at)`; both None: open-ended."""


class Dated(Protocol):
    """What of a ground its date follows from: a `Ground`, or a row of very many that are only looked at."""

    @property
    def ground(self) -> GroundName:
        """Its name."""

    @property
    def rule(self) -> str:
        """Its rule."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Who may use it; none: it is closed."""

    @property
    def clock_start(self) -> datetime:
        """From when it counts."""

    @property
    def until(self) -> date | None:
        """Its last civil date now."""

    @property
    def expires_at(self) -> datetime | None:
        """When it is over now."""


class Facts(NamedTuple):
    """What the date of a ground follows from, beside its own clock."""

    recording_ended_at: datetime | None = None  # None: it goes on
    withdrawn_at: datetime | None = None  # of the call's consent
    withdrawn_in_call: bool = False
    received_at: datetime | None = None  # of the request that it documents
    answered_at: datetime | None = None
    closed_on: date | None = None  # of the complaint
    confirmed: date | None = None  # its limitation date


def dates_of(g: Dated, facts: Facts, settings: PolicySettings) -> Dates:
    """The dates that an active ground would have under these settings.

    The dates it has where they follow from a decision about this one thing, or from nothing.
    """
    rule = _RULES.get(g.ground)
    return (g.until, g.expires_at) if rule is None else rule(g, facts, settings)


def _consent(g: Dated, facts: Facts, s: PolicySettings) -> Dates:
    rules = s.withdrawal
    deletes = rules.midcall_delete_partial if facts.withdrawn_in_call else rules.delete_existing
    if not g.roles and facts.withdrawn_at is not None and deletes:  # withdrawn, and kept all the same
        return local_date(facts.withdrawn_at), facts.withdrawn_at
    ends = s.retention.anchor == "ended_at"
    if ends and facts.recording_ended_at is None:
        return None, None
    anchor = facts.recording_ended_at if ends else g.clock_start
    assert anchor is not None
    return _by_days(anchor, s.retention.callcenter_days, s)


def _triage(g: Dated, facts: Facts, s: PolicySettings) -> Dates:
    rules = s.investigation
    own = g.rule == "R-41"
    days = rules.triage_days if own else min(rules.triage_days, s.retention.callcenter_days)
    dates = [_by_days(g.clock_start, days, s)]
    if facts.withdrawn_at is not None and not own:
        dates.append(_by_days(facts.withdrawn_at, rules.after_withdrawal_days, s))
    return min(dates, key=lambda each: each[1] or _NEVER)


def _documentation(g: Dated, facts: Facts, s: PolicySettings) -> Dates:
    by_review = s.rights.doc_hold_clock == "review_completed"
    anchor = facts.answered_at if by_review else facts.received_at
    return _through(after_period(local_date(anchor or g.clock_start), s.rights.doc_hold_max))


def _request(g: Dated, facts: Facts, s: PolicySettings) -> Dates:
    if g.until is None:
        return None, None
    return _through(changes.request_documentation(g.clock_start, s).until)


def _complaint(g: Dated, facts: Facts, s: PolicySettings) -> Dates:
    return _through(changes.complaint_until(facts.closed_on, facts.confirmed, s))


_RULES: dict[GroundName, Callable[[Dated, Facts, PolicySettings], Dates]] = {
    GroundName.CONSENT: _consent,
    GroundName.DECLINED: lambda g, _, s: _by_days(g.clock_start, s.logs.declined_days, s),
    GroundName.RIGHTS_DOC: _documentation,
    GroundName.REQUEST_DOC: _request,
    GroundName.EXPORT: lambda g, _, s: _by_days(g.clock_start, s.rights.export_payload_days, s),
    GroundName.COMPLAINT_FREEZE: lambda g, _, s: _by_days(g.clock_start, s.complaint.freeze_days, s),
    GroundName.COMPLAINT: _complaint,
    GroundName.INV_TRIAGE: _triage,
    GroundName.INV: lambda g, _, s: _through(
        after_period(local_date(g.clock_start), s.investigation.relevant_ttl)
    ),
    GroundName.SAMPLE: lambda g, _, s: _through(
        after_period(local_date(g.clock_start), s.sampling.record_ttl)
    ),
}

_NEVER = datetime.max.replace(tzinfo=timezone.utc)


def _by_days(anchor: datetime, days: int, s: PolicySettings) -> Dates:
    return days_from(anchor, days, s.retention.day_count)


def _through(until: date | None) -> Dates:
    return until, None if until is None else expiry_of(until)


# --- in the book ------------------------------------------------------------------------------------


def restated(book: Book, event: e.Restated, at: datetime) -> list[str]:
    """Every ground of the book gets the date of the settings in force.

    A date moves later only when the decision says so (`later`), and that needs a written reason.
    """
    if event.later and not event.reason.strip():
        raise Refused("keeping longer what was kept before needs a written reason")
    for name in list(book.names()):
        for holding in book.versions(name):
            if holding.kind not in (ArtifactKind.CONSENT_EVIDENCE, ArtifactKind.DERIVED):  # these follow
                holding.grounds = tuple(_restate(book, holding, g, event, at) for g in holding.grounds)
    return []


def _restate(book: Book, holding: Holding, g: Ground, event: e.Restated, at: datetime) -> Ground:
    if not g.active(at):
        return g
    until, expires_at = dates_of(g, facts_of(book, holding, g), book.settings)
    if expires_at == g.expires_at:
        return g
    later = g.expires_at is not None and (expires_at is None or expires_at > g.expires_at)
    if later and not event.later:
        return g
    if expires_at is not None and expires_at <= at:
        return replace(g, ended_at=at, ended_by="the settings were changed and applied to what was kept")
    return replace(g, until=until, expires_at=expires_at)


def facts_of(book: Book, holding: Holding, g: Ground) -> Facts:
    """What the book knows that the date of a ground follows from."""
    file = book.calls.get(holding.call or "")
    ended = next((end for start, end in file.captured if start == g.clock_start), None) if file else None
    withdrawn = file.withdrawn_at if file is not None and holding.condemned == "R-20" else None
    request = book.requests.get(g.case or "")
    complaint = book.complaints.get(g.case or "")
    in_call = withdrawn is not None and (file is None or file.ended_at is None or withdrawn < file.ended_at)
    return Facts(
        recording_ended_at=ended,
        withdrawn_at=withdrawn,
        withdrawn_in_call=in_call,
        received_at=request.received_at if request else None,
        answered_at=request.answered_at if request else None,
        closed_on=local_date(complaint.closed_at) if complaint and complaint.closed_at else None,
        confirmed=complaint.confirmed if complaint else None,
    )
