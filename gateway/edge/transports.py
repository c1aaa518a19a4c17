"""UDP sockets and TCP and TLS connections. Bytes in, bytes out; nothing here understands SIP beyond framing.

A connection is bounded in all it may cost: how many there are, how long a begun message may take, how long
it may be silent, how much may wait unread by its peer; a TLS handshake under way (5 s at most) counts as one,
too. Which loop runs (asyncio's own or uvloop) is no matter. Client certificates are asked for where
authorities are set that can vouch for them; whose they must be, `trunks.Trunks` says. Not done: WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from gateway.edge.fields import Malformed
from gateway.edge.flows import Flow
from gateway.edge.framing import Framer
from gateway.edge.settings import EdgeSettings, LimitSettings

Received = Callable[[bytes, Flow], None]

log = logging.getLogger(__name__)

_BUFFER = 4 * 1024 * 1024  # bytes of datagrams the kernel may hold for us during a burst
_HANDSHAKE_S = 5.0
_BACKLOG = 100  # connections that wait to be taken
_ACCEPT_AGAIN_S = 0.1
_CONNECT_S = 4.0
_WAITING = 64  # messages that may wait for one connection to be made


class UdpSocket(asyncio.DatagramProtocol):
    """One UDP socket."""

    def __init__(self, received: Received, counts: Counter[str]) -> None:
        self._received = received
        self._counts = counts
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, host: str, port: int, dscp: int = 0) -> tuple[str, int]:
        """Bind; the address bound. `OSError` when it is taken. `dscp` marks what is sent (RFC 2474)."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        assert self._transport is not None
        bound = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        mark(bound, dscp)
        name = bound.getsockname()
        return name[0], name[1]

    def send(self, data: bytes, host: str, port: int) -> None:
        """Send a datagram; what the kernel refuses is counted and lost, as datagrams are."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._transport.sendto(data, (host, port))
        except (OSError, ValueError):
            self._counts["unsent:udp"] += 1

    def close(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by asyncio."""
        self._received(data, Flow("UDP", addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """Called by asyncio: an ICMP error for something sent earlier."""
        self._counts["unsent:udp"] += 1


class Connection(asyncio.Protocol):
    """One TCP or TLS connection, whoever opened it."""

    def __init__(self, streams: Streams, kind: str, inbound: bool) -> None:
        self.flow: Flow | None = None
        self.certified: frozenset[str] = frozenset()
        self.inbound = inbound
        self._streams = streams
        self._kind = kind
        self._framer = Framer(streams.limits.message_bytes)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begun = False

    def send(self, data: bytes) -> None:
        """Send; a peer that does not read is cut off."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._streams.limits.unsent_bytes:
            self._end("slow_reader")

    def close(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio (for TLS: after the handshake)."""
        self._transport = cast(asyncio.Transport, transport)
        mark(transport.get_extra_info("socket"), self._streams.dscp)
        name = transport.get_extra_info("peername")
        if not name:
            self._transport.abort()
            return
        self.flow = Flow(self._kind, name[0], name[1])
        if self.inbound and self._kind == "TLS":
            self.certified = names_in(transport.get_extra_info("peercert") or {})
        if not self._streams.admit(self):
            self._transport.abort()
            return
        # One that says nothing after it came gets no longer than one that breaks off in mid-message.
        self._arm(self._streams.limits.message_s if self.inbound else self._streams.limits.idle_s)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self.flow is None or self._transport is None or self._transport.is_closing():
            return
        try:
            messages, pings = self._framer.feed(data)
        except Malformed as error:
            self._end(error.reason)
            return
        for _ in range(min(pings, 8)):
            self.send(b"\r\n")
        if messages or not self._framer.begun or not self._begun:
            self._begun = self._framer.begun
            limits = self._streams.limits
            self._arm(limits.message_s if self._begun else limits.idle_s)
        for message in messages:
            self._streams.received(message, self.flow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self._timer:
            self._timer.cancel()
        self._streams.forget(self)

    def _arm(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end, "timeout")

    def _end(self, reason: str) -> None:
        self._streams.counts[f"closed:{reason}"] += 1
        self.close()


class Streams:
    """All TCP and TLS connections: those that came, and those we opened.

    `known(host, names in its certificate)`: is it a trunk's?
    """

    def __init__(
        self,
        settings: EdgeSettings,
        received: Received,
        known: Callable[[str, frozenset[str]], bool],
        counts: Counter[str],
    ) -> None:
        self.limits: LimitSettings = settings.limits
        self.dscp = settings.dscp
        self.received = received
        self.counts = counts
        self._settings = settings
        self._known = known
        self._servers: list[asyncio.AbstractServer] = []
        self._listeners: list[socket.socket] = []
        self._open: dict[Flow, Connection] = {}
        self._greeted: set[Flow] = set()
        self._opening: dict[tuple[str, str, int], list[tuple[bytes, Callable[[], None]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client_context: ssl.SSLContext | None = None
        self._server_context: ssl.SSLContext | None = None
        self._listening_context: ssl.SSLContext | None = None

    def use(self, settings: EdgeSettings) -> None:
        """Other limits and TLS files, for what is received and connected from now on.

        The files are read anew even when their names are the same: a certificate is renewed in place. Files
        that cannot be used leave the certificate before in its place; the log says so.
        """
        if self._server_context is not None:
            try:
                self._server_context = server_context(settings)
            except (OSError, ValueError):
                log.exception("the TLS certificate or its key cannot be used; those before stay in force")
        self._client_context = None
        self._settings = settings
        self.limits = settings.limits

    def _serving(self) -> ssl.SSLContext:
        """The context to listen with: at each handshake it takes the certificate that is in force then."""
        self._server_context = server_context(self._settings)
        listening = server_context(self._settings)

        def choose(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            assert self._server_context is not None
            connection.context = self._server_context

        listening.sni_callback = choose  # called for clients that name no server, too
        return listening

    async def listen(self, kind: str, host: str, port: int) -> tuple[str, int]:
        """Listen for `kind` (TCP, TLS); the address bound. `OSError`: taken; `ssl.SSLError`: no such key."""
        loop = asyncio.get_running_loop()
        if kind == "TLS":
            self._listening_context = self._serving()
            # Taken one by one, and not by the loop: a handshake has to count before it is done.
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
            listener.setblocking(False)
            self._listeners.append(listener)
            self._go_on(self._take(listener))
            name = listener.getsockname()
        else:
            server = await loop.create_server(lambda: Connection(self, kind, inbound=True), host, port)
            self._servers.append(server)
            name = server.sockets[0].getsockname()
        return name[0], name[1]

    async def close(self) -> None:
        """Close listeners and connections."""
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:  # nobody waits on it any more
            listener.close()
        for connection in list(self._open.values()):
            connection.close()

    def admit(self, connection: Connection) -> bool:
        """Take in a connection that was made, if there is room for it."""
        flow = connection.flow
        assert flow is not None
        self._greeted.discard(flow)
        if connection.inbound and self._full(flow, connection.certified):
            return False
        self._open[flow] = connection
        return True

    async def _take(self, listener: socket.socket) -> None:
        """Take the TCP connections that come to the TLS listener, for which there is room."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                plain, name = await loop.sock_accept(listener)
            except OSError:  # no file is left to open, or the peer is gone already
                self.counts["closed:accept"] += 1
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            flow = Flow("TLS", name[0], name[1])
            if self._full(flow):
                plain.close()
                continue
            self._greeted.add(flow)
            self._go_on(self._shake_hands(plain, flow))

    async def _shake_hands(self, plain: socket.socket, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        assert self._listening_context is not None
        try:
            await loop.connect_accepted_socket(
                lambda: Connection(self, "TLS", inbound=True),
                plain,
                ssl=self._listening_context,
                ssl_handshake_timeout=_HANDSHAKE_S,
            )
        except (OSError, ssl.SSLError, asyncio.TimeoutError):
            self.counts["closed:handshake"] += 1
            plain.close()
        finally:
            self._greeted.discard(flow)

    def _go_on(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _full(self, flow: Flow, certified: frozenset[str] = frozenset()) -> bool:
        limits = self.limits
        there = [*self._open, *self._greeted]
        same = sum(1 for other in there if other.host == flow.host)
        full = len(there) >= limits.connections or same >= limits.connections_per_source
        if not full and not self._known(flow.host, certified):
            strangers = sum(1 for other in there if not self._known(other.host, self.certified(other)))
            full = strangers >= limits.unknown_connections
        if full:
            self.counts["closed:too_many"] += 1
        return full

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        if connection.flow and self._open.get(connection.flow) is connection:
            del self._open[connection.flow]

    def certified(self, flow: Flow) -> frozenset[str]:
        """The names in the client certificate of a connection that came; none without one."""
        connection = self._open.get(flow)
        return connection.certified if connection else frozenset()

    def send(self, data: bytes, flow: Flow) -> bool:
        """Send over a connection that is open; False when it is not."""
        connection = self._open.get(flow)
        if connection is None:
            return False
        connection.send(data)
        return True

    def connect(
        self, kind: str, host: str, port: int, name: str, data: bytes, failed: Callable[[], None]
    ) -> None:
        """Send over a connection to `host` (an address), opened if need be; `failed` when it cannot be.

        `name` is what a TLS certificate must be made out to.
        """
        if self.send(data, Flow(kind, host, port)):
            return
        key = (kind, host, port)
        waiting = self._opening.get(key)
        if waiting is not None:
            if len(waiting) < _WAITING:
                waiting.append((data, failed))
            else:
                failed()
            return
        if len(self._open) >= self.limits.connections:
            failed()
            return
        self._opening[key] = [(data, failed)]
        self._go_on(self._connect(key, name))

    async def _connect(self, key: tuple[str, str, int], name: str) -> None:
        kind, host, port = key
        loop = asyncio.get_running_loop()
        connection = Connection(self, kind, inbound=False)
        try:
            if kind == "TLS":
                self._client_context = self._client_context or client_context(self._settings)
                making = loop.create_connection(
                    lambda: connection,
                    host,
                    port,
                    ssl=self._client_context,
                    server_hostname=name,
                    ssl_handshake_timeout=_HANDSHAKE_S,
                )
            else:
                making = loop.create_connection(lambda: connection, host, port)
            await asyncio.wait_for(making, _CONNECT_S)
        except (OSError, ssl.SSLError, asyncio.TimeoutError):
            self.counts["unsent:connect"] += 1
            for _, failed in self._opening.pop(key, []):
                failed()
            return
        for data, _ in self._opening.pop(key, []):
            connection.send(data)


def mark(bound: socket.socket, dscp: int) -> None:
    """Have packets of a socket carry a DSCP (RFC 2474 §3); a kernel that refuses sends them unmarked."""
    level, option = socket.IPPROTO_IP, socket.IP_TOS
    if bound.family == socket.AF_INET6:
        level, option = socket.IPPROTO_IPV6, socket.IPV6_TCLASS
    with contextlib.suppress(OSError):
        bound.setsockopt(level, option, dscp << 2)


def server_context(settings: EdgeSettings) -> ssl.SSLContext:
    """TLS 1.2 or later with our certificate. `OSError` or `ssl.SSLError` when its files cannot be used."""
    if not settings.tls_certificate or not settings.tls_key:
        raise ValueError("SIP over TLS needs sip.tls_certificate and sip.tls_key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    if settings.tls_client_ca:
        context.verify_mode = (
            ssl.CERT_OPTIONAL
        )  # phones have none; a trunk that must have one is refused later
        context.load_verify_locations(settings.tls_client_ca)
    return context


def names_in(certificate: Mapping[str, Any]) -> frozenset[str]:
    """Whose a certificate is, as `ssl` tells it: hosts of SIP URIs and DNS names, else its common name.

    In small letters (RFC 5922 §7.1). Wildcards are names like others and stand for nothing else (§7.2).
    """
    found = set()
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "URI" and value.lower().startswith("sip:"):
            found.add(value[4:].rpartition("@")[2].lower())
        elif kind == "DNS":
            found.add(value.lower())
    if not found:
        parts = (pair for part in certificate.get("subject", ()) for pair in part)
        found = {value.lower() for name, value in parts if name == "commonName"}
    return frozenset(found)


def client_context(settings: EdgeSettings) -> ssl.SSLContext:
    """TLS 1.2 or later that asks the peer for a certificate in its name, and shows ours to one that asks."""
    context = ssl.create_default_context(cafile=settings.tls_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_certificate and settings.tls_key:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context
