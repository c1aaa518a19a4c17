"""Readings for the metrics page: what is kept, what is late, what room there is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from storage import sweep as sweeping
from storage.policy.clocks import days_from
from storage.readings import bytes_below, read_archive, read_volumes
from storage.sweep import sweep
from tests.storage.world import ARRIVED, World, begin, record_call

DUE = days_from(ARRIVED, 30)[1]
LATE = DUE + timedelta(hours=25)


def read(world: World, at=ARRIVED):
    return world.db.read_sync(lambda s: read_archive(s, at, world.settings))


def test_what_is_kept_is_counted_by_kind_and_state(world: World) -> None:
    record_call(world)
    begin(world)
    assert read(world).artifacts == {("AUD", "sealed"): 1, ("AUD", "capturing"): 1, ("CE", "sealed"): 2}
    sweep(world.db, world.store, DUE)
    assert ("AUD", "sealed") not in read(world, DUE).artifacts


def test_what_no_sweep_erased_is_overdue_when_the_term_is_over(world: World) -> None:
    record_call(world)
    assert read(world, DUE + timedelta(hours=23)).overdue == 0
    assert read(world, LATE).overdue == 1
    sweep(world.db, world.store, LATE)
    assert read(world, LATE).overdue == 0


def test_an_erasure_that_was_begun_and_not_ended_is_told_and_overdue_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_call(world)

    class Killed(Exception):
        pass

    def die(step: str) -> None:
        if step == "blocked":
            raise Killed

    with pytest.raises(Killed):
        sweeping.sweep(world.db, world.store, DUE, world.settings, checkpoint=die)
    soon, late = read(world, DUE + timedelta(hours=1)), read(world, LATE)
    assert (soon.begun, soon.overdue) == (1, 0)
    assert (late.begun, late.overdue) == (1, 1)
    assert soon.artifacts["AUD", "erasing"] == 1


def test_the_room_of_folders_that_are_there(tmp_path: Path) -> None:
    (found,) = read_volumes({"data": tmp_path, "memory": tmp_path / "nowhere"})
    assert found.name == "data" and 0 < found.free_bytes <= found.size_bytes


def test_bytes_of_what_is_not_sealed_yet(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "caller.wav").write_bytes(bytes(10_000))
    found = bytes_below(tmp_path, tmp_path / "nowhere")
    assert 10_000 <= found < 40_000
