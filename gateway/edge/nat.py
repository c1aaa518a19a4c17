"""Whether requests within a call go where its INVITE came from, whatever its Contact says. Pure.

Over a connection they always do: it is the way back. Over UDP a Contact is believed, unless it is an address
that only the other side's own network knows (RFC 1918 and its like), or the trunk is set so.
"""

from __future__ import annotations

import ipaddress

from gateway.edge.fields import Malformed, address_of, parse_uri
from gateway.edge.flows import Flow
from gateway.edge.lexer import Message


def flow_back(message: Message, source: Flow, nat: str) -> Flow | None:
    """The way back to who sent an INVITE; None: by its Contact. `nat`: on, off, auto."""
    if source.stream or nat == "on":
        return source
    if nat == "off":
        return None
    contact = _host(message.first(b"contact"))
    hidden = contact is not None and contact.is_private and not contact.is_loopback
    return source if hidden and not _address(source.host).is_private else None


def _host(contact: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return _address(parse_uri(address_of(contact).partition(b"?")[0]).place[0])
    except (Malformed, ValueError):
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(host.partition("%")[0])
