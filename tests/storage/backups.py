"""A backup of a world and its restore: the database and the media, never the erasure ledger."""

from __future__ import annotations

import shutil

import sqlalchemy as sa

from tests.storage.world import World, database_url, open_world

_FOLDERS = ("media", "spool")


def back_up(world: World) -> World:
    """Copy database and media aside (in place of an older copy), and go on."""
    world.db.close()
    copy = world.folder / "backup"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    _copy_database(world, to_backup=True)
    for name in _FOLDERS:
        shutil.copytree(world.folder / "audio" / name, copy / name)
    return open_world(world.folder)


def restore(world: World) -> World:
    """The database and the media of the backup, in place of those of today."""
    world.db.close()
    _copy_database(world, to_backup=False)
    for name in _FOLDERS:
        shutil.rmtree(world.folder / "audio" / name)
        shutil.copytree(world.folder / "backup" / name, world.folder / "audio" / name)
    return open_world(world.folder)


def _copy_database(world: World, to_backup: bool) -> None:
    url = sa.make_url(database_url(world.folder))
    if url.get_backend_name() == "sqlite":
        source, target = world.folder, world.folder / "backup"
        if not to_backup:
            source, target = target, source
            for path in target.glob("tast1.db*"):
                path.unlink()
        for path in source.glob("tast1.db*"):
            shutil.copy(path, target)
        return
    names = [url.database, f"{url.database}_backup"]
    source_name, target_name = names if to_backup else names[::-1]
    engine = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {target_name} WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE {target_name} TEMPLATE {source_name}"))
    engine.dispose()
