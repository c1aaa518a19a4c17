"""Prompts in memory: what callers hear is what was verified, whatever becomes of the files."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from ivr_prompts.catalogue import Catalogue, CatalogueError
from ivr_prompts.held import held
from tests.sip.gateway import write_prompts


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    write_prompts(tmp_path)
    return Catalogue.load(tmp_path)


def read_by_another_process(path: Path) -> bytes:
    command = [sys.executable, "-c", "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"]
    return subprocess.run([*command, str(path)], capture_output=True, check=True).stdout


def test_a_prompt_that_is_voiced_anew_in_place_is_heard_as_it_was(catalogue: Catalogue) -> None:
    file = catalogue["da"]["consent"].path
    before = file.read_bytes()
    in_memory = held(catalogue)
    file.write_bytes(b"another")
    prompt = in_memory["da"]["consent"]
    assert read_by_another_process(prompt.path) == before
    assert (prompt.sha256, prompt.markers_ms) == (
        catalogue["da"]["consent"].sha256,
        catalogue["da"]["consent"].markers_ms,
    )


def test_a_file_that_is_not_what_was_verified_is_told(catalogue: Catalogue) -> None:
    catalogue["da"]["goodbye"].path.write_bytes(b"another")
    with pytest.raises(CatalogueError, match=r"goodbye\.wav was changed"):
        held(catalogue)


def test_the_memory_is_given_back_with_the_last_who_has_the_prompt(catalogue: Catalogue) -> None:
    in_memory = held(catalogue)
    played = in_memory["da"]["consent"]  # by a call that began with it
    others = [str(prompt.path) for prompt in in_memory["da"].values() if prompt.role != "consent"]
    del in_memory
    gc.collect()
    assert read_by_another_process(played.path) == catalogue["da"]["consent"].path.read_bytes()
    assert not any(is_held(path) for path in others)
    path = str(played.path)
    del played
    gc.collect()
    assert not is_held(path)


def is_held(path: str) -> bool:
    return Path(path).is_symlink() and "memfd:prompt" in str(Path(path).readlink())
