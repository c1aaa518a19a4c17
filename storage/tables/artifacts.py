"""Artifacts, what is sealed of them in the database, their grounds, and the certificates of their end."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table

BEGUN = "blocked_at IS NOT NULL AND state <> 'erased'"


class Artifact(Table):
    """Something kept: a recording, a transcript, consent evidence, a request's documentation, ...

    `blocked_at` is the point of no return of an erasure: the key is destroyed with it, and no ground
    can be added any more. A row in state "erased" holds no content; it goes with its call or case.
    `lived_until` and `lived_to` are set with it: its last civil date, and the instant its last ground ended.
    """

    __tablename__ = "artifacts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["consent_id", "consent_decision"],
            ["consent_records.id", "consent_records.decision"],
            name="artifact_consent",
        ),
        ForeignKeyConstraint(["case_id", "case_kind"], ["cases.id", "cases.kind"], name="artifact_case"),
        CheckConstraint(
            "kind NOT IN ('AUD', 'TRS', 'DER', 'INVR') OR state = 'erased' "
            "OR (kind <> 'AUD' AND case_id IS NOT NULL AND case_kind IS NOT NULL "
            "AND case_kind = 'investigation') "
            "OR (kind <> 'INVR' AND consent_id IS NOT NULL AND consent_decision IS NOT NULL "
            "AND consent_decision = 'accepted')",
            name="artifact_has_permission",
        ),
        CheckConstraint("state IN ('capturing', 'sealed', 'erased')", name="state"),
        CheckConstraint("state <> 'erased' OR blocked_at IS NOT NULL", name="erased_is_blocked"),
        CheckConstraint(
            "call_id IS NOT NULL OR case_id IS NOT NULL OR state = 'erased'", name="artifact_belongs"
        ),
        Index("ix_artifacts_state_blocked_at", "state", "blocked_at"),
        Index("ix_artifacts_kind_state_blocked_at", "kind", "state", "blocked_at"),  # counts for metrics
        Index("ix_artifacts_call_id_id", "call_id", "id"),  # the order of a preview
        # What a sweep has begun and not finished: nearly always empty.
        Index(
            "ix_artifacts_begun",
            "blocked_at",
            sqlite_where=text(BEGUN),
            postgresql_where=text(BEGUN),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    part: Mapped[str] = mapped_column(String(32))  # audio, transcript, consent, ...: its name in the policy
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id"))
    state: Mapped[str] = mapped_column(String(16))
    consent_id: Mapped[str | None] = mapped_column(Id, index=True)
    consent_decision: Mapped[str | None] = mapped_column(String(16))
    case_id: Mapped[str | None] = mapped_column(String(64), index=True)
    case_kind: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(index=True)
    anchor: Mapped[datetime]  # the start of the recording behind it; of evidence: the decision
    ended_at: Mapped[datetime | None]
    intervals: Mapped[list[Any]]  # captured spans, [[start ms, end ms], ...] from the start
    duration_ms: Mapped[int | None]
    sample_rate_hz: Mapped[int | None]
    channels: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(String(64))  # of the plaintext (FLAC, or the record)
    content_bytes: Mapped[int | None]
    media_name: Mapped[str | None] = mapped_column(String(80))
    incomplete_reason: Mapped[str | None] = mapped_column(String(64))
    controller: Mapped[str] = mapped_column(String(64))
    processor: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(16))
    condemned: Mapped[str | None] = mapped_column(String(16))  # rule of a deletion order that stands
    lived_until: Mapped[date | None]
    lived_to: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    erasure: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # while it runs


class DataKey(Table):
    """An artifact's wrapped data key. Without this row its audio is noise."""

    __tablename__ = "data_keys"

    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class Peaks(Table):
    """A recording's waveform, sealed under its data key."""

    __tablename__ = "peaks"

    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Document(Table):
    """The words of a transcript or of what is derived from it, sealed under the artifact's data key."""

    __tablename__ = "documents"

    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class ArtifactSource(Table):
    """What a derived artifact was made from; it has the grounds of its sources (R-11)."""

    __tablename__ = "artifact_sources"

    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), primary_key=True)
    source_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), primary_key=True, index=True)


class GroundRow(Table):
    """One ground of one artifact (`storage.model.Ground`)."""

    __tablename__ = "grounds"
    __table_args__ = (
        # The order in which a sweep walks through what has lapsed; it needs nothing but the index.
        Index("ix_grounds_expires_at_artifact_id", "expires_at", "artifact_id"),
        Index(
            "ix_grounds_ended_at_artifact_id",
            "ended_at",
            "artifact_id",
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), index=True)
    ground: Mapped[str] = mapped_column(String(32))
    rule: Mapped[str] = mapped_column(String(16))
    lawful_basis: Mapped[list[Any]]
    purposes: Mapped[list[Any]]
    roles: Mapped[list[Any]]
    clock_start: Mapped[datetime]
    until: Mapped[date | None]
    expires_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.id"), index=True)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(200), default="")


class Tombstone(Table):
    """A deletion certificate (§8.3): that something was erased, when and why, but not what it was."""

    __tablename__ = "tombstones"

    dc_id: Mapped[str] = mapped_column(Id, primary_key=True)
    artifact_pseudonym: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    content_sha256: Mapped[str | None] = mapped_column(String(64))
    lapsed: Mapped[list[Any]]  # [{"ground", "rule", "until", "ended_at", "ended_by"}, ...]
    due_at: Mapped[datetime]
    blocked_at: Mapped[datetime]
    purged_at: Mapped[datetime] = mapped_column(index=True)
    locations: Mapped[list[Any]]
    method: Mapped[str] = mapped_column(String(64))
    failures: Mapped[list[Any]]
    verifier: Mapped[str] = mapped_column(String(64))  # who saw that it was gone
    backups_out_on: Mapped[date | None]  # when it has aged out of every backup


class Disclosure(Table):
    """A copy that somebody outside was given; they are told when it is erased (R-25, R-39).

    It names the artifact as its certificate does, because it outlives it.
    """

    __tablename__ = "disclosures"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    artifact_pseudonym: Mapped[str] = mapped_column(String(64), index=True)
    recipient: Mapped[str] = mapped_column(String(64))  # an organisation, never a person
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    erased_at: Mapped[datetime | None]
    erased_by: Mapped[str | None] = mapped_column(String(16))  # the rule, when it was a data subject's order
    notified_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
