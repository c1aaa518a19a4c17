"""REFER taken up by the front door: who asks for what. Pure.

A worker's SIP stack would dial what a REFER names, unrecorded and at our cost, so none ever reaches one. The
call flow decides; the answer, and the NOTIFY that follow, are RFC 3515's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.edge.fields import Malformed, address_of, parse_uri
from gateway.edge.lexer import Message
from gateway.edge.proxy import Places

_LONGEST_REPLACES = 512


@dataclass(frozen=True)
class Refer:
    """A REFER in the dialog `sip_call_id`. `target`: a user part at this gateway, else a SIP URI of another
    place; `replaces`: what its Replaces header (RFC 3891) is to say, still escaped; "": nothing."""

    sip_call_id: str
    target: str
    replaces: str
    cseq: int


Decide = Callable[[Refer], int]
"""The SIP status that a REFER is answered with: 202, or a refusal."""


def refuse(_: Refer) -> int:
    """What is answered where nobody decides."""
    return 603


def read_refer(message: Message, places: Places) -> Refer:
    """What a REFER asks for; `Malformed` for one without a single SIP URI in its Refer-To."""
    named = message.items(b"refer-to")
    if len(named) != 1:
        raise Malformed("refer_to", 400)
    address, _, fields = address_of(named[0]).partition(b"?")
    if not address.lower().startswith((b"sip:", b"sips:")):
        raise Malformed("refer_to", 416)
    uri = parse_uri(address)
    target = uri.user.decode("ascii", "replace")
    if not places.is_ours(uri):
        port = f":{uri.port}" if uri.port else ""
        target = f"sip:{target}@{uri.host.decode('ascii', 'replace')}{port}"
    replaces = ""
    for field in fields.decode("ascii", "replace").split("&"):
        name, _, value = field.partition("=")
        if name.lower() == "replaces" and _is_plain(value):
            replaces = value
    return Refer(message.call_id.decode("utf-8", "surrogateescape"), target, replaces, message.cseq)


def _is_plain(value: str) -> bool:
    """Whether an escaped header value stays one header value when it is unescaped."""
    bare = unquote(value)
    escaped = all(char.isalnum() or char in "%-_.!~*'()" for char in value)
    return escaped and len(bare) <= _LONGEST_REPLACES and bare.isprintable() and not set(bare) & set("<>,")
