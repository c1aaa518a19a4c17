"""The sweep: erases every artifact that no ground permits keeping any more.

Promises:
1. An artifact with an active ground is never touched: grounds are asked again in the transaction that
   destroys the key, so a hold placed meanwhile wins wholly or loses wholly.
2. It may be killed at any line. The next sweep takes up what was begun, and in the end there is exactly
   one certificate.
3. The key goes first. From the first commit on nothing can be read, whatever happens to files.

For each artifact: (1) block it and destroy its data key, waveform, words and evidence rows; (2) a line in the
erasure ledger, outside the database (R-61: from here on no restored backup brings it back), then remove its
files; (3) certificate, audit entry, state "erased"; and when nothing of a call or a case is left, the call or
the case. A sweep also drops what has a term and no artifact: certificates and audit entries (R-62).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from storage import artifacts, audit_drop, audit_log, books, calls, cases, certificates, disclosures, held
from storage.certificates import Lapsed
from storage.database import Database
from storage.due import EVIDENCE, PAGE, all_due, begun, due, groundless, lapses, walk
from storage.held import FILES
from storage.ledger import ErasureLedger, Line
from storage.many import among, plain
from storage.media import MediaStore
from storage.model import ArtifactKind
from storage.pace import Pace
from storage.policy.clocks import first_within, local_date
from storage.policy.settings import PolicySettings, parse_period
from storage.sealed import MediaError
from storage.tables import (
    Artifact,
    CaseKey,
    CaseNote,
    Consent,
    DataKey,
    Document,
    GroundRow,
    HeldFile,
    Peaks,
    Table,
    TranscriptionJob,
)

_CASE_WORDS = (ArtifactKind.REQUEST_DOCUMENTATION.value, ArtifactKind.SAMPLE_RECORD.value)

_ARTIFACT = plain(Artifact).c
_BATCH = select(
    *(_ARTIFACT.id, _ARTIFACT.kind, _ARTIFACT.call_id, _ARTIFACT.case_id, _ARTIFACT.consent_id),
    *(_ARTIFACT.sha256, _ARTIFACT.blocked_at, _ARTIFACT.erasure),
).order_by(_ARTIFACT.created_at, _ARTIFACT.id)
_NOTHING_LEFT: dict[str, Any] = {
    "state": "erased",
    "intervals": [],
    **dict.fromkeys(("consent_id", "consent_decision", "sha256", "media_name", "incomplete_reason")),
    **dict.fromkeys(("duration_ms", "content_bytes", "sample_rate_hz", "channels", "erasure")),
}
"""What the row of an erased artifact says of it."""

Checkpoint = Callable[[str], None]
"""Told the name of every step as it is reached; tests kill the process there."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Erased:
    """An artifact that was erased (or would be, in a dry run)."""

    artifact_id: str
    kind: str
    call_id: str | None
    due_at: datetime
    ground: str  # the last ground that lapsed, "" if it had none
    rule: str


Told = Callable[[Erased], None]


@dataclass(frozen=True)
class Failed:
    """An artifact that is unreadable, but whose files could not be removed (or noted as gone) yet."""

    artifact_id: str
    reason: str


@dataclass(frozen=True)
class SweepResult:
    """What a sweep did, or would do."""

    erased: tuple[Erased, ...] = ()
    failed: tuple[Failed, ...] = ()
    scrubbed: bool = True  # whether traces of deleted rows are out of the database's log
    dry_run: bool = False


def sweep(
    db: Database,
    store: MediaStore,
    now: datetime,
    settings: PolicySettings | None = None,
    dry_run: bool = False,
    on_erased: Told | None = None,
    checkpoint: Checkpoint = lambda step: None,
) -> SweepResult:
    """Erase everything that is due at `now`.

    With `on_erased` the result names nothing that was erased: it is told of each, however many they are.
    """
    if dry_run:
        return SweepResult(db.read_sync(lambda s: _preview(s, now)), dry_run=True)
    settings = settings or PolicySettings()
    result = _erase(db, store, now, settings, None, on_erased, checkpoint)
    db.write_sync(lambda s: _drop_old_certificates(s, now, settings))
    db.write_sync(lambda s: cases.forget_finished(s, now, settings))
    audit_drop.drop(db, now, settings)
    return result


def erase_now(
    db: Database,
    store: MediaStore,
    artifact_ids: str | Iterable[str],
    now: datetime,
    settings: PolicySettings | None = None,
    checkpoint: Checkpoint = lambda step: None,
) -> SweepResult:
    """Erase an artifact, or several, at once, if no ground permits keeping them. Same path as the sweep."""
    ids = [artifact_ids] if isinstance(artifact_ids, str) else list(artifact_ids)
    if not ids:
        return SweepResult()
    settings = settings or PolicySettings()
    return _erase(db, store, now, settings, ids, None, checkpoint)


def _erase(
    db: Database,
    store: MediaStore,
    now: datetime,
    settings: PolicySettings,
    only: list[str] | None,
    on_erased: Told | None,
    checkpoint: Checkpoint,
) -> SweepResult:
    erased: list[Erased] = []
    told = erased.append if on_erased is None else on_erased
    failed: dict[str, Failed] = {}
    pace = Pace()

    def go_on(ids: Sequence[str]) -> int:
        done, failures = _erase_batch(db, store, now, settings, ids, checkpoint, pace)
        for each in done:
            told(each)
        failed.update(failures)
        return len(done) + len(failures)

    while ids := db.read_sync(lambda s: begun(s, only, failed, pace.size)):
        go_on(ids)
    found = True
    while found:  # until a walk finds nothing: evidence goes after what rests on it
        found = False
        for page in walk(db, now, only):
            start = 0
            while some := page[start : start + pace.size]:
                start += len(some)
                found |= go_on(some) > 0
    scrubbed = db.scrub()
    checkpoint("scrubbed")
    if failed:
        log.error(
            "files of erased artifacts could not be removed; trying again", extra={"count": len(failed)}
        )
    return SweepResult(tuple(erased), tuple(failed.values()), scrubbed)


def _erase_batch(
    db: Database,
    store: MediaStore,
    now: datetime,
    settings: PolicySettings,
    ids: Sequence[str],
    checkpoint: Checkpoint,
    pace: Pace,
) -> tuple[list[Erased], dict[str, Failed]]:
    checkpoint("start")
    with pace.turn(len(ids)):
        batch = db.write_sync(lambda s: _block(s, now, ids, checkpoint))
    checkpoint("blocked")
    # Not before the commit: a hold that won would be lost in a restore.
    unnoted = _note(store, batch, now)
    checkpoint("in the ledger")
    failures, locations = _remove_files(store, batch, checkpoint)
    failures = {**unnoted, **failures}  # no certificate for what a restore could bring back
    checkpoint("files removed")
    there = held.elsewhere(db, store, [each.artifact_id for each in batch if each.kind in FILES])
    theirs = {each: Failed(each, f"its file is with gateway {there[each]}") for each in there}
    done = [each for each in batch if each.artifact_id not in {**failures, **theirs}]
    if done or failures:
        with pace.turn(len(ids)):
            db.write_sync(lambda s: _certify(s, done, locations, failures, now, settings, checkpoint))
        checkpoint("certified")
    return done, {**theirs, **failures}


def _preview(session: Session, now: datetime) -> tuple[Erased, ...]:
    told: list[Erased] = []
    ids = [*all_due(session, now), *due(session, now, groundless(session, now, None))]
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        lapsed = lapses(session, page, now)
        found = session.execute(_BATCH.where(among(_ARTIFACT.id, page)))
        told += (_erased(artifact, lapsed[artifact.id]) for artifact in found)
    return tuple(told)


# --- step 1: block, and destroy what makes it readable --------------------------------------------


def _block(session: Session, now: datetime, ids: Sequence[str], checkpoint: Checkpoint) -> list[Erased]:
    """Those of the artifacts that are due still, and those whose erasure was begun."""
    still = set(due(session, now, ids))
    found = session.execute(_BATCH.where(among(_ARTIFACT.id, ids), _ARTIFACT.state != "erased")).all()
    fresh = [artifact for artifact in found if artifact.id in still]
    batch = [_erased(artifact, _begun(artifact)) for artifact in found if artifact.blocked_at is not None]
    told, entries = lapses(session, [artifact.id for artifact in fresh], now), []
    for artifact in fresh:
        erased = _erased(artifact, told[artifact.id])
        detail = {"kind": erased.kind, "ground": erased.ground, "rule": erased.rule}
        entries.append(("erase.begin", artifact.id, detail))
        batch.append(erased)
        checkpoint("blocking")
    audit_log.append_all(session, now, entries)
    block(session, fresh, told, now)
    return batch


def block(
    session: Session, rows: Sequence[Artifact | Row[Any]], lapsed: Mapping[str, Lapsed], now: datetime
) -> None:
    """The point of no return: from the commit on nothing can be read; the next sweep does the rest."""
    session.flush()
    alike: dict[int, list[str]] = {}  # what fell due together has mostly the same to tell
    for artifact in rows:
        alike.setdefault(id(lapsed[artifact.id]), []).append(artifact.id)
    for ids in alike.values():
        blocked = update(plain(Artifact)).where(among(_ARTIFACT.id, ids))
        session.execute(blocked.values(_blocked(lapsed[ids[0]], now)))
    if rows:
        _destroy(session, rows)


def _blocked(told: Lapsed, now: datetime) -> dict[str, Any]:
    erasure = {
        "due_at": told.due_at.isoformat(),
        "last_life": told.last_life.isoformat(),
        "lapsed": list(told.grounds),
        "failures": [],
    }
    lived = {"lived_until": told.last_life, "lived_to": told.due_at}
    return {"blocked_at": now, "erasure": erasure, **lived}


def _destroy(session: Session, rows: Sequence[Artifact | Row[Any]]) -> None:
    """Delete the rows that hold content or the key to it (SQLite overwrites them)."""
    ids = [artifact.id for artifact in rows]
    _delete(session, DataKey, "artifact_id", ids)
    _delete(session, Peaks, "artifact_id", ids)
    _delete(session, Document, "artifact_id", ids)
    _delete(session, TranscriptionJob, "recording_id", ids)
    if about := [artifact.case_id for artifact in rows if artifact.kind in _CASE_WORDS and artifact.case_id]:
        _delete(session, CaseNote, "case_id", about)
        _delete(session, CaseKey, "case_id", about)
    if proofs := {artifact.id: artifact.consent_id for artifact in rows if artifact.kind in EVIDENCE}:
        of_proofs = update(plain(Artifact)).where(among(_ARTIFACT.id, list(proofs)))
        session.execute(of_proofs.values(consent_id=None, consent_decision=None))
        _delete(session, Consent, "id", [each for each in proofs.values() if each])


def _delete(session: Session, table: type[Table], column: str, ids: Sequence[str]) -> None:
    rows = plain(table)
    session.execute(delete(rows).where(among(rows.c[column], ids)))


def _begun(artifact: Row[Any]) -> Lapsed:
    told = artifact.erasure or {}
    due_at, last_life = datetime.fromisoformat(told["due_at"]), date.fromisoformat(told["last_life"])
    return Lapsed(due_at, last_life, tuple(told["lapsed"]))


def _erased(artifact: Artifact | Row[Any], lapsed: Lapsed) -> Erased:
    ground = str(lapsed.grounds[-1]["ground"]) if lapsed.grounds else ""
    return Erased(artifact.id, artifact.kind, artifact.call_id, lapsed.due_at, ground, lapsed.rule)


# --- step 2: the ledger and the files -------------------------------------------------------------


def _note(store: MediaStore, batch: Sequence[Erased], now: datetime) -> dict[str, Failed]:
    """Into the ledger; what cannot be noted (the disk is full) loses its files all the same."""
    lines = [Line(certificates.pseudonym(each.artifact_id), each.kind, now) for each in batch]
    try:
        ErasureLedger(store.folder).append(lines)
    except MediaError as error:
        return {each.artifact_id: Failed(each.artifact_id, str(error)) for each in batch}
    return {}


def _remove_files(
    store: MediaStore, batch: Sequence[Erased], checkpoint: Checkpoint
) -> tuple[dict[str, Failed], dict[str, list[str]]]:
    failures: dict[str, Failed] = {}
    locations: dict[str, list[str]] = {}
    unsynced: set[Path] = set()
    for each in batch:
        try:
            in_bucket = each.kind in FILES
            locations[each.artifact_id] = store.remove(each.artifact_id, unsynced, in_bucket)
            if left := store.places(each.artifact_id, in_bucket):
                failures[each.artifact_id] = Failed(each.artifact_id, f"still there: {', '.join(left)}")
        except MediaError as error:
            failures[each.artifact_id] = Failed(each.artifact_id, str(error))
        checkpoint("file removed")
    try:
        store.sync(unsynced)  # no certificate for what a crash of the machine could bring back
    except MediaError as error:
        failures = {each.artifact_id: Failed(each.artifact_id, str(error)) for each in batch}
    return failures, locations


# --- step 3: the certificate ----------------------------------------------------------------------


def _certify(
    session: Session,
    done: Sequence[Erased],
    locations: dict[str, list[str]],
    failures: dict[str, Failed],
    now: datetime,
    settings: PolicySettings,
    checkpoint: Checkpoint,
) -> None:
    for artifact_id, failure in failures.items():
        artifact = session.get_one(Artifact, artifact_id)
        told = dict(artifact.erasure or {})
        told["failures"] = [*told["failures"], {"at": now.isoformat(), "reason": failure.reason}]
        artifact.erasure = told
    session.flush()
    wanted = _BATCH.where(among(_ARTIFACT.id, [each.artifact_id for each in done]))
    # Another sweep may have been faster.
    rows = session.execute(wanted.where(_ARTIFACT.state != "erased")).all()
    lapsed = {row.id: _begun(row) for row in rows}
    issued, entries = [], []
    for row in rows:
        issued.append(_certificate(row, lapsed[row.id], locations[row.id], now, settings))
        entries.append(("erase", row.id, {"certificate": issued[-1]["dc_id"], "kind": row.kind}))
        checkpoint("certifying")
    certificates.issue(session, issued)
    disclosures.note_erased(session, lapsed, now)
    ids = list(lapsed)
    session.execute(update(plain(Artifact)).where(among(_ARTIFACT.id, ids)).values(_NOTHING_LEFT))
    audit_log.append_all(session, now, entries)
    _delete(session, GroundRow, "artifact_id", ids)
    _delete(session, HeldFile, "artifact_id", ids)
    touched = list(dict.fromkeys(row.call_id for row in rows if row.call_id is not None))
    content = {kind.value for kind in artifacts.CONTENT}
    without = list(dict.fromkeys(r.call_id for r in rows if r.call_id is not None and r.kind in content))
    artifacts.drop_numbers(session, without)
    if opened := artifacts.with_open_evidence(session, without):
        books.refresh(session, settings, opened, now)
    calls.forget_empty(session, touched, now)


def _certificate(
    artifact: Row[Any], lapsed: Lapsed, removed: list[str], now: datetime, settings: PolicySettings
) -> dict[str, Any]:
    return certificates.certificate(
        artifact.id,
        artifact.kind,
        artifact.sha256,
        lapsed,
        artifact.blocked_at,
        now,
        ["database", *removed],
        artifact.erasure["failures"],
        local_date(now) + timedelta(days=settings.backup.max_lag_days),
    )


def _drop_old_certificates(session: Session, now: datetime, settings: PolicySettings) -> None:
    months, days = parse_period(settings.logs.deletion_certificate_ttl)
    dropped = certificates.drop_older(session, first_within(local_date(now), months, days))
    if dropped:
        audit_log.append(session, now, "certificates.drop", "certificates", {"count": dropped})
