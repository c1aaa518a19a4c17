"""Transcripts: their recording's clock and grounds (R-11), and not one when the recording may not be used."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storage import artifacts, consents, jobs, transcripts
from storage.artifacts import NotReadable
from storage.desk import Desk
from storage.gate import Asking
from storage.jobs import Job
from storage.model import ArtifactKind
from storage.people import Person, Role
from storage.policy.book import Refused
from storage.requests import receive
from storage.sweep import sweep
from storage.tables import AuditEntry, Document
from tests.storage.test_jobs import SOON, job_of, taken
from tests.storage.world import World

WORDS = b'{"words": "kanariefugl"}'


def store(world: World, recording: str, words: bytes = WORDS, at: datetime = SOON) -> str:
    return world.db.write_sync(
        lambda s: transcripts.store(s, world.keys, recording, words, at, world.settings)
    )


def complete(world: World, job: Job, words: bytes = WORDS, at: datetime = SOON) -> bool:
    return world.db.write_sync(
        lambda s: transcripts.complete(s, world.keys, job, words, at, world.settings, artifacts.Tags())
    )


def words_of(world: World, transcript: str, at: datetime = SOON) -> bytes:
    def read(session) -> bytes:  # type: ignore[no-untyped-def]
        key = artifacts.data_key(session, world.keys, transcript, at)
        return artifacts.words(session, transcript, key)

    return world.db.read_sync(read)


def made(world: World, call: str) -> list[artifacts.Artifact]:
    rows = world.db.read_sync(lambda s: artifacts.listing(s, call, ArtifactKind.TRANSCRIPT))
    return [row for row, _ in rows]


def sealed_words(world: World) -> int:
    return world.db.read_sync(lambda s: s.query(Document).count())


def withdraw(world: World, call: str, at: datetime = SOON) -> None:
    """Withdrawn, and nothing swept yet."""
    world.db.write_sync(lambda s: consents.withdraw(s, call, at, "phone", "caller", world.settings))


def hold_by_request(world: World, call: str, at: datetime) -> None:
    desk = Desk(world.db, world.store, world.keys, world.settings)
    receive(desk, Asking(Person("anna", (Role("RIGHTS"),)), "RIGHTS"), "access", [call], at)


def test_a_transcript_has_the_clock_and_the_grounds_of_its_recording_whenever_it_is_made(
    world: World,
) -> None:
    call, recording = job_of(world)
    late = SOON + timedelta(days=12)
    transcript = store(world, recording, at=late)
    of_sound = world.db.read_sync(lambda s: artifacts.grounds_of(s, recording))
    of_words = world.db.read_sync(lambda s: artifacts.grounds_of(s, transcript))
    for mine, its in zip(of_words, of_sound, strict=True):
        assert (mine.ground, mine.purposes, mine.roles) == (its.ground, its.purposes, its.roles)
        assert (mine.clock_start, mine.until, mine.expires_at) == (its.clock_start, its.until, its.expires_at)
    rows = {row.id: row for row in made(world, call)}
    assert rows[transcript].anchor == world.db.read_sync(lambda s: artifacts.required(s, recording)).anchor
    sweep(world.db, world.store, SOON + timedelta(days=31), world.settings)
    assert sealed_words(world) == 0, "it goes with its recording, not twelve days later"


def test_a_more_complete_transcript_takes_the_place_of_the_one_before(world: World) -> None:
    call, recording = job_of(world)
    first = store(world, recording, b"one")
    assert store(world, recording, b"one two") == first
    assert words_of(world, first) == b"one two"
    assert [row.id for row in made(world, call)] == [first]
    assert sealed_words(world) == 1
    told = world.db.read_sync(lambda s: [e.action for e in s.query(AuditEntry) if e.subject == first])
    assert "complete" in told


def test_what_a_job_has_come_to_is_stored_once_and_ends_it(world: World) -> None:
    call, _ = job_of(world)
    job = taken(world)
    assert complete(world, job)
    assert not complete(world, job, b"again")
    assert words_of(world, made(world, call)[0].id) == WORDS
    assert world.db.read_sync(jobs.counts) == {}


def test_who_has_lost_the_job_stores_nothing(world: World) -> None:
    call, _ = job_of(world)
    job = taken(world)
    other = taken(world, SOON + timedelta(seconds=jobs.LEASE_S))
    assert not complete(world, job, b"late")
    assert made(world, call) == []
    assert complete(world, other)


@pytest.mark.parametrize("before", [b"", b"heard live"])
def test_nothing_is_stored_after_a_withdrawal_even_before_the_sweep(world: World, before: bytes) -> None:
    call, recording = job_of(world)
    if before:
        store(world, recording, before)
    job = taken(world)
    withdraw(world, call)
    at = SOON + timedelta(seconds=1)
    with pytest.raises(NotReadable):
        store(world, recording, at=at)
    with pytest.raises(NotReadable):
        complete(world, job, at=at)
    with pytest.raises(NotReadable):
        world.db.read_sync(lambda s: transcripts.known(s, world.keys, recording, at, world.settings))
    with pytest.raises(NotReadable):
        world.db.write_sync(lambda s: transcripts.renew(s, job, at, world.settings))
    sweep(world.db, world.store, at, world.settings)
    assert sealed_words(world) == 0
    assert world.db.read_sync(jobs.counts) == {}


def test_nothing_is_stored_when_the_time_is_over(world: World) -> None:
    _, recording = job_of(world)
    with pytest.raises(NotReadable):
        store(world, recording, at=SOON + timedelta(days=31))
    assert sealed_words(world) == 0


def test_on_a_hold_alone_no_transcript_is_made(world: World) -> None:
    call, recording = job_of(world)
    hold_by_request(world, call, SOON)
    store(world, recording, b"while consent still holds", SOON)
    with pytest.raises(Refused):
        store(world, recording, b"afterwards", SOON + timedelta(days=31))


def test_a_transcript_is_of_its_own_call(world: World) -> None:
    (one, first), (other, second) = job_of(world), job_of(world)
    ids = {store(world, first, b"first"), store(world, second, b"second")}
    assert len(ids) == 2
    assert [words_of(world, made(world, call)[0].id) for call in (one, other)] == [b"first", b"second"]
    assert world.db.read_sync(lambda s: transcripts.of_recording(s, first)) == made(world, one)[0].id
