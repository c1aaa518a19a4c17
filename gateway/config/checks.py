"""Mistakes that no single setting has: two that do not fit together, and files that are not there.

Each check yields `(key, why)`; `rules` looks at the settings alone, `places` also at the disk.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config import call_rules
from gateway.config.kinds import EU_EEA, database_url, host_port, is_this_machine, sip_host_port
from gateway.config.secret_files import secret, secrets
from gateway.config.sections import ConfigFile, FlowSection
from gateway.config.source import Fault, Key
from gateway.config.trunk_rules import trunk_rules
from transcription.models.catalogue import BUILT_IN as MODELS
from transcription.models.catalogue import folder_of, why_no_model, words_file

MOST_AGENTS = 3  # legs of a call beside the caller's
AMAZON_REGIONS = {
    **{"eu-central-1": "DE", "eusc-de-east-1": "DE", "eu-west-1": "IE", "eu-west-3": "FR"},
    **{"eu-north-1": "SE", "eu-south-1": "IT", "eu-south-2": "ES", "eu-west-2": "GB", "eu-central-2": "CH"},
}
"""Where Amazon's European regions are (R-51)."""
PORTS_PER_CALL = 8  # caller, agent, consultation and a spare, two ports each
SECRET_BYTES = 16  # of a webhook
SOCKET_PATH_BYTES = 107  # sockaddr_un.sun_path, less its final zero


def rules(file: ConfigFile) -> Iterator[Fault]:
    """What the settings say that cannot be meant."""
    yield from _sip(file)
    yield from trunk_rules(file.sip)
    yield from _flows(file)
    yield from call_rules.ivr(file)
    yield from _storage(file)
    yield from _web(file)
    yield from _wildcards(file)
    yield from _sound(file)


def places(file: ConfigFile) -> Iterator[Fault]:
    """Files and folders the settings name that are not there. Paths are absolute by now."""
    for name in ("tls_certificate", "tls_key", "tls_ca", "tls_client_ca"):
        path = getattr(file.sip, name)
        if file.sip.tls and path and not path.is_file():
            yield ("sip", name), "there is no such file (put it there, or give its path)"
    for name in ("tls_certificate", "tls_key"):
        path = getattr(file.web, name)
        if path and not path.is_file():
            yield ("web", name), "there is no such file (put it there, or give its path)"
    ca = file.web.oidc and file.web.oidc.ca_file
    if ca and not ca.is_file():
        yield ("web", "oidc", "ca_file"), "there is no such file (put it there, or give its path)"
    for key, path in _key_files(file):
        if not path.is_file():
            yield key, "there is no such file (put it there, or give its path)"
    yield from _tls(file)
    if not _can_hold(file.storage.folder):
        yield ("storage", "folder"), "cannot be written to (make it, or give it to the user Tast1 runs as)"
    if not _can_hold(file.storage.memory_folder):
        yield ("storage", "memory_folder"), "cannot be written to (name a folder on tmpfs that can)"
    for key, value in secrets(file):
        try:
            found = secret(value)
            if key == ("storage", "database"):
                database_url(found)
            if key[:2] == ("web", "webhooks") and len(found.encode()) < SECRET_BYTES:
                yield key, f"names a secret that is too short (write {SECRET_BYTES} bytes or more into it)"
        except ValueError as error:  # NoSecret is one
            yield key, str(error)
    yield from call_rules.prompts(file)
    yield from _model(file)


def is_private(url: str) -> bool:
    """Whether what is sent to a transcriber or collector stays on this machine, or is encrypted."""
    parts = urlsplit(url)
    return parts.scheme in ("wss", "https") or is_this_machine(parts.hostname or "")


def _tls(file: ConfigFile) -> Iterator[Fault]:
    """TLS files that are there and cannot be used."""
    sip, web = file.sip, file.web
    if sip.tls:
        yield from _pair("sip", sip.tls_certificate, sip.tls_key)
    yield from _pair("web", web.tls_certificate, web.tls_key)
    for name in ("tls_ca", "tls_client_ca"):
        path = getattr(sip, name)
        if sip.tls and path and path.is_file():
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
            except (OSError, ValueError):  # ssl.SSLError is an OSError
                yield ("sip", name), "holds no certificate in PEM form (give the authorities' certificates)"


def _pair(section: str, certificate: Path | None, key: Path | None) -> Iterator[Fault]:
    if certificate and key and certificate.is_file() and key.is_file():
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError):
            yield (
                (section, "tls_key"),
                f"is not the key of {section}.tls_certificate, or one of them is no PEM file that can be read"
                " (give the key that the certificate was made for, without a passphrase)",
            )


def _no_password() -> str:
    """So that nobody is asked for one on the terminal."""
    return ""


def _model(file: ConfigFile) -> Iterator[Fault]:
    model = file.transcription.model
    if model is None:
        return
    if model not in MODELS and "/" not in model:
        yield (
            ("transcription", "model"),
            f"does not come with Tast1 (there is {', '.join(MODELS)}; for a folder write a path with a /)",
        )
    elif why := why_no_model(folder_of(model)):
        yield ("transcription", "model"), why
    else:
        yield from _phrases(file, folder_of(model))


def _phrases(file: ConfigFile, model: Path) -> Iterator[Fault]:
    """Phrases that can never be heard, as the model has no such word."""
    words = words_file(model)
    if words is None or not file.transcription.phrases:
        return
    with words.open(encoding="utf-8", errors="replace") as lines:
        known = {line.split(" ")[0] for line in lines}
    for index, phrase in enumerate(file.transcription.phrases):
        unknown = [str(at) for at, word in enumerate(phrase.split(), 1) if word not in known]
        if unknown:
            yield (
                ("transcription", "phrases", index),
                f"the model does not know word {', '.join(unknown)} of it (write words that stand in {words},"
                " in small letters; or take the phrase out)",
            )


def _sound(file: ConfigFile) -> Iterator[Fault]:
    for name in ("rtp_address", "rtp_public_address"):
        address = getattr(file.sip, name) or ""
        if ":" in address and not _is_every(address):
            yield (
                ("sip", name),
                "is an IPv6 address, and sound goes over IPv4 only (give an IPv4 address of this machine)",
            )


def _wildcards(file: ConfigFile) -> Iterator[Fault]:
    """Addresses that mean every address of the machine, where one is told to others."""
    sip = file.sip
    if any(one and _is_wildcard(one) for one in (sip.udp, sip.tcp, sip.tls)) and (
        not sip.public_host or _is_every(sip.public_host)
    ):
        yield (
            ("sip", "public_host"),
            "is needed where SIP listens on every address (give the name or address that others reach this"
            " machine by, such as 192.0.2.10)",
        )
    if _is_every(sip.rtp_address):
        yield (
            ("sip", "rtp_address"),
            "is every address, and callers are told one (give the address that their sound reaches, such as"
            " 192.0.2.10)",
        )
    if file.transcription.model and _is_wildcard(file.transcription.listen):
        yield (
            ("transcription", "listen"),
            "is every address, and the gateway runs this transcriber for itself: anybody could send it sound"
            " (write 127.0.0.1:PORT; for other machines start one with `tast1 transcriber`)",
        )


def _is_wildcard(listener: str) -> bool:
    return _is_every(host_port(listener)[0])


def _is_every(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def _web(file: ConfigFile) -> Iterator[Fault]:
    pair = {"tls_certificate": file.web.tls_certificate, "tls_key": file.web.tls_key}
    if any(pair.values()) and not all(pair.values()):
        missing = next(name for name, path in pair.items() if path is None)
        yield ("web", missing), "is needed for HTTPS (give the path of a PEM file)"
    oidc, public = file.web.oidc, file.web.public_url
    if oidc and public and oidc.redirect_base != public:
        yield (
            ("web", "oidc", "redirect_base"),
            "is another address than web.public_url, and a sign-in begun at one is not known at the other"
            " (write the same)",
        )
    urls: set[str] = set()
    for index, hook in enumerate(file.web.webhooks):
        if hook.url in urls:
            yield ("web", "webhooks", index, "url"), "another webhook has that address (name it once)"
        urls.add(hook.url)


def _sip(file: ConfigFile) -> Iterator[Fault]:
    sip = file.sip
    if not (sip.udp or sip.tcp or sip.tls):
        yield ("sip", "udp"), "nothing listens for calls (set udp, tcp or tls)"
    for name in ("tls_certificate", "tls_key"):
        if sip.tls and getattr(sip, name) is None:
            yield ("sip", name), "is needed for sip.tls (give the path of a PEM file)"
    if not ipaddress.ip_address(host_port(sip.worker_side)[0]).is_loopback:
        yield ("sip", "worker_side"), "is no loopback address, and workers trust it (write 127.0.0.1:PORT)"
    if sip.udp == sip.worker_side and host_port(sip.udp)[1]:
        yield ("sip", "worker_side"), "sip.udp listens there already (choose another port)"
    taken: dict[tuple[str, int], str] = {}
    listeners = [("sip.tcp", sip.tcp), ("sip.tls", sip.tls), ("web.listen", file.web.listen)]
    listeners.append(("web.metrics", file.web.metrics))
    if file.transcription.model:
        listeners.append(("transcription.listen", file.transcription.listen))
    for name, listener in listeners:
        if listener and host_port(listener)[1]:
            other = taken.setdefault(host_port(listener), name)
            if other != name:
                yield tuple(name.split(".")), f"{other} listens there already (choose another port)"
    ports = sip.rtp_port_max - sip.rtp_port_min + 1
    if ports < sip.workers * PORTS_PER_CALL:
        yield (
            ("sip", "rtp_port_max"),
            f"{sip.workers} workers need {sip.workers * PORTS_PER_CALL} ports from rtp_port_min on, there are"
            f" {max(ports, 0)} (set it to {sip.rtp_port_min + sip.workers * PORTS_PER_CALL - 1} or more)",
        )
    if sip.session_min_s > sip.session_expires_s:
        yield ("sip", "session_min_s"), "is more than session_expires_s (set it lower)"


def _flows(file: ConfigFile) -> Iterator[Fault]:
    for (first, one), (second, other) in itertools.combinations(file.flows.items(), 2):
        if not one.numbers and not other.numbers:
            yield ("flows", second, "numbers"), f"is empty as in flow {first} (only one may take the rest)"
        for number in other.numbers:
            if number in one.numbers:
                index = other.numbers.index(number)
                yield (
                    ("flows", second, "numbers", index),
                    f"flow {first} has that number (take it out of one)",
                )
    ours = _own_addresses(file)
    for name, flow in file.flows.items():
        for key, uri in _called(flow):
            if sip_host_port(uri) in ours:
                yield (
                    ("flows", name, *key),
                    "is Tast1 itself: calls would go round (name the agents' address)",
                )
        if flow.connect is None:
            for useless in ("also", "fallback", "transfer"):
                if getattr(flow, useless):
                    yield ("flows", name, useless), "is of no use without agents (name them in connect)"
        if flow.ringing == "parallel" and len(flow.also) >= MOST_AGENTS:
            yield (
                ("flows", name, "also"),
                f"makes more than {MOST_AGENTS} agents with connect, and a call has no more legs"
                " (ring them one after the other, or name a queue)",
            )


def _called(flow: FlowSection) -> Iterator[tuple[Key, str]]:
    """Every address that a flow may call."""
    if flow.connect:
        yield ("connect",), flow.connect
    if flow.fallback:
        yield ("fallback",), flow.fallback
    for index, agent in enumerate(flow.also):
        yield ("also", index, "uri"), agent.uri
    for index, target in enumerate(flow.transfer):
        yield ("transfer", index, "to"), target.to.replace("*", "0")


def _own_addresses(file: ConfigFile) -> set[tuple[str, int]]:
    """Where calls reach us, as far as the settings say."""
    ours = {host_port(one) for one in (file.sip.udp, file.sip.tcp, file.sip.tls) if one}
    public = file.sip.public_host
    return ours | ({(public.lower(), port) for _, port in ours} if public else set())


def _storage(file: ConfigFile) -> Iterator[Fault]:
    storage = file.storage
    if file.policy.location.storage == "EU_EEA_only":
        for index, country in enumerate(storage.allowed_regions):
            if country not in EU_EEA:
                yield (
                    ("storage", "allowed_regions", index),
                    "is outside the EU and EEA, and policy.location.storage is EU_EEA_only (take it out)",
                )
    yield from _keys(file)
    if storage.region not in storage.allowed_regions:
        yield ("storage", "region"), "is not one of storage.allowed_regions (store elsewhere, or allow it)"
    bucket = storage.bucket
    if (bucket.access_key is None) != (bucket.secret_key is None):
        missing = "secret_key" if bucket.secret_key is None else "access_key"
        yield ("storage", "bucket", missing), "is needed beside the other of the two (give file:PATH of it)"
    country = AMAZON_REGIONS.get(bucket.region, "")
    if storage.media != "folder" and bucket.endpoint is None and country not in storage.allowed_regions:
        yield (
            ("storage", "bucket", "region"),
            "is no region of Amazon S3 in storage.allowed_regions (choose one there, or give endpoint)",
        )
    key: Key = ("control", "socket") if file.control.socket else ("storage", "folder")
    path = file.control.socket or storage.folder / "control.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        yield key, f"gives sockets a path of more than {SOCKET_PATH_BYTES} bytes (choose a shorter one)"


def _keys(file: ConfigFile) -> Iterator[Fault]:
    """Keys that are named in two places, or in none."""
    key, at = file.storage.key, ("storage", "key")
    if key.command and key.pkcs11:
        yield (*at, "command"), "storage.key.pkcs11 names the key already (take one out)"
    if file.storage.key_file and (key.command or key.pkcs11):
        name = "command" if key.command else "pkcs11"
        yield (
            ("storage", "key_file"),
            f"storage.key.{name} names the key already (take one out; one before goes under others)",
        )
    for index, other in enumerate(key.others):
        named = [name for name in type(other).model_fields if getattr(other, name)]
        if len(named) != 1:
            yield (
                (*at, "others", index),
                f"names {len(named) or 'no'} keys (give one of key_file, command, pkcs11 and private_key)",
            )


def _key_files(file: ConfigFile) -> Iterator[tuple[Key, Path]]:
    """The files of keys that must be there; the one that is made on the first run is not among them."""
    section, at = file.storage.key, ("storage", "key")
    for name in ("public_key", "private_key"):
        if path := getattr(section, name):
            yield (*at, name), path
    if section.pkcs11:
        yield (*at, "pkcs11", "module"), section.pkcs11.module
    for index, other in enumerate(section.others):
        for name in ("key_file", "private_key"):
            if path := getattr(other, name):
                yield (*at, "others", index, name), path
        if other.pkcs11:
            yield (*at, "others", index, "pkcs11", "module"), other.pkcs11.module


def _can_hold(folder: Path) -> bool:
    """Whether the folder can be written to, or made."""
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
