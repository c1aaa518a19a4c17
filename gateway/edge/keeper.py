"""Keeper: keeps the trunks' registrations, asks their servers how they are, and tells what it knows.

One task a trunk that registers, one a server that is asked. `use` with other settings ends the tasks of
trunks that changed or went, and begins those that are new; all others go on as they are.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from gateway.edge import requests
from gateway.edge.fields import is_address
from gateway.edge.health import Health, is_well
from gateway.edge.lexer import Message
from gateway.edge.registration import Registration, State
from gateway.edge.requests import Dialogue, Server
from gateway.edge.settings import TrunkSettings
from gateway.edge.transactions import Transactions

log = logging.getLogger(__name__)

LOOK_UP_S = 4.0
END_S = 2.0  # for the bindings to be given up at the stop
_SPREAD = 0.1  # of a pause: many gateways do not ask at once


class Door(Protocol):
    """What the keeper needs of the edge."""

    def place(self, transport: str) -> tuple[str, int] | None:
        """Public host and port of a transport; None: nothing listens."""

    def send_own(
        self, transport: str, host: str, port: int, name: str, data: bytes, failed: Callable[[], None]
    ) -> None:
        """Send to an address; `name` is the host that a TLS certificate must be made out to."""

    def learn(self, trunk: str, addresses: Iterable[str]) -> None:
        """A trunk's servers have these addresses."""


@dataclass
class Kept:
    """One trunk that is looked after."""

    settings: TrunkSettings
    servers: list[Server]
    health: list[Health]
    same: Dialogue
    registration: Registration | None = None
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by host
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    told: str = ""

    @property
    def well(self) -> list[bool | None]:
        """What is known of each server."""
        return [each.up for each in self.health]

    def up(self, now: float) -> bool | None:
        """Whether calls can come by this trunk, as far as we can know; None: nothing is known yet."""
        if self.registration is not None and not self.registration.registered(now):
            return None if self.registration.state in (State.TRYING, State.ENDED) else False
        if self.settings.health_s and self.servers:
            return True if True in self.well else None if None in self.well else False
        return None if self.registration is None else True


class Keeper:
    """Looks after all trunks. `line_of`: the `line` of a trunk's Contact."""

    def __init__(self, door: Door, transactions: Transactions, line_of: Callable[[str], bytes]) -> None:
        self._door = door
        self._transactions = transactions
        self._line_of = line_of
        self._kept: dict[str, Kept] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._ended = False

    def use(self, trunks: tuple[TrunkSettings, ...]) -> None:
        """Look after these from now on; what is as it was is not touched."""
        if self._ended:
            return
        wanted = {trunk.name: trunk for trunk in trunks if trunk.servers}
        for name, kept in list(self._kept.items()):
            if wanted.get(name) != kept.settings:
                del self._kept[name]
                self._later(self._let_go(kept))
        for name, trunk in wanted.items():
            if name in self._kept:
                self._learn(self._kept[name])
            else:
                self._begin(trunk)

    async def end(self) -> None:
        """Give all bindings up, as far as that can be done quickly, and stop."""
        self._ended = True
        kept, self._kept = list(self._kept.values()), {}
        for each in kept:
            self._later(self._let_go(each))
        if self._ending:
            await asyncio.wait(self._ending, timeout=END_S)
        for task in self._ending:
            task.cancel()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def drain(self) -> None:
        """Give the bindings up, so that the provider sends new calls elsewhere; go on asking servers."""
        for kept in self._kept.values():
            if kept.registration is not None and not kept.registration.over:
                kept.registration.end(self._now())
                kept.changed.set()

    def states(self) -> list[dict[str, Any]]:
        """What is known of each trunk, for people: see `docs/trunks.md`. No password, nobody's number."""
        now = self._now()
        return [self._state(kept, now) for kept in self._kept.values()]

    def _state(self, kept: Kept, now: float) -> dict[str, Any]:
        found = kept.registration
        registration = None
        if found is not None:
            left = None if found.until is None else max(0, round(found.until - now))
            registration = {
                "state": found.state.value,
                "server": found.server + 1,
                "status": found.status,
                "expires_s": left,
            }
        return {
            "trunk": kept.settings.name,
            "up": kept.up(now),
            "registration": registration,
            "servers": [
                {"server": server.uri, "state": health.word if kept.settings.health_s else "unknown"}
                for server, health in zip(kept.servers, kept.health, strict=True)
            ],
        }

    # --- tasks ------------------------------------------------------------------------------------

    def _begin(self, trunk: TrunkSettings) -> None:
        servers = requests.servers_of(trunk)
        same = Dialogue(
            call_id=secrets.token_hex(16).encode(),
            tag=secrets.token_hex(8).encode(),
            line=self._line_of(trunk.name),
        )
        kept = Kept(trunk, servers, [Health() for _ in servers], same)
        self._kept[trunk.name] = kept
        hosts = [server.place.place[0] for server in servers]
        kept.addresses = {host: (host,) for host in hosts if is_address(host)}
        self._learn(kept)
        loop = asyncio.get_running_loop()
        kept.tasks.append(loop.create_task(self._guarded(self._know_addresses(kept))))
        if trunk.register is not None:
            kept.registration = Registration(
                trunk.register,
                requests.domain_of(trunk),
                len(servers),
                self._now(),
                lambda: secrets.token_hex(8),
            )
            kept.tasks.append(loop.create_task(self._guarded(self._keep_registered(kept))))
        if trunk.health_s:
            for at in range(len(servers)):
                kept.tasks.append(loop.create_task(self._guarded(self._keep_asking(kept, at))))

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except Exception:
            log.exception("a trunk is looked after no longer; a reload that changes it begins anew")

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _let_go(self, kept: Kept) -> None:
        for task in kept.tasks:
            task.cancel()
        await asyncio.gather(*kept.tasks, return_exceptions=True)
        found = kept.registration
        if found is not None and not found.over and found.end(self._now()):
            while not found.over:
                await self._register(kept, found)

    async def _know_addresses(self, kept: Kept) -> None:
        while True:
            for server in kept.servers:
                await self._look_up(kept, server)
            await asyncio.sleep(300.0)  # calls may come from addresses that a name got since

    async def _keep_registered(self, kept: Kept) -> None:
        found = kept.registration
        assert found is not None
        while not found.over:
            kept.changed.clear()
            left = found.due - self._now()
            if left <= 0:
                await self._register(kept, found)
                self._tell(kept)
                continue
            try:
                await asyncio.wait_for(kept.changed.wait(), left)
            except asyncio.TimeoutError:
                continue

    async def _register(self, kept: Kept, found: Registration) -> None:
        ask = found.ask(self._now(), kept.well)
        server = kept.servers[ask.server]
        ours = self._door.place(server.place.transport)
        response = None
        if ours is not None:
            response = await self._ask(
                kept,
                server,
                lambda branch: requests.register(kept.settings, ask, kept.same, server, ours, branch),
            )
        if response is None:
            found.unanswered(self._now())
        else:
            found.heard(requests.answer_of(response, kept.same.line), self._now())
        if found.due > self._now() and found.state in (State.REFUSED, State.UNREACHABLE):
            found.due = self._now() + (found.due - self._now()) * random.uniform(0.8, 1.0)

    async def _keep_asking(self, kept: Kept, at: int) -> None:
        server, health = kept.servers[at], kept.health[at]
        while True:
            begun = self._now()
            ours = self._door.place(server.place.transport)
            response = None
            if ours is not None:
                response = await self._ask(kept, server, partial(_options, server, ours))
            if health.hear(is_well(0 if response is None else response.status)):
                told = {"trunk": kept.settings.name, "server": at + 1}
                if health.up:
                    log.info("a trunk's server answers", extra=told)
                else:
                    log.warning("a trunk's server does not answer OPTIONS", extra=told)
                if kept.registration is not None:
                    kept.registration.look(self._now(), kept.well)
                    kept.changed.set()
            pause = kept.settings.health_s * random.uniform(1.0 - _SPREAD, 1.0)
            await asyncio.sleep(max(0.1, pause - (self._now() - begun)))

    async def _ask(self, kept: Kept, server: Server, make: Callable[[bytes], bytes]) -> Message | None:
        """The final answer of a server, or None."""
        addresses = await self._look_up(kept, server)
        if not addresses:
            return None
        place = server.place
        name, port = place.place

        def send(data: bytes, failed: Callable[[], None]) -> None:
            self._door.send_own(place.transport, addresses[0], port, name, data, failed)

        return await self._transactions.ask(
            make, send, kept.settings.answer_s, again=place.transport == "UDP"
        )

    async def _look_up(self, kept: Kept, server: Server) -> tuple[str, ...]:
        """The addresses of a server (of its proxy); those known before when the name cannot be looked up."""
        host, port = server.place.place
        if is_address(host):
            found: tuple[str, ...] = (host,)
        else:
            loop = asyncio.get_running_loop()
            try:
                asking = loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
                listed = await asyncio.wait_for(asking, LOOK_UP_S)
            except (OSError, UnicodeError, asyncio.TimeoutError):
                return kept.addresses.get(host, ())
            listed.sort(key=lambda entry: entry[0] != socket.AF_INET)
            found = tuple(dict.fromkeys(str(entry[4][0]) for entry in listed))
        if kept.addresses.get(host) != found:
            kept.addresses[host] = found
            self._learn(kept)
        return found

    def _learn(self, kept: Kept) -> None:
        known = (address for found in kept.addresses.values() for address in found)
        self._door.learn(kept.settings.name, known)

    def _tell(self, kept: Kept) -> None:
        """Tell the log when a registration is another than it was; not of each refresh."""
        found = kept.registration
        assert found is not None
        word = f"{found.state.value} {found.server} {found.status}"
        if found.due <= self._now() or word == kept.told:
            return
        kept.told = word
        told = {"trunk": kept.settings.name, "server": found.server + 1, "status": found.status}
        if found.state is State.REGISTERED:
            log.info("a trunk is registered", extra=told)
        elif found.state is State.REFUSED:
            log.error("a trunk's registration was refused; see sip.trunks, user and password", extra=told)
        elif found.state is State.UNREACHABLE:
            log.error("no server of a trunk takes its registration; it is tried again", extra=told)

    @staticmethod
    def _now() -> float:
        return time.monotonic()


def _options(server: Server, ours: tuple[str, int], branch: bytes) -> bytes:
    call_id, tag = secrets.token_hex(16).encode(), secrets.token_hex(8).encode()
    return requests.options(server, call_id, tag, ours, branch)
