"""What must go: artifacts that no ground permits keeping at an instant, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from storage import artifacts
from storage.certificates import Lapsed
from storage.policy import grounds
from storage.policy.clocks import local_date
from storage.tables import BEGUN, Artifact, GroundRow


def due(
    session: Session,
    now: datetime,
    only: list[str] | None,
    without_ground: Sequence[str],
    skip: Iterable[str],
    limit: int | None,
) -> list[Artifact]:
    """Artifacts whose erasure was begun, then those without an active ground."""
    holds = (
        select(GroundRow.id)
        .where(
            GroundRow.artifact_id == Artifact.id,
            or_(GroundRow.ended_at.is_(None), GroundRow.ended_at > now),
            or_(GroundRow.expires_at.is_(None), GroundRow.expires_at > now),
        )
        .exists()
    )
    # Looking at lapsed grounds, not at artifacts, keeps this independent of the size of the archive.
    lapsed = (
        select(GroundRow.artifact_id)
        .where(GroundRow.expires_at <= now)
        .union(select(GroundRow.artifact_id).where(GroundRow.ended_at <= now))
    )
    queries = [
        select(Artifact).where(text(BEGUN)),
        select(Artifact).where(Artifact.blocked_at.is_(None), Artifact.id.in_(lapsed), ~holds),
    ]
    if without_ground:
        wanted = Artifact.id.in_(without_ground)
        queries.append(select(Artifact).where(Artifact.blocked_at.is_(None), wanted, ~holds))
    found: dict[str, Artifact] = {}
    for query in queries:
        if only is not None:
            query = query.where(Artifact.id.in_(only))
        if skipped := list(skip):
            query = query.where(Artifact.id.not_in(skipped))
        if limit is not None:
            query = query.limit(limit - len(found))
        found.update((artifact.id, artifact) for artifact in session.scalars(query))
        if limit is not None and len(found) >= limit:
            break
    return list(found.values())


def groundless(session: Session, only: list[str] | None) -> list[str]:
    """Artifacts that nothing ever permitted keeping; looked for outside of any write."""
    any_ground = select(GroundRow.id).where(GroundRow.artifact_id == Artifact.id).exists()
    query = select(Artifact.id).where(Artifact.blocked_at.is_(None), ~any_ground)
    return list(session.scalars(query if only is None else query.where(Artifact.id.in_(only))))


def lapse(session: Session, artifact_id: str, now: datetime) -> Lapsed:
    """How the grounds of an artifact lapsed; the one that held longest comes last."""
    held = sorted(artifacts.grounds_of(session, artifact_id), key=lambda g: grounds.end_of(g) or now)
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
