"""What other settings would make of the whole archive: what would go earlier, what would be kept longer.

The archive is read once, call by call, in plain rows; what is remembered does not grow with it. Nothing is
written. `apply` puts the same into force, call by call, through the policy (`Restated`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Text, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from storage import audit_log, books
from storage.books import By
from storage.database import Database
from storage.keys import Keys
from storage.model import ArtifactKind, CaseKind, Ground, GroundName
from storage.policy import events as e
from storage.policy import grounds
from storage.policy.apply import change
from storage.policy.book import Book
from storage.policy.clocks import local_date
from storage.policy.restate import Facts, dates_of
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, Call, Case, Consent, GroundRow

_CHUNK = 200
_SOUND = (ArtifactKind.AUDIO.value, ArtifactKind.INVESTIGATION_AUDIO.value)
_PROGRESS_EVERY = 5000
_SOMEBODY = ("",)  # roles: whose they are does not matter to a date, but whether there is one

Told = Callable[[int], None]


@dataclass(frozen=True)
class Moved:
    """An artifact whose last date would be another. Dates None: open-ended."""

    artifact: str
    kind: str
    call: str | None
    was: date | None
    until: date | None
    earlier: bool
    at_once: bool  # it would have to go now


@dataclass
class Preview:
    """What a change would do, in numbers, by kind of artifact; and the first of what would move."""

    looked_at: int = 0
    earlier: Counter[str] = field(default_factory=Counter)
    at_once: Counter[str] = field(default_factory=Counter)
    longer: Counter[str] = field(default_factory=Counter)
    examples: list[Moved] = field(default_factory=list)


def preview(
    db: Database,
    settings: PolicySettings,
    now: datetime,
    examples: int = 20,
    on_moved: Callable[[Moved], None] = lambda moved: None,
    on_progress: Told = lambda looked_at: None,
) -> Preview:
    """What `settings` would do to everything that is kept at `now`. `on_moved` is told each artifact."""

    def look(session: Session) -> Preview:
        found = Preview()
        for moved in _moves(session, settings, now, found, on_progress):
            (found.earlier if moved.earlier else found.longer)[moved.kind] += 1
            if moved.at_once:
                found.at_once[moved.kind] += 1
            if len(found.examples) < examples:
                found.examples.append(moved)
            on_moved(moved)
        return found

    return db.read_sync(look)


def count(db: Database) -> int:
    """How many artifacts a preview looks at, for its progress."""
    return db.read_sync(
        lambda s: s.scalar(select(func.count()).select_from(Artifact).where(Artifact.state != "erased")) or 0
    )


def apply(
    db: Database,
    keys: Keys,
    settings: PolicySettings,
    now: datetime,
    event: e.Restated,
    by: By,
    on_progress: Told = lambda done: None,
) -> int:
    """Put the settings into force for what is kept; how many calls were gone through.

    Safe to interrupt and to repeat. The policy's `Refused` without a reason for keeping longer.
    """
    change(Book(settings), event, now)  # what the rules refuse, they refuse before anything is written
    told = {"later": event.later}
    db.write_sync(
        lambda s: audit_log.append(s, now, "policy.restate", "policy", told, by.actor, event.reason, keys)
    )
    done = 0
    for calls in _chunks(db):
        db.write_sync(lambda s, some=calls: _apply(s, settings, now, event, by, some, ()))  # type: ignore[misc]
        done += len(calls)
        on_progress(done)
    for cases in _chunks_of_cases(db):
        db.write_sync(lambda s, some=cases: _apply(s, settings, now, event, by, (), some))  # type: ignore[misc]
    return done


def _apply(
    session: Session,
    settings: PolicySettings,
    now: datetime,
    event: e.Restated,
    by: By,
    calls: tuple[str, ...],
    cases: tuple[str, ...],
) -> None:
    excerpt = books.look(session, settings, calls, cases)
    change(excerpt.book, event, now)
    books.write(session, excerpt, event, now, by, told=False)


def _chunks(db: Database) -> Iterator[tuple[str, ...]]:
    last = ""
    while True:
        query = select(Call.id).where(Call.id > last).order_by(Call.id).limit(_CHUNK)
        some = db.read_sync(lambda s, q=query: tuple(s.scalars(q)))  # type: ignore[misc]
        if not some:
            return
        yield some
        last = some[-1]


def _chunks_of_cases(db: Database) -> Iterator[tuple[str, ...]]:
    kinds = (CaseKind.RIGHTS_REQUEST.value, CaseKind.SAMPLE.value)
    last = ""
    while True:
        query = select(Case.id).where(Case.id > last, Case.kind.in_(kinds)).order_by(Case.id).limit(_CHUNK)
        some = db.read_sync(lambda s, q=query: tuple(s.scalars(q)))  # type: ignore[misc]
        if not some:
            return
        yield some
        last = some[-1]


# --- reading everything once ------------------------------------------------------------------------


def _moves(
    session: Session, settings: PolicySettings, now: datetime, found: Preview, on_progress: Told
) -> Iterator[Moved]:
    facts = _Facts(session)
    rows = session.execute(_everything(now).execution_options(yield_per=2000))
    for call, of_call in itertools.groupby(rows, key=lambda row: row.call_id):
        artifacts = (list(each) for _, each in itertools.groupby(of_call, key=lambda row: row.id))
        # Without a call each artifact stands for itself.
        for group in ([each] for each in artifacts) if call is None else [list(artifacts)]:
            before = found.looked_at
            yield from _moves_of(group, facts, settings, now, found)
            if found.looked_at // _PROGRESS_EVERY != before // _PROGRESS_EVERY:
                on_progress(found.looked_at)


def _everything(now: datetime) -> Any:
    """Each artifact with its active grounds, by call; erased ones too: evidence outlives them."""
    artifact, ground = Artifact.__table__.c, GroundRow.__table__.c  # plain rows: twice as fast
    active = and_(
        ground.artifact_id == artifact.id,
        or_(ground.ended_at.is_(None), ground.ended_at > now),
        or_(ground.expires_at.is_(None), ground.expires_at > now),
    )
    return (
        select(
            *(artifact.id, artifact.kind, artifact.call_id, artifact.case_kind, artifact.anchor),
            *(artifact.ended_at, artifact.condemned, artifact.blocked_at),
            *(artifact.lived_until, artifact.lived_to),
            *(ground.ground, ground.rule, ground.clock_start, ground.until, ground.expires_at),
            ground.case_id,
            (cast(ground.roles, Text) == "[]").label("closed"),
        )
        .select_from(Artifact.__table__.outerjoin(GroundRow.__table__, active))
        .order_by(artifact.call_id, artifact.id)
    )


def _moves_of(
    group: list[list[Row[Any]]], facts: _Facts, settings: PolicySettings, now: datetime, found: Preview
) -> Iterator[Moved]:
    ended = {rows[0].anchor: rows[0].ended_at for rows in group if rows[0].kind in _SOUND}
    lives: list[tuple[date | None, datetime | None]] = []  # of what rests on the caller's consent
    evidence: list[Row[Any]] = []
    for rows in group:
        first = rows[0]
        on_consent = first.kind == ArtifactKind.AUDIO.value or (
            first.kind == ArtifactKind.TRANSCRIPT.value and first.case_kind is None
        )
        if first.blocked_at is not None:
            if on_consent:
                lives.append((first.lived_until, first.lived_to))
            continue
        found.looked_at += 1
        if first.kind == ArtifactKind.CONSENT_EVIDENCE.value:
            evidence.append(first)
            continue
        if first.ground is None:
            continue  # nothing permits it: the sweep's
        dates = [_dates(row, ended, facts, settings) for row in rows]
        until, expires_at = _last(dates)
        if on_consent:
            lives.append((until, expires_at))
        yield from _moved(rows, until, expires_at, now)
    for row in evidence:
        if row.ground is not None and lives:
            last_life, ended_at = _last(lives)
            last = grounds.evidence_ground(last_life, settings, ended_at=ended_at)
            yield from _moved([row], last.until, last.expires_at, now)


def _dates(
    row: Row[Any], ended: dict[datetime, datetime | None], facts: _Facts, settings: PolicySettings
) -> tuple[date | None, datetime | None]:
    ground = Ground(
        GroundName(row.ground),
        row.rule,
        (),
        (),
        () if row.closed else _SOMEBODY,
        row.clock_start,
        row.until,
        row.expires_at,
    )
    withdrawn, in_call = facts.withdrawn(row.call_id) if row.condemned == "R-20" else (None, False)
    received, answered, closed, confirmed = facts.case(row.case_id) if row.case_id else (None,) * 4
    known = Facts(
        recording_ended_at=ended.get(row.clock_start),
        withdrawn_at=withdrawn,
        withdrawn_in_call=in_call,
        received_at=received,
        answered_at=answered,
        closed_on=closed,
        confirmed=confirmed,
    )
    return dates_of(ground, known, settings)


def _last(dates: list[tuple[date | None, datetime | None]]) -> tuple[date | None, datetime | None]:
    if any(expires_at is None for _, expires_at in dates):
        return None, None
    return max(dates, key=lambda each: each[1])  # type: ignore[arg-type, return-value]


def _moved(
    rows: list[Row[Any]], until: date | None, expires_at: datetime | None, now: datetime
) -> Iterator[Moved]:
    was, was_at = _last([(row.until, row.expires_at) for row in rows])
    if expires_at == was_at:
        return
    earlier = was_at is None or (expires_at is not None and expires_at < was_at)
    at_once = expires_at is not None and expires_at <= now
    first = rows[0]
    yield Moved(first.id, first.kind, first.call_id, was, until, earlier, at_once)


class _Facts:
    """What the dates of few grounds follow from, looked up when it is needed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.case = lru_cache(maxsize=1024)(self._case)
        self.withdrawn = lru_cache(maxsize=1024)(self._withdrawn)

    def _case(self, case_id: str) -> tuple[datetime | None, datetime | None, date | None, date | None]:
        query = select(Case.kind, Case.opened_at, Case.closed_at, Case.confirmed).where(Case.id == case_id)
        row = self._session.execute(query).one()
        if row.kind == CaseKind.RIGHTS_REQUEST.value:
            return row.opened_at, row.closed_at, None, None
        closed = local_date(row.closed_at) if row.closed_at and row.kind == CaseKind.COMPLAINT.value else None
        return None, None, closed, row.confirmed

    def _withdrawn(self, call_id: str) -> tuple[datetime | None, bool]:
        query = (
            select(Consent.withdrawn_at, Call.ended_at)
            .join(Call, Call.id == Consent.call_id)
            .where(Consent.call_id == call_id, Consent.withdrawn_at.is_not(None))
            .order_by(Consent.withdrawn_at.desc())
            .limit(1)
        )
        row = self._session.execute(query).first()
        if row is None or row.withdrawn_at is None:
            return None, False
        return row.withdrawn_at, row.ended_at is None or row.withdrawn_at < row.ended_at
