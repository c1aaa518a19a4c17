"""An archive of any size, made fast: the rows of a few stories, copied with other names, numbers and days.

Promises:
1. A row of a copy is the row that the program wrote, moved on the civil calendar, with what is random or
   computed made anew: ids, hashes, signatures, sealed values, the audit chain. A test compares the two,
   checks chain and signatures, and sweeps.
2. `archive` makes exactly as many artifacts as it is asked for, and `due` of them are due at `NOW`, as with a
   gateway that was swept at every midnight but the last.
3. What it holds in memory does not grow with the archive.

The audit entries of a call stand together, so the chain is not in the order of time as a gateway's is.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from benchmarks import stories
from benchmarks.copies import AUDIT_LOG, Original
from benchmarks.stories import Story, Teller
from storage import audit_chain, calls
from storage.database import migrate
from storage.keys import Keys
from storage.policy.clocks import local_date, local_midnight
from storage.policy.settings import PolicySettings
from storage.tables import Table

TODAY = date(2025, 5, 21)
NOW = local_midnight(TODAY) + timedelta(minutes=1)
"""When the archive is swept: what fell due at midnight is still there."""

SHARE_DUE = 0.03
STORIES = ("recorded", "declined", "complained", "ordered", "aged")

_LIFE_DAYS = 31  # a recording of that many days ago falls due as TODAY begins
_EVIDENCE_DAYS = 61  # and so does the evidence of one of that many days ago
_DAY_MINUTES = 600  # calls come in between 08:00 and 18:00
_SLOTS = 10
_CALLS_A_SLOT = 10
_CALLS_A_NUMBER = 8
_ROWS_AT_ONCE = 20_000
_CACHE_KIB = 1_000_000
_SQLITE = SQLiteDialect_pysqlite()

Told = Callable[[int], None]


@dataclass(frozen=True)
class Batch:
    """Some calls of one story that came in `days` ago."""

    story: str
    days: int
    calls: int


def archive(path: Path, keys: Keys, artifacts: int, told: Told = lambda made: None) -> None:
    """Make an SQLite database of that many artifacts; `told`: how many there are so far."""
    migrate(f"sqlite:///{path}")
    teller = Teller(keys, PolicySettings())
    batches = plan(artifacts)
    known = {name: getattr(teller, name)() for name in {batch.story for batch in batches}}
    with _Loader(path) as loader:
        copier = _Copier(loader, keys, numbers(artifacts))
        made = 0
        for batch in batches:
            story: Story = known[batch.story]
            for copies in copier.copy(story, batch):
                told(made + copies * story.kept)
            made += batch.calls * story.kept
        copier.flush()


def plan(artifacts: int) -> list[Batch]:
    """The calls of an archive of that many artifacts, the oldest first.

    Three calls of four are recorded (three artifacts each), the fourth is not (one artifact). Of a call that
    is older than a recording may be, its evidence is left; one of a hundred of those is held by an order.
    """
    cohort = _cohort(artifacts)
    living, old = range(1, _LIFE_DAYS), range(_LIFE_DAYS + 1, _EVIDENCE_DAYS)
    left = artifacts - 13 * cohort
    groups = max(0, left // (10 * len(living) + 3 * len(old)))  # of four calls, a day
    ordered, complained = groups // 100, groups * 3 // 50
    batches = [
        Batch("aged", _EVIDENCE_DAYS, 3 * cohort),
        Batch("recorded", _LIFE_DAYS, 3 * cohort),
        Batch("declined", _LIFE_DAYS, cohort),
    ]
    for days in old:  # an order keeps three artifacts of a call, so three calls less
        batches += [Batch("ordered", days, ordered), Batch("aged", days, 3 * groups - 3 * ordered)]
    rest = left - groups * (10 * len(living) + 3 * len(old))
    for days in living:
        of_complaints = complained if days > 1 else 0  # a complaint comes the day after
        batches += [
            Batch("complained", days, of_complaints),
            Batch("recorded", days, 3 * groups - of_complaints),
            Batch("declined", days, groups + rest // len(living) + (days <= rest % len(living))),
        ]
    return sorted((batch for batch in batches if batch.calls > 0), key=lambda batch: -batch.days)


def due(artifacts: int) -> int:
    """How many artifacts of an archive of that many a sweep erases at `NOW`."""
    return 10 * _cohort(artifacts)


def _cohort(artifacts: int) -> int:
    """Groups of four calls on the day whose recordings are due: 7 artifacts each, and 3 old evidence."""
    return max(1, round(artifacts * SHARE_DUE / 10))


def numbers(artifacts: int) -> int:
    """How many numbers the calls of an archive of that many artifacts come from."""
    return max(1, artifacts // 2 // _CALLS_A_NUMBER)


def number(index: int) -> str:
    """The caller of that index; the first call most often."""
    return f"+45{20_000_000 + index}"


class _Copier:
    """Makes copies and keeps the end of the audit chain."""

    def __init__(self, loader: _Loader, keys: Keys, numbers: int) -> None:
        self._loader = loader
        self._keys = keys
        self._numbers = numbers
        self._draw = random.Random(1)
        self._last: tuple[int, str] | None = None
        self._cases = 0
        self._rows: dict[str, list[Sequence[Any]]] = {}
        self._waiting = 0

    def copy(self, story: Story, batch: Batch) -> Iterator[int]:
        """Copy a story; yields how many copies there are, now and then."""
        days = (TODAY - local_date(stories.BEGAN)).days - batch.days
        slots = min(_SLOTS, 1 + batch.calls // _CALLS_A_SLOT)
        for slot in range(slots):
            original = Original(story, bound, days, slot * _DAY_MINUTES // slots)
            for _ in range(slot * batch.calls // slots, (slot + 1) * batch.calls // slots):
                self._one(original)
            if self._waiting >= _ROWS_AT_ONCE:
                self.flush()
            yield (slot + 1) * batch.calls // slots

    def flush(self) -> None:
        """Hand the rows over."""
        self._loader.load(self._rows)
        self._rows.clear()
        self._waiting = 0

    def _one(self, original: Original) -> None:
        caller = number(int(self._numbers * self._draw.random() ** 2))
        self._cases += 1
        pseudonym = calls.caller_pseudonym(self._keys, caller)
        new = original.names(self._keys, caller, pseudonym, f"K-{self._cases:07}")
        for line in original.lines:
            self._rows.setdefault(line.table, []).append(line.with_names(new))
        for line in original.entries:
            entry = audit_chain.follow(self._last, tuple(line.with_names(new)))
            self._last = (entry.seq, entry.hash)
            self._rows.setdefault(AUDIT_LOG, []).append((*vars(entry).values(), None))
        self._waiting += len(original.lines) + len(original.entries)


# --- loading --------------------------------------------------------------------------------------


class _Loader:
    """Writes rows past the program's own way in, as fast as a file that nobody else has open allows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _Loader:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN")
        return self

    def load(self, rows: dict[str, list[Sequence[Any]]]) -> None:
        """Add rows, by table; their values as `bound` gives them."""
        for table, lines in rows.items():
            places = ", ".join("?" * len(lines[0]))
            self._connection.executemany(f"INSERT INTO {table} ({_names(table)}) VALUES ({places})", lines)

    def __exit__(self, *error: object) -> None:
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.close()


def bound(table: sa.Table, row: dict[str, Any]) -> list[Any]:
    """A row's values as SQLite's driver takes them, in the order of the columns.

    A tuple is the name of a value that is made later; JSON is text already.
    """
    return [_bound(column, row[column.name]) for column in _columns(table)]


def _bound(column: sa.Column[Any], value: Any) -> Any:
    if isinstance(value, tuple) or isinstance(column.type, sa.JSON):
        return value
    process = column.type.dialect_impl(_SQLITE).bind_processor(_SQLITE)
    return process(value) if process else value


def to_postgres(path: Path, url: str, told: Told = lambda rows: None) -> None:
    """Copy an archive into an empty PostgreSQL database; `told`: how many rows so far.

    Foreign keys are not looked at meanwhile; the tables are analysed at the end, as autovacuum would.
    """
    migrate(url)
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = 0
    with closing(sqlite3.connect(path)) as source, psycopg.connect(plain, autocommit=True) as target:
        target.execute("SET session_replication_role = replica")
        for table in Table.metadata.sorted_tables:
            names = _names(table.name)
            rows = source.execute(f"SELECT {names} FROM {table.name} ORDER BY rowid")
            with target.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
                    done += 1
                    if done % _ROWS_AT_ONCE == 0:
                        told(done)
        target.execute("VACUUM ANALYZE")
    told(done)


def _names(table: str) -> str:
    return ", ".join(f'"{column.name}"' for column in _columns(Table.metadata.tables[table]))


def _columns(table: sa.Table) -> list[sa.Column[Any]]:
    """Those that the database does not count itself."""
    return [column for column in table.columns if column is not table.autoincrement_column]
