"""Calls: opened when an INVITE is taken, closed when the last leg is gone.

Every change and its audit entry are in the caller's transaction. Instants are arguments.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, books, custody
from storage.ids import new_id
from storage.keys import Keys
from storage.many import among, plain
from storage.policy import events as e
from storage.policy import grounds
from storage.policy.apply import change
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, ArtifactSource, Call, CallerNumber, CaseCall, Consent

_SEALED = custody.NUMBER_SEALED


def label_of_number(call_id: str) -> str:
    """What the sealed number of a call is bound to."""
    return f"number {call_id}"


def open_call(
    session: Session,
    keys: Keys,
    at: datetime,
    *,
    sip_call_id: str,
    caller: str,
    flow: str,
    direction: str = "inbound",
    instance: str = "gateway",
    call_id: str | None = None,
) -> Call:
    """A new call that arrived at `at`. `caller` is the number as the trunk gave it ("" if withheld)."""
    call = Call(
        id=call_id or new_id(at),
        instance=instance,
        sip_call_ref=keys.pseudonym(f"call-id:{sip_call_id}"),
        flow=flow,
        direction=direction,
        caller_pseudonym=caller_pseudonym(keys, caller),
        arrived_at=at,
    )
    session.add(call)
    session.flush()
    if caller:
        session.add(CallerNumber(call_id=call.id, number=sealed_number(keys, call.id, caller)))
    audit_log.append(session, at, "call.open", call.id, {"flow": flow, "direction": direction})
    return call


def sealed_number(keys: Keys, call_id: str, caller: str) -> str:
    """The caller's number as it is stored with the call."""
    return _SEALED + base64.b64encode(keys.seal_words(label_of_number(call_id), caller)).decode()


def note_answered(session: Session, call_id: str, at: datetime, codec: str = "") -> None:
    """The caller's leg was answered."""
    call = _get(session, call_id)
    call.answered_at, call.caller_codec = at, codec or call.caller_codec


def note_agent(session: Session, keys: Keys, call_id: str, at: datetime, agent: str, codec: str = "") -> None:
    """An agent answered; `agent` is their SIP URI or user name, kept as a pseudonym only."""
    call = _get(session, call_id)
    call.agent_answered_at = call.agent_answered_at or at
    call.agent_pseudonym = keys.pseudonym(f"agent:{agent}")
    call.agent_codec = codec or call.agent_codec
    for record in session.scalars(select(Consent).where(Consent.call_id == call_id)):
        record.agent_pseudonym = record.agent_pseudonym or call.agent_pseudonym


def close_call(
    session: Session, call_id: str, at: datetime, reason: str, settings: PolicySettings | None = None
) -> None:
    """The call is over. Closing twice changes nothing.

    A call nothing else is kept of gets a decision log of its own (R-12), so that it goes on time too; where
    there is none (an outgoing call) it is forgotten now. The clear number goes at once unless there is a
    recording (or a transcript) of the call.
    """
    call = _get(session, call_id)
    if call.ended_at is not None:
        return
    settings = settings or PolicySettings()
    excerpt = books.look(session, settings, [call_id])
    if not excerpt.artifacts:
        change(excerpt.book, e.Declined(call_id), at)
    change(excerpt.book, e.CallEnded(call_id), at)
    books.write(session, excerpt, e.CallEnded(call_id), at, told=False)
    call.ended_at, call.end_reason = at, reason
    session.flush()
    audit_log.append(session, at, "call.close", call_id, {"reason": reason})
    artifacts.drop_numbers(session, [call_id])
    forget_empty(session, [call_id], at)


def get(session: Session, call_id: str) -> Call | None:
    """One call, or None."""
    return session.get(Call, call_id)


def caller_number(session: Session, keys: Keys, call_id: str, at: datetime) -> str | None:
    """The clear number, while the call goes on or a recording of it may exist at `at`. Personal data."""
    row = session.get(CallerNumber, call_id)
    if row is None:
        return None
    content = select(Artifact.id).where(
        Artifact.call_id == call_id,
        Artifact.kind.in_([kind.value for kind in artifacts.CONTENT]),
        Artifact.blocked_at.is_(None),
    )
    kept = any(grounds.exists(artifacts.grounds_of(session, each), at) for each in session.scalars(content))
    if not kept and _get(session, call_id).ended_at is not None:
        return None
    if not row.number.startswith(_SEALED):
        return row.number  # stored before numbers were sealed
    sealed = base64.b64decode(row.number.removeprefix(_SEALED))
    return custody.open_words(session, keys, label_of_number(call_id), sealed)


def listing(session: Session, limit: int = 100, before: datetime | None = None) -> Sequence[Call]:
    """Calls, newest first."""
    query = select(Call).order_by(Call.arrived_at.desc(), Call.id).limit(limit)
    return session.scalars(query.where(Call.arrived_at < before) if before else query).all()


def page(
    session: Session,
    limit: int,
    after: tuple[datetime, str] | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    flow: str = "",
) -> Sequence[Call]:
    """Calls, newest first, that arrived from `since` on and before `before`; those after (instant, id)."""
    query = select(Call).order_by(Call.arrived_at.desc(), Call.id).limit(limit)
    if after is not None:
        at, last = after
        query = query.where(or_(Call.arrived_at < at, and_(Call.arrived_at == at, Call.id > last)))
    if since is not None:
        query = query.where(Call.arrived_at >= since)
    if before is not None:
        query = query.where(Call.arrived_at < before)
    return session.scalars(query.where(Call.flow == flow) if flow else query).all()


def beginning(session: Session, prefix: str) -> Sequence[str]:
    """The ids of at most two calls whose ids begin so; none for no prefix."""
    if not prefix:
        return ()
    return session.scalars(select(Call.id).where(artifacts.begins(Call.id, prefix)).limit(2)).all()


def of_caller(session: Session, keys: Keys, number: str) -> Sequence[Call]:
    """The calls of a number, oldest first; works also when the clear number is gone."""
    query = select(Call).where(Call.caller_pseudonym == caller_pseudonym(keys, number))
    return session.scalars(query.order_by(Call.arrived_at)).all()


def unfinished(session: Session, instance: str | None = None) -> Sequence[Call]:
    """Calls that were never closed, of one gateway or of all."""
    query = select(Call).where(Call.ended_at.is_(None)).order_by(Call.arrived_at)
    return session.scalars(query.where(Call.instance == instance) if instance else query).all()


def forget_empty(session: Session, call_ids: Sequence[str], at: datetime) -> None:
    """Forget those calls that are over and of which nothing is kept, with their erased artifacts' rows."""
    session.flush()
    call, artifact = plain(Call), plain(Artifact)
    left = select(artifact.c.id).where(artifact.c.call_id == call.c.id, artifact.c.state != "erased")
    over = select(call.c.id).where(among(call.c.id, call_ids), call.c.ended_at.is_not(None), ~left.exists())
    empty = list(session.scalars(over.order_by(call.c.id)))
    if not empty:
        return
    gone = select(artifact.c.id).where(among(artifact.c.call_id, empty))
    sources = plain(ArtifactSource)
    session.execute(delete(sources).where(sources.c.artifact_id.in_(gone)))
    for table in (artifact, *map(plain, (Consent, CallerNumber, CaseCall))):
        session.execute(delete(table).where(among(table.c.call_id, empty)))
    session.execute(delete(call).where(among(call.c.id, empty)))
    audit_log.append_all(session, at, (("call.forget", call_id, {}) for call_id in empty))


def caller_pseudonym(keys: Keys, number: str) -> str:
    """The pseudonym of an A-number; different spellings of a Danish number give the same one."""
    return keys.pseudonym(f"caller:{normalise(number)}")


def normalise(number: str) -> str:
    """`+4512345678` for 12345678, 0045 12 34 56 78 and +45 12345678; other text as it is, lower case."""
    bare = re.sub(r"[\s().\-/]", "", number)
    if not re.fullmatch(r"(\+|00)?\d+", bare):
        return bare.lower()
    if bare.startswith("00"):
        return "+" + bare[2:]
    if len(bare) == 8:
        return "+45" + bare
    if len(bare) == 10 and bare.startswith("45"):
        return "+" + bare
    return bare


def _get(session: Session, call_id: str) -> Call:
    call = session.get(Call, call_id)
    if call is None:
        raise LookupError(f"there is no call {call_id}")
    return call
