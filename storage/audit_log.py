"""The audit log in the database: appended in the transaction of what it tells about.

Entries hold ids, codes and dates, never numbers, names or words.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit_chain
from storage.audit_chain import Entry, Verdict
from storage.tables import AuditEntry

SYSTEM: dict[str, Any] = {"id": "gateway", "role": "system"}
"""The actor of what happens by itself."""

_LAST = "audit_log.last"


def append(
    session: Session,
    at: datetime,
    action: str,
    subject: str,
    detail: dict[str, Any] | None = None,
    actor: dict[str, Any] | None = None,
) -> Entry:
    """Add an entry to the chain; it is there if, and only if, the transaction commits."""
    # A session is one transaction here, and nobody else writes meanwhile (or this one is run again):
    # what it appended last is still the last.
    last = session.info.get(_LAST) or _last(session)
    entry = audit_chain.seal(last, at, actor or SYSTEM, action, subject, detail or {})
    session.add(AuditEntry(**vars(entry)))
    session.info[_LAST] = (entry.seq, entry.hash)
    return entry


def _last(session: Session) -> tuple[int, str] | None:
    query = select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
    row = session.execute(query).first()
    return (row.seq, row.hash) if row else None


def entries(session: Session, subject: str | None = None) -> Iterator[Entry]:
    """All entries in order, or those about one artifact or call."""
    query = select(AuditEntry).order_by(AuditEntry.seq)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    for row in session.scalars(query.execution_options(yield_per=1000)):
        yield Entry(row.seq, row.at, row.actor, row.action, row.subject, row.detail, row.prev_hash, row.hash)
        session.expunge(row)


def verify(session: Session, expect_last: str | None = None) -> Verdict:
    """Check the whole chain."""
    return audit_chain.verify(entries(session), expect_last=expect_last)
