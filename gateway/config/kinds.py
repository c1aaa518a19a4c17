"""The kinds of value a setting can have: addresses, SIP URIs, networks, periods, folders.

A validator's `ValueError` reads "why (what to do)"; the loader puts line, key and value before it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.config.effects import SCHEMA_KEY
from gateway.config.secret_files import is_file

EU_EEA = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
    *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
)
"""ISO 3166 codes of the EU and EEA countries (R-51)."""

_SIP_URI = re.compile(r"sip:(?:[^@\s<>:]+@)?(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?(?:;[^\s<>]+)?")
# Goes into a Content-Security-Policy: no quotes, no spaces, no semicolons.
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?")
_PERIOD = re.compile(r"P(?=\d)(?:(\d{1,2})Y)?(?:(\d{1,3})M)?(?:(\d{1,4})D)?")


class Section(BaseModel):
    """Settings that belong together. A key that no setting has is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def setting(
    default: Any,
    description: str,
    because: str = "",
    *,
    form: str = "",
    effect: str = "",
    secret: bool = False,
    **limits: Any,
) -> Any:
    """A setting: default, meaning and limits; `because` is the reason of the limits.

    `form`: what a text must look like, with an example, for who wrote another.
    `effect`: when a change takes effect (`gateway.config.effects`); "": as the section says that holds it.
    `secret`: it may be written `file:PATH` (`gateway.config.secret_files`).
    """
    extra: dict[str, Any] = {"because": because, "form": form, SCHEMA_KEY: effect, "x-secret": secret}
    return Field(
        default,
        description=description,
        json_schema_extra={name: value for name, value in extra.items() if value} or None,
        **limits,
    )


class Repeats(ValueError):
    """A value is wrong, and the message repeats some of it; `bare` is the message without."""

    def __init__(self, why: str, bare: str) -> None:
        super().__init__(why)
        self.bare = bare


def to_dataclass(kind: Any, section: Section) -> Any:
    """`kind`, a dataclass, filled field by field from the settings of the same names."""
    hints = typing.get_type_hints(kind)
    values = {}
    for field in dataclasses.fields(kind):
        value = getattr(section, field.name)
        values[field.name] = to_dataclass(hints[field.name], value) if isinstance(value, Section) else value
    return kind(**values)


def host_port(where: str) -> tuple[str, int]:
    """`("127.0.0.1", 5060)` of `"127.0.0.1:5060"`; brackets of an IPv6 address are taken off."""
    host, _, port = where.rpartition(":")
    return host.strip("[]"), int(port)


def sip_host_port(uri: str) -> tuple[str, int]:
    """`("agents.example", 5060)` of a SIP URI, the port the usual one when it names none."""
    match = _SIP_URI.fullmatch(uri)
    if match is None:
        raise ValueError("is no SIP URI (write sip:USER@HOST or sip:USER@HOST:PORT)")
    return match[1].strip("[]").lower(), int(match[2] or 5060)


def sip_transport(uri: str) -> str:
    """udp, tcp or tls, as a SIP URI says; udp when it says nothing."""
    found = re.search(r";transport=(tcp|tls)(?:;|$)", uri, re.IGNORECASE)
    return found[1].lower() if found else "udp"


def period_months_days(period: str) -> tuple[int, int]:
    """`(months, days)` of an ISO 8601 period of years, months and days; `ValueError` for any other."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise ValueError("is no ISO 8601 period of years, months or days (write P1Y, P13M or P30D)")
    years, months, days = (int(part or 0) for part in match.groups())
    return years * 12 + months, days


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number (yes, no, on, off, true, false are not numbers)")
    return value


def listener(value: str) -> str:
    """The same `ADDRESS:PORT`; `ValueError` when nothing could listen there."""
    host, colon, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError("is no address to listen on (write ADDRESS:PORT such as 127.0.0.1:5060)") from None
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError("has no port from 0 to 65535 (write ADDRESS:PORT such as 127.0.0.1:5060)")
    return value


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("is no IP address (write one such as 192.0.2.10)") from None
    return value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("is no network (write one such as 192.0.2.0/24, host bits zero)") from None
    return value


def _sip_uri(value: str) -> str:
    if sip_host_port(value)[1] > 65535:
        raise ValueError("has a port above 65535 (write sip:USER@HOST:PORT)")
    return value


def _transfer_pattern(value: str) -> str:
    user, at, place = value.removeprefix("sip:").partition("@")
    if not at or not re.fullmatch(r"[0-9A-Za-z+#*._-]{1,64}", user):
        raise ValueError(
            "names nobody to call (write sip:USER@HOST, and * in USER for any letters and digits)"
        )
    _sip_uri(f"sip:any@{place}" if value.startswith("sip:") else value)
    return value


def _period(value: str) -> str:
    if sum(period_months_days(value)) < 1:
        raise ValueError("is no time at all (write P1D or more)")
    return value


def _country(value: str) -> str:
    if not re.fullmatch("[A-Z]{2}", value):
        raise ValueError("is no country code (write two capital letters, such as DK)")
    return value


def _web_socket_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.username or parts.password:
        raise ValueError("is no address of a transcriber (write ws://HOST:PORT or wss://HOST:PORT)")
    return value


def database_url(value: str) -> str:
    """The same SQLAlchemy URL; `ValueError`, which repeats nothing of it, for any other text."""
    if not re.match(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?://", value):
        raise ValueError(
            "is no database URL (write postgresql://USER:PASSWORD@HOST/NAME, or file:PATH of a file that"
            " holds one)"
        )
    return value


def _database(value: str) -> str:
    return value if is_file(value) else database_url(value)


def _media(value: str) -> str:
    if value != "folder" and not _BUCKET.fullmatch(value):
        raise ValueError("is neither folder nor a bucket (write s3://BUCKET or s3://BUCKET/PREFIX)")
    return value


def _secret_file(value: str) -> str:
    if not is_file(value):
        raise ValueError("must not stand in the settings (write file:PATH of a file that holds it)")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if not is_http_url(value) or parts.fragment:
        raise ValueError("is no address (write https://HOST/PATH; http:// only for this machine)")
    return value


def _collector_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError("is no address of a collector (write http://HOST:PORT or https://HOST:PORT)")
    return value


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if not is_http_url(value) or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("is no address of a host (write https://HOST or https://HOST:PORT, without a path)")
    return value.rstrip("/")


def is_http_url(value: str) -> bool:
    """Whether it is an https:// URL without a password in it; http:// is enough on this machine."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or re.search(r"[\s\x00-\x1f]", value):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError("is no origin of a web site (write https://HOST or https://HOST:PORT, no path)")
    return value


def _path(value: Path) -> Path:
    if "\0" in str(value):
        raise ValueError("is no path (write one without control characters)")
    return value


def once(values: Iterable[str]) -> tuple[str, ...]:
    """The same; `ValueError` when one stands twice."""
    values = tuple(values)
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise Repeats(f"names {', '.join(twice)} twice (take one out)", "names one twice (take one out)")
    return values


def _on_off(value: Any) -> Any:
    """YAML 1.1 reads on and off as true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


Whole = Annotated[int, BeforeValidator(_no_bool)]
Seconds = Annotated[float, BeforeValidator(_no_bool)]
Port = Annotated[Whole, Field(ge=1, le=65535)]
Listener = Annotated[str, AfterValidator(listener)]
Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
WebSocketUrl = Annotated[str, AfterValidator(_web_socket_url)]
Media = Annotated[str, AfterValidator(_media)]
SecretFile = Annotated[str, AfterValidator(_secret_file)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
CollectorUrl = Annotated[str, AfterValidator(_collector_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
SipUri = Annotated[str, AfterValidator(_sip_uri)]
TransferPattern = Annotated[str, AfterValidator(_transfer_pattern)]
Origin = Annotated[str, AfterValidator(_origin)]
Period = Annotated[str, AfterValidator(_period)]
Country = Annotated[str, AfterValidator(_country)]
FilePath = Annotated[Path, AfterValidator(_path)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Srtp = Annotated[Literal["off", "optional", "required"], BeforeValidator(_on_off)]
OffOnAuto = Annotated[Literal["off", "on", "auto"], BeforeValidator(_on_off)]
Names = Annotated[tuple[str, ...], AfterValidator(once)]
