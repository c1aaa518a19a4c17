"""Prompts: the versions that were made beside those that came with Tast1, and where each is played."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table


class PromptVersion(Table):
    """One text, voiced. It never changes, and stays: consent records name its hashes.

    Its sound is the file `prompts/SHA256.wav` in the storage folder.
    """

    __tablename__ = "prompt_versions"
    __table_args__ = (
        UniqueConstraint("prompt_set", "role", "number"),
        CheckConstraint("approved_by IS NULL OR approved_by <> made_by", name="four_eyes"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_whole"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    prompt_set: Mapped[str] = mapped_column(String(32))  # the language it is in
    role: Mapped[str] = mapped_column(String(32))  # greeting, consent, ...
    number: Mapped[int]  # counts up within set and role
    text: Mapped[str] = mapped_column(Text)
    text_sha256: Mapped[str] = mapped_column(String(64))
    audio_sha256: Mapped[str] = mapped_column(String(64), index=True)  # of the WAV file, header included
    duration_ms: Mapped[int]
    markers: Mapped[dict[str, Any]]  # {"purposes_end": {"ms": 8869, "after": "..."}, ...}
    loudness_lufs: Mapped[float | None]  # null: silent
    peak_dbtp: Mapped[float | None]
    source: Mapped[
        dict[str, Any]
    ]  # how it was made: {"kind": "voiced"}, {"kind": "recorded", "rate_hz": ...}
    findings: Mapped[list[Any]]  # of the checks when it was made: [{"severity", "name", "values"}, ...]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None] = mapped_column(String(64))
    accepted_warnings: Mapped[list[Any]]  # names of the findings that were accepted with a reason


class PromptActivation(Table):
    """From when a version is played where. The narrowest place, then the latest beginning, decides."""

    __tablename__ = "prompt_activations"
    __table_args__ = (
        CheckConstraint("scope IN ('set', 'flow', 'number')", name="scope"),
        CheckConstraint("(scope = 'set') = (target = '')", name="target"),
        Index("ix_prompt_activations_ended_at", "ended_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    version_id: Mapped[str | None] = mapped_column(ForeignKey("prompt_versions.id"))  # null: the shipped one
    prompt_set: Mapped[str] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(32))
    scope: Mapped[str] = mapped_column(String(8))
    target: Mapped[str] = mapped_column(String(64))  # name of the flow, or dialled number; "" for the set
    begins_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))
