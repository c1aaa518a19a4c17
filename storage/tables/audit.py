"""The audit log."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table


class AuditEntry(Table):
    """One entry of the hash-chained audit log.

    When its time is over (R-62) it becomes a gap: `seq` to `last_seq`, with the hashes that the chain needs
    and nothing else; neighbouring gaps are one row.
    """

    __tablename__ = "audit_log"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(40), index=True)  # the text that is hashed, ISO 8601 UTC
    actor: Mapped[str] = mapped_column(Text)  # the JSON text that is hashed
    action: Mapped[str] = mapped_column(String(32), index=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(Text)  # the JSON text that is hashed
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    last_seq: Mapped[int | None] = mapped_column(index=True)  # of a gap


class AuditReason(Table):
    """Why somebody read something, in their words; the chain holds a keyed hash of it only."""

    __tablename__ = "audit_reasons"

    seq: Mapped[int] = mapped_column(ForeignKey("audit_log.seq"), primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class WritingTurn(Table):
    """Never has a row: who writes on PostgreSQL holds this table's lock, so there is one writer at a time."""

    __tablename__ = "writing_turn"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
