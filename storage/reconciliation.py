"""Reconciliation of stored calls: the facts of a call out of its rows, its outcome into its row; a day.

`storage.outcomes` judges. What only the gateway saw while the call was up (`Seen`) is an argument, and not
there for a call whose gateway died.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log
from storage.model import ArtifactKind
from storage.outcomes import Answer, Ending, Facts, Level, Outcome, Sound, outcome
from storage.policy import grounds
from storage.policy.clocks import first_within, local_midnight
from storage.tables import Artifact, Call, Consent, EdgeRefusal

REFUSALS_MONTHS = 13
"""How long the counts of refused calls are kept; nobody is in them."""

_RECORDINGS = (ArtifactKind.AUDIO.value, ArtifactKind.INVESTIGATION_AUDIO.value)
_WORST = (Sound.OPEN, Sound.BROKEN, Sound.WHOLE, Sound.ERASED)
_LOOK_BACK = timedelta(days=2)


@dataclass(frozen=True)
class Seen:
    """What the gateway saw of a call; lengths in milliseconds."""

    asks: bool = True
    asked: bool = False
    talked: bool = False
    heard: Answer = Answer.NONE
    unstored: bool = False
    captured: bool = False
    failed: bool = False
    worker_died: bool = False
    recordable_ms: int = 0


@dataclass(frozen=True)
class Reconciled:
    """A call of a day and what it came to (None: it is still up)."""

    call_id: str
    arrived_at: datetime
    ended_at: datetime | None
    flow: str
    outcome: Outcome | None


@dataclass(frozen=True)
class Day:
    """A civil day: its calls, the worst first, how many came to what, and what was refused at the edge."""

    day: date
    calls: tuple[Reconciled, ...]
    counts: Counter[Outcome] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # by reason

    def at_level(self, *levels: Level) -> list[Reconciled]:
        """The calls whose outcome has one of these levels."""
        return [call for call in self.calls if call.outcome is not None and call.outcome.level in levels]


def settle(session: Session, call_id: str, at: datetime, seen: Seen | None = None) -> Outcome:
    """Judge a call that is over and store its outcome; `CALL_NOT_STORED` when there is no such call.

    A deviation that is no doing of the caller's is in the audit log, once.
    """
    call = session.get(Call, call_id)
    if call is None:
        return Outcome.CALL_NOT_STORED
    judged = outcome(facts(session, call, at, seen))
    if judged.level in (Level.FAULT, Level.ALARM) and call.outcome != judged.value:
        told = {"name": judged.value, "level": judged.level.value}
        audit_log.append(session, at, "deviation", call_id, told)
    call.outcome = judged.value
    return judged


def settle_leftovers(session: Session, at: datetime, instance: str | None = None) -> list[Outcome]:
    """Judge the calls of the last days that are over and were never judged: their gateway died.

    With `instance` those of one gateway: another one is about to judge its own.
    """
    query = select(Call.id).where(
        Call.ended_at.is_not(None), Call.outcome.is_(None), Call.arrived_at >= at - _LOOK_BACK
    )
    query = query.where(Call.instance == instance) if instance is not None else query
    return [settle(session, call_id, at) for call_id in session.scalars(query).all()]


def facts(session: Session, call: Call, at: datetime, seen: Seen | None = None) -> Facts:
    """The facts of a call at `at`; of one that nobody saw, as far as its rows tell."""
    records = session.scalars(select(Consent).where(Consent.call_id == call.id).order_by(Consent.offer)).all()
    stands = [row for row in records if _is_yes(row) and row.withdrawn_at is None and not row.invalid_reason]
    stored = _stored(records, bool(stands))
    since = stands[-1].decided_at if stands else None
    query = select(Artifact).where(Artifact.call_id == call.id, Artifact.kind.in_(_RECORDINGS))
    rows = session.scalars(query.order_by(Artifact.created_at)).all()
    case = any(row.kind == ArtifactKind.INVESTIGATION_AUDIO.value for row in rows)
    counted = [row for row in rows if case or since is None or row.anchor >= since]
    sounds = [sound for row in counted if (sound := _sound(session, row, at)) is not Sound.NONE]
    seen = seen or _as_stored(call, records, stored, since, case)
    return Facts(
        ending=_ending(call, seen),
        asks=seen.asks,
        asked=seen.asked,
        talked=seen.talked,
        heard=seen.heard,
        stored=stored,
        unstored=seen.unstored,
        case=case,
        captured=seen.captured or bool(rows),
        failed=seen.failed,
        sound=next((sound for sound in _WORST if sound in sounds), Sound.NONE),
        recordable_ms=seen.recordable_ms,
        recorded_ms=sum(row.duration_ms or 0 for row in counted),
    )


def day(session: Session, on: date, at: datetime) -> Day:
    """The calls that arrived on a civil date, deviations first; what was not judged yet is judged now."""
    begins, ends = local_midnight(on), local_midnight(on + timedelta(days=1))
    query = select(Call).where(Call.arrived_at >= begins, Call.arrived_at < ends)
    found = [
        Reconciled(call.id, call.arrived_at, call.ended_at, call.flow, _known(session, call, at))
        for call in session.scalars(query.order_by(Call.arrived_at, Call.id))
    ]
    refusals = session.execute(
        select(EdgeRefusal.reason, EdgeRefusal.count)
        .where(EdgeRefusal.day == on)
        .order_by(EdgeRefusal.reason)
    )
    levels = (Level.ALARM, Level.FAULT, Level.NOTE, Level.NONE)
    found.sort(key=lambda call: levels.index(call.outcome.level) if call.outcome else len(levels))
    counts = Counter(call.outcome for call in found if call.outcome is not None)
    return Day(on, tuple(found), counts, Counter({reason: count for reason, count in refusals}))


def note_refusals(session: Session, on: date, counts: Counter[str]) -> None:
    """Add to the calls that were refused at the edge on a civil date, by reason; what is too old goes."""
    session.execute(delete(EdgeRefusal).where(EdgeRefusal.day < first_within(on, REFUSALS_MONTHS)))
    for reason, count in sorted(counts.items()):
        row = session.get(EdgeRefusal, (on, reason))
        if row is None:
            session.add(EdgeRefusal(day=on, reason=reason, count=count))
        else:
            row.count += count


def _known(session: Session, call: Call, at: datetime) -> Outcome | None:
    if call.outcome is not None:
        return Outcome(call.outcome)
    return outcome(facts(session, call, at)) if call.ended_at is not None else None


def _is_yes(row: Consent) -> bool:
    return row.decision == "accepted"


def _stored(records: Sequence[Consent], stands: bool) -> Answer:
    if stands:
        return Answer.YES
    if any(_is_yes(row) for row in records):
        return Answer.WITHDRAWN
    return Answer.NO if records else Answer.NONE


def _sound(session: Session, row: Artifact, at: datetime) -> Sound:
    if row.blocked_at is not None or row.state == "erased":
        return Sound.ERASED
    if row.state == "capturing":  # without a ground: nothing was captured, and the sweep takes it next
        held = grounds.exists(artifacts.grounds_of(session, row.id), at)
        return Sound.OPEN if held else Sound.NONE
    return Sound.BROKEN if row.incomplete_reason else Sound.WHOLE


def _ending(call: Call, seen: Seen) -> Ending:
    if call.end_reason == Ending.GATEWAY_DIED.value:
        return Ending.GATEWAY_DIED
    died = seen.worker_died or call.end_reason == Ending.WORKER_DIED.value
    return Ending.WORKER_DIED if died else Ending.NORMAL


def _as_stored(
    call: Call, records: Sequence[Consent], stored: Answer, since: datetime | None, case: bool
) -> Seen:
    """What the rows tell of a call that nobody saw. Pauses before a recording are not known."""
    begins = max(filter(None, (since, call.agent_answered_at)), default=None) if since else None
    talked = call.agent_answered_at is not None
    length_s = (call.ended_at - begins).total_seconds() if call.ended_at and begins and talked else 0.0
    return Seen(
        asks=not case,
        asked=any(row.played_ms or any(each["played_ms"] for each in row.questions) for row in records),
        talked=talked,
        heard=Answer.YES if stored is Answer.WITHDRAWN else stored,
        recordable_ms=max(0, round(length_s * 1000)),
    )
