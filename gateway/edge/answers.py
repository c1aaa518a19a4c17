"""The edge's own answers, made from the request alone: a repeated request gets the same one. Pure."""

from __future__ import annotations

from gateway.edge.fields import Malformed, Via, parse_via, split_list, tag_of
from gateway.edge.flows import Flow
from gateway.edge.lexer import Header

METHODS = b"INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK"

_REASONS = {
    200: b"OK",
    202: b"Accepted",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    405: b"Method Not Allowed",
    414: b"Request-URI Too Long",
    415: b"Unsupported Media Type",
    416: b"Unsupported URI Scheme",
    420: b"Bad Extension",
    481: b"Call/Transaction Does Not Exist",
    482: b"Loop Detected",
    483: b"Too Many Hops",
    488: b"Not Acceptable Here",
    491: b"Request Pending",
    501: b"Not Implemented",
    503: b"Service Unavailable",
    505: b"Version Not Supported",
    513: b"Message Too Large",
    603: b"Decline",
}
_ECHOED = (b"via", b"from", b"to", b"call-id", b"cseq")  # RFC 3261 §8.2.6.2


def answer(fields: tuple[Header, ...], status: int, to_tag: bytes, extra: tuple[Header, ...] = ()) -> bytes:
    """A response to the request with these header fields; those that are missing stay missing."""
    lines = [b"SIP/2.0 %d %s\r\n" % (status, _REASONS[status])]
    for h in fields:
        if h.name in _ECHOED:
            lines.append(_tagged(h, to_tag) if h.name == b"to" else h.raw)
    lines += [h.raw for h in extra]
    lines.append(b"Content-Length: 0\r\n\r\n")
    return b"".join(lines)


def reply_flow(via: Via | None, source: Flow) -> Flow:
    """Where a response goes (RFC 3261 §18.2.2, RFC 3581 §4): the same connection, or the source address with
    the source port if the sender asked for it, else with the port of its Via."""
    if source.stream or via is None or b"rport" in via.params:
        return source
    return Flow(source.transport, source.host, via.port or 5060)


def top_via(fields: tuple[Header, ...]) -> Via | None:
    """The topmost Via of a message that may be broken; None when it cannot be read."""
    for h in fields:
        if h.name == b"via":
            try:
                return parse_via(split_list(h.value)[0])
            except Malformed:
                return None
    return None


def _tagged(to: Header, tag: bytes) -> bytes:
    try:
        if tag_of(to.value):
            return to.raw
    except Malformed:
        return to.raw
    return to.raw.rstrip() + b";tag=" + tag + b"\r\n"
