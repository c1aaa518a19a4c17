"""Sealed files in a bucket, against a real S3-compatible server: sent, heard, erased, and found if left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import soundfile
from sqlalchemy import select

from storage import artifacts, consents, held, prompts, remains
from storage.bucket import AHEAD_BYTES, Bucket, BucketFile, BucketSettings, KeepsVersions
from storage.media import MediaStore, object_name
from storage.sealed import MediaError
from storage.sweep import erase_now, sweep
from storage.tables import HeldFile, Tombstone
from storage.uploads import Uploads, fetch_prompt
from tests.buckets import NAME, BucketServer, server
from tests.storage.test_leftovers import WHO, gate
from tests.storage.test_sweep import MIDNIGHT
from tests.storage.world import ARRIVED, World, begin, record_call, tone

NOW = MIDNIGHT + timedelta(minutes=1)
KEPT = ARRIVED + timedelta(minutes=10)


@pytest.fixture(scope="module")
def s3() -> Iterator[BucketServer]:
    with server() as running:
        yield running


@pytest.fixture
def bucket(s3: BucketServer, tmp_path: Path) -> Bucket:
    return s3.bucket(prefix=f"sound/{tmp_path.name}")


@pytest.fixture
def stored(world: World, bucket: Bucket) -> World:
    """A world whose sealed files go into the bucket."""
    world.store.bucket = bucket
    return world


def another(world: World, name: str = "beta") -> World:
    """The same database, keys and bucket, seen by another gateway with a folder of its own."""
    store = MediaStore(world.folder / f"audio-{name}", world.store.bucket, name)
    return World(world.folder, world.db, world.keys, store, world.settings)


def holders(world: World) -> dict[str, str]:
    return {
        r.artifact_id: r.instance for r in world.db.read_sync(lambda s: s.scalars(select(HeldFile)).all())
    }


def certificates_of(world: World) -> int:
    return len(world.db.read_sync(lambda s: s.scalars(select(Tombstone)).all()))


def note(world: World, artifact_id: str) -> None:
    world.db.write_sync(lambda s: held.note(s, world.store, artifact_id))


def heard(world: World, artifact_id: str) -> bytes:
    with gate(world).open_media(WHO, artifact_id, KEPT) as reader:
        return bytes(soundfile.read(reader, dtype="int16")[0].astype("<i2").tobytes())


def test_a_recording_goes_into_the_bucket_and_is_heard_from_there_by_another_gateway(stored: World) -> None:
    _, recording = record_call(stored, seconds=3.0)
    uploads = Uploads(stored.db, stored.store)
    assert (uploads.round().sent, list(stored.store.sealed())) == (1, [])
    assert stored.store.places(recording) == ["bucket"]
    assert heard(another(stored), recording) == tone(3.0)
    assert (uploads.round().sent, holders(stored)) == (0, {})


def test_what_is_in_the_bucket_is_sealed(stored: World, s3: BucketServer) -> None:
    _, recording = record_call(stored)
    there = stored.store.media_path(recording).read_bytes()
    Uploads(stored.db, stored.store).round()
    bucket = stored.store.bucket
    assert bucket is not None and bucket.get(object_name(recording)) == there
    assert there.startswith(b"T1SEALED") and b"fLaC" not in there


def test_a_large_file_goes_in_parts_and_is_read_by_ranges(bucket: Bucket, tmp_path: Path) -> None:
    whole = bytes(range(256)) * 80_000  # 20 MB: three parts
    path = tmp_path / "large"
    path.write_bytes(whole)
    bucket.put("media/large", path)
    file = BucketFile(bucket, "media/large")
    assert file.size == len(whole)
    for offset in (0, 7, AHEAD_BYTES - 3, len(whole) - 10, 12_345_678):
        assert file.read_at(offset, 1000) == whole[offset : offset + 1000]
    assert file.read_at(len(whole), 10) == b""


def test_a_bucket_that_hangs_or_is_gone_keeps_the_file_and_heals(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.bucket.REQUEST_S", 2)
    own = BucketServer().start()
    try:
        own.make()
        world.store.bucket = own.bucket()
        uploads = Uploads(world.db, world.store)
        _, recording = record_call(world)
        own.pause()
        assert uploads.round().waiting == 1 and uploads.last.why
        assert heard(world, recording) == tone(1.0), "it is heard from the folder meanwhile"
        own.resume()
        assert uploads.round().sent == 1
        own.stop()
        _, second = record_call(world, at=ARRIVED + timedelta(hours=1))
        assert uploads.round().waiting == 1
        with pytest.raises(MediaError, match="does not answer"):
            heard(world, recording)
        own.start()
        own.make()
        assert uploads.round().sent == 1 and world.store.places(second) == ["bucket"]
    finally:
        own.stop()


def test_erasure_reaches_the_bucket_and_the_search_looks_there(stored: World) -> None:
    call_id, recording = record_call(stored)
    Uploads(stored.db, stored.store).round()
    bucket = stored.store.bucket
    assert bucket is not None
    sealed = bucket.get(object_name(recording))
    sweep(stored.db, stored.store, NOW)
    assert stored.store.places(recording) == [] and list(bucket.names()) == []
    assert remains.search(stored.db, stored.store, stored.keys, NOW) == []
    left, foreign = stored.folder / "left", stored.folder / "foreign"
    left.write_bytes(sealed)
    bucket.put(object_name(recording), left)
    foreign.write_bytes(b"copy")
    bucket.put("copy.wav", foreign)
    found = remains.search(stored.db, stored.store, stored.keys, NOW)
    assert [(each.what, each.where) for each in found] == [
        ("unknown", "bucket:copy.wav"),
        ("file", f"bucket:{object_name(recording)}"),
    ]
    del call_id


def test_an_erasure_waits_for_a_bucket_that_is_away(stored: World) -> None:
    _, recording = record_call(stored)
    Uploads(stored.db, stored.store).round()
    there, stored.store.bucket = (
        stored.store.bucket,
        Bucket(BucketSettings(NAME, endpoint="http://127.0.0.1:9")),
    )
    result = sweep(stored.db, stored.store, NOW)
    assert [each.artifact_id for each in result.failed] == [recording]
    assert stored.db.read_sync(lambda s: artifacts.get(s, recording)).blocked_at is not None
    stored.store.bucket = there
    assert [each.artifact_id for each in sweep(stored.db, stored.store, NOW).erased][:1] == [recording]
    assert stored.store.places(recording) == []


def test_no_certificate_before_the_gateway_that_has_the_file_removed_it(stored: World) -> None:
    call_id, recording = record_call(stored)
    note(stored, recording)
    beta = another(stored)
    before = certificates_of(stored)
    touched = stored.db.write_sync(
        lambda s: consents.withdraw(s, call_id, KEPT, "agent", "agent", stored.settings)
    )
    result = erase_now(beta.db, beta.store, touched, KEPT)
    assert [each.reason for each in result.failed] == ["its file is with gateway gateway"]
    assert stored.store.media_path(recording).exists()
    with pytest.raises(artifacts.NotReadable):
        heard(stored, recording)
    assert Uploads(stored.db, stored.store).round().sent == 0, "what was withdrawn is not sent"
    begun = stored.db.read_sync(lambda s: held.to_erase(s, "gateway"))
    assert begun == [recording]
    assert erase_now(stored.db, stored.store, begun, KEPT).failed == ()
    assert not stored.store.media_path(recording).exists()
    assert certificates_of(stored) > before and holders(stored) == {}


def test_what_is_erased_while_it_is_sent_does_not_stay(
    stored: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id, recording = record_call(stored)
    bucket = stored.store.bucket
    assert bucket is not None
    put = bucket.put

    def withdrawn_meanwhile(name: str, path: Path) -> None:
        put(name, path)
        touched = stored.db.write_sync(
            lambda s: consents.withdraw(s, call_id, KEPT, "agent", "agent", stored.settings)
        )
        failed = erase_now(stored.db, stored.store, touched, KEPT).failed
        assert [each.artifact_id for each in failed] == [recording], "nothing is certified while it is sent"

    monkeypatch.setattr(bucket, "put", withdrawn_meanwhile)
    assert Uploads(stored.db, stored.store).round().sent == 0
    assert list(bucket.names()) == []
    sweep(stored.db, stored.store, KEPT)
    assert stored.store.places(recording) == [] and holders(stored) == {}


def test_a_recording_that_is_being_made_is_not_sent(stored: World) -> None:
    _, new = begin(stored)
    note(stored, new.artifact_id)
    with stored.store.create_spool(new.artifact_id, new.data_key) as spool:
        spool.append(tone(1.0))
    stored.store.finish(new.artifact_id, new.data_key)  # the file is there, its row says "capturing" still
    assert Uploads(stored.db, stored.store).round().sent == 0
    assert holders(stored) == {new.artifact_id: "gateway"}


@pytest.mark.parametrize("killed_at", ["before", "after"])
def test_an_upload_that_was_killed_is_made_good(stored: World, killed_at: str) -> None:
    _, recording = record_call(stored)
    stored.db.write_sync(lambda s: held.begin(s, "gateway", recording))
    if killed_at == "after":
        bucket = stored.store.bucket
        assert bucket is not None
        bucket.put(object_name(recording), stored.store.media_path(recording))
        stored.store.media_path(recording).unlink()
    uploads = Uploads(stored.db, stored.store)
    uploads.start()
    uploads.round()
    assert stored.store.places(recording) == ["bucket"] and holders(stored) == {}


def test_a_bucket_that_keeps_versions_gets_nothing_unless_it_lets_go_of_them(
    s3: BucketServer, tmp_path: Path
) -> None:
    s3.make("keeps-versions", versions=True)
    path = tmp_path / "file"
    path.write_bytes(b"sealed")
    refusing = s3.bucket("keeps-versions")
    with pytest.raises(KeepsVersions, match="turn versioning off"):
        refusing.put("media/file", path)
    assert refusing.size("media/file") is None
    trusting = s3.bucket("keeps-versions", keeps_versions=True)
    trusting.put("media/file", path)
    assert trusting.size("media/file") == 6


def test_errors_say_what_to_do_and_name_nobody(s3: BucketServer, tmp_path: Path) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    refusing = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=refusing.serve_forever, daemon=True).start()
    try:
        endpoint = f"http://127.0.0.1:{refusing.server_port}"
        with pytest.raises(MediaError, match=r"refuses these credentials; look at storage\.bucket"):
            Bucket(BucketSettings(NAME, endpoint=endpoint, access_key="a", secret_key="b")).size("media/x")
    finally:
        refusing.shutdown()
    path = tmp_path / "file"
    path.write_bytes(b"sealed")
    with pytest.raises(MediaError, match="no such bucket"):
        s3.bucket("nobodys").put("media/file", path)
    assert "secret" not in repr(s3.settings()) and "access" not in repr(s3.settings())


def test_prompts_are_shared(stored: World) -> None:
    sha256 = prompts.keep_file(stored.store.folder, b"RIFF sound of a prompt")
    Uploads(stored.db, stored.store).round()
    assert fetch_prompt(another(stored).store, sha256) == b"RIFF sound of a prompt"
    assert fetch_prompt(stored.store, "0" * 64) is None
