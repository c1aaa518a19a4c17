"""The settings of one trunk: who may send calls, how that is shown, and where we register with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from gateway.config.kinds import (
    Country,
    Names,
    Network,
    OffOnAuto,
    Seconds,
    SecretFile,
    Section,
    SipUri,
    Srtp,
    Whole,
    once,
    setting,
)

_USER: dict[str, Any] = {
    "pattern": r"^[^\s@<>\":;,\\]{1,64}$",
    "form": "the part of the address before the @, such as 4570101010",
}


def _prefixes(values: Mapping[str, str]) -> Mapping[str, str]:
    for before, after in values.items():
        if not before.lstrip("+").isdigit() or (after.lstrip("+") and not after.lstrip("+").isdigit()):
            raise ValueError("has something else than digits (write {'00': '+', '9': ''}, in quotes)")
    return values


Prefixes = Annotated[dict[str, str], AfterValidator(_prefixes)]


class AccountSection(Section):
    """The account that we register with a provider."""

    user: str = setting(..., "User of the address of record; the provider names it.", **_USER)
    password: SecretFile = setting(..., "file:PATH of the account's password.", secret=True)
    auth_user: str | None = setting(
        None, "User name that goes with the password; null: the same.", min_length=1, max_length=128
    )
    domain: str | None = setting(
        None,
        "Domain of the address of record; null: the host of the first server.",
        pattern=r"^[A-Za-z0-9.:\[\]-]+$",
        form="a host name, such as sip.example.dk",
    )
    expires_s: Whole = setting(
        600,
        "Seconds that a registration is asked to hold; it is renewed after three quarters.",
        ge=60,
        le=86400,
    )


class DigestSection(Section):
    """What a trunk must prove itself with when it calls."""

    user: str = setting(..., "User name that the trunk calls with.", **_USER)
    password: SecretFile = setting(..., "file:PATH of its password.", secret=True)


class TrunkSection(Section):
    """A provider or PBX that may send calls, known by network, certificate, password, or several of them."""

    name: str = setting(
        ...,
        "Name in logs and metrics.",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        form="small letters, digits and '-', such as provider-1",
    )
    networks: tuple[Network, ...] = setting((), "Source networks its requests come from.")
    servers: Annotated[tuple[SipUri, ...], AfterValidator(once)] = setting(
        (), "SIP URIs of its registrars or proxies, the first before the second; calls may come from them."
    )
    outbound_proxy: SipUri | None = setting(
        None, "SIP URI of the proxy through which its servers are reached; null: directly."
    )
    account: AccountSection | None = setting(
        None, "The account to register with its servers; null: it knows where we are."
    )
    health_s: Seconds = setting(
        30.0, "Seconds between OPTIONS to each of its servers; 0: they are not asked.", ge=0, le=3600
    )
    answer_s: Seconds = setting(
        8.0, "Seconds without an answer after which the next server is tried.", ge=1, le=32
    )
    digest: DigestSection | None = setting(
        None, "What it must prove itself with when it calls; null: it is not asked for a password."
    )
    certificates: Annotated[Names, Field(max_length=16)] = setting(
        (), "Names of which its TLS client certificate must have one; empty: it needs none."
    )
    trusted: bool = setting(False, "Whether its P-Asserted-Identity is believed.")
    country: Country | None = setting(
        None, "Country whose national numbers it writes; null: numbers stay as they are written."
    )
    prefixes: Prefixes = setting(
        {}, "Beginnings of its numbers, and what stands in their place before they are read."
    )
    nat: OffOnAuto = setting(
        "auto",
        "Whether requests within a call over UDP go where its INVITE came from, not to its Contact.",
        "auto: when the Contact is a private address and the INVITE came from a public one",
    )
    inband: OffOnAuto = setting(
        "auto",
        "Whether keys are heard as tones in the sound while the question is open.",
        "auto: in calls without RFC 4733 telephone-event",
    )
    srtp: Srtp = setting(
        "off",
        "Encrypted sound (SRTP, keys in SDP).",
        "optional: where it is offered; required: a call without it is refused",
    )
