"""Artifacts and their grounds: made, sealed, read, ended.

Promises:
1. An artifact and its first ground are made in one transaction.
2. `unlock` is the only way to a data key, and it asks the grounds first: what is past its date cannot be
   read, whether or not a sweep has run.
3. Grounds are ended, never edited away; only erasing removes them, into the certificate.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage import audit_log
from storage.keys import Keys, new_data_key
from storage.media import SealedFacts
from storage.model import ArtifactKind, Ground, GroundName
from storage.policy import grounds
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, Call, CallerNumber, Consent, DataKey, GroundRow, Peaks

SCOPE = (ArtifactKind.AUDIO, ArtifactKind.TRANSCRIPT, ArtifactKind.DERIVED)
"""What rests on the caller's consent."""

CONTENT = (*SCOPE, ArtifactKind.INVESTIGATION_AUDIO)
"""What holds what was said."""


class NotReadable(Exception):
    """It may not be read. `rule` says why: R-10 (out of time), R-20 (withdrawn), R-60 (erased)."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message if f"({rule})" in message else f"{message} ({rule})")
        self.rule = rule


@dataclass(frozen=True)
class Tags:
    """Who answers for an artifact, who holds it, and where (§8.9)."""

    controller: str = "controller"
    processor: str = "self"
    region: str = "EU"


@dataclass(frozen=True)
class NewRecording:
    """A recording that may begin: its id and the key its audio is sealed with."""

    artifact_id: str
    data_key: bytes = field(repr=False)


@dataclass(frozen=True)
class Readable:
    """An artifact that may be read, and the grounds that permit it."""

    artifact: Artifact
    grounds: tuple[Ground, ...]


def create_recording(
    session: Session,
    keys: Keys,
    call_id: str,
    consent_id: str,
    started_at: datetime,
    settings: PolicySettings,
    tags: Tags = Tags(),
    artifact_id: str | None = None,
) -> NewRecording:
    """A recording of a consented call, with its ground G-CONSENT (R-04) and its own data key.

    `started_at` is the start of the recording: the anchor of its 30 days, noted in the consent record
    too. Raises `storage.database.Refused` (on flush) without an accepted consent record, and
    `ValueError` when that consent was withdrawn or invalidated or belongs to another call.
    """
    consent = session.get(Consent, consent_id)
    if consent is None or consent.call_id != call_id:
        raise ValueError("there is no such consent record of that call: nothing may be recorded (R-01)")
    if consent.withdrawn_at is not None or consent.invalid_reason is not None:
        raise ValueError("that consent was withdrawn or invalidated: nothing may be recorded (R-20)")
    if consent.recording_started_at is None:
        consent.recording_started_at = started_at
    artifact = add(
        session,
        ArtifactKind.AUDIO,
        call_id,
        started_at,
        anchor=started_at,
        consent=consent,
        state="capturing",
        tags=tags,
        artifact_id=artifact_id,
    )
    add_ground(session, artifact.id, grounds.consent_ground(started_at, settings), started_at)
    data_key = new_data_key()
    session.add(DataKey(artifact_id=artifact.id, wrapped=keys.wrap(artifact.id, data_key)))
    audit_log.append(session, started_at, "record", artifact.id, {"call": call_id, "consent": consent_id})
    return NewRecording(artifact.id, data_key)


def add(
    session: Session,
    kind: ArtifactKind,
    call_id: str,
    at: datetime,
    *,
    anchor: datetime,
    consent: Consent | None = None,
    state: str = "sealed",
    sha256: str | None = None,
    tags: Tags = Tags(),
    artifact_id: str | None = None,
) -> Artifact:
    """An artifact row without grounds; the same transaction must give it one (`add_ground`)."""
    artifact = Artifact(
        id=artifact_id or uuid.uuid4().hex,
        kind=kind.value,
        call_id=call_id,
        state=state,
        consent_id=consent.id if consent else None,
        consent_decision=consent.decision if consent else None,
        created_at=at,
        anchor=anchor,
        intervals=[],
        sha256=sha256,
        controller=tags.controller,
        processor=tags.processor,
        region=tags.region,
    )
    session.add(artifact)
    session.flush()
    return artifact


def add_ground(session: Session, artifact_id: str, ground: Ground, at: datetime) -> None:
    """Give an artifact a reason to exist; `NotReadable` when its erasure has begun."""
    artifact = _get(session, artifact_id)
    if artifact.blocked_at is not None:
        raise NotReadable("its erasure has begun, it cannot be kept any more", "R-60")
    session.add(
        GroundRow(
            artifact_id=artifact_id,
            ground=ground.ground.value,
            rule=ground.rule,
            lawful_basis=list(ground.lawful_basis),
            purposes=list(ground.purposes),
            roles=list(ground.roles),
            clock_start=ground.clock_start,
            until=ground.until,
            expires_at=ground.expires_at,
            decided_by=ground.decided_by,
            reason=ground.reason,
            case_id=ground.case,
            ended_at=ground.ended_at,
            ended_by=ground.ended_by,
        )
    )
    detail = {"ground": ground.ground.value, "rule": ground.rule, "until": _day(ground.until)}
    audit_log.append(session, at, "ground.add", artifact_id, detail)


def end_ground(session: Session, row: GroundRow, at: datetime, ended_by: str) -> None:
    """End a ground at `at`; it stays on record until the artifact is erased.

    `ended_by` says what ended it, with the rule, as part of a sentence.
    """
    if row.ended_at is None or row.ended_at > at:
        row.ended_at, row.ended_by = at, ended_by
        detail = {"ground": row.ground, "rule": row.rule, "ended_by": ended_by}
        audit_log.append(session, at, "ground.end", row.artifact_id, detail)


def grounds_of(session: Session, artifact_id: str) -> tuple[Ground, ...]:
    """All grounds of an artifact, ended ones too, oldest first."""
    return tuple(_ground(row) for row in ground_rows(session, artifact_id))


def ground_rows(session: Session, artifact_id: str) -> Sequence[GroundRow]:
    """The stored grounds of an artifact, oldest first."""
    query = select(GroundRow).where(GroundRow.artifact_id == artifact_id).order_by(GroundRow.id)
    return session.scalars(query).all()


def seal(
    session: Session,
    artifact_id: str,
    facts: SealedFacts,
    at: datetime,
    settings: PolicySettings,
    intervals: Iterable[tuple[int, int]] = (),
    incomplete_reason: str | None = None,
    ended_at: datetime | None = None,
) -> None:
    """The recording is complete. `intervals` are the captured spans in ms from its start.

    `ended_at` is when it ended, if that was not `at`.

    `NotReadable` when it was withdrawn or erased meanwhile: then its file is the sweep's to remove.
    """
    artifact = _get(session, artifact_id)
    if artifact.blocked_at is not None or artifact.state == "erased":
        raise NotReadable("it was erased while it was made", "R-60")
    artifact.state, artifact.ended_at = "sealed", ended_at or at
    artifact.intervals = [list(span) for span in intervals] or [[0, facts.duration_ms]]
    artifact.duration_ms = facts.duration_ms
    artifact.sample_rate_hz, artifact.channels = facts.sample_rate_hz, facts.channels
    artifact.sha256, artifact.content_bytes = facts.sha256, facts.flac_bytes
    artifact.media_name, artifact.incomplete_reason = facts.media_name, incomplete_reason
    session.merge(Peaks(artifact_id=artifact_id, sealed=facts.peaks))
    if settings.retention.anchor == "ended_at":
        _restate_consent(session, artifact, artifact.ended_at, settings)
    detail = {"sha256": facts.sha256, "duration_ms": facts.duration_ms, "incomplete": incomplete_reason}
    audit_log.append(session, at, "seal", artifact_id, detail)


def abandon(session: Session, artifact_id: str, at: datetime, reason: str) -> None:
    """Nothing was captured (or it may not be kept): end all grounds, so that it is erased next."""
    for row in ground_rows(session, artifact_id):
        end_ground(session, row, at, reason)


def read_guard(session: Session, artifact_id: str, at: datetime, purpose: str = "") -> Readable:
    """The artifact, if a ground permits reading it at `at`; else `NotReadable`, naming the rule.

    A stated purpose must be one of an active ground (R-03: the list is closed; "" states none, for the
    gateway's own work). Roles and cases are asked about elsewhere; this is what holds for everybody.
    """
    artifact = session.get(Artifact, artifact_id)
    if artifact is None:
        raise NotReadable("there is no such artifact, or it was erased long ago", "R-60")
    if artifact.blocked_at is not None:
        raise NotReadable("it is erased", "R-60")
    held = grounds_of(session, artifact_id)
    if not grounds.exists(held, at):
        raise _lapsed(held, at)
    if not grounds.readable(held, at):
        raise NotReadable(grounds.why(held, at), "R-20")
    active = grounds.active(held, at)
    permitted = sorted({each for ground in active for each in ground.purposes})
    if purpose and purpose not in permitted:
        raise NotReadable(
            f"no ground permits that purpose; these are permitted: {', '.join(permitted)}", "R-03"
        )
    return Readable(artifact, active)


def unlock(
    session: Session,
    keys: Keys,
    artifact_id: str,
    at: datetime,
    actor: dict[str, Any] | None = None,
    action: str = "read",
    purpose: str = "",
) -> bytes:
    """The data key of an artifact that may be read at `at`, with an audit entry; else `NotReadable`."""
    readable = read_guard(session, artifact_id, at, purpose)
    row = session.get(DataKey, artifact_id)
    if row is None:
        raise NotReadable("it has no data key", "R-60")
    data_key = keys.unwrap(artifact_id, row.wrapped)
    detail = {"purpose": purpose, "grounds": [ground.ground.value for ground in readable.grounds]}
    audit_log.append(session, at, action, artifact_id, detail, actor)
    return data_key


def get(session: Session, artifact_id: str) -> Artifact | None:
    """One artifact's row (it says nothing about whether it may be read)."""
    return session.get(Artifact, artifact_id)


def listing(
    session: Session, call_id: str | None = None, kind: ArtifactKind | None = None, limit: int = 100
) -> Sequence[tuple[Artifact, tuple[Ground, ...]]]:
    """Artifacts with their grounds, newest first; of one call or kind if given."""
    query = select(Artifact).order_by(Artifact.created_at.desc(), Artifact.id).limit(limit)
    if call_id is not None:
        query = query.where(Artifact.call_id == call_id)
    if kind is not None:
        query = query.where(Artifact.kind == kind.value)
    return [(artifact, grounds_of(session, artifact.id)) for artifact in session.scalars(query)]


def capturing(session: Session, instance_calls: Iterable[str] | None = None) -> Sequence[Artifact]:
    """Recordings that are being made, or were when a process died."""
    query = select(Artifact).where(Artifact.state == "capturing", Artifact.blocked_at.is_(None))
    if instance_calls is not None:
        query = query.where(Artifact.call_id.in_(list(instance_calls)))
    return session.scalars(query.order_by(Artifact.created_at)).all()


def settle_call(
    session: Session,
    call_id: str,
    last_life: date,
    at: datetime,
    settings: PolicySettings,
    due_at: datetime | None = None,
) -> None:
    """Bring what depends on a call's recordings up to date, after the call or a recording ended.

    When none is left, consent evidence gets its last date, counted from `last_life` (R-13; `due_at` is
    the instant, if there was one), and the clear number goes.
    """
    living = session.scalars(
        select(Artifact.kind).where(Artifact.call_id == call_id, Artifact.state != "erased")
    ).all()
    if any(kind in CONTENT for kind in living):
        return
    session.execute(delete(CallerNumber).where(CallerNumber.call_id == call_id))
    ground = grounds.evidence_ground(last_life, settings, ended_at=due_at)
    _settle_evidence(session, call_id, ground, at)


def _settle_evidence(session: Session, call_id: str, ground: Ground, at: datetime) -> None:
    ended = session.scalar(select(Call.ended_at).where(Call.id == call_id)) is not None
    rows: list[GroundRow] = []
    for evidence, recording_started_at in session.execute(
        select(Artifact.id, Consent.recording_started_at)
        .join(Consent, Consent.id == Artifact.consent_id)
        .where(
            Artifact.call_id == call_id,
            Artifact.kind == ArtifactKind.CONSENT_EVIDENCE.value,
            Artifact.blocked_at.is_(None),
        )
    ).all():
        # A consent just given in a call that goes on has its recording still before it.
        if ended or recording_started_at is not None:
            rows += [
                row
                for row in ground_rows(session, evidence)
                if row.ground == GroundName.EVIDENCE.value and row.ended_at is None and row.until is None
            ]
    for row in rows:
        row.clock_start, row.until, row.expires_at = ground.clock_start, ground.until, ground.expires_at
        detail = {"ground": row.ground, "rule": row.rule, "until": _day(row.until)}
        audit_log.append(session, at, "ground.until", row.artifact_id, detail)


def _restate_consent(session: Session, artifact: Artifact, at: datetime, settings: PolicySettings) -> None:
    artifact.anchor = at
    ground = grounds.consent_ground(at, settings)
    for row in ground_rows(session, artifact.id):
        if row.ground == GroundName.CONSENT.value and row.ended_at is None:
            row.clock_start, row.until, row.expires_at = at, ground.until, ground.expires_at


def _lapsed(held: tuple[Ground, ...], at: datetime) -> NotReadable:
    if not held:
        return NotReadable("nothing permits keeping it", "R-60")
    last = max(held, key=lambda g: grounds.end_of(g) or at)
    withdrawn = last.ground is GroundName.CONSENT and last.ended_at is not None
    return NotReadable(grounds.why(held, at), "R-20" if withdrawn else last.rule)


def _ground(row: GroundRow) -> Ground:
    return Ground(
        ground=GroundName(row.ground),
        rule=row.rule,
        lawful_basis=tuple(row.lawful_basis),
        purposes=tuple(row.purposes),
        roles=tuple(row.roles),
        clock_start=row.clock_start,
        until=row.until,
        expires_at=row.expires_at,
        decided_by=row.decided_by,
        reason=row.reason,
        case=row.case_id,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )


def _get(session: Session, artifact_id: str) -> Artifact:
    artifact = session.get(Artifact, artifact_id)
    if artifact is None:
        raise LookupError(f"there is no artifact {artifact_id}")
    return artifact


def _day(until: date | None) -> str | None:
    return until.isoformat() if until else None
