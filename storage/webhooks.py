"""Webhooks: who is told of what has happened. They are told from the audit log; nothing else has to know.

Promises:
1. An event is told after it was committed, and only then: it is an entry of the audit log.
2. None is lost by a restart: how far the log was looked through and what is still to be told are committed
   together. An event may be told twice; it has the same delivery id then.
3. What waits names the entry, never a call, an artifact or a case: with the entry the event is gone, too.
4. What is told holds ids, kinds, codes and instants: the fields that `EVENTS` lists, and no others.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from storage import audit_log, books, cases
from storage.model import CaseKind
from storage.policy.clocks import local_date
from storage.policy.settings import PolicySettings
from storage.tables import AuditEntry, WebhookCursor, WebhookDelivery

LEASE_S = 15.0
"""So long a delivery is its taker's; longer than an attempt may last."""
PAUSES_S = (5, 30, 120, 600, 1800, 3600)
"""Between attempts at one that failed; the last one again and again."""
DUE_DAYS = 7
BATCH = 1000


@dataclass(frozen=True)
class Hook:
    """Who is told, and of which events."""

    url: str
    events: frozenset[str]

    @property
    def id(self) -> str:
        """What it is called where its address does not belong: in the database, in logs."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Delivery:
    """An event to be told now. `body`: JSON as it is sent, every time the same."""

    id: str
    event: str
    body: bytes


@dataclass(frozen=True)
class Waiting:
    """What waits for one hook."""

    hook: str
    count: int
    since: datetime
    outcome: str | None  # of the last attempt at the oldest


@dataclass(frozen=True)
class Event:
    """An event that an audit entry is told as. `fields`: of the entry's detail."""

    name: str
    kind: str  # of what the entry is about
    fields: tuple[str, ...] = ()
    subject: str = ""  # the field that holds the subject, if it is not the entry's own


EVENTS: Mapping[str, tuple[Event, ...]] = {  # by the action of the entry
    "call.close": (Event("call.ended", "call", ("reason",)),),
    "seal": (Event("recording.sealed", "artifact", ("duration_ms", "incomplete")),),
    "withdraw": (Event("consent.withdrawn", "call", ("channel",), subject="call"),),
    "erase": (Event("artifact.erased", "artifact", ("kind", "certificate")),),
    "rights_request": (Event("request.received", "request", ("kind",)),),
    "request.due": (Event("request.due", "request", ("due", "late")),),
    "deviation": (Event("deviation", "call", ("name", "level")),),
}
"""What is told of which entries."""


def collect(session: Session, hooks: Sequence[Hook], at: datetime) -> int:
    """Look through what the audit log has new, and note what each hook is to be told of it; how many.

    A hook that is new is told of what happens from now on. What waits for one that is gone is forgotten.
    """
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.hook.not_in([hook.id for hook in hooks])))
    cursor = session.get(WebhookCursor, 1)
    if not hooks:
        session.execute(delete(WebhookCursor))
        return 0
    if cursor is None:
        session.add(WebhookCursor(id=1, seq=audit_log.count(session)))
        return 0
    query = select(AuditEntry).where(AuditEntry.seq > cursor.seq).order_by(AuditEntry.seq).limit(BATCH)
    noted = 0
    for row in session.scalars(query):
        cursor.seq = row.last_seq or row.seq
        for event in EVENTS.get(row.action, ()) if row.last_seq is None else ():
            for hook in hooks:
                if event.name in hook.events:
                    session.add(_new(hook, event, row.seq, at))
                    noted += 1
    return noted


def is_behind(session: Session) -> bool:
    """Whether the audit log has entries that were not looked through."""
    seen = session.scalar(select(WebhookCursor.seq))
    return seen is None or audit_log.count(session) > seen


def note_due(session: Session, settings: PolicySettings, at: datetime) -> int:
    """Note in the audit log which replies are due within a week, and which are late; each once. How many."""
    noted = 0
    for case in cases.listing(session, CaseKind.RIGHTS_REQUEST):
        due = books.look(session, settings, cases=[case.id]).book.requests[case.id].due
        left = (due - local_date(at)).days
        told = {"due": due.isoformat(), "late": left < 0}
        known = select(AuditEntry.detail).where(
            AuditEntry.action == "request.due", AuditEntry.subject == case.id
        )
        if left <= DUE_DAYS and all(json.loads(each) != told for each in session.scalars(known)):
            audit_log.append(session, at, "request.due", case.id, told)
            noted += 1
    return noted


def take(session: Session, hook: Hook, at: datetime) -> Delivery | None:
    """What the hook is to be told next, in the order in which it happened; the taker's for `LEASE_S`."""
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.hook == hook.id, WebhookDelivery.run_after <= at)
        .order_by(WebhookDelivery.seq, WebhookDelivery.id)
        .limit(1)
    )
    while (row := session.scalars(query).first()) is not None:
        body = _body(session, row)
        if body is None:  # its entry's time is over
            session.delete(row)
            session.flush()
            continue
        row.run_after, row.attempts = at + timedelta(seconds=LEASE_S), row.attempts + 1
        return Delivery(row.id, row.event, body)
    return None


def is_any(session: Session, hook: Hook, at: datetime) -> bool:
    """Whether the hook is to be told something now."""
    ready = select(WebhookDelivery.id).where(WebhookDelivery.hook == hook.id, WebhookDelivery.run_after <= at)
    return session.scalar(ready.limit(1)) is not None


def is_old(session: Session, before: datetime) -> bool:
    """Whether something could not be told since `before`."""
    old = select(WebhookDelivery.id).where(WebhookDelivery.created_at < before)
    return session.scalar(old.limit(1)) is not None


def delivered(session: Session, delivery_id: str) -> None:
    """It was told; nothing of it is kept."""
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.id == delivery_id))


def failed(session: Session, delivery_id: str, outcome: str, everything: bool, at: datetime) -> None:
    """It could not be told and is tried again after a pause. `everything`: so is what waits for that hook."""
    row = session.get(WebhookDelivery, delivery_id)
    if row is None:
        return
    row.outcome = outcome
    row.run_after = at + timedelta(seconds=PAUSES_S[min(row.attempts, len(PAUSES_S)) - 1])
    if everything:
        session.flush()
        later = update(WebhookDelivery).where(
            WebhookDelivery.hook == row.hook, WebhookDelivery.run_after < row.run_after
        )
        session.execute(later.values(run_after=row.run_after, outcome=outcome))


def give_up(session: Session, before: datetime) -> int:
    """Forget what could not be told since `before`; how many."""
    old = select(WebhookDelivery.id).where(WebhookDelivery.created_at < before)
    ids = list(session.scalars(old))
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)))
    return len(ids)


def waiting(session: Session) -> dict[str, Waiting]:
    """What waits, by the id of the hook."""
    counted = (
        select(WebhookDelivery.hook, func.count(), func.min(WebhookDelivery.created_at))
        .group_by(WebhookDelivery.hook)
        .order_by(WebhookDelivery.hook)
    )
    found = {}
    for hook, count, since in session.execute(counted).all():
        oldest = select(WebhookDelivery.outcome).where(WebhookDelivery.hook == hook)
        outcome = session.scalar(oldest.order_by(WebhookDelivery.seq, WebhookDelivery.id).limit(1))
        found[hook] = Waiting(hook, count, since, outcome)
    return found


def _new(hook: Hook, event: Event, seq: int, at: datetime) -> WebhookDelivery:
    told = {"id": uuid.uuid4().hex, "hook": hook.id, "event": event.name, "seq": seq}
    return WebhookDelivery(**told, created_at=at, run_after=at, attempts=0)


def _body(session: Session, delivery: WebhookDelivery) -> bytes | None:
    entry = session.get(AuditEntry, delivery.seq)
    if entry is None or entry.last_seq is not None:
        return None
    event = next((each for each in EVENTS.get(entry.action, ()) if each.name == delivery.event), None)
    if event is None:
        return None
    detail = json.loads(entry.detail)
    told = {
        "id": delivery.id,
        "event": event.name,
        "at": entry.at,
        "sequence": entry.seq,
        event.kind: detail[event.subject] if event.subject else entry.subject,
        "data": {name: detail[name] for name in event.fields if detail.get(name) is not None},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
