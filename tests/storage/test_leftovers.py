"""What a killed gateway left is completed, closed or erased, and nothing is lost that was spooled."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import soundfile

from storage import artifacts, audit_log, calls, consents
from storage.artifacts import NotReadable
from storage.gate import Asking, Gate
from storage.keys import Keys
from storage.leftovers import Recovered, recover_leftovers
from storage.people import Person, Role
from storage.recordings import NewRecording
from storage.sweep import sweep
from tests.storage.world import ARRIVED, World, begin, open_world, record_call, tone

NOW = ARRIVED + timedelta(minutes=10)
WHO = Asking(Person("qa-1", (Role("QA"),)), "QA", "training")


def half_done(world: World, seconds: float = 2.0) -> tuple[str, NewRecording]:
    """A recording whose process died: the spool is there, not closed, with a torn tail."""
    call_id, new = begin(world)
    spool = world.store.create_spool(new.artifact_id, new.data_key)
    pcm = tone(seconds)
    for start in range(0, len(pcm), 8000):
        spool.append(pcm[start : start + 8000])
    with world.store.spool_path(new.artifact_id).open("ab") as file:
        file.write(b"\0\0\x1f\x5ctorn")
    return call_id, new


def recover(world: World, **more: object) -> Recovered:
    return recover_leftovers(world.db, world.store, world.keys, NOW, world.settings, **more)  # type: ignore[arg-type]


def gate(world: World) -> Gate:
    return Gate(world.db, world.store, world.keys, world.settings)


def samples(world: World, artifact_id: str) -> bytes:
    with gate(world).open_media(WHO, artifact_id, NOW) as reader:
        return soundfile.read(reader, dtype="int16")[0].astype("<i2").tobytes()


def test_a_half_made_recording_is_completed_marked_and_its_call_closed(world: World) -> None:
    call_id, new = half_done(world)
    found = recover(world)
    assert (found.sealed, found.calls_closed) == ([new.artifact_id], [call_id])
    artifact = world.db.read_sync(lambda s: artifacts.get(s, new.artifact_id))
    assert (artifact.state, artifact.incomplete_reason) == ("sealed", "gateway_died")
    assert artifact.ended_at == artifact.anchor + timedelta(seconds=2)
    assert world.db.read_sync(lambda s: calls.get(s, call_id)).end_reason == "gateway_died"
    assert samples(world, new.artifact_id) == tone(2.0)
    assert recover(world) == Recovered()


def test_what_lay_in_memory_still_is_appended(world: World) -> None:
    _, new = half_done(world)
    whole = tone(3.0)
    recover(world, tail=lambda artifact_id, frames: whole[frames * 4 :])
    assert samples(world, new.artifact_id) == whole


def test_a_recording_withdrawn_before_the_kill_is_not_brought_back(world: World) -> None:
    call_id, new = half_done(world)
    world.db.write_sync(lambda s: consents.withdraw(s, call_id, ARRIVED, "agent", "agent", world.settings))
    found = recover(world)
    assert found.abandoned == [new.artifact_id] and found.sealed == []
    assert [e.artifact_id for e in sweep(world.db, world.store, NOW).erased] == [new.artifact_id]
    assert list(world.store.ids()) == []


def test_a_recording_with_nothing_in_it_is_erased(world: World) -> None:
    _, new = begin(world)
    assert recover(world).abandoned == [new.artifact_id]
    assert [e.artifact_id for e in sweep(world.db, world.store, NOW).erased] == [new.artifact_id]


def test_sealed_but_not_noted_is_noted(world: World) -> None:
    _, new = half_done(world)
    world.store.finish(new.artifact_id, new.data_key)  # killed before the database heard of it
    assert recover(world).sealed == [new.artifact_id]
    assert samples(world, new.artifact_id) == tone(2.0)


def test_only_ones_own_calls_are_taken_up(world: World) -> None:
    call_id, new = half_done(world)
    assert recover(world, instance="another gateway").sealed == []
    assert recover(world, instance="gateway").sealed == [new.artifact_id]
    assert world.db.read_sync(lambda s: calls.get(s, call_id)).ended_at == NOW


def test_a_wrong_key_file_fails_aloud_and_loses_nothing(world: World) -> None:
    _, new = half_done(world)
    right, world.keys = world.keys, Keys(b"x" * 32)
    found = recover(world)
    assert "another key wrapped this data key" in found.failed[new.artifact_id]
    world.keys = right
    assert recover(world).sealed == [new.artifact_id]


def test_files_that_belong_to_nothing_are_removed(world: World) -> None:
    _, recording = record_call(world)
    stray = uuid.uuid4().hex
    world.store.create_spool(stray, bytes(32)).close()
    assert recover(world).strays == 1
    assert list(world.store.ids()) == [recording]


CHILD = """
import os, signal, sys
from pathlib import Path
from tests.storage.world import begin, open_world, tone

world = open_world(Path(sys.argv[1]))
call_id, new = begin(world)
spool = world.store.create_spool(new.artifact_id, new.data_key)
pcm = tone(10)
for start in range(0, len(pcm), 8000):
    spool.append(pcm[start : start + 8000])
    print(new.artifact_id, flush=True)
"""


@pytest.mark.kill
def test_a_gateway_killed_while_recording_loses_nothing_it_had_spooled(home: Path) -> None:
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home)],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    told = [child.stdout.readline().strip() for _ in range(5)]
    child.send_signal(signal.SIGKILL)
    told += child.stdout.read().split()
    child.wait()
    world = open_world(home)
    try:
        assert recover(world).sealed == [told[0]]
        pcm = samples(world, told[0])
        assert len(pcm) >= len(told) * 8000 and pcm == tone(10)[: len(pcm)]
    finally:
        world.db.close()


# --- reading --------------------------------------------------------------------------------------


def actions(world: World, artifact_id: str) -> list[str]:
    return world.db.read_sync(lambda s: [entry.action for entry in audit_log.entries(s, artifact_id)])


def test_every_reading_and_every_refusal_is_in_the_audit_log(world: World) -> None:
    call_id, recording = record_call(world)
    gate(world).open_media(WHO, recording, NOW, "export").close()
    world.db.write_sync(lambda s: consents.withdraw(s, call_id, NOW, "web", "caller", world.settings))
    with pytest.raises(NotReadable, match="R-20"):
        gate(world).open_media(WHO, recording, NOW)
    assert actions(world, recording)[-3:] == ["export", "ground.end", "deny"]
    (told,) = [
        e for e in world.db.read_sync(lambda s: list(audit_log.entries(s, recording))) if "qa-1" in e.actor
    ][:1]
    assert '"purpose":"training"' in told.detail and "G-CONSENT" in told.detail
    with pytest.raises(NotReadable, match="no such artifact"):
        gate(world).open_media(WHO, "0" * 32, NOW)
    assert actions(world, "0" * 32) == ["deny"]


def test_recordings_are_listed_newest_first_with_their_grounds(world: World) -> None:
    first = record_call(world)[1]
    second = record_call(world, at=ARRIVED + timedelta(days=1))[1]
    listed = world.db.read_sync(lambda s: artifacts.listing(s, kind=artifacts.ArtifactKind.AUDIO))
    assert [artifact.id for artifact, _ in listed] == [second, first]
    assert [str(grounds[0].until) for _, grounds in listed] == ["2025-02-15", "2025-02-14"]
