"""Which trunk a request is of, and what it must prove first. Pure: time is an argument.

A trunk is known by its networks (and the addresses of its servers), by a name in its client certificate, or
by both; one that has `digest` must answer a challenge as well, and one that has nothing but `digest` may call
from anywhere. Where several fit, the first of the settings counts, but one whose registered Contact the
request names comes before all.

| from | an INVITE without To tag | ACK, CANCEL | anything else |
|---|---|---|---|
| known, without `digest` | let in | let in | let in |
| known, with `digest` | challenged | let in | let in |
| anywhere, where a trunk has only `digest` | challenged | let in to what is there already | refused |
| anywhere else | refused | refused | refused |

Whoever answers a challenge wrongly too often from one address hears nothing more for a while.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.edge.admission import Buckets, Refusal
from gateway.edge.digest import Challenger, Verdict
from gateway.edge.fields import Malformed, parse_uri
from gateway.edge.lexer import Message, header
from gateway.edge.settings import EdgeSettings, TrunkSettings

_SOURCES = 10000  # source addresses remembered
_WRONG_PER_S, _WRONG_BURST = 0.1, 10  # wrong answers to challenges from one address
UNKNOWN = TrunkSettings("unknown")
"""What calls are of that come from no trunk, where that is allowed."""


@dataclass(frozen=True)
class Known:
    """A request of a trunk. `proven`: by network, certificate or password; else only for what is there."""

    trunk: TrunkSettings
    proven: bool = True


class _Trunk:
    def __init__(self, settings: TrunkSettings) -> None:
        self.settings = settings
        self.networks = [ipaddress.ip_network(network) for network in settings.networks]
        self.names = frozenset(name.lower() for name in settings.certificates)
        self.addresses: frozenset[str] = frozenset()
        self.anywhere = not self.networks and not settings.servers

    @property
    def open(self) -> bool:
        """Whether nothing but a password shows it."""
        return self.anywhere and not self.names

    def fits(self, host: str, certified: frozenset[str]) -> bool:
        if self.names and not self.names & certified:
            return False
        return self.anywhere or host in self.addresses or self._within(host)

    def _within(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        return any(address.version == each.version and address in each for each in self.networks)


class Trunks:
    """The trunks there are. `secret`: what nonces are made with; `realm`: what a challenge names."""

    def __init__(self, settings: EdgeSettings, secret: bytes = b"") -> None:
        self._trunks = [_Trunk(trunk) for trunk in settings.trunks]
        self._unknown = UNKNOWN if settings.allow_unknown else None
        self._fitting: dict[tuple[str, frozenset[str]], list[_Trunk]] = {}
        self._challenger = Challenger(secret, settings.public_host or "tast1")
        self._wrong = Buckets(_WRONG_PER_S, _WRONG_BURST)
        self._lines = {line_of(secret, trunk.name): trunk.name for trunk in settings.trunks}

    def name(self, host: str, certified: frozenset[str] = frozenset()) -> str | None:
        """Name of the trunk with this source address; None: of none, and strangers may not call."""
        known = self._known(host, certified)
        return known[0].settings.name if known else self._unknown.name if self._unknown else None

    def learn(self, name: str, addresses: Iterable[str]) -> None:
        """A trunk's servers have these addresses; calls may come from there."""
        for trunk in self._trunks:
            if trunk.settings.name == name:
                trunk.addresses = frozenset(addresses)
        self._fitting.clear()

    def admit(
        self, message: Message, host: str, certified: frozenset[str], now: float
    ) -> Known | Refusal | None:
        """Whose a request is that names no worker; a challenge (401), or None: nobody's, say nothing."""
        known = self._known(host, certified)
        preferred = self._lines.get(_line(message), "")
        known.sort(key=lambda each: each.settings.name != preferred)  # a stable sort: else as in the settings
        begins = message.method == b"INVITE" and not message.to_tag
        if known and (not begins or known[0].settings.digest is None):
            return Known(known[0].settings)
        asked = known or [each for each in self._trunks if each.open and each.settings.digest]
        if not known and self._unknown is not None and not message.has(b"authorization"):
            return Known(self._unknown)
        if not asked or (not known and message.method not in (b"INVITE", b"ACK", b"CANCEL")):
            return None
        if not begins:
            return Known(asked[0].settings, proven=False) if message.method != b"INVITE" else None
        return self._proof(message, host, [each for each in asked if each.settings.digest], now)

    def _proof(self, message: Message, host: str, asked: list[_Trunk], now: float) -> Known | Refusal | None:
        passwords = {}
        for each in reversed(asked):
            digest = each.settings.digest
            if digest is not None:
                passwords[digest.user] = digest.password, each.settings

        def password_of(user: str) -> str | None:
            return passwords[user][0] if user in passwords else None

        stale = False
        for value in (h.value for h in message.headers if h.name == b"authorization"):
            verdict, user = self._challenger.verdict(
                value, message.method, password_of, now, host, message.call_id
            )
            if verdict is Verdict.RIGHT:
                return Known(passwords[user][1])
            stale = stale or verdict is Verdict.STALE
            if verdict is Verdict.WRONG and not self._wrong.take(host, now):
                return None
        made = self._challenger.challenges(now, host, message.call_id, stale)
        return Refusal("challenged", 401, tuple(header(b"WWW-Authenticate", value) for value in made))

    def _known(self, host: str, certified: frozenset[str]) -> list[_Trunk]:
        key = (host, certified)
        if key not in self._fitting:
            if len(self._fitting) >= _SOURCES:
                self._fitting.clear()
            self._fitting[key] = [
                each for each in self._trunks if not each.open and each.fits(host, certified)
            ]
        return list(self._fitting[key])


def line_of(secret: bytes, name: str) -> bytes:
    """The `line` parameter of the Contact that we register with a trunk: nobody else can know it."""
    return hashlib.blake2s(b"line\0" + name.encode(), key=secret[:32], digest_size=8).hexdigest().encode()


def _line(message: Message) -> bytes:
    if not message.uri.lower().startswith((b"sip:", b"sips:")):
        return b""
    try:
        return parse_uri(message.uri).params.get(b"line") or b""
    except Malformed:
        return b""
