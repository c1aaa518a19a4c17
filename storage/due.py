"""What must go: artifacts that no ground permits keeping at an instant, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from storage.certificates import Lapsed
from storage.database import Database
from storage.many import among, plain
from storage.model import ArtifactKind, Ground, GroundName
from storage.policy import grounds
from storage.policy.clocks import local_date
from storage.tables import BEGUN, Artifact, GroundRow

EVIDENCE = (ArtifactKind.CONSENT_EVIDENCE.value, ArtifactKind.DECISION_LOG.value)


PAGE = 10_000
"""Lapsed grounds that are looked at together."""

LOOK = 20_000
"""Artifacts that a sweep looks at for one that nothing ever permitted keeping."""

_MINUTE_S = 60
_DIGITS = 12  # of a name, where the looking begins
_ARTIFACT, _GROUND = plain(Artifact).c, plain(GroundRow).c
_SPREAD = 0x9E3779B9  # 2**32 times the golden ratio: multiples of it lie evenly, however many there are


def begun(session: Session, only: Sequence[str] | None, skip: Iterable[str], limit: int) -> list[str]:
    """Artifacts whose erasure was begun and is not complete."""
    query = select(Artifact.id).where(text(BEGUN), Artifact.id.not_in(list(skip)))
    query = query if only is None else query.where(Artifact.id.in_(only))
    return list(session.scalars(query.order_by(Artifact.blocked_at).limit(limit)))  # the order of an index


def walk(db: Database, now: datetime, only: Sequence[str] | None) -> Iterator[list[str]]:
    """Artifacts without an active ground at `now`, some at a time; among `only`, if given.

    It walks through what has lapsed and not through the archive, so it takes as long as there is to do; what
    lapses meanwhile is for the next walk. Evidence comes when nothing that rests on it is left: after the
    walk on which that was erased.
    """
    if only is not None:
        for start in range(0, len(only), PAGE):
            yield db.read_sync(lambda s, some=only[start : start + PAGE]: due(s, now, some))  # type: ignore[misc]
        return
    for column in (GroundRow.expires_at, GroundRow.ended_at):
        place: tuple[datetime, str] | None = None
        while True:
            over = db.read_sync(lambda s, c=column, p=place: _lapsed(s, now, c, p))  # type: ignore[misc]
            some = list(dict.fromkeys(artifact_id for _, artifact_id in over))
            yield db.read_sync(lambda s, some=some: due(s, now, some))  # type: ignore[misc]
            if len(over) < PAGE:
                break
            place = over[-1]
    yield db.read_sync(lambda s: due(s, now, groundless(s, now)))


def _lapsed(
    session: Session, now: datetime, column: Any, after: tuple[datetime, str] | None
) -> list[tuple[datetime, str]]:
    """Artifacts with a ground that was over at `now`, with when it was, in that order."""
    query = select(column, GroundRow.artifact_id).where(column <= now)
    if after is not None:
        query = query.where(tuple_(column, GroundRow.artifact_id) > after)
    rows = session.execute(query.order_by(column, GroundRow.artifact_id).limit(PAGE))
    return [(at, artifact_id) for at, artifact_id in rows]


def due(session: Session, now: datetime, ids: Sequence[str]) -> list[str]:
    """Those of the artifacts that no ground permits keeping at `now`, and on which nothing rests.

    Oldest first: what was made together lies together on disk and goes together.
    """
    session.flush()
    query = select(_ARTIFACT.id).where(
        among(_ARTIFACT.id, ids), _ARTIFACT.blocked_at.is_(None), ~_held(now), free()
    )
    return list(session.scalars(query.order_by(_ARTIFACT.created_at, _ARTIFACT.id))) if ids else []


def all_due(session: Session, now: datetime) -> list[str]:
    """Everything whose erasure was begun, and everything with grounds that are all over at `now`."""
    return [*session.scalars(select(Artifact.id).where(text(BEGUN))), *lapsed(session, now)]


def lapsed(session: Session, now: datetime) -> list[str]:
    """Everything whose grounds are all over at `now` and whose erasure was not begun."""
    over = (
        select(GroundRow.artifact_id)
        .where(GroundRow.expires_at <= now)
        .union(select(GroundRow.artifact_id).where(GroundRow.ended_at <= now))
    )
    fresh = select(_ARTIFACT.id).where(_ARTIFACT.blocked_at.is_(None), ~_held(now), free())
    return list(session.scalars(fresh.where(_ARTIFACT.id.in_(over))))


def _held(now: datetime) -> ColumnElement[bool]:
    return (
        select(_GROUND.id)
        .where(
            _GROUND.artifact_id == _ARTIFACT.id,
            or_(_GROUND.ended_at.is_(None), _GROUND.ended_at > now),
            or_(_GROUND.expires_at.is_(None), _GROUND.expires_at > now),
        )
        .exists()
    )


def free() -> ColumnElement[bool]:
    """Nothing else rests on the artifact's consent record, or the artifact is no evidence."""
    other = plain(Artifact).alias("other").c
    rests = (
        select(other.id)
        .where(other.consent_id == _ARTIFACT.consent_id, other.id != _ARTIFACT.id, other.state != "erased")
        .exists()
    )
    return or_(_ARTIFACT.kind.not_in(EVIDENCE), ~rests)


def groundless(session: Session, now: datetime, look: int | None = LOOK) -> list[str]:
    """Artifacts that nothing ever permitted keeping. There is none unless something went wrong.

    So a part of a large archive is looked at, another one every minute; a small one is looked at whole, and
    so is any without `look`. Nobody can read what has no ground (`artifacts.kept`).
    """
    ends = session.execute(select(func.min(Artifact.id), func.max(Artifact.id))).one()
    if ends[0] is None:
        return []
    first, last = (int(end[:_DIGITS], 16) for end in ends)
    share = int(now.timestamp()) // _MINUTE_S * _SPREAD % 2**32 / 2**32
    place = f"{first + int((last - first) * share):0{_DIGITS}x}"
    found: list[str] = []
    for part in (Artifact.id >= place, Artifact.id < place):
        some = select(Artifact.id).where(part).order_by(Artifact.id).limit(look).subquery()
        any_ground = select(GroundRow.id).where(GroundRow.artifact_id == some.c.id).exists()
        kept = select(Artifact.id).where(Artifact.id == some.c.id, Artifact.blocked_at.is_(None)).exists()
        found += session.scalars(select(some.c.id).where(~any_ground, kept))
    return found


def lapses(session: Session, artifact_ids: Sequence[str], now: datetime) -> dict[str, Lapsed]:
    """How the grounds of these artifacts lapsed. Where it is the same, so is the object."""
    session.flush()
    held: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    of = (_GROUND.ground, _GROUND.rule, _GROUND.until, _GROUND.expires_at, _GROUND.ended_at, _GROUND.ended_by)
    query = select(_GROUND.artifact_id, _GROUND.clock_start, *of).where(
        among(_GROUND.artifact_id, artifact_ids)
    )
    for artifact_id, *ground in session.execute(query.order_by(_GROUND.id)):
        held[artifact_id].append(tuple(ground))
    # What fell due together was mostly kept by the same grounds; only when they began differs.
    told: dict[tuple[tuple[Any, ...], ...], Lapsed] = {}
    found = {}
    for artifact_id in artifact_ids:
        mine = held[artifact_id]
        same = tuple(ground[1:] for ground in mine)
        if same not in told:
            told[same] = lapse([_ground(*each) for each in mine], now)
        found[artifact_id] = told[same]
    return found


def _ground(
    clock_start: datetime,
    name: str,
    rule: str,
    until: date | None,
    expires_at: datetime | None,
    ended_at: datetime | None,
    ended_by: str,
) -> Ground:
    """A ground as far as it says when and why it ended."""
    return Ground(
        GroundName(name),
        rule,
        (),
        (),
        (),
        clock_start,
        until,
        expires_at,
        ended_at=ended_at,
        ended_by=ended_by,
    )


def lapse(held: Sequence[Ground], now: datetime) -> Lapsed:
    """How the grounds of an artifact lapsed; the one that held longest comes last."""
    held = sorted(held, key=lambda g: grounds.end_of(g) or now)
    if not held:
        return Lapsed(now, local_date(now), ())
    told = [
        {
            "ground": ground.ground.value,
            "rule": ground.rule,
            "until": ground.until.isoformat() if ground.until else None,
            "ended_at": ground.ended_at.isoformat() if ground.ended_at else None,
            "ended_by": ground.ended_by,
        }
        for ground in held
    ]
    return Lapsed(grounds.expires_at(held) or now, grounds.until(held) or local_date(now), tuple(told))
