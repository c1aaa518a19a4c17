"""Grammar of the few header values a proxy reads: Via, addresses with tags, route lists, SIP URIs. Pure.

Every function takes an unfolded value and either understands it or raises `Malformed`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.edge.lexer import Header

_FOLD = re.compile(rb"\r\n[ \t]+")
_VIA = re.compile(
    rb"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9\-.!%*_+`'~]+)\s+"
    rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+)(?:\s*:\s*([0-9]{1,5}))?\s*(?:;(.*))?",
    re.IGNORECASE | re.DOTALL,
)
_HOST_PORT = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+)(?::([0-9]{1,5}))?")


class Malformed(ValueError):
    """Not a SIP message we accept. `reason`: a fixed word for counting; `status`: the SIP status that says
    so to the sender of a request (0: never answered). `start` and `fields`: what could be read, if anything.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(f"SIP message refused: {reason.replace('_', ' ')}")
        self.reason = reason
        self.status = status
        self.start = b""
        self.fields: tuple[Header, ...] = ()

    def with_fields(self, start: bytes, fields: tuple[Header, ...]) -> Malformed:
        """The same error, knowing what was read before it."""
        self.start, self.fields = start, fields
        return self


@dataclass(frozen=True)
class Via:
    """One Via value. `host` in lower case, with brackets if IPv6; `port` 0: none given."""

    transport: bytes
    host: bytes
    port: int
    params: dict[bytes, bytes | None] = field(hash=False)

    @property
    def branch(self) -> bytes:
        """The branch parameter; empty when absent."""
        return self.params.get(b"branch") or b""


@dataclass(frozen=True)
class Uri:
    """A sip or sips URI. `host` in lower case, with brackets if IPv6; `port` 0: none given."""

    scheme: bytes
    user: bytes
    host: bytes
    port: int
    params: dict[bytes, bytes | None] = field(hash=False)

    @property
    def transport(self) -> str:
        """UDP, TCP or TLS, as scheme and `transport` say; UDP without either."""
        asked = (self.params.get(b"transport") or b"").lower()
        if self.scheme == b"sips" or asked == b"tls":
            return "TLS"
        return "TCP" if asked == b"tcp" else "UDP"

    @property
    def place(self) -> tuple[str, int]:
        """Host (brackets stripped) and port a message for this URI goes to, without SRV (RFC 3263 §4)."""
        host = (self.params.get(b"maddr") or self.host).decode("ascii", "replace").strip("[]").lower()
        return host, self.port or (5061 if self.transport == "TLS" else 5060)


def unfold(value: bytes) -> bytes:
    """A field's value on one line, trimmed (RFC 3261 §7.3.1)."""
    return _FOLD.sub(b" ", value).strip()


def split_list(value: bytes, separator: bytes = b",") -> list[bytes]:
    """The values between separators that are outside quotes and angle brackets, trimmed."""
    parts: list[bytes] = []
    begin = 0
    for at in outside(value, separator):
        parts.append(value[begin:at].strip())
        begin = at + 1
    parts.append(value[begin:].strip())
    return parts


def params_of(text: bytes) -> dict[bytes, bytes | None]:
    """`a=1;b` as `{a: 1, b: None}`, names in lower case; of a repeated name the first counts."""
    found: dict[bytes, bytes | None] = {}
    for part in split_list(text, b";"):
        name, equals, value = part.partition(b"=")
        name = name.strip().lower()
        if not name or b" " in name:
            raise Malformed("parameter", 400)
        found.setdefault(name, value.strip() if equals else None)
    return found


def tag_of(value: bytes) -> bytes:
    """The tag of a From or To value; empty when it has none."""
    address, text = _address_and_params(value)
    if not address:
        raise Malformed("address", 400)
    return (params_of(text).get(b"tag") or b"") if text else b""


def address_of(value: bytes) -> bytes:
    """The URI in a From, To, Route or Contact value."""
    return _address_and_params(value)[0]


def parse_via(value: bytes) -> Via:
    """One Via value; spaces around its slashes and colon are allowed (RFC 3261 §25.1 `SLASH`, `COLON`)."""
    found = _VIA.fullmatch(value)
    if not found or int(found[3] or 1) not in range(1, 65536):
        raise Malformed("via", 400)
    params = params_of(found[4]) if found[4] is not None else {}
    return Via(found[1].upper(), found[2].lower(), int(found[3] or 0), params)


def parse_uri(uri: bytes) -> Uri:
    """A sip or sips URI without headers; other schemes raise `Malformed` with status 416."""
    scheme, colon, rest = uri.strip().partition(b":")
    scheme = scheme.strip().lower()
    if not colon:
        raise Malformed("uri", 400)
    if scheme not in (b"sip", b"sips"):
        raise Malformed("uri_scheme", 416)
    user, at, place = rest.rpartition(b"@")
    if b"@" in user or (at and not user):
        raise Malformed("uri", 400)
    host_port, semicolon, text = place.partition(b";")
    if b"?" in place:  # headers in a request URI may not be (RFC 3261 §19.1.5, RFC 4475 §3.1.2.11)
        raise Malformed("uri_headers", 400)
    found = _HOST_PORT.fullmatch(host_port.strip())
    if not found or int(found[2] or 1) not in range(1, 65536):
        raise Malformed("uri", 400)
    params = params_of(text) if semicolon else {}
    return Uri(scheme, user, found[1].lower(), int(found[2] or 0), params)


def is_address(host: str) -> bool:
    """Whether a host (without brackets) is an IP address and needs no look-up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def bracketed(host: str) -> str:
    """A host as it stands in URIs and Vias: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _address_and_params(value: bytes) -> tuple[bytes, bytes]:
    quoted = False
    skip = False
    for at, char in enumerate(value):
        if skip:
            skip = False
        elif quoted:
            skip = char == 0x5C
            quoted = char != 0x22
        elif char == 0x22:
            quoted = True
        elif char == 0x3C:
            address, closed, after = value[at + 1 :].partition(b">")
            after = after.strip()
            if not closed or (after and not after.startswith(b";")):
                raise Malformed("address", 400)
            return address.strip(), after[1:].strip()
    if quoted:
        raise Malformed("quotes", 400)
    address, _, text = value.partition(b";")
    return address.strip(), text.strip()


def outside(value: bytes, separator: bytes) -> list[int]:
    """Where the separator stands outside quotes and angle brackets. `Malformed` when they do not end."""
    if b'"' not in value and b"<" not in value:
        return [at for at, char in enumerate(value) if char == separator[0]]
    found: list[int] = []
    quoted = skip = angled = False
    for at, char in enumerate(value):
        if skip:
            skip = False
        elif quoted:
            skip = char == 0x5C
            quoted = char != 0x22
        elif char == 0x22 and not angled:
            quoted = True
        elif char == 0x3C:
            angled = True
        elif char == 0x3E:
            angled = False
        elif char == separator[0] and not angled:
            found.append(at)
    if quoted or angled:
        raise Malformed("quotes", 400)
    return found
