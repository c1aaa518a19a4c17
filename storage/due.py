"""What must go: artifacts that no ground permits keeping at an instant, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, text
from sqlalchemy.orm import Session, aliased

from storage import artifacts
from storage.certificates import Lapsed
from storage.model import ArtifactKind, Ground
from storage.policy import grounds
from storage.policy.clocks import local_date
from storage.tables import BEGUN, Artifact, GroundRow

EVIDENCE = (ArtifactKind.CONSENT_EVIDENCE.value, ArtifactKind.DECISION_LOG.value)


def due(
    session: Session,
    now: datetime,
    only: list[str] | None,
    without_ground: Sequence[str],
    skip: Iterable[str],
    limit: int | None,
) -> list[Artifact]:
    """Artifacts whose erasure was begun, then those without an active ground.

    Evidence comes when nothing that rests on it is left: the database lets go of it in no other order.
    """
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
    fresh = select(Artifact).where(Artifact.blocked_at.is_(None), ~holds, free())
    queries = [select(Artifact).where(text(BEGUN)), fresh.where(Artifact.id.in_(lapsed))]
    if without_ground:
        queries.append(fresh.where(Artifact.id.in_(without_ground)))
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


def free() -> ColumnElement[bool]:
    """Nothing else rests on the artifact's consent record, or the artifact is no evidence."""
    other = aliased(Artifact)
    rests = (
        select(other.id)
        .where(other.consent_id == Artifact.consent_id, other.id != Artifact.id, other.state != "erased")
        .exists()
    )
    return or_(Artifact.kind.not_in(EVIDENCE), ~rests)


def groundless(session: Session, only: list[str] | None) -> list[str]:
    """Artifacts that nothing ever permitted keeping; looked for outside of any write."""
    any_ground = select(GroundRow.id).where(GroundRow.artifact_id == Artifact.id).exists()
    query = select(Artifact.id).where(Artifact.blocked_at.is_(None), ~any_ground)
    return list(session.scalars(query if only is None else query.where(Artifact.id.in_(only))))


def lapses(session: Session, artifact_ids: Sequence[str], now: datetime) -> dict[str, Lapsed]:
    """How the grounds of these artifacts lapsed."""
    held: dict[str, list[Ground]] = defaultdict(list)
    query = select(GroundRow).where(GroundRow.artifact_id.in_(artifact_ids)).order_by(GroundRow.id)
    for row in session.scalars(query):
        held[row.artifact_id].append(artifacts.ground_of(row))
    return {artifact_id: lapse(held[artifact_id], now) for artifact_id in artifact_ids}


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
