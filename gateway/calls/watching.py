"""Watching: the words of a live recording, for one who was let in to them by the gate.

Promises:
1. Numbers are masked (`transcription.live`), and nothing is kept: who does not read in time misses what
   was not settled yet, then also what was.
2. It ends with the recording: at a withdrawal at once, else after its last words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from gateway.calls.driver import CallDriver
from gateway.calls.transcribing import Heard
from transcription.live import masked

WAITING_MAX = 200
"""So many messages wait for a watcher who is slow to read."""


@contextmanager
def watching(driver: CallDriver, recording_id: str) -> Iterator[AsyncIterator[dict[str, Any]]]:
    """What is heard of a recording: `leg`, `text`, `settled` and `heard_s`, seconds from its start."""
    waiting: asyncio.Queue[Heard | None] = asyncio.Queue()

    def tell(heard: Heard | None) -> None:
        if heard is None or waiting.qsize() < WAITING_MAX:
            waiting.put_nowait(heard)

    async def told() -> AsyncIterator[dict[str, Any]]:
        while (heard := await waiting.get()) is not None:
            yield as_told(heard)

    end = driver.watch(recording_id, tell)
    try:
        yield told()
    finally:
        end()


def as_told(heard: Heard) -> dict[str, Any]:
    """What a watcher is told of something heard."""
    return {
        "leg": heard.leg.value,
        "text": masked(heard.text),
        "settled": heard.settled,
        "heard_s": round(heard.heard_s, 2),
    }
