"""Volumes that go wrong: file systems of a test's own, small enough to fill, or made read-only by the kernel.

Mounting is for root. Where it is not allowed these tests are skipped, and in CI they fail.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PIECE = bytes(4096)


@dataclass(frozen=True)
class Volume:
    """A file system mounted at `folder`."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self) -> None:
        """Leave no byte of room."""
        fd = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            while True:
                os.write(fd, PIECE)
        except OSError as error:
            assert error.errno == errno.ENOSPC
        finally:
            os.close(fd)

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _refused(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"no volume of a test's own: {why}")
    pytest.skip(f"no volume of a test's own: {why}")


@contextlib.contextmanager
def _mounted(folder: Path, *command: str) -> Iterator[Volume]:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _run("mount", *command, str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        _refused(f"mount needs root and its capability ({type(error).__name__})")
    try:
        yield Volume(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True, timeout=60)


def tmpfs(folder: Path, size: str) -> contextlib.AbstractContextManager[Volume]:
    """A file system in memory of a size such as "16m", at `folder`."""
    return _mounted(folder, "-t", "tmpfs", "-o", f"size={size},mode=0700", "tast1-test")


class Disk:
    """A disk of its own in a file (ext4), whose kernel can be told that it is broken."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image, self._folder = image, folder
        with image.open("wb") as file:
            file.truncate(64 * 1024 * 1024)
        try:
            _run("mkfs.ext4", "-q", "-F", str(image))
        except (OSError, subprocess.CalledProcessError) as error:
            _refused(f"mkfs.ext4 ({type(error).__name__})")

    def mounted(self) -> contextlib.AbstractContextManager[Volume]:
        """The disk at its folder, as servers mount theirs: read-only from its first error on."""
        return _mounted(self._folder, "-o", "loop,errors=remount-ro", str(self._image))

    def repair(self) -> None:
        """What an operator does before it is mounted again."""
        subprocess.run(
            ["fsck.ext4", "-p", "-f", str(self._image)], check=False, capture_output=True, timeout=60
        )

    def break_down(self) -> None:
        """Tell the kernel of an error: from now on nothing can be written (EROFS)."""
        device = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", str(self._folder)], check=True, capture_output=True, text=True
        ).stdout.strip()
        trigger = Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"
        try:
            trigger.write_text("1")
        except OSError as error:
            _refused(f"the kernel takes no order to fail ({type(error).__name__})")
