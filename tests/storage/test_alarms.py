"""What waits for somebody is asked for on the days that the rules set, and no longer than it waits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storage import complaints, investigations, people
from storage.desk import Desk
from storage.gate import Asking
from storage.model import CaseKind
from storage.people import Person, Role
from storage.policy.clocks import add_years, local_date
from storage.policy.reuse import Reuse, ReuseSettings
from storage.tasks import Task, waiting
from tests.storage.world import ARRIVED, World, record_call

WHY = {"reason": "it says so in the letter"}
WORKING = ("complaint", "inspector", "legal", "casedoc")


@pytest.fixture
def desk(world: World) -> Desk:
    on_file = Reuse(lia="LIA-1", compatibility_test="CT-1")
    for user in WORKING:
        world.db.write_sync(lambda s, each=user: people.add(s, each, "N", "LB", ARRIVED, {"id": "x"}))
    reuse = ReuseSettings(on_file, on_file, on_file)
    return Desk(world.db, world.store, world.keys, world.settings, reuse=reuse)


def by(role: str) -> Asking:
    return Asking(Person(role.lower(), (Role(role),)), role)


def day(number: float) -> datetime:
    """The instant so many days after the call."""
    return ARRIVED + timedelta(days=number)


def asked(desk: Desk, kind: str, at: datetime) -> Task | None:
    """The one task of a kind, if there is one at that instant."""
    found = [task for task in desk.db.read_sync(lambda s: waiting(s, desk, at)) if task.kind == kind]
    assert len(found) <= 1
    return found[0] if found else None


def levels(desk: Desk, kind: str, *days: int) -> list[int]:
    """How pressing it is on these days; -1: nobody is asked."""
    found = [asked(desk, kind, day(number)) for number in days]
    return [-1 if task is None else task.level for task in found]


def test_a_freeze_is_asked_for_on_its_seventh_and_twelfth_day(world: World, desk: Desk) -> None:
    call, _ = record_call(world)
    complaints.receive(desk, by("COMPLAINT"), [call], day(20), complaint_id="K-1")
    task = asked(desk, "freeze", day(20))
    assert task is not None and task.due == local_date(day(34))
    assert levels(desk, "freeze", 26, 27, 31, 32, 34, 35) == [0, 1, 1, 2, 2, -1]


def test_more_days_for_a_complaint_are_counted_anew(world: World, desk: Desk) -> None:
    call, _ = record_call(world)
    complaints.receive(desk, by("COMPLAINT"), [call], day(20), complaint_id="K-1")
    complaints.extend(desk, by("COMPLAINT"), "K-1", WHY, day(28))
    assert levels(desk, "freeze", 28, 34, 35, 40, 42, 43) == [0, 0, 1, 2, 2, -1]


def test_a_triage_is_asked_for_on_its_twentieth_and_twenty_seventh_day(world: World, desk: Desk) -> None:
    call, _ = record_call(world)
    investigations.forward(desk, by("CASEDOC"), "S-1", [call], WHY, day(1))
    assert levels(desk, "triage", 19, 20, 26, 27, 30, 31) == [0, 1, 1, 2, 2, -1]


def test_a_case_nobody_works_on_is_asked_for_until_somebody_takes_it(world: World, desk: Desk) -> None:
    call, _ = record_call(world)
    investigations.forward(desk, by("CASEDOC"), "S-1", [call], WHY, day(1))
    assert levels(desk, "unassigned", 1) == [1]
    desk.assign(by("INSPECTOR"), "S-1", "inspector", day(2))
    assert levels(desk, "unassigned", 2) == [-1]


def test_an_extension_and_an_unconfirmed_date_are_reviewed_each_year(world: World, desk: Desk) -> None:
    call, _ = record_call(world)
    complaints.receive(desk, by("COMPLAINT"), [call], day(2), complaint_id="K-1")
    complaints.decide(desk, by("COMPLAINT"), "K-1", True, WHY, day(3))
    investigations.forward(desk, by("CASEDOC"), "S-1", [call], WHY, day(3))
    desk.assign(by("INSPECTOR"), "S-1", "inspector", day(3))
    investigations.decide(desk, by("INSPECTOR"), "S-1", True, WHY, day(3))
    until = local_date(day(1000))
    number = investigations.propose(desk, by("INSPECTOR"), "S-1", ("audio",), until, WHY, day(4))
    assert levels(desk, "proposal", 4) == [1]
    investigations.approve(desk, by("LEGAL"), number, day(4))
    for kind, first in (("limitation", 3), ("extension", 4)):
        task = asked(desk, kind, day(10))
        assert task is not None and task.due == add_years(local_date(day(first)), 1)
        assert levels(desk, kind, 10, first + 364, first + 365, first + 380, first + 420) == [0, 0, 1, 1, 0]
    complaints.close(desk, by("COMPLAINT"), "K-1", day(30))
    assert levels(desk, "limitation", 31) == [1], "closed, and no date yet: that waits for the legal role"
    complaints.note_facts(
        desk, by("LEGAL"), "K-1", CaseKind.COMPLAINT, {"knowledge_on": local_date(day(-10))}, day(31)
    )
    complaints.confirm(desk, by("LEGAL"), "K-1", CaseKind.COMPLAINT, None, day(31))
    assert levels(desk, "limitation", 31) == [-1]
