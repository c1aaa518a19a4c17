"""What may be told of an artifact without opening it: facts, grounds and certificate, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from storage import artifacts, certificates, transcripts
from storage.gate import SOUND
from storage.model import ArtifactKind, Ground
from storage.tables import Artifact, Tombstone


@dataclass(frozen=True)
class ArtifactFacts:
    """An artifact: how long, why, until when. `until` is its last civil date, None while there is none."""

    artifact: str
    call: str | None
    kind: str
    state: str
    duration_ms: int | None
    sample_rate_hz: int | None
    channels: int | None
    intervals_ms: list[list[int]]  # captured spans from the start
    sha256: str | None
    incomplete_reason: str | None
    grounds: list[str]
    lawful_basis: list[str]
    until: date | None
    expires_at: datetime | None
    controller: str
    processor: str
    region: str


@dataclass(frozen=True)
class GroundFacts:
    """One ground, past ones too."""

    ground: str
    rule: str
    lawful_basis: list[str]
    purposes: list[str]
    roles: list[str]
    case: str | None
    starts_at: datetime
    until: date | None
    expires_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    decided_by: str


@dataclass(frozen=True)
class CertificateFacts:
    """That an artifact was erased, when and why (§8.3)."""

    id: str
    kind: str
    due_at: datetime
    blocked_at: datetime
    purged_at: datetime
    lapsed: list[dict[str, Any]]
    locations: list[str]
    method: str
    verifier: str
    backups_out_on: date | None


@dataclass(frozen=True)
class ArtifactView:
    """An artifact as a whole. `transcript`: of a recording; `recording`: of a transcript."""

    facts: ArtifactFacts
    created_at: datetime
    grounds: list[GroundFacts]
    certificate: CertificateFacts | None
    transcript: str | None
    recording: str | None


def of(row: Artifact, held: Sequence[Ground]) -> ArtifactFacts:
    """The facts of an artifact with these grounds."""
    active = [ground for ground in held if ground.ended_at is None]
    open_ended = any(ground.until is None for ground in active)
    untils = [ground.until for ground in active if ground.until is not None]
    expiries = [ground.expires_at for ground in active if ground.expires_at is not None]
    return ArtifactFacts(
        artifact=row.id,
        call=row.call_id,
        kind=row.kind,
        state=row.state,
        duration_ms=row.duration_ms,
        sample_rate_hz=row.sample_rate_hz,
        channels=row.channels,
        intervals_ms=row.intervals,
        sha256=row.sha256,
        incomplete_reason=row.incomplete_reason,
        grounds=[ground.ground.value for ground in active],
        lawful_basis=sorted({basis for ground in active for basis in ground.lawful_basis}),
        until=None if open_ended else max(untils, default=None),
        expires_at=None if open_ended else max(expiries, default=None),
        controller=row.controller,
        processor=row.processor,
        region=row.region,
    )


def view(session: Session, artifact_id: str) -> ArtifactView:
    """An artifact as a whole; `LookupError` when there is none."""
    row = artifacts.required(session, artifact_id)
    rows = artifacts.ground_rows(session, artifact_id)
    certificate = certificates.of_artifact(session, artifact_id)
    kind = ArtifactKind(row.kind)
    living = row.blocked_at is None and row.call_id is not None
    return ArtifactView(
        facts=of(row, [artifacts.ground_of(each) for each in rows]),
        created_at=row.created_at,
        grounds=[
            GroundFacts(
                each.ground,
                each.rule,
                list(each.lawful_basis),
                list(each.purposes),
                list(each.roles),
                each.case_id,
                each.clock_start,
                each.until,
                each.expires_at,
                each.ended_at,
                each.ended_by or None,
                each.decided_by,
            )
            for each in rows
        ],
        certificate=None if certificate is None else _certificate(certificate),
        transcript=transcripts.of_recording(session, artifact_id) if living and kind in SOUND else None,
        recording=transcripts.recording_of(session, row) if living else None,
    )


def _certificate(row: Tombstone) -> CertificateFacts:
    return CertificateFacts(
        row.dc_id,
        row.kind,
        row.due_at,
        row.blocked_at,
        row.purged_at,
        list(row.lapsed),
        list(row.locations),
        row.method,
        row.verifier,
        row.backups_out_on,
    )
