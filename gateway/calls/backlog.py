"""Backlog: what calls have to write down while storage cannot take it, written when it can again.

The database is gone, the disk is full: the call goes on, and its records wait here, in memory.

Promises:
1. The records of one call are written in their order; a call that must wait holds up no other.
2. What storage refuses for good (no such call, the same twice) is dropped, and said; the rest is tried again
   until it is written, each time after a longer pause.
3. A yes never waits: a consent record that is not committed in time is no consent (`driver`).
4. Records that are lost (too many, or the gateway stops) are counted and said. Of a call whose row is stored
   the next start completes the rest (`storage.leftovers`); withdrawals are never among the too many.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gateway.calls.counts import Counts
from storage.database import DatabaseError, Refused
from storage.sealed import MediaError

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Between looks whether storage is there again; the last one is repeated."""
ENOUGH = 3  # calls in a row whose records fail: storage is away, and each may have waited for a lock
MOST = 20_000  # records; some kilobytes each
NEVER_TOO_MANY = "withdrawal"

log = logging.getLogger(__name__)

Write = Callable[[], Awaitable[object]]


@dataclass
class _OfCall:
    """What one call has to write, oldest first."""

    writes: deque[tuple[str, Write]] = field(default_factory=deque)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Backlog:
    """Records that wait for storage. It works by itself while there are any; `close` at the stop."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._calls: dict[str, _OfCall] = {}
        self._task: asyncio.Task[None] | None = None
        self._length = 0
        self._written = 0

    def __len__(self) -> int:
        """How many records wait."""
        return self._length

    def holds(self, call_id: str) -> bool:
        """Whether records of that call wait; then later ones have to, too."""
        return call_id in self._calls

    def add(self, call_id: str, what: str, write: Write) -> None:
        """Have `write` done when storage can take it; `what` names it in logs and metrics."""
        if self._length >= MOST and what != NEVER_TOO_MANY:
            self._counts.storage_failures["lost"] += 1
            log.error("a record is lost: too many wait", extra={"call_id": call_id, "what": what})
            return
        if not self._length:
            log.error("storage takes no records; they wait")
        self._calls.setdefault(call_id, _OfCall()).writes.append((what, write))
        self._length += 1
        if self._task is None or self._task.done():
            work = asyncio.get_running_loop().create_task
            self._task = contextvars.Context().run(work, self._work_off())  # about no call in particular

    async def flush(self, call_id: str) -> bool:
        """Try now to write what waits of one call; whether nothing does any more."""
        of_call = self._calls.get(call_id)
        if of_call is None:
            return True
        async with of_call.turn:
            while of_call.writes:
                what, write = of_call.writes[0]
                try:
                    await write()
                    self._written += 1
                except Exception as error:
                    self._counts.storage_failures[what] += 1
                    if may_pass(error):
                        return False
                    log.exception("a record was refused", extra={"call_id": call_id, "what": what})
                of_call.writes.popleft()
                self._length -= 1
            self._calls.pop(call_id, None)
        return True

    async def close(self) -> int:
        """Try a last time; how many records are lost. What they were is said."""
        if self._task is not None:
            self._task.cancel()
        for call_id in list(self._calls):
            if not await self.flush(call_id):
                break  # storage is away: every other call would wait for it, too
        for call_id, of_call in self._calls.items():
            for what, _ in of_call.writes:
                if what == NEVER_TOO_MANY:
                    log.error(
                        "a withdrawal could not be written; give it again with tast1 withdraw",
                        extra={"call_id": call_id},
                    )
        if self._length:
            log.error("records could not be written before the stop", extra={"records": self._length})
        return self._length

    async def _work_off(self) -> None:
        failed = 0
        while self._calls:
            await asyncio.sleep(PAUSES_S[min(failed, len(PAUSES_S) - 1)])
            failed = 0 if await self._round() else failed + 1
        log.warning("storage takes records again", extra={"records": self._written})
        self._written = 0

    async def _round(self) -> bool:
        """Look at the calls, those that failed last time at the end; whether any record could be written."""
        before, failures = self._written, 0
        for call_id in list(self._calls):
            if await self.flush(call_id):
                failures = 0
                continue
            self._calls[call_id] = self._calls.pop(call_id)
            failures += 1
            if failures == ENOUGH:
                break
        return self._written > before


def may_pass(error: Exception) -> bool:
    """Whether the same write may succeed later: storage could not, and did not refuse."""
    return isinstance(error, (DatabaseError, MediaError, OSError)) and not isinstance(error, Refused)
