"""The audit log in the database: appended in the transaction of what it tells about.

Entries hold ids, codes and dates, never numbers, names or words. Why somebody read something is in their own
words: those are sealed in a row of their own, and the entry holds a keyed hash of them only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit_chain, custody
from storage.audit_chain import Entry, Gap, Verdict
from storage.keys import Keys
from storage.many import insert_all
from storage.tables import AuditEntry, AuditReason

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
    reason: str = "",
    keys: Keys | None = None,
) -> Entry:
    """Add an entry to the chain; it is there if, and only if, the transaction commits.

    `reason`, in somebody's words, is kept sealed under `keys` beside the entry.
    """
    # A session is one transaction here, and nobody else writes meanwhile (or this one is run again):
    # what it appended last is still the last.
    last = session.info.get(_LAST) or _last(session)
    told = dict(detail or {})
    if reason:
        assert keys is not None, "a reason needs the keys it is sealed with"
        told["reason"] = keys.pseudonym(f"reason:{reason}")
    entry = audit_chain.seal(last, at, actor or SYSTEM, action, subject, told)
    session.add(AuditEntry(**vars(entry)))
    if reason:
        assert keys is not None
        session.flush()
        session.add(AuditReason(seq=entry.seq, sealed=keys.seal_words(label_of_reason(entry.seq), reason)))
    session.info[_LAST] = (entry.seq, entry.hash)
    return entry


def append_all(session: Session, at: datetime, told: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
    """Add many entries at once about what happens by itself: action, subject and detail of each."""
    last, rows = session.info.get(_LAST) or _last(session), []
    when, actor = audit_chain.when(at), audit_chain.canonical(SYSTEM)
    for action, subject, detail in told:
        entry = audit_chain.follow(last, (when, actor, action, subject, audit_chain.canonical(detail)))
        rows.append(vars(entry))
        last = (entry.seq, entry.hash)
    insert_all(session, AuditEntry, rows)
    if rows:
        session.info[_LAST] = last


def label_of_reason(seq: int) -> str:
    """What the sealed words of an entry are bound to."""
    return f"audit {seq}"


def reason_of(session: Session, keys: Keys, seq: int) -> str:
    """The words of who made an entry; "" when there are none. Personal data."""
    row = session.get(AuditReason, seq)
    return "" if row is None else custody.open_words(session, keys, label_of_reason(seq), row.sealed)


def _last(session: Session) -> tuple[int, str] | None:
    query = select(AuditEntry.seq, AuditEntry.last_seq, AuditEntry.hash)
    row = session.execute(query.order_by(AuditEntry.seq.desc()).limit(1)).first()
    return (row.last_seq or row.seq, row.hash) if row else None


def count(session: Session) -> int:
    """How many entries there ever were."""
    last = _last(session)
    return last[0] if last else 0


def entries(session: Session, subject: str | None = None) -> Iterator[Entry]:
    """The entries that are kept, in order, or those about one artifact, call or case."""
    for entry in chain(session, subject):
        if isinstance(entry, Entry):
            yield entry


def newest(
    session: Session,
    limit: int,
    before: int | None = None,
    subject: str = "",
    action: str = "",
    actor: str = "",
) -> list[Entry]:
    """Entries that are kept, newest first: older than the number `before`, about, of a kind, by a user."""
    query = select(AuditEntry).where(AuditEntry.last_seq.is_(None)).order_by(AuditEntry.seq.desc())
    if before is not None:
        query = query.where(AuditEntry.seq < before)
    if subject:
        query = query.where(AuditEntry.subject == subject)
    if action:
        query = query.where(AuditEntry.action == action)
    if actor:
        # The actor is canonical JSON; ids have no quotes in them.
        query = query.where(AuditEntry.actor.contains(f'"id":{json.dumps(actor)}', autoescape=True))
    return [
        Entry(row.seq, row.at, row.actor, row.action, row.subject, row.detail, row.prev_hash, row.hash)
        for row in session.scalars(query.limit(limit))
    ]


def chain(session: Session, subject: str | None = None) -> Iterator[Entry | Gap]:
    """The whole chain in order, with the gaps that dropped entries left."""
    query = select(AuditEntry).order_by(AuditEntry.seq)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    for row in session.scalars(query.execution_options(yield_per=1000)):
        if row.last_seq is not None:
            yield Gap(row.seq, row.last_seq, row.prev_hash, row.hash)
        else:
            fields = (row.at, row.actor, row.action, row.subject, row.detail)
            yield Entry(row.seq, *fields, row.prev_hash, row.hash)
        session.expunge(row)


def verify(session: Session, expect_last: str | None = None) -> Verdict:
    """Check the whole chain."""
    return audit_chain.verify(chain(session), expect_last=expect_last)
