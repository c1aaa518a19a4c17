"""Who works with the archive, in which roles."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table


class User(Table):
    """Somebody who may be given roles. The name is the one personal field."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    organisation: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    trained_on: Mapped[date | None]
    disabled_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    token_expires_at: Mapped[datetime | None]
    # Of issuer and subject at the identity provider, if that vouches for them.
    subject_hash: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)


class Grant(Table):
    """A role somebody was given, and for a processor on what terms (R-50, R-52)."""

    __tablename__ = "grants"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str] = mapped_column(String(32))
    granted_at: Mapped[datetime]
    granted_by: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))
    country: Mapped[str | None] = mapped_column(String(2))
    dpa: Mapped[str | None] = mapped_column(String(64))
    ticket: Mapped[str | None] = mapped_column(String(64))
    transfer_tool: Mapped[str | None] = mapped_column(String(16))
