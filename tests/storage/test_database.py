"""One transaction a call, one writer, migrations only, and errors an operator can act on."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from storage import audit_log
from storage.database import Database, DatabaseError, Refused
from storage.tables import Case, Table
from tests.storage.world import ARRIVED, World


def add_case(session, name: str = "case-1", at: datetime = ARRIVED) -> None:
    session.add(Case(id=name, kind="investigation", opened_at=at, opened_by="x"))


def cases(world: World) -> list[str]:
    return world.db.read_sync(lambda s: sorted(s.scalars(sa.select(Case.id))))


def test_the_migrations_make_exactly_the_tables_the_program_knows(world: World) -> None:
    with sa.create_engine(world.db.url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
        made = {
            str(name): sorted(
                str(check["name"]) for check in sa.inspect(connection).get_check_constraints(name)
            )
            for name in ("artifacts", "consent_records")
        }
    for name, checks in made.items():
        known = Table.metadata.tables[name].constraints
        assert checks == sorted(str(c.name) for c in known if isinstance(c, sa.CheckConstraint))


def test_opening_again_keeps_everything(world: World) -> None:
    world.db.write_sync(add_case)
    world.db.close()
    world.db = Database(world.db.url)
    assert cases(world) == ["case-1"]


def test_two_programs_opening_a_new_database_at_once_both_succeed(tmp_path: Path) -> None:
    url, failures = f"sqlite:///{tmp_path}/new.db", []

    def open_it() -> None:
        try:
            Database(url).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []


def test_a_database_of_a_newer_program_is_left_alone(world: World) -> None:
    world.db.write_sync(lambda s: s.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(DatabaseError, match="newer than this program"):
        Database(world.db.url)


def test_leaving_without_success_undoes_everything(world: World) -> None:
    def fails(session) -> None:
        add_case(session)
        session.flush()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        world.db.write_sync(fails)
    assert cases(world) == []


def test_a_read_writes_nothing(world: World) -> None:
    world.db.read_sync(add_case)
    assert cases(world) == []


async def test_writes_from_many_tasks_are_all_there_and_the_chain_holds(world: World) -> None:
    async def one(n: int) -> None:
        def write(session) -> None:
            add_case(session, f"case-{n:02}")
            audit_log.append(session, ARRIVED, "case.open", f"case-{n:02}")

        await world.db.write(write)

    await asyncio.gather(*(one(n) for n in range(20)))
    assert len(await world.db.read(lambda s: list(s.scalars(sa.select(Case.id))))) == 20
    verdict = await world.db.read(audit_log.verify)
    assert verdict.intact and verdict.entries == 20


def test_two_gateways_on_one_file_write_in_turn(world: World) -> None:
    other = Database(world.db.url)

    def many(db: Database, name: str) -> None:
        for n in range(10):
            db.write_sync(lambda s, n=n: audit_log.append(s, ARRIVED, "case.open", f"{name}{n}"))

    threads = [threading.Thread(target=many, args=each) for each in ((world.db, "a"), (other, "b"))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    other.close()
    verdict = world.db.read_sync(audit_log.verify)
    assert verdict.intact and verdict.entries == 20


def test_instants_are_aware_and_utc_whatever_zone_they_came_in(world: World) -> None:
    copenhagen = timezone(timedelta(hours=1))
    world.db.write_sync(lambda s: add_case(s, at=datetime(2025, 1, 15, 0, 30, tzinfo=copenhagen)))
    stored = world.db.read_sync(lambda s: s.get(Case, "case-1").opened_at)
    assert stored == datetime(2025, 1, 14, 23, 30, tzinfo=timezone.utc)
    assert stored.tzinfo is timezone.utc


def test_a_naive_instant_is_refused(world: World) -> None:
    with pytest.raises(sa.exc.StatementError, match="time zone"):
        world.db.write_sync(lambda s: add_case(s, at=datetime(2025, 1, 15)))


def test_what_the_tables_forbid_is_refused_without_the_values(world: World) -> None:
    world.db.write_sync(add_case)
    with pytest.raises(Refused) as refusal:
        world.db.write_sync(add_case)
    assert "cases" in str(refusal.value) and "case-1" not in str(refusal.value)


@pytest.mark.sqlite
def test_sqlite_runs_as_promised(world: World) -> None:
    def pragmas(session) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store")
        return {name: session.execute(sa.text(f"PRAGMA {name}")).scalar() for name in names}

    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "temp_store": 2}
    assert world.db.read_sync(pragmas) == wanted
    assert world.db.write_sync(pragmas) == wanted
    assert (world.folder / "tast1.db").stat().st_mode & 0o077 == 0


@pytest.mark.sqlite
def test_a_reader_in_the_way_of_scrubbing_is_reported(world: World) -> None:
    world.db.write_sync(add_case)
    reader = sqlite3.connect(world.folder / "tast1.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM cases").fetchall()
    world.db.write_sync(lambda s: add_case(s, "case-2"))
    reader.execute("SELECT * FROM cases").fetchall()
    impatient = Database(world.db.url)
    try:
        assert not impatient.scrub()
        reader.execute("COMMIT")
        assert impatient.scrub()
    finally:
        reader.close()
        impatient.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match="needs a file"):
        Database(url)
