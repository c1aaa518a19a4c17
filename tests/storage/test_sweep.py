"""The sweep: on time, once, provably, and killed at every step."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage import artifacts, audit_log, calls, certificates, consents, explanations
from storage.artifacts import NotReadable
from storage.gate import Asking, Gate
from storage.model import Ground, GroundName
from storage.people import Person, Role
from storage.policy.settings import PolicySettings, WithdrawalSettings
from storage.sealed import MediaError
from storage.sweep import Erased, erase_now, sweep
from storage.tables import Artifact, Call, CallerNumber, Consent, DataKey, GroundRow, Tombstone
from tests.storage.world import (
    ARRIVED,
    NUMBER,
    World,
    begin,
    consent_record,
    open_call,
    open_world,
    record_call,
)

MIDNIGHT = datetime(2025, 2, 14, 23, 0, tzinfo=timezone.utc)  # 15 February 2025, 00:00 in Copenhagen
TICK = timedelta(microseconds=1)
ONCE = (
    "start",
    "blocking",
    "blocked",
    "in the ledger",
    "file removed",
    "files removed",
    "certifying",
    "certified",
    "scrubbed",
)
KILLS = [(step, 1) for step in ONCE] + [(step, 2) for step in ("blocking", "file removed", "certifying")]
BEFORE_ANY_COMMIT = ("start", "blocking")


def state_of(world: World, artifact_id: str) -> str | None:
    found = world.db.read_sync(lambda s: artifacts.get(s, artifact_id))
    return found.state if found else None


def test_a_recording_lives_through_its_thirtieth_day_and_not_a_moment_longer(world: World) -> None:
    _, recording = record_call(world)
    assert sweep(world.db, world.store, MIDNIGHT - TICK).erased == ()
    assert world.store.media_path(recording).exists()

    gone = sweep(world.db, world.store, MIDNIGHT)
    assert [(e.artifact_id, e.ground, e.due_at) for e in gone.erased] == [(recording, "G-CONSENT", MIDNIGHT)]
    assert not world.store.media_path(recording).exists()
    assert state_of(world, recording) == "erased"


def test_past_its_date_a_recording_is_unreadable_though_no_sweep_ran(world: World) -> None:
    _, recording = record_call(world)
    world.db.write_sync(lambda s: artifacts.data_key(s, world.keys, recording, MIDNIGHT - TICK))
    with pytest.raises(NotReadable, match="R-10"):
        world.db.write_sync(lambda s: artifacts.data_key(s, world.keys, recording, MIDNIGHT))
    assert world.store.media_path(recording).exists()


@pytest.mark.parametrize(
    ("started", "gone_at"),
    [
        # Over the change to summer time (30 March 2025): midnight is an hour earlier in UTC.
        (datetime(2025, 3, 10, 9, 0, tzinfo=timezone.utc), datetime(2025, 4, 9, 22, 0, tzinfo=timezone.utc)),
        # Over the change to winter time (26 October 2025).
        (
            datetime(2025, 10, 10, 9, 0, tzinfo=timezone.utc),
            datetime(2025, 11, 9, 23, 0, tzinfo=timezone.utc),
        ),
        # Through a leap day; and a call at 23:30 UTC is on the next day in Copenhagen.
        (datetime(2024, 2, 1, 23, 30, tzinfo=timezone.utc), datetime(2024, 3, 3, 23, 0, tzinfo=timezone.utc)),
    ],
)
def test_thirty_days_are_counted_on_the_danish_calendar(
    world: World, started: datetime, gone_at: datetime
) -> None:
    record_call(world, at=started)
    assert sweep(world.db, world.store, gone_at - TICK, dry_run=True).erased == ()
    assert len(sweep(world.db, world.store, gone_at, dry_run=True).erased) == 1


def test_a_dry_run_tells_and_changes_nothing(world: World) -> None:
    _, recording = record_call(world)
    before = world.db.read_sync(lambda s: audit_log.verify(s).last_hash)
    told = sweep(world.db, world.store, MIDNIGHT, dry_run=True)
    assert told.dry_run and [e.artifact_id for e in told.erased] == [recording]
    assert world.db.read_sync(lambda s: audit_log.verify(s).last_hash) == before
    assert state_of(world, recording) == "sealed"


def test_the_certificate_says_why_when_and_what_but_not_who(world: World) -> None:
    _, recording = record_call(world)
    sha256 = world.db.read_sync(lambda s: artifacts.get(s, recording).sha256)
    late = MIDNIGHT + timedelta(minutes=1)
    sweep(world.db, world.store, late)
    certificate = world.db.read_sync(lambda s: certificates.of_artifact(s, recording))
    assert certificate.kind == "AUD"
    assert certificate.content_sha256 == sha256
    assert (certificate.due_at, certificate.blocked_at, certificate.purged_at) == (MIDNIGHT, late, late)
    assert certificate.lapsed[-1]["rule"] == "R-10" and certificate.lapsed[-1]["until"] == "2025-02-14"
    assert certificate.locations == ["database", "media"]
    assert recording not in str(vars(certificate))


def test_a_second_sweep_finds_nothing_and_certifies_nothing_twice(world: World) -> None:
    record_call(world)
    sweep(world.db, world.store, MIDNIGHT)
    assert sweep(world.db, world.store, MIDNIGHT).erased == ()
    assert world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(Tombstone))) == 1


def test_consent_evidence_outlives_the_recording_by_thirty_days_then_the_call_is_forgotten(
    world: World,
) -> None:
    call_id, _ = record_call(world)
    sweep(world.db, world.store, MIDNIGHT)
    evidence_ends = datetime(2025, 3, 16, 23, 0, tzinfo=timezone.utc)  # 2025-02-14 + 30 days, to its end
    assert sweep(world.db, world.store, evidence_ends - TICK).erased == ()
    assert world.db.read_sync(lambda s: len(consents.of_call(s, call_id))) == 1

    assert [e.kind for e in sweep(world.db, world.store, evidence_ends).erased] == ["CE"]
    for table in (Call, Consent, Artifact, GroundRow, DataKey, CallerNumber):
        count = world.db.read_sync(lambda s, t=table: s.scalar(select(func.count()).select_from(t)))
        assert count == 0, table.__name__
    assert world.db.read_sync(audit_log.verify).intact


def test_a_long_sleep_is_made_up_for_in_one_sweep(world: World) -> None:
    call_id, _ = record_call(world)
    year_later = ARRIVED + timedelta(days=365)
    assert [e.kind for e in sweep(world.db, world.store, year_later).erased] == ["AUD", "CE"]
    assert world.db.read_sync(lambda s: calls.get(s, call_id)) is None


def test_the_clear_number_goes_with_the_recording(world: World) -> None:
    call_id, _ = record_call(world)
    assert (
        world.db.read_sync(lambda s: calls.caller_number(s, world.keys, call_id, MIDNIGHT - TICK)) == NUMBER
    )
    assert world.db.read_sync(lambda s: calls.caller_number(s, world.keys, call_id, MIDNIGHT)) is None
    sweep(world.db, world.store, MIDNIGHT)
    assert world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(CallerNumber))) == 0


def test_past_its_date_consent_evidence_is_not_shown_though_no_sweep_ran(world: World) -> None:
    call_id = open_call(world)
    world.db.write_sync(lambda s: consents.record(s, consent_record(call_id, "none"), ARRIVED))
    assert len(world.db.read_sync(lambda s: consents.of_call(s, call_id, MIDNIGHT - TICK))) == 1
    assert world.db.read_sync(lambda s: consents.of_call(s, call_id, MIDNIGHT)) == []


def test_an_unrecorded_call_keeps_no_number_and_goes_after_thirty_days(world: World) -> None:
    call_id = open_call(world)
    world.db.write_sync(lambda s: calls.close_call(s, call_id, ARRIVED, "hangup_caller"))
    assert world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(CallerNumber))) == 0
    assert sweep(world.db, world.store, MIDNIGHT - TICK).erased == ()
    assert [e.kind for e in sweep(world.db, world.store, MIDNIGHT).erased] == ["NL"]
    assert world.db.read_sync(lambda s: calls.get(s, call_id)) is None


def test_withdrawal_closes_the_recording_at_once_and_erases_it(world: World) -> None:
    call_id, recording = record_call(world)
    at = ARRIVED + timedelta(days=3)
    ended = world.db.write_sync(lambda s: consents.withdraw(s, call_id, at, "web", "caller", world.settings))
    assert ended == [recording]
    with pytest.raises(NotReadable, match="R-20"):
        world.db.write_sync(lambda s: artifacts.data_key(s, world.keys, recording, at))
    assert [e.artifact_id for e in erase_now(world.db, world.store, ended, at).erased] == [recording]
    assert not world.store.media_path(recording).exists()
    certificate = world.db.read_sync(lambda s: certificates.of_artifact(s, recording))
    assert (
        certificate.due_at == at
        and certificate.lapsed[0]["ended_by"] == "the caller withdrew the consent (R-20)"
    )


def test_withdrawal_without_deletion_leaves_it_unreadable_to_its_date(world: World) -> None:
    call_id, recording = record_call(world)
    only_future = PolicySettings(withdrawal=WithdrawalSettings(delete_existing=False))
    world.db.write_sync(
        lambda s: consents.withdraw(s, call_id, ARRIVED + timedelta(days=1), "web", "caller", only_future)
    )
    gate = Gate(world.db, world.store, world.keys, world.settings)
    asking = Asking(Person("qa", (Role("QA"),)), "QA", "training")
    with pytest.raises(NotReadable, match="R-20"):
        gate.open_media(asking, recording, ARRIVED + timedelta(days=1))
    assert sweep(world.db, world.store, MIDNIGHT - TICK).erased == ()
    assert len(sweep(world.db, world.store, MIDNIGHT).erased) == 1


def hold(until: datetime | None = None) -> Ground:
    return Ground(
        GroundName.AUTHORITY, "R-60", ("6(1)(c)",), ("order",), ("LEGAL",), ARRIVED, None, until, "legal"
    )


def test_a_held_recording_stays_and_goes_at_once_when_the_hold_ends(world: World) -> None:
    call_id, recording = record_call(world)
    world.db.write_sync(lambda s: artifacts.add_ground(s, recording, hold(), ARRIVED))
    world.db.write_sync(lambda s: consents.withdraw(s, call_id, ARRIVED, "web", "caller", world.settings))
    later = MIDNIGHT + timedelta(days=100)
    assert erase_now(world.db, world.store, [recording], later).erased == ()
    assert sweep(world.db, world.store, later).erased == ()

    def release(session) -> None:
        for row in artifacts.ground_rows(session, recording):
            artifacts.end_ground(session, row, later, "released")

    world.db.write_sync(release)
    gone = sweep(world.db, world.store, later).erased
    assert (recording, "G-AUTHORITY") in [(e.artifact_id, e.ground) for e in gone]


def test_a_hold_that_comes_after_the_erasure_began_is_refused(world: World) -> None:
    _, recording = record_call(world)

    class Stop(Exception):
        pass

    def stop(step: str) -> None:
        if step == "blocked":
            raise Stop

    with pytest.raises(Stop):
        sweep(world.db, world.store, MIDNIGHT, checkpoint=stop)
    with pytest.raises(NotReadable, match="R-60"):
        world.db.write_sync(lambda s: artifacts.add_ground(s, recording, hold(), MIDNIGHT))


def test_an_artifact_without_any_ground_is_erased(world: World) -> None:
    _, recording = record_call(world)
    world.db.write_sync(lambda s: s.query(GroundRow).filter(GroundRow.artifact_id == recording).delete())
    assert [e.artifact_id for e in sweep(world.db, world.store, ARRIVED).erased] == [recording]
    told = world.db.read_sync(lambda s: explanations.explain(s, world.settings, recording, ARRIVED))
    assert told is not None and "nothing permitted keeping it (R-01)" in told["why"]


def test_a_file_that_cannot_be_removed_is_unreadable_reported_and_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, recording = record_call(world)
    with monkeypatch.context() as broken:

        def refuse(artifact_id: str, unsynced: set[Path], in_bucket: bool) -> list[str]:
            raise MediaError("removing a recording: the data folder cannot be written")

        broken.setattr(world.store, "remove", refuse)
        result = sweep(world.db, world.store, MIDNIGHT)
    assert [f.artifact_id for f in result.failed] == [recording] and result.erased == ()
    with pytest.raises(NotReadable, match="R-60"):
        world.db.read_sync(lambda s: artifacts.kept(s, recording, ARRIVED))

    assert len(sweep(world.db, world.store, MIDNIGHT + timedelta(hours=1)).erased) == 1
    certificate = world.db.read_sync(lambda s: certificates.of_artifact(s, recording))
    assert len(certificate.failures) == 1 and certificate.blocked_at == MIDNIGHT


def test_no_certificate_before_the_removal_of_the_files_is_on_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, recording = record_call(world)
    with monkeypatch.context() as broken:

        def refuse(folders: set[Path]) -> None:
            raise MediaError("removing a recording: the disk failed")

        broken.setattr(world.store, "sync", refuse)
        result = sweep(world.db, world.store, MIDNIGHT)
    assert [f.artifact_id for f in result.failed] == [recording] and result.erased == ()
    assert world.db.read_sync(lambda s: certificates.of_artifact(s, recording)) is None
    assert len(sweep(world.db, world.store, MIDNIGHT).erased) == 1


def test_who_wants_to_be_told_is_told_of_each_and_the_result_keeps_none(world: World) -> None:
    recordings = {record_call(world, ARRIVED + timedelta(hours=h), seconds=0.1)[1] for h in range(3)}
    told: list[Erased] = []
    result = sweep(world.db, world.store, MIDNIGHT, on_erased=told.append)
    assert result.erased == () and {each.artifact_id for each in told} == recordings


def test_a_hold_placed_between_looking_and_blocking_wins_within_a_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = [record_call(world, ARRIVED + timedelta(hours=h), seconds=0.1)[1] for h in range(3)]
    held = recordings[1]

    def place(step: str) -> None:
        if step == "start" and not world.db.read_sync(lambda s: len(artifacts.grounds_of(s, held))) > 1:
            world.db.write_sync(lambda s: artifacts.add_ground(s, held, hold(), MIDNIGHT))

    erased = sweep(world.db, world.store, MIDNIGHT, checkpoint=place).erased
    assert {each.artifact_id for each in erased} == {*recordings} - {held}
    assert state_of(world, held) == "sealed" and world.store.media_path(held).exists()


@pytest.mark.sqlite
def test_no_byte_of_the_wrapped_key_the_number_or_the_evidence_is_left_in_the_database(world: World) -> None:
    for day in range(8):
        record_call(world, at=ARRIVED + timedelta(days=day), seconds=0.2)
    keys = world.db.read_sync(lambda s: list(s.scalars(select(DataKey.wrapped))))
    hashes = world.db.read_sync(lambda s: list(s.scalars(select(Consent.record_hash))))
    # Audit entries and certificates keep the hash of a record on purpose; its other fields must go.
    sealed = world.db.read_sync(lambda s: s.scalars(select(CallerNumber.number)).first())
    assert NUMBER.encode() not in _database_bytes(world), "not in clear, even while it is kept"
    needles = {**{f"key {i}": key[20:] for i, key in enumerate(keys)}, "number": sealed.encode()}
    assert len(keys) == 8 and len(set(hashes)) == 8
    assert all(needle in _database_bytes(world) for needle in needles.values())

    result = sweep(world.db, world.store, ARRIVED + timedelta(days=100))
    assert result.scrubbed
    left = _database_bytes(world)
    needles["evidence"] = b'"verdict": "accepted"'
    assert [name for name, needle in needles.items() if needle in left] == []


def _database_bytes(world: World) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(world.folder.glob("tast1.db*")))


# --- killed at every step -------------------------------------------------------------------------

CHILD = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from storage.sweep import sweep
from tests.storage.world import (
    ARRIVED,
    NUMBER,
    World,
    begin,
    consent_record,
    open_call,
    open_world,
    record_call,
)

folder, step, nth, now = sys.argv[1:]
world, seen = open_world(Path(folder)), 0

def checkpoint(reached):
    global seen
    if reached == step:
        seen += 1
        if seen == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)

sweep(world.db, world.store, datetime.fromisoformat(now), checkpoint=checkpoint)
"""


def kill_sweep_at(folder: Path, step: str, nth: int, now: datetime) -> int:
    command = [sys.executable, "-c", CHILD, str(folder), step, str(nth), now.isoformat()]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, timeout=120).returncode


@pytest.mark.kill
@pytest.mark.parametrize(("step", "nth"), KILLS)
def test_a_sweep_killed_at_any_step_is_completed_once(home: Path, step: str, nth: int) -> None:
    world = open_world(home)
    recordings = [record_call(world, at=ARRIVED + timedelta(hours=h), seconds=0.2)[1] for h in range(3)]
    unfinished = begin(world, at=ARRIVED + timedelta(days=20))[1].artifact_id
    world.db.close()

    assert kill_sweep_at(home, step, nth, MIDNIGHT) == -signal.SIGKILL

    world = open_world(home)
    try:
        for recording in () if step in BEFORE_ANY_COMMIT else recordings:
            with pytest.raises(NotReadable):
                world.db.read_sync(lambda s, r=recording: artifacts.kept(s, r, ARRIVED))
        sweep(world.db, world.store, MIDNIGHT + timedelta(minutes=1))
        for recording in recordings:
            assert state_of(world, recording) == "erased"
            assert not world.store.media_path(recording).exists()
            certificate = world.db.read_sync(lambda s, r=recording: certificates.of_artifact(s, r))
            assert certificate is not None and certificate.due_at == MIDNIGHT
        assert world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(Tombstone))) == 3
        erasures = world.db.read_sync(
            lambda s: [e.subject for e in audit_log.entries(s) if e.action == "erase"]
        )
        assert sorted(erasures) == sorted(recordings)
        assert world.db.read_sync(audit_log.verify).intact
        assert world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(DataKey))) == 1
        assert state_of(world, unfinished) == "capturing"
    finally:
        world.db.close()
