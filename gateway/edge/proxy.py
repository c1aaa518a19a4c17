"""What a stateless proxy does to a message (RFC 3261 §16.6, §16.7, §16.11). Pure: message in, message out.

Touched: topmost Via (`received`, `rport`), our own Via, Route, Record-Route, Max-Forwards. Nothing else.

Every dialog gets two Record-Route values, one for each side, so that a peer and a worker each see an address
they can reach (RFC 5658). Both carry `w=PORT-mac`: the worker, signed for this Call-ID. The outer one of a
call that came over a connection, or from behind NAT, carries `f=FLOW` as well: the way back to that peer.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from gateway.edge.fields import Uri, address_of, bracketed, outside, parse_uri, split_list
from gateway.edge.flows import Flow
from gateway.edge.lexer import Header, Message, header

_EMPTY_RPORT = re.compile(rb"(;\s*rport)\s*(?:=\s*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Places:
    """Where the edge can be reached: the worker side, and per transport the public host and port."""

    inside: tuple[str, int]
    public: dict[str, tuple[str, int]]
    own: frozenset[tuple[str, int]]
    """Every host and port that means us, in a Route or a request URI."""

    def is_ours(self, uri: Uri) -> bool:
        """Whether a URI points at this edge."""
        return uri.place in self.own


def received(message: Message, source: Flow) -> Message:
    """With `received` and `rport` in the topmost Via (RFC 3261 §18.2.1, RFC 3581 §4)."""
    via = message.vias[0]
    wants_port = b"rport" in via.params
    says_so = via.host.strip(b"[]").decode() == source.host and b"received" not in via.params
    if not wants_port and says_so:
        return message
    at = next(i for i, h in enumerate(message.headers) if h.name == b"via")
    raw = message.headers[at].raw
    name, _, values = raw.partition(b":")
    first, comma, others = _first_value(values)
    value = first.rstrip()
    ending = first[len(value) :]
    value = _with_port(value, source.port) + b";received=" + source.host.encode()
    return _replaced(message, at, Header(b"via", name + b":" + value + ending + comma + others))


def fewer_hops(message: Message) -> Message:
    """With Max-Forwards one lower, or 70 where there was none (RFC 3261 §16.6 step 3)."""
    for at, h in enumerate(message.headers):
        if h.name == b"max-forwards":
            name = h.raw.partition(b":")[0]
            left = str(max(int(h.value) - 1, 0)).encode()
            return _replaced(message, at, Header(h.name, name + b": " + left + b"\r\n"))
    return message.with_headers((*message.headers, header(b"Max-Forwards", b"70")))


def hops_left(message: Message) -> int:
    """Max-Forwards; 70 where there is none."""
    return int(message.first(b"max-forwards") or 70)


def add_via(message: Message, transport: str, place: tuple[str, int], params: bytes) -> Message:
    """With our Via on top."""
    value = b"SIP/2.0/%s %s;%s" % (transport.encode(), host_port(place), params)
    return _before(message, b"via", header(b"Via", value))


def take_via(response: Message) -> Message:
    """Without its topmost Via (RFC 3261 §16.7 step 3)."""
    return without_first(response, b"via", 1)


def take_routes(message: Message, places: Places) -> tuple[Message, list[Uri], list[bytes]]:
    """Without the leading Route values that are ours; those; and the Route values that are left.

    `Malformed` when a Route value is no SIP URI.
    """
    values = message.items(b"route")
    ours: list[Uri] = []
    for value in values:
        uri = parse_uri(address_of(value))
        if not places.is_ours(uri):
            break
        ours.append(uri)
    return without_first(message, b"route", len(ours)), ours, values[len(ours) :]


def record_routes(
    message: Message, places: Places, transport: str, token: bytes, *, inwards: bool, flow: Flow | None = None
) -> Message:
    """With our two Record-Route values on top; the one that faces the receiver comes first (RFC 5658 §3)."""
    inner = b"<sip:%s;lr;w=%s>" % (host_port(places.inside), token)
    outer = b"<sip:%s" % host_port(places.public[transport])
    if transport != "UDP":
        outer += b";transport=" + transport.lower().encode()
    outer += b";lr;w=" + token
    if flow:
        outer += b";f=" + flow.token()
    outer += b">"
    first, second = (inner, outer) if inwards else (outer, inner)
    message = _before(message, b"record-route", header(b"Record-Route", second), b"via")
    return _before(message, b"record-route", header(b"Record-Route", first), b"via")


def without_first(message: Message, name: bytes, count: int) -> Message:
    """Without the first `count` values of a list header; whole fields go, a field with more is rewritten."""
    kept: list[Header] = []
    for h in message.headers:
        if h.name != name or not count:
            kept.append(h)
            continue
        values = split_list(h.value)
        gone = min(count, len(values))
        count -= gone
        if gone < len(values):
            kept.append(Header(name, h.raw.partition(b":")[0] + b": " + b", ".join(values[gone:]) + b"\r\n"))
    return message.with_headers(tuple(kept))


def with_header(message: Message, new: Header) -> Message:
    """With one more field, after all others."""
    return message.with_headers((*message.headers, new))


def host_port(place: tuple[str, int]) -> bytes:
    """`host:port`, IPv6 in brackets."""
    return f"{bracketed(place[0])}:{place[1]}".encode()


def _first_value(values: bytes) -> tuple[bytes, bytes, bytes]:
    # Where `parse` saw its end: whoever reads it after us must not see another Via than we did.
    commas = outside(values, b",")
    return (values[: commas[0]], b",", values[commas[0] + 1 :]) if commas else (values, b"", b"")


def _with_port(via: bytes, port: int) -> bytes:
    """A Via value whose first empty `rport` is filled in (RFC 3581 §4)."""
    ends = [*outside(via, b";"), len(via)]
    for begin, end in itertools.pairwise(ends):
        if found := _EMPTY_RPORT.fullmatch(via[begin:end]):
            return via[:begin] + found[1] + b"=" + str(port).encode() + via[end:]
    return via


def _before(message: Message, name: bytes, new: Header, otherwise: bytes = b"via") -> Message:
    names = [h.name for h in message.headers]
    at = names.index(name) if name in names else names.index(otherwise)
    return message.with_headers((*message.headers[:at], new, *message.headers[at:]))


def _replaced(message: Message, at: int, new: Header) -> Message:
    return message.with_headers((*message.headers[:at], new, *message.headers[at + 1 :]))
