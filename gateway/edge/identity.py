"""Who calls whom, as an INVITE of a trunk says it. Pure.

The caller is the From; P-Asserted-Identity comes before it, if the trunk is trusted (RFC 3325 §9). Who asked
for privacy (RFC 3323 §4.2, RFC 3325 §7), or has an anonymous From, is nobody: their number goes no further.
The number dialled is the user of the request URI. Where that is only the account we registered, it is in
P-Called-Party-ID (RFC 7315 §4.2) of a trusted trunk, or in To.

Workers are told in one header field of our own, `Tast1-Call`; it never comes in from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from gateway.edge.fields import Malformed, address_of, parse_uri
from gateway.edge.lexer import Header, Message, header
from gateway.edge.numbers import NumberPlan
from gateway.edge.settings import TrunkSettings

FIELD = b"tast1-call"
_WITHHELD = (b"id", b"user", b"header", b"session")
_ANONYMOUS = (b"anonymous.invalid", b"unavailable.invalid")


@dataclass(frozen=True)
class Parties:
    """Personal data. Empty: as the INVITE has it."""

    caller: str = ""
    dialled: str = ""
    withheld: bool = False


def parties(message: Message, trunk: TrunkSettings) -> Parties:
    """Caller and number dialled, in E.164 where the trunk has a country and the number can be read so."""
    plan = NumberPlan(trunk.country, trunk.prefixes) if trunk.country else None
    dialled, named = _dialled(message, trunk)
    if _is_withheld(message, trunk):
        return Parties("", _in_full(dialled, plan) or (dialled if named else ""), True)
    asserted = _asserted(message) if trunk.trusted else ""
    caller = asserted or _user(_address(message.first(b"from")))
    return Parties(
        _in_full(caller, plan) or asserted, _in_full(dialled, plan) or (dialled if named else ""), False
    )


def told(message: Message, trunk: TrunkSettings) -> Header:
    """The header field that tells a worker: the trunk, who calls whom, and whether sound is encrypted."""
    found = parties(message, trunk)
    parts = [f"trunk={trunk.name}"]
    parts += [f"caller={quote(found.caller, safe='+')}"] if found.caller else []
    parts += [f"dialled={quote(found.dialled, safe='+')}"] if found.dialled else []
    parts += ["withheld"] if found.withheld else []
    parts += [f"srtp={trunk.srtp}"] if trunk.srtp != "off" else []
    return header(b"Tast1-Call", ";".join(parts).encode())


def without(message: Message) -> Message:
    """The same message without such a field: nobody outside may tell our workers anything."""
    if not message.has(FIELD):
        return message
    return message.with_headers(tuple(h for h in message.headers if h.name != FIELD))


def _is_withheld(message: Message, trunk: TrunkSettings) -> bool:
    # RFC 3323 §4.2 parts the values by semicolons.
    asked = {one.strip().lower() for one in message.first(b"privacy").split(b";")}
    if asked & set(_WITHHELD):
        return True
    address = _address(message.first(b"from"))
    host = address.rpartition(b"@")[2].partition(b";")[0].partition(b":")[0].lower()
    return host in _ANONYMOUS or _user(address).lower() == "anonymous"


def _asserted(message: Message) -> str:
    """The user or the number of the first identity that names one."""
    for value in message.items(b"p-asserted-identity"):
        user = _user(_address(value))
        if user:
            return user
    return ""


def _dialled(message: Message, trunk: TrunkSettings) -> tuple[str, bool]:
    """The number dialled; and whether it is another than the request URI's."""
    user = _user(message.uri)
    if trunk.register is None or user != trunk.register.user:
        return user, False
    called = _user(_address(message.first(b"p-called-party-id"))) if trunk.trusted else ""
    found = called or _user(_address(message.first(b"to")))
    return (found, True) if found and found != user else (user, False)


def _in_full(number: str, plan: NumberPlan | None) -> str:
    return plan.e164(number) if plan is not None and number else ""


def _address(value: bytes) -> bytes:
    try:
        return address_of(value)
    except Malformed:
        return b""


def _user(uri: bytes) -> str:
    """The user of a SIP URI, or the number of a tel URI, without parameters; "" of anything else."""
    scheme, _, rest = uri.partition(b":")
    if scheme.strip().lower() == b"tel":
        return rest.partition(b";")[0].decode("utf-8", "replace").strip()
    try:
        user = parse_uri(uri.partition(b"?")[0]).user
    except Malformed:
        return ""
    return user.partition(b":")[0].partition(b";")[0].decode("utf-8", "replace")
