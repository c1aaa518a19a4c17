"""The backlog: records wait for storage in the order of their call, and what is lost is said."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.callflow import messages as m
from gateway.calls import backlog as backlogs
from gateway.calls.backlog import Backlog
from gateway.calls.counts import Counts
from storage.database import Away, Database, Refused
from storage.outcomes import Outcome
from tests.calls.test_driver import Running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds between looks become hundredths."""
    monkeypatch.setattr(backlogs, "PAUSES_S", (0.01,))


class Storage:
    """Storage that can be away, and what was written to it."""

    def __init__(self) -> None:
        self.away = True
        self.written: list[str] = []

    def write(self, what: str, error: Exception | None = None) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            await asyncio.sleep(0)
            if self.away:
                raise Away("the database is gone")
            if error is not None:
                raise error
            self.written.append(what)

        return write


async def until(what: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not what():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 15)


async def test_records_are_written_in_the_order_of_their_call_when_storage_is_back() -> None:
    storage, waiting = Storage(), Backlog(Counts())
    for name in ("open", "answered", "close"):
        waiting.add("c1", name, storage.write(name))
    await until(lambda: waiting._counts.storage_failures["open"] >= 2)
    assert len(waiting) == 3 and waiting.holds("c1")
    storage.away = False
    await until(lambda: not len(waiting))
    assert storage.written == ["open", "answered", "close"]
    assert not waiting.holds("c1")
    waiting.add("c1", "seal", storage.write("seal"))
    await until(lambda: storage.written[-1] == "seal")


async def test_a_call_that_must_wait_holds_up_no_other_and_what_is_refused_is_dropped() -> None:
    full, there, waiting = Storage(), Storage(), Backlog(Counts())
    there.away = False
    for number in range(backlogs.ENOUGH + 1):
        waiting.add(f"full{number}", "seal", full.write("seal"))
    waiting.add("c2", "open", there.write("open", Refused("twice the same")))
    waiting.add("c2", "close", there.write("close"))
    await until(lambda: there.written == ["close"])
    assert len(waiting) == backlogs.ENOUGH + 1
    full.away = False
    await until(lambda: not len(waiting))


async def test_what_cannot_be_written_before_the_stop_is_said(caplog: pytest.LogCaptureFixture) -> None:
    storage, waiting = Storage(), Backlog(Counts())
    waiting.add("c1", "open", storage.write("open"))
    waiting.add("c2", "withdrawal", storage.write("withdrawal"))
    with caplog.at_level(logging.ERROR):
        assert await waiting.close() == 2
    said = [(record.message, getattr(record, "call_id", None)) for record in caplog.records]
    assert ("a withdrawal could not be written; give it again with tast1 withdraw", "c2") in said
    assert said[-1][0] == "records could not be written before the stop"


async def test_what_can_be_written_at_the_stop_is_written() -> None:
    storage, waiting = Storage(), Backlog(Counts())
    waiting.add("c1", "open", storage.write("open"))
    storage.away = False
    assert await waiting.close() == 0
    assert storage.written == ["open"]


async def test_of_too_many_the_newest_is_lost_and_never_a_withdrawal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlogs, "MOST", 2)
    storage, waiting = Storage(), Backlog(Counts())
    for number in range(3):
        waiting.add(f"c{number}", "open", storage.write("open"))
    waiting.add("c9", "withdrawal", storage.write("withdrawal"))
    assert len(waiting) == 3
    assert waiting._counts.storage_failures["lost"] == 1
    storage.away = False
    await until(lambda: not len(waiting))
    assert "withdrawal" in storage.written


async def test_a_recording_that_cannot_be_sealed_yet_is_sealed_later(tmp_path: Path) -> None:
    call = Running(tmp_path, broken=frozenset({"seal"}))
    await call.recording()
    call.line.sound(1, 1, 8000)
    await call.over()
    names = call.records.names()
    assert "seal" not in names and "close" not in names, "in order: the end waits behind the recording"
    assert call.driver.backlog.holds("c1")
    call.records.broken = frozenset()
    await until(lambda: not len(call.driver.backlog))
    assert call.records.names()[-2:] == ["seal", "close"]


async def test_a_call_that_could_not_be_stored_when_it_came_is_stored_before_its_yes(tmp_path: Path) -> None:
    call = Running(tmp_path, broken=frozenset({"open"}))
    await call.until(lambda: call.around.counts.storage_failures["open"] >= 1)
    call.records.broken = frozenset()
    await call.recording()
    names = call.records.names()
    assert names.index("open") < names.index("decision") < names.index("start_recording")
    await call.over()


async def test_the_outcome_waits_behind_the_records(tmp_path: Path) -> None:
    from gateway.calls.reconciling import reconcile

    call = Running(tmp_path, broken=frozenset({"close"}))
    await call.talking()
    call.line.tell(m.HungUp(m.Leg.CALLER))
    await asyncio.wait_for(call.task, 15)
    driver, counts = call.driver, call.around.counts
    told = await reconcile("c1", driver.timeline, True, call.records, counts, driver.backlog)
    assert told is Outcome.CALL_NOT_STORED
    call.records.broken = frozenset()
    await until(lambda: not len(driver.backlog))
    assert call.records.names()[-2:] == ["close", "reconcile"]


def test_connections_notice_a_server_that_vanished(postgres: str) -> None:
    db = Database(postgres)
    with db._writer.connect() as connection:
        raw = connection.connection.dbapi_connection
        told = raw.info.get_parameters()  # type: ignore[union-attr]
    db.close()
    assert told["tcp_user_timeout"] == "20000"
    assert [int(told[f"keepalives_{name}"]) for name in ("idle", "interval", "count")] == [20, 5, 3]
    with socket.socket() as mute:  # it takes connections and never says a word
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = sa.make_url(postgres).set(port=mute.getsockname()[1]).render_as_string(hide_password=False)
        with pytest.raises(Away):
            Database(url)
