"""Two sweepers and ten writers at once: nothing held is erased, nothing is erased twice, the chain holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage import audit_log, people, remains
from storage.model import GroundName
from storage.policy.clocks import local_date
from storage.sweep import sweep
from storage.tables import Artifact, GroundRow, Tombstone
from tests.storage.crowd import DAY_S
from tests.storage.world import ARRIVED, World, open_world, record_call

ROOT = Path(__file__).parents[2]


@pytest.mark.kill
@pytest.mark.alone
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("sweepers", "writers"), [(2, 10)])
def test_a_minute_of_sweepers_and_writers_at_once_breaks_nothing(
    home: Path, engine: str, sweepers: int, writers: int
) -> None:
    # SQLite has the same promises; a quarter of the minute is enough to see them there.
    seconds = float(os.environ.get("TAST1_CROWD_S", "60" if engine == "postgresql" else "15"))
    world = open_world(home)
    world.db.write_sync(lambda s: people.add(s, "anna", "Anna", "LB", ARRIVED, {"id": "x"}))
    for number in range(150):  # they come of age while the crowd works
        record_call(world, at=ARRIVED - timedelta(days=30) + timedelta(days=number / 5), seconds=0.02)
    world.db.close()

    began_s = time.time() + 15  # all of them have started by then, on a slow machine too
    roles = ["sweep"] * sweepers + ["write"] * writers
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.storage.crowd",
                str(home),
                str(began_s),
                str(seconds),
                str(n),
                role,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n, role in enumerate(roles)
    ]
    told = [process.communicate(timeout=300) for process in processes]
    assert [p.returncode for p in processes] == [0] * len(roles), "\n".join(err[-2000:] for _, err in told)
    lines = [json.loads(line) for out, _ in told for line in out.splitlines()]
    done = sum((Counter(line["done"]) for line in lines if "done" in line), Counter())
    print(engine, dict(done))
    assert done["erased"] > 10 and done["order"] > 3 and done["complain"] > 3, "the crowd must have met"

    world = open_world(home)
    try:
        check(world, lines, ARRIVED + timedelta(days=seconds / DAY_S + 1))
    finally:
        world.db.close()


def check(world: World, lines: list[dict[str, str]], end: datetime) -> None:
    assert world.db.read_sync(audit_log.verify).intact
    entries = world.db.read_sync(lambda s: list(audit_log.entries(s)))
    by_subject = defaultdict(list)
    for entry in entries:
        by_subject[entry.subject].append(entry)
    erased = [subject for subject, told in by_subject.items() if any(e.action == "erase" for e in told)]
    for subject in erased:
        actions = [entry.action for entry in by_subject[subject]]
        assert actions.count("erase.begin") == actions.count("erase") == 1, "erased once"
        after = actions[actions.index("erase.begin") + 1 :]
        assert not {"ground.add", "play", "export", "read"} & set(after), "nothing happens to what is gone"
        assert grounds_left(by_subject[subject]) == set(), "what was held was not erased"
    certificates = world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(Tombstone)))
    assert certificates == len(erased)

    lifted = {line["lifted"] for line in lines if "lifted" in line}
    for order in (line["ordered"] for line in lines if "ordered" in line):
        if order in lifted:
            continue
        query = (
            select(Artifact.state)
            .join(GroundRow, GroundRow.artifact_id == Artifact.id)
            .where(GroundRow.case_id == order, GroundRow.ground == GroundName.AUTHORITY.value)
        )
        states = world.db.read_sync(lambda s, q=query: s.scalars(q).all())
        assert states and set(states) == {"sealed"}, "a hold wins wholly"

    sweep(world.db, world.store, end, world.settings)
    assert remains.search(world.db, world.store, world.keys, end, world.settings) == []


def grounds_left(told: list) -> set[tuple[str, str]]:  # type: ignore[type-arg]
    """The grounds that were added before the erasure began, and neither ended nor past their date then."""
    left: dict[tuple[str, str], str | None] = {}
    for entry in told:
        detail = json.loads(entry.detail)
        key = detail.get("ground", ""), detail.get("case", "")
        if entry.action in ("ground.add", "ground.until"):
            left[key] = detail["until"]
        elif entry.action == "ground.end":
            left.pop(key, None)
        elif entry.action == "erase.begin":
            today = local_date(datetime.fromisoformat(entry.at))
            return {key for key, until in left.items() if until is None or until >= today.isoformat()}
    return set()
