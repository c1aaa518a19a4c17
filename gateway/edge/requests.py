"""REGISTER and OPTIONS as we send them, and what the answers say. Pure: values in, bytes out.

The Contact that is registered carries `line`, by which calls that come to it are told from others.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.edge.answers import METHODS
from gateway.edge.fields import Malformed, Uri, address_of, bracketed, params_of, parse_uri
from gateway.edge.lexer import Message
from gateway.edge.proxy import host_port
from gateway.edge.registration import Answer, Ask
from gateway.edge.settings import TrunkSettings

AGENT = b"User-Agent: Tast1"


@dataclass(frozen=True)
class Server:
    """One server of a trunk. `uri`: as in the settings; `place`: where it is sent to, maybe a proxy's.

    `route`: the outbound proxy, or empty.
    """

    uri: str
    host: str
    place: Uri
    route: bytes = b""


@dataclass(frozen=True)
class Dialogue:
    """What stays the same in all REGISTERs of one account (RFC 3261 §10.2), beside the account itself."""

    call_id: bytes
    tag: bytes
    line: bytes


def servers_of(trunk: TrunkSettings) -> list[Server]:
    """The trunk's servers in their order; `Malformed` when one is no SIP URI."""
    proxy = parse_uri(trunk.outbound_proxy.encode()) if trunk.outbound_proxy else None
    made = []
    for uri in trunk.servers:
        own = parse_uri(uri.encode())
        route = b"<%s;lr>" % trunk.outbound_proxy.encode() if trunk.outbound_proxy else b""
        made.append(Server(uri, own.host.decode(), proxy or own, route))
    return made


def domain_of(trunk: TrunkSettings) -> str:
    """The domain of the account: the one in the settings, else the first server's host."""
    assert trunk.register is not None
    return trunk.register.domain or servers_of(trunk)[0].host


def register(
    trunk: TrunkSettings, ask: Ask, same: Dialogue, server: Server, ours: tuple[str, int], branch: bytes
) -> bytes:
    """A REGISTER. `ours`: host and port that others reach us by over the server's transport."""
    assert trunk.register is not None
    user, domain = trunk.register.user.encode(), domain_of(trunk).encode()
    kind = server.place.transport
    contact = b"<sip:%s@%s;line=%s" % (user, host_port(ours), same.line)
    if kind != "UDP":
        contact += b";transport=" + kind.lower().encode()
    lines = [
        b"REGISTER sip:%s SIP/2.0" % domain,
        *_first(server, ours, branch),
        b"From: <sip:%s@%s>;tag=%s" % (user, domain, same.tag),
        b"To: <sip:%s@%s>" % (user, domain),
        b"Call-ID: " + same.call_id,
        b"CSeq: %d REGISTER" % ask.cseq,
        b"Contact: " + contact + b">",
        b"Expires: %d" % ask.expires_s,
    ]
    if ask.credentials is not None:
        lines.append(b"%s: %s" % ask.credentials)
    return b"\r\n".join((*lines, b"Allow: " + METHODS, AGENT, b"Content-Length: 0")) + b"\r\n\r\n"


def options(server: Server, call_id: bytes, tag: bytes, ours: tuple[str, int], branch: bytes) -> bytes:
    """OPTIONS to a server, outside of any call (RFC 3261 §11)."""
    target = server.uri.encode()
    lines = [
        b"OPTIONS %s SIP/2.0" % target,
        *_first(server, ours, branch),
        b"From: <sip:tast1@%s>;tag=%s" % (bracketed(ours[0]).encode(), tag),
        b"To: <%s>" % target,
        b"Call-ID: " + call_id,
        b"CSeq: 1 OPTIONS",
        b"Contact: <sip:tast1@%s>" % host_port(ours),
        b"Accept: application/sdp",
        AGENT,
        b"Content-Length: 0",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer_of(response: Message, line: bytes) -> Answer:
    """What a final response to REGISTER says; `line` tells our Contact from others of the same account."""
    names = (b"www-authenticate", b"proxy-authenticate")
    granted = _seconds(response.first(b"expires"))
    contacts = response.items(b"contact")
    bound = not contacts
    for value in contacts:
        try:
            address = address_of(value)
            ours = parse_uri(address).params.get(b"line") == line
            params = params_of(value.partition(b">")[2].strip().lstrip(b";") or b"x")
        except Malformed:
            continue
        if ours:
            bound = True
            said = _seconds(params.get(b"expires") or b"")
            granted = granted if said is None else said
    if not bound and not any(b";line=" in value for value in contacts):
        bound = True  # a server on the way has rewritten all of them
    return Answer(
        status=response.status,
        challenges=tuple(h.value for h in response.headers if h.name in names),
        expires_s=granted,
        min_expires_s=_seconds(response.first(b"min-expires")) or 0,
        retry_after_s=float(_seconds(response.first(b"retry-after").partition(b"(")[0].strip()) or 0),
        bound=bound,
    )


def _first(server: Server, ours: tuple[str, int], branch: bytes) -> list[bytes]:
    kind = server.place.transport.encode()
    lines = [b"Via: SIP/2.0/%s %s;branch=%s;rport" % (kind, host_port(ours), branch), b"Max-Forwards: 70"]
    return [*lines, b"Route: " + server.route] if server.route else lines


def _seconds(value: bytes) -> int | None:
    number = value.partition(b";")[0].strip()
    return min(int(number), 2**31) if number.isdigit() and len(number) <= 10 else None
