"""The transcribers that this process knows: which one a stream takes, and which is left alone for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

CONNECT_S = 3.0
RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses before a server that failed is tried again."""

log = logging.getLogger(__name__)


@dataclass
class Server:
    """One transcriber, as this process knows it."""

    url: str
    streams: int = 0
    failures: int = 0
    retry_at: float = 0.0  # monotonic seconds

    def failed(self, now: float) -> None:
        """It will be left alone for a while."""
        self.retry_at = now + RETRY_S[min(self.failures, len(RETRY_S) - 1)]
        self.failures += 1

    def worked(self) -> None:
        """It is as good as any again."""
        self.failures, self.retry_at = 0, 0.0


class Servers:
    """The transcribers there are; each stream takes the one with the fewest."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.servers = list(servers)
        self._session: aiohttp.ClientSession | None = None

    def use(self, servers: Sequence[Server]) -> None:
        """From now on these, in place. One that is known by its address keeps its streams and failures.

        A stream goes on at the server it has, and takes one of the new ones when it needs another.
        """
        known = {server.url: server for server in self.servers if server.url}
        self.servers = [known.get(server.url, server) for server in servers]

    def session(self) -> aiohttp.ClientSession:
        """The one client session of this process."""
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session

    def pick(self) -> Server | None:
        """The least loaded server that is not left alone just now."""
        now = time.monotonic()
        free = [server for server in self.servers if server.retry_at <= now]
        return min(free, key=lambda server: (server.streams, server.failures), default=None)

    @property
    def available(self) -> int:
        """How many servers are not left alone just now."""
        now = time.monotonic()
        return sum(server.retry_at <= now for server in self.servers)

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()


class ServerFailed(Exception):
    """The server cannot go on with this stream."""


class NoServer(ServerFailed):
    """Every server is left alone just now."""


def note_failure(server: Server, failure: ServerFailed) -> None:
    """Leave the server alone for a while."""
    server.failed(time.monotonic())
    log.warning("a transcriber failed", extra={"why": str(failure)})
