"""Calls, their numbers, and consent records."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table


class Call(Table):
    """A call: when, which way, how it ended. No number: see `CallerNumber`."""

    __tablename__ = "calls"
    __table_args__ = (Index("ix_calls_caller_pseudonym_arrived_at", "caller_pseudonym", "arrived_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    instance: Mapped[str] = mapped_column(String(64))  # the gateway that runs it
    sip_call_ref: Mapped[str] = mapped_column(String(64))  # keyed hash of the SIP Call-ID
    flow: Mapped[str] = mapped_column(String(64))
    direction: Mapped[str] = mapped_column(String(16))
    caller_pseudonym: Mapped[str] = mapped_column(String(32))
    arrived_at: Mapped[datetime] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]
    agent_answered_at: Mapped[datetime | None]
    agent_pseudonym: Mapped[str | None] = mapped_column(String(32))
    ended_at: Mapped[datetime | None] = mapped_column(index=True)
    end_reason: Mapped[str | None] = mapped_column(String(32))
    decision: Mapped[str | None] = mapped_column(String(16))  # of the last time the question was asked
    special_category: Mapped[bool] = mapped_column(default=False)  # holds data of art. 9
    caller_codec: Mapped[str | None] = mapped_column(String(32))
    agent_codec: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(32))  # `storage.outcomes`; null while it is up


class EdgeRefusal(Table):
    """How many calls the SIP front door refused on a civil date, by reason: such a call has no row."""

    __tablename__ = "edge_refusals"

    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int]


class CallerNumber(Table):
    """The caller's number, sealed: the one personal field of a call, apart so that it can be dropped."""

    __tablename__ = "caller_numbers"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    number: Mapped[str] = mapped_column(String(255))  # sealed


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
    purposes: Mapped[list[Any]] = mapped_column(default=list)  # accepted by itself each; empty: all together
    questions: Mapped[list[Any]] = mapped_column(default=list)  # of a round that asks for each purpose
    recording_started_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_channel: Mapped[str | None] = mapped_column(String(32))
    withdrawn_by: Mapped[str | None] = mapped_column(String(64))
    invalid_reason: Mapped[str | None] = mapped_column(String(200))
    record_hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str | None] = mapped_column(String(128))  # Ed25519 over record_hash
