"""Sealed audio: what is written comes back, nothing else does, and a kill costs a moment."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import media
from storage.media import MediaStore, NothingRecorded, open_peaks
from storage.sealed import CHUNK_BYTES, MediaError, SealedReader, SealedWriter, open_bytes, seal_bytes
from storage.spool import Spool, SpoolReader
from tests.storage.world import tone

KEY = bytes(range(32))
ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "f123456789abcdef0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "audio")


def spooled(store: MediaStore, pcm: bytes, step: int = 8000) -> None:
    with store.create_spool(ID, KEY) as spool:
        for start in range(0, len(pcm), step):
            spool.append(pcm[start : start + step])


def noise(seconds: float) -> bytes:
    """Stereo white noise: it does not compress, so the file has many chunks."""
    return np.random.default_rng(7).integers(-20000, 20000, (round(8000 * seconds), 2), "<i2").tobytes()


def sealed_file(path: Path, plain: bytes) -> None:
    writer = SealedWriter(path, ID, KEY)
    writer.write(plain)
    writer.close()


# --- the sealed file ------------------------------------------------------------------------------


def test_every_sample_of_both_legs_comes_back_in_order(store: MediaStore) -> None:
    pcm = noise(30)
    spooled(store, pcm)
    facts = store.finish(ID, KEY)
    with store.open(ID, KEY) as reader:
        flac = reader.read()
        reader.seek(0)
        samples, rate = soundfile.read(reader, dtype="int16")
    assert samples.astype("<i2").tobytes() == pcm
    assert (rate, facts.sample_rate_hz, facts.channels, facts.duration_ms) == (8000, 8000, 2, 30000)
    assert (
        facts.sha256 == hashlib.sha256(flac).hexdigest() and facts.flac_bytes == len(flac) > 3 * CHUNK_BYTES
    )
    assert facts.media_name == f"01/{ID}.t1"


def test_no_sound_lies_in_clear_in_any_file(store: MediaStore) -> None:
    pcm = tone(2)
    spooled(store, pcm)
    spool = store.spool_path(ID).read_bytes()
    store.finish(ID, KEY)
    sealed = store.media_path(ID).read_bytes()
    for stored in (spool, sealed):
        assert b"fLaC" not in stored
        assert pcm[400:416] not in stored
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [store.media_path(ID)]
    assert store.media_path(ID).stat().st_mode & 0o077 == 0


@settings(max_examples=40, deadline=None)
@given(
    length=st.sampled_from([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES]),
    start=st.integers(0, 3 * CHUNK_BYTES),
    size=st.integers(0, 2 * CHUNK_BYTES),
    rewrite=st.booleans(),
)
def test_any_span_of_a_sealed_file_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, length: int, start: int, size: int, rewrite: bool
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "file"
    plain = bytes(np.random.default_rng(length).integers(0, 256, length, "u1"))
    writer = SealedWriter(path, ID, KEY)
    for at in range(0, length, 50000):
        writer.write(plain[at : at + 50000])
    if rewrite and length > 30:
        writer.seek(10)
        writer.write(b"completed later")
        plain = plain[:10] + b"completed later" + plain[25:]
    writer.close()
    with SealedReader(path, ID, KEY) as reader:
        reader.seek(start)
        assert reader.read(size) == plain[start : start + size]
        assert reader.length == length


def test_a_wrong_key_reads_nothing(store: MediaStore) -> None:
    spooled(store, tone(0.5))
    store.finish(ID, KEY)
    with pytest.raises(MediaError, match="key is wrong"):
        store.open(ID, bytes(32))


def test_a_file_of_another_artifact_is_refused(store: MediaStore) -> None:
    spooled(store, tone(0.5))
    store.finish(ID, KEY)
    with pytest.raises(MediaError, match="another artifact"):
        SealedReader(store.media_path(ID), OTHER_ID, KEY)


@pytest.mark.parametrize("keep_chunks", [0, 1, 2, 2.5])
def test_a_file_cut_short_is_found_when_it_is_opened(tmp_path: Path, keep_chunks: float) -> None:
    path = tmp_path / "file"
    sealed_file(path, bytes(3 * CHUNK_BYTES))
    os.truncate(path, 32 + int(keep_chunks * (CHUNK_BYTES + 28)))
    with pytest.raises(MediaError, match="cut short"):
        SealedReader(path, ID, KEY)


def test_swapped_and_changed_chunks_are_found(tmp_path: Path) -> None:
    path = tmp_path / "file"
    sealed_file(path, bytes(4 * CHUNK_BYTES))
    whole = path.read_bytes()
    size = CHUNK_BYTES + 28
    first, second, rest = whole[32 : 32 + size], whole[32 + size : 32 + 2 * size], whole[32 + 2 * size :]
    changed = bytearray(whole)
    changed[32 + size + 100] ^= 1
    for altered in (whole[:32] + second + first + rest, bytes(changed), whole[:32] + first + first + rest):
        path.write_bytes(altered)
        with SealedReader(path, ID, KEY) as reader, pytest.raises(MediaError, match="altered"):
            reader.read()


def test_a_small_blob_opens_only_with_its_key_and_label() -> None:
    sealed = seal_bytes(KEY, "peaks", b"waveform")
    assert open_bytes(KEY, "peaks", sealed) == b"waveform"
    for key, label, blob in (
        (bytes(32), "peaks", sealed),
        (KEY, "words", sealed),
        (KEY, "peaks", sealed[:-1]),
    ):
        with pytest.raises(MediaError):
            open_bytes(key, label, blob)


def test_peaks_show_each_leg_every_fifty_milliseconds(store: MediaStore) -> None:
    legs = np.zeros((8200, 2), "<i2")
    legs[400:800, 0] = 25600  # the second window, caller only
    legs[8100, 1] = -12800  # the last, shorter window, agent only
    spooled(store, legs.tobytes())
    peaks = np.frombuffer(open_peaks(ID, KEY, store.finish(ID, KEY).peaks), np.int8).reshape(-1, 2, 2)
    assert len(peaks) == 21
    assert peaks[1].tolist() == [[100, 100], [0, 0]]
    assert peaks[20].tolist() == [[0, 0], [-50, 0]]
    assert not peaks[2:20].any()


# --- the spool ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 15, 16, 500])
def test_a_torn_tail_costs_only_the_torn_record(store: MediaStore, cut: int) -> None:
    pcm = tone(3)
    spooled(store, pcm, step=8000)
    path = store.spool_path(ID)
    os.truncate(path, path.stat().st_size - cut)
    reader = SpoolReader(path, ID, KEY)
    assert b"".join(reader) == pcm[:-8000]
    assert reader.torn_bytes > 0
    assert store.finish(ID, KEY).frames == (len(pcm) - 8000) // 4


def test_a_tail_of_zeros_after_a_power_cut_is_dropped(store: MediaStore) -> None:
    pcm = tone(1)
    spooled(store, pcm)
    with store.spool_path(ID).open("ab") as file:
        file.write(bytes(4096))
    assert b"".join(SpoolReader(store.spool_path(ID), ID, KEY)) == pcm


def test_a_spool_can_be_taken_up_again_behind_its_torn_tail(store: MediaStore) -> None:
    pcm = tone(3)
    spooled(store, pcm[:48000])
    path = store.spool_path(ID)
    os.truncate(path, path.stat().st_size - 3)
    with store.resume_spool(ID, KEY) as spool:
        spool.append(pcm[spool.frames * 4 :])
    store.finish(ID, KEY)
    with store.open(ID, KEY) as reader:
        assert soundfile.read(reader, dtype="int16")[0].astype("<i2").tobytes() == pcm


def test_a_spool_does_not_open_with_another_key(store: MediaStore) -> None:
    spooled(store, noise(5))
    with pytest.raises(MediaError, match="key"):
        list(SpoolReader(store.spool_path(ID), ID, bytes(32)))
    with pytest.raises(MediaError, match="key"):
        store.finish(ID, bytes(32))
    assert store.spool_path(ID).exists()


def test_an_empty_spool_is_no_recording(store: MediaStore) -> None:
    spooled(store, b"")
    with pytest.raises(NothingRecorded):
        store.finish(ID, KEY)
    with pytest.raises(NothingRecorded):
        store.finish(OTHER_ID, KEY)


def test_half_a_frame_is_a_mistake_of_the_program(store: MediaStore) -> None:
    with store.create_spool(ID, KEY) as spool, pytest.raises(ValueError, match="whole frames"):
        spool.append(b"\0\0\0")


def test_a_full_disk_is_said_plainly_and_loses_nothing_written(store: MediaStore) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    pcm = tone(4)
    with store.create_spool(ID, KEY) as spool:
        spool.append(pcm[:16000])
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, hard))
        try:
            with pytest.raises(MediaError, match="no space left"):
                spool.append(pcm[16000:32000])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        spool.append(pcm[16000:])
    assert b"".join(SpoolReader(store.spool_path(ID), ID, KEY)) == pcm


def test_a_full_disk_while_sealing_keeps_the_spool_for_later(store: MediaStore) -> None:
    pcm = noise(10)
    spooled(store, pcm)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK_BYTES, hard))
    try:
        with pytest.raises(MediaError, match="no space left"):
            store.finish(ID, KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in store.folder.rglob("*.t*")] == [f"{ID}.t1s"]
    assert store.finish(ID, KEY).frames == 80000


def test_finishing_again_after_a_kill_gives_the_same_recording(store: MediaStore) -> None:
    spooled(store, tone(1))
    kept = store.spool_path(ID).read_bytes()
    first = store.finish(ID, KEY)
    again = store.finish(ID, KEY)  # killed after the spool was removed
    store.spool_path(ID).write_bytes(kept)  # killed before
    store.media_path(ID).with_suffix(".tmp").write_bytes(b"half a file")
    third = store.finish(ID, KEY)
    assert first.sha256 == again.sha256 == third.sha256
    assert not store.spool_path(ID).exists() and not store.media_path(ID).with_suffix(".tmp").exists()


def test_removing_takes_everything_and_may_be_repeated(store: MediaStore) -> None:
    spooled(store, tone(0.5))
    kept = store.spool_path(ID).read_bytes()
    store.finish(ID, KEY)
    store.spool_path(ID).write_bytes(kept)
    store.media_path(ID).with_suffix(".tmp").write_bytes(b"half a file")
    assert set(store.ids()) == {ID}
    assert store.remove(ID) == ["media", "temporary", "spool"]
    assert store.remove(ID) == [] and list(store.ids()) == []


def test_who_removes_many_syncs_each_folder_once(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(media, "sync_folder", synced.append)
    others = [ID[:2] + f"{n:030x}" for n in range(3)]
    store.media_path(ID).parent.mkdir()
    for each in others:
        store.media_path(each).write_bytes(b"sealed")
    unsynced: set[Path] = set()
    assert [store.remove(each, unsynced) for each in others] == [["media"]] * 3
    assert synced == []
    store.sync(unsynced)
    folders = [store.media_path(ID).parent, store.spool_path(ID).parent]
    assert sorted(synced) == sorted(folders)
    # Killed between the two: whoever removes them again syncs too, though nothing is there.
    assert store.remove(others[0]) == [] and synced == [*sorted(folders)] * 2


CHILD = """
import sys
from pathlib import Path
from storage.spool import Spool
from tests.storage.world import tone

spool = Spool.create(Path(sys.argv[1]), sys.argv[2], bytes(range(32)))
pcm, step = tone(60), 8000  # a quarter of a second at a time
for count, start in enumerate(range(0, len(pcm), step), 1):
    spool.append(pcm[start : start + step])
    print(count, flush=True)
"""


@pytest.mark.kill
def test_a_killed_recorder_loses_nothing_it_had_appended(tmp_path: Path) -> None:
    artifact_id, path = uuid.uuid4().hex, tmp_path / "spool"
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), artifact_id],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    while (told := int(child.stdout.readline())) < 20:
        pass
    child.send_signal(signal.SIGKILL)
    told = max([told, *(int(line) for line in child.stdout.read().split())])
    child.wait()
    left = b"".join(SpoolReader(path, artifact_id, KEY))
    assert told * 8000 <= len(left) <= (told + 1) * 8000
    assert left == tone(60)[: len(left)]
    with Spool.resume(path, artifact_id, KEY) as spool:
        assert spool.frames == len(left) // 4


def test_the_writer_refuses_to_go_back_beyond_its_first_chunk(tmp_path: Path) -> None:
    writer = SealedWriter(tmp_path / "file", ID, KEY)
    writer.write(bytes(3 * CHUNK_BYTES))
    writer.seek(CHUNK_BYTES + 1)
    writer.write(b"late")
    with pytest.raises(MediaError, match="beyond the first chunk"):
        writer.close()


def test_a_reader_is_a_file_like_any_other(tmp_path: Path) -> None:
    sealed_file(tmp_path / "file", b"0123456789")
    with SealedReader(tmp_path / "file", ID, KEY) as reader:
        assert reader.seek(-3, io.SEEK_END) == 7 and reader.read() == b"789" and reader.read() == b""
        assert reader.seek(2) == 2 and reader.seek(3, io.SEEK_CUR) == 5 and reader.tell() == 5


@pytest.mark.parametrize(("place", "byte"), [(9, 0), (9, 3), (12, 0)])
def test_a_spool_whose_header_says_what_no_recording_is_is_refused(
    store: MediaStore, place: int, byte: int
) -> None:
    spooled(store, tone(0.5))
    path = store.spool_path(ID)
    header = bytearray(path.read_bytes())
    header[place : place + (4 if place == 12 else 1)] = bytes([byte]) * (4 if place == 12 else 1)
    path.write_bytes(header)
    with pytest.raises(MediaError, match="header of the spool was altered"):
        store.resume_spool(ID, KEY)


def test_a_spool_whose_header_was_torn_can_be_recorded_to_and_read(store: MediaStore) -> None:
    spooled(store, tone(0.1))
    os.truncate(store.spool_path(ID), 20)
    with store.resume_spool(ID, KEY) as spool:
        spool.append(tone(0.2))
    assert b"".join(SpoolReader(store.spool_path(ID), ID, KEY)) == tone(0.2)


def test_a_folder_in_place_of_a_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        SealedReader(tmp_path, ID, KEY)
