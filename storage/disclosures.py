"""Copies that somebody outside was given, and telling them when the original is erased (R-25, R-39).

Article 19 asks for it when a data subject's order erased it; an erasure on its date needs no message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, certificates
from storage.certificates import Lapsed
from storage.many import among
from storage.policy.book import Refused
from storage.tables import Disclosure

# Erasures that a data subject ordered; the rule stands in what ended the ground.
ORDERS = ("R-04", "R-20", "R-22", "R-23", "R-24")


def add(
    session: Session, artifact_id: str, recipient: str, at: datetime, actor: dict[str, Any]
) -> Disclosure:
    """A copy of an artifact that exists at `at` was handed to an organisation."""
    artifacts.kept(session, artifact_id, at)
    row = Disclosure(
        artifact_pseudonym=certificates.pseudonym(artifact_id),
        recipient=recipient,
        at=at,
        by=str(actor["id"]),
    )
    session.add(row)
    audit_log.append(session, at, "disclose", artifact_id, {"recipient": recipient}, actor)
    return row


def note_erased(session: Session, erased: Mapping[str, Lapsed], at: datetime) -> None:
    """Artifacts are erased: their recipients are to be told, or are forgotten."""
    named = {certificates.pseudonym(artifact_id): lapsed for artifact_id, lapsed in erased.items()}
    told_of = select(Disclosure).where(among(Disclosure.artifact_pseudonym, list(named)))
    for row in session.scalars(told_of).all():
        ended_by = " ".join(ground["ended_by"] for ground in named[row.artifact_pseudonym].grounds)
        rule = next((rule for rule in ORDERS if rule in ended_by), None)
        if rule is None:
            session.delete(row)
        else:
            row.erased_at, row.erased_by = at, rule


def waiting(session: Session) -> Sequence[Disclosure]:
    """Recipients that must be told of an erasure, or have not acknowledged it."""
    query = select(Disclosure).where(Disclosure.erased_at.is_not(None), Disclosure.acknowledged_at.is_(None))
    return session.scalars(query.order_by(Disclosure.erased_at, Disclosure.id)).all()


def of_artifact(session: Session, artifact_id: str) -> Sequence[Disclosure]:
    """Who was given a copy of an artifact."""
    told_of = certificates.pseudonym(artifact_id)
    query = select(Disclosure).where(Disclosure.artifact_pseudonym == told_of)
    return session.scalars(query.order_by(Disclosure.at, Disclosure.id)).all()


def notify(session: Session, disclosure_id: int, at: datetime, actor: dict[str, Any]) -> None:
    """The recipient was told that the original is erased."""
    row = _erased(session, disclosure_id)
    row.notified_at = row.notified_at or at
    audit_log.append(session, at, "notify", f"disclosure {row.id}", {"recipient": row.recipient}, actor)


def acknowledge(session: Session, disclosure_id: int, at: datetime, actor: dict[str, Any]) -> None:
    """The recipient confirmed; the log keeps that, and the row goes."""
    row = _erased(session, disclosure_id)
    if row.notified_at is None:
        raise Refused("nobody has told the recipient yet (R-25)")
    audit_log.append(session, at, "acknowledge", f"disclosure {row.id}", {"recipient": row.recipient}, actor)
    session.delete(row)


def _erased(session: Session, disclosure_id: int) -> Disclosure:
    row = session.get(Disclosure, disclosure_id)
    if row is None or row.erased_at is None:
        raise Refused("there is no such erasure to tell anybody of (R-25)")
    return row
