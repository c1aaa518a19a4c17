"""Remembered: the edge's only state, soft: bounded in number and in time, and lost without harm. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Values by key until a time; of more than `most`, the longest untouched is forgotten.

    `now` and `until` are seconds of one monotonic clock.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: bytes, value: T, until: float, now: float) -> None:
        """Remember `value`, anew if it was there."""
        self._kept[key] = (until, value)
        self._kept.move_to_end(key)
        for old in list(self._first_few()):
            if self._kept[old][0] < now:
                del self._kept[old]
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def get(self, key: bytes, now: float) -> T | None:
        """The value, unless it was never there or its time is over."""
        until, value = self._kept.get(key, (now, None))
        return value if until > now else None

    def keep(self, key: bytes, until: float, now: float) -> None:
        """Give what is remembered another time."""
        value = self.get(key, now)
        if value is not None:
            self.put(key, value, until, now)

    def _first_few(self) -> list[bytes]:
        return [key for key, _ in zip(self._kept, range(4))]  # noqa: B905  a bounded step of tidying
