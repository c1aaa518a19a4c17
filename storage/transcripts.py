"""Transcripts as they are kept: words sealed beside an artifact that has its recording's clocks (R-11).

Promises:
1. A transcript comes into being, and is made more complete, only while its recording may be used: not after
   a withdrawal, not on a hold alone, not once erasure has begun. Each is one transaction.
2. Its words are stored nowhere else and in no other form; partial results are never stored.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, books, jobs
from storage.artifacts import Making, NotReadable, Tags
from storage.jobs import Job
from storage.keys import Keys
from storage.model import ArtifactKind
from storage.policy import events as e
from storage.policy.book import Refused
from storage.policy.recordings import require_working_ground
from storage.policy.settings import PolicySettings
from storage.sealed import seal_bytes
from storage.tables import Artifact, Document


def of_recording(session: Session, recording_id: str) -> str | None:
    """The transcript of a recording; None when it has none that is still there."""
    recording = artifacts.required(session, recording_id)
    query = select(Artifact.id).where(
        Artifact.call_id == recording.call_id,
        Artifact.kind == ArtifactKind.TRANSCRIPT.value,
        Artifact.anchor == recording.anchor,
        Artifact.blocked_at.is_(None),
    )
    return session.scalars(query).first()


def recording_of(session: Session, transcript: Artifact) -> str | None:
    """The recording that a transcript is of; None when it is gone, or the artifact is no transcript."""
    if transcript.kind != ArtifactKind.TRANSCRIPT.value:
        return None
    query = select(Artifact.id).where(
        Artifact.call_id == transcript.call_id,
        Artifact.kind.in_([ArtifactKind.AUDIO.value, ArtifactKind.INVESTIGATION_AUDIO.value]),
        Artifact.anchor == transcript.anchor,
        Artifact.blocked_at.is_(None),
    )
    return session.scalars(query).first()


def require_use(session: Session, settings: PolicySettings, recording_id: str, at: datetime) -> None:
    """That a recording may be transcribed at `at`.

    `NotReadable` when it is gone or out of time, the policy's `Refused` when it is only held, or another
    recording has taken its place.
    """
    recording = artifacts.kept(session, recording_id, at)
    if recording.call_id is None:
        raise Refused("it is no recording of a call")
    book = books.look(session, settings, [recording.call_id]).book
    living = book.living(f"{recording.call_id}/audio", at)
    if not living or living[-1].id != recording_id:
        raise Refused("another recording of that call has taken its place (R-23)")
    require_working_ground(book, living[-1:], at)


def store(
    session: Session,
    keys: Keys,
    recording_id: str,
    words: bytes,
    at: datetime,
    settings: PolicySettings,
    tags: Tags = Tags(),
) -> str:
    """The transcript of a recording as it is known now, new or in place of the one before; its id.

    Raises what `require_use` raises.
    """
    require_use(session, settings, recording_id, at)
    transcript_id = of_recording(session, recording_id)
    if transcript_id is not None:
        _replace(session, keys, transcript_id, words, at)
        return transcript_id
    call_id = artifacts.required(session, recording_id).call_id
    assert call_id is not None
    how = Making(keys=keys, words=words, sha256=_hash(words), content_bytes=len(words), tags=tags)
    name = f"{call_id}/transcript"
    happened = books.happen(session, e.Transcribed(call_id), at, settings, making={name: how})
    if name not in happened.made:
        raise Refused("the call has a transcript that is none of this recording's")
    return happened.made[name].artifact_id


@dataclass(frozen=True)
class Known:
    """What is needed to transcribe a recording, and what is transcribed of it already."""

    data_key: bytes = field(repr=False)  # of the recording
    duration_ms: int
    captured_ms: tuple[tuple[int, int], ...]
    words: bytes | None = field(repr=False)


def known(session: Session, keys: Keys, recording_id: str, at: datetime, settings: PolicySettings) -> Known:
    """A recording that is to be transcribed. Raises what `require_use` raises."""
    require_use(session, settings, recording_id, at)
    recording = artifacts.required(session, recording_id)
    words = None
    if (transcript_id := of_recording(session, recording_id)) is not None:
        words = artifacts.words(session, transcript_id, artifacts.data_key(session, keys, transcript_id, at))
    return Known(
        artifacts.data_key(session, keys, recording_id, at),
        recording.duration_ms or 0,
        tuple((start, end) for start, end in recording.intervals),
        words,
    )


def goes_on(session: Session, job: Job, at: datetime, settings: PolicySettings) -> bool:
    """Whether a job is still its taker's. Raises what `require_use` raises."""
    if not jobs.is_mine(session, job):
        return False
    require_use(session, settings, job.recording_id, at)
    return True


def renew(session: Session, job: Job, at: datetime, settings: PolicySettings) -> bool:
    """Go on with a job; False when it is not its taker's any more. Raises what `require_use` raises."""
    require_use(session, settings, job.recording_id, at)
    return jobs.renew(session, job, at)


def complete(
    session: Session,
    keys: Keys,
    job: Job,
    words: bytes,
    at: datetime,
    settings: PolicySettings,
    tags: Tags,
) -> bool:
    """Store what a job has come to, and end it; False, and nothing stored, when it is not its taker's.

    Raises what `require_use` raises.
    """
    if not jobs.is_mine(session, job):
        return False
    store(session, keys, job.recording_id, words, at, settings, tags)
    jobs.drop(session, job.recording_id)
    return True


def _replace(session: Session, keys: Keys, transcript_id: str, words: bytes, at: datetime) -> None:
    key = artifacts.data_key(session, keys, transcript_id, at)
    row = session.get(Document, transcript_id)
    if row is None:
        raise NotReadable("it holds no words", "R-60")
    row.sealed = seal_bytes(key, f"words:{transcript_id}", words)
    artifact = artifacts.required(session, transcript_id)
    artifact.sha256, artifact.content_bytes = _hash(words), len(words)
    audit_log.append(session, at, "complete", transcript_id, {"sha256": artifact.sha256})


def _hash(words: bytes) -> str:
    return hashlib.sha256(words).hexdigest()
