"""Webhooks are told of what was committed, once it was, and what waits holds nothing of anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select

from storage import audit_drop, audit_log, calls, consents, webhooks
from storage.desk import Desk
from storage.gate import Asking
from storage.outcomes import Answer, Outcome
from storage.people import Person, Role
from storage.reconciliation import Seen, settle
from storage.requests import receive
from storage.sweep import erase_now
from storage.tables import WebhookDelivery
from storage.webhooks import LEASE_S, PAUSES_S, Delivery, Hook
from tests.storage.world import ARRIVED, NUMBER, World, record_call

ALL = frozenset(event.name for events in webhooks.EVENTS.values() for event in events)
HOOK = Hook("https://one.example/hook", ALL)
OTHER = Hook("https://two.example/hook", frozenset({"artifact.erased"}))
LATER = ARRIVED + timedelta(hours=1)


def collect(world: World, *hooks: Hook, at: datetime = LATER) -> int:
    return world.db.write_sync(lambda s: webhooks.collect(s, hooks or (HOOK,), at))


def take(world: World, hook: Hook = HOOK, at: datetime = LATER) -> Delivery | None:
    return world.db.write_sync(lambda s: webhooks.take(s, hook, at))


def told(world: World, hook: Hook = HOOK, at: datetime = LATER) -> list[dict[str, Any]]:
    """Everything that a hook is to be told now, taken by it."""
    found = []
    while (delivery := take(world, hook, at)) is not None:
        found.append(json.loads(delivery.body))
        world.db.write_sync(lambda s, name=delivery.id: webhooks.delivered(s, name))  # type: ignore[misc]
    return found


def test_what_happened_is_told_in_order_and_what_was_before_is_not(world: World) -> None:
    record_call(world, ARRIVED)
    assert collect(world) == 0 and told(world) == [], "a new hook is told of what happens from now on"
    call, recording = record_call(world, ARRIVED + timedelta(minutes=5))
    world.db.write_sync(lambda s: calls.close_call(s, call, LATER, "caller_hung_up"))
    due = world.db.write_sync(lambda s: consents.withdraw(s, call, LATER, "mail", "caller", world.settings))
    erase_now(world.db, world.store, due, LATER, world.settings)
    collect(world, HOOK, OTHER)
    found = told(world)
    events = [each["event"] for each in found]
    assert events[:3] == ["recording.sealed", "call.ended", "consent.withdrawn"]
    assert set(events[3:]) == {"artifact.erased"}
    assert [each["sequence"] for each in found] == sorted(each["sequence"] for each in found)
    assert found[0]["artifact"] == recording and found[1]["call"] == found[2]["call"] == call
    erased = next(each for each in found if each.get("artifact") == recording and each is not found[0])
    assert erased["data"].keys() == {"kind", "certificate"} and erased["data"]["kind"] == "AUD"
    assert {each["event"] for each in told(world, OTHER)} == {"artifact.erased"}
    assert told(world) == [], "what was told is not kept"
    assert NUMBER not in json.dumps(found) and "sha256" not in json.dumps(found)


def test_what_was_undone_is_never_told(world: World) -> None:
    collect(world)

    def undone(session: Any) -> None:
        audit_log.append(session, LATER, "erase", "a" * 32, {"kind": "AUD"})
        session.flush()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        world.db.write_sync(undone)
    collect(world)
    assert told(world) == []


def test_what_waits_names_an_entry_and_nothing_else(world: World) -> None:
    collect(world)
    call, recording = record_call(world, ARRIVED)
    collect(world)
    rows = world.db.read_sync(lambda s: s.scalars(select(WebhookDelivery)).all())
    held = json.dumps([{c: str(v) for c, v in vars(row).items()} for row in rows])
    assert rows and call not in held and recording not in held and "one.example" not in held


def test_with_the_entry_the_event_is_gone(world: World) -> None:
    collect(world)
    world.db.write_sync(lambda s: audit_log.append(s, LATER, "erase", "a" * 32, {"kind": "AUD"}))
    assert collect(world) == 1
    much_later = ARRIVED + timedelta(days=800)
    assert audit_drop.drop(world.db, much_later, world.settings) == 1
    assert take(world, at=much_later) is None
    assert world.db.read_sync(webhooks.waiting) == {}


def test_a_call_that_came_out_as_it_must_not_is_a_deviation_once(world: World) -> None:
    good, _ = record_call(world, ARRIVED)
    bad, _ = record_call(world, ARRIVED)
    collect(world)
    ended = {good: "caller_hung_up", bad: "worker_died"}
    for call, reason in ended.items():
        world.db.write_sync(lambda s, c=call, r=reason: calls.close_call(s, c, LATER, r))  # type: ignore[misc]
    yes = Seen(asked=True, heard=Answer.YES, captured=True)
    died = replace(yes, worker_died=True)
    for _ in range(2):
        assert world.db.write_sync(lambda s: settle(s, good, LATER, yes)) is Outcome.RECORDED
        assert world.db.write_sync(lambda s: settle(s, bad, LATER, died)) is Outcome.WORKER_DIED
    collect(world)
    (found,) = [each for each in told(world) if each["event"] == "deviation"]
    assert found["call"] == bad and found["data"] == {"name": "worker_died", "level": "fault"}


def test_a_delivery_is_its_takers_until_the_lease_ends_and_keeps_its_id(world: World) -> None:
    collect(world)
    world.db.write_sync(lambda s: audit_log.append(s, LATER, "erase", "a" * 32, {"kind": "AUD"}))
    collect(world)
    first = take(world)
    assert first is not None and take(world) is None
    again = take(world, at=LATER + timedelta(seconds=LEASE_S))
    assert again == first, "its taker died"


def test_what_failed_waits_longer_and_longer_and_is_given_up_with_a_count(world: World) -> None:
    collect(world)
    world.db.write_sync(lambda s: audit_log.append(s, LATER, "erase", "a" * 32, {"kind": "AUD"}))
    collect(world)
    at = LATER
    for pause_s in (*PAUSES_S, PAUSES_S[-1]):
        delivery = take(world, at=at)
        assert delivery is not None
        name, now = delivery.id, at
        world.db.write_sync(lambda s: webhooks.failed(s, name, "503", False, now))  # noqa: B023
        assert take(world, at=at + timedelta(seconds=pause_s - 1)) is None
        at += timedelta(seconds=pause_s)
    assert world.db.read_sync(webhooks.waiting)[HOOK.id].outcome == "503"
    assert world.db.write_sync(lambda s: webhooks.give_up(s, LATER)) == 0
    assert world.db.write_sync(lambda s: webhooks.give_up(s, LATER + timedelta(seconds=1))) == 1
    assert take(world, at=at) is None


def test_where_nobody_listens_everything_waits_for_that_hook_alone(world: World) -> None:
    collect(world, HOOK, OTHER)
    for name in ("a", "b"):
        world.db.write_sync(
            lambda s, name=name: audit_log.append(s, LATER, "erase", name * 32, {"kind": "AUD"})
        )  # type: ignore[misc]
    collect(world, HOOK, OTHER)
    delivery = take(world)
    assert delivery is not None
    world.db.write_sync(lambda s: webhooks.failed(s, delivery.id, "connection", True, LATER))
    assert take(world) is None and take(world, OTHER) is not None
    assert take(world, at=LATER + timedelta(seconds=PAUSES_S[0])) is not None


def test_what_waits_for_a_hook_that_is_gone_is_forgotten(world: World) -> None:
    collect(world, HOOK, OTHER)
    world.db.write_sync(lambda s: audit_log.append(s, LATER, "erase", "a" * 32, {"kind": "AUD"}))
    collect(world, HOOK, OTHER)
    collect(world, OTHER)
    assert set(world.db.read_sync(webhooks.waiting)) == {OTHER.id}
    world.db.write_sync(lambda s: webhooks.collect(s, (), LATER))
    assert world.db.read_sync(webhooks.waiting) == {}
    world.db.write_sync(lambda s: audit_log.append(s, LATER, "erase", "b" * 32, {"kind": "AUD"}))
    assert collect(world) == 0, "nothing of the time without hooks"


def test_a_reply_that_is_due_is_told_a_week_before_and_when_it_is_late(world: World) -> None:
    collect(world)
    desk = Desk(world.db, world.store, world.keys, world.settings)
    asking = Asking(Person("rita", (Role("RIGHTS"),)), "RIGHTS")
    call, _ = record_call(world, ARRIVED)
    request, _ = receive(desk, asking, "access", [call], ARRIVED)

    def noted(on: datetime) -> list[dict[str, Any]]:
        world.db.write_sync(lambda s: webhooks.note_due(s, world.settings, on))
        collect(world, at=on)
        return [each for each in told(world, at=on) if each["event"].startswith("request.")]

    (received,) = noted(ARRIVED)
    assert received["event"] == "request.received" and received["request"] == request
    assert received["data"] == {"kind": "access"}
    noon = datetime(2025, 2, 7, 12, tzinfo=timezone.utc)  # due on 2025-02-15, a month after the receipt
    assert noted(noon) == []
    (due,) = noted(noon + timedelta(days=1))
    assert due["request"] == request and due["data"] == {"due": "2025-02-15", "late": False}
    assert noted(noon + timedelta(days=5)) == [], "once"
    (late,) = noted(noon + timedelta(days=9))
    assert late["data"] == {"due": "2025-02-15", "late": True}
    assert noted(noon + timedelta(days=20)) == []
