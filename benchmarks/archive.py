"""The archive at scale: a sweep, two lookups and a preview, on SQLite and PostgreSQL, at two sizes.

Each measurement is a process of its own that does nothing else, so its memory is that of the measurement.
That it is about the same at both sizes is the point: memory does not grow with the archive.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import bulk
from benchmarks.asked import Asked, BenchmarkError
from benchmarks.measured import LOOKUPS, MEASURES
from benchmarks.page import in_markdown, measured_on, on_screen
from storage.keys import Keys
from tests import postgres

SIZES = (100_000, 1_000_000)
QUICK_SIZES = (2_000, 6_000)
SWEEPS = 3
TARGETS = {"why": 50.0, "number": 50.0, "preview": 60.0, "sweep": 1000.0}
"""Milliseconds a lookup, seconds a preview of the larger archive, artifacts a second of a sweep."""

_TIMEOUT_S = 3 * 3600
_ROWS_AN_ARTIFACT = 12  # about, for the progress bar
_SERVER = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
HEADINGS = (
    "Database",
    "Artifacts",
    "Why, ms: median / p95 / worst",
    "Number, ms: median / p95 / worst",
    "Preview, s",
    "Sweep: artifacts a second",
    "of them erased in, s: all / files",
    "Peak MiB: why / number / preview / sweep",
    "Fixed loop meanwhile, ms",
)


@dataclass(frozen=True)
class Figures:
    """What was measured on one archive in one database, by name of the measurement."""

    database: str
    artifacts: int
    of: dict[str, dict[str, Any]]


def run(asked: Asked) -> str:
    """Measure everything; the section of the page."""
    if postgres.programs() is None:
        raise BenchmarkError("PostgreSQL is not installed (apt-get install postgresql)")
    sizes = asked.artifacts or (QUICK_SIZES if asked.quick else SIZES)
    figures: list[Figures] = []
    for size in sizes:
        folder = asked.scratch / str(size)
        shutil.rmtree(folder, ignore_errors=True)
        with postgres.server(**_SERVER) as server:
            with _progress(asked, size) as told:
                _make(folder, size, server, told)
            for name, url in (("SQLite", f"sqlite:///{folder}/tast1.db"), ("PostgreSQL", server)):
                asked.console.print(f"{name}, {size:,} artifacts")
                of = {each: _measure(each, url, folder) for each in MEASURES if each != "sweep"}
                figures.append(Figures(name, size, {**of, "sweep": _fastest_sweep(url, folder)}))
        shutil.rmtree(folder)
    asked.console.print(on_screen("The archive", HEADINGS, rows(figures)))
    return section(asked, figures)


def _make(folder: Path, size: int, server: str, told: Progress) -> None:
    """The archive in both databases."""
    folder.mkdir(parents=True)
    making = told.add_task("making", total=size)
    keys = Keys.open(folder / "key")
    bulk.archive(folder / "tast1.db", keys, size, lambda made: told.update(making, completed=made))
    copying = told.add_task("into PostgreSQL", total=size * _ROWS_AN_ARTIFACT)
    bulk.to_postgres(folder / "tast1.db", server, lambda rows: told.update(copying, completed=rows))


@contextmanager
def _progress(asked: Asked, size: int) -> Iterator[Progress]:
    columns = (TextColumn(f"{size:,}"), TextColumn("{task.description:>16}"), BarColumn(30))
    with Progress(*columns, TimeElapsedColumn(), console=asked.console, transient=True) as progress:
        yield progress


def _measure(name: str, url: str, folder: Path) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.measured", name, url, str(folder)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _fastest_sweep(url: str, folder: Path) -> dict[str, Any]:
    """The fastest of some sweeps, each of its own copy of the archive; `rates`: of all of them."""
    found: list[dict[str, Any]] = []
    for _ in range(SWEEPS):
        with _copy(url, folder) as (copied, place):
            found.append(_measure("sweep", copied, place))
    fastest = max(found, key=per_second)
    return {**fastest, "rates": [round(per_second(each)) for each in found]}


@contextmanager
def _copy(url: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """A copy of the archive's database, and a folder with its key."""
    place = folder / "copy"
    place.mkdir()
    shutil.copy(folder / "key", place)
    try:
        if url.startswith("sqlite"):
            shutil.copy(folder / "tast1.db", place)
            yield f"sqlite:///{place}/tast1.db", place
            return
        name = sa.make_url(url).database
        at = sa.make_url(url).set(drivername="postgresql", database="template1").render_as_string(False)
        with psycopg.connect(at, autocommit=True) as server:
            server.execute(f'CREATE DATABASE swept TEMPLATE "{name}"')
            server.execute("CHECKPOINT")
        try:
            yield sa.make_url(url).set(database="swept").render_as_string(False), place
        finally:
            with psycopg.connect(at, autocommit=True) as server:
                server.execute("DROP DATABASE swept WITH (FORCE)")
    finally:
        shutil.rmtree(place)


# --- the section ----------------------------------------------------------------------------------


def rows(figures: Sequence[Figures]) -> list[tuple[str, ...]]:
    """One row for each archive and database, in the order of `HEADINGS`."""
    return [
        (
            each.database,
            f"{each.artifacts:,}",
            _spread(each.of["why"]),
            _spread(each.of["number"]),
            f"{each.of['preview']['seconds']:.1f}",
            f"{per_second(each.of['sweep']):,.0f}",
            f"{each.of['sweep']['erased']:,}: {each.of['sweep']['seconds']:.1f}"
            f" / {each.of['sweep']['files_s']:.1f}",
            " / ".join(f"{each.of[name]['peak_mib']:.0f}" for name in MEASURES),
            " / ".join(f"{each.of[name]['loop_ms']:.0f}" for name in MEASURES),
        )
        for each in figures
    ]


def per_second(sweep: dict[str, Any]) -> float:
    """Artifacts a second, without the time in which files were looked for and removed."""
    return float(sweep["erased"] / (sweep["seconds"] - sweep["files_s"]))


def _spread(lookup: dict[str, Any]) -> str:
    return f"{lookup['median_ms']:.1f} / {lookup['p95_ms']:.1f} / {lookup['worst_ms']:.1f}"


def missed(figures: Sequence[Figures]) -> list[str]:
    """The targets that were not met, as sentences."""
    found = []
    for each in figures:
        where = f"{each.database}, {each.artifacts:,} artifacts"
        for name in ("why", "number"):
            if (took := each.of[name]["p95_ms"]) >= TARGETS[name]:
                found.append(f"{where}: a lookup ({name}) took {took:.0f} ms (p95) instead of 50 ms.")
        if (took := each.of["preview"]["seconds"]) >= TARGETS["preview"]:
            found.append(f"{where}: the preview took {took:.0f} s instead of 60 s.")
        if (rate := per_second(each.of["sweep"])) < TARGETS["sweep"]:
            found.append(f"{where}: the sweep erased {rate:,.0f} artifacts a second instead of 1,000.")
    return found


def section(asked: Asked, figures: Sequence[Figures]) -> str:
    """The archive's section of the page."""
    found = missed(figures)
    said = "\n".join(f"* {each}" for each in found) if found else "All targets were met."
    rates = "; ".join(
        f"{each.database} {each.artifacts:,}: {', '.join(f'{rate:,}' for rate in each.of['sweep']['rates'])}"
        for each in figures
    )
    loop_ms = f"{asked.where.loop_ms:.0f}"
    return SECTION.format(
        table=in_markdown(HEADINGS, rows(figures)),
        missed=said,
        sweeps=SWEEPS,
        rates=rates,
        lookups=LOOKUPS,
        loop_ms=loop_ms,
        machine=measured_on(asked.where, asked.command),
    )


SECTION = """## The archive

{table}

Targets: a lookup under 50 ms, a preview of 1,000,000 artifacts under 60 s, a sweep of more than 1,000
artifacts a second without the removal of files; memory that does not grow with the archive.

{missed}

* **Archive**: calls of 61 days, as of a gateway that was swept every night but the last. Of those of the last
  30 days three of four are recorded (recording, transcript, consent evidence), the fourth has a decision log;
  older ones have their evidence left; some are complained about or ordered kept. Rows are copies of what the
  program wrote, with their own ids, keys, signatures and audit entries. Recordings are a second long and
  transcripts a few words; there are no files.
* **Why**: why an artifact still exists, of {lookups} drawn artifacts. **Number**: all calls of a number, of
  {lookups} drawn numbers and the busiest, with the check of the role and the entry in the audit log.
* **Preview**: other settings (20 days instead of 30) over everything. **Sweep**: 3 % of the artifacts are
  due; every batch is committed to disk. PostgreSQL runs with fsync and 256 MB of shared buffers, on loopback.
  It is done {sweeps} times, each on a copy of the archive, and the table has the fastest, since only other
  work makes one slower than another. All of them, in artifacts a second: {rates}.
* **Peak**: VmHWM of the process that did only that; the memory of the PostgreSQL server is not in it, it is
  what its settings say.
* **Fixed loop**: the loop of the machine's speed, timed just before each measurement, in their order; it took
  {loop_ms} ms at its best before the run. Where it takes longer, other work ran beside, and so did the
  measurement.

{machine}
"""
