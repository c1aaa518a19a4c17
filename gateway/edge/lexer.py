"""Splits a SIP message into the fields a proxy must touch; everything else stays byte for byte.

1. `parse(data)` either returns a `Message` or raises `Malformed`; no other exception, for any bytes.
2. A message written back without a change is the message that came (less what followed its body).
3. What could be read in two ways is refused, not guessed: a lone CR or LF in the header section, a field that
   must be single and is not, a body longer than the datagram. The stack behind may guess otherwise.

Not done: syntax of fields a proxy leaves alone (Contact, SDP, credentials); that is the worker's part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.edge.fields import Malformed, Via, parse_via, split_list, tag_of, unfold

_COMPACT = {
    b"i": b"call-id",
    b"m": b"contact",
    b"e": b"content-encoding",
    b"l": b"content-length",
    b"c": b"content-type",
    b"f": b"from",
    b"s": b"subject",
    b"k": b"supported",
    b"t": b"to",
    b"v": b"via",
    b"o": b"event",
    b"r": b"refer-to",
}
_SINGLE = (b"from", b"to", b"call-id", b"cseq", b"max-forwards", b"content-length", b"content-type")
# RFC 3261 §8.1.1; Max-Forwards may be absent (§16.3).
_REQUIRED = (b"via", b"from", b"to", b"call-id", b"cseq")

_TOKEN = rb"[A-Za-z0-9\-.!%*_+`'~]+"
_NAME = re.compile(rb"(" + _TOKEN + rb")[ \t]*:")
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([^ \t<>\"]+) (SIP/[0-9]+\.[0-9]+)", re.IGNORECASE)
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9])(?: .*)?", re.IGNORECASE | re.DOTALL)
_CSEQ = re.compile(rb"([0-9]{1,20})[ \t]+(" + _TOKEN + rb")")
_DIGITS = re.compile(rb"[0-9]{1,20}")


@dataclass(frozen=True)
class Header:
    """One header field: its long name in lower case, and its bytes as they came, final CRLF included."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What stands after the colon, unfolded and trimmed."""
        return unfold(self.raw.partition(b":")[2])


@dataclass(frozen=True)
class Message:
    """A request (`status` 0) or a response (`method` is that of its CSeq, `uri` empty)."""

    start: bytes
    headers: tuple[Header, ...]
    body: bytes
    method: bytes
    uri: bytes
    status: int
    call_id: bytes
    cseq: int
    from_tag: bytes
    to_tag: bytes
    vias: tuple[Via, ...] = field(repr=False)

    def __bytes__(self) -> bytes:
        return b"".join((self.start, b"\r\n", *[h.raw for h in self.headers], b"\r\n", self.body))

    def has(self, name: bytes) -> bool:
        """Whether a field of this name (long, lower case) is there."""
        return any(h.name == name for h in self.headers)

    def first(self, name: bytes) -> bytes:
        """Value of the first field of this name; empty when there is none."""
        return next((h.value for h in self.headers if h.name == name), b"")

    def items(self, name: bytes) -> list[bytes]:
        """All comma-separated values of all fields of this name, in order."""
        return [item for h in self.headers if h.name == name for item in split_list(h.value)]

    def with_headers(self, headers: tuple[Header, ...]) -> Message:
        """The same message with other header fields."""
        return Message(
            self.start,
            headers,
            self.body,
            self.method,
            self.uri,
            self.status,
            self.call_id,
            self.cseq,
            self.from_tag,
            self.to_tag,
            self.vias,
        )  # `dataclasses.replace` takes four times as long, and this runs six times a message


def header(name: bytes, value: bytes) -> Header:
    """A new header field, `name` spelled as it goes on the wire."""
    return Header(name.lower(), name + b": " + value + b"\r\n")


def parse(data: bytes, *, headers: int = 500, line_bytes: int = 65535) -> Message:
    """The message in a datagram or a frame; at most `headers` fields of at most `line_bytes` bytes each.

    Bytes after the body that Content-Length promises are cut off (RFC 3261 §18.3). `Malformed` says why it
    is none, with the status to answer a request with, and carries what could be read of it.
    """
    head, end, rest = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not end:
        raise Malformed("no_end_of_headers", 400)
    start, *lines = head.split(b"\r\n")
    fields = _fields(start, lines, headers, line_bytes)
    try:
        return _understood(start, fields, rest)
    except Malformed as error:
        raise error.with_fields(start, fields) from None


def _fields(start: bytes, lines: list[bytes], most: int, line_bytes: int) -> tuple[Header, ...]:
    if len(start) > line_bytes:
        raise Malformed("long_line", 414)
    joined: list[bytes] = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if not joined:
                raise Malformed("fold_without_field", 400)
            joined[-1] += b"\r\n" + line
            if len(joined[-1]) > line_bytes:
                raise Malformed("long_line", 513)
        else:
            joined.append(line)
            if len(joined) > most:
                raise Malformed("many_headers", 513)
            if len(line) > line_bytes:
                raise Malformed("long_line", 513)
    fields: list[Header] = []
    for raw in joined:
        found = _NAME.match(raw)
        if not found:
            raise Malformed("header_name", 400)
        name = found[1].lower()
        fields.append(Header(_COMPACT.get(name, name), raw + b"\r\n"))
    return tuple(fields)


def _understood(start: bytes, fields: tuple[Header, ...], rest: bytes) -> Message:
    for text in (start, *[h.raw.replace(b"\r\n", b"") for h in fields]):
        if b"\r" in text or b"\n" in text:
            raise Malformed("lone_line_end", 400)
    method, uri, status = _start_line(start)
    names = [h.name for h in fields]
    for name in _REQUIRED:
        if name not in names:
            raise Malformed("missing_header", 400)
    for name in _SINGLE:
        if names.count(name) > 1:
            raise Malformed("repeated_header", 400)
    values = {h.name: h.value for h in fields if h.name in _SINGLE}
    cseq = _CSEQ.fullmatch(values[b"cseq"])
    if not cseq or int(cseq[1]) >= 2**31:  # RFC 3261 §8.1.1.5
        raise Malformed("cseq", 400)
    if not status and cseq[2] != method:
        raise Malformed("cseq_method", 400)
    call_id = values[b"call-id"]
    if not call_id or re.search(rb"[\s\0]", call_id):
        raise Malformed("call_id", 400)
    hops = values.get(b"max-forwards")
    if hops is not None and (not _DIGITS.fullmatch(hops) or int(hops) > 255):
        raise Malformed("max_forwards", 400)
    return Message(
        start=start,
        headers=fields,
        body=_body(values.get(b"content-length"), rest),
        method=cseq[2] if status else method,
        uri=uri,
        status=status,
        call_id=call_id,
        cseq=int(cseq[1]),
        from_tag=tag_of(values[b"from"]),
        to_tag=tag_of(values[b"to"]),
        vias=_vias(fields, bool(status)),
    )


def _start_line(start: bytes) -> tuple[bytes, bytes, int]:
    if start[:4].upper() == b"SIP/":
        found = _STATUS_LINE.fullmatch(start)
        if not found:
            raise Malformed("status_line", 0)
        return b"", b"", int(found[1])
    found = _REQUEST_LINE.fullmatch(start)
    if not found:
        raise Malformed("request_line", 400)
    if found[3].upper() != b"SIP/2.0":
        raise Malformed("version", 505)
    return found[1], found[2], 0


def _vias(fields: tuple[Header, ...], response: bool) -> tuple[Via, ...]:
    # A request's lower Vias are no business of a proxy (RFC 3261 §18.2.1 looks at the topmost); of a
    # response we need our own and the one below it.
    wanted = 2 if response else 1
    vias: list[Via] = []
    for h in fields:
        if h.name == b"via" and len(vias) < wanted:
            vias.extend(parse_via(item) for item in split_list(h.value)[: wanted - len(vias)])
    return tuple(vias)


def _body(length: bytes | None, rest: bytes) -> bytes:
    if length is None:
        return rest
    if not _DIGITS.fullmatch(length):
        raise Malformed("content_length", 400)
    if int(length) > len(rest):
        raise Malformed("short_body", 400)
    return rest[: int(length)]
