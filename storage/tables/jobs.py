"""Work that waits: recordings whose transcript is not whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table


class TranscriptionJob(Table):
    """What is still to be transcribed of one recording. It holds places in time and never a word.

    `spans` null: all of it. The row goes when nothing is left to do, and with the recording.
    """

    __tablename__ = "transcription_jobs"
    __table_args__ = (CheckConstraint("state IN ('live', 'waiting', 'running')", name="state"),)

    recording_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    spans: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # [[leg, start ms, end ms], ...]
    attempts: Mapped[int]
    run_after: Mapped[datetime]
    lease: Mapped[str | None] = mapped_column(Id)  # of who runs it now
    lease_until: Mapped[datetime | None]
