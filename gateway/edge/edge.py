"""Edge: the SIP front door. Opens the sockets and does what `router.Router` decides.

    edge = Edge(settings, workers)
    await edge.start()      # workers may send to edge.worker_side
    edge.drain()            # no new calls; those that are up go on
    await edge.stop()

Not done: SRV and NAPTR look-ups (RFC 3263; hosts are looked up for addresses only), more than one public
name, IPv4 and IPv6 on one listener (UDP to a family other than the listener's is counted as unsent).
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from gateway.edge.fields import bracketed, is_address
from gateway.edge.flows import Flow
from gateway.edge.keeper import Keeper
from gateway.edge.keys import Keys
from gateway.edge.outcomes import Dropped, Ours, Outcome, ToFlow, ToPlace, ToWorker
from gateway.edge.proxy import Places
from gateway.edge.refers import Decide, refuse
from gateway.edge.router import Router
from gateway.edge.settings import LIVE, EdgeSettings
from gateway.edge.transactions import Transactions
from gateway.edge.transports import Streams, UdpSocket
from gateway.edge.trunks import line_of
from gateway.edge.workers import Workers

log = logging.getLogger(__name__)

_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  compared with, not bound to
_LOOK_UP_S = 4.0
_STRANGER = Dropped("unknown_source")
_TOLD = 100  # sources of no trunk that are told of in the log, once each
_LOOKUPS = 1000  # addresses remembered, and look-ups that may be under way


class EdgeError(Exception):
    """The edge cannot start; the message says which setting to change."""


class Edge:
    """One front door. `workers` says who has which call; it may answer from the first moment on."""

    def __init__(self, settings: EdgeSettings, workers: Workers, decide: Decide = refuse) -> None:
        self.counts: Counter[str] = Counter()
        """What happened: `accepted`, `answered`, `refused:REASON`, `dropped:REASON`, `closed:REASON`, ..."""
        self.calls_refused: Counter[str] = Counter()
        """Calls that no worker was given, by reason."""
        self.worker_side: tuple[str, int] = ("127.0.0.1", 0)
        """Address and UDP port workers send to; set by `start`."""
        self.listening: dict[str, tuple[str, int]] = {}
        """Address and port bound, by transport (UDP, TCP, TLS); set by `start`."""
        if not settings.key:
            settings = dataclasses.replace(settings, key=os.urandom(32))
        self._settings = settings
        self._decide = decide
        self._keys = Keys(settings.key)
        self._workers = workers
        self._transactions = Transactions()
        self._keeper = Keeper(self, self._transactions, lambda name: line_of(self._keys.secret, name))
        self._outside = UdpSocket(self._from_outside, self.counts)
        self._inside = UdpSocket(self._from_inside, self.counts)
        self._streams = Streams(settings, self._from_outside, self._is_trunk, self.counts)
        self._router: Router | None = None
        self._places: Places | None = None
        self._draining = False
        self._looked_up: dict[str, tuple[float, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._strangers: set[str] = set()

    async def start(self) -> None:
        """Bind and begin. `EdgeError` when a setting does not allow it; then nothing is left open."""
        try:
            await self._bind()
        except ValueError as error:
            await self.stop()
            raise EdgeError(f"the SIP listeners cannot start: {error}") from error
        self._keeper.use(self._settings.trunks)
        log.info("SIP edge listens", extra={"listening": self.listening, "worker_side": self.worker_side})

    async def stop(self) -> None:
        """Give registrations up and close every socket. Calls that are up stay up, and are found again by
        their routes."""
        await self._keeper.end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._streams.close()
        self._outside.close()
        self._inside.close()
        await asyncio.sleep(0)  # transports report their end in the loop's next turn

    def drain(self) -> None:
        """From now on new calls and OPTIONS get 503, providers send none; what is in a call goes on."""
        self._draining = True
        self._keeper.drain()
        if self._router:
            self._router.draining = True

    def use(self, settings: EdgeSettings) -> None:
        """Other trunks, limits, answers and TLS files from now on, without a word to calls that are up.

        Listeners and names stay those of the start.
        """
        live = {name: getattr(settings, name) for name in LIVE}
        settings = dataclasses.replace(self._settings, **live)
        self._streams.use(settings)
        self._settings = settings
        self._strangers.clear()
        if self._router:
            self._router.use(settings)
            self._keeper.use(settings.trunks)

    def trunk_states(self) -> list[dict[str, Any]]:
        """What is known of the trunks that have servers: see `Keeper.states`."""
        return self._keeper.states()

    async def _bind(self) -> None:
        settings = self._settings
        host, port = listener(settings.worker_side)
        if host != "127.0.0.1":
            raise ValueError("sip.worker_side must be 127.0.0.1:PORT")
        self.worker_side = await self._listen("worker side", host, port)
        for kind, asked in (("UDP", settings.udp), ("TCP", settings.tcp), ("TLS", settings.tls)):
            if asked:
                self.listening[kind] = await self._listen(kind, *listener(asked))
        places = places_of(settings.public_host, self.listening, self.worker_side)
        now = asyncio.get_running_loop().time()
        self._router = Router(
            settings,
            places,
            self._keys,
            self._workers,
            now,
            self.counts,
            self.calls_refused,
            self._streams.certified,
            self._transactions.is_ours,
            self._decide,
        )
        self._places = places
        self._router.draining = self._draining

    async def _listen(self, kind: str, host: str, port: int) -> tuple[str, int]:
        try:
            if kind == "worker side":
                return await self._inside.open(host, port)
            if kind == "UDP":
                return await self._outside.open(host, port, self._settings.dscp)
            return await self._streams.listen(kind, host, port)
        except OSError as error:
            setting = f"sip.{kind.lower().replace(' ', '_')}"
            raise ValueError(f"{setting} on {bracketed(host)}:{port}: {error}") from error

    def _is_trunk(self, host: str, certified: frozenset[str]) -> bool:
        return self._router is not None and self._router.trunks.name(host, certified) is not None

    # --- requests of its own: `keeper.Door` ---------------------------------------------------------

    def place(self, transport: str) -> tuple[str, int] | None:
        """Public host and port of a transport; None: nothing listens."""
        return self._places.public.get(transport) if self._places else None

    def learn(self, trunk: str, addresses: Iterable[str]) -> None:
        """A trunk's servers have these addresses; calls may come from there."""
        if self._router:
            self._router.trunks.learn(trunk, addresses)

    def send_own(
        self, transport: str, host: str, port: int, name: str, data: bytes, failed: Callable[[], None]
    ) -> None:
        """Send a request of the edge's own to an address; `failed` when it cannot be sent."""
        if transport == "UDP":
            self._outside.send(data, host, port)
        else:
            self._streams.connect(transport, host, port, name, data, failed)

    def _from_outside(self, data: bytes, source: Flow) -> None:
        if self._router:
            now = asyncio.get_running_loop().time()
            outcome = self._router.from_outside(data, source, now)
            if outcome == _STRANGER and source.host not in self._strangers and len(self._strangers) < _TOLD:
                self._strangers.add(source.host)
                log.warning(
                    "a SIP source of no trunk was refused; to admit it, add its network to sip.trunks",
                    extra={"pii": {"source": source.host}},
                )
            self._carry_out(outcome)

    def _from_inside(self, data: bytes, source: Flow) -> None:
        if self._router:
            now = asyncio.get_running_loop().time()
            self._carry_out(self._router.from_inside(data, source.host, source.port, now))

    def _carry_out(self, outcome: Outcome) -> None:
        if isinstance(outcome, ToWorker):
            self._inside.send(outcome.data, "127.0.0.1", outcome.port)
        elif isinstance(outcome, ToFlow):
            self._answer(outcome)
        elif isinstance(outcome, ToPlace):
            self._forward(outcome)
        elif isinstance(outcome, Ours):
            self._transactions.hear(outcome.response)
        else:
            assert isinstance(outcome, Dropped)

    def _answer(self, answer: ToFlow) -> None:
        flow = answer.flow
        if not flow.stream:
            self._outside.send(answer.data, flow.host, flow.port)
        elif not self._streams.send(answer.data, flow) and answer.otherwise:
            # RFC 3261 §18.2.2: the connection is gone, so open one to the port of the sender's Via.
            host = flow.host
            self._streams.connect(flow.transport, host, answer.otherwise, host, answer.data, self._lost)

    def _lost(self) -> None:
        self.counts["unsent:response"] += 1

    def _forward(self, request: ToPlace) -> None:
        if request.flow and not request.flow.stream:
            self._outside.send(request.data, request.flow.host, request.flow.port)
            return
        if request.flow and self._streams.send(request.data, request.flow):
            return
        if is_address(request.host):
            self._send(request, request.host)
            return
        now = asyncio.get_running_loop().time()
        until, host = self._looked_up.get(request.host, (0.0, ""))
        if until > now:
            self._send(request, host)
        elif len(self._tasks) < _LOOKUPS:
            task = asyncio.get_running_loop().create_task(self._look_up(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._failed(request)()

    async def _look_up(self, request: ToPlace) -> None:
        loop = asyncio.get_running_loop()
        try:
            asking = loop.getaddrinfo(request.host, request.port, type=socket.SOCK_DGRAM)
            found = await asyncio.wait_for(asking, _LOOK_UP_S)
        except (OSError, UnicodeError, asyncio.TimeoutError):
            self.counts["unsent:look_up"] += 1
            self._failed(request)()
            return
        # Prefer IPv4: phones that list both seldom answer on IPv6.
        host = str(min(found, key=lambda entry: entry[0] != socket.AF_INET)[4][0])
        if len(self._looked_up) >= _LOOKUPS:
            self._looked_up.clear()
        # The same address for every request of a call: a stateless proxy must not spread one transaction.
        self._looked_up[request.host] = (loop.time() + self._settings.resolve_s, host)
        self._send(request, host)

    def _send(self, request: ToPlace, host: str) -> None:
        if request.transport == "UDP":
            self._outside.send(request.data, host, request.port)
        else:
            failed = self._failed(request)
            self._streams.connect(request.transport, host, request.port, request.host, request.data, failed)

    def _failed(self, request: ToPlace) -> Callable[[], None]:
        def tell() -> None:
            if request.if_failed:
                self._inside.send(request.if_failed, "127.0.0.1", request.worker)

        return tell


def listener(text: str) -> tuple[str, int]:
    """`ADDRESS:PORT` or `[ADDRESS]:PORT`; `ValueError` for anything else."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"a listener is written ADDRESS:PORT, not {text!r}")
    return host.strip("[]"), int(port)


def places_of(
    public_host: str | None, listening: dict[str, tuple[str, int]], worker_side: tuple[str, int]
) -> Places:
    """How others reach us. `ValueError` when only a wildcard address is known."""
    public: dict[str, tuple[str, int]] = {}
    own = {worker_side}
    for kind, (host, port) in listening.items():
        name = (public_host or host).lower()
        if name in _WILDCARDS:
            raise ValueError("set sip.public_host to the address others reach us by")
        public[kind] = (name, port)
        own.add((name, port))
        own.add((host, port))
    return Places(worker_side, public, frozenset(own))
