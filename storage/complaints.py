"""Complaints and disputes about what was said in a call (R-35 to R-39), and their limitation dates (§6).

Receiving a complaint freezes what is still kept of its calls; a reasoned decision keeps or releases it; the
date of what is kept follows from the closing and the limitation date that the legal role confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from storage import books, cases
from storage.books import Happened
from storage.desk import Desk, Done
from storage.gate import Asking
from storage.model import CaseKind, GroundName
from storage.policy import events as e
from storage.policy.book import ClaimFile
from storage.policy.limitation import FACT_KEYS, beyond_absolute_limit

FACTS = FACT_KEYS


@dataclass(frozen=True)
class ClaimView:
    """A complaint, or an investigator's case, as whoever works on it sees it."""

    id: str
    kind: CaseKind
    began_at: datetime
    closed_at: datetime | None
    calls: tuple[str, ...]
    members: tuple[str, ...]
    kept: Mapping[str, date | None]  # artifact: the last date of its longest ground in the case
    grounds: Mapping[str, int]  # active grounds in the case, by name
    facts: Mapping[str, Any]
    proposed: date | None  # the limitation date that the system proposes; None while open
    confirmed: date | None
    beyond_limit: bool  # the proposal lies beyond the absolute limit (F-3): the legal role looks closely


def receive(
    desk: Desk,
    asking: Asking,
    calls: Sequence[str],
    at: datetime,
    words: Mapping[str, str] | None = None,
    complaint_id: str | None = None,
) -> tuple[str, Done]:
    """A complaint about the content of these calls: what is still kept of them is frozen at once (R-35)."""
    complaint = cases.checked_id(complaint_id) if complaint_id else cases.new_id(CaseKind.COMPLAINT, at)

    def take_on(session: Session, happened: Happened) -> None:
        if asking.role == "COMPLAINT":
            cases.assign(session, complaint, asking.person.id, at, asking.actor)

    done = desk.do(asking, e.ComplaintReceived(complaint, tuple(calls)), at, words, also=take_on)
    return complaint, done


def decide(
    desk: Desk,
    asking: Asking,
    complaint: str,
    keep: bool,
    words: Mapping[str, str],
    at: datetime,
    scope: Sequence[str] = e.PARTS,
) -> Done:
    """Whether the complaint needs what is kept, why, and which parts of it (R-36, R-37)."""
    event = e.ComplaintDecided(complaint, keep, tuple(scope), words.get("reason", ""))
    return desk.do(asking, event, at, words)


def extend(desk: Desk, asking: Asking, complaint: str, words: Mapping[str, str], at: datetime) -> Done:
    """More time for the decision, with a reason (R-36)."""
    return desk.do(asking, e.FreezeExtended(complaint, words.get("reason", "")), at, words)


def close(
    desk: Desk, asking: Asking, complaint: str, at: datetime, words: Mapping[str, str] | None = None
) -> Done:
    """Finally closed: what is kept gets its date, and is an archive from now on (R-38, R-39)."""
    return desk.do(asking, e.ComplaintClosed(complaint), at, words)


def note_facts(
    desk: Desk, asking: Asking, case: str, kind: CaseKind, facts: Mapping[str, Any], at: datetime
) -> Done:
    """What is known about the claim, for the proposal of a limitation date (§6)."""
    named = {"complaint": case} if kind is CaseKind.COMPLAINT else {"case": case}
    return desk.do(asking, e.LimitationFactsGiven(**named, facts=dict(facts)), at)


def confirm(
    desk: Desk,
    asking: Asking,
    case: str,
    kind: CaseKind,
    on: date | None,
    at: datetime,
    words: Mapping[str, str] | None = None,
) -> Done:
    """The legal role confirms a limitation date: the one proposed, or another (R-38, R-45)."""
    named = {"complaint": case} if kind is CaseKind.COMPLAINT else {"case": case}
    return desk.do(asking, e.LimitationConfirmed(**named, date=on), at, words)


def view(session: Session, desk: Desk, case: str, at: datetime) -> ClaimView:
    """One complaint or case; the policy's `Refused` when there is none."""
    row = cases.get(session, case)
    kind = CaseKind(row.kind)
    excerpt = books.look(session, desk.settings, cases=[case])
    claims = excerpt.book.complaints if kind is CaseKind.COMPLAINT else excerpt.book.cases
    file: ClaimFile = claims[case]
    kept: dict[str, date | None] = {}
    names: dict[str, int] = {}
    for holding in excerpt.book.parts(file.calls, at):
        held = [g for g in holding.grounds if g.case == case and g.active(at) and g.ground in _OF_CLAIMS]
        if held:
            last = [g.until for g in held]
            kept[holding.id] = None if None in last else max(day for day in last if day is not None)
        for ground in held:
            names[ground.ground.value] = names.get(ground.ground.value, 0) + 1
    proposed = file.proposed
    return ClaimView(
        case,
        kind,
        file.began_at,
        file.closed_at,
        file.calls,
        tuple(cases.members(session, case)),
        kept,
        names,
        row.facts or {},
        proposed,
        file.confirmed,
        proposed is not None and beyond_absolute_limit(proposed, file.knowledge_default),
    )


_OF_CLAIMS = frozenset(
    {
        GroundName.COMPLAINT_FREEZE,
        GroundName.COMPLAINT,
        GroundName.INV_TRIAGE,
        GroundName.INV,
        GroundName.INV_EXT,
    }
)
