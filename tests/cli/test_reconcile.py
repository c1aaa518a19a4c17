"""`tast1 reconcile`: a day's outcomes, and a trunk's file against the archive."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from storage import audit_log, calls, reconciliation
from storage.policy.clocks import local_date
from storage.reconciliation import Seen
from storage.tables import Call
from tests.cli.shop import Shop
from tests.storage.world import NUMBER, World, open_call


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The shop, its fresh call judged."""
    made = Shop(tmp_path)
    archive = made.archive()
    seen = Seen(asked=True, talked=True, captured=True, recordable_ms=2000)
    archive.database.write_sync(lambda s: reconciliation.settle(s, made.call, made.now, seen))
    archive.close()
    return made


def day(shop: Shop) -> str:
    return local_date(shop.now).isoformat()


def add_call(shop: Shop, reason: str, minutes: int) -> str:
    archive = shop.archive()
    world = World(shop.folder, archive.database, archive.keys, archive.store, archive.settings.policy)
    at = shop.now - timedelta(hours=1) + timedelta(minutes=minutes)
    call_id = open_call(world, at, "+4511223344")

    def story(session):  # type: ignore[no-untyped-def]
        calls.note_answered(session, call_id, at)
        calls.close_call(session, call_id, at + timedelta(seconds=40), reason, world.settings)
        reconciliation.settle(session, call_id, shop.now)
        reconciliation.note_refusals(session, local_date(at), Counter(no_worker=3))

    archive.database.write_sync(story)
    archive.close()
    return call_id


def test_a_day_without_faults_is_told_and_calls_show_their_outcome(shop: Shop) -> None:
    shown = shop.tast1("reconcile", "--day", day(shop))
    assert "recorded as expected" in shown and "No faults in 1 calls." in shown
    assert "Deviations" not in shown
    rows = shop.json("calls")
    assert isinstance(rows, list)
    assert [row["outcome"] for row in rows] == ["recorded", None]
    assert "optaget som ventet" in shop.tast1("reconcile", "--day", day(shop), "--lang", "da")


def test_deviations_come_first_and_refusals_are_told(shop: Shop) -> None:
    died = add_call(shop, "worker_died", 5)
    shown = shop.tast1("reconcile", "--day", day(shop), status=1)
    assert shown.index("Deviations") < shown.index("Calls of")
    assert died in shown.replace("\n", "") and "the call's process died" in shown
    assert "refused: no_worker" in shown
    told = shop.json("reconcile", "--day", day(shop), status=1)
    assert isinstance(told, dict)
    assert told["calls"][0]["call"] == died and told["calls"][0]["level"] == "fault"
    assert told["counts"] == {"worker_died": 1, "recorded": 1}
    assert told["refused"] == {"no_worker": 3}


def trunk_file(shop: Shop, *lines: str, header: str = "start,duration,calling,called") -> str:
    file = shop.folder / "trunk.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    return str(file)


def stored(shop: Shop) -> Call:
    archive = shop.archive()

    def answered(session):  # type: ignore[no-untyped-def]
        call = session.get(Call, shop.call)
        call.answered_at = call.answered_at or call.arrived_at
        return call

    call = archive.database.write_sync(answered)
    archive.close()
    return call


def test_the_trunks_own_view_of_our_calls_is_no_difference(shop: Shop) -> None:
    call = stored(shop)
    seconds = (call.ended_at - call.answered_at).total_seconds()
    file = trunk_file(shop, f"{call.arrived_at.isoformat()},{seconds:.0f},{NUMBER},70101010")
    assert "No differences." in shop.tast1("reconcile", file)
    by_id = trunk_file(
        shop, f"{call.arrived_at.isoformat()},{seconds:.0f},x@y", header="start,duration,Call-ID"
    )
    told = shop.json("reconcile", by_id)
    assert isinstance(told, dict) and told["matched_by_call_id"] == 1


def test_differences_are_listed_without_numbers(shop: Shop) -> None:
    call, other = stored(shop), add_call(shop, "caller_hung_up", 5)
    start = call.arrived_at
    file = trunk_file(
        shop,
        f"{start.isoformat()},99,{NUMBER},70101010",
        f"{(start + timedelta(minutes=20)).isoformat()},30,+4599887766,70101010",
        f"{(start + timedelta(minutes=21)).isoformat()},0,+4599887766,70101010",
    )
    shown = shop.tast1("reconcile", file, status=1)
    for number in ("87654321", "99887766", "11223344", "70101010"):
        assert number not in shown
    told = shop.json("reconcile", file, status=1)
    assert isinstance(told, dict)
    assert [each["line"] for each in told["missing"]] == [3]
    assert [each["line"] for each in told["unanswered"]] == [4]
    assert [each["call"] for each in told["surplus"]] == [other]
    assert [(each["line"], each["call"]) for each in told["differing"]] == [(2, call.id)]


def test_numbers_are_shown_to_who_may_look_them_up_and_it_is_logged(shop: Shop) -> None:
    call = stored(shop)
    file = trunk_file(
        shop,
        f"{call.arrived_at.isoformat()},99,{NUMBER},70101010",
        f"{(call.arrived_at + timedelta(minutes=20)).isoformat()},30,+4599887766,70101010",
    )
    show = ("reconcile", file, "--show-numbers", "--reason", "the trunk's invoice")
    shop.tast1(*show, status=3)
    shop.tast1(*show, by=shop.hire("qa", "QA"), status=3)
    shown = shop.tast1(*show, by=shop.hire("officer", "DPO"), status=1)
    assert "+4599887766" in shown and NUMBER in shown
    archive = shop.archive()
    entries = archive.database.read_sync(lambda s: list(audit_log.entries(s, "archive")))
    archive.close()
    searches = [entry for entry in entries if entry.action == "search"]
    assert len(searches) == 1 and "officer" in searches[0].actor and NUMBER not in searches[0].detail


def test_a_chosen_day_leaves_other_days_out(shop: Shop) -> None:
    call = stored(shop)
    other = (call.arrived_at - timedelta(days=3)).isoformat()
    file = trunk_file(shop, f"{other},30,{NUMBER},70101010")
    told = shop.json("reconcile", file, "--day", day(shop), status=1)
    assert isinstance(told, dict)
    assert told["missing"] == [] and [each["call"] for each in told["surplus"]] == [call.id]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.csv",), "cannot be read"),
        (("FILE", "--start", "when"), "There is no column when; there are start, duration"),
        (("FILE", "--tz", "Mars/Base"), "there is no time zone Mars/Base"),
        (("--show-numbers",), "name the file"),
    ],
)
def test_mistakes_say_what_to_do(shop: Shop, arguments: tuple[str, ...], told: str) -> None:
    file = trunk_file(shop, "2026-03-02 12:00,30,1,2")
    given = [file if each == "FILE" else each for each in arguments]
    assert told in " ".join(shop.tast1("reconcile", *given, status=2).split())
