"""The fuzzer itself: it finds what is planted, and in two minutes nothing in our targets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fuzz.kept import HERE, TARGETS

pytest.importorskip("atheris", reason="atheris has builds for Linux on x86-64 alone")

pytestmark = [pytest.mark.alone, pytest.mark.slow]
SECONDS = 120


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    return subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=900)


def test_what_is_planted_is_found() -> None:
    done = fuzz("--seconds", "60", "tests.fuzz.planted")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FOUND AssertionError: planted" in done.stdout


@pytest.mark.timeout(1200)
def test_two_minutes_find_nothing() -> None:
    done = fuzz("--seconds", str(SECONDS // len(TARGETS)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(TARGETS)} targets" in done.stdout and "nothing found" in done.stdout
