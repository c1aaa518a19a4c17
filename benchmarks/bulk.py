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
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa

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
_SQLITE_CACHE_KIB = 1_000_000

Told = Callable[[int], None]


@dataclass(frozen=True)
class Batch:
    """Some calls of one story that came in `days` ago."""

    story: str
    days: int
    calls: int


def archive(url: str, keys: Keys, artifacts: int, told: Told = lambda made: None) -> None:
    """Fill an empty database, that nobody has open, with that many artifacts; `told`: how many so far."""
    migrate(url)
    teller = Teller(keys, PolicySettings())
    batches = plan(artifacts)
    known = {name: getattr(teller, name)() for name in {batch.story for batch in batches}}
    with _open(url) as loader:
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
    is older than a recording may be its evidence is left; one of a hundred of those is held whole by an order.
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

    def __init__(self, loader: Loader, keys: Keys, numbers: int) -> None:
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
            original = Original(story, self._loader.bind, days, slot * _DAY_MINUTES // slots)
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


class Loader(Protocol):
    """Loads rows past the program's own way in; constraints and triggers are looked at afterwards."""

    def bind(self, table: sa.Table, row: dict[str, Any]) -> list[Any]:
        """A row's values as the driver takes them, in the order of `columns`."""

    def load(self, rows: dict[str, list[Sequence[Any]]]) -> None:
        """Add rows, by table."""


def _open(url: str) -> _Sqlite | _Postgres:
    return _Sqlite(url) if url.startswith("sqlite") else _Postgres(url)


class _Loader:
    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self._dialect = self.url.get_dialect()()

    def bind(self, table: sa.Table, row: dict[str, Any]) -> list[Any]:
        """See `Loader`. A tuple is the name of a value that is made later; JSON is text already."""
        return [self._bound(column, row[column.name]) for column in _columns(table)]

    def _bound(self, column: sa.Column[Any], value: Any) -> Any:
        if isinstance(value, tuple) or isinstance(column.type, sa.JSON):
            return value
        process = column.type.dialect_impl(self._dialect).bind_processor(self._dialect)
        return process(value) if process else value


class _Sqlite(_Loader):
    """As fast as a file that nobody else has open allows; the log is switched off meanwhile."""

    def __enter__(self) -> _Sqlite:
        self._connection = sqlite3.connect(str(self.url.database), isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_SQLITE_CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN")
        return self

    def load(self, rows: dict[str, list[Sequence[Any]]]) -> None:
        """See `Loader`."""
        for table, lines in rows.items():
            names = ", ".join(f'"{column.name}"' for column in _columns(Table.metadata.tables[table]))
            places = ", ".join("?" * len(lines[0]))
            self._connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", lines)

    def __exit__(self, *error: object) -> None:
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.close()


class _Postgres(_Loader):
    """COPY, without looking at foreign keys; afterwards the tables are analysed, as autovacuum would."""

    def __enter__(self) -> _Postgres:
        url = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("SET session_replication_role = replica")
        self._connection.execute("SET synchronous_commit = off")
        return self

    def load(self, rows: dict[str, list[Sequence[Any]]]) -> None:
        """See `Loader`."""
        for table, lines in rows.items():
            names = ", ".join(f'"{column.name}"' for column in _columns(Table.metadata.tables[table]))
            with self._connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for line in lines:
                    copy.write_row(line)

    def __exit__(self, *error: object) -> None:
        self._connection.execute("VACUUM ANALYZE")
        self._connection.close()


def _columns(table: sa.Table) -> list[sa.Column[Any]]:
    """Those that the database does not count itself."""
    return [column for column in table.columns if column is not table.autoincrement_column]
