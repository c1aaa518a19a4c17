"""Feed: a fuzzer's bytes, read as numbers, choices and pieces, so that few bytes tell a long story."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Feed:
    """Bytes read from the front. When they are over, numbers are the least and pieces are empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> bool:
        """Whether there is more."""
        return self._at < len(self._data)

    def number(self, least: int, most: int) -> int:
        """A number of that range, from as many bytes as the range needs."""
        size = ((most - least).bit_length() + 7) // 8
        return least + int.from_bytes(self._take(size), "little") % (most - least + 1)

    def pick(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[self.number(0, len(options) - 1)]

    def maybe(self) -> bool:
        """Yes or no."""
        return self.number(0, 1) == 1

    def piece(self, most: int = 255) -> bytes:
        """Some bytes: a length, then so many."""
        return self._take(self.number(0, most))

    def word(self, most: int = 255) -> str:
        """Some text, whatever bytes it is made of."""
        return self.piece(most).decode("utf-8", "replace")

    def rest(self) -> bytes:
        """All that is left."""
        return self._take(len(self._data))

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken


def damaged(feed: Feed, data: bytes, most: int = 4) -> bytes:
    """The data with up to `most` damages: cut off, bytes changed, left out, put in, repeated."""
    for _ in range(feed.number(0, most)):
        at = feed.number(0, len(data)) if data else 0
        match feed.number(0, 4):
            case 0:
                data = data[:at]
            case 1:
                piece = feed.piece(16)
                data = data[:at] + piece + data[at + len(piece) :]
            case 2:
                data = data[:at] + data[at + feed.number(0, 64) :]
            case 3:
                data = data[:at] + feed.piece(64) + data[at:]
            case _:
                size = feed.number(0, 200)
                data = data[: at + size] + data[at:]
    return data


def folder() -> Path:
    """A folder for a target's files: in memory where there is such a thing."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="tast1-fuzz-", dir=memory if memory.is_dir() else None))
