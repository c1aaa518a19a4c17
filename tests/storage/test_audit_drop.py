"""The audit log forgets on time, stays whole, and tells what it forgot."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from storage import audit_chain, audit_drop, audit_export, audit_log
from storage.audit_chain import DROP, Gap
from storage.policy.clocks import add_months, local_date, local_midnight
from storage.sweep import sweep
from storage.tables import AuditEntry, AuditReason
from tests.storage.test_audit import AT
from tests.storage.world import ARRIVED, World, record_call


def chain(world: World) -> list[audit_chain.Entry | Gap]:
    return world.db.read_sync(lambda s: list(audit_log.chain(s)))


def subjects(world: World) -> list[str]:
    return [entry.subject for entry in chain(world) if isinstance(entry, audit_chain.Entry)]


def months(n: int, after: datetime = ARRIVED) -> datetime:
    return local_midnight(add_months(local_date(after), n)) + timedelta(days=2)


def forget(world: World, at: datetime) -> int:
    return audit_drop.drop(world.db, at, world.settings)


def test_entries_go_after_thirteen_months_and_half_a_year_after_what_they_are_about(world: World) -> None:
    _, recording = record_call(world)
    gone_at = ARRIVED + timedelta(days=31)
    sweep(world.db, world.store, gone_at)
    sweep(world.db, world.store, ARRIVED + timedelta(days=70))  # the evidence, and the call
    before = chain(world)
    assert forget(world, months(12)) == 0
    assert forget(world, months(14)) > 0
    assert recording not in subjects(world)
    verdict = world.db.read_sync(audit_log.verify)
    assert verdict.intact and verdict.entries == len(before) + 1
    assert verdict.dropped >= len(before) - 5
    left = world.db.read_sync(lambda s: [str(vars(row)) for row in s.scalars(select(AuditEntry))])
    assert not [row for row in left if recording in row and DROP not in row]


def test_what_is_kept_long_keeps_its_entries_and_half_a_year_more(world: World) -> None:
    from storage import books
    from storage.policy import events as e

    call, recording = record_call(world)
    order = e.AuthorityOrdered("M-1", (call,))
    world.db.write_sync(lambda s: books.happen(s, order, ARRIVED + timedelta(days=1), world.settings))
    sweep(world.db, world.store, ARRIVED + timedelta(days=500))
    forget(world, months(40))
    assert recording in subjects(world) and call in subjects(world)
    lifted_at = months(40)
    world.db.write_sync(lambda s: books.happen(s, e.AuthorityLifted("M-1"), lifted_at, world.settings))
    sweep(world.db, world.store, lifted_at)
    forget(world, months(44))
    assert recording in subjects(world), "erased less than half a year ago"
    forget(world, months(55))
    assert recording not in subjects(world)
    assert world.db.read_sync(audit_log.verify).intact


def test_reasons_go_with_their_entries_and_are_sealed_until_then(world: World) -> None:
    why = "because the neighbour said so"
    world.db.write_sync(lambda s: audit_log.append(s, AT, "read", "gone", {}, {"id": "x"}, why, world.keys))
    (entry,) = [each for each in chain(world) if isinstance(each, audit_chain.Entry)]
    assert world.db.read_sync(lambda s: audit_log.reason_of(s, world.keys, entry.seq)) == why
    assert why not in str(vars(entry)) and "reason" in entry.detail
    assert forget(world, months(20)) == 1
    assert world.db.read_sync(lambda s: s.scalars(select(AuditReason)).all()) == []
    assert world.db.read_sync(lambda s: audit_log.reason_of(s, world.keys, entry.seq)) == ""


def long_log(world: World) -> None:
    """Thirty entries about gone things, every fifth about one that is there; the old ones dropped."""
    record_call(world, at=months(30))

    def write(session) -> None:  # type: ignore[no-untyped-def]
        for number in range(30):
            kept = number % 5 == 0
            audit_log.append(session, months(31 if kept else 1), "read", f"thing{number}", {"n": number})

    world.db.write_sync(write)
    assert forget(world, months(31)) == 24


def test_neighbouring_gaps_are_one_and_the_drop_says_which_they_were(world: World) -> None:
    long_log(world)
    found = chain(world)
    gaps = [(each.seq, each.last_seq) for each in found if isinstance(each, Gap)]
    assert len(gaps) == 6 and all(last - first == 3 for first, last in gaps)
    drops = [each for each in found if isinstance(each, audit_chain.Entry) and each.action == DROP]
    assert [audit_chain.dropped_in(each) for each in drops] == [gaps]
    later = months(50)
    forget(world, later)
    assert len([each for each in chain(world) if isinstance(each, Gap)]) < 4
    verdict = world.db.read_sync(audit_log.verify)
    assert verdict.intact and verdict.broken_at is None


def test_forgetting_is_done_once_a_day_and_leaves_nothing_to_do(world: World) -> None:
    long_log(world)
    world.db.write_sync(lambda s: audit_log.append(s, months(1), "read", "another"))
    assert forget(world, months(31) + timedelta(hours=1)) == 0
    assert forget(world, months(31) + timedelta(hours=21)) == 1
    before = chain(world)
    assert forget(world, months(31) + timedelta(days=3)) == 0
    assert chain(world) == before


@pytest.mark.parametrize("change", ["hash", "prev_hash", "last_seq", "deleted", "invented"])
def test_a_gap_that_was_tampered_with_is_found_and_named(world: World, change: str) -> None:
    long_log(world)
    gap = next(each for each in chain(world) if isinstance(each, Gap))

    def tamper(session) -> None:  # type: ignore[no-untyped-def]
        where = AuditEntry.seq == gap.seq
        if change in ("hash", "prev_hash"):
            session.execute(update(AuditEntry).where(where).values(**{change: "0" * 64}))
        elif change == "last_seq":
            session.execute(update(AuditEntry).where(where).values(last_seq=gap.last_seq + 1))
        elif change == "deleted":
            session.execute(delete(AuditEntry).where(where))
        else:  # an entry nobody dropped is made a gap, and no entry speaks of it
            own = AuditEntry.seq == gap.last_seq + 1
            session.execute(update(AuditEntry).where(own).values(last_seq=gap.last_seq + 1, at="", detail=""))

    world.db.write_sync(tamper)
    verdict = world.db.read_sync(audit_log.verify)
    assert not verdict.intact
    assert verdict.broken_at in (gap.seq, gap.last_seq + 1)


def exported(world: World) -> bytes:
    return b"".join(world.db.read_sync(lambda s: list(audit_export.lines(s, world.keys))))


def test_every_changed_byte_of_an_export_with_gaps_is_found_and_its_line_named(world: World) -> None:
    long_log(world)
    content = exported(world)
    whole = audit_export.verify(io.BytesIO(content))
    assert whole.intact and whole.dropped == 24
    lines = content.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if b"last_seq" in line)
    seq = audit_export.verify(io.BytesIO(b"".join(lines[:first]))).broken_at
    for place, byte in enumerate(lines[first]):
        altered = lines[first][:place] + bytes([byte ^ 1]) + lines[first][place + 1 :]
        verdict = audit_export.verify(io.BytesIO(b"".join([*lines[:first], altered, *lines[first + 1 :]])))
        assert not verdict.intact and verdict.broken_at == seq, (place, verdict)


def test_a_gap_without_its_declaration_is_found_in_an_export(world: World) -> None:
    long_log(world)
    world.db.write_sync(
        lambda s: s.execute(
            update(AuditEntry).where(AuditEntry.action == DROP).values(detail='{"dropped":[]}')
        )
    )
    entries = chain(world)
    last = entries[-1]
    assert isinstance(last, audit_chain.Entry)
    resealed = audit_chain.seal(
        (last.seq - 1, last.prev_hash), months(31), {"id": "gateway"}, DROP, "audit", {"dropped": []}
    )
    header = audit_export.sealed_header(resealed.seq, resealed.hash, world.keys)
    values = [header, *(vars(entry) for entry in entries[:-1]), vars(resealed)]
    content = b"".join(audit_chain.canonical(each).encode() + b"\n" for each in values)
    verdict = audit_export.verify(io.BytesIO(content))
    assert verdict.fault == "undeclared"


def test_a_log_rewritten_since_an_older_export_is_a_fork_at_the_first_other_entry(
    world: World, tmp_path: Path
) -> None:
    record_call(world)
    older = exported(world)
    record_call(world, at=ARRIVED + timedelta(days=1))
    newer = exported(world)
    assert audit_export.verify(io.BytesIO(newer), older=io.BytesIO(older)).intact
    entries = [each for each in chain(world) if isinstance(each, audit_chain.Entry)]
    forged = entries[:3]
    for entry in entries[3:]:
        previous = (forged[-1].seq, forged[-1].hash)
        forged.append(audit_chain.seal(previous, AT, {"id": "x"}, "read", entry.subject, {}))
    header = audit_export.sealed_header(len(forged), forged[-1].hash, world.keys)
    content = b"".join(
        audit_chain.canonical(each).encode() + b"\n" for each in (header, *(vars(entry) for entry in forged))
    )
    assert audit_export.verify(io.BytesIO(content)).intact, "every hash is right"
    verdict = audit_export.verify(io.BytesIO(content), older=io.BytesIO(older))
    assert (verdict.fault, verdict.broken_at) == ("forked", 4)
    assert audit_export.verify(io.BytesIO(older), older=io.BytesIO(newer)).fault == "missing"
