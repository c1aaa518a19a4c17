"""Catch-up on real storage: the transcript of a recording, whole and once; none of what may not be used.

The transcriber "hears" numbers (`tests.transcription.counting`) and writes each as a word that can be found
in any byte.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from sqlalchemy import select, update

from gateway.calls import catchup
from gateway.calls.catchup import CatchUp
from gateway.calls.transcribing import Transcribing
from storage import artifacts, calls, jobs, recordings, transcripts
from storage.artifacts import Tags
from storage.jobs import LEASE_S, Span
from storage.model import ArtifactKind
from storage.tables import Artifact, Document, TranscriptionJob
from tests.storage.test_canary import _cluster, traces
from tests.storage.test_jobs import erase_on_request, withdraw
from tests.storage.world import World, begin
from tests.transcription.counting import BLOCK_S, CountingServer, sound
from transcription.exports import from_json, to_json
from transcription.protocol import StreamConfig
from transcription.segments import PAUSED, Gap, Leg, Speaker, Transcript, Word
from transcription.servers import Server, Servers

WORD = "kanariefugl{:03}zwq"
CALLER = (*range(1, 25), 0, *range(26, 51))
AGENT = (0, 0, *range(103, 140), 0, 0, 0, *range(143, 151))


@pytest.fixture
async def server() -> AsyncIterator[CountingServer]:
    one = await CountingServer(word=WORD).start()
    yield one
    await one.stop()


@pytest.fixture
async def how(server: CountingServer) -> AsyncIterator[Transcribing]:
    servers = Servers([Server(server.url)])
    yield Transcribing(servers, StreamConfig(), model="counting")
    await servers.close()


def catch_up(world: World, how: Transcribing) -> CatchUp:
    return CatchUp(world.db, world.store, world.keys, world.settings, Tags(), how)


def recorded(
    world: World, captured_ms: tuple[tuple[int, int], ...] = (), caller: tuple[int, ...] = CALLER
) -> tuple[str, str]:
    """A call of a minute ago with these legs, and its job for all of it: (call id, recording id)."""
    at = _now() - timedelta(minutes=1)
    call, new = begin(world, at)
    legs = [np.frombuffer(sound(*numbers), dtype="<i2") for numbers in (caller, AGENT)]
    with world.store.create_spool(new.artifact_id, new.data_key) as spool:
        spool.append(np.stack(legs, axis=1).tobytes())
    facts = world.store.finish(new.artifact_id, new.data_key)

    def close(session) -> None:  # type: ignore[no-untyped-def]
        recordings.seal(session, new.artifact_id, facts, _now(), world.settings, captured_ms)
        calls.close_call(session, call, _now(), "hangup_caller", world.settings)
        jobs.begin_live(session, new.artifact_id, at)
        jobs.take_over(session, at)

    world.db.write_sync(close)
    return call, new.artifact_id


def _now() -> datetime:
    return datetime.now(timezone.utc)


def due_now(world: World) -> None:
    """Whatever waits, waits no longer."""
    world.db.write_sync(lambda s: s.execute(update(TranscriptionJob).values(run_after=_now())))


def transcript(world: World, recording: str) -> Transcript:
    known = world.db.read_sync(lambda s: transcripts.known(s, world.keys, recording, _now(), world.settings))
    assert known.words is not None
    return from_json(known.words.decode())


def told(found: Transcript, leg: Leg) -> list[tuple[str, float]]:
    return [(word.text, round(word.start_s, 3)) for word in found.words_of(leg)]


def said(*numbers: int) -> list[tuple[str, float]]:
    return [(WORD.format(n), round(place * BLOCK_S, 3)) for place, n in enumerate(numbers) if n]


def assert_whole(world: World, recording: str) -> None:
    found = transcript(world, recording)
    assert told(found, Leg.CALLER) == said(*CALLER)
    assert told(found, Leg.AGENT) == said(*AGENT)
    assert found.gaps == ()
    assert world.db.read_sync(jobs.counts) == {}


def times_stored(world: World) -> int:
    rows = world.db.read_sync(lambda s: s.query(Artifact).filter_by(kind=ArtifactKind.TRANSCRIPT.value).all())
    return len(rows)


@contextmanager
def everything_logged(world: World) -> Iterator[None]:
    """Every log line of every level in a file of the world's, where the search will look."""
    handler = logging.FileHandler(world.folder / "everything.log")
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()


def assert_no_word(world: World, engine: str) -> None:
    """Not in the data folder, the database, its log, or the program's log; and no sealed words either."""
    assert world.db.read_sync(lambda s: s.scalars(select(Document.artifact_id)).all()) == []
    assert world.db.read_sync(jobs.counts) == {}
    assert world.db.scrub()
    stem = WORD.format(0)[:11]
    needles = [stem.encode(), stem.encode("utf-16-le"), stem.encode().hex().encode()]
    cluster = _cluster(world) if engine == "postgresql" else None
    assert traces(world, needles, cluster) == []


async def test_a_recording_that_nobody_heard_live_is_transcribed_whole_and_once(
    world: World, how: Transcribing, server: CountingServer
) -> None:
    _, recording = recorded(world)
    worker = catch_up(world, how)
    assert await worker.run_one()
    assert_whole(world, recording)
    assert transcript(world, recording).model == "counting"
    assert not await worker.run_one(), "there is nothing left to do"
    assert server.streams == 2 and worker.endings == {"done": 1}


async def test_only_gaps_are_heard_again_and_what_was_heard_stays(
    world: World, how: Transcribing, server: CountingServer
) -> None:
    _, recording = recorded(world)
    gaps = (Gap(Leg.CALLER, 3.0, 3.5, "lag"), Gap(Leg.AGENT, 4.0, 5.0, "server"))
    live = Transcript(
        tuple(
            Word("live", round(place * BLOCK_S, 3), round((place + 1) * BLOCK_S, 3), 1.0, speaker)
            for speaker, numbers in ((Speaker.CUSTOMER, CALLER), (Speaker.AGENT, AGENT))
            for place, number in enumerate(numbers)
            if number
            and not any(g.leg is speaker.leg and g.start_s <= place * BLOCK_S < g.end_s for g in gaps)
        ),
        gaps,
        model="another",
        duration_s=5.0,
    )
    spans = tuple(Span(g.leg.value, int(g.start_s * 1000), int(g.end_s * 1000)) for g in gaps)

    def store(session) -> None:  # type: ignore[no-untyped-def]
        words = to_json(live).encode()
        transcripts.store(session, world.keys, recording, words, _now(), world.settings)
        jobs.leave(session, recording, spans, _now())

    world.db.write_sync(store)
    assert await catch_up(world, how).run_one()
    found = transcript(world, recording)
    assert found.gaps == () and found.model == "another + counting"
    for leg, numbers in ((Leg.CALLER, CALLER), (Leg.AGENT, AGENT)):
        heard = told(found, leg)
        assert [at for _, at in heard] == [at for _, at in said(*numbers)], "no word twice, none missing"
        again = [(text, at) for text, at in heard if text != "live"]
        inside = next(g for g in gaps if g.leg is leg)
        assert again == [one for one in said(*numbers) if inside.start_s <= one[1] < inside.end_s]


async def test_a_pause_stays_empty(world: World, how: Transcribing) -> None:
    """A recorder that did not fall silent in a pause would be told by the spans that were captured."""
    _, recording = recorded(world, captured_ms=((0, 1000), (2500, 5000)))
    assert await catch_up(world, how).run_one()
    found = transcript(world, recording)
    for leg, numbers in ((Leg.CALLER, CALLER), (Leg.AGENT, AGENT)):
        assert told(found, leg) == [one for one in said(*numbers) if not 1.0 <= one[1] < 2.5]
    assert {(g.start_s, g.end_s, g.reason) for g in found.gaps} == {(1.0, 2.5, PAUSED)}
    assert world.db.read_sync(jobs.counts) == {}


async def test_a_transcriber_lost_in_the_middle_puts_the_job_back_and_leaves_no_half(
    world: World, how: Transcribing, server: CountingServer, engine: str
) -> None:
    _, recording = recorded(world)
    worker = catch_up(world, how)
    server.fault, server.after = "close", 3
    assert not await worker.run_one()
    assert worker.endings == {"put_back": 1}
    assert world.db.read_sync(jobs.counts) == {"waiting": 1}
    assert times_stored(world) == 0
    server.fault = ""
    how.servers.servers[0].worked()
    assert not await worker.run_one(), "not before its pause is over"
    due_now(world)
    assert await worker.run_one()
    assert_whole(world, recording)


async def test_without_a_transcriber_nothing_is_taken(world: World, how: Transcribing) -> None:
    recorded(world)
    how.servers.servers[0].failed(float("inf"))
    assert not await catch_up(world, how).run_one()
    assert world.db.read_sync(jobs.counts) == {"waiting": 1}
    job = world.db.write_sync(lambda s: jobs.take(s, _now()))
    assert job is not None and job.attempts == 1


async def test_stopped_in_the_middle_the_next_start_does_all_of_it_once(
    world: World, how: Transcribing, server: CountingServer
) -> None:
    _, recording = recorded(world)
    reached = asyncio.Event()

    async def pause(message: int) -> None:
        if server.streams == 2 and message == 2:
            reached.set()
            await asyncio.sleep(3600)

    server.before_reply = pause
    running = asyncio.create_task(catch_up(world, how).run())
    await asyncio.wait_for(reached.wait(), 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert world.db.read_sync(jobs.counts) == {"running": 1}
    assert how.servers.servers[0].streams == 0
    assert times_stored(world) == 0
    server.before_reply = None
    world.db.write_sync(lambda s: jobs.take_over(s, _now()))
    assert await catch_up(world, how).run_one()
    assert_whole(world, recording)
    assert times_stored(world) == 1


async def test_two_at_once_do_each_recording_once(
    world: World, how: Transcribing, server: CountingServer
) -> None:
    made = [recorded(world)[1] for _ in range(3)]
    workers = [catch_up(world, how) for _ in range(2)]

    async def until_none(worker: CatchUp) -> None:
        while await worker.run_one():
            pass

    await asyncio.gather(*map(until_none, workers))
    assert sum((worker.endings for worker in workers), type(workers[0].endings)()) == {"done": 3}
    assert server.streams == 2 * 3
    for recording in made:
        assert_whole(world, recording)


async def test_a_slow_transcriber_keeps_its_lease_and_one_that_lost_it_stores_nothing(
    world: World, how: Transcribing, server: CountingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "RENEW_S", 0.0)
    recorded(world)
    leases: list[datetime] = []

    async def look(message: int) -> None:
        if server.streams == 2 and message == 3:  # a minute and more passes without a sign of life
            later = _now() + timedelta(seconds=2 * LEASE_S)
            assert await world.db.write(lambda s: jobs.take(s, later)) is not None
        if server.streams == 1 and message:
            until = await world.db.read(lambda s: s.scalar(select(TranscriptionJob.lease_until)))
            assert until is not None
            leases.append(until)

    server.before_reply = look
    worker = catch_up(world, how)
    assert await worker.run_one()
    assert leases == sorted(set(leases)) and len(leases) == 5
    assert worker.endings == {"lost": 1}
    assert times_stored(world) == 0


async def test_a_fault_of_ours_puts_the_job_back_too(
    world: World, how: Transcribing, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, recording = recorded(world)
    worker = catch_up(world, how)
    with monkeypatch.context() as broken:
        broken.setattr(catchup, "to_json", None)
        with pytest.raises(TypeError):
            await worker.run_one()
    assert world.db.read_sync(jobs.counts) == {"waiting": 1}
    due_now(world)
    assert await worker.run_one()
    assert_whole(world, recording)


async def test_words_that_are_kept_stand_nowhere_in_clear(
    world: World, how: Transcribing, engine: str
) -> None:
    with everything_logged(world):
        call, recording = recorded(world)
        assert await catch_up(world, how).run_one()
        assert_whole(world, recording)
        await asyncio.to_thread(withdraw, world, call, _now())
    assert_no_word(world, engine)


@pytest.mark.parametrize("when", ["queued", "between pieces", "between legs", "before it is stored"])
@pytest.mark.parametrize("how_gone", [withdraw, erase_on_request])
async def test_what_is_withdrawn_or_erased_meanwhile_is_not_transcribed_and_leaves_no_word(
    world: World,
    how: Transcribing,
    server: CountingServer,
    engine: str,
    when: str,
    how_gone: Callable[[World, str, datetime], None],
) -> None:
    place = {
        "queued": (0, 0),
        "between pieces": (1, 2),
        "between legs": (1, 0),
        "before it is stored": (2, 0),
    }
    pieces_then = 0

    async def goes(message: int) -> None:
        nonlocal pieces_then
        if (server.streams, message) == place[when]:
            await asyncio.to_thread(how_gone, world, call, _now())
            pieces_then = server.pieces

    server.before_reply = goes
    with everything_logged(world):
        call, _ = recorded(world)
        if when == "queued":
            await goes(0)
        worker = catch_up(world, how)
        await worker.run_one()
    assert server.pieces == pieces_then, "not a second of it is sent afterwards"
    assert worker.endings["done"] == 0
    live = world.db.read_sync(lambda s: artifacts.listing(s, call, ArtifactKind.TRANSCRIPT))
    assert [row for row, _ in live if row.blocked_at is None] == []
    assert_no_word(world, engine)
