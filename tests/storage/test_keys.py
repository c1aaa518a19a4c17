"""The key file and what is wrapped under it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.keys import Keys, KeysError, new_data_key


def test_the_key_file_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "key"
    first = Keys.open(path)
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_size == 32
    assert list(path.parent.iterdir()) == [path]
    assert Keys.open(path).key_id == first.key_id


def test_a_wrapped_key_opens_for_its_own_artifact_only(tmp_path: Path) -> None:
    keys, data_key = Keys.open(tmp_path / "key"), new_data_key()
    wrapped = keys.wrap("one", data_key)
    assert keys.unwrap("one", wrapped) == data_key
    assert data_key not in wrapped
    with pytest.raises(KeysError, match=r"another artifact"):
        keys.unwrap("two", wrapped)
    with pytest.raises(KeysError, match="altered"):
        keys.unwrap("one", wrapped[:-1] + bytes([wrapped[-1] ^ 1]))


def test_another_key_file_says_that_it_is_the_wrong_one(tmp_path: Path) -> None:
    wrapped = Keys.open(tmp_path / "key").wrap("one", new_data_key())
    with pytest.raises(KeysError, match=r"another key wrapped.*restore the key file"):
        Keys.open(tmp_path / "other").unwrap("one", wrapped)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_file_others_may_read_is_refused_with_the_command_that_helps(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    Keys.open(path)
    path.chmod(mode)
    with pytest.raises(KeysError, match=f"chmod 600 {path}"):
        Keys.open(path)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_key_file_of_the_wrong_size_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeysError, match="restore"):
        Keys.open(path)
    assert path.read_bytes() == content


def test_a_folder_in_place_of_the_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir(mode=0o700)
    with pytest.raises(KeysError, match="not a regular file"):
        Keys.open(tmp_path / "key")


def test_a_key_another_process_made_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    theirs = b"t" * 32
    true_fsync = os.fsync

    def meanwhile(fd: int) -> None:
        if not path.exists():
            path.write_bytes(theirs)
            path.chmod(0o600)
        true_fsync(fd)

    monkeypatch.setattr(os, "fsync", meanwhile)
    Keys.open(path)
    assert path.read_bytes() == theirs


def test_the_same_value_has_the_same_pseudonym_under_one_key_only(tmp_path: Path) -> None:
    keys, others = Keys.open(tmp_path / "key"), Keys.open(tmp_path / "other")
    assert keys.pseudonym("+4512345678") == keys.pseudonym("+4512345678")
    assert keys.pseudonym("+4512345678") != keys.pseudonym("+4512345679")
    assert keys.pseudonym("+4512345678") != others.pseudonym("+4512345678")
    assert len({keys.edge_key, others.edge_key, keys.key_id}) == 3
