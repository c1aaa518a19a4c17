"""What people work on: requests, complaints, investigations, orders, samples."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table


class Case(Table):
    """What somebody works on: a rights request, a complaint, an investigation, an order, a sample.

    Its words (reasons, letters, findings) are `CaseNote`s, sealed under the case's own key.
    """

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("id", "kind"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), index=True)  # storage.model.CaseKind
    opened_at: Mapped[datetime]  # received, forwarded, ordered, drawn
    opened_by: Mapped[str] = mapped_column(String(64))
    closed_at: Mapped[datetime | None]  # answered, finally closed, lifted
    right: Mapped[str | None] = mapped_column(String(16))  # of a rights request: access, erasure, ...
    requester: Mapped[str | None] = mapped_column(String(32))  # "caller", or an agent's pseudonym
    extended_at: Mapped[datetime | None]  # the notice of art. 12(3)
    kept_parts: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # of a complaint
    facts: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # limitation; the plan of a sample
    confirmed: Mapped[date | None]  # the limitation date that the legal role confirmed


class CaseCall(Table):
    """A call that a case is about."""

    __tablename__ = "case_calls"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True, index=True)


class CaseKey(Table):
    """A case's wrapped data key. Without this row its notes are noise."""

    __tablename__ = "case_keys"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class CaseNote(Table):
    """Words about a case: a reason, an identity check, a letter, a finding. Sealed under its key."""

    __tablename__ = "case_notes"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Proposal(Table):
    """An extension that an investigator proposed and somebody else decides on (R-44)."""

    __tablename__ = "proposals"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))
    parts: Mapped[list[Any]]
    until: Mapped[date]
    note_id: Mapped[str] = mapped_column(ForeignKey("case_notes.id"))  # the reason
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    granted: Mapped[bool | None]


class CaseMember(Table):
    """Who works on a case: roles that are bound to a case read only what is theirs (§1.3)."""

    __tablename__ = "case_members"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    since: Mapped[datetime]
