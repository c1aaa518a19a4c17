"""`python -m benchmarks.measured NAME URL FOLDER`: one measurement of an archive, as JSON.

The process does nothing else, so its peak memory is that of the measurement.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select

from benchmarks import bulk
from benchmarks.machine import loop_ms
from benchmarks.measures import Spread
from storage import preview
from storage.database import Database
from storage.explanations import explain
from storage.gate import Asking, Gate
from storage.keys import Keys
from storage.media import MediaStore
from storage.people import Person, Role
from storage.policy.settings import PolicySettings
from storage.sweep import sweep
from storage.tables import Artifact

T = TypeVar("T")

LOOKUPS = 200
WARM_UP = 3
"""Lookups that are not counted: the first ones connect and prepare their statements."""

DPO = Asking(Person("anna", (Role("DPO"),)), "DPO", "rights_request")


class TimedStore(MediaStore):
    """Keeps how long files were looked for and removed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seconds = 0.0

    def remove(
        self, artifact_id: str, unsynced: set[Path] | None = None, in_bucket: bool = True
    ) -> list[str]:
        """As the store does."""
        return self._timed(lambda: super(TimedStore, self).remove(artifact_id, unsynced, in_bucket))

    def sync(self, folders: set[Path]) -> None:
        """As the store does."""
        self._timed(lambda: super(TimedStore, self).sync(folders))

    def places(self, artifact_id: str, in_bucket: bool = True) -> list[str]:
        """As the store does."""
        return self._timed(lambda: super(TimedStore, self).places(artifact_id, in_bucket))

    def _timed(self, fn: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return fn()
        finally:
            self.seconds += time.perf_counter() - start


def why(db: Database, folder: Path) -> dict[str, Any]:
    """Why artifacts still exist."""
    settings = PolicySettings()

    def ask(artifact_id: str) -> None:
        assert db.read_sync(lambda s: explain(s, settings, artifact_id, bulk.NOW)) is not None

    return _spread(ask, all_over(db, LOOKUPS + WARM_UP))


def all_over(db: Database, count: int) -> list[str]:
    """Ids of that many artifacts that exist, from the first to the last at even distances."""
    living = select(Artifact.id).where(Artifact.blocked_at.is_(None))
    ends = (living.order_by(Artifact.id).limit(1), living.order_by(Artifact.id.desc()).limit(1))
    first, last = (int(db.read_sync(lambda s, end=end: s.scalars(end).one()), 16) for end in ends)  # type: ignore[misc]

    def at(place: int) -> str:
        """The first id from there on."""
        query = living.where(Artifact.id >= f"{place:032x}").order_by(Artifact.id).limit(1)
        return db.read_sync(lambda s: s.scalars(query).one())

    return [at(first + (last - first) * index // (count - 1)) for index in range(count)]


def number(db: Database, folder: Path) -> dict[str, Any]:
    """All calls of numbers."""
    gate = Gate(db, MediaStore(folder / "audio"), Keys.open(folder / "key"), PolicySettings())
    known = bulk.numbers(preview.count(db))
    asked = [bulk.number(index * known // (LOOKUPS + WARM_UP)) for index in range(LOOKUPS + WARM_UP)]
    found: list[int] = []
    spread = _spread(
        lambda each: found.append(len(gate.calls_of_number(DPO, each, bulk.NOW))), [*asked, asked[0]]
    )
    return {**spread, "most": max(found)}


def other_settings(db: Database, folder: Path) -> dict[str, Any]:
    """A preview over everything."""
    now = PolicySettings()
    other = replace(now, retention=replace(now.retention, callcenter_days=20))
    start = time.perf_counter()
    found = preview.preview(db, other, bulk.NOW)
    return {"seconds": time.perf_counter() - start, "looked_at": found.looked_at}


def erase(db: Database, folder: Path) -> dict[str, Any]:
    """A sweep of what is due."""
    store = TimedStore(folder / "audio")
    start = time.perf_counter()
    erased: Counter[str] = Counter()
    sweep(db, store, bulk.NOW, PolicySettings(), on_erased=lambda each: erased.update([each.kind]))
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "files_s": store.seconds, "erased": erased.total()}


MEASURES: dict[str, Callable[[Database, Path], dict[str, Any]]] = {
    "why": why,
    "number": number,
    "preview": other_settings,
    "sweep": erase,
}
"""In the order in which they are made: the sweep changes the archive."""


def _spread(ask: Callable[[str], object], subjects: Iterable[str]) -> dict[str, Any]:
    waits = []
    for subject in subjects:
        start = time.perf_counter()
        ask(subject)
        waits.append((time.perf_counter() - start) * 1000)
    spread = Spread.of(waits[WARM_UP:])
    return {"median_ms": spread.median, "p95_ms": spread.p95, "worst_ms": spread.worst}


def peak_mib(status: str) -> float:
    """The peak of resident memory in /proc/PID/status, in MiB."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise ValueError("no VmHWM in the status of a process")
    return int(found[1]) / 1024


def main() -> None:
    """Measure, print."""
    name, url, folder = sys.argv[1:]
    before = loop_ms()
    db = Database(url)
    figures = MEASURES[name](db, Path(folder))
    db.close()
    peak = peak_mib(Path("/proc/self/status").read_text())
    print(json.dumps({**figures, "peak_mib": peak, "loop_ms": before}))


if __name__ == "__main__":
    main()
