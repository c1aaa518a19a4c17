"""What storage tests start from: a folder with database, keys and media store, and one recorded call."""

from __future__ import annotations

import functools
import hashlib
import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from storage import calls, consents, recordings
from storage.database import Database
from storage.keys import Keys
from storage.media import MediaStore
from storage.policy.settings import PolicySettings

ARRIVED = datetime(2025, 1, 15, 11, 0, tzinfo=timezone.utc)
NUMBER = "+4587654321"


@dataclass
class World:
    """Everything a gateway has on disk."""

    folder: Path
    db: Database
    keys: Keys
    store: MediaStore
    settings: PolicySettings


@functools.cache
def _template(server: str) -> str:
    """The name of an empty, migrated database on that server: copying it is faster than migrating each."""
    _on_server(server, "CREATE DATABASE migrated")
    Database(sa.make_url(server).set(database="migrated").render_as_string(hide_password=False)).close()
    return "migrated"


@functools.cache
def _empty_sqlite() -> bytes:
    """The file of an empty, migrated database."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        Database(f"sqlite:///{file}").close()
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return file.read_bytes()


def _on_server(server: str, *statements: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def _name(folder: Path) -> str:
    return "t" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def use_postgres(folder: Path, server: str) -> None:
    """From now on the world in `folder` has a database of its own on that server."""
    name = _name(folder)
    template = _template(server)
    leave_postgres(folder, server)
    _on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    (folder / "database.url").write_text(url)


def leave_postgres(folder: Path, server: str) -> None:
    """Drop that database: of thousands of worlds none is left on the disk."""
    _on_server(server, f"DROP DATABASE IF EXISTS {_name(folder)} WITH (FORCE)")


def database_url(folder: Path) -> str:
    """The database of the world in `folder`, in whatever process: SQLite there, unless told otherwise."""
    chosen = folder / "database.url"
    return chosen.read_text() if chosen.exists() else f"sqlite:///{folder}/tast1.db"


def open_world(folder: Path) -> World:
    """The world in `folder`, made on first use."""
    url, file = database_url(folder), folder / "tast1.db"
    if url.startswith("sqlite") and not file.exists():
        file.write_bytes(_empty_sqlite())
        file.chmod(0o600)
    return World(
        folder,
        Database(url),
        Keys.open(folder / "key"),
        MediaStore(folder / "audio"),
        PolicySettings(),
    )


def consent_record(call_id: str, decision: str = "accepted", at: datetime = ARRIVED, offer: int = 1):
    """A decision as the call flow would hand it over."""
    key = consents.KeyEvent("1", at + timedelta(seconds=20), "rfc4733", 18000, True, "accepted")
    return consents.ConsentRecord(
        call_id=call_id,
        decision=decision,
        decided_at=at + timedelta(seconds=22),
        started_at=at + timedelta(seconds=2),
        language="da",
        prompt_id="consent",
        prompt_version="1",
        prompt_text_sha256="a" * 64,
        prompt_audio_sha256="b" * 64,
        policy_version="2024-01",
        decision_rule="1",
        keys=(key,) if decision == "accepted" else (),
        played_ms=18000,
        total_ms=20000,
        marker="purposes_end",
        offer=offer,
    )


def open_call(world: World, at: datetime = ARRIVED, number: str = NUMBER) -> str:
    """A call that arrived."""
    return world.db.write_sync(
        lambda s: calls.open_call(s, world.keys, at, sip_call_id="x@y", caller=number, flow="customer").id
    )


def begin(world: World, at: datetime = ARRIVED) -> tuple[str, recordings.NewRecording]:
    """A consented call whose recording has begun, nothing in its spool yet."""
    call_id = open_call(world, at)

    def start(session):
        consent = consents.record(session, consent_record(call_id, at=at), at + timedelta(seconds=22))
        started = at + timedelta(seconds=30)
        return recordings.begin(session, world.keys, call_id, consent.id, started, world.settings)

    return call_id, world.db.write_sync(start)


def tone(seconds: float, rate: int = 8000, hz: tuple[float, float] = (440, 1000)) -> bytes:
    """Stereo int16: one tone for each leg."""
    t = np.arange(round(seconds * rate)) / rate
    legs = [np.sin(2 * np.pi * f * t) * 8000 for f in hz]
    return np.stack(legs, axis=1).astype("<i2").tobytes()


def record_call(world: World, at: datetime = ARRIVED, seconds: float = 1.0) -> tuple[str, str]:
    """A whole recorded, sealed and closed call: (call id, artifact id)."""
    call_id, new = begin(world, at)
    pcm = tone(seconds)
    with world.store.create_spool(new.artifact_id, new.data_key) as spool:
        for start in range(0, len(pcm), 16000):
            spool.append(pcm[start : start + 16000])
    facts = world.store.finish(new.artifact_id, new.data_key)
    end = at + timedelta(seconds=60)

    def close(session):
        recordings.seal(session, new.artifact_id, facts, end, world.settings)
        calls.close_call(session, call_id, end, "hangup_caller", world.settings)

    world.db.write_sync(close)
    return call_id, new.artifact_id
