"""What other settings would make of the whole archive: what would go earlier, what would be kept longer.

The archive is read once, call by call, in plain rows; what is remembered does not grow with it. Nothing is
written. `apply` puts the same into force, call by call, through the policy (`Restated`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Text, and_, cast, func, or_, select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from storage import audit_log, books
from storage.books import By
from storage.database import Database
from storage.keys import Keys
from storage.model import ArtifactKind, CaseKind, GroundName
from storage.policy import events as e
from storage.policy import grounds
from storage.policy.apply import change
from storage.policy.book import Book
from storage.policy.clocks import local_date
from storage.policy.restate import Dates, Facts, dates_of
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, Call, Case, Consent, GroundRow

_CHUNK = 200
_AUDIO, _TRANSCRIPT = ArtifactKind.AUDIO.value, ArtifactKind.TRANSCRIPT.value
_EVIDENCE = ArtifactKind.CONSENT_EVIDENCE.value
_SOUND = (_AUDIO, ArtifactKind.INVESTIGATION_AUDIO.value)
_GROUNDS = {name.value: name for name in GroundName}
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


class _Row(NamedTuple):
    """An artifact and one of its active grounds, or none; instants and dates as the driver gives them.

    Most are never needed as such, and many are the same: `_instant` and `_day` read them.
    """

    id: str
    kind: str
    call_id: str | None
    case_kind: str | None
    anchor: Any
    ended_at: Any
    condemned: str | None
    blocked_at: Any
    lived_until: Any
    lived_to: Any
    ground: str | None
    rule: str
    clock_start: Any
    until: Any
    expires_at: Any
    case_id: str | None
    closed: bool


class _Stored(NamedTuple):
    """A ground as far as its date follows from it (`storage.policy.restate.Dated`)."""

    ground: GroundName
    rule: str
    roles: tuple[str, ...]
    clock_start: datetime
    until: date | None
    expires_at: datetime | None


def _moves(
    session: Session, settings: PolicySettings, now: datetime, found: Preview, on_progress: Told
) -> Iterator[Moved]:
    facts = _Facts(session, settings)
    rows = map(_Row._make, session.execute(_everything(now).execution_options(yield_per=2000)))
    # Without a call each artifact stands for itself.
    for _, together in itertools.groupby(rows, key=lambda row: row[2] or row[0]):
        group = [list(each) for _, each in itertools.groupby(together, key=itemgetter(0))]
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
    columns = (
        *(artifact.id, artifact.kind, artifact.call_id, artifact.case_kind, artifact.anchor),
        *(artifact.ended_at, artifact.condemned, artifact.blocked_at),
        *(artifact.lived_until, artifact.lived_to),
        *(ground.ground, ground.rule, ground.clock_start, ground.until, ground.expires_at),
        ground.case_id,
    )
    return (
        select(
            *(type_coerce(column, NullType()) for column in columns),
            (cast(ground.roles, Text) == "[]").label("closed"),
        )
        .select_from(Artifact.__table__.outerjoin(GroundRow.__table__, active))
        .order_by(artifact.call_id, artifact.id)
    )


def _instant(stored: Any) -> datetime | None:
    """An instant of a row: SQLite has it as text, in UTC."""
    return _instant_of(stored) if isinstance(stored, str) else stored


def _day(stored: Any) -> date | None:
    return _day_of(stored) if isinstance(stored, str) else stored


@lru_cache(maxsize=1024)
def _instant_of(stored: str) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=timezone.utc)


_day_of = lru_cache(maxsize=1024)(date.fromisoformat)


def _moves_of(
    group: list[list[_Row]], facts: _Facts, settings: PolicySettings, now: datetime, found: Preview
) -> Iterator[Moved]:
    ended = {rows[0].anchor: rows[0].ended_at for rows in group if rows[0].kind in _SOUND}
    lives: list[Dates] = []  # of what rests on the caller's consent
    evidence: list[_Row] = []
    for rows in group:
        first = rows[0]
        on_consent = first.kind == _AUDIO or (first.kind == _TRANSCRIPT and first.case_kind is None)
        if first.blocked_at is not None:
            if on_consent:
                lives.append((_day(first.lived_until), _instant(first.lived_to)))
            continue
        found.looked_at += 1
        if first.kind == _EVIDENCE:
            evidence.append(first)
            continue
        if first.ground is None:
            continue  # nothing permits it: the sweep's
        dates = [_dates(row, ended, facts, settings) for row in rows]
        until, expires_at = _last(dates)
        if on_consent:  # what is over already would go now, and not before
            over = expires_at is not None and expires_at <= now
            lives.append((local_date(now), now) if over else (until, expires_at))
        if moved := _moved(rows, until, expires_at, now):
            yield moved
    for row in evidence:
        if row.ground is not None and lives:
            until, expires_at = facts.evidence(*_last(lives))
            if moved := _moved([row], until, expires_at, now):
                yield moved


def _dates(row: _Row, ended: dict[Any, Any], facts: _Facts, settings: PolicySettings) -> Dates:
    clock_start = _instant(row.clock_start)
    assert clock_start is not None and row.ground is not None
    roles = () if row.closed else _SOMEBODY
    until, expires_at = _day(row.until), _instant(row.expires_at)
    ground = _Stored(_GROUNDS[row.ground], row.rule, roles, clock_start, until, expires_at)
    known = Facts(_instant(ended.get(row.clock_start)))
    if row.condemned == "R-20":
        withdrawn, in_call = facts.withdrawn(row.call_id)
        known = known._replace(withdrawn_at=withdrawn, withdrawn_in_call=in_call)
    if row.case_id:
        received, answered, closed, confirmed = facts.case(row.case_id)
        known = known._replace(
            received_at=received, answered_at=answered, closed_on=closed, confirmed=confirmed
        )
    return dates_of(ground, known, settings)


def _last(dates: list[Dates]) -> Dates:
    if len(dates) == 1:
        return dates[0]
    if any(expires_at is None for _, expires_at in dates):
        return None, None
    return max(dates, key=itemgetter(1))


def _moved(rows: list[_Row], until: date | None, expires_at: datetime | None, now: datetime) -> Moved | None:
    was, was_at = _last([(_day(row.until), _instant(row.expires_at)) for row in rows])
    if expires_at == was_at:
        return None
    earlier = was_at is None or (expires_at is not None and expires_at < was_at)
    at_once = expires_at is not None and expires_at <= now
    first = rows[0]
    return Moved(first.id, first.kind, first.call_id, was, until, earlier, at_once)


class _Facts:
    """What the dates of few grounds follow from, looked up when it is needed."""

    def __init__(self, session: Session, settings: PolicySettings) -> None:
        self._session = session
        self._settings = settings
        self.evidence = lru_cache(maxsize=1024)(self._evidence)
        self.case = lru_cache(maxsize=1024)(self._case)
        self.withdrawn = lru_cache(maxsize=1024)(self._withdrawn)

    def _evidence(self, last_life: date | None, ended_at: datetime | None) -> Dates:
        """The dates of evidence for what lived that long."""
        last = grounds.evidence_ground(last_life, self._settings, ended_at=ended_at)
        return last.until, last.expires_at

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
