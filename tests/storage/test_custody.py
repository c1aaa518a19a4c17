"""Keys from a file, a command, a token and a key pair; another one in their place while all goes on."""

from __future__ import annotations

import base64
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import func, select

from storage import artifacts, audit_log, calls, cases, custody, rotation
from storage.database import Database
from storage.key_register import needed, open_keys
from storage.key_sources import KeyCommand, KeyFile, KeyPair, KeySources, KeyToken, create_file, open_source
from storage.keys import Keys, KeysError, SealsOnly, new_data_key
from storage.leftovers import LEFT_S, finish_left, recover_leftovers
from storage.tables import Case, CaseKey, DataKey, KeyEncryptionKey
from storage.wrapping import new_pair
from tests.storage import tokens
from tests.storage.world import ARRIVED, NUMBER, World, begin, database_url, open_call, record_call, tone

NOW = ARRIVED + timedelta(hours=1)
BY = {"id": "os:0", "role": "SYSADMIN"}
REASON = "the customer asked what was agreed"


def with_keys(world: World, sources: KeySources) -> Keys:
    world.keys = open_keys(world.db, sources, NOW)
    return world.keys


def file_sources(world: World) -> KeySources:
    return KeySources(KeyFile(world.folder / "key"))


def key_pair(folder: Path, name: str = "pair") -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    for path, content in zip((private, public), new_pair(), strict=True):
        create_file(path, content)
    return private, public


def write_note(world: World, case_id: str = "K-1") -> None:
    def write(session: Any) -> None:
        session.add(Case(id=case_id, kind="complaint", opened_at=ARRIVED, opened_by="u1"))
        session.flush()
        cases.add_note(session, world.keys, case_id, ARRIVED, "u1", "letter", {"letter": "words"})
        audit_log.append(session, ARRIVED, "read", "x", {}, BY, REASON, world.keys)

    world.db.write_sync(write)


def sound(world: World, artifact_id: str, keys: Keys | None = None) -> bytes:
    key = world.db.read_sync(lambda s: artifacts.data_key(s, keys or world.keys, artifact_id, NOW))
    with world.store.open(artifact_id, key) as reader:
        return reader.read()


def number(world: World, call_id: str, keys: Keys | None = None) -> str | None:
    return world.db.read_sync(lambda s: calls.caller_number(s, keys or world.keys, call_id, NOW))


def reason(world: World, keys: Keys) -> str:
    def read(session: Any) -> str:
        (entry,) = [each for each in audit_log.entries(session) if each.action == "read"]
        return audit_log.reason_of(session, keys, entry.seq)

    return world.db.read_sync(read)


def notes(world: World, keys: Keys) -> list[str]:
    return [n.words["letter"] for n in world.db.read_sync(lambda s: cases.notes(s, keys, "K-1"))]


def wrapped_by(world: World) -> set[str]:
    def read(session: Any) -> set[str]:
        return {w[1:9].hex() for c in (DataKey.wrapped, CaseKey.wrapped) for w in session.scalars(select(c))}

    return world.db.read_sync(read)


# --- rotation -------------------------------------------------------------------------------------


def test_everything_opens_with_the_new_key_alone_and_no_sound_was_touched(world: World) -> None:
    before = with_keys(world, file_sources(world))
    call_id, recording = record_call(world)
    write_note(world)
    heard, file = sound(world, recording), world.store.media_path(recording).read_bytes()

    done = rotation.rotate(world.db, file_sources(world), NOW, BY, retire_too=True)

    old = world.folder / f"key.{before.key_id.hex()}"
    assert done.is_new and done.retired == (before.key_id.hex(),) and not done.failed and not done.waiting
    assert old.read_bytes() != (world.folder / "key").read_bytes()
    old.unlink()
    after = with_keys(world, file_sources(world))
    assert wrapped_by(world) == {after.key_id.hex()} == {done.key_id} != {before.key_id.hex()}
    assert sound(world, recording) == heard and world.store.media_path(recording).read_bytes() == file
    assert number(world, call_id) == NUMBER
    assert (reason(world, after), notes(world, after)) == (REASON, ["words"])
    assert after.pseudonym("x") == before.pseudonym("x")
    assert (after.public_key, after.edge_key) == (before.public_key, before.edge_key)
    actions = [each.action for each in world.db.read_sync(lambda s: list(audit_log.entries(s)))]
    assert [each for each in actions if each.startswith("keys.")] == [
        *("keys.take_up", "keys.take_up", "keys.rotate", "keys.retire", "keys.rewrap")
    ]


def test_an_archive_of_before_there_was_a_register_keeps_its_pseudonyms_and_opens(world: World) -> None:
    first = world.keys  # of the key file alone
    call_id, recording = record_call(world)
    after = with_keys(world, file_sources(world))
    assert (after.pseudonym("x"), after.public_key, after.edge_key) == (
        first.pseudonym("x"),
        first.public_key,
        first.edge_key,
    )
    assert sound(world, recording) and number(world, call_id) == NUMBER


def test_a_gateway_that_runs_wraps_with_the_new_key_and_opens_what_was_wrapped_anew(world: World) -> None:
    running = with_keys(world, file_sources(world))
    call_id, recording = record_call(world)
    _, live = begin(world, ARRIVED + timedelta(minutes=5))
    done = rotation.rotate(world.db, file_sources(world), NOW, BY, retire_too=True)
    assert done.retired, "a recording that goes on keeps nothing from being retired"

    assert running.key_id.hex() != done.key_id, "it has not noticed yet"
    assert sound(world, recording, running) and number(world, call_id, running) == NUMBER
    _, later = record_call(world, ARRIVED + timedelta(minutes=10))
    assert wrapped_by(world) == {done.key_id} and sound(world, later)
    with world.store.create_spool(live.artifact_id, live.data_key) as spool:
        spool.append(tone(0.5))
    world.store.finish(live.artifact_id, live.data_key)
    assert sound(world, live.artifact_id)


def test_nothing_is_wrapped_with_a_retired_key(world: World) -> None:
    stale = with_keys(world, KeySources(KeyCommand(("cat", str(world.folder / "key")))))
    rotation_sources = KeySources(KeyCommand(("echo", "ab" * 32)), (KeyFile(world.folder / "key"),))
    rotation.rotate(world.db, rotation_sources, NOW, BY)
    begin(world, ARRIVED)  # superseded only: it is recorded
    with pytest.raises(KeysError, match="needed still"):
        rotation.retire(world.db, stale.key_id.hex(), NOW, BY)
    done = rotation.rotate(world.db, rotation_sources, NOW, BY)
    assert (done.is_new, done.rewrapped > 0, done.waiting) == (False, True, (stale.key_id.hex(),))
    rotation.retire(world.db, stale.key_id.hex(), NOW, BY)
    with pytest.raises(KeysError, match="is retired"):
        begin(world, ARRIVED + timedelta(minutes=1))
    with pytest.raises(KeysError, match="is retired"):
        open_keys(world.db, KeySources(KeyCommand(("cat", str(world.folder / "key")))), NOW)


def test_without_another_key_to_go_on_to_it_says_what_to_name(world: World) -> None:
    sources = KeySources(KeyCommand(("echo", "ab" * 32)))
    with_keys(world, sources)
    with pytest.raises(KeysError, match="name a new one"):
        rotation.rotate(world.db, sources, NOW, BY)


def test_what_was_erased_meanwhile_does_not_come_back(world: World) -> None:
    with_keys(world, file_sources(world))
    _, recording = record_call(world)
    table = DataKey.__table__

    def swap(session: Any) -> None:
        session.delete(session.get(DataKey, recording))
        session.flush()
        rotation._swap(session, table, table.c.wrapped, [(recording, b"old", b"new")])

    world.db.write_sync(swap)
    assert world.db.read_sync(lambda s: s.scalar(select(func.count()).select_from(DataKey))) == 0


def test_a_key_that_does_not_open_is_told_and_keeps_its_key_from_being_retired(world: World) -> None:
    with_keys(world, file_sources(world))
    _, recording = record_call(world)
    _, whole = record_call(world, ARRIVED + timedelta(minutes=5))

    def alter(session: Any) -> None:
        row = session.get(DataKey, recording)
        row.wrapped = row.wrapped[:-1] + bytes([row.wrapped[-1] ^ 1])

    world.db.write_sync(alter)
    done = rotation.rotate(world.db, file_sources(world), NOW, BY, retire_too=True)
    assert done.failed == (recording,) and done.retired == () and len(done.waiting) == 1
    with_keys(world, file_sources(world))
    assert sound(world, whole)
    assert rotation.check(world.db, world.keys, everything=True) == [("altered", recording)]


_TRACED = ("rotation.py", "key_sources.py", "key_register.py")


def _killed_at(home: Path, line: int) -> bool:
    """Rotate in a process of its own that is killed at the so-manieth line; False when it came to its end."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, what: str, _: Any) -> Any:
            nonlocal left
            if Path(frame.f_code.co_filename).name not in _TRACED:
                return None
            left -= what == "line"
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            db = Database(database_url(home))
            sys.settrace(trace)
            rotation.rotate(db, KeySources(KeyFile(home / "key")), NOW, BY, retire_too=True)
            sys.settrace(None)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.kill
def test_a_rotation_that_is_killed_again_and_again_loses_nothing_and_comes_to_its_end(
    home: Path, world: World
) -> None:
    first = with_keys(world, file_sources(world))
    made = [record_call(world, ARRIVED + timedelta(minutes=n), 0.1) for n in range(4)]
    heard = [sound(world, recording) for _, recording in made]
    line, kills = 3, 0
    while _killed_at(home, line):
        kills += 1
        line += 2 + line // 4
        fresh = open_keys(world.db, file_sources(world), NOW)
        assert [sound(world, recording, fresh) for _, recording in made] == heard
        assert number(world, made[0][0], fresh) == NUMBER
        assert fresh.pseudonym("x") == first.pseudonym("x")
    assert kills > 10
    rows = world.db.read_sync(lambda s: s.scalars(select(KeyEncryptionKey)).all())
    using = [row for row in rows if row.retired_at is None]
    assert len(using) == 1 and wrapped_by(world) == {using[0].key_id}
    assert not (home / "key.next").exists()


def test_the_file_of_a_retired_key_goes_when_no_backup_can_need_it(world: World) -> None:
    old = with_keys(world, file_sources(world)).key_id.hex()
    sources = file_sources(world)
    with pytest.raises(KeysError, match="not retired"):
        rotation.destroy(world.db, sources, old, NOW, 14, BY)
    rotation.rotate(world.db, sources, NOW, BY, retire_too=True)
    with pytest.raises(KeysError, match="2025-01-29"):
        rotation.destroy(world.db, sources, old, NOW + timedelta(days=14), 14, BY)
    rotation.destroy(world.db, sources, old, NOW + timedelta(days=15), 14, BY)
    assert not (world.folder / f"key.{old}").exists()
    listed = {each.key_id: each for each in rotation.listing(world.db, with_keys(world, sources), 14)}
    assert len(listed) == 2 and listed[old].destroyed_at and not listed[old].at_hand


# --- missing and wrong ----------------------------------------------------------------------------


def test_a_key_file_that_is_gone_is_not_made_anew_over_what_it_opens(world: World) -> None:
    with_keys(world, file_sources(world))
    record_call(world)
    kept = (world.folder / "key").rename(world.folder / "elsewhere")
    with pytest.raises(KeysError, match="is missing; restore its backup"):
        open_keys(world.db, file_sources(world), NOW)
    assert not (world.folder / "key").exists()
    kept.rename(world.folder / "key")
    open_keys(world.db, file_sources(world), NOW)


def test_a_wrong_key_file_is_found_before_anything_is_written_with_it(world: World) -> None:
    right = with_keys(world, file_sources(world)).key_id.hex()
    record_call(world)
    before = world.db.read_sync(audit_log.count)
    create_file(world.folder / "other")
    with pytest.raises(KeysError, match=rf"another key wrapped the keys of this archive \({right}\)"):
        open_keys(world.db, KeySources(KeyFile(world.folder / "other")), NOW)
    assert world.db.read_sync(audit_log.count) == before


def test_a_wrong_key_file_is_found_in_an_archive_without_a_register_too(world: World) -> None:
    record_call(world)
    create_file(world.folder / "other")
    with pytest.raises(KeysError, match="another key wrapped the data keys"):
        open_keys(world.db, KeySources(KeyFile(world.folder / "other")), NOW)


# --- commands -------------------------------------------------------------------------------------

SECRET = bytes(range(200, 232))


@pytest.mark.parametrize(
    "printed", [SECRET, SECRET.hex().encode() + b"\n", b" " + base64.b64encode(SECRET) + b"\r\n"]
)
def test_a_command_prints_the_key_as_it_is_or_in_hex_or_base64(tmp_path: Path, printed: bytes) -> None:
    (tmp_path / "out").write_bytes(printed)
    (wrapper,) = open_source(KeyCommand(("cat", str(tmp_path / "out"))))
    assert wrapper.key_id == Keys(SECRET).key_id


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"echo {SECRET.hex()}; exit 3", "ended with status 3"),
        (f"echo {SECRET.hex()[:-2]}", "did not print a key"),
        ("true", "did not print a key"),
        (f"yes {SECRET.hex()}", "did not print a key"),
        (f"echo {SECRET.hex()}; sleep 60", "took longer than 0.5 s"),
        (f"echo {SECRET.hex()}; exec >&-; sleep 60", "took longer than 0.5 s"),
    ],
)
def test_a_command_that_gives_no_key_is_told_without_what_it_said(script: str, why: str) -> None:
    with pytest.raises(KeysError, match=why) as told:
        open_source(KeyCommand(("sh", "-c", script), 0.5))
    assert SECRET.hex()[:8] not in str(told.value)


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(KeysError, match="cannot be run"):
        open_source(KeyCommand(("/nowhere/key",)))


# --- tokens ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    module = tokens.library()
    tokens.prepare(tmp_path_factory.mktemp("softhsm"))
    tokens.make_token("tast1")
    for label in ("first", "second"):
        tokens.make_key(module, "tast1", label)
    return module


def in_token(module: Path, label: str) -> KeyToken:
    return KeyToken(module, "tast1", label, lambda: tokens.PIN)


def test_recordings_open_with_the_token_and_their_keys_with_nothing_else(world: World, token: Path) -> None:
    (world.folder / "key").unlink()
    keys = with_keys(world, KeySources(in_token(token, "first")))
    call_id, recording = record_call(world)
    write_note(world)
    again = open_keys(world.db, KeySources(in_token(token, "first")), NOW)
    assert sound(world, recording, again) and number(world, call_id, again) == NUMBER
    assert again.pseudonym("x") == keys.pseudonym("x") and again.public_key == keys.public_key
    with pytest.raises(KeysError, match="another key wrapped"):
        open_keys(world.db, KeySources(in_token(token, "second")), NOW)
    wrapped = keys.wrap("one", new_data_key())
    with pytest.raises(KeysError, match="altered or belongs to another"):
        keys.unwrap("two", wrapped)
    with pytest.raises(KeysError, match="altered or belongs to another"):
        keys.unwrap("one", wrapped[:-1] + bytes([wrapped[-1] ^ 1]))
    assert keys.unwrap("one", wrapped), "the session lives on"


def test_from_a_file_into_a_token_and_on_to_another_key_in_it(world: World, token: Path) -> None:
    with_keys(world, file_sources(world))
    call_id, recording = record_call(world)
    write_note(world)
    heard, before = sound(world, recording), world.keys
    steps = (
        KeySources(in_token(token, "first"), (KeyFile(world.folder / "key"),)),
        KeySources(in_token(token, "second"), (in_token(token, "first"),)),
    )
    for sources in steps:
        rotation.rotate(world.db, sources, NOW, BY)
        for waiting in rotation.rotate(world.db, sources, NOW, BY).waiting:
            rotation.retire(world.db, waiting, NOW, BY)
    (world.folder / "key").unlink()
    alone = with_keys(world, KeySources(in_token(token, "second")))
    assert wrapped_by(world) == {alone.key_id.hex()} and sound(world, recording) == heard
    assert number(world, call_id) == NUMBER and reason(world, alone) == REASON
    assert (alone.pseudonym("x"), alone.public_key) == (before.pseudonym("x"), before.public_key)
    assert rotation.check(world.db, alone, everything=True) == []


def test_what_is_not_in_the_token_is_told(token: Path) -> None:
    with pytest.raises(KeysError, match="no AES key, or several"):
        open_source(in_token(token, "third"))
    with pytest.raises(KeysError, match="no PKCS#11 token has the label"):
        open_source(KeyToken(token, "nobody", "first", lambda: tokens.PIN))
    with pytest.raises(KeysError, match="cannot be loaded"):
        open_source(KeyToken(Path("/nowhere.so"), "tast1", "first", lambda: tokens.PIN))


# --- a node that seals and cannot open ------------------------------------------------------------


def test_a_node_that_only_seals_records_and_opens_nothing_of_it(world: World) -> None:
    private, public = key_pair(world.folder)
    sealing = with_keys(world, KeySources(KeyFile(world.folder / "key"), public=public))
    call_id, recording = record_call(world)
    write_note(world)
    assert not sealing.opens
    for look in (
        lambda: sound(world, recording),
        lambda: number(world, call_id),
        lambda: notes(world, sealing),
        lambda: reason(world, sealing),
    ):
        with pytest.raises(SealsOnly, match="that has the private key"):
            look()
    assert needed_by(world, sealing) > 3

    opening = open_keys(world.db, KeySources(KeyFile(world.folder / "key"), private=private), NOW)
    assert opening.opens and opening.key_id == sealing.key_id, "what it wraps the other cannot open either"
    assert sound(world, recording, opening) and number(world, call_id, opening) == NUMBER
    assert (notes(world, opening), reason(world, opening)) == (["words"], REASON)
    assert opening.pseudonym("x") == sealing.pseudonym("x") and opening.public_key == sealing.public_key


def needed_by(world: World, keys: Keys) -> int:
    return world.db.read_sync(needed)[keys.key_id.hex()].total


def test_what_a_killed_sealing_node_left_is_completed_by_one_that_opens(world: World) -> None:
    private, public = key_pair(world.folder)
    sources = KeySources(KeyFile(world.folder / "key"), public=public)
    with_keys(world, sources)
    call_id, new = begin(world)
    with world.store.create_spool(new.artifact_id, new.data_key) as spool:
        spool.append(tone(0.5))
    restarted = open_keys(world.db, sources, NOW)
    found = recover_leftovers(world.db, world.store, restarted, NOW, world.settings)
    assert (found.left, found.failed, found.calls_closed) == ([new.artifact_id], {}, [call_id])

    opening = open_keys(world.db, KeySources(KeyFile(world.folder / "key"), private=private), NOW)
    assert not finish_left(world.db, world.store, opening, NOW, world.settings).sealed, "it may be at it"
    later = NOW + timedelta(seconds=LEFT_S)
    assert finish_left(world.db, world.store, opening, later, world.settings).sealed == [new.artifact_id]
    assert sound(world, new.artifact_id, opening)
    assert not finish_left(world.db, world.store, opening, later, world.settings).sealed


def test_an_archive_goes_over_to_sealing_and_on_to_another_pair(world: World) -> None:
    file = KeyFile(world.folder / "key")
    with_keys(world, KeySources(file))
    call_id, recording = record_call(world)
    write_note(world)
    heard = sound(world, recording)
    first, second = key_pair(world.folder, "first"), key_pair(world.folder, "second")
    rotation.rotate(world.db, KeySources(file, public=first[1]), NOW, BY)
    with pytest.raises(SealsOnly):
        sound(world, recording, open_keys(world.db, KeySources(file, public=first[1]), NOW))
    both = KeySources(file, (KeyPair(first[0]),), private=second[0])
    done = rotation.rotate(world.db, both, NOW, BY)
    assert not done.failed
    for waiting in done.waiting:
        rotation.retire(world.db, waiting, NOW, BY)
    alone = with_keys(world, KeySources(file, private=second[0]))
    assert sound(world, recording) == heard and number(world, call_id) == NUMBER
    assert (notes(world, alone), reason(world, alone)) == (["words"], REASON)
    assert rotation.check(world.db, alone, everything=True) == []


def test_a_sealing_node_cannot_take_over_what_it_cannot_open(world: World) -> None:
    file = KeyFile(world.folder / "key")
    (_, first), (_, second) = key_pair(world.folder, "first"), key_pair(world.folder, "second")
    with_keys(world, KeySources(file, public=first))
    _, recording = record_call(world)
    world.keys = open_keys(world.db, KeySources(file, public=second), NOW)
    done = rotation.rotate(world.db, KeySources(file, public=second), NOW, BY)
    assert recording in done.failed and done.waiting


def test_keys_of_two_pairs_are_refused(world: World) -> None:
    (private, _), (_, public) = key_pair(world.folder, "first"), key_pair(world.folder, "second")
    sources = KeySources(KeyFile(world.folder / "key"), public=public, private=private)
    with pytest.raises(KeysError, match="not the public key of"):
        open_keys(world.db, sources, NOW)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_no_key_of_a_pair_is_told(world: World, content: bytes) -> None:
    create_file(world.folder / "pub", content or b"\0")
    with pytest.raises(KeysError, match="no public key of the kind X25519"):
        open_keys(world.db, KeySources(KeyFile(world.folder / "key"), public=world.folder / "pub"), NOW)


def test_words_of_a_case_that_is_new_are_written_on_in_one_transaction(world: World) -> None:
    _, public = key_pair(world.folder)
    keys = with_keys(world, KeySources(KeyFile(world.folder / "key"), public=public))

    def write(session: Any) -> None:
        session.add(Case(id="K-2", kind="complaint", opened_at=ARRIVED, opened_by="u1"))
        session.flush()
        for text in ("one", "two"):
            cases.add_note(session, keys, "K-2", ARRIVED, "u1", "letter", {"letter": text})

    world.db.write_sync(write)
    with pytest.raises(SealsOnly):
        world.db.write_sync(
            lambda s: cases.add_note(s, keys, "K-2", ARRIVED, "u1", "letter", {"letter": "x"})
        )


def test_the_seal_of_a_number_is_another_each_time(world: World) -> None:
    with_keys(world, file_sources(world))
    one, two = open_call(world), open_call(world)
    stored = {world.db.read_sync(lambda s, c=c: s.get(calls.CallerNumber, c).number) for c in (one, two)}
    assert len(stored) == 2 and not any(NUMBER in each for each in stored)
    assert custody.NUMBER_SEALED
