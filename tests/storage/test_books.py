"""The archive decides as the rehearsal does, and writes down no more and no less."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from storage import artifacts, audit_log, books, calls, cases, consents, recordings
from storage.artifacts import Making, Tags
from storage.books import By
from storage.media import SealedFacts
from storage.model import Ground, GroundName
from storage.policy import events as e
from storage.policy import grounds as g
from storage.policy.apply import apply
from storage.policy.book import Book, Refused
from storage.policy.settings import PolicySettings
from storage.tables import Artifact, GroundRow
from tests.policy.test_invariants import BEGIN, CALLS, POLICIES, STORIES
from tests.storage.world import ARRIVED, World, consent_record, open_call, open_world, record_call

FACTS = SealedFacts("aa/x.t1", "0" * 64, 100, 8000, 8000, 2, b"peaks")


class Twin:
    """The same story in a book and in an archive."""

    def __init__(self, world: World, policy: PolicySettings) -> None:
        self.world, self.policy, self.book = world, policy, Book(policy)
        self.ids: dict[str, str] = {}
        self.offers: dict[str, int] = {}

    def tell(self, event: e.PolicyEvent, at: datetime) -> tuple[bool, bool]:
        """Whether book and archive refused it."""
        if isinstance(event, e.CallEnded) and not any(
            name.startswith(f"{event.call}/") for name in self.book.names()
        ):  # on the telephone a question that was never answered is answered with no
            apply(self.book, e.Declined(event.call), at)
        refused = bool(apply(self.book, event, at))
        try:
            stored = bool(self.world.db.write_sync(lambda s: self._store(s, event, at)))
        except Refused:
            stored = True
        return refused, stored

    def _store(self, session: Any, event: e.PolicyEvent, at: datetime) -> Any:
        match event:
            case e.CallArrived(call):
                if call in self.ids:
                    raise Refused("another call already")
                self.ids[call] = open_call(self.world, at) if session is None else self._open(session, at)
                return ()
            case e.ConsentGiven(call) | e.Declined(call):
                return self._answer(session, self._id(call), isinstance(event, e.ConsentGiven), at)
            case e.RecordingStarted(call):
                rows = consents.of_call(session, self._id(call))
                accepted = [row.id for row in rows if row.decision == "accepted"]
                if not accepted:
                    raise Refused("nothing is recorded without consent")
                recordings.begin(session, self.world.keys, self._id(call), accepted[-1], at, self.policy)
                return ()
            case e.RecordingStopped(call):
                return self._stop(session, self._id(call), at)
            case e.CallEnded(call):
                if calls.get(session, self._id(call)).ended_at is not None:  # type: ignore[union-attr]
                    raise Refused("the call is over")
                self._stop(session, self._id(call), at)
                return calls.close_call(session, self._id(call), at, "x", self.policy)
            case e.InvestigatorRecording(call, case):
                excerpt = books.look(session, self.policy, cases=[case or ""])
                if case and not excerpt.book.cases:  # the rehearsal makes the case with the recording
                    return books.happen(
                        session, self._renamed(event), at, self.policy, making=self._live(call)
                    ).refusals
                recordings.begin_for_case(
                    session, self.world.keys, self._id(call), case or "", at, self.policy, By()
                )
                return ()
            case e.Restored():
                raise AssertionError("a restore is not an event of the archive")
        renamed = self._renamed(event)
        making = {
            f"{call}/{part}": Making(keys=self.world.keys, words=b"{}")
            for call in self.ids.values()
            for part in ("transcript", "summary")
        }
        return books.happen(session, renamed, at, self.policy, making=making).refusals

    def _live(self, call: str) -> dict[str, Making]:
        return {f"{self._id(call)}/audio": Making(state="capturing", keys=self.world.keys)}

    def _id(self, call: str) -> str:
        if call not in self.ids:
            raise Refused(f"there is no call {call}")
        return self.ids[call]

    def _open(self, session: Any, at: datetime) -> str:
        return calls.open_call(session, self.world.keys, at, sip_call_id="x@y", caller="", flow="customer").id

    def _answer(self, session: Any, call: str, accepted: bool, at: datetime) -> tuple[str, ...]:
        if calls.get(session, call).ended_at is not None:  # type: ignore[union-attr]
            raise Refused("the call is over")
        self.offers[call] = self.offers.get(call, 0) + 1
        decision = "accepted" if accepted else "none"
        record = consent_record(call, decision, at - timedelta(seconds=22), self.offers[call])
        consents.record(session, record, at, self.policy, self.world.keys)
        return ()

    def _stop(self, session: Any, call: str, at: datetime) -> tuple[str, ...]:
        if calls.get(session, call).ended_at is not None:  # type: ignore[union-attr]
            raise Refused("the call is over")
        live = select(Artifact.id).where(Artifact.call_id == call, Artifact.state == "capturing")
        excerpt = books.look(session, self.policy, [call])
        for artifact_id in session.scalars(live).all():
            if excerpt.book.exists(excerpt.holding(artifact_id), at):
                recordings.seal(session, artifact_id, FACTS, at, self.policy)
            else:
                row = artifacts.required(session, artifact_id)
                row.state, row.ended_at = "sealed", at
        return ()

    def _renamed(self, event: Any) -> Any:
        values = dict(vars(event))
        if "calls" in values:
            values["calls"] = tuple(self.ids.get(call, "f" * 32) for call in values["calls"])
        if "call" in values:
            values["call"] = self._id(values["call"])
        return type(event)(**values)

    def of_book(self, at: datetime) -> dict[str, set[tuple[Any, ...]]]:
        found: dict[str, set[tuple[Any, ...]]] = {}
        for name in self.book.names():
            for holding in self.book.versions(name):
                active = g.active(self.book.grounds(holding), at)
                if active:
                    found.setdefault(name, set()).update(map(plain, active))
        return found

    def of_archive(self, at: datetime) -> dict[str, set[tuple[Any, ...]]]:
        called = {value: key for key, value in self.ids.items()}

        def read(session: Any) -> dict[str, set[tuple[Any, ...]]]:
            found: dict[str, set[tuple[Any, ...]]] = {}
            for row in session.scalars(select(Artifact)):
                owner = called[row.call_id] if row.call_id else row.case_id
                active = g.active(artifacts.grounds_of(session, row.id), at)
                if active:
                    found.setdefault(f"{owner}/{row.part}", set()).update(map(plain, active))
            return found

        return self.world.db.read_sync(read)


def plain(ground: Ground) -> tuple[Any, ...]:
    return (
        ground.ground.value,
        ground.rule,
        ground.until,
        ground.expires_at,
        ground.case,
        ground.roles,
        ground.purposes,
    )


@pytest.mark.timeout(600)
@given(STORIES, POLICIES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_a_story_has_the_same_end_in_the_rehearsal_and_in_the_archive(
    story: Any, policy: PolicySettings
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = open_world(Path(folder))
        try:
            twin, at = Twin(world, policy), BEGIN
            for days, event in story:
                at += timedelta(days=days, microseconds=1)
                if isinstance(event, e.Restored):
                    continue
                refused, stored = twin.tell(event, at)
                assert refused == stored, (event, refused, stored)
                assert twin.of_archive(at) == twin.of_book(at), event
            for days in (0, 13, 30, 200, 400, 2000):
                later = at + timedelta(days=days)
                assert twin.of_archive(later) == twin.of_book(later)
            assert world.db.read_sync(audit_log.verify).intact
        finally:
            world.db.close()
    assert CALLS


def test_nothing_is_stored_outside_the_eu_and_eea(world: World) -> None:
    call_id = open_call(world)
    abroad = Making(tags=Tags("LB", "cloud", "US"), keys=world.keys)

    def record(session: Any) -> None:
        consent = consents.record(session, consent_record(call_id), ARRIVED)
        at = ARRIVED + timedelta(seconds=30)
        recordings.begin(session, world.keys, call_id, consent.id, at, world.settings, abroad.tags)

    with pytest.raises(Refused, match="R-51"):
        world.db.write_sync(record)
    assert world.db.read_sync(lambda s: s.scalars(select(Artifact)).all()) == []


def test_an_id_is_of_one_thing_only(world: World) -> None:
    call_id, _ = record_call(world)
    complaint = e.ComplaintReceived("X-1", (call_id,))
    world.db.write_sync(lambda s: books.happen(s, complaint, ARRIVED, world.settings))
    with pytest.raises(Refused, match="something else"):
        world.db.write_sync(
            lambda s: books.happen(s, e.RightsRequest("X-1", "access", (call_id,)), ARRIVED, world.settings)
        )


def test_a_date_moves_later_by_a_decision_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    call_id, _ = record_call(world)

    def prolong(book: Book, event: Any, at: datetime) -> tuple[str, ...]:
        for holding in book.parts((call_id,), at):
            holding.grounds = tuple(
                g.ground(GroundName.CONSENT, each.clock_start, each.until + timedelta(days=1))  # type: ignore[operator]
                for each in holding.grounds
            )
        return ()

    monkeypatch.setattr(books, "change", prolong)
    with pytest.raises(AssertionError, match="is no decision"):
        world.db.write_sync(lambda s: books.happen(s, e.SpecialCategory(call_id), ARRIVED, world.settings))


def test_what_people_write_is_sealed_and_grounds_name_the_note(world: World) -> None:
    call_id, recording = record_call(world)
    note = cases.new_note_id()

    def happen(session: Any) -> None:
        event = e.Forwarded("S-1", (call_id,), "his brother-in-law told us")
        books.happen(
            session, event, ARRIVED, world.settings, By({"id": "cille", "role": "QA"}, "cille", note)
        )
        cases.add_note(
            session, world.keys, "S-1", ARRIVED, "cille", "forwarded", {"reason": event.reason}, note
        )

    world.db.write_sync(happen)
    rows = world.db.read_sync(lambda s: [vars(row) for row in s.scalars(select(GroundRow))])
    assert not [row for row in rows if "brother" in str(row)]
    triage = next(row for row in rows if row["ground"] == "G-INV-TRIAGE")
    assert triage["reason"] == f"note {note}"
    (told,) = world.db.read_sync(lambda s: cases.notes(s, world.keys, "S-1"))
    assert (told.id, told.words) == (note, {"reason": "his brother-in-law told us"})
    log = world.db.read_sync(lambda s: [str(vars(entry)) for entry in audit_log.entries(s)])
    assert not [line for line in log if "brother" in line] and recording in "".join(log)


def test_what_is_being_erased_gets_no_ground_whatever_the_clock_says(world: World) -> None:
    from storage.sweep import sweep

    call_id, recording = record_call(world)
    sweep(world.db, world.store, ARRIVED + timedelta(days=31))
    slow_clock = ARRIVED + timedelta(days=29)
    order = e.AuthorityOrdered("M-1", (call_id,))
    with pytest.raises(Refused, match="nothing of the calls remains"):
        world.db.write_sync(lambda s: books.happen(s, order, slow_clock, world.settings))
    assert world.db.read_sync(lambda s: artifacts.grounds_of(s, recording)) == ()
