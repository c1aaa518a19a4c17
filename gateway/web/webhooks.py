"""Telling webhooks: each event as a signed POST, in order, again until it is taken or given up.

`Tast1-Signature: t=SECONDS,v1=HEX`: HMAC-SHA256 under the hook's secret, over the seconds since 1970, a dot
and the body. So who is told can check that it is from here, and that it is not an old one sent again. A
status of 2xx takes it. No redirect is followed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import aiohttp

from gateway.calls.counts import Counts
from storage import webhooks
from storage.database import Database, DatabaseError
from storage.policy.settings import PolicySettings
from storage.webhooks import Delivery, Hook

POLL_S = 1.0
DUE_EVERY_S = 600.0
TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Receiver:
    """A hook with the secret that signs what it is told."""

    hook: Hook
    secret: str = field(repr=False)


def signature(secret: str, at_s: int, body: bytes) -> str:
    """The value of the header `Tast1-Signature`."""
    mac = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={mac.hexdigest()}"


def client() -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    """Connections to receivers."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar()
    )


async def post(http: Any, receiver: Receiver, delivery: Delivery, at: datetime) -> tuple[bool, str]:
    """Tell it; whether it was taken, and the status, or why there is none: "timeout", "connection"."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Tast1",
        "Tast1-Event": delivery.event,
        "Tast1-Delivery": delivery.id,
        "Tast1-Signature": signature(receiver.secret, int(at.timestamp()), delivery.body),
    }
    try:
        async with http.post(
            receiver.hook.url, data=delivery.body, headers=headers, allow_redirects=False
        ) as response:
            return 200 <= response.status < 300, str(response.status)
    except asyncio.TimeoutError:
        return False, "timeout"
    except (aiohttp.ClientError, OSError):
        return False, "connection"


def ping(delivery_id: str, at: datetime) -> Delivery:
    """An event that says that it is a test."""
    body = {"id": delivery_id, "event": "ping", "at": at.isoformat(timespec="microseconds"), "data": {}}
    return Delivery(delivery_id, "ping", json.dumps(body, separators=(",", ":")).encode())


class Webhooks:
    """The webhooks of one gateway: `run` until it is cancelled."""

    def __init__(
        self,
        database: Database,
        receivers: Sequence[Receiver],
        days: int,
        policy: Callable[[], PolicySettings],
        counts: Counts,
        now: Callable[[], datetime],
        is_mine: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_mine`: whether telling is this gateway's just now, not another one's on the same database."""
        self._is_mine = is_mine
        self._db = database
        self._receivers = tuple(receivers)
        self._hooks = [each.hook for each in self._receivers]
        self._days = days
        self._policy = policy
        self._counts = counts
        self._now = now
        self._due_at = 0.0

    async def run(self) -> None:
        """Look through the audit log and tell every hook, each at its own pace."""
        if not self._hooks:
            await self._again(lambda: self._db.write(lambda s: webhooks.collect(s, [], self._now())))
            return
        async with client() as http:
            told = (self._on_and_on(partial(self._tell, http, each)) for each in self._receivers)
            await asyncio.gather(self._on_and_on(self._collect), *told)

    async def _on_and_on(self, step: Callable[[], Any]) -> None:
        while True:
            if self._is_mine():
                await self._again(step)
            await asyncio.sleep(POLL_S)

    async def _again(self, step: Callable[[], Any]) -> None:
        try:
            await step()
        except DatabaseError:
            log.exception("webhooks wait for the database")
        except Exception:
            log.exception("a webhook failed; it is tried again")

    async def _collect(self) -> None:
        wanted = {name for hook in self._hooks for name in hook.events}
        if "request.due" in wanted and time.monotonic() >= self._due_at:
            policy = self._policy()
            await self._db.write(lambda s: webhooks.note_due(s, policy, self._now()))
            self._due_at = time.monotonic() + DUE_EVERY_S
        while await self._db.read(webhooks.is_behind):
            await self._db.write(lambda s: webhooks.collect(s, self._hooks, self._now()))
        before = self._now() - timedelta(days=self._days)
        if await self._db.read(lambda s: webhooks.is_old(s, before)):
            dropped = await self._db.write(lambda s: webhooks.give_up(s, before))
            self._counts.webhooks["dropped"] += dropped
            log.error("events that no webhook took were given up", extra={"count": dropped})

    async def _tell(self, http: Any, receiver: Receiver) -> None:
        """Everything that a hook is to be told now."""
        hook = receiver.hook
        while await self._db.read(lambda s: webhooks.is_any(s, hook, self._now())):
            delivery = await self._db.write(lambda s: webhooks.take(s, hook, self._now()))
            if delivery is None:
                return
            taken, outcome = await post(http, receiver, delivery, self._now())
            await self._note(hook, delivery, taken, outcome)

    async def _note(self, hook: Hook, delivery: Delivery, taken: bool, outcome: str) -> None:
        if taken:
            await self._db.write(lambda s: webhooks.delivered(s, delivery.id))
            self._counts.webhooks["delivered"] += 1
            return
        # Nobody is there: so it is for everything else that waits for it.
        nobody = not outcome.isdigit()
        await self._db.write(lambda s: webhooks.failed(s, delivery.id, outcome, nobody, self._now()))
        self._counts.webhooks["failed"] += 1
        log.warning("a webhook did not take an event", extra={"hook": hook.id, "outcome": outcome})
