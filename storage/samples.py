"""Compliance samples (R-55 to R-57): drawn by seed so that anybody can draw them again, never prolonging.

Every call of the population has a place that follows from the seed and its id; the first places are drawn. So
the same seed gives the same sample, a call that must be left out is replaced by the next, and who has the
record can check both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import books, cases
from storage.artifacts import Making
from storage.books import Happened
from storage.desk import Desk, Done
from storage.gate import Asking
from storage.model import ArtifactKind, CaseKind, GroundName
from storage.policy import events as e
from storage.policy.book import Refused
from storage.policy.clocks import local_midnight
from storage.policy.recordings import may_be_sampled
from storage.tables import Artifact, Call, GroundRow

_CHUNK = 200


@dataclass(frozen=True)
class Plan:
    """What is drawn: from which local days, how many, by which seed, to control which rule."""

    objective: str  # a rule or a control, such as "R-71" or "god skik § 4": no person
    first: date
    last: date
    size: int
    seed: str


@dataclass(frozen=True)
class Drawing:
    """What came of a plan. `excluded`: calls that had a place and had to be left out (R-57)."""

    sample: str
    population: int
    calls: tuple[str, ...]
    excluded: int
    done: Done


def draw(desk: Desk, asking: Asking, plan: Plan, at: datetime) -> Drawing:
    """Draw a sample and its record; the policy's `Refused` when nothing can be drawn."""
    desk.gate.require(asking, e.Sampled, at)
    if plan.size < 1 or plan.last < plan.first:
        raise Refused("a sample has at least one call, from a first to a last day (R-55)")
    population = desk.db.read_sync(lambda s: _population(s, plan, at))
    drawn, excluded = desk.db.read_sync(lambda s: _drawn(s, desk, plan.size, population, at))
    if not drawn:
        raise Refused(f"of {len(population)} calls none may be drawn (R-55, R-57)")
    sample = cases.new_id(CaseKind.SAMPLE, at)

    def record(session: Session, happened: Happened) -> None:
        cases.get(session, sample).facts = {
            "objective": plan.objective,
            "first": plan.first.isoformat(),
            "last": plan.last.isoformat(),
            "seed": plan.seed,
            "size": plan.size,
            "population": len(population),
            "drawn": len(drawn),
            "excluded": excluded,
        }

    making = {f"{sample}/record": Making(tags=desk.tags)}
    done = desk.do(asking, e.Sampled(sample, tuple(drawn)), at, making=making, also=record)
    return Drawing(sample, len(population), tuple(drawn), excluded, done)


def replace(desk: Desk, asking: Asking, sample: str, out: str, at: datetime) -> str:
    """A drawn call may not be read after all: the next by its place takes its place (R-57). That call."""
    desk.gate.require(asking, e.SampleReplaced, at)
    row = desk.db.read_sync(lambda s: cases.get(s, sample, CaseKind.SAMPLE))
    drawn = desk.db.read_sync(lambda s: cases.calls_of(s, sample))
    told = row.facts or {}
    first, last = date.fromisoformat(told["first"]), date.fromisoformat(told["last"])
    plan = Plan(told["objective"], first, last, told["size"], told["seed"])
    rest = [call for call in desk.db.read_sync(lambda s: _population(s, plan, at)) if call not in drawn]
    found, _ = desk.db.read_sync(lambda s: _drawn(s, desk, 1, rest, at))
    if not found:
        raise Refused("no other call of the population may be drawn (R-55, R-57)")

    def count(session: Session, happened: Happened) -> None:
        case = cases.get(session, sample)
        case.facts = {**(case.facts or {}), "replaced": (case.facts or {}).get("replaced", 0) + 1}

    desk.do(asking, e.SampleReplaced(sample, out, found[0]), at, also=count)
    return found[0]


def place(seed: str, call: str) -> str:
    """Where a call stands in a drawing: SHA-256 of seed and call id, hex; the smallest are drawn."""
    return hashlib.sha256(f"{seed}:{call}".encode()).hexdigest()


def note_finding(
    desk: Desk, asking: Asking, sample: str, call: str, words: Mapping[str, str], at: datetime
) -> None:
    """What was found in a drawn call; in words of one's own, no quotation (R-56)."""
    desk.gate.require(asking, e.Sampled, at, sample)
    drawn = desk.db.read_sync(lambda s: cases.calls_of(s, cases.get(s, sample, CaseKind.SAMPLE).id))
    if call not in drawn:
        raise Refused(f"that call is not in {sample}")
    desk.note(asking, sample, "finding", {"call": call, **words}, at)


def _population(session: Session, plan: Plan, at: datetime) -> list[str]:
    """Calls of those days whose recording is kept on consent."""
    begins, ends = local_midnight(plan.first), local_midnight(plan.last + timedelta(days=1))
    query = (
        select(Artifact.call_id)
        .join(Call, Call.id == Artifact.call_id)
        .join(GroundRow, GroundRow.artifact_id == Artifact.id)
        .where(
            Call.arrived_at >= begins,
            Call.arrived_at < ends,
            Artifact.kind == ArtifactKind.AUDIO.value,
            Artifact.blocked_at.is_(None),
            GroundRow.ground == GroundName.CONSENT.value,
            GroundRow.ended_at.is_(None),
            GroundRow.expires_at > at,
        )
        .distinct()
    )
    return sorted(
        (call for call in session.scalars(query) if call is not None), key=lambda c: place(plan.seed, c)
    )


def _drawn(
    session: Session, desk: Desk, size: int, population: Sequence[str], at: datetime
) -> tuple[list[str], int]:
    drawn: list[str] = []
    excluded = 0
    for call, may in _judged(session, desk, population, at):
        if len(drawn) == size:
            break
        if may:
            drawn.append(call)
        else:
            excluded += 1
    return drawn, excluded


def _judged(
    session: Session, desk: Desk, population: Sequence[str], at: datetime
) -> Iterator[tuple[str, bool]]:
    for start in range(0, len(population), _CHUNK):
        chunk = population[start : start + _CHUNK]
        book = books.look(session, desk.settings, chunk).book
        for call in chunk:
            yield call, may_be_sampled(book, call, at)
