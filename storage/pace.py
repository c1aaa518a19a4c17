"""How much a transaction takes when very much waits: live calls wait for the one writer meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FIRST = 100
LEAST, MOST = FIRST, 1000
TURN_S = 0.3
"""What a call that has to note its consent may wait, as far as the last transaction tells."""


class Pace:
    """How many things the next transaction takes: as many as fit into `TURN_S`, at most twice the last."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.size = FIRST
        self._clock_s = clock_s

    @contextmanager
    def turn(self, taken: int) -> Iterator[None]:
        """A transaction that takes so many; those after it take more, or fewer."""
        start = self._clock_s()
        yield
        took = max(self._clock_s() - start, 1e-6)
        fitting = round(taken * TURN_S / took)
        if took > TURN_S:
            self.size = max(LEAST, min(self.size, fitting))
        elif taken >= self.size:  # few that were quick say nothing about many
            self.size = min(MOST, 2 * self.size, fitting)
