"""The system's clock is stepped, forward by a day or a month, back by an hour: what becomes of erasure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from gateway.calls import surroundings
from storage import artifacts, audit_log, consents
from storage.artifacts import NotReadable
from storage.clockstep import HELD_S, ClockSteps
from storage.sweep import erase_now, sweep
from tests.storage.test_leftovers import WHO, gate
from tests.storage.world import ARRIVED, World, record_call

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


def test_a_call_keeps_its_own_time_whatever_the_systems_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = surroundings.CallClock()
    before = clock.at(clock.now())

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return before + DAY

    monkeypatch.setattr(surroundings, "datetime", Stepped)
    assert timedelta(0) <= clock.at(clock.now()) - before < HOUR
    assert surroundings.CallClock().at(0.0) == before + DAY, "the next call goes by the new time"


def alive(world: World, artifact_id: str) -> bool:
    return world.db.read_sync(lambda s: artifacts.required(s, artifact_id)).state == "sealed"


def test_a_day_too_far_erases_nothing_before_its_date_and_the_log_holds(world: World) -> None:
    _, kept = record_call(world)
    assert not sweep(world.db, world.store, ARRIVED + DAY + DAY, world.settings).erased
    _, later = record_call(world, ARRIVED + HOUR)  # the clock is right again
    sweep(world.db, world.store, ARRIVED + 2 * HOUR, world.settings)
    assert alive(world, kept) and alive(world, later)
    with gate(world).open_media(WHO, later, ARRIVED + 2 * HOUR) as reader:
        assert reader.read(4) == b"fLaC"
    assert world.db.read_sync(audit_log.verify).intact


def test_a_withdrawal_by_a_clock_that_was_set_back_counts_at_once(world: World) -> None:
    call_id, artifact_id = record_call(world)
    before = ARRIVED - HOUR
    due = world.db.write_sync(
        lambda s: consents.withdraw(s, call_id, before, "phone", "caller", world.settings)
    )
    assert due
    for at in (before, ARRIVED, ARRIVED + DAY):
        with pytest.raises(NotReadable):
            gate(world).open_media(WHO, artifact_id, at)
    erase_now(world.db, world.store, due, before, world.settings)
    assert not world.store.places(artifact_id)
    assert world.db.read_sync(audit_log.verify).intact


def test_what_is_due_by_a_clock_that_was_set_back_is_erased_when_it_is_due_again(world: World) -> None:
    _, artifact_id = record_call(world)
    over = ARRIVED + timedelta(days=31)
    with pytest.raises(NotReadable):
        gate(world).open_media(WHO, artifact_id, over)
    assert not sweep(world.db, world.store, over - 2 * DAY, world.settings).erased
    assert alive(world, artifact_id)
    sweep(world.db, world.store, over, world.settings)
    assert not world.store.places(artifact_id)


# --- what the gateway's own sweep believes ----------------------------------------------------------


def test_a_clock_that_goes_on_is_believed_also_after_a_sleep() -> None:
    clock = ClockSteps()
    assert clock.believes(NOON, 100.0)
    assert clock.believes(NOON + timedelta(seconds=60), 160.0)
    assert clock.believes(NOON + 10 * DAY, 160.0 + 10 * 86400)


def test_a_clock_that_is_stepped_forward_is_believed_when_it_stood_for_an_hour() -> None:
    clock = ClockSteps()
    assert clock.believes(NOON, 0.0)
    month = NOON + 31 * DAY
    for later_s in (60.0, 1800.0, 60.0 + HELD_S - 1):
        assert not clock.believes(month + timedelta(seconds=later_s), later_s)
    assert clock.believes(month + timedelta(seconds=60.0 + HELD_S), 60.0 + HELD_S)
    assert clock.believes(month + timedelta(seconds=120.0 + HELD_S), 120.0 + HELD_S)


def test_a_step_that_is_taken_back_costs_nothing() -> None:
    clock = ClockSteps()
    assert clock.believes(NOON, 0.0)
    assert not clock.believes(NOON + DAY, 60.0)
    assert clock.believes(NOON + timedelta(seconds=120), 120.0)
    assert not clock.believes(NOON + DAY, 180.0), "the next step is a step again"


def test_a_clock_that_is_set_back_is_believed_and_its_return_is_a_step() -> None:
    clock = ClockSteps()
    assert clock.believes(NOON, 0.0)
    assert clock.believes(NOON - HOUR, 60.0)
    assert clock.believes(NOON - HOUR + timedelta(seconds=60), 120.0)
    assert not clock.believes(NOON + HOUR, 180.0)
