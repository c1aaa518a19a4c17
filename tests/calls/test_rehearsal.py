"""A call's records are rehearsed before the first caller comes, and nothing of it stays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from gateway.calls.records import StoredRecords
from storage import audit_log
from storage.artifacts import Tags
from storage.database import DatabaseError
from storage.tables.base import Table
from tests.storage.world import ARRIVED, World, record_call


@pytest.fixture
def records(world: World) -> StoredRecords:
    return StoredRecords(world.db, world.store, world.keys, world.settings, Tags(), transcribes=True)


def rows(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is stored."""
    tables = Table.metadata.sorted_tables
    return world.db.read_sync(
        lambda s: {table.name: [tuple(row) for row in s.execute(sa.select(table))] for table in tables}
    )


@contextlib.contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What is said to the database meanwhile, without values."""
    said: list[str] = []

    def note(conn: object, cursor: object, statement: str, *more: object) -> None:
        said.append(statement)

    engine = world.db._writer
    sa.event.listen(engine, "before_cursor_execute", note)
    yield said
    sa.event.remove(engine, "before_cursor_execute", note)


async def test_nothing_of_a_rehearsal_is_stored(world: World, records: StoredRecords) -> None:
    record_call(world)
    before, files = rows(world), sorted(world.store.folder.rglob("*"))
    assert before["calls"]
    assert files
    await records.rehearse(ARRIVED)
    assert rows(world) == before
    assert sorted(world.store.folder.rglob("*")) == files
    assert world.db.read_sync(audit_log.verify).intact


async def test_it_says_to_the_database_what_a_recorded_call_does(
    world: World, records: StoredRecords
) -> None:
    with statements(world) as rehearsed:
        await records.rehearse(ARRIVED)
    with statements(world) as real:
        record_call(world)
    assert len(set(real)) > 20
    assert set(real) - set(rehearsed) == set()


async def test_it_does_not_hide_that_the_database_is_away(world: World, records: StoredRecords) -> None:
    world.db.shut()
    with pytest.raises(DatabaseError):
        await records.rehearse(ARRIVED)
    world.db.admit()
