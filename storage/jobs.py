"""Jobs: what is still to be transcribed of a recording. Kept in the database, so that none is forgotten.

Promises:
1. A recording that is to be transcribed has its job in the transaction that lets it begin; a gateway that
   dies leaves the job behind, and the next start takes it up.
2. One runs a job at a time, in whatever process: whoever takes it has it until `lease_until`, and what is
   stored of it is stored in a transaction that asks whether it is still theirs.
3. A job goes with its recording: what was withdrawn or erased is never transcribed afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from storage.tables import Artifact, Call, HeldFile, TranscriptionJob

LEASE_S = 60.0
"""So long a job is its taker's without a sign of life (`renew`)."""
LIVE_END_S = 600.0
"""So long after its recording's end a live transcript is still awaited."""
PAUSES_S = (5, 15, 60, 300, 900, 3600)
"""Between attempts at a job that could not be done."""


@dataclass(frozen=True)
class Span:
    """A stretch of one leg, in milliseconds from the start of the recording."""

    leg: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Job:
    """A job that was taken. `spans` None: the whole recording."""

    recording_id: str
    call_id: str
    spans: tuple[Span, ...] | None
    lease: str
    attempts: int


def begin_live(session: Session, recording_id: str, at: datetime) -> None:
    """A recording begins that is transcribed while it is made; should that end with the process, all of
    it is to be done."""
    session.add(TranscriptionJob(recording_id=recording_id, state="live", attempts=0, run_after=at))


def leave(session: Session, recording_id: str, spans: Sequence[Span], at: datetime) -> None:
    """The recording was transcribed but for these spans; with none the job is done."""
    row = session.get(TranscriptionJob, recording_id)
    if row is None:
        return
    if not spans:
        session.delete(row)
        return
    row.state, row.lease, row.lease_until = "waiting", None, None
    row.spans = [[span.leg, span.start_ms, span.end_ms] for span in spans]
    row.run_after = at


def take_over(session: Session, at: datetime, instance: str | None = None) -> int:
    """At start: what was being done when the last gateway ended waits from now on; how many.

    With several gateways only what `instance` heard live is: what another one does is not its to take, and
    the lease of what this one did runs out.
    """
    stopped = or_(TranscriptionJob.state == "live", TranscriptionJob.state == "running")
    if instance is not None:
        own = select(Artifact.id).join(Call, Call.id == Artifact.call_id).where(Call.instance == instance)
        stopped = (TranscriptionJob.state == "live") & TranscriptionJob.recording_id.in_(own)
    ids = session.scalars(select(TranscriptionJob.recording_id).where(stopped)).all()
    session.execute(
        update(TranscriptionJob)
        .where(TranscriptionJob.recording_id.in_(ids))
        .values(state="waiting", lease=None, lease_until=None, run_after=at)
    )
    return len(ids)


def _ready(at: datetime, instance: str) -> Select[tuple[TranscriptionJob, str | None]]:
    waiting = (TranscriptionJob.state == "waiting") & (TranscriptionJob.run_after <= at)
    lapsed = (TranscriptionJob.state == "running") & (TranscriptionJob.lease_until <= at)
    # Whoever transcribed it live never came to an end (its database was gone).
    forgotten = (TranscriptionJob.state == "live") & (Artifact.ended_at <= at - timedelta(seconds=LIVE_END_S))
    # Its sound is with another gateway, and not in the bucket yet.
    away = select(HeldFile.artifact_id).where(HeldFile.artifact_id == TranscriptionJob.recording_id)
    away = away.where(HeldFile.instance != instance)
    return (
        select(TranscriptionJob, Artifact.call_id)
        .join(Artifact, Artifact.id == TranscriptionJob.recording_id)
        .where(or_(waiting, lapsed, forgotten))
        .where(Artifact.state == "sealed", Artifact.blocked_at.is_(None), Artifact.call_id.is_not(None))
        .where(~away.exists())
        .order_by(TranscriptionJob.run_after, TranscriptionJob.recording_id)
        .limit(1)
    )


def is_any(session: Session, at: datetime, instance: str = "gateway") -> bool:
    """Whether a job can be taken at `at`, by that gateway."""
    return session.execute(_ready(at, instance)).first() is not None


def take(session: Session, at: datetime, lease_s: float = LEASE_S, instance: str = "gateway") -> Job | None:
    """The job that has waited longest and can be done at `at`; it is the taker's for `lease_s`."""
    found = session.execute(_ready(at, instance)).first()
    if found is None or found[1] is None:
        return None
    row, call_id = found
    row.state, row.lease, row.attempts = "running", uuid.uuid4().hex, row.attempts + 1
    row.lease_until = at + timedelta(seconds=lease_s)
    spans = None if row.spans is None else tuple(Span(*span) for span in row.spans)
    return Job(row.recording_id, call_id, spans, row.lease, row.attempts)


def is_mine(session: Session, job: Job) -> bool:
    """Whether the job is still there and its taker's."""
    row = session.get(TranscriptionJob, job.recording_id)
    return row is not None and row.lease == job.lease


def renew(session: Session, job: Job, at: datetime, lease_s: float = LEASE_S) -> bool:
    """A sign of life; False when the job is not the taker's any more (erased, or taken by another)."""
    row = session.get(TranscriptionJob, job.recording_id)
    if row is None or row.lease != job.lease:
        return False
    row.lease_until = at + timedelta(seconds=lease_s)
    return True


def put_back(session: Session, job: Job, at: datetime) -> None:
    """It could not be done now; it is tried again after a pause."""
    row = session.get(TranscriptionJob, job.recording_id)
    if row is not None and row.lease == job.lease:
        pause_s = PAUSES_S[min(job.attempts, len(PAUSES_S)) - 1]
        row.state, row.lease, row.lease_until = "waiting", None, None
        row.run_after = at + timedelta(seconds=pause_s)


def drop(session: Session, recording_id: str) -> None:
    """There is nothing to do, or nothing may be done."""
    session.execute(delete(TranscriptionJob).where(TranscriptionJob.recording_id == recording_id))


def counts(session: Session) -> dict[str, int]:
    """How many jobs there are in each state."""
    rows = session.execute(select(TranscriptionJob.state, func.count()).group_by(TranscriptionJob.state))
    return {state: count for state, count in rows}
