"""Writing: what a call has storage write, in order and in turn, so that storage keeps no caller waiting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.calls.backlog import Backlog, may_pass
from gateway.calls.counts import Counts

log = logging.getLogger(__name__)

Write = Callable[[], Awaitable[object]]


class Writing:
    """The queue of one call's writes. `run` carries them out until `end` was called and all are done."""

    def __init__(self, call_id: str, counts: Counts, backlog: Backlog) -> None:
        self._call_id = call_id
        self._counts = counts
        self._backlog = backlog
        self._queue: asyncio.Queue[tuple[str, Write, bool] | None] = asyncio.Queue()

    def later(self, what: str, write: Write, waits: bool = True) -> None:
        """Queue a write. One that `waits` is not lost to storage that is away; see `now`."""
        self._queue.put_nowait((what, write, waits))

    def end(self) -> None:
        """Nothing more is queued."""
        self._queue.put_nowait(None)

    async def run(self) -> None:
        """Carry out what is queued, in its order."""
        while (queued := await self._queue.get()) is not None:
            await self.now(*queued)

    async def now(self, what: str, write: Write, waits: bool = True) -> bool:
        """Write now; whether it is done. What `waits` goes to the backlog, behind what is there already."""
        if waits and self._backlog.holds(self._call_id):
            self._backlog.add(self._call_id, what, write)
            return False
        try:
            await write()
            return True
        except Exception as error:
            self._counts.storage_failures[what] += 1
            log.exception("a record could not be written", extra={"call_id": self._call_id, "what": what})
            if waits and may_pass(error):
                self._backlog.add(self._call_id, what, write)
            return False
