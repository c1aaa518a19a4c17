"""Calls in progress: started from new lines, found by id, waited for when the gateway stops."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from gateway.callflow.messages import Event, TransferAsked
from gateway.callflow.settings import FlowSettings
from gateway.calls.driver import CallDriver
from gateway.calls.line import InviteReceived, Line
from gateway.calls.reconciling import reconcile
from gateway.calls.stages import durations
from gateway.calls.surroundings import Surroundings
from gateway.logs import about_call
from storage.ids import new_id
from storage.outcomes import Outcome

RECENT = 200  # ended calls whose timelines are still at hand

log = logging.getLogger(__name__)


class LiveCalls:
    """All calls of this gateway that are up, and the last ones that were."""

    def __init__(
        self,
        flows: tuple[FlowSettings, ...],
        around: Surroundings,
        numbers: Mapping[str, str] | None = None,
    ) -> None:
        """`numbers`: those of the flows as the settings write them, by their E.164 form."""
        self._flows = flows
        self._around = around
        self._numbers = numbers or {}
        self.on_over: Callable[[CallDriver, Outcome], None] | None = None  # told of each call that is judged
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._drivers: dict[str, CallDriver] = {}
        self._recent: deque[CallDriver] = deque(maxlen=RECENT)

    def use(
        self,
        flows: tuple[FlowSettings, ...],
        around: Surroundings,
        numbers: Mapping[str, str] | None = None,
    ) -> None:
        """From now on new calls are taken so; those that are up keep what they began with."""
        self._flows = flows
        self._around = around
        self._numbers = numbers or {}

    def __len__(self) -> int:
        return len(self._drivers)

    def begin(self, line: Line, invite: InviteReceived) -> CallDriver:
        """Take a new call; it runs by itself from here."""
        call_id = new_id(datetime.now(timezone.utc))
        written = invite.dialled_as or invite.dialled
        if all(written not in flow.numbers for flow in self._flows) and invite.dialled in self._numbers:
            invite = dataclasses.replace(invite, dialled_as=self._numbers[invite.dialled])
        driver = CallDriver(
            call_id, line, invite, flow_for(self._flows, invite.dialled, invite.dialled_as), self._around
        )
        self._drivers[call_id] = driver
        self._tasks[call_id] = asyncio.get_running_loop().create_task(self._run(driver, self._around))
        return driver

    async def _run(self, driver: CallDriver, around: Surroundings) -> None:
        with about_call(driver.call_id):
            await self._run_to_end(driver, around)

    async def _run_to_end(self, driver: CallDriver, around: Surroundings) -> None:
        try:
            await driver.run()
        except Exception:
            log.exception("a call ended by a fault")
        finally:
            await self._finish(driver, around)
            self._drivers.pop(driver.call_id, None)
            self._tasks.pop(driver.call_id, None)
            self._recent.append(driver)

    async def _finish(self, driver: CallDriver, around: Surroundings) -> None:
        """What is told of a call that is over: how long its stages took, and what it came to."""
        try:
            for name, seconds in durations(driver.timeline):
                around.counts.durations[name].observe(seconds)
            asks = not driver.flow.announced
            outcome = await reconcile(
                driver.call_id, driver.timeline, asks, around.records, around.counts, driver.backlog
            )
            if self.on_over is not None:
                self.on_over(driver, outcome)
        except Exception:
            log.exception("the end of a call could not be told")

    def find(self, call_id: str) -> CallDriver | None:
        """A call that is up or has just ended; the beginning of an id will do when only one has it."""
        known = [*self._drivers.values(), *self._recent]
        found = [driver for driver in known if driver.call_id.startswith(call_id)]
        return found[0] if call_id and len(found) == 1 else None

    def up(self) -> list[CallDriver]:
        """The calls that are up, oldest first."""
        return list(self._drivers.values())

    def recent(self) -> list[CallDriver]:
        """The last calls that ended, oldest first."""
        return list(self._recent)

    def post(self, call_id: str, event: Event) -> bool:
        """Let a call that is up hear an event; False when there is none of that id."""
        driver = self.find(call_id)
        if driver is None or driver.call_id not in self._drivers:
            return False
        driver.post(event)
        return True

    def refer(self, sip_call_id: str, target: str, replaces: str = "", cseq: int = 0) -> int:
        """An agent's telephone asks by REFER to hand its call over: the SIP status to answer with.

        403: not to that target. 491: not now. 603: no agent's telephone asks, such as a caller's.
        """
        for driver in self._drivers.values():
            if sip_call_id and driver.agent_dialog == sip_call_id:
                why = driver.refer(TransferAsked(target, replaces=replaces), cseq)
                return {"": 202, "not_allowed": 403}.get(why, 491)
        return 603

    async def wait_until_none(self, timeout_s: float) -> int:
        """Wait for the calls to end; how many are still up when the time is over."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=timeout_s)
        return len(self._tasks)


def flow_for(flows: tuple[FlowSettings, ...], dialled: str, written: str = "") -> FlowSettings:
    """The flow of a dialled number: one that names it, else the first that names none, else the first.

    `written`: the number as the trunk wrote it; a flow that names it so comes first.
    """
    for number in filter(None, (written, dialled)):
        for flow in flows:
            if number in flow.numbers:
                return flow
    return next((flow for flow in flows if not flow.numbers), flows[0])
