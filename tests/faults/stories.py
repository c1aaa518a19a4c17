"""The story of every fault of storage: one call is recorded when it comes, another arrives during it.

Both callers talk to their agents all the time. When the fault is over a third call is recorded as ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.tables import Artifact, Call, Consent
from tests.sip.gateway import Gateway, running
from tests.sip.signals import power_near
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import AGENT_HZ, CALLER_HZ, Stage


@dataclass(frozen=True)
class Kept:
    """What is kept of one call."""

    call: Call
    consents: list[Consent]
    recordings: list[Artifact]

    @property
    def sounds(self) -> list[Artifact]:
        """The recordings that can be listened to."""
        return [each for each in self.recordings if each.state == "sealed"]


@asynccontextmanager
async def staged(folder: Path, **options: Any) -> AsyncIterator[Stage]:
    """A gateway, a caller and an agent."""
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(folder, agent.uri, **options) as gateway,
    ):
        yield Stage(gateway, caller, agent)


async def understand(stage: Stage, dialog: Dialog, leg: Dialog, seconds: float = 1.5) -> None:
    """Both talk, and each hears the other while they do."""
    at = len(leg.heard), len(dialog.heard)
    await stage.talk(dialog, leg, seconds)
    for listener, since, hz in ((leg, at[0], CALLER_HZ), (dialog, at[1], AGENT_HZ)):
        new = (len(listener.heard) - since) * 160
        assert new > seconds * 8000 / 2, "the sound of the conversation stopped"
        assert power_near(listener.heard_pcm()[-min(new, 8000) :], hz) > 0.3


async def hang_up(dialog: Dialog, leg: Dialog) -> None:
    """The caller hangs up, properly, and the agent's side is told."""
    assert await dialog.hang_up() == 200
    await asyncio.wait_for(leg.ended.wait(), 10)


async def facts(gateway: Gateway) -> dict[str, Any]:
    """What /readyz says; that it takes calls is asserted."""
    status, body = await gateway.get("/readyz")
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


async def nothing_waits(gateway: Gateway) -> None:
    """Until every record is written."""

    async def none() -> bool:
        return (await facts(gateway))["records_waiting"] == 0

    await gateway.until(none, 60, "records wait still")


async def through(
    stage: Stage,
    begin: Callable[[], Awaitable[object]],
    end: Callable[[], Awaitable[object]],
    during: Callable[[], Awaitable[object]] | None = None,
) -> tuple[Kept, Kept, Kept]:
    """The story; what is kept of the call that was recorded, of the one in the fault, of the one after it."""
    gateway = stage.gateway
    first = await stage.recorded()
    await stage.talk(*first, 2.0)
    await begin()
    await understand(stage, *first)
    dialog = await stage.dial()
    second = dialog, await stage.accept(dialog)
    await understand(stage, *second)
    await understand(stage, *first)
    await facts(gateway)
    if during is not None:
        await during()
    await hang_up(*second)
    await hang_up(*first)
    await end()
    await nothing_waits(gateway)
    third = await stage.recorded()
    await stage.talk(*third, 1.5)
    await hang_up(*third)
    stored = await gateway.closed_calls(3)
    assert len(stored) == 3, "no call is missing"
    assert gateway.audit_is_intact()
    one, two, three = (Kept(call, gateway.consents(call.id), gateway.recordings(call.id)) for call in stored)
    assert [r.incomplete_reason for r in three.sounds] == [None]
    assert three.call.outcome == "recorded"
    return one, two, three
