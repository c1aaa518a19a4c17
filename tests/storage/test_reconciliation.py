"""Reconciliation of stored calls: facts out of rows, outcomes into rows, a day's list."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from storage import calls, consents, reconciliation
from storage.outcomes import Answer, Level, Outcome, Sound
from storage.reconciliation import Seen
from storage.sweep import erase_now
from storage.tables import Artifact, Call, EdgeRefusal
from tests.storage.world import ARRIVED, World, begin, consent_record, open_call, record_call

END = ARRIVED + timedelta(seconds=60)
LATER = ARRIVED + timedelta(minutes=5)
SEEN = Seen(asked=True, talked=True, heard=Answer.YES, captured=True, recordable_ms=1000)


def settle(world: World, call_id: str, seen: Seen | None = None) -> Outcome:
    return world.db.write_sync(lambda s: reconciliation.settle(s, call_id, LATER, seen))


def facts(world: World, call_id: str, seen: Seen | None = None):
    return world.db.read_sync(lambda s: reconciliation.facts(s, s.get(Call, call_id), LATER, seen))


def declined(world: World, decision: str = "none") -> str:
    call_id = open_call(world)

    def story(session):
        consents.record(session, consent_record(call_id, decision), END)
        calls.close_call(session, call_id, END, "caller_hung_up", world.settings)

    world.db.write_sync(story)
    return call_id


def test_a_recorded_call_is_recorded_and_its_row_says_so(world: World) -> None:
    call_id, _ = record_call(world)
    assert settle(world, call_id, SEEN) is Outcome.RECORDED
    assert world.db.read_sync(lambda s: s.get(Call, call_id).outcome) == "recorded"


def test_a_recording_that_is_shorter_than_the_talk_is_named(world: World) -> None:
    call_id, _ = record_call(world, seconds=2.0)
    assert settle(world, call_id, replace(SEEN, recordable_ms=30_000)) is Outcome.RECORDING_SHORT
    assert facts(world, call_id, SEEN).recorded_ms == 2000


@pytest.mark.parametrize("decision", ["none", "other_key", "early_key", "late_key"])
def test_a_no_is_not_recorded_as_expected(world: World, decision: str) -> None:
    call_id = declined(world, decision)
    assert settle(world, call_id, Seen(asked=True, talked=True, heard=Answer.NO)) is Outcome.DECLINED
    assert settle(world, call_id) is Outcome.DECLINED, "its rows alone tell the same"


def test_a_caller_who_is_gone_before_the_question_is_told_apart(world: World) -> None:
    assert settle(world, declined(world), Seen(heard=Answer.NO)) is Outcome.ABANDONED
    assert settle(world, declined(world), Seen(heard=Answer.NO, talked=True)) is Outcome.NOT_ASKED


def test_a_withdrawal_is_no_deviation(world: World) -> None:
    call_id, _ = record_call(world)
    ended = world.db.write_sync(
        lambda s: consents.withdraw(s, call_id, END, "agent", "caller", world.settings)
    )
    assert settle(world, call_id, replace(SEEN, recordable_ms=0)) is Outcome.WITHDRAWN
    erase_now(world.db, world.store, ended, LATER, world.settings)
    assert settle(world, call_id) is Outcome.WITHDRAWN, "also when the recording is gone"


def test_after_a_withdrawal_only_what_the_new_yes_allowed_counts(world: World) -> None:
    call_id, _ = begin(world)
    world.db.write_sync(lambda s: consents.withdraw(s, call_id, END, "agent", "caller", world.settings))
    again = consent_record(call_id, at=END, offer=2)
    world.db.write_sync(lambda s: consents.record(s, again, END + timedelta(seconds=22)))
    found = facts(world, call_id, replace(SEEN, recordable_ms=60_000))
    assert (found.stored, found.sound) == (Answer.YES, Sound.NONE)
    assert settle(world, call_id, replace(SEEN, recordable_ms=60_000)) is Outcome.CONSENT_WITHOUT_RECORDING


def test_a_recording_that_never_came_to_its_end_is_named(world: World) -> None:
    call_id, _ = begin(world)
    world.db.write_sync(lambda s: calls.close_call(s, call_id, END, "caller_hung_up", world.settings))
    assert settle(world, call_id, SEEN) is Outcome.NOT_SEALED


def test_a_recording_that_broke_off_is_named(world: World) -> None:
    call_id, artifact_id = record_call(world)

    def broke(session):
        session.get(Artifact, artifact_id).incomplete_reason = "capture_failed"

    world.db.write_sync(broke)
    assert settle(world, call_id, SEEN) is Outcome.CAPTURE_FAILED


def test_sound_without_a_stored_consent_is_an_alarm(world: World) -> None:
    call_id = declined(world)
    judged = settle(world, call_id, replace(SEEN, heard=Answer.NO))
    assert (judged, judged.level) == (Outcome.RECORDING_WITHOUT_CONSENT, Level.ALARM)


def test_a_yes_that_could_not_be_stored_is_named(world: World) -> None:
    call_id = open_call(world)
    world.db.write_sync(lambda s: calls.close_call(s, call_id, END, "caller_hung_up", world.settings))
    seen = Seen(asked=True, talked=True, heard=Answer.YES, unstored=True)
    assert settle(world, call_id, seen) is Outcome.CONSENT_NOT_STORED


def test_of_a_call_that_is_not_there_nothing_is_stored(world: World) -> None:
    assert settle(world, "0" * 32, SEEN) is Outcome.CALL_NOT_STORED


def test_calls_whose_gateway_died_are_judged_at_the_next_start_and_old_ones_are_let_be(world: World) -> None:
    call_id = open_call(world)
    old = open_call(world, ARRIVED - timedelta(days=30))
    for each in (call_id, old):
        world.db.write_sync(
            lambda s, each=each: calls.close_call(s, each, END, "gateway_died", world.settings)
        )
    judged = world.db.write_sync(lambda s: reconciliation.settle_leftovers(s, LATER))
    assert judged == [Outcome.GATEWAY_DIED]
    assert world.db.write_sync(lambda s: reconciliation.settle_leftovers(s, LATER)) == []
    assert world.db.read_sync(lambda s: s.get(Call, old).outcome) is None


def test_a_days_list_has_deviations_first_and_knows_the_local_day(world: World) -> None:
    recorded, _ = record_call(world)
    settle(world, recorded, SEEN)
    died = open_call(world, ARRIVED + timedelta(hours=2))
    world.db.write_sync(lambda s: calls.close_call(s, died, LATER, "worker_died", world.settings))
    settle(world, died, replace(SEEN, worker_died=True, captured=False, heard=Answer.NO))
    late = open_call(world, ARRIVED.replace(hour=23, minute=30))  # past midnight in Copenhagen
    up = open_call(world, ARRIVED + timedelta(hours=3))
    found = world.db.read_sync(lambda s: reconciliation.day(s, date(2025, 1, 15), LATER))
    assert [call.call_id for call in found.calls] == [died, recorded, up]
    assert [call.outcome for call in found.calls] == [Outcome.WORKER_DIED, Outcome.RECORDED, None]
    assert found.counts == Counter({Outcome.WORKER_DIED: 1, Outcome.RECORDED: 1})
    tomorrow = world.db.read_sync(lambda s: reconciliation.day(s, date(2025, 1, 16), LATER))
    assert [call.call_id for call in tomorrow.calls] == [late]


def test_refused_calls_are_counted_by_day_and_go_after_thirteen_months(world: World) -> None:
    day = date(2025, 1, 15)

    def note(on: date, **counts: int) -> None:
        world.db.write_sync(lambda s: reconciliation.note_refusals(s, on, Counter(counts)))

    note(day, no_worker=2)
    note(day, no_worker=1, draining=4)
    found = world.db.read_sync(lambda s: reconciliation.day(s, day, LATER))
    assert found.refused == {"no_worker": 3, "draining": 4}
    note(date(2026, 2, 15), no_worker=1)
    assert len(world.db.read_sync(lambda s: s.scalars(sa.select(EdgeRefusal)).all())) == 3
    note(date(2026, 2, 16), no_worker=1)
    assert {row.day for row in world.db.read_sync(lambda s: s.scalars(sa.select(EdgeRefusal)).all())} == {
        date(2026, 2, 15),
        date(2026, 2, 16),
    }
