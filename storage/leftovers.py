"""What a killed gateway left: its recordings are completed from their spools, its calls are closed.

Run at start, before calls are taken. What may not be kept (consent withdrawn, time over) is left to the
sweep, which erases it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, calls, reconciliation, recordings
from storage.database import Database
from storage.keys import Keys, KeysError, SealsOnly
from storage.media import MediaStore, NothingRecorded, SealedFacts
from storage.policy.settings import PolicySettings
from storage.sealed import MediaError
from storage.tables import Artifact, Call

Tail = Callable[[str, int], bytes]
"""(artifact id, frames in the spool) -> PCM captured after the spool's end, b"" if there is none."""

LEFT_S = 600.0
"""After the end of a call its gateway may still be sealing the recording; after so long it is not."""

log = logging.getLogger(__name__)


@dataclass
class Recovered:
    """What was found at start. All are artifact or call ids."""

    sealed: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)  # nothing captured, or not to be kept: erased next
    failed: dict[str, str] = field(default_factory=dict)  # tried again at the next start; why
    left: list[str] = field(default_factory=list)  # sealed for another node, which completes them
    calls_closed: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)  # what calls came to that nobody had judged
    strays: int = 0  # files that belonged to nothing, removed


def recover_leftovers(
    db: Database,
    store: MediaStore,
    keys: Keys,
    now: datetime,
    settings: PolicySettings,
    tail: Tail = lambda artifact_id, frames: b"",
    instance: str | None = None,
    reason: str = "gateway_died",
) -> Recovered:
    """Complete the recordings and calls of `instance` (or of all) that were never closed.

    On a node that can only seal recordings stay as they are: see `finish_left`.
    """
    found = Recovered()
    dead = [call.id for call in db.read_sync(lambda s: calls.unfinished(s, instance))]
    of_dead = dead if instance is not None else None
    for artifact in db.read_sync(lambda s: artifacts.capturing(s, of_dead)):
        _recover(db, store, keys, now, settings, tail, reason, artifact, found)
    for call_id in dead:
        db.write_sync(lambda s, each=call_id: calls.close_call(s, each, now, reason, settings))  # type: ignore[misc]
        found.calls_closed.append(call_id)
    judged = db.write_sync(lambda s: reconciliation.settle_leftovers(s, now, instance))
    found.outcomes += [outcome.value for outcome in judged]
    found.strays = _remove_strays(db, store, now)
    return found


def finish_left(
    db: Database, store: MediaStore, keys: Keys, now: datetime, settings: PolicySettings
) -> Recovered:
    """Complete the recordings that a node left which can only seal, of calls that are over for `LEFT_S`.

    What was captured after the last half second of the spool is not among it: it was in memory alone, and
    could not be sealed any more.
    """
    found = Recovered()

    def left(session: Session) -> list[Artifact]:
        over = now - timedelta(seconds=LEFT_S)
        ended = select(Call.id).where(Call.ended_at <= over)
        return [
            each
            for each in artifacts.capturing(session)
            if session.scalar(ended.where(Call.id == each.call_id))
        ]

    for artifact in db.read_sync(left):
        _recover(
            db, store, keys, now, settings, lambda artifact_id, frames: b"", "gateway_died", artifact, found
        )
    return found


def _recover(
    db: Database,
    store: MediaStore,
    keys: Keys,
    now: datetime,
    settings: PolicySettings,
    tail: Tail,
    reason: str,
    artifact: Artifact,
    found: Recovered,
) -> None:
    artifact_id = artifact.id

    def seal(session: Session, facts: SealedFacts) -> None:
        ended_at = artifact.anchor + timedelta(milliseconds=facts.duration_ms)
        recordings.seal(
            session, artifact_id, facts, now, settings, incomplete_reason=reason, ended_at=ended_at
        )

    try:
        key = db.write_sync(lambda s: artifacts.data_key(s, keys, artifact_id, now))
        facts = _finish(store, artifact_id, key, tail)
        db.write_sync(lambda s: seal(s, facts))
        found.sealed.append(artifact_id)
    except (artifacts.NotReadable, NothingRecorded) as error:
        why = recordings.why_abandoned(captured=not isinstance(error, NothingRecorded))
        db.write_sync(lambda s: recordings.abandon(s, artifact_id, now, why, settings))
        found.abandoned.append(artifact_id)
    except SealsOnly:
        found.left.append(artifact_id)
    except (MediaError, KeysError) as error:
        log.error("a recording could not be completed", extra={"artifact_id": artifact_id, "why": str(error)})
        found.failed[artifact_id] = str(error)


def _finish(store: MediaStore, artifact_id: str, key: bytes, tail: Tail) -> SealedFacts:
    if store.spool_path(artifact_id).exists():
        with store.resume_spool(artifact_id, key) as spool:
            rest = tail(artifact_id, spool.frames)
            if rest:
                spool.append(rest)
    return store.finish(artifact_id, key)


def _remove_strays(db: Database, store: MediaStore, now: datetime) -> int:
    """Remove files of artifacts that are erased or never came to be."""
    strays = []
    for artifact_id in sorted(set(store.ids())):
        query = select(Artifact.id).where(Artifact.id == artifact_id, Artifact.state != "erased")
        if db.read_sync(lambda s, each=query: s.scalar(each)) is None:  # type: ignore[misc]
            store.remove(artifact_id, in_bucket=False)
            strays.append(artifact_id)
    if strays:
        db.write_sync(lambda s: audit_log.append(s, now, "strays", "media", {"count": len(strays)}))
    return len(strays)
