"""The erasure ledger: which artifacts are erased, told outside the database and without personal data.

A backup that is restored brings erased artifacts back; the ledger is how they are known again (R-61). It
is never part of what is restored. One line an artifact, appended and fsynced before its files go:

    <artifact pseudonym> <kind> <erased at, ISO 8601 UTC> <first 16 hex characters of the SHA-256 of that>

A line that a kill or a full disk cut short does not fit its hash; it is passed over and counted, and the
next line begins on a line of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from storage.sealed import explain, sync_folder, write_all

FILE_NAME = "erasures.ledger"
_CHECK_CHARS = 16
_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Line:
    """One erasure. `pseudonym` is the artifact's name in its certificate, too."""

    pseudonym: str
    kind: str
    erased_at: datetime


class ErasureLedger:
    """The ledger in a data folder. Safe for several processes: each takes the file's lock to append."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines; they are on disk when this returns. `storage.sealed.MediaError` if they cannot be."""
        text = "".join(_written(line) for line in lines).encode()
        if not text:
            return
        try:
            is_new = not self.path.exists()
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                size = os.fstat(fd).st_size
                torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
                write_all(fd, b"\n" + text if torn else text)
                os.fsync(fd)
            finally:
                os.close(fd)
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise explain(error, "noting an erasure") from error

    def read(self) -> Iterator[Line | None]:
        """The lines, oldest first, perhaps one artifact twice; None for one that is torn or altered."""
        try:
            with self.path.open("rb") as file:
                for line in file:
                    yield _read(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise explain(error, "reading the erasure ledger") from error

    def last(self) -> Line | None:
        """The newest line that can be read, if there is one among the last few."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                found = [line for line in map(_read, file) if line is not None]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise explain(error, "reading the erasure ledger") from error
        return found[-1] if found else None


def _written(line: Line) -> str:
    at = line.erased_at.astimezone(timezone.utc).isoformat(timespec="microseconds")
    said = f"{line.pseudonym} {line.kind} {at}"
    return f"{said} {_check(said)}\n"


def _read(line: bytes) -> Line | None:
    try:
        said, check = line.decode("ascii").removesuffix("\n").rsplit(" ", 1)
        pseudonym, kind, at = said.split(" ")
        return Line(pseudonym, kind, datetime.fromisoformat(at)) if check == _check(said) else None
    except ValueError:
        return None


def _check(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()[:_CHECK_CHARS]
