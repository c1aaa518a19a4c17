"""After a restore: what was erased before is erased again (R-61), before anything is read.

Promises:
1. Every artifact of the erasure ledger that the database has alive is blocked in one transaction with the
   others of its batch, its key destroyed; then it goes the way of every erasure, to one certificate.
2. It may be killed at any line and run again; on a database that was not restored it changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, books, calls, certificates
from storage.certificates import Lapsed
from storage.database import Database
from storage.due import EVIDENCE, free, lapses
from storage.ledger import ErasureLedger, Line
from storage.media import MediaStore
from storage.pace import FIRST
from storage.policy.clocks import local_date
from storage.policy.settings import PolicySettings
from storage.sealed import MediaError
from storage.sweep import Erased, Failed, block, erase_now
from storage.tables import Artifact, Call, Tombstone

RESTORED = "restored from backup"
"""The reason in the second certificate."""

_CHUNK = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Replayed:
    """What a replay did. Ids of artifacts."""

    erased: tuple[Erased, ...] = ()
    failed: tuple[Failed, ...] = ()  # unreadable; their files are tried again by every sweep
    files_removed: int = 0  # restored files of artifacts that the database does not have
    torn_lines: int = 0  # of the ledger, passed over


def is_behind(db: Database, store: MediaStore) -> bool:
    """Whether the database does not know of the newest erasure: a quick sign of a restored backup.

    True also while an erasure goes on in another process; a replay is harmless then.
    """
    newest = ErasureLedger(store.folder).last()
    if newest is None:
        return False
    certificate = select(Tombstone.dc_id).where(Tombstone.artifact_pseudonym == newest.pseudonym)
    return db.read_sync(lambda s: s.scalar(certificate)) is None


def replay(
    db: Database,
    store: MediaStore,
    now: datetime,
    settings: PolicySettings | None = None,
    checkpoint: Callable[[str], None] = lambda step: None,
) -> Replayed:
    """Erase again what the ledger beside `store` says was erased."""
    settings = settings or PolicySettings()
    known, torn = _known(ErasureLedger(store.folder))
    if not known:
        return Replayed(torn_lines=torn)
    behind = is_behind(db, store)
    back = db.read_sync(lambda s: _alive(s, known))
    erased: list[Erased] = []
    failed: list[Failed] = []
    # What rests on a consent record goes before it: the database lets go of it in no other order.
    for kinds in (_content(back), _evidence(back)):
        for some in _pieces(kinds, _CHUNK):
            for batch in _pieces(some, FIRST):
                db.write_sync(lambda s, ids=batch: _block(s, ids, known, now, settings))  # type: ignore[misc]
                checkpoint("replay blocked")
            calls_of = db.read_sync(lambda s, ids=some: _calls(s, ids))  # type: ignore[misc]
            result = erase_now(db, store, some, now, settings, checkpoint)
            # A backup knows nothing of what ended since; evidence counts from the first erasure.
            db.write_sync(lambda s, ids=calls_of: books.refresh(s, settings, ids, now))  # type: ignore[misc]
            erased += result.erased
            failed += result.failed
    return Replayed(tuple(erased), tuple(failed), _remove_files(db, store, known, behind), torn)


def _known(ledger: ErasureLedger) -> tuple[dict[str, Line], int]:
    """The first erasure of every artifact in the ledger, and how many lines cannot be read."""
    known: dict[str, Line] = {}
    torn = 0
    for line in ledger.read():
        if line is None:
            torn += 1
        else:
            known.setdefault(line.pseudonym, line)
    return known, torn


def _alive(session: Session, known: dict[str, Line]) -> list[tuple[str, str]]:
    query = select(Artifact.id, Artifact.kind).where(Artifact.state != "erased").order_by(Artifact.id)
    rows = session.execute(query.execution_options(yield_per=1000))
    return [(row.id, row.kind) for row in rows if certificates.pseudonym(row.id) in known]


def _content(back: Iterable[tuple[str, str]]) -> list[str]:
    return [artifact_id for artifact_id, kind in back if kind not in EVIDENCE]


def _evidence(back: Iterable[tuple[str, str]]) -> list[str]:
    return [artifact_id for artifact_id, kind in back if kind in EVIDENCE]


def _calls(session: Session, ids: Sequence[str]) -> list[str]:
    query = select(Artifact.call_id).where(Artifact.id.in_(ids), Artifact.call_id.is_not(None))
    return [call for call in session.scalars(query.distinct()) if call is not None]


def _pieces(ids: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _block(
    session: Session, ids: Sequence[str], known: dict[str, Line], now: datetime, settings: PolicySettings
) -> None:
    query = select(Artifact).where(Artifact.id.in_(ids), Artifact.blocked_at.is_(None)).order_by(Artifact.id)
    rows = session.scalars(query.where(free())).all()
    if len(rows) < len(session.scalars(query).all()):
        log.error("what rests on erased consent evidence is there; the evidence stays with it")
    held = lapses(session, [artifact.id for artifact in rows], now)
    told = {}
    for artifact in rows:
        told[artifact.id] = _again(held[artifact.id], known[certificates.pseudonym(artifact.id)])
        # The call was over, too, when its artifact was erased; a backup may know it as going on.
        call = session.get(Call, artifact.call_id) if artifact.call_id else None
        if call is not None and call.ended_at is None:
            calls.close_call(session, call.id, now, "restored", settings)
        detail = {"kind": artifact.kind, "reason": RESTORED, "rule": "R-61"}
        audit_log.append(session, now, "erase.replay", artifact.id, detail)
    block(session, rows, told, now)


def _why_again() -> str:
    return "it was restored from backup (R-61)"


def _again(lapsed: Lapsed, line: Line) -> Lapsed:
    """Why it goes: whatever its grounds say, it was erased before."""
    told = {
        "ground": "",
        "rule": "R-61",
        "until": None,
        "ended_at": line.erased_at.isoformat(),
        "ended_by": _why_again(),
    }
    return replace(
        lapsed,
        due_at=min(lapsed.due_at, line.erased_at),
        last_life=min(lapsed.last_life, local_date(line.erased_at)),
        grounds=(*lapsed.grounds, told),
    )


def _remove_files(db: Database, store: MediaStore, known: dict[str, Line], behind: bool) -> int:
    """Remove restored files of artifacts whose rows were not restored, or say "erased".

    A bucket, which may be large, is looked through only when the database is a restored one.
    """
    removed = 0
    there = set(store.ids())
    try:
        there |= set(store.ids_in_bucket() if behind else ())
    except MediaError as error:
        log.error("the bucket could not be searched; run tast1 erase replay", extra={"why": str(error)})
    for artifact_id in sorted(there):
        if certificates.pseudonym(artifact_id) not in known:
            continue
        artifact = db.read_sync(lambda s, each=artifact_id: artifacts.get(s, each))  # type: ignore[misc]
        if artifact is None or artifact.state == "erased":
            store.remove(artifact_id)
            removed += 1
    return removed
