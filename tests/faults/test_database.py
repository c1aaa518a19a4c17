"""The database goes away in the middle of calls and comes back: nobody on the telephone notices."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Away, Database
from tests import postgres as pg
from tests.faults.stories import Kept, facts, hang_up, staged, through, understand
from tests.sip.gateway import Gateway
from tests.sip.softphone import Softphone
from tests.sip.test_calls import Stage
from tests.storage.world import database_url, use_postgres

pytestmark = [pytest.mark.sip, pytest.mark.kill]


@pytest.fixture
def server() -> Iterator[pg.Server]:
    """A PostgreSQL server that can be stopped."""
    pg.or_skip()
    made = pg.Server()
    made.start()
    yield made
    made.remove()


def on_postgres(folder: Path, server: pg.Server) -> dict[str, object]:
    """Settings of a gateway with a database of its own on that server."""
    folder.mkdir(parents=True, exist_ok=True)
    use_postgres(folder, server.url)
    return {"storage": {"database": database_url(folder)}}


def assert_whole(first: Kept) -> None:
    """The call that was being recorded lost nothing, though its records had to wait."""
    assert [(r.incomplete_reason, r.duration_ms > 4000) for r in first.sounds] == [(None, True)]
    assert first.call.end_reason == "caller_hung_up"
    assert first.call.outcome == "recorded"


async def test_postgresql_stops_in_mid_call_and_is_started_again(tmp_path: Path, server: pg.Server) -> None:
    async with staged(tmp_path / "g", **on_postgres(tmp_path / "g", server)) as stage:

        async def during() -> None:
            assert (await facts(stage.gateway))["records_waiting"] > 0
            assert await stage.gateway.metric("tast1_records_waiting") > 0

        first, second, _ = await through(
            stage,
            lambda: asyncio.to_thread(server.stop),
            lambda: asyncio.to_thread(server.start),
            during,
        )
        assert_whole(first)
        assert (second.consents, second.recordings) == ([], []), "a yes that is not stored is no yes"
        assert second.call.end_reason == "caller_hung_up"
        assert second.call.outcome == "consent_not_stored"
        said = [entry["message"] for entry in stage.gateway.logged()]
        assert said.index("storage takes no records; they wait") < said.index("storage takes records again")


async def test_sqlite_is_locked_by_another_program_in_mid_call(tmp_path: Path) -> None:
    async with staged(tmp_path / "g") as stage:
        other = sqlite3.connect(tmp_path / "g/data/tast1.sqlite", check_same_thread=False)

        async def lock() -> None:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")

        async def release() -> None:
            await asyncio.to_thread(other.rollback)

        first, second, _ = await through(stage, lock, release)
        other.close()
        assert_whole(first)
        assert second.sounds == []
        assert second.call.end_reason == "caller_hung_up"


async def test_a_gateway_that_starts_while_its_database_is_away_takes_calls_and_heals(
    tmp_path: Path, server: pg.Server
) -> None:
    """A recorded call, the machine breaks down, and the gateway is up before its database is."""
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        folder = tmp_path / "g"
        gateway = await Gateway(folder, agent.uri, workers=2, **on_postgres(folder, server)).start()  # type: ignore[arg-type]
        stage = Stage(gateway, caller, agent)
        try:
            recorded = await stage.recorded()
            await stage.talk(*recorded, 3.0)
            await gateway.kill_and_wait()
            await asyncio.to_thread(server.stop)
            await gateway.start()
            assert (await facts(gateway))["archive"] == "away"
            await understand(stage, *recorded)
            await hang_up(*recorded)
            dialog = await stage.dial()
            leg = await stage.accept(dialog)
            await understand(stage, dialog, leg)
            await hang_up(dialog, leg)
            await asyncio.to_thread(server.start)

            async def there() -> bool:
                return (await facts(gateway))["archive"] == "there"

            await gateway.until(there, 60, "the archive was not looked for again")
            third = await stage.recorded()
            await stage.talk(*third, 1.5)
            await hang_up(*third)
            stored = await gateway.closed_calls(3)
            kept = [gateway.recordings(call.id) for call in stored]
            assert [[r.incomplete_reason for r in rows] for rows in kept] == [["gateway_died"], [], [None]]
            assert [call.end_reason for call in stored] == ["gateway_died", *["caller_hung_up"] * 2]
            assert kept[0][0].duration_ms >= 2000
            assert list(gateway.memory.rglob("*.wav")) == []
            assert gateway.audit_is_intact()
        finally:
            await gateway.stop()


def test_what_is_committed_on_postgresql_is_on_its_disk_whatever_the_servers_default(postgres: str) -> None:
    """The tests' own server has it switched off for everybody."""
    import sqlalchemy as sa

    bare = sa.create_engine(postgres)
    with bare.connect() as connection:
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "off"
    bare.dispose()
    db = Database(postgres)
    assert db.write_sync(lambda s: s.scalar(sa.text("SHOW synchronous_commit"))) == "on"
    db.close()


def test_a_database_that_is_not_there_may_be_there_later(tmp_path: Path) -> None:
    with pytest.raises(Away):
        Database("postgresql+psycopg://tast1@127.0.0.1:1/none")
    shut = Database(f"sqlite:///{tmp_path}/tast1.db", False, admitted=False)
    for use in (shut.read_sync, shut.write_sync):
        with pytest.raises(Away):
            use(lambda session: None)
    assert not (tmp_path / "tast1.db").read_bytes(), "nothing was made of it yet"
    shut.close()


def test_a_first_start_without_its_database_says_what_is_wrong(tmp_path: Path) -> None:
    """Then it is a mistake in new settings, and no caller relies on this gateway yet."""
    from tests.test_serve import serve, settings

    place = "postgresql+psycopg://tast1@127.0.0.1:1/none"
    folders = {"folder": str(tmp_path / "data"), "memory_folder": str(tmp_path / "memory")}
    program = serve(settings(tmp_path, storage={**folders, "database": place}), "da")
    said = program.communicate(timeout=120)[1]
    assert program.returncode != 0
    assert "databasen fejlede" in said
