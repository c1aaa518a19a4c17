"""Requests of our own and their answers: client transactions that are no INVITE (RFC 3261 §17.1.2)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from gateway.edge.keys import COOKIE
from gateway.edge.lexer import Message

T1, T2 = 0.5, 4.0  # RFC 3261 §17.1.1.1
_MOST = 1000  # requests that may wait for an answer at once


class Transactions:
    """Requests under way, by the branch of their only Via."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[Message | None]] = {}

    def is_ours(self, branch: bytes) -> bool:
        """Whether a request with this branch waits for an answer."""
        return branch in self._waiting

    def hear(self, response: Message) -> None:
        """A response with such a branch came; provisional ones only show that somebody is there."""
        waiting = self._waiting.get(response.vias[0].branch)
        if waiting is not None and not waiting.done() and response.status >= 200:
            waiting.set_result(response)

    async def ask(
        self,
        request: Callable[[bytes], bytes],
        send: Callable[[bytes, Callable[[], None]], None],
        within_s: float,
        again: bool,
    ) -> Message | None:
        """The final response to what `request` makes of a branch; None: there was none in time.

        `send` is given the bytes and what to call when they cannot be sent at all. `again`: over a transport
        that may lose them, so that they are repeated.
        """
        if len(self._waiting) >= _MOST:
            return None
        branch = COOKIE + secrets.token_hex(12).encode()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Message | None] = loop.create_future()
        self._waiting[branch] = answer
        data = request(branch)

        def failed() -> None:
            if not answer.done():
                answer.set_result(None)

        ends, pause = loop.time() + within_s, T1
        try:
            while True:
                send(data, failed)
                left = ends - loop.time()
                waited = min(pause, left) if again else left
                done, _ = await asyncio.wait((answer,), timeout=max(0.0, waited))
                if done:
                    return answer.result()
                if loop.time() >= ends:
                    return None
                pause = min(2 * pause, T2)
        finally:
            del self._waiting[branch]
