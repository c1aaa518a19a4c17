"""The search for what must be gone finds each kind of remains, and nothing where all is well."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from storage import certificates, remains
from storage.keys import new_data_key
from storage.ledger import ErasureLedger, Line
from storage.remains import Finding
from storage.sweep import sweep
from storage.tables import Artifact, CallerNumber, DataKey, Peaks
from tests.storage.test_sweep import MIDNIGHT
from tests.storage.world import ARRIVED, World, begin, record_call

NOW = MIDNIGHT + timedelta(minutes=1)


def search(world: World, now=NOW, memory: Path | None = None) -> list[Finding]:  # type: ignore[no-untyped-def]
    return remains.search(world.db, world.store, world.keys, now, world.settings, memory)


@pytest.fixture
def swept(world: World) -> tuple[World, str, str, str]:
    """An erased recording with its call, and one that is kept."""
    call_id, gone = record_call(world)
    _, kept = record_call(world, at=ARRIVED + timedelta(days=5))
    sweep(world.db, world.store, NOW)
    return world, call_id, gone, kept


def test_nothing_is_found_where_all_is_well(swept: tuple[World, str, str, str], tmp_path: Path) -> None:
    world, *_ = swept
    _, new = begin(world, at=NOW)
    world.store.create_spool(new.artifact_id, new.data_key).close()
    (tmp_path / "memory" / new.artifact_id).mkdir(parents=True)
    (tmp_path / "memory" / new.artifact_id / "caller.wav").touch()
    assert search(world, memory=tmp_path / "memory") == []


def _file(world: World, call_id: str, gone: str) -> str:
    path = world.store.media_path(gone)
    path.write_bytes(b"sound")
    return str(path.relative_to(world.store.folder))


def _stray(world: World, call_id: str, gone: str) -> str:
    (world.folder / "audio" / "spool" / "export.wav").write_bytes(b"sound")
    return "spool/export.wav"


def _add(row: Callable[[str, str], object]) -> Callable[[World, str, str], str]:
    def add(world: World, call_id: str, gone: str) -> str:
        made = row(call_id, gone)
        world.db.write_sync(lambda s: s.add(made))
        return call_id if isinstance(made, CallerNumber) else gone

    return add


def _row(world: World, call_id: str, gone: str) -> str:
    world.db.write_sync(lambda s: s.execute(update(Artifact).where(Artifact.id == gone).values(sha256="a")))
    return gone


@pytest.mark.parametrize(
    ("what", "leave"),
    [
        ("file", _file),
        ("file", _stray),
        ("key", _add(lambda call_id, gone: DataKey(artifact_id=gone, wrapped=b"k"))),
        ("waveform", _add(lambda call_id, gone: Peaks(artifact_id=gone, sealed=b"p"))),
        ("number", _add(lambda call_id, gone: CallerNumber(call_id=call_id, number="+4512345678"))),
        ("row", _row),
    ],
)
def test_each_kind_of_remains_is_found(
    swept: tuple[World, str, str, str], what: str, leave: Callable[[World, str, str], str]
) -> None:
    world, call_id, gone, _ = swept
    where = leave(world, call_id, gone)
    assert search(world) == [Finding(what, where)]


def test_sound_in_memory_of_no_recording_is_found(swept: tuple[World, str, str, str], tmp_path: Path) -> None:
    world, _, gone, _ = swept
    (tmp_path / "memory" / gone).mkdir(parents=True)
    (tmp_path / "memory" / gone / "caller.wav").touch()
    assert search(world, memory=tmp_path / "memory") == [Finding("memory", gone)]


def test_an_artifact_past_its_date_is_overdue_after_a_day(world: World) -> None:
    _, recording = record_call(world)
    day = timedelta(hours=world.settings.purge.sla_hours)
    assert search(world, MIDNIGHT + day - timedelta(seconds=1)) == []
    assert search(world, MIDNIGHT + day) == [Finding("overdue", recording)]


def test_what_is_in_the_ledger_and_alive_is_found(swept: tuple[World, str, str, str]) -> None:
    world, _, _, kept = swept
    ErasureLedger(world.store.folder).append([Line(certificates.pseudonym(kept), "AUD", NOW)])
    assert search(world) == [Finding("restored", kept)]


def test_consent_evidence_that_nothing_keeps_is_found(swept: tuple[World, str, str, str]) -> None:
    world, call_id, _, _ = swept

    def unhook(session) -> str:  # type: ignore[no-untyped-def]
        row = session.query(Artifact).filter(Artifact.call_id == call_id, Artifact.kind == "CE").one()
        consent_id, row.consent_id, row.consent_decision = row.consent_id, None, None
        return consent_id

    assert search(world) == []
    consent_id = world.db.write_sync(unhook)
    assert search(world) == [Finding("consent", consent_id)]


@pytest.mark.sqlite
def test_bytes_of_a_destroyed_key_in_the_database_file_are_found(swept: tuple[World, str, str, str]) -> None:
    world, _, gone, _ = swept
    wrapped = world.keys.wrap(gone, new_data_key())
    world.db.close()
    with sqlite3.connect(world.folder / "tast1.db") as careless:  # deletes without overwriting
        careless.execute("PRAGMA secure_delete=OFF")
        careless.execute("PRAGMA foreign_keys=OFF")
        careless.execute("CREATE TABLE aside (k BLOB)")
        careless.execute("INSERT INTO aside VALUES (?)", (b"x" * 100 + wrapped,))
        careless.commit()
        careless.execute("DELETE FROM aside")
        careless.commit()
    careless.close()
    world.db = type(world.db)(world.db.url)
    found = search(world)
    world.db.close()
    assert [each.what for each in found] == ["key_trace"]
    name, offset = found[0].where.split(":")
    assert (world.folder / name).read_bytes()[int(offset) :].startswith(wrapped)
