"""Who may send what, how much and how often. Pure: `now` (monotonic seconds) is an argument.

| what | how it is refused |
|---|---|
| a source of no trunk (`trunks.Trunks`) | silence, or 403 (`answer_unknown`) |
| too many messages from one source | silence |
| too many new calls from one source | 503 with Retry-After |
| a message, a field or a line too long, too many fields | 513; request line: 414 |
| a header section longer than a message may be | silence |
| too many lines of SDP, too many `a=crypto` | 488 |
| multipart or any body we have no use for | 415 with Accept |
| a method we know but do not serve | 405 with Allow |
| a method we do not know | 501 |
| Proxy-Require | 420 with Unsupported (RFC 3261 §16.3 step 5) |

An ACK and a response are never answered: what would be refused is dropped.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass

from gateway.edge.answers import METHODS
from gateway.edge.fields import parse_uri
from gateway.edge.lexer import Header, Message, header
from gateway.edge.settings import LimitSettings

_SERVED = frozenset(METHODS.split(b", "))
_KNOWN = frozenset((b"REGISTER", b"SUBSCRIBE", b"NOTIFY", b"MESSAGE", b"PUBLISH", b"REFER"))
_BODIES = (
    b"application/sdp",
    b"application/dtmf-relay",
    b"application/dtmf",
    b"application/media_control+xml",
)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_CRYPTO = re.compile(rb"\s*a\s*=\s*crypto", re.IGNORECASE)
_SOURCES = 10000  # source addresses remembered for their rates


@dataclass(frozen=True)
class Refusal:
    """Why a message is not let through. `reason`: a fixed word; `status`: the SIP status that says it."""

    reason: str
    status: int
    headers: tuple[Header, ...] = ()


class Buckets:
    """One token bucket for each source address: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def use(self, rate: float, burst: int) -> None:
        """Another rate and burst from now on; what a source has left is at most the burst."""
        self._rate = rate
        self._burst = float(burst)

    def take(self, host: str, now: float) -> bool:
        """Take a token; False when there is none."""
        left, at = self._left.pop(host, (self._burst, now))
        left = min(self._burst, left + max(0.0, now - at) * self._rate)
        allowed = left >= 1.0
        self._left[host] = (left - 1.0 if allowed else left, now)
        if len(self._left) > _SOURCES:
            self._left.popitem(last=False)
        return allowed


def refuse_method(message: Message) -> Refusal | None:
    """A method from outside that no worker takes."""
    if message.method in _SERVED:
        return None
    if message.method in _KNOWN:
        return Refusal("method", 405, (header(b"Allow", METHODS),))
    return Refusal("unknown_method", 501, (header(b"Allow", METHODS),))


def refuse_extensions(message: Message) -> Refusal | None:
    """An extension that every proxy must know: we know none."""
    asked = [item for item in message.items(b"proxy-require") if item]
    if not asked:
        return None
    return Refusal("extension", 420, (header(b"Unsupported", b", ".join(asked)),))


def refuse_uri(message: Message) -> Refusal | None:
    """A request URI of another kind than sip, sips or tel (RFC 3261 §16.3 step 2); `Malformed` if broken."""
    scheme = message.uri.partition(b":")[0].lower()
    if scheme in (b"sip", b"sips"):
        parse_uri(message.uri)
        return None
    return None if scheme == b"tel" else Refusal("uri_scheme", 416)


def refuse_body(message: Message, limits: LimitSettings) -> Refusal | None:
    """A body a worker had better not see."""
    if any(b"\0" in h.raw for h in message.headers):  # a C string's end in the midst of a field
        return Refusal("nul", 400)
    if not message.body.strip():
        return None
    kind = message.first(b"content-type").partition(b";")[0].strip().lower()
    if not kind:
        return Refusal("no_content_type", 400)
    if kind not in _BODIES:
        reason = "multipart" if kind.startswith(b"multipart") else "content_type"
        return Refusal(reason, 415, (header(b"Accept", b"application/sdp, application/dtmf-relay"),))
    lines = _LINE_END.split(message.body)
    if len(lines) > limits.sdp_lines + 1:  # the last line is what follows the last line end
        return Refusal("sdp_lines", 488)
    if max(map(len, lines)) > limits.line_bytes:
        return Refusal("long_line", 513)
    if sum(1 for line in lines if _CRYPTO.match(line)) > limits.crypto_lines:
        return Refusal("crypto", 488)
    return None
