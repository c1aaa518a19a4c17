"""The audit log: appended with what it tells about, and any later change is found."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from storage import audit_chain, audit_log
from storage.audit_chain import Entry
from storage.tables import AuditEntry
from tests.storage.world import World, record_call

AT = datetime(2025, 1, 15, 11, 0, tzinfo=timezone.utc)


def chain(length: int = 8) -> list[Entry]:
    made: list[Entry] = []
    for n in range(length):
        last = (made[-1].seq, made[-1].hash) if made else None
        at = AT + timedelta(seconds=n)
        made.append(audit_chain.seal(last, at, {"id": "x"}, "read", f"artifact{n}", {"n": n, "note": "æøå"}))
    return made


def test_an_untouched_chain_holds() -> None:
    entries = chain()
    verdict = audit_chain.verify(entries, expect_last=entries[-1].hash)
    assert verdict.intact and verdict.entries == 8


FIELDS = ("seq", "at", "actor", "action", "subject", "detail", "prev_hash", "hash")


@given(index=st.integers(0, 7), field=st.sampled_from(FIELDS), data=st.data())
def test_any_changed_field_is_found_and_the_entry_named(index: int, field: str, data: st.DataObject) -> None:
    entries = chain()
    old = getattr(entries[index], field)
    if field == "seq":
        new: object = data.draw(st.integers(0, 20).filter(lambda n: n != old))
    else:
        at = data.draw(st.integers(0, len(old) - 1))
        new = old[:at] + chr(ord(old[at]) ^ 1) + old[at + 1 :]
    entries[index] = replace(entries[index], **{field: new})
    verdict = audit_chain.verify(entries)
    assert not verdict.intact
    assert verdict.broken_at == entries[index].seq


@given(index=st.integers(0, 6))
def test_a_dropped_a_swapped_and_a_doubled_entry_are_found(index: int) -> None:
    entries = chain()
    dropped = entries[:index] + entries[index + 1 :]
    swapped = [*entries[:index], entries[index + 1], entries[index], *entries[index + 2 :]]
    doubled = [*entries[: index + 1], *entries[index:]]
    for altered in (dropped, swapped, doubled):
        assert not audit_chain.verify(altered).intact


TEXT = st.text(st.characters(codec="utf-8"))


@given(
    seq=st.integers(1, 2**40),
    fields=st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT),
    prev_hash=st.text("0aé\\n", max_size=4),
)
def test_a_hash_is_that_of_the_canonical_json_of_the_fields(
    seq: int, fields: tuple[str, str, str, str, str], prev_hash: str
) -> None:
    entry = audit_chain.follow((seq, prev_hash), fields)
    said = audit_chain.canonical([seq + 1, *fields, prev_hash])
    assert entry.hash == hashlib.sha256(said.encode()).hexdigest()


def test_missing_newest_entries_are_found_with_a_hash_noted_elsewhere() -> None:
    entries = chain()
    assert audit_chain.verify(entries[:-1]).intact
    assert not audit_chain.verify(entries[:-1], expect_last=entries[-1].hash).intact


def test_a_later_part_verifies_from_the_entry_before_it() -> None:
    entries = chain()
    assert audit_chain.verify(entries[3:], start=(3, entries[2].hash)).intact
    assert not audit_chain.verify(entries[3:], start=(3, entries[1].hash)).intact


def test_a_call_leaves_a_chain_without_the_callers_number(world: World) -> None:
    record_call(world)
    entries = world.db.read_sync(lambda s: list(audit_log.entries(s)))
    assert [e.action for e in entries][-2:] == ["seal", "call.close"]
    assert "87654321" not in str(entries)
    assert world.db.read_sync(audit_log.verify).intact


def test_an_entry_goes_with_its_transaction(world: World) -> None:
    before = world.db.read_sync(audit_log.verify)

    def fails(session) -> None:
        audit_log.append(session, AT, "read", "x")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        world.db.write_sync(fails)
    assert world.db.read_sync(audit_log.verify) == before


def test_tampering_in_the_database_is_found(world: World) -> None:
    record_call(world)
    world.db.write_sync(
        lambda s: s.execute(update(AuditEntry).where(AuditEntry.seq == 3).values(subject="someone else"))
    )
    assert world.db.read_sync(audit_log.verify).broken_at == 3
    world.db.write_sync(lambda s: s.execute(delete(AuditEntry).where(AuditEntry.seq == 3)))
    assert "missing" in world.db.read_sync(audit_log.verify).reason
