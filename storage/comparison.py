"""What a trunk says it sent, set against what is stored: which calls are the same, and which only one has.

Pure, but for the rows that `stored_between` reads. A call is the same by its Call-ID when both have one;
else by time, the caller's pseudonym and duration, the nearest first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.calls import caller_pseudonym
from storage.keys import Keys
from storage.tables import Call
from storage.trunk_calls import TrunkCall

WITHHELD = (
    "",
    "anonymous",
    "unknown",
    "unavailable",
    "private",
    "restricted",
    "withheld",
    "hemmeligt",
    "skjult",
)
"""What stands for a number that was not shown."""

ANSWER_S = 10.0
"""A call is answered at once; that much later a trunk that counts from the answer may have it begin."""


@dataclass(frozen=True)
class Known:
    """A stored call that is over. It rang from `arrived_at`, and was charged from `answered_at`."""

    call_id: str
    sip_call_ref: str
    caller_pseudonym: str
    arrived_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    outcome: str | None = None

    @property
    def duration_s(self) -> float:
        """From the answer to the end; 0 when it was never answered."""
        return (self.ended_at - self.answered_at).total_seconds() if self.answered_at else 0.0


@dataclass(frozen=True)
class Tolerances:
    """How far apart two clocks may be, and two lengths."""

    start_s: float = 5.0
    duration_s: float = 3.0


@dataclass(frozen=True)
class Pair:
    """The same call on both sides. `apart_s`: how much longer the trunk's is."""

    trunk: TrunkCall
    known: Known
    by_call_id: bool

    @property
    def apart_s(self) -> float:
        """The trunk's length less ours."""
        return self.trunk.duration_s - self.known.duration_s


@dataclass(frozen=True)
class Comparison:
    """What was found. `missing`: the trunk has it and we have not; `surplus`: the reverse."""

    pairs: tuple[Pair, ...]
    missing: tuple[TrunkCall, ...]
    unanswered: tuple[TrunkCall, ...]  # we have them not, and by the trunk they were never answered
    surplus: tuple[Known, ...]
    differing: tuple[Pair, ...]  # of the pairs: those whose lengths differ

    @property
    def differs(self) -> bool:
        """Whether there is anything to look into."""
        return bool(self.missing or self.surplus or self.differing)


def stored_between(session: Session, begins: datetime, ends: datetime) -> list[Known]:
    """The calls that arrived in a time and are over, oldest first."""
    query = select(Call).where(Call.arrived_at >= begins, Call.arrived_at <= ends, Call.ended_at.is_not(None))
    return [
        Known(
            row.id,
            row.sip_call_ref,
            row.caller_pseudonym,
            row.arrived_at,
            row.answered_at,
            row.ended_at or row.arrived_at,
            row.outcome,
        )
        for row in session.scalars(query.order_by(Call.arrived_at, Call.id))
    ]


def compare(
    trunk: Sequence[TrunkCall],
    known: Sequence[Known],
    keys: Keys,
    tolerances: Tolerances = Tolerances(),
    within: tuple[datetime, datetime] | None = None,
    on_call: Callable[[], None] = lambda: None,
) -> Comparison:
    """Set the two against each other.

    Calls that only one side has count when they began `within` a time, both ends included: just outside of
    it the other's clock may have put them elsewhere. `on_call` is told of each of the trunk's calls.
    """
    by_ref = {call.sip_call_ref: call for call in known}
    pairs: list[Pair] = []
    rest: list[TrunkCall] = []
    taken: set[str] = set()
    for call in trunk:
        found = by_ref.get(keys.pseudonym(f"call-id:{call.call_id}")) if call.call_id else None
        if found is not None and found.call_id not in taken:
            pairs.append(Pair(call, found, True))
            taken.add(found.call_id)
        else:
            rest.append(call)
        on_call()
    near = _nearest(rest, [call for call in known if call.call_id not in taken], keys, tolerances)
    pairs += near
    matched = {id(pair.trunk) for pair in near}
    taken |= {pair.known.call_id for pair in near}
    alone = [c for c in rest if id(c) not in matched and _is_within(c.starts, within)]
    return Comparison(
        tuple(sorted(pairs, key=lambda pair: pair.trunk.line)),
        tuple(call for call in alone if call.duration_s > 0),
        tuple(call for call in alone if call.duration_s <= 0),
        tuple(c for c in known if c.call_id not in taken and _is_within((c.arrived_at,), within)),
        tuple(pair for pair in pairs if abs(pair.apart_s) > tolerances.duration_s),
    )


def _is_within(instants: Iterable[datetime], within: tuple[datetime, datetime] | None) -> bool:
    return within is None or any(within[0] <= at <= within[1] for at in instants)


def _nearest(
    trunk: Iterable[TrunkCall], known: Sequence[Known], keys: Keys, tolerances: Tolerances
) -> list[Pair]:
    """Pairs by time, pseudonym and duration; of several that fit, those that are nearest to each other."""
    everybody: list[Known] = sorted(known, key=lambda call: call.arrived_at)
    by_caller: dict[str, list[Known]] = defaultdict(list)
    for call in everybody:
        by_caller[call.caller_pseudonym].append(call)
    withheld = {caller_pseudonym(keys, each) for each in WITHHELD}
    hidden = [call for call in everybody if call.caller_pseudonym in withheld]
    candidates: list[tuple[float, int, str, TrunkCall, Known]] = []
    for claim in trunk:
        if claim.calling is None:
            among = everybody
        elif claim.calling.strip().lower() in WITHHELD:
            among = hidden
        else:
            among = by_caller[caller_pseudonym(keys, claim.calling)]
        for call in _around(among, claim, tolerances.start_s):
            apart_s = abs(claim.duration_s - call.duration_s)
            if claim.calling is None and apart_s > tolerances.duration_s:
                continue  # without a number, time alone is too little
            distance_s = _start_apart_s(claim, call) + apart_s
            candidates.append((distance_s, claim.line, call.call_id, claim, call))
    pairs: list[Pair] = []
    taken: set[str] = set()
    used: set[int] = set()
    for _, _, call_id, claim, call in sorted(candidates, key=lambda each: each[:3]):
        if call_id not in taken and id(claim) not in used:
            taken.add(call_id)
            used.add(id(claim))
            pairs.append(Pair(claim, call, False))
    return pairs


def _around(calls: Sequence[Known], claim: TrunkCall, slack_s: float) -> list[Known]:
    """Those that arrived, or were answered, when the trunk says it began."""
    found: dict[str, Known] = {}
    for start in claim.starts:
        at = start.timestamp()
        first = bisect_left(calls, at - slack_s - ANSWER_S, key=_arrived)
        last = bisect_right(calls, at + slack_s, key=_arrived)
        found.update({c.call_id: c for c in calls[first:last] if _start_apart_s(claim, c) <= slack_s})
    return list(found.values())


def _arrived(call: Known) -> float:
    return call.arrived_at.timestamp()


def _start_apart_s(claim: TrunkCall, call: Known) -> float:
    ours = [call.arrived_at, *([call.answered_at] if call.answered_at else [])]
    return min(abs((start - at).total_seconds()) for start in claim.starts for at in ours)
