"""Prompt versions in the archive: four eyes, places and times, and what was activated before."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.orm import Session

from storage import audit_log, prompts, remains
from storage.database import Refused as DatabaseRefused
from storage.policy.book import Refused
from storage.prompts import NewVersion, Place, in_force
from storage.tables import PromptActivation, PromptVersion
from tests.storage.world import World

AT = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
MAKER: dict[str, Any] = {"id": "ole", "role": "SYSADMIN"}
DPO: dict[str, Any] = {"id": "dpo", "role": "DPO"}
WAV = b"RIFF and so on"


def made(world: World, role: str = "greeting", prompt_set: str = "da", approved: bool = True) -> str:
    """The id of a version."""
    sha256 = prompts.keep_file(world.store.folder, WAV)

    def write(session: Session) -> str:
        new = NewVersion(prompt_set, role, "Velkommen.", sha256, 1000)
        row = prompts.add(session, new, "1", AT, MAKER)
        session.flush()
        if approved:
            prompts.approve(session, row.id, AT, DPO)
        return row.id

    return world.db.write_sync(write)


def put(world: World, place: Place, version: str | None, begins_at: datetime, at: datetime = AT) -> int:
    return world.db.write_sync(lambda s: prompts.activate(s, place, version, begins_at, at, MAKER).id)


def heard(world: World, at: datetime, flow: str = "customer", number: str = "70101010") -> str | None:
    """The id of the version that a call hears at `at`; None: the shipped one."""
    stock = world.db.read_sync(lambda s: prompts.stock(s, at))
    found = in_force(stock.activations, "da", "greeting", flow, number, at)
    return found.version_id if found else None


def test_versions_count_up_after_the_shipped_one(world: World) -> None:
    first, second, other = made(world), made(world), made(world, "goodbye")
    rows = {row.id: row for row in world.db.read_sync(prompts.versions)}
    assert [prompts.name_of(rows[each]) for each in (first, second, other)] == [
        *("da/greeting/2", "da/greeting/3"),
        "da/goodbye/2",
    ]


def test_nobody_approves_what_they_made(world: World) -> None:
    version = made(world, approved=False)
    with pytest.raises(Refused, match="four eyes"):
        world.db.write_sync(lambda s: prompts.approve(s, version, AT, MAKER))

    def by_force(session: Session) -> None:
        row = session.get_one(PromptVersion, version)
        row.approved_at, row.approved_by = AT, row.made_by

    with pytest.raises(DatabaseRefused, match="four_eyes"):
        world.db.write_sync(by_force)
    world.db.write_sync(lambda s: prompts.approve(s, version, AT, DPO))
    with pytest.raises(Refused, match="approved already"):
        world.db.write_sync(lambda s: prompts.approve(s, version, AT, DPO))


def test_what_is_not_approved_is_not_played(world: World) -> None:
    version = made(world, approved=False)
    with pytest.raises(Refused, match="not approved"):
        put(world, Place("da", "greeting"), version, AT)
    assert heard(world, AT) is None


def test_the_past_is_not_rewritten(world: World) -> None:
    with pytest.raises(Refused, match="time that is over"):
        put(world, Place("da", "greeting"), made(world), AT - timedelta(seconds=1))


def test_an_activation_begins_at_its_instant(world: World) -> None:
    version = made(world)
    put(world, Place("da", "greeting"), version, AT + HOUR)
    assert heard(world, AT + HOUR - timedelta(microseconds=1)) is None
    assert heard(world, AT + HOUR) == version


def test_the_narrowest_place_decides_then_the_latest_beginning(world: World) -> None:
    everywhere, in_flow, at_number, later = (made(world) for _ in range(4))
    put(world, Place("da", "greeting", "number", "70101010"), at_number, AT)
    put(world, Place("da", "greeting", "flow", "customer"), in_flow, AT + HOUR)
    put(world, Place("da", "greeting"), everywhere, AT)
    put(world, Place("da", "greeting"), later, AT + HOUR)
    at = AT + 2 * HOUR
    assert heard(world, at) == at_number
    assert heard(world, at, number="70101011") == in_flow
    assert heard(world, at, "other", "70101011") == later
    assert heard(world, AT, "other", "70101011") == everywhere


def test_the_shipped_one_can_be_activated_over_a_wider_place(world: World) -> None:
    version = made(world)
    put(world, Place("da", "greeting"), version, AT)
    put(world, Place("da", "greeting", "flow", "customer"), None, AT)
    assert (heard(world, AT), heard(world, AT, "other")) == (None, version)


def test_a_rollback_goes_back_step_by_step_to_what_is_shipped(world: World) -> None:
    first, second = made(world), made(world)
    place = Place("da", "greeting")
    put(world, place, first, AT)
    put(world, place, second, AT)
    assert heard(world, AT) == second

    def back(at: datetime) -> tuple[PromptActivation, PromptActivation | None]:
        return world.db.write_sync(lambda s: prompts.roll_back(s, place, at, MAKER))

    ended, left = back(AT + HOUR)
    assert (ended.version_id, left and left.version_id) == (second, first)
    assert heard(world, AT + HOUR) == first
    ended, left = back(AT + 2 * HOUR)
    assert (ended.version_id, left) == (first, None)
    assert heard(world, AT + 2 * HOUR) is None
    with pytest.raises(Refused, match="nothing was activated"):
        back(AT + 3 * HOUR)


def test_a_rollback_of_one_place_leaves_the_others(world: World) -> None:
    version = made(world)
    put(world, Place("da", "greeting"), version, AT)
    with pytest.raises(Refused, match="nothing was activated"):
        world.db.write_sync(
            lambda s: prompts.roll_back(s, Place("da", "greeting", "flow", "customer"), AT, MAKER)
        )
    assert heard(world, AT) == version


def test_what_was_planned_can_be_taken_back_before_it_begins(world: World) -> None:
    version, place = made(world), Place("da", "greeting")
    put(world, place, version, AT + HOUR)
    with pytest.raises(Refused, match="nothing was activated"):
        world.db.write_sync(lambda s: prompts.roll_back(s, place, AT, MAKER))
    world.db.write_sync(lambda s: prompts.roll_back(s, place, AT, MAKER, scheduled=True))
    assert heard(world, AT + 2 * HOUR) is None
    with pytest.raises(Refused, match="nothing is to begin"):
        world.db.write_sync(lambda s: prompts.roll_back(s, place, AT, MAKER, scheduled=True))


def test_who_did_what_is_in_the_log_without_the_number(world: World) -> None:
    version, place = made(world), Place("da", "greeting", "number", "70101010")
    put(world, place, version, AT)
    world.db.write_sync(lambda s: prompts.roll_back(s, place, AT + HOUR, DPO))
    entries = world.db.read_sync(lambda s: list(audit_log.entries(s, version)))
    assert [(entry.action, '"ole"' in entry.actor) for entry in entries] == [
        ("prompt.make", True),
        ("prompt.approve", False),
        ("prompt.activate", True),
        ("prompt.rollback", False),
    ]
    assert "70101010" not in str(entries)


def test_a_reason_is_kept_sealed(world: World) -> None:
    version = made(world, approved=False)
    words = "the policy is changed on Monday"
    world.db.write_sync(lambda s: prompts.approve(s, version, AT, DPO, ["policy_wording"], words, world.keys))
    (entry,) = [
        each
        for each in world.db.read_sync(lambda s: list(audit_log.entries(s, version)))
        if each.action == "prompt.approve"
    ]
    assert "Monday" not in entry.detail and "policy_wording" in entry.detail
    assert world.db.read_sync(lambda s: audit_log.reason_of(s, world.keys, entry.seq)) == words


def test_a_file_is_written_whole_and_a_damaged_one_replaced(world: World) -> None:
    sha256 = prompts.keep_file(world.store.folder, WAV)
    path = prompts.file_of(world.store.folder, sha256)
    path.write_bytes(b"damaged")
    assert prompts.keep_file(world.store.folder, WAV) == sha256
    assert path.read_bytes() == WAV and path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_search_for_remains_knows_prompts_and_finds_what_lies_beside_them(world: World) -> None:
    made(world)
    assert remains.search(world.db, world.store, world.keys, AT) == []
    stray = world.store.folder / prompts.PROMPTS / f"{'0' * 64}.wav"
    stray.write_bytes(b"somebody's copy")
    (finding,) = remains.search(world.db, world.store, world.keys, AT)
    assert (finding.what, finding.where) == ("unknown", f"prompts/{stray.name}")
