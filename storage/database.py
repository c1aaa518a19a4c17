"""One way into the database: `read(fn)` and `write(fn)`, each one transaction in a thread.

Promises:
1. `fn(session)` runs in one transaction. It is committed when `fn` returns and undone when it raises.
2. There is one writer at a time, in whatever process: BEGIN IMMEDIATE on SQLite, the lock of an empty table
   on PostgreSQL, taken before the transaction sees anything. So a hold and a sweep, or two entries of the
   audit chain, never meet half-way.
3. What is deleted is overwritten on SQLite (secure_delete); on PostgreSQL see `scrub`.
4. A write that lost a race is run again, so `fn` must do nothing but use its session.
5. Tables come from migrations only.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool, QueuePool

T = TypeVar("T")

_READERS = 4
# What a connection keeps of its pages: a batch of the sweep changes more than SQLite's 2 MiB.
_CACHE_KIB = {"IMMEDIATE": 32 * 1024, "DEFERRED": 8 * 1024}
_WRITERS = 8  # PostgreSQL only
_RETRIES = 12
_BUSY_MS = 30_000  # how long a write waits for another program's
_CONNECT_S = 5  # PostgreSQL only, as the next one
_VANISHED_S = 20
_SCRUB_WAIT_MS = 500  # writers wait meanwhile, so not longer
_LOST_RACE = ("40001", "40P01")  # serialization_failure, deadlock_detected
_TURN = sa.text("LOCK TABLE writing_turn IN EXCLUSIVE MODE")
_MIGRATION_LOCK = 0x7461737431  # any number that is ours ("tast1")
_SENSITIVE = (
    *("data_keys", "peaks", "documents", "caller_numbers", "consent_records", "grounds"),
    *("case_keys", "case_notes", "audit_reasons", "artifacts"),
)

log = logging.getLogger(__name__)


class DatabaseError(Exception):
    """The database could not do it. The message says what to do."""


class Away(DatabaseError):
    """The database is not there, or takes nothing just now; the same may work later."""


class Refused(DatabaseError):
    """A promise of the tables would have been broken (no consent, no call, twice the same)."""


class Database:
    """Connections to one database. `close()` when done."""

    def __init__(self, url: str, migrate_first: bool = True, admitted: bool = True) -> None:
        """Open `url` (`sqlite:///data/tast1.db` or `postgresql+psycopg://...`), migrating it first.

        With neither, nothing is opened yet: every read and write raises `Away` until `admit`.
        """
        self.url = url
        self._admitted = admitted
        self.is_sqlite = sa.make_url(url).get_backend_name() == "sqlite"
        try:
            if self.is_sqlite:
                self._writer = _sqlite_engine(url, "IMMEDIATE", 1)
                self._reader = _sqlite_engine(url, "DEFERRED", _READERS)
            else:
                self._writer = _postgres_engine(url, "SERIALIZABLE", _WRITERS)
                self._reader = _postgres_engine(url, "REPEATABLE READ", _READERS)
            if migrate_first:
                _migrate(self._writer)
        except sa.exc.DBAPIError as error:
            raise _explained(error) from error
        self._write_threads = ThreadPoolExecutor(1 if self.is_sqlite else _WRITERS, "db-write")
        self._read_threads = ThreadPoolExecutor(_READERS, "db-read")

    def admit(self) -> None:
        """From now on reads and writes are let through: the database is there, and in order."""
        self._admitted = True

    def shut(self) -> None:
        """Let nothing through until `admit`."""
        self._admitted = False

    @property
    def admitted(self) -> bool:
        """Whether reads and writes are let through."""
        return self._admitted

    def _require_admitted(self) -> None:
        if not self._admitted:
            raise Away("the database was away when the gateway started; it is looked for again")

    async def read(self, fn: Callable[[Session], T]) -> T:
        """`fn(session)` in a reading thread."""
        here = contextvars.copy_context()  # so that what is logged there names what it is about
        return await asyncio.get_running_loop().run_in_executor(
            self._read_threads, here.run, self.read_sync, fn
        )

    async def write(self, fn: Callable[[Session], T]) -> T:
        """`fn(session)` in a writing thread, committed. Cancelling the wait does not undo the write."""
        here = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            self._write_threads, here.run, self.write_sync, fn
        )

    def read_sync(self, fn: Callable[[Session], T]) -> T:
        """`fn(session)` here and now; nothing is committed."""
        self._require_admitted()
        try:
            with Session(self._reader, expire_on_commit=False) as session:
                try:
                    result = fn(session)
                    session.expunge_all()  # rows stay usable after the rollback
                    return result
                finally:
                    session.rollback()
        except sa.exc.TimeoutError as error:
            raise Away("the database is busy: too many wait for it; try again") from error
        except sa.exc.DBAPIError as error:
            raise _explained(error) from error

    def write_sync(self, fn: Callable[[Session], T]) -> T:
        """`fn(session)` here and now, committed; undone if it raises."""
        self._require_admitted()
        for attempt in range(_RETRIES):
            try:
                with Session(self._writer, expire_on_commit=False) as session, session.begin():
                    if not self.is_sqlite:
                        session.execute(_TURN)
                    return fn(session)
            except sa.exc.TimeoutError as error:
                raise Away("the database is busy: too many wait for it; try again") from error
            except sa.exc.DBAPIError as error:
                if not _lost_race(error) or attempt == _RETRIES - 1:
                    raise _explained(error) from error
                time.sleep(0.005 * 2 ** min(attempt, 6))
        raise AssertionError("unreachable")

    def scrub(self) -> bool:
        """Remove traces of deleted rows from log or heap; False if readers were in the way.

        A later call completes what this one could not. On PostgreSQL the space of deleted rows is given back
        for new ones (VACUUM); its pages and its write-ahead log hold what was deleted until they are used
        again: sealed bytes and wrapped keys, and in clear the digits that were pressed during the question.
        """
        self._require_admitted()
        try:
            if not self.is_sqlite:
                with self._writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    for table in _SENSITIVE:
                        connection.exec_driver_sql(f"VACUUM {table}")
                return True
            raw = self._writer.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute(f"PRAGMA busy_timeout={_SCRUB_WAIT_MS}")
                busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
            finally:
                cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
                raw.close()
        except sa.exc.DBAPIError as error:
            raise _explained(error) from error

    def lock(self, number: int) -> Lock | None:
        """A lock of the server that only one connection has, 64 bits; None when another one has it.

        It is held until `Lock.release` or the end of the connection. SQLite has none: `ValueError`.
        """
        if self.is_sqlite:
            raise ValueError("SQLite has no such locks")
        engine = sa.create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        try:
            connection = engine.connect()
            if connection.scalar(sa.select(sa.func.pg_try_advisory_lock(number))):
                return Lock(connection)
            connection.close()
            return None
        except sa.exc.DBAPIError as error:
            raise _explained(error) from error

    def close(self) -> None:
        """Wait for what runs, then let go of all connections."""
        self._write_threads.shutdown()
        self._read_threads.shutdown()
        self._reader.dispose()
        self._writer.dispose()


class Lock:
    """A lock that lasts as long as its connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def is_held(self) -> bool:
        """Whether the connection, and with it the lock, is there still."""
        try:
            return bool(self._connection.scalar(sa.select(1)) == 1)
        except sa.exc.SQLAlchemyError:
            return False

    def release(self) -> None:
        """Let go of it."""
        try:
            self._connection.close()
        except sa.exc.SQLAlchemyError:
            return  # the server is gone, and the lock with it


def migrate(url: str) -> None:
    """Bring the database at `url` to this program's tables."""
    Database(url).close()


def _sqlite_engine(url: str, begin: str, connections: int) -> sa.Engine:
    path = sa.make_url(url).database
    if not path or path == ":memory:":
        raise DatabaseError("SQLite needs a file; give a path, such as sqlite:///data/tast1.db")
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not Path(path).exists():
        Path(path).touch(mode=0o600)
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN would be a deferred one; ours is explicit (below).
        connection.isolation_level = None
        _switch_to_wal(connection)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            f"cache_size=-{_CACHE_KIB[begin]}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine


def _switch_to_wal(connection: Any) -> None:
    """SQLite does not wait for a lock when it changes the journal mode, so we do."""
    for _ in range(_BUSY_MS // 50):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA journal_mode=WAL")


def _postgres_engine(url: str, isolation: Literal["SERIALIZABLE", "REPEATABLE READ"], size: int) -> sa.Engine:
    try:
        return sa.create_engine(
            url,
            isolation_level=isolation,
            pool_size=size,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                # What is committed survives a power cut of the server, whatever the server's default is.
                "options": f"-c lock_timeout={_BUSY_MS} -c timezone=UTC -c synchronous_commit=on",
                "connect_timeout": _CONNECT_S,
                # A server that vanished without a word (cable, firewall, power) is noticed.
                "tcp_user_timeout": _VANISHED_S * 1000,
                "keepalives_idle": _VANISHED_S,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
        )
    except ModuleNotFoundError as error:
        raise DatabaseError(
            f"the database driver {error.name} is not installed; run: pip install 'psycopg[binary]'"
        ) from error


def _migrate(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:  # a table that is made anew keeps its rows and those that name them (SQLite's own advice)
            _pragma(connection, "foreign_keys=OFF")
        else:
            connection = connection.execution_options(isolation_level="READ COMMITTED")
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                _upgrade(connection, config, scripts)
                if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise DatabaseError("rows name rows that are not there; restore the database's backup")
        finally:
            if sqlite:
                _pragma(connection, "foreign_keys=ON")


def _upgrade(connection: sa.Connection, config: Config, scripts: ScriptDirectory) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseError("the database is newer than this program; install the newer program")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    log.info("database migrated", extra={"revision": scripts.get_current_head()})


def _pragma(connection: sa.Connection, pragma: str) -> None:
    """Outside of any transaction, where alone it has an effect."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.cursor().execute(f"PRAGMA {pragma}")


def _lost_race(error: sa.exc.DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _LOST_RACE


def _explained(error: sa.exc.DBAPIError) -> DatabaseError:
    """Our error for the driver's; the statement's parameters, which may be personal, are left out."""
    what = str(error.orig).split("\n")[0]
    if isinstance(error, sa.exc.IntegrityError):
        return Refused(f"the database refused it: {type(error.orig).__name__} ({_constraint(error)})")
    if "disk" in what and "full" in what:
        return Away("the database disk is full; free space on the data volume")
    if "locked" in what or "lock timeout" in what:
        return Away("the database is locked by another program for too long; end that program")
    if "readonly" in what or "unable to open" in what:
        return Away("the database file cannot be written; give the service user access to its folder")
    if isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError)) or error.connection_invalidated:
        return Away(f"the database failed: {type(error.orig).__name__}: {what}")
    return DatabaseError(f"the database failed: {type(error.orig).__name__}: {what}")


def _constraint(error: sa.exc.IntegrityError) -> str:
    named = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return str(named or str(error.orig).split("\n")[0])
