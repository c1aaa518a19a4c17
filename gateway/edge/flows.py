"""Flow: one peer's end of a transport, and how it is written into parameters of our own. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class Flow:
    """Where a message came from or goes to: transport (UDP, TCP, TLS), IP address, port.

    For TCP and TLS it also names the connection, by the peer's end of it.
    """

    transport: str
    host: str
    port: int

    @property
    def stream(self) -> bool:
        """Whether it is a connection (TCP, TLS)."""
        return self.transport != "UDP"

    def token(self) -> bytes:
        """As a SIP token, such as `udp-7f000001-5060`."""
        address = ipaddress.ip_address(self.host.partition("%")[0]).packed.hex()
        return f"{self.transport.lower()}-{address}-{self.port}".encode()


def flow_of(token: bytes | None) -> Flow | None:
    """The flow a token stands for; None when it is none of ours."""
    transport, _, rest = (token or b"").decode("ascii", "replace").partition("-")
    address, _, port = rest.partition("-")
    if transport not in ("udp", "tcp", "tls") or not port.isdecimal() or not 0 < int(port[:6]) < 65536:
        return None
    try:
        host = ipaddress.ip_address(bytes.fromhex(address))
    except ValueError:
        return None
    return Flow(transport.upper(), str(host), int(port[:6]))
