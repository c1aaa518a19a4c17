"""A recording from its first sample to its seal: begun on a consent or a case, completed, or abandoned.

`storage.books` decides whether it may begin, and what it rests on; here are the facts of the sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from storage import artifacts, audit_log, books
from storage.artifacts import Making, NotReadable, Tags
from storage.books import By
from storage.keys import Keys
from storage.media import SealedFacts
from storage.policy import events as e
from storage.policy.book import Refused
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, Consent, Peaks


@dataclass(frozen=True)
class NewRecording:
    """A recording that may begin: its id and the key its audio is sealed with."""

    artifact_id: str
    data_key: bytes = field(repr=False)


def begin(
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
    too. Raises `storage.database.Refused` (on flush) without an accepted consent record, and the policy's
    `Refused` when that consent was withdrawn or invalidated or belongs to another call.
    """
    consent = session.get(Consent, consent_id)
    if consent is None or consent.call_id != call_id:
        raise Refused("there is no such consent record of that call: nothing may be recorded (R-01)")
    if consent.withdrawn_at is not None or consent.invalid_reason is not None:
        raise Refused("that consent was withdrawn or invalidated: nothing may be recorded (R-20)")
    if consent.recording_started_at is None:
        consent.recording_started_at = started_at
    event = e.RecordingStarted(call_id)
    how = Making(artifact_id, consent, "capturing", tags=tags, keys=keys)
    return _begin(session, event, started_at, settings, how, {"call": call_id, "consent": consent_id})


def begin_for_case(
    session: Session,
    keys: Keys,
    call_id: str,
    case_id: str,
    started_at: datetime,
    settings: PolicySettings,
    by: By,
    tags: Tags = Tags(),
    artifact_id: str | None = None,
) -> NewRecording:
    """An investigator's own announced recording for a stored case (R-41); no consent, no key.

    The policy's `Refused` without an investigation of that id.
    """
    excerpt = books.look(session, settings, cases=[case_id])
    if case_id not in excerpt.book.cases:
        raise Refused(f"there is no investigation {case_id}: nothing may be recorded (R-41)")
    event = e.InvestigatorRecording(call_id, case_id)
    how = Making(artifact_id, None, "capturing", tags=tags, keys=keys)
    return _begin(session, event, started_at, settings, how, {"call": call_id, "case": case_id}, by)


def _begin(
    session: Session,
    event: e.RecordingStarted | e.InvestigatorRecording,
    at: datetime,
    settings: PolicySettings,
    how: Making,
    detail: dict[str, str],
    by: By = By(),
) -> NewRecording:
    name = f"{event.call}/audio"
    made = books.happen(session, event, at, settings, by, {name: how}, told=False).made[name]
    assert made.data_key is not None
    audit_log.append(session, at, "record", made.artifact_id, detail, by.actor)
    return NewRecording(made.artifact_id, made.data_key)


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
    artifact = artifacts.required(session, artifact_id)
    if artifact.blocked_at is not None or artifact.state == "erased":
        raise NotReadable("it was erased while it was made", "R-60")
    ended_at = ended_at or at
    _stop(session, artifact, ended_at, settings)
    artifact.state, artifact.ended_at = "sealed", ended_at
    artifact.intervals = [list(span) for span in intervals] or [[0, facts.duration_ms]]
    artifact.duration_ms = facts.duration_ms
    artifact.sample_rate_hz, artifact.channels = facts.sample_rate_hz, facts.channels
    artifact.sha256, artifact.content_bytes = facts.sha256, facts.flac_bytes
    artifact.media_name, artifact.incomplete_reason = facts.media_name, incomplete_reason
    session.merge(Peaks(artifact_id=artifact_id, sealed=facts.peaks))
    detail = {"sha256": facts.sha256, "duration_ms": facts.duration_ms, "incomplete": incomplete_reason}
    audit_log.append(session, at, "seal", artifact_id, detail)


def _stop(session: Session, artifact: Artifact, at: datetime, settings: PolicySettings) -> None:
    """Tell the policy of the last sound; a call that was closed before has told it already."""
    assert artifact.call_id is not None
    excerpt = books.look(session, settings, [artifact.call_id])
    if excerpt.book.calls[artifact.call_id].ended_at is None:
        books.happen(session, e.RecordingStopped(artifact.call_id), at, settings, told=False)


def why_abandoned(captured: bool) -> str:
    """What ended a recording that was begun and is no more: something was captured that may not stay, or
    nothing ever was."""
    return "it may not be kept" if captured else "nothing was captured"


def abandon(session: Session, artifact_id: str, at: datetime, reason: str, settings: PolicySettings) -> None:
    """Nothing was captured: end all grounds, so that it is erased next."""
    for row in artifacts.ground_rows(session, artifact_id):
        artifacts.end_ground(session, row, at, reason)
    call_id = artifacts.required(session, artifact_id).call_id
    session.flush()
    if call_id is not None:
        books.refresh(session, settings, [call_id], at)
