"""Consent records: what was played, heard and pressed; their withdrawal.

A record is committed before a recording is ordered. Every record is an artifact of its own: consent
evidence (CE, R-13) when accepted, else the decision log of an unrecorded call (NL, R-12).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, books
from storage.artifacts import Making
from storage.audit_chain import canonical
from storage.books import By
from storage.ids import new_id
from storage.keys import Keys, is_signed
from storage.model import ArtifactKind
from storage.policy import events as e
from storage.policy import grounds
from storage.policy.apply import change
from storage.policy.book import Holding, Refused
from storage.policy.clocks import COPENHAGEN
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, Call, Consent

ACCEPTED = "accepted"

PURPOSE = "consent record"
"""What the signature of a record is for: one made for something else does not fit."""


@dataclass(frozen=True)
class KeyEvent:
    """One key as the record keeps it."""

    digit: str
    at: datetime
    method: str  # rfc4733, info, inband
    heard_ms: int | None  # how much of the prompt was heard then
    isolated: bool
    verdict: str  # accepted, early, late, other, not_isolated, duplicate


@dataclass(frozen=True)
class QuestionRecord:
    """One question of a round that asks for each purpose by itself (A-14); fields as in `ConsentRecord`."""

    purpose: str
    decision: str
    decided_at: datetime
    started_at: datetime | None  # None: the caller did not hear it
    prompt_id: str
    prompt_version: str
    prompt_text_sha256: str
    prompt_audio_sha256: str
    played_ms: int | None = None
    total_ms: int | None = None
    marker: str | None = None
    keys: tuple[KeyEvent, ...] = ()


@dataclass(frozen=True)
class ConsentRecord:
    """What the record says (§8.1). Instants are aware; lengths in milliseconds; hashes hex SHA-256."""

    call_id: str
    decision: str  # accepted, none, other_key, early_key, late_key
    decided_at: datetime
    started_at: datetime  # of the prompt
    language: str
    prompt_id: str
    prompt_version: str
    prompt_text_sha256: str
    prompt_audio_sha256: str
    policy_version: str  # of the published policy page
    decision_rule: str  # version of the rule that decided
    keys: tuple[KeyEvent, ...] = ()
    played_ms: int | None = None
    total_ms: int | None = None
    marker: str | None = None  # the last marker heard
    offer: int = 1
    questions: tuple[QuestionRecord, ...] = ()  # empty: one question was put for all purposes

    @property
    def purposes(self) -> tuple[str, ...]:
        """What was accepted by itself; empty: all that the one question named, or nothing.

        A round that was broken off comes to nothing, whatever was answered in it.
        """
        if self.decision != ACCEPTED:
            return ()
        return tuple(each.purpose for each in self.questions if each.decision == ACCEPTED)


def record(
    session: Session,
    consent: ConsentRecord,
    at: datetime,
    settings: PolicySettings | None = None,
    keys: Keys | None = None,
) -> Consent:
    """Store a decision and its evidence, with the ground that evidence has; signed, if there are `keys`.

    `at` is the instant of storing. A second record for the same call and offer is refused
    (`storage.database.Refused`).
    """
    settings = settings or PolicySettings()
    call = session.get(Call, consent.call_id)
    if call is None:
        raise LookupError(f"there is no call {consent.call_id}")
    row = Consent(
        id=new_id(at),
        call_id=call.id,
        offer=consent.offer,
        caller_pseudonym=call.caller_pseudonym,
        agent_pseudonym=call.agent_pseudonym,
        started_at=consent.started_at,
        started_local=consent.started_at.astimezone(COPENHAGEN).isoformat(timespec="milliseconds"),
        language=consent.language,
        prompt_id=consent.prompt_id,
        prompt_version=consent.prompt_version,
        prompt_text_sha256=consent.prompt_text_sha256,
        prompt_audio_sha256=consent.prompt_audio_sha256,
        policy_version=consent.policy_version,
        played_ms=consent.played_ms,
        total_ms=consent.total_ms,
        marker=consent.marker,
        keys=[_plain(asdict(key)) for key in consent.keys],
        decision=consent.decision,
        decision_rule=consent.decision_rule,
        decided_at=consent.decided_at,
        purposes=list(consent.purposes),
        questions=[_plain(asdict(each)) for each in consent.questions],
        record_hash="",
    )
    _seal(row, keys)
    session.add(row)
    session.flush()
    call.decision = consent.decision
    _give_ground(session, row, call, at, settings)
    detail = {"call": call.id, "decision": row.decision, "record_hash": row.record_hash, "offer": row.offer}
    audit_log.append(session, at, "consent", row.id, detail)
    return row


def _give_ground(session: Session, row: Consent, call: Call, at: datetime, settings: PolicySettings) -> None:
    """The record becomes an artifact. The policy knows one of a kind for a call, the archive one a record."""
    accepted = row.decision == ACCEPTED
    event = e.ConsentGiven(call.id, tuple(row.purposes)) if accepted else e.Declined(call.id)
    kind = ArtifactKind.CONSENT_EVIDENCE if accepted else ArtifactKind.DECISION_LOG
    part = "consent" if accepted else "decision"
    name = f"{call.id}/{part}"
    excerpt = books.look(session, settings, [call.id])
    change(excerpt.book, event, row.decided_at)
    before = [holding for holding in excerpt.book.versions(name) if holding.id]
    for holding in before:
        holding.recorded_at = excerpt.artifacts[holding.id].anchor
    if len(before) == len(excerpt.book.versions(name)):
        held = () if accepted else (grounds.declined_ground(call.arrived_at, settings),)
        excerpt.book.add(Holding(name, kind, row.decided_at, call.id, part, held, row.decided_at))
    how = Making(consent=row, sha256=row.record_hash)
    books.write(session, excerpt, event, at, making={name: how}, told=False)


def note_late_key(session: Session, consent: ConsentRecord, at: datetime, keys: Keys | None = None) -> None:
    """A stored no becomes "late_key", with the keys that came too late; it stays a no, signed anew.

    `ValueError` when the stored decision is "accepted": a yes is never rewritten. `LookupError` when
    nothing is stored for that call and offer.
    """
    row = session.scalars(
        select(Consent).where(Consent.call_id == consent.call_id, Consent.offer == consent.offer)
    ).one_or_none()
    if row is None:
        raise LookupError(f"no decision is stored for call {consent.call_id}")
    if ACCEPTED in (row.decision, consent.decision):
        raise ValueError("a late key changes no consent: use `withdraw`, or `record` for a new offer")
    evidence = session.scalars(select(Artifact).where(Artifact.consent_id == row.id)).all()
    for artifact in evidence:  # they name id and decision: let go of the one, take up the other
        artifact.consent_id = artifact.consent_decision = None
    session.flush()
    row.decision, row.keys = consent.decision, [_plain(asdict(key)) for key in consent.keys]
    row.questions = [_plain(asdict(each)) for each in consent.questions]
    _seal(row, keys)
    session.flush()
    for artifact in evidence:
        artifact.consent_id, artifact.consent_decision, artifact.sha256 = (
            row.id,
            row.decision,
            row.record_hash,
        )
    call = session.get_one(Call, row.call_id)
    call.decision = row.decision
    detail = {
        "call": row.call_id,
        "decision": row.decision,
        "record_hash": row.record_hash,
        "offer": row.offer,
    }
    audit_log.append(session, at, "consent.late_key", row.id, detail)


def record_hash(row: Consent) -> str:
    """SHA-256 over all that was heard, pressed and decided; not over what came later."""
    split = ("purposes", "questions") if row.questions else ()  # others are hashed as they always were
    fields = {
        name: _plain(getattr(row, name))
        for name in (
            *split,
            *("id", "call_id", "offer", "caller_pseudonym", "started_at", "started_local", "language"),
            *("prompt_id", "prompt_version", "prompt_text_sha256", "prompt_audio_sha256", "policy_version"),
            *("played_ms", "total_ms", "marker", "keys", "decision", "decision_rule", "decided_at"),
        )
    }
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def is_genuine(row: Consent, public_key: str) -> bool:
    """Whether a record says what it said when it was signed, and the owner of `public_key` signed it.

    False also for a record without a signature (from before records were signed).
    """
    whole = row.record_hash == record_hash(row)
    return whole and is_signed(public_key, PURPOSE, row.record_hash, row.signature or "")


def _seal(row: Consent, keys: Keys | None) -> None:
    row.record_hash = record_hash(row)
    row.signature = keys.sign(PURPOSE, row.record_hash) if keys else None


def withdraw(
    session: Session, call_id: str, at: datetime, channel: str, by: str, settings: PolicySettings
) -> list[str]:
    """Consent is withdrawn at `at` (R-20, R-22): from now on nothing that rests on it can be read.

    Returns the ids of the artifacts that no ground permits keeping any more; they are the sweep's
    (`storage.sweep.erase_now` for at once). Withdrawing twice changes nothing.
    """
    event = e.Withdrawn((call_id,), channel)
    try:
        return list(books.happen(session, event, at, settings, By({"id": by, "role": by}), told=False).due)
    except Refused:
        return []


def invalidate(
    session: Session, call_id: str, at: datetime, reason: str, settings: PolicySettings, by: By = By()
) -> list[str]:
    """It turns out that there was no valid consent (a child, a wrong prompt): what rests on it ends (R-04).

    Returns the ids of the artifacts that no ground permits keeping any more. The policy's `Refused` without
    a reason, or when nothing is kept on consent.
    """
    event = e.ConsentInvalid((call_id,), reason)
    return list(books.happen(session, event, at, settings, by).due)


def of_call(session: Session, call_id: str, at: datetime | None = None) -> Sequence[Consent]:
    """The records of a call in the order the question was asked; with `at`, those still kept then."""
    rows = session.scalars(select(Consent).where(Consent.call_id == call_id).order_by(Consent.offer)).all()
    return rows if at is None else [row for row in rows if _kept(session, row, at)]


def _kept(session: Session, row: Consent, at: datetime) -> bool:
    evidence = (ArtifactKind.CONSENT_EVIDENCE.value, ArtifactKind.DECISION_LOG.value)
    found = session.scalars(
        select(Artifact.id).where(Artifact.consent_id == row.id, Artifact.kind.in_(evidence))
    )
    return any(grounds.exists(artifacts.grounds_of(session, each), at) for each in found)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
