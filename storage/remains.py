"""What is left of what must be gone: a search through files, rows and the bytes of the database.

It asks nothing of what erased things held; it knows them by what they leave behind: a file nobody may
have, a data key without an artifact, words without a case, a number without a recording, an artifact past its
date. Files are listed before rows are read, so a gateway that runs meanwhile makes no findings. The bytes of
every file in the data folder are searched, a forgotten copy of the database too; PostgreSQL's are elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from storage import artifacts, certificates
from storage.database import Database
from storage.key_register import prefixes
from storage.keys import Keys
from storage.ledger import ErasureLedger
from storage.media import MEDIA, MediaStore
from storage.model import ArtifactKind
from storage.policy.settings import PolicySettings
from storage.prompts import PROMPTS
from storage.sweep import sweep
from storage.tables import (
    Artifact,
    Call,
    CallerNumber,
    Case,
    CaseKey,
    CaseNote,
    Consent,
    DataKey,
    Document,
    GroundRow,
    Peaks,
    PromptVersion,
    PurposeKey,
)
from storage.wrapping import PUBLIC, SEALED_BYTES, WRAPPED_BYTES

_READ_BYTES = 1 << 20
_CONTENT = [kind.value for kind in artifacts.CONTENT]
_OF_ARTIFACTS = ("spool", "media")
_OURS = re.compile(
    r"(kek|key)(\.next|\.[0-9a-f]{16})?|erasures\.ledger|gateway\.lock|config\.yaml|tast1\.(sqlite|db)(-wal|-shm|-journal)?|.*\.sock"
)
_CASE_WORDS = [ArtifactKind.REQUEST_DOCUMENTATION.value, ArtifactKind.SAMPLE_RECORD.value]
_EVIDENCE = (ArtifactKind.CONSENT_EVIDENCE.value, ArtifactKind.DECISION_LOG.value)


@dataclass(frozen=True)
class Finding:
    """Something that must be gone and is not.

    `what`: file, memory (sound of no recording in the memory folder), key, waveform, row (content in the
    row of an erased artifact, or a ground of one), words (of a transcript or a case that is gone), consent (a
    record without evidence that is kept), number, overdue (past its date for longer than R-60 allows),
    restored (in the erasure ledger, yet alive), key_trace (bytes of a destroyed key in a file), unknown (a
    file in the data folder that is not the program's: a copy somebody left).
    """

    what: str
    where: str  # a path below the folder, an id, or a file and an offset


def search(
    db: Database,
    store: MediaStore,
    keys: Keys,
    now: datetime,
    settings: PolicySettings | None = None,
    memory_folder: Path | None = None,
) -> list[Finding]:
    """Everything found that must be gone at `now`; an empty list is what one wants."""
    settings = settings or PolicySettings()
    everything = sorted(path for path in store.folder.rglob("*") if path.is_file())
    files = [path for path in everything if path.relative_to(store.folder).parts[0] in _OF_ARTIFACTS]
    others = [path for path in everything if path not in set(files)]
    sounds = sorted(memory_folder.glob("*/*.wav")) if memory_folder is not None else []
    found = [
        Finding("file", str(path.relative_to(store.folder)))
        for path in files
        if path.exists() and not db.read_sync(lambda s, name=path.stem: _is_kept(s, name))  # type: ignore[misc]
    ]
    found += _in_bucket(db, store)
    found += [
        Finding("memory", path.parent.name)
        for path in sounds
        if path.exists() and not db.read_sync(lambda s, name=path.parent.name: _is_captured(s, name))  # type: ignore[misc]
    ]
    found += db.read_sync(_rows)
    found += _overdue(db, store, now, timedelta(hours=settings.purge.sla_hours))
    found += db.read_sync(lambda s: _restored(s, ErasureLedger(store.folder)))
    found += [Finding("unknown", str(path.relative_to(store.folder))) for path in _unknown(db, others)]
    own = _database_files(db)
    if _key_traces(db, keys, [*others, *own]):
        db.scrub()  # what the database's own log still held goes now; what stays is a finding
        found += _key_traces(db, keys, [*others, *own])
    return found


def _in_bucket(db: Database, store: MediaStore) -> list[Finding]:
    """What is in the bucket and must be gone, or is not the program's; `MediaError` without an answer.

    Older versions and parts of broken uploads are not told of; docs/deployment.md says what a bucket needs.
    """
    if store.bucket is None:
        return []
    names = sorted(store.bucket.names())
    prompts = db.read_sync(_prompt_files)
    found = []
    for name in names:
        folder, _, rest = name.partition("/")
        if folder == PROMPTS and rest in prompts:
            continue
        kept = folder == MEDIA and db.read_sync(lambda s, each=Path(rest).stem: _is_kept(s, each))  # type: ignore[misc]
        if not kept and store.bucket.size(name) is not None:
            found.append(Finding("file" if folder == MEDIA else "unknown", f"bucket:{name}"))
    return found


def _prompt_files(session: Session) -> set[str]:
    return {f"{sha256}.wav" for sha256 in session.scalars(select(PromptVersion.audio_sha256))}


def _unknown(db: Database, others: list[Path]) -> list[Path]:
    """Files that the program did not make."""
    own = _database_files(db)
    prompts = db.read_sync(_prompt_files)
    return [
        path
        for path in others
        if path not in own
        and path.exists()
        and not _OURS.fullmatch(path.name)
        and not (path.parent.name == PROMPTS and path.name in prompts)
    ]


def _database_files(db: Database) -> list[Path]:
    """The files of SQLite; none for a server's database."""
    if not db.is_sqlite:
        return []
    path = Path(sa.make_url(db.url).database or "").absolute()
    return [path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))]


def _is_kept(session: Session, artifact_id: str) -> bool:
    artifact = session.get(Artifact, artifact_id)
    return artifact is not None and artifact.blocked_at is None


def _is_captured(session: Session, artifact_id: str) -> bool:
    artifact = session.get(Artifact, artifact_id)
    return artifact is not None and artifact.blocked_at is None and artifact.state == "capturing"


def _rows(session: Session) -> list[Finding]:
    kept = select(Artifact.id).where(Artifact.blocked_at.is_(None))
    evidence = kept.where(Artifact.consent_id == Consent.id, Artifact.kind.in_(_EVIDENCE))
    content = select(Artifact.id).where(
        Artifact.call_id == CallerNumber.call_id, Artifact.kind.in_(_CONTENT), Artifact.state != "erased"
    )
    erased = select(Artifact.id).where(Artifact.state == "erased")
    held = or_(
        Artifact.sha256.is_not(None),
        Artifact.media_name.is_not(None),
        Artifact.duration_ms.is_not(None),
        Artifact.content_bytes.is_not(None),
        Artifact.consent_id.is_not(None),
    )
    # A request's or a sample's words are its documentation; other cases' go with the case.
    documented = select(Case.id).where(
        Case.id.in_(select(Artifact.case_id).where(Artifact.kind.in_(_CASE_WORDS)))
    )
    speaking = select(Artifact.case_id).where(
        Artifact.kind.in_(_CASE_WORDS), Artifact.blocked_at.is_(None), Artifact.case_id.is_not(None)
    )
    over = select(Call.id).where(Call.id == CallerNumber.call_id, Call.ended_at.is_not(None))
    queries: dict[str, sa.Executable] = {
        "key": select(DataKey.artifact_id).where(DataKey.artifact_id.not_in(kept)),
        "waveform": select(Peaks.artifact_id).where(Peaks.artifact_id.not_in(kept)),
        "words": select(Document.artifact_id)
        .where(Document.artifact_id.not_in(kept))
        .union(
            select(CaseNote.case_id).where(
                CaseNote.case_id.in_(documented), CaseNote.case_id.not_in(speaking)
            ),
            select(CaseKey.case_id).where(CaseKey.case_id.in_(documented), CaseKey.case_id.not_in(speaking)),
        ),
        "row": erased.where(held).union(
            select(GroundRow.artifact_id).where(GroundRow.artifact_id.in_(erased))
        ),
        "consent": select(Consent.id).where(~evidence.exists()),
        "number": select(CallerNumber.call_id).where(over.exists(), ~content.exists()),
    }
    return [
        Finding(what, where) for what, query in queries.items() for where in sorted(session.scalars(query))
    ]


def _overdue(db: Database, store: MediaStore, now: datetime, sla: timedelta) -> list[Finding]:
    due = sweep(db, store, now, dry_run=True).erased
    return [Finding("overdue", each.artifact_id) for each in due if each.due_at + sla <= now]


def _restored(session: Session, ledger: ErasureLedger) -> list[Finding]:
    known = {line.pseudonym for line in ledger.read() if line is not None}
    if not known:
        return []
    kept = session.scalars(select(Artifact.id).where(Artifact.blocked_at.is_(None)).order_by(Artifact.id))
    return [Finding("restored", each) for each in kept if certificates.pseudonym(each) in known]


def _key_traces(db: Database, keys: Keys, files: list[Path]) -> list[Finding]:
    """Wrapped keys in the bytes of files that no artifact and no case has any more."""
    beginnings = db.read_sync(lambda s: prefixes(s, keys))
    seen = [
        (each.name, offset, wrapped)
        for each in dict.fromkeys(files)
        if each.exists()
        for prefix in sorted(beginnings)
        for offset, wrapped in _wrapped_keys(
            each, prefix, SEALED_BYTES if prefix[:1] == PUBLIC else WRAPPED_BYTES
        )
    ]
    columns = (DataKey.wrapped, CaseKey.wrapped, PurposeKey.wrapped)
    living = db.read_sync(lambda s: {wrapped for column in columns for wrapped in s.scalars(select(column))})
    return [Finding("key_trace", f"{name}:{at}") for name, at, wrapped in seen if wrapped not in living]


def _wrapped_keys(path: Path, prefix: bytes, length: int) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        start, window = 0, b""
        while piece := file.read(_READ_BYTES):
            window += piece
            at = window.find(prefix)
            while 0 <= at <= len(window) - length:
                yield start + at, window[at : at + length]
                at = window.find(prefix, at + 1)
            keep = max(0, len(window) - length + 1)
            start, window = start + keep, window[keep:]
