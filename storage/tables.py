"""The tables, as SQLAlchemy 2 sees them. `migrations/` makes them; a test keeps the two the same.

Promises the database keeps by itself, whatever the program does:
1. Audio, transcripts and what is derived from them need a consent record whose decision is
   "accepted", or a stored case (`artifact_has_permission`, `artifact_consent`).
2. Recording never began before the decision (`recording_after_decision`).
3. One certificate per erased artifact (unique `artifact_pseudonym`).

An artifact has no expiry: it has rows in `grounds`, and exists while one of them is active.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite has no zones, so it gets the naive UTC time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To an aware UTC datetime."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class Table(DeclarativeBase):
    """Base of all tables; constraints have fixed names so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Instant, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


Id = String(32)
BEGUN = "blocked_at IS NOT NULL AND state <> 'erased'"


class Call(Table):
    """A call: when, which way, how it ended. No number: see `CallerNumber`."""

    __tablename__ = "calls"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    instance: Mapped[str] = mapped_column(String(64))  # the gateway that runs it
    sip_call_ref: Mapped[str] = mapped_column(String(64))  # keyed hash of the SIP Call-ID
    flow: Mapped[str] = mapped_column(String(64))
    direction: Mapped[str] = mapped_column(String(16))
    caller_pseudonym: Mapped[str] = mapped_column(String(32), index=True)
    arrived_at: Mapped[datetime] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]
    agent_answered_at: Mapped[datetime | None]
    agent_pseudonym: Mapped[str | None] = mapped_column(String(32))
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    end_reason: Mapped[str | None] = mapped_column(String(32))
    decision: Mapped[str | None] = mapped_column(String(16))  # of the last time the question was asked
    caller_codec: Mapped[str | None] = mapped_column(String(32))
    agent_codec: Mapped[str | None] = mapped_column(String(32))


class CallerNumber(Table):
    """The caller's number in clear: the one personal field of a call, apart so that it can be dropped."""

    __tablename__ = "caller_numbers"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    number: Mapped[str] = mapped_column(String(255))


class Consent(Table):
    """The consent record (§8.1): what was played, heard and pressed, and what it was taken to mean."""

    __tablename__ = "consent_records"
    __table_args__ = (
        UniqueConstraint("id", "decision"),
        UniqueConstraint("call_id", "offer"),
        CheckConstraint(
            "recording_started_at IS NULL OR recording_started_at >= decided_at",
            name="recording_after_decision",
        ),
        CheckConstraint(
            "recording_started_at IS NULL OR decision = 'accepted'", name="recording_after_consent"
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)  # ce_id
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    offer: Mapped[int]  # 1 for the first question, 2 when an agent had it asked again, ...
    caller_pseudonym: Mapped[str] = mapped_column(String(32))
    agent_pseudonym: Mapped[str | None] = mapped_column(String(32))
    started_at: Mapped[datetime]
    started_local: Mapped[str] = mapped_column(String(40))  # ISO 8601 with the local offset
    language: Mapped[str] = mapped_column(String(16))
    prompt_id: Mapped[str] = mapped_column(String(64))
    prompt_version: Mapped[str] = mapped_column(String(32))
    prompt_text_sha256: Mapped[str] = mapped_column(String(64))
    prompt_audio_sha256: Mapped[str] = mapped_column(String(64))
    policy_version: Mapped[str] = mapped_column(String(64))
    played_ms: Mapped[int | None]
    total_ms: Mapped[int | None]
    marker: Mapped[str | None] = mapped_column(String(32))
    keys: Mapped[list[Any]]
    decision: Mapped[str] = mapped_column(String(16))
    decision_rule: Mapped[str] = mapped_column(String(32))
    decided_at: Mapped[datetime]
    recording_started_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_channel: Mapped[str | None] = mapped_column(String(32))
    withdrawn_by: Mapped[str | None] = mapped_column(String(64))
    invalid_reason: Mapped[str | None] = mapped_column(String(200))
    record_hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str | None] = mapped_column(String(128))  # Ed25519 over record_hash


class Case(Table):
    """A concrete case that permits recording without a key (R-41), or holds artifacts."""

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(String(64))
    closed_at: Mapped[datetime | None]


class Artifact(Table):
    """Something kept about a call: a recording, a transcript, consent evidence, a decision log, ...

    `blocked_at` is the point of no return of an erasure: the key is destroyed with it, and no ground
    can be added any more. A row in state "erased" holds no content; it goes with its call.
    """

    __tablename__ = "artifacts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["consent_id", "consent_decision"],
            ["consent_records.id", "consent_records.decision"],
            name="artifact_consent",
        ),
        CheckConstraint(
            "kind NOT IN ('AUD', 'TRS', 'DER', 'INVR') OR state = 'erased' "
            "OR (kind <> 'AUD' AND case_id IS NOT NULL) "
            "OR (kind <> 'INVR' AND consent_id IS NOT NULL AND consent_decision IS NOT NULL "
            "AND consent_decision = 'accepted')",
            name="artifact_has_permission",
        ),
        CheckConstraint("state IN ('capturing', 'sealed', 'erased')", name="state"),
        CheckConstraint("state <> 'erased' OR blocked_at IS NOT NULL", name="erased_is_blocked"),
        Index("ix_artifacts_state_blocked_at", "state", "blocked_at"),
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
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    consent_id: Mapped[str | None] = mapped_column(Id, index=True)
    consent_decision: Mapped[str | None] = mapped_column(String(16))
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.id"))
    created_at: Mapped[datetime]
    anchor: Mapped[datetime]  # where its periods start: the start of the recording
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


class GroundRow(Table):
    """One ground of one artifact (`storage.model.Ground`)."""

    __tablename__ = "grounds"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), index=True)
    ground: Mapped[str] = mapped_column(String(32))
    rule: Mapped[str] = mapped_column(String(16))
    lawful_basis: Mapped[list[Any]]
    purposes: Mapped[list[Any]]
    roles: Mapped[list[Any]]
    clock_start: Mapped[datetime]
    until: Mapped[date | None]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    decided_by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    case_id: Mapped[str | None] = mapped_column(ForeignKey("cases.id"), index=True)
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_by: Mapped[str] = mapped_column(String(200), default="")


class AuditEntry(Table):
    """One entry of the hash-chained audit log."""

    __tablename__ = "audit_log"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(40))  # the text that is hashed, ISO 8601 UTC
    actor: Mapped[str] = mapped_column(Text)  # the JSON text that is hashed
    action: Mapped[str] = mapped_column(String(32), index=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(Text)  # the JSON text that is hashed
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


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
