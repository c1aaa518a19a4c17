"""The prompt book: a call plays what was activated when it began, and never less than what is shipped."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.callflow.settings import FlowSettings
from gateway.calls.counts import Counts
from gateway.calls.prompt_book import PromptBook
from ivr_prompts.catalogue import OPTIONAL, ROLES, Catalogue
from storage import prompts
from storage.database import DatabaseError
from storage.prompts import NewVersion, Place
from tests.storage.world import World

FLOW = FlowSettings(name="customer")
SHIPPED = Catalogue.load()
HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(timezone.utc)


class Kept:
    """A book over an archive in which versions can be activated."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts = Counts()
        self.book = PromptBook(SHIPPED, world.store.folder, self.counts)

    def version(self, audio: bytes, role: str = "consent") -> str:
        sha256 = prompts.keep_file(self.world.store.folder, audio)
        new = NewVersion("da", role, "Nye ord", sha256, 500, {"purposes_end": {"ms": 100, "after": ""}})
        ole, dpo = {"id": "ole"}, {"id": "dpo"}

        def write(session):
            row = prompts.add(session, new, "1", now(), ole)
            session.flush()
            prompts.approve(session, row.id, now(), dpo)
            return row.id

        return self.world.db.write_sync(write)

    def activate(self, version: str | None, begins_at: datetime | None = None, *place: str) -> None:
        at = now()
        where = Place("da", "consent", *place)
        self.world.db.write_sync(
            lambda s: prompts.activate(s, where, version, begins_at or at, at, {"id": "ole"})
        )

    def file(self, audio: bytes) -> Path:
        return prompts.file_of(self.world.store.folder, prompts.keep_file(self.world.store.folder, audio))


@pytest.fixture
def kept(world: World) -> Kept:
    return Kept(world)


def test_without_an_archive_what_is_shipped_is_played() -> None:
    assert PromptBook(SHIPPED).for_call(FLOW, "70101010", now()) == SHIPPED["da"]


async def test_what_is_activated_is_played_under_the_same_id_with_its_own_version(kept: Kept) -> None:
    kept.activate(kept.version(b"new sound"))
    assert await kept.book.refresh(kept.world.db) == 1
    found = kept.book.for_call(FLOW, "70101010", now())
    assert tuple(found) == (*ROLES, *OPTIONAL)
    consent = found["consent"]
    assert (consent.id, consent.version, consent.text) == (SHIPPED["da"]["consent"].id, "2", "Nye ord")
    assert consent.path.read_bytes() == b"new sound" and consent.markers_ms == {"purposes_end": 100}
    assert {role: found[role] for role in ROLES if role != "consent"} == {
        role: SHIPPED["da"][role] for role in ROLES if role != "consent"
    }
    assert kept.book.for_call(FlowSettings(prompts="en"), "", now()) == SHIPPED["en"]


async def test_a_call_keeps_what_it_began_with(kept: Kept) -> None:
    before = kept.book.for_call(FLOW, "70101010", now())
    kept.activate(kept.version(b"new sound"))
    await kept.book.refresh(kept.world.db)
    assert before["consent"] == SHIPPED["da"]["consent"]
    assert kept.book.for_call(FLOW, "70101010", now())["consent"].version == "2"


async def test_what_is_to_come_begins_without_another_look(kept: Kept) -> None:
    begins = now() + HOUR
    kept.activate(kept.version(b"new sound"), begins)
    await kept.book.refresh(kept.world.db)
    assert kept.book.for_call(FLOW, "", begins - timedelta(milliseconds=1))["consent"].version == "1"
    assert kept.book.for_call(FLOW, "", begins)["consent"].version == "2"


async def test_a_flow_and_a_number_have_their_own(kept: Kept) -> None:
    kept.activate(kept.version(b"flow"), None, "flow", "customer")
    kept.activate(kept.version(b"number"), None, "number", "70101099")
    await kept.book.refresh(kept.world.db)
    other = FlowSettings(name="other")
    versions = [
        kept.book.for_call(flow, number, now())["consent"].version
        for flow, number in ((FLOW, "70101010"), (FLOW, "70101099"), (other, "70101010"))
    ]
    assert versions == ["2", "3", "1"]


@pytest.mark.parametrize("how", ["missing", "altered", "a folder"])
async def test_a_damaged_file_gives_way_to_the_shipped_one_counted_and_logged_once(
    kept: Kept, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept.activate(kept.version(b"new sound"))
    await kept.book.refresh(kept.world.db)
    file = kept.file(b"new sound")
    await kept.book.refresh(kept.world.db)
    file.unlink()
    if how == "altered":
        file.write_bytes(b"no sound!")
    elif how == "a folder":
        file.mkdir()
    for _ in range(2):  # before the book has looked again, and after
        for _ in range(2):
            assert kept.book.for_call(FLOW, "", now())["consent"] == SHIPPED["da"]["consent"]
        await kept.book.refresh(kept.world.db)
    assert kept.counts.prompt_fallbacks == {"consent": 4}
    assert [record.getMessage() for record in caplog.records] == [
        "the file of a prompt is missing or altered; the one that came with Tast1 is played"
    ]
    if how == "a folder":
        file.rmdir()
    kept.file(b"new sound")
    await kept.book.refresh(kept.world.db)
    assert kept.book.for_call(FLOW, "", now())["consent"].version == "2"


async def test_a_file_altered_without_a_trace_in_its_size_is_found(kept: Kept) -> None:
    kept.activate(kept.version(b"new sound"))
    await kept.book.refresh(kept.world.db)
    file = kept.file(b"new sound")
    await kept.book.refresh(kept.world.db)
    file.write_bytes(b"bad sound")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert kept.book.for_call(FLOW, "", now())["consent"].version == "1"


async def test_while_the_database_is_away_what_is_known_stays_in_force(kept: Kept) -> None:
    kept.activate(kept.version(b"new sound"))
    kept.book.refresh_now(kept.world.db)

    class Gone:
        async def read(self, _: object) -> None:
            raise DatabaseError("the database is gone")

    with pytest.raises(DatabaseError):
        await kept.book.refresh(Gone())  # type: ignore[arg-type]
    assert kept.book.for_call(FLOW, "", now())["consent"].version == "2"
