"""Several gateways on one database: names, duties, and nobody closes another one's calls."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import calls, instances
from storage.bucket import Bucket, BucketSettings
from storage.held import note
from storage.instances import LEASE_S, About, StillAlive
from storage.leftovers import recover_leftovers
from tests.storage.world import ARRIVED, World, begin, tone

SOON = ARRIVED + timedelta(seconds=LEASE_S / 2)
LATER = ARRIVED + timedelta(seconds=LEASE_S * 2)


def about(name: str) -> About:
    return About(name, "b" * 32, "0.1.0", "a" * 16, ARRIVED)


def beat(world: World, name: str, at=ARRIVED) -> bool:  # type: ignore[no-untyped-def]
    return world.db.write_sync(lambda s: instances.beat(s, about(name), 2, False, at))


def test_one_gateway_keeps_house_until_its_lease_runs_out_or_it_leaves(world: World) -> None:
    assert beat(world, "alpha") and not beat(world, "beta")
    assert beat(world, "alpha", SOON) and not beat(world, "beta", ARRIVED + timedelta(seconds=LEASE_S))
    assert beat(world, "beta", LATER) and not beat(world, "alpha", LATER)
    world.db.write_sync(lambda s: instances.leave(s, "beta"))
    assert beat(world, "alpha", LATER)
    seen = world.db.read_sync(lambda s: instances.listing(s, LATER))
    assert [(each.instance, each.alive, each.duties) for each in seen] == [("alpha", True, ("housekeeping",))]


def test_a_gateway_that_is_silent_is_seen_as_gone(world: World) -> None:
    beat(world, "alpha")
    beat(world, "beta", LATER)
    seen = world.db.read_sync(lambda s: instances.listing(s, LATER))
    assert [(each.instance, each.alive) for each in seen] == [("alpha", False), ("beta", True)]


def test_a_name_is_one_connections_at_a_time(world: World) -> None:
    number = instances.lock_number("alpha")
    if world.db.is_sqlite:
        with pytest.raises(ValueError, match="SQLite"):
            world.db.lock(number)
        return
    first = world.db.lock(number)
    assert first is not None and first.is_held()
    assert world.db.lock(number) is None
    other = world.db.lock(instances.lock_number("beta"))
    assert other is not None
    first.release()
    again = world.db.lock(number)
    assert again is not None
    again.release()
    other.release()


def two_calls(world: World) -> tuple[str, str, str]:
    """A recording of alpha and one of beta; ids of alpha's call, of beta's call, of beta's recording."""
    made = []
    for name in ("alpha", "beta"):
        call_id, new = begin(world)
        world.db.write_sync(lambda s, c=call_id, n=name: setattr(calls.get(s, c), "instance", n))
        spool = world.store.create_spool(new.artifact_id, new.data_key)
        spool.append(tone(1.0))
        made.append((call_id, new.artifact_id))
    return made[0][0], made[1][0], made[1][1]


def test_a_start_completes_its_own_and_leaves_anothers_alone(world: World) -> None:
    alphas, betas, recording = two_calls(world)
    found = recover_leftovers(world.db, world.store, world.keys, ARRIVED, world.settings, instance="alpha")
    assert found.calls_closed == [alphas] and len(found.sealed) == 1 and found.strays == 0
    still = world.db.read_sync(lambda s: calls.get(s, betas))
    assert still is not None and still.ended_at is None
    assert world.store.spool_path(recording).exists()


def test_a_gateway_is_forgotten_only_when_it_is_gone(world: World) -> None:
    _, betas, recording = two_calls(world)
    world.store.bucket, world.store.instance = Bucket(BucketSettings("nowhere")), "beta"
    world.db.write_sync(lambda s: note(s, world.store, recording))
    beat(world, "beta")
    with pytest.raises(StillAlive, match="is alive"):
        world.db.write_sync(lambda s: instances.forget(s, "beta", SOON, world.settings))
    done = world.db.write_sync(lambda s: instances.forget(s, "beta", LATER, world.settings))
    assert done == (1, 1)
    call = world.db.read_sync(lambda s: calls.get(s, betas))
    assert call is not None and call.end_reason == "gateway_died"
    assert world.db.read_sync(lambda s: instances.listing(s, LATER)) == []
