"""Held files: what is in the folder of one gateway and not, or not only, in the bucket.

The row is there before the first byte and goes when the folder has nothing of the artifact any more. So a
gateway that erases knows that another one still has a file, and issues no certificate over it: that one
removes its file with its own next sweep, and certifies. Without a bucket there is one folder and no row.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from storage.database import Database
from storage.many import among, plain
from storage.media import MediaStore
from storage.model import ArtifactKind
from storage.tables import Artifact, HeldFile

FILES = (ArtifactKind.AUDIO.value, ArtifactKind.INVESTIGATION_AUDIO.value, ArtifactKind.EXPORT.value)
"""Kinds of artifact that have a sealed file."""


def note(session: Session, store: MediaStore, artifact_id: str) -> None:
    """A file of that artifact is about to be made in the folder of `store`."""
    if store.bucket is not None and session.get(HeldFile, artifact_id) is None:
        session.add(HeldFile(artifact_id=artifact_id, instance=store.instance, going=False))


def elsewhere(db: Database, store: MediaStore, ids: Sequence[str]) -> dict[str, str]:
    """Those of the artifacts whose file another gateway has, or that are being sent: with whom they are."""
    if store.bucket is None or not ids:
        return {}
    held = plain(HeldFile).c
    query = select(held.artifact_id, held.instance).where(among(held.artifact_id, ids))
    query = query.where(or_(held.instance != store.instance, held.going.is_(True)))
    return db.read_sync(lambda s: {row.artifact_id: row.instance for row in s.execute(query)})


def to_erase(session: Session, instance: str) -> list[str]:
    """Artifacts whose erasure was begun, by whichever gateway, while this one has a file of them."""
    query = select(HeldFile.artifact_id).join(Artifact, Artifact.id == HeldFile.artifact_id)
    query = query.where(HeldFile.instance == instance, Artifact.blocked_at.is_not(None))
    return list(session.scalars(query.order_by(HeldFile.artifact_id)))


def begin(session: Session, instance: str, artifact_id: str) -> bool:
    """It is sent to the bucket from now on; False when it may not be (erased, withdrawn, not complete)."""
    artifact = session.get(Artifact, artifact_id)
    if artifact is None or artifact.blocked_at is not None or artifact.state != "sealed":
        return False
    row = session.get(HeldFile, artifact_id)
    if row is None:  # made before there was a bucket
        row = HeldFile(artifact_id=artifact_id, instance=instance)
        session.add(row)
    row.instance, row.going = instance, True
    return True


def arrived(session: Session, artifact_id: str) -> bool:
    """It is in the bucket; False when its erasure was begun meanwhile, and it must not stay there."""
    artifact = session.get(Artifact, artifact_id)
    return artifact is not None and artifact.blocked_at is None


def stopped(session: Session, instance: str, artifact_id: str | None = None) -> None:
    """Nothing of this gateway's is being sent any more, or not that one."""
    rows = update(HeldFile).where(HeldFile.instance == instance)
    rows = rows.where(HeldFile.artifact_id == artifact_id) if artifact_id else rows
    session.execute(rows.values(going=False))


def gone(session: Session, artifact_id: str) -> None:
    """The folder has nothing of it any more."""
    session.execute(delete(HeldFile).where(HeldFile.artifact_id == artifact_id))


def of(session: Session, instance: str) -> list[tuple[str, str]]:
    """What this gateway has: ids of artifacts and the state of each."""
    query = select(HeldFile.artifact_id, Artifact.state).join(Artifact, Artifact.id == HeldFile.artifact_id)
    return [(row[0], row[1]) for row in session.execute(query.where(HeldFile.instance == instance))]
