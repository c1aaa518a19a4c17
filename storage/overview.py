"""Retention at a glance: what is kept and why, what goes on which day, what went, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.orm import Session

from storage.policy.clocks import local_date, local_midnight
from storage.tables import BEGUN, Artifact, GroundRow, Tombstone

DAYS = 31


@dataclass(frozen=True)
class Kept:
    """How many artifacts of a kind have an active ground of a name; one with several counts in each."""

    kind: str
    ground: str
    count: int


@dataclass(frozen=True)
class OnDay:
    """How many artifacts of a kind go, or went, on a civil date."""

    day: date
    kind: str
    count: int


@dataclass(frozen=True)
class Overview:
    """`goes`: by the last civil date on which they may exist. `late`: past it and still readable or begun."""

    kept: list[Kept]
    goes: list[OnDay]
    went: list[OnDay]
    late: int
    open_ended: int


def overview(session: Session, at: datetime, days: int = DAYS) -> Overview:
    """The state at `at`, with so many days ahead and behind."""
    today = local_date(at)
    active = and_(
        Artifact.blocked_at.is_(None),
        or_(GroundRow.ended_at.is_(None), GroundRow.ended_at > at),
    )
    joined = select(Artifact.kind, GroundRow.ground, func.count()).join(
        GroundRow, GroundRow.artifact_id == Artifact.id
    )
    living = or_(GroundRow.expires_at.is_(None), GroundRow.expires_at > at)
    kept = session.execute(joined.where(active, living).group_by(Artifact.kind, GroundRow.ground))
    last = (
        select(
            Artifact.id.label("id"),
            Artifact.kind.label("kind"),
            func.max(GroundRow.until).label("until"),
            func.max(GroundRow.expires_at).label("expires_at"),
            func.count().label("grounds"),
            func.count(GroundRow.until).label("dated"),
        )
        .join(GroundRow, GroundRow.artifact_id == Artifact.id)
        .where(active)
        .group_by(Artifact.id, Artifact.kind)
        .subquery()
    )
    dated = last.c.dated == last.c.grounds
    goes = session.execute(
        select(last.c.until, last.c.kind, func.count())
        .where(dated, last.c.until >= today, last.c.until < today + timedelta(days=days))
        .group_by(last.c.until, last.c.kind)
        .order_by(last.c.until, last.c.kind)
    )
    # Past its date by more than a sweep takes; a sweep runs every minute.
    before = at - timedelta(minutes=10)
    lapsed = select(func.count()).select_from(last).where(dated, last.c.expires_at <= before)
    begun = select(func.count()).select_from(Artifact).where(text(BEGUN), Artifact.blocked_at <= before)
    return Overview(
        kept=[Kept(*row) for row in kept],
        goes=[OnDay(*row) for row in goes],
        went=list(_went(session, today, days)),
        late=(session.scalar(lapsed) or 0) + (session.scalar(begun) or 0),
        open_ended=session.scalar(select(func.count()).select_from(last).where(~dated)) or 0,
    )


def _went(session: Session, today: date, days: int) -> list[OnDay]:
    found = []
    for back in range(days - 1, -1, -1):
        day = today - timedelta(days=back)
        query = select(Tombstone.kind, func.count()).where(
            Tombstone.purged_at >= local_midnight(day),
            Tombstone.purged_at < local_midnight(day + timedelta(days=1)),
        )
        found += [OnDay(day, kind, count) for kind, count in session.execute(query.group_by(Tombstone.kind))]
    return found
