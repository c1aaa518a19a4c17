"""Artifacts and their grounds, as rows: made, read, listed.

Promises:
1. An artifact and its first ground are made in one transaction (`storage.books`).
2. A data key is given out by `data_key` only, and only while a ground is active: what is past its date cannot
   be read, whether or not a sweep has run. Who reads for a person goes through `storage.gate`.
3. Content, keys and what is derived are stored inside the EU and EEA only (R-51).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage import audit_log, custody
from storage.ids import new_id
from storage.keys import Keys, new_data_key
from storage.many import among, plain
from storage.model import ArtifactKind, Ground, GroundName
from storage.policy import grounds
from storage.policy.access import EEA
from storage.policy.book import Refused
from storage.sealed import open_bytes, seal_bytes
from storage.tables import Artifact, CallerNumber, Case, Consent, DataKey, Document, GroundRow

SCOPE = (ArtifactKind.AUDIO, ArtifactKind.TRANSCRIPT, ArtifactKind.DERIVED)
"""What rests on the caller's consent."""

CONTENT = (*SCOPE, ArtifactKind.INVESTIGATION_AUDIO)
"""What holds what was said."""

REGIONS = EEA | {"EU"}
"""Where anything may be stored."""


class NotReadable(Exception):
    """It may not be read. `rule` says why: R-10 (out of time), R-20 (withdrawn), R-50 (not this role), R-60
    (erased)."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message if re.search(rf"\b{rule}\b", message) else f"{message} ({rule})")
        self.rule = rule


@dataclass(frozen=True)
class Tags:
    """Who answers for an artifact, who holds it, and where (§8.9)."""

    controller: str = "controller"
    processor: str = "self"
    region: str = "EU"


@dataclass(frozen=True)
class Making:
    """What is known of an artifact that is about to be made.

    `keys` seal it where it has content; `words` are stored sealed beside it (a transcript, a summary);
    `data_key` is given when a file was sealed before with it.
    """

    artifact_id: str | None = None
    consent: Consent | None = None
    state: str = "sealed"
    sha256: str | None = None
    content_bytes: int | None = None
    media_name: str | None = None
    tags: Tags = Tags()
    keys: Keys | None = None
    data_key: bytes | None = field(default=None, repr=False)
    words: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class NewArtifact:
    """An artifact that was made: its id and the key its content is sealed with (None: it has no content)."""

    artifact_id: str
    data_key: bytes | None = field(repr=False)


def make(
    session: Session,
    kind: ArtifactKind,
    at: datetime,
    how: Making = Making(),
    *,
    part: str,
    anchor: datetime,
    call: str | None = None,
    case: Case | None = None,
    sealed_with_key: bool = False,
) -> NewArtifact:
    """An artifact row without grounds; the same transaction must give it one.

    `Refused` for a place outside the EU and EEA (R-51).
    """
    if how.tags.region not in REGIONS:
        raise Refused(f"nothing is stored in {how.tags.region}, outside the EU and EEA (R-51)")
    artifact = Artifact(
        id=how.artifact_id or new_id(at),
        kind=kind.value,
        part=part,
        call_id=call,
        state=how.state,
        consent_id=how.consent.id if how.consent else None,
        consent_decision=how.consent.decision if how.consent else None,
        case_id=case.id if case else None,
        case_kind=case.kind if case else None,
        created_at=at,
        anchor=anchor,
        intervals=[],
        sha256=how.sha256,
        content_bytes=how.content_bytes,
        media_name=how.media_name,
        controller=how.tags.controller,
        processor=how.tags.processor,
        region=how.tags.region,
    )
    session.add(artifact)
    session.flush()
    if not sealed_with_key or how.keys is None:
        return NewArtifact(artifact.id, None)
    data_key = how.data_key or new_data_key()
    wrapped = custody.wrap(session, how.keys, artifact.id, data_key)
    session.add(DataKey(artifact_id=artifact.id, wrapped=wrapped))
    if how.words is not None:
        sealed = seal_bytes(data_key, f"words:{artifact.id}", how.words)
        session.add(Document(artifact_id=artifact.id, sealed=sealed))
    return NewArtifact(artifact.id, data_key)


def ground_row(artifact_id: str, ground: Ground) -> GroundRow:
    """A ground as it is stored."""
    return GroundRow(
        artifact_id=artifact_id,
        ground=ground.ground.value,
        rule=ground.rule,
        lawful_basis=list(ground.lawful_basis),
        purposes=list(ground.purposes),
        roles=list(ground.roles),
        clock_start=ground.clock_start,
        until=ground.until,
        expires_at=ground.expires_at,
        decided_by=ground.decided_by,
        reason=ground.reason,
        case_id=ground.case,
        ended_at=ground.ended_at,
        ended_by=ground.ended_by,
    )


def ground_of(row: GroundRow | Row[Any]) -> Ground:
    """A stored ground as the policy knows it."""
    return Ground(
        ground=GroundName(row.ground),
        rule=row.rule,
        lawful_basis=tuple(row.lawful_basis),
        purposes=tuple(row.purposes),
        roles=tuple(row.roles),
        clock_start=row.clock_start,
        until=row.until,
        expires_at=row.expires_at,
        decided_by=row.decided_by,
        reason=row.reason,
        case=row.case_id,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )


def add_ground(session: Session, artifact_id: str, ground: Ground, at: datetime) -> None:
    """Give an artifact a reason to exist; `NotReadable` when its erasure has begun."""
    artifact = required(session, artifact_id)
    if artifact.blocked_at is not None:
        raise NotReadable("its erasure has begun, it cannot be kept any more", "R-60")
    session.add(ground_row(artifact_id, ground))
    detail = {"ground": ground.ground.value, "rule": ground.rule, "until": _day(ground.until)}
    audit_log.append(session, at, "ground.add", artifact_id, detail)


def end_ground(session: Session, row: GroundRow, at: datetime, ended_by: str) -> None:
    """End a ground at `at`; it stays on record until the artifact is erased.

    `ended_by` says what ended it, with the rule, as part of a sentence.
    """
    if row.ended_at is None or row.ended_at > at:
        row.ended_at, row.ended_by = at, ended_by
        detail = {"ground": row.ground, "rule": row.rule, "ended_by": ended_by}
        audit_log.append(session, at, "ground.end", row.artifact_id, detail)


def grounds_of(session: Session, artifact_id: str) -> tuple[Ground, ...]:
    """All grounds of an artifact, ended ones too, oldest first."""
    return tuple(ground_of(row) for row in ground_rows(session, artifact_id))


def ground_rows(session: Session, artifact_id: str) -> Sequence[GroundRow]:
    """The stored grounds of an artifact, oldest first."""
    query = select(GroundRow).where(GroundRow.artifact_id == artifact_id).order_by(GroundRow.id)
    return session.scalars(query).all()


def kept(session: Session, artifact_id: str, at: datetime) -> Artifact:
    """The artifact, if a ground permits keeping it at `at`; else `NotReadable`, naming the rule."""
    artifact = session.get(Artifact, artifact_id)
    if artifact is None:
        raise NotReadable("there is no such artifact, or it was erased long ago", "R-60")
    if artifact.blocked_at is not None:
        raise NotReadable("it is erased", "R-60")
    held = grounds_of(session, artifact_id)
    if not grounds.exists(held, at):
        raise _lapsed(held, at)
    return artifact


def data_key(session: Session, keys: Keys, artifact_id: str, at: datetime) -> bytes:
    """The data key of an artifact that exists at `at`; else `NotReadable`. `storage.keys.KeysError`.

    For the gateway's own work; for persons `storage.gate` asks the policy about them first.
    """
    kept(session, artifact_id, at)
    row = session.get(DataKey, artifact_id)
    if row is None:
        raise NotReadable("it has no data key", "R-60")
    return custody.unwrap(session, keys, artifact_id, row.wrapped)


def words(session: Session, artifact_id: str, key: bytes) -> bytes:
    """The words that are sealed beside an artifact."""
    row = session.get(Document, artifact_id)
    if row is None:
        raise NotReadable("it holds no words", "R-60")
    return open_bytes(key, f"words:{artifact_id}", row.sealed)


def get(session: Session, artifact_id: str) -> Artifact | None:
    """One artifact's row (it says nothing about whether it may be read)."""
    return session.get(Artifact, artifact_id)


def beginning(session: Session, prefix: str) -> Sequence[str]:
    """The ids of at most two artifacts whose ids begin so; none for no prefix."""
    if not prefix:
        return ()
    return session.scalars(select(Artifact.id).where(begins(Artifact.id, prefix)).limit(2)).all()


def begins(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    """That an id begins so; the bounds say it again in a way for which its index is used."""
    bounds = column.between(prefix, prefix + "z" * 32)  # ids have digits and small letters
    return bounds & column.startswith(prefix, autoescape=True)


def listing(
    session: Session, call_id: str | None = None, kind: ArtifactKind | None = None, limit: int = 100
) -> Sequence[tuple[Artifact, tuple[Ground, ...]]]:
    """Artifacts with their grounds, newest first; of one call or kind if given."""
    query = select(Artifact).order_by(Artifact.created_at.desc(), Artifact.id).limit(limit)
    if call_id is not None:
        query = query.where(Artifact.call_id == call_id)
    if kind is not None:
        query = query.where(Artifact.kind == kind.value)
    return [(artifact, grounds_of(session, artifact.id)) for artifact in session.scalars(query)]


def page(
    session: Session,
    limit: int,
    after: tuple[datetime, str] | None = None,
    kinds: Sequence[ArtifactKind] = (),
    state: str = "",
) -> Sequence[tuple[Artifact, tuple[Ground, ...]]]:
    """Artifacts with their grounds, newest first; those after (instant of making, id)."""
    query = select(Artifact).order_by(Artifact.created_at.desc(), Artifact.id).limit(limit)
    if after is not None:
        at, last = after
        same = and_(Artifact.created_at == at, Artifact.id > last)
        query = query.where(or_(Artifact.created_at < at, same))
    if kinds:
        query = query.where(Artifact.kind.in_([kind.value for kind in kinds]))
    if state:
        query = query.where(Artifact.state == state)
    return [(artifact, grounds_of(session, artifact.id)) for artifact in session.scalars(query)]


def of_calls(session: Session, call_ids: Sequence[str]) -> dict[str, list[tuple[str, str, str]]]:
    """By call: id, kind and state of what is or was kept of it, oldest first."""
    query = select(Artifact.call_id, Artifact.id, Artifact.kind, Artifact.state)
    found: dict[str, list[tuple[str, str, str]]] = {}
    for call, artifact, kind, state in session.execute(
        query.where(Artifact.call_id.in_(call_ids)).order_by(Artifact.created_at, Artifact.id)
    ):
        found.setdefault(call, []).append((artifact, kind, state))
    return found


def of_case(session: Session, case_id: str, kind: ArtifactKind) -> Sequence[Artifact]:
    """The artifacts of a kind that a case has and that are not erased, oldest first."""
    query = select(Artifact).where(
        Artifact.case_id == case_id, Artifact.kind == kind.value, Artifact.blocked_at.is_(None)
    )
    return session.scalars(query.order_by(Artifact.created_at, Artifact.id)).all()


def capturing(session: Session, instance_calls: Iterable[str] | None = None) -> Sequence[Artifact]:
    """Recordings that are being made, or were when a process died."""
    query = select(Artifact).where(Artifact.state == "capturing", Artifact.blocked_at.is_(None))
    if instance_calls is not None:
        query = query.where(Artifact.call_id.in_(list(instance_calls)))
    return session.scalars(query.order_by(Artifact.created_at)).all()


def begun_erasure(session: Session, artifact_ids: Sequence[str]) -> list[str]:
    """Those of the artifacts whose erasure has begun, or is complete."""
    query = select(Artifact.id).where(Artifact.id.in_(artifact_ids), Artifact.blocked_at.is_not(None))
    return list(session.scalars(query))


def drop_numbers(session: Session, call_ids: Sequence[str]) -> None:
    """The clear number of a call goes when no recording, transcript or derivative of it is left."""
    session.flush()
    numbers, artifact = plain(CallerNumber), plain(Artifact).c
    content = [kind.value for kind in CONTENT]
    left = select(artifact.id).where(
        artifact.call_id == numbers.c.call_id, artifact.kind.in_(content), artifact.state != "erased"
    )
    session.execute(delete(numbers).where(among(numbers.c.call_id, call_ids), ~left.exists()))


def with_open_evidence(session: Session, call_ids: Sequence[str]) -> list[str]:
    """Those of the calls whose consent evidence has no date, because something else was open-ended."""
    query = (
        select(Artifact.call_id)
        .join(GroundRow, GroundRow.artifact_id == Artifact.id)
        .where(
            among(Artifact.call_id, call_ids),
            Artifact.kind == ArtifactKind.CONSENT_EVIDENCE.value,
            Artifact.blocked_at.is_(None),
            GroundRow.until.is_(None),
        )
        .distinct()
    )
    return [call for call in session.scalars(query) if call is not None]


def _lapsed(held: tuple[Ground, ...], at: datetime) -> NotReadable:
    if not held:
        return NotReadable("nothing permits keeping it", "R-60")
    last = max(held, key=lambda g: grounds.end_of(g) or at)
    withdrawn = last.ground is GroundName.CONSENT and last.ended_at is not None
    return NotReadable(grounds.why(held, at), "R-20" if withdrawn else last.rule)


def required(session: Session, artifact_id: str) -> Artifact:
    """The artifact's row; `LookupError` when there is none."""
    artifact = session.get(Artifact, artifact_id)
    if artifact is None:
        raise LookupError(f"there is no artifact {artifact_id}")
    return artifact


def _day(until: date | None) -> str | None:
    return until.isoformat() if until else None
