"""The key file or the database is not what it was: nothing recorded is lost by a start."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.archive import Archive
from gateway.config import Settings
from storage.database import Away
from storage.keys import KeysError
from tests.faults.stories import hang_up
from tests.sip.gateway import Gateway
from tests.sip.softphone import Softphone
from tests.sip.test_calls import Stage
from tests.storage.world import ARRIVED, World, database_url, record_call

CONFIG = """
flows: {{customer: {{connect: "sip:agent@127.0.0.1:5070"}}}}
storage: {{folder: {folder}, database: "{database}", key_file: {key}, memory_folder: {memory}}}
"""


def settings(world: World) -> Settings:
    """Those of a gateway that works on a world."""
    file = world.folder / "config.yaml"
    file.write_text(
        CONFIG.format(
            folder=world.folder / "audio",
            database=database_url(world.folder),
            key=world.folder / "key",
            memory=world.folder / "memory",
        )
    )
    return Settings.load(file, {})


def files(world: World) -> dict[str, bytes]:
    """Every sealed file there is."""
    return {str(path): path.read_bytes() for path in world.store.folder.rglob("*.t1*")}


def test_a_missing_key_file_is_asked_for_and_none_is_made_in_its_place(world: World) -> None:
    record_call(world)
    before = files(world)
    asked = settings(world)
    (world.folder / "key").rename(world.folder / "backup")
    with pytest.raises(KeysError, match="missing, and there is an archive"):
        Archive.open(asked)
    assert not (world.folder / "key").exists()
    (world.folder / "backup").rename(world.folder / "key")
    opened = Archive.open(asked)
    opened.recover(ARRIVED + timedelta(days=1))
    opened.close()
    assert files(world) == before


def test_a_new_archive_gets_its_key(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    database = f"sqlite:///{tmp_path}/data/tast1.db"
    file.write_text(
        CONFIG.format(
            folder=tmp_path / "data", database=database, key=tmp_path / "data/key", memory=tmp_path / "m"
        )
    )
    Archive.open(Settings.load(file, {})).close()
    assert (tmp_path / "data/key").stat().st_mode & 0o777 == 0o600


def test_beside_an_empty_database_recordings_are_not_taken_for_strays(world: World, engine: str) -> None:
    """The wrong database is named, or the right one is lost and its backup is still to come."""
    record_call(world)
    before = files(world)
    asked = settings(world)
    wrong = world.folder / "wrong.db"
    text = (world.folder / "config.yaml").read_text()
    (world.folder / "config.yaml").write_text(text.replace(database_url(world.folder), f"sqlite:///{wrong}"))
    with pytest.raises(Away, match="the database is empty, and there are recordings"):
        Archive.open(Settings.load(world.folder / "config.yaml", {}))
    assert files(world) == before
    opened = Archive.open(asked)
    opened.recover(ARRIVED + timedelta(days=1))
    opened.close()
    assert files(world) == before


@pytest.mark.sip
async def test_a_lost_database_file_costs_recordings_until_its_backup_is_back_and_no_call(
    tmp_path: Path,
) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = await Gateway(tmp_path / "g", agent.uri, workers=1).start()
        stage = Stage(gateway, caller, agent)
        try:
            first = await stage.recorded()
            await stage.talk(*first, 1.5)
            await hang_up(*first)
            await gateway.closed_calls(1)
            await gateway.stop()
            data, backup = tmp_path / "g/data", tmp_path / "backup"
            backup.mkdir()
            for path in data.glob("tast1.sqlite*"):
                shutil.move(path, backup / path.name)
            await gateway.start()
            dialog = await stage.dial()
            leg = await stage.accept(dialog)
            await hang_up(dialog, leg)
            for path in backup.iterdir():
                shutil.copy2(path, data / "restored")
                (data / "restored").rename(data / path.name)

            async def there() -> bool:
                return '"archive": "there"' in (await gateway.get("/readyz"))[1]

            await gateway.until(there, 60, "the archive was not looked for again")
            third = await stage.recorded()
            await stage.talk(*third, 1.5)
            await hang_up(*third)
            await gateway.closed_calls(3)
            kept = gateway.recordings()
            assert [r.incomplete_reason for r in kept] == [None, None]
            for each in kept:
                assert len(gateway.sound(each.id)[0]) > 8000
        finally:
            await gateway.stop()


@pytest.mark.sip
async def test_a_key_file_that_is_taken_away_from_a_running_gateway_is_missed_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = await Gateway(tmp_path / "g", agent.uri, workers=1).start()
        stage = Stage(gateway, caller, agent)
        key = gateway.settings().key_file
        try:
            key.rename(key.with_suffix(".away"))
            first = await stage.recorded()
            await stage.talk(*first, 1.5)
            await hang_up(*first)
            await gateway.stop()
            with pytest.raises(AssertionError, match=r"(?s)nøglefilen.*mangler"):
                await gateway.start()
            key.with_suffix(".away").rename(key)
            await gateway.start()
            assert [r.incomplete_reason for r in gateway.recordings()] == [None]
            assert len(gateway.sound(gateway.recordings()[0].id)[0]) > 8000
        finally:
            await gateway.stop()
