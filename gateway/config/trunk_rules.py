"""Mistakes of trunks that no single setting has: see `gateway.config.checks`."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.kinds import sip_transport
from gateway.config.sections import SipSection
from gateway.config.source import Key
from gateway.config.trunks import TrunkSection


def trunk_rules(sip: SipSection) -> Iterator[tuple[Key, str]]:
    """What the settings say of trunks that cannot be meant."""
    if not sip.trunks and not sip.allow_unknown:
        yield ("sip", "trunks"), "nobody may send calls (name a trunk and its networks)"
    names: set[str] = set()
    users: set[str] = set()
    for index, trunk in enumerate(sip.trunks):
        key: Key = ("sip", "trunks", index)
        if trunk.name in names:
            yield (*key, "name"), "another trunk has that name (choose another)"
        if trunk.digest and trunk.digest.user in users:
            yield (*key, "digest", "user"), "another trunk calls with that name (choose another)"
        names.add(trunk.name)
        users |= {trunk.digest.user} if trunk.digest else set()
        for name, why in _trunk(sip, trunk):
            yield (*key, *name), why


def _trunk(sip: SipSection, trunk: TrunkSection) -> Iterator[tuple[Key, str]]:
    if not (trunk.networks or trunk.servers or trunk.certificates or trunk.digest):
        yield (
            ("networks",),
            "must name at least one (add it, or show the trunk by servers, certificates or digest)",
        )
    if trunk.name == "unknown":
        yield ("name",), "is what calls of no trunk are called (choose another)"
    if trunk.country and not _is_known(trunk.country):
        yield ("country",), "is no country with telephone numbers (write two capital letters, such as DK)"
    for name in ("account", "outbound_proxy"):
        if getattr(trunk, name) and not trunk.servers:
            yield (name,), "needs the servers it is meant for (name them in servers)"
    if trunk.certificates and not (sip.tls and sip.tls_client_ca):
        missing = "tls_client_ca" if sip.tls else "tls"
        yield ("certificates",), f"cannot be asked for without sip.{missing} (set it)"
    ways: list[tuple[Key, str]] = [(("servers", index), uri) for index, uri in enumerate(trunk.servers)]
    if trunk.outbound_proxy:
        ways = [(("outbound_proxy",), trunk.outbound_proxy)]
    for where, uri in ways:
        transport = sip_transport(uri)
        if getattr(sip, transport) is None:
            yield (
                where,
                f"is reached over {transport.upper()}, and nothing listens there for what comes back"
                f" (set sip.{transport}, or write ;transport= and another)",
            )


def _is_known(country: str) -> bool:
    import phonenumbers  # its tables take memory: only where a trunk has a country

    return country in phonenumbers.SUPPORTED_REGIONS
