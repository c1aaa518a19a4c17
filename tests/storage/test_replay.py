"""After a restore, what was erased before stays erased: once more, with a certificate, before any read."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage import artifacts, audit_log, calls, certificates, consents
from storage.artifacts import NotReadable
from storage.ledger import ErasureLedger, Line
from storage.replay import Replayed, is_behind, replay
from storage.sealed import MediaError
from storage.sweep import erase_now, sweep
from storage.tables import Artifact, Call, CallerNumber, Consent, DataKey, Tombstone
from tests.storage.backups import back_up, restore
from tests.storage.test_sweep import hold, state_of
from tests.storage.world import ARRIVED, World, begin, open_world, record_call

ERASED_AT = ARRIVED + timedelta(days=3)
NOW = ARRIVED + timedelta(days=4)
MONTHS_LATER = ARRIVED + timedelta(days=90)


def withdraw_and_erase(world: World, call_id: str) -> None:
    ids = world.db.write_sync(
        lambda s: consents.withdraw(s, call_id, ERASED_AT, "web", "caller", world.settings)
    )
    assert [e.artifact_id for e in erase_now(world.db, world.store, ids, ERASED_AT).erased] == ids


def count(world: World, table: type) -> int:
    return world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(table))) or 0


def assert_gone(world: World, recordings: list[str]) -> None:
    for recording in recordings:
        assert state_of(world, recording) == "erased"
        assert not world.store.media_path(recording).exists()
        with pytest.raises(NotReadable):
            world.db.write_sync(lambda s, r=recording: artifacts.data_key(s, world.keys, r, NOW))
    names = {certificates.pseudonym(each) for each in recordings}
    told = world.db.read_sync(
        lambda s: [c for c in certificates.listing(s, 1000) if c.artifact_pseudonym in names]
    )
    assert len(told) == len(recordings)
    for certificate in told:
        assert (certificate.lapsed[-1]["rule"], certificate.due_at) == ("R-61", ERASED_AT)
        assert "restored from backup" in certificate.lapsed[-1]["ended_by"]


def test_a_hundred_erasures_survive_the_restore_of_a_backup_from_before_them(world: World) -> None:
    made = [record_call(world, at=ARRIVED + timedelta(minutes=n), seconds=0.05) for n in range(104)]
    world = back_up(world)
    for call_id, _ in made[:100]:
        withdraw_and_erase(world, call_id)
    world = restore(world)
    gone, kept = [r for _, r in made[:100]], [r for _, r in made[100:]]
    assert all(state_of(world, recording) == "sealed" for recording in gone)  # the restore brought them back

    again = replay(world.db, world.store, NOW)

    assert sorted(e.artifact_id for e in again.erased) == sorted(gone) and again.failed == ()
    assert_gone(world, gone)
    assert count(world, Tombstone) == 100 and count(world, DataKey) == 4 and count(world, CallerNumber) == 4
    for recording in kept:
        assert world.db.write_sync(lambda s, r=recording: artifacts.data_key(s, world.keys, r, NOW))
    assert replay(world.db, world.store, NOW) == Replayed()
    assert sweep(world.db, world.store, NOW).erased == ()
    assert world.db.read_sync(audit_log.verify).intact
    world.db.close()


def test_consent_evidence_counts_from_the_first_erasure_and_a_call_forgotten_is_forgotten_again(
    world: World,
) -> None:
    record_call(world)
    world = back_up(world)
    sweep(world.db, world.store, MONTHS_LATER)
    assert count(world, Call) == 0
    world = restore(world)
    assert {e.kind for e in replay(world.db, world.store, MONTHS_LATER).erased} == {"AUD", "CE"}
    for table in (Call, Consent, Artifact, CallerNumber, DataKey):
        assert count(world, table) == 0, table.__name__
    assert count(world, Tombstone) == 2

    second, recording = record_call(world, at=ARRIVED + timedelta(hours=1))
    world = back_up(world)
    withdraw_and_erase(world, second)
    until = _evidence_until(world, second)
    world = restore(world)
    replay(world.db, world.store, NOW + timedelta(days=10))
    assert state_of(world, recording) == "erased"
    assert _evidence_until(world, second) == until is not None
    world.db.close()


def _evidence_until(world: World, call_id: str) -> object:
    def read(session):  # type: ignore[no-untyped-def]
        rows = artifacts.listing(session, call_id, artifacts.ArtifactKind.CONSENT_EVIDENCE)
        return [ground.until for _, held in rows for ground in held]

    return world.db.read_sync(read)[0]


def test_a_backup_made_during_the_call_brings_nothing_back(world: World) -> None:
    call_id, new = begin(world)
    world.store.create_spool(new.artifact_id, new.data_key).close()
    world = back_up(world)
    withdraw_and_erase(world, call_id)
    world = restore(world)
    assert world.store.spool_path(new.artifact_id).exists()
    assert [e.artifact_id for e in replay(world.db, world.store, NOW).erased] == [new.artifact_id]
    assert list(world.store.ids()) == []
    assert world.db.read_sync(lambda s: calls.get(s, call_id)).end_reason == "restored"
    world.db.close()


def test_restored_files_without_their_rows_are_removed(world: World) -> None:
    call_id, recording = record_call(world)
    path = world.store.media_path(recording)
    sound = path.read_bytes()
    withdraw_and_erase(world, call_id)
    path.write_bytes(sound)
    again = replay(world.db, world.store, NOW)
    assert (again.files_removed, again.erased) == (1, ())
    assert not path.exists() and count(world, Tombstone) == 1


def test_a_hold_in_the_backup_does_not_bring_an_erased_recording_back(world: World) -> None:
    _, recording = record_call(world)
    world.db.write_sync(lambda s: artifacts.add_ground(s, recording, hold(), ARRIVED))
    world = back_up(world)

    def release(session) -> None:  # type: ignore[no-untyped-def]
        for row in artifacts.ground_rows(session, recording):
            artifacts.end_ground(session, row, ERASED_AT, "released")

    world.db.write_sync(release)
    assert erase_now(world.db, world.store, recording, ERASED_AT).erased
    world = restore(world)
    replay(world.db, world.store, NOW)
    assert_gone(world, [recording])
    world.db.close()


def test_a_restored_database_is_known_by_the_end_of_the_ledger(world: World) -> None:
    call_id, _ = record_call(world)
    assert not is_behind(world.db, world.store)
    world = back_up(world)
    withdraw_and_erase(world, call_id)
    assert not is_behind(world.db, world.store)
    world = restore(world)
    assert is_behind(world.db, world.store)
    with ErasureLedger(world.store.folder).path.open("ab") as file:
        file.write(b"torn")
    assert is_behind(world.db, world.store)
    replay(world.db, world.store, NOW)
    assert not is_behind(world.db, world.store)
    world.db.close()


def test_without_a_restore_a_replay_changes_nothing(world: World) -> None:
    call_id, _ = record_call(world)
    record_call(world)
    assert replay(world.db, world.store, NOW) == Replayed()
    withdraw_and_erase(world, call_id)
    before = world.db.read_sync(audit_log.verify)
    assert replay(world.db, world.store, NOW) == Replayed()
    assert world.db.read_sync(audit_log.verify) == before


def test_erasure_goes_on_without_a_certificate_while_the_ledger_cannot_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id, recording = record_call(world)
    with monkeypatch.context() as broken:

        def refuse(ledger: ErasureLedger, lines: object) -> None:
            raise MediaError("noting an erasure: no space left")

        broken.setattr(ErasureLedger, "append", refuse)
        world.db.write_sync(
            lambda s: consents.withdraw(s, call_id, ERASED_AT, "web", "caller", world.settings)
        )
        result = erase_now(world.db, world.store, recording, ERASED_AT)
    assert [f.artifact_id for f in result.failed] == [recording]
    assert not world.store.media_path(recording).exists() and count(world, Tombstone) == 0
    assert [e.artifact_id for e in sweep(world.db, world.store, NOW).erased] == [recording]
    assert count(world, Tombstone) == 1 and len(list(ErasureLedger(world.store.folder).read())) == 1


# --- the ledger -----------------------------------------------------------------------------------


def line(n: int) -> Line:
    return Line(certificates.pseudonym(f"{n:032x}"), "AUD", ARRIVED + timedelta(seconds=n))


def test_the_ledger_keeps_pseudonyms_kinds_and_instants_only(world: World) -> None:
    call_id, recording = record_call(world)
    withdraw_and_erase(world, call_id)
    ledger = ErasureLedger(world.store.folder)
    assert list(ledger.read()) == [Line(certificates.pseudonym(recording), "AUD", ERASED_AT)]
    text = ledger.path.read_text()
    assert recording not in text and call_id not in text
    assert ledger.path.stat().st_mode & 0o077 == 0


def test_a_tail_torn_anywhere_costs_that_line_only(tmp_path: Path) -> None:
    ledger = ErasureLedger(tmp_path)
    ledger.append([line(1), line(2)])
    whole = ledger.path.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(first + 1, len(whole) - 1):
        ledger.path.write_bytes(whole[:length])
        ledger.append([line(3)])
        assert list(ledger.read()) == [line(1), None, line(3)], length


def test_an_altered_line_is_not_believed(tmp_path: Path) -> None:
    ledger = ErasureLedger(tmp_path)
    ledger.append([line(1)])
    whole = ledger.path.read_bytes()
    for place in range(len(whole) - 1):
        ledger.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert set(ledger.read()) == {None}, place


def test_an_instant_of_another_zone_is_the_same_instant(tmp_path: Path) -> None:
    ledger = ErasureLedger(tmp_path)
    east = datetime(2025, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    ledger.append([Line("a" * 64, "AUD", east)])
    assert [each.erased_at for each in ledger.read() if each] == [east]


# --- killed ---------------------------------------------------------------------------------------

CHILD = """
import os, signal, sys
from pathlib import Path
from storage.replay import replay
from tests.storage.test_replay import NOW
from tests.storage.world import open_world

world = open_world(Path(sys.argv[1]))

def checkpoint(reached):
    if reached == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

replay(world.db, world.store, NOW, checkpoint=checkpoint)
"""


@pytest.mark.kill
@pytest.mark.parametrize(
    "step", ["replay blocked", "in the ledger", "file removed", "files removed", "certifying", "certified"]
)
def test_a_replay_killed_at_any_step_is_completed_once(home: Path, step: str) -> None:
    world = open_world(home)
    made = [record_call(world, at=ARRIVED + timedelta(minutes=n), seconds=0.2) for n in range(3)]
    world = back_up(world)
    for call_id, _ in made:
        withdraw_and_erase(world, call_id)
    restore(world).db.close()
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", CHILD, str(home), step]
    assert subprocess.run(command, cwd=root, timeout=120).returncode == -signal.SIGKILL
    world = open_world(home)
    try:
        replay(world.db, world.store, NOW)
        assert_gone(world, [recording for _, recording in made])
        assert count(world, Tombstone) == 3
    finally:
        world.db.close()
