"""Jobs: each is done once at a time, in whatever process; none outlives its recording or is forgotten."""

from __future__ import annotations

import itertools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from storage import consents, jobs
from storage.desk import Desk
from storage.gate import Asking
from storage.jobs import LEASE_S, LIVE_END_S, PAUSES_S, Job, Span
from storage.people import Person, Role
from storage.requests import answer, identify, receive
from storage.sweep import erase_now, sweep
from storage.tables import TranscriptionJob
from tests.storage.world import ARRIVED, World, begin, open_world, record_call

ENDED = ARRIVED + timedelta(minutes=1)
SOON = ARRIVED + timedelta(minutes=2)
SPANS = (Span("caller", 100, 200), Span("agent", 0, 900))


def job_of(world: World, spans: tuple[Span, ...] | None = SPANS, at: datetime = ARRIVED) -> tuple[str, str]:
    """A recorded call with a job that waits: (call id, recording id). `spans` None: all of it."""
    call, recording = record_call(world, at, seconds=0.1)
    world.db.write_sync(lambda s: jobs.begin_live(s, recording, at))
    if spans is None:
        world.db.write_sync(lambda s: jobs.take_over(s, at))
    else:
        world.db.write_sync(lambda s: jobs.leave(s, recording, spans, at))
    return call, recording


def take(world: World, at: datetime = SOON) -> Job | None:
    """What there is to take; looking first tells the same."""
    there = world.db.read_sync(lambda s: jobs.is_any(s, at))
    job = world.db.write_sync(lambda s: jobs.take(s, at))
    assert there == (job is not None)
    return job


def taken(world: World, at: datetime = SOON) -> Job:
    job = take(world, at)
    assert job is not None
    return job


def counts(world: World) -> dict[str, int]:
    return world.db.read_sync(jobs.counts)


def withdraw(world: World, call: str, at: datetime) -> None:
    due = world.db.write_sync(lambda s: consents.withdraw(s, call, at, "phone", "caller", world.settings))
    erase_now(world.db, world.store, due, at, world.settings)


def erase_on_request(world: World, call: str, at: datetime) -> None:
    desk = Desk(world.db, world.store, world.keys, world.settings)
    asking = Asking(Person("anna", (Role("RIGHTS"),)), "RIGHTS")
    request, _ = receive(desk, asking, "erasure", [call], at)
    identify(desk, asking, request, "confirmed", "by name", at)
    answer(desk, asking, request, False, {"reply": "done"}, at)


def test_a_job_begins_live_and_nobody_takes_it(world: World) -> None:
    _, new = begin(world)
    world.db.write_sync(lambda s: jobs.begin_live(s, new.artifact_id, ARRIVED))
    assert counts(world) == {"live": 1}
    assert take(world) is None


def test_a_transcript_without_gaps_leaves_no_job(world: World) -> None:
    job_of(world, spans=())
    assert counts(world) == {}
    assert take(world) is None


def test_what_was_not_heard_is_left_as_spans(world: World) -> None:
    call, recording = job_of(world)
    job = taken(world)
    assert (job.recording_id, job.call_id, job.spans, job.attempts) == (recording, call, SPANS, 1)
    assert counts(world) == {"running": 1}
    assert take(world) is None, "it is somebody's"


def test_leaving_a_job_that_is_gone_brings_nothing_back(world: World) -> None:
    _, recording = job_of(world)
    world.db.write_sync(lambda s: jobs.drop(s, recording))
    world.db.write_sync(lambda s: jobs.leave(s, recording, SPANS, SOON))
    assert counts(world) == {}


def test_a_recording_that_is_not_sealed_yet_waits(world: World) -> None:
    _, new = begin(world)
    world.db.write_sync(lambda s: jobs.begin_live(s, new.artifact_id, ARRIVED))
    assert world.db.write_sync(lambda s: jobs.take_over(s, ARRIVED)) == 1
    assert counts(world) == {"waiting": 1}
    assert take(world) is None


def test_after_a_restart_whole_recordings_and_begun_jobs_are_taken_again(world: World) -> None:
    _, whole = job_of(world, spans=None)
    _, partly = job_of(world)
    first = taken(world)
    assert world.db.write_sync(lambda s: jobs.take_over(s, SOON)) == 1, "the one that ran"
    again = {job.recording_id: job for job in (taken(world), taken(world))}
    assert set(again) == {whole, partly}
    assert again[whole].spans is None and again[partly].spans == SPANS
    assert first.lease != again[first.recording_id].lease
    assert not world.db.write_sync(lambda s: jobs.renew(s, first, SOON)), "whoever had it has lost it"


def test_a_live_job_whose_end_never_came_is_taken_when_its_call_is_long_over(world: World) -> None:
    _, recording = record_call(world)
    world.db.write_sync(lambda s: jobs.begin_live(s, recording, ARRIVED))
    assert take(world, ENDED + timedelta(seconds=LIVE_END_S - 1)) is None
    job = taken(world, ENDED + timedelta(seconds=LIVE_END_S))
    assert job.recording_id == recording and job.spans is None


def test_a_lease_runs_out_and_the_one_before_can_neither_renew_nor_put_back(world: World) -> None:
    job_of(world)
    first = taken(world)
    just_before = SOON + timedelta(seconds=LEASE_S - 1)
    assert take(world, just_before) is None
    second = taken(world, SOON + timedelta(seconds=LEASE_S))
    assert second.recording_id == first.recording_id and second.attempts == 2
    assert not world.db.write_sync(lambda s: jobs.renew(s, first, just_before))
    assert not world.db.read_sync(lambda s: jobs.is_mine(s, first))
    world.db.write_sync(lambda s: jobs.put_back(s, first, just_before))
    assert counts(world) == {"running": 1}
    assert world.db.read_sync(lambda s: jobs.is_mine(s, second))


def test_a_sign_of_life_keeps_the_lease(world: World) -> None:
    job_of(world)
    job = taken(world)
    later = SOON + timedelta(seconds=LEASE_S - 1)
    assert world.db.write_sync(lambda s: jobs.renew(s, job, later))
    assert take(world, later + timedelta(seconds=LEASE_S - 1)) is None
    assert take(world, later + timedelta(seconds=LEASE_S)) is not None


def test_each_attempt_that_failed_makes_the_pause_longer(world: World) -> None:
    job_of(world)
    at = SOON
    for pause_s in (*PAUSES_S, PAUSES_S[-1]):
        job = taken(world, at)
        world.db.write_sync(lambda s, job=job, at=at: jobs.put_back(s, job, at))  # type: ignore[misc]
        assert take(world, at + timedelta(seconds=pause_s - 1)) is None
        at += timedelta(seconds=pause_s)


def test_who_waited_longest_is_first(world: World) -> None:
    late, early = (job_of(world, at=ARRIVED + timedelta(seconds=s))[1] for s in (20, 10))
    assert [taken(world).recording_id, taken(world).recording_id] == [early, late]


@pytest.mark.parametrize("spans", [None, SPANS])
@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("how", [withdraw, erase_on_request])
def test_a_job_goes_with_a_recording_that_is_withdrawn_or_erased(
    world: World, how: object, runs: bool, spans: tuple[Span, ...] | None
) -> None:
    call, _ = job_of(world, spans)
    job = taken(world) if runs else None
    how(world, call, SOON)  # type: ignore[operator]
    assert counts(world) == {}
    if job is not None:
        assert not world.db.write_sync(lambda s: jobs.renew(s, job, SOON))


def test_a_job_goes_with_its_recording_when_its_time_is_over(world: World) -> None:
    job_of(world)
    day_31 = ARRIVED + timedelta(days=31)
    sweep(world.db, world.store, day_31, world.settings)
    assert counts(world) == {}
    assert world.db.read_sync(lambda s: s.query(TranscriptionJob).count()) == 0


def take_all(folder: Path, at: datetime) -> list[str]:
    """What one process gets when it takes until there is nothing left."""
    world = open_world(folder)
    got = []
    while (job := world.db.write_sync(lambda s: jobs.take(s, at))) is not None:
        got.append(job.recording_id)
    world.db.close()
    return got


@pytest.mark.parametrize("of", ["processes", "threads"])
def test_many_takers_at_once_get_each_job_once(home: Path, engine: str, of: str) -> None:
    world = open_world(home)
    made = sorted(job_of(world)[1] for _ in range(30))
    world.db.close()
    spawn = multiprocessing.get_context("spawn")
    takers = 3
    with ProcessPoolExecutor(takers, spawn) if of == "processes" else ThreadPoolExecutor(takers) as pool:
        got = list(pool.map(take_all, [home] * takers, [SOON] * takers))
    assert sorted(itertools.chain.from_iterable(got)) == made
