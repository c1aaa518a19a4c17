"""What an operator may tune at the front door. Plain data; every default is the safe one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credentials:
    """Who somebody is, and the password that proves it. An empty password proves nothing."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class RegisterSettings:
    """An account with a provider, at which we are to be found."""

    user: str
    """User of the address of record, `sip:USER@DOMAIN`, and of our Contact."""
    password: str = field(repr=False)
    """Empty: the provider must ask for none."""
    auth_user: str = ""
    """User name of the digest; empty: `user`."""
    domain: str = ""
    """Domain of the address of record; empty: the host of the first server."""
    expires_s: int = 600
    """Seconds of a binding that are asked for; the provider may grant others."""


@dataclass(frozen=True)
class TrunkSettings:
    """A peer that may send calls: shown by its network, its certificate, its password, or several of them."""

    name: str = "trunk"
    """Name in logs and metrics."""
    networks: tuple[str, ...] = ()
    """Source networks its requests come from, such as `192.0.2.0/24` (CIDR; IPv4 or IPv6)."""
    srtp: str = "off"
    """Encrypted sound: off, optional, required. A worker is told with each INVITE."""
    servers: tuple[str, ...] = ()
    """SIP URIs of its registrars or proxies, the first before the second. Calls may come from them, too."""
    outbound_proxy: str | None = None
    """SIP URI of the proxy through which they are reached."""
    register: RegisterSettings | None = None
    """The account to register with; None: it knows where we are."""
    health_s: float = 30.0
    """Seconds between OPTIONS to each server; 0: they are not asked."""
    answer_s: float = 8.0
    """Seconds in which a server must have answered; RFC 3261 would allow it 32."""
    digest: Credentials | None = None
    """What it must prove itself with when it calls (RFC 3261 §22); None: it is not asked."""
    certificates: tuple[str, ...] = ()
    """Names of which its client certificate must have one (RFC 5922 §7.1); empty: it needs none."""
    trusted: bool = False
    """Whether its P-Asserted-Identity is believed (RFC 3325)."""
    country: str | None = None
    """Country in whose way it writes national numbers (ISO 3166); None: numbers stay as they are."""
    prefixes: tuple[tuple[str, str], ...] = ()
    """Beginnings of its numbers and what stands in their place before they are read."""
    nat: str = "auto"
    """Whether requests within its calls go where its INVITE came from, whatever its Contact says, over UDP:
    on, off, auto (when the Contact is a private address and the INVITE did not come from one)."""


@dataclass(frozen=True)
class LimitSettings:
    """What is refused before anything else looks at it."""

    message_bytes: int = 16384
    """Longest SIP message, bytes."""
    headers: int = 100
    """Most header fields of a message."""
    line_bytes: int = 2048
    """Longest header field (folds included) or line of a body, bytes."""
    sdp_lines: int = 200
    """Most lines of a body."""
    crypto_lines: int = 8
    """Most `a=crypto` lines of a body; more than 64 overflow an array in a worker's SIP stack."""
    invites_per_s: float = 10.0
    """New calls from one source address, per second."""
    invite_burst: int = 30
    """New calls at once from one source address."""
    messages_per_s: float = 1000.0
    """Messages of any kind from one source address, per second; more are dropped in silence."""
    message_burst: int = 2000
    """Messages of any kind at once from one source address."""
    connections: int = 512
    """TCP and TLS connections open at once, in all."""
    connections_per_source: int = 64
    """TCP and TLS connections open at once from one source address."""
    unknown_connections: int = 32
    """TCP and TLS connections open at once from networks of no trunk (agents' phones), in all."""
    message_s: float = 10.0
    """Seconds within which a message that has begun on a connection must be complete."""
    idle_s: float = 3600.0
    """Seconds after which a silent connection is closed."""
    unsent_bytes: int = 262144
    """Bytes that may wait for a peer that does not read; then its connection is cut."""


@dataclass(frozen=True)
class EdgeSettings:
    """One front door. Listeners are `ADDRESS:PORT` (`[::]:5060` for IPv6), None: no such listener."""

    udp: str | None = "0.0.0.0:5060"
    """SIP over UDP."""
    tcp: str | None = None
    """SIP over TCP."""
    tls: str | None = None
    """SIP over TLS 1.2 or later; needs `tls_certificate` and `tls_key`."""
    tls_certificate: str | None = None
    """Path of a PEM file with the certificate chain."""
    tls_key: str | None = None
    """Path of a PEM file with the certificate's private key."""
    tls_ca: str | None = None
    """Path of a PEM file with the authorities that vouch for TLS peers we call; None: the system's."""
    tls_client_ca: str | None = None
    """Path of a PEM file with the authorities that vouch for TLS peers that call; None: nobody is asked."""
    public_host: str | None = None
    """Name or address by which others reach us (Via, Record-Route); None: the address listened on."""
    worker_side: str = "127.0.0.1:5059"
    """Loopback `ADDRESS:PORT` for workers (UDP). Calls survive a restart only if it stays the same."""
    trunks: tuple[TrunkSettings, ...] = (TrunkSettings("loopback", ("127.0.0.0/8", "::1/128")),)
    """Who may send calls."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    """What is refused."""
    allow_unknown: bool = False
    """Whether networks of no trunk may send calls too."""
    answer_unknown: bool = False
    """Whether a refused network is told so (403); otherwise it hears nothing."""
    retry_after_s: int = 5
    """Seconds a caller is asked to wait (Retry-After) when no worker is free or while draining."""
    settle_s: float = 1.0
    """Seconds after a start in which an unknown INVITE (over UDP) or CANCEL is left to be repeated, so that
    workers' heartbeats can first say whose it is."""
    dscp: int = 0
    """DSCP (RFC 2474) of what is sent to peers, 0 to 63."""
    resolve_s: float = 60.0
    """Seconds a looked-up host address is used again."""
    key: bytes = field(default=b"", repr=False)
    """Secret behind branches and routes, 16 to 32 bytes, kept across restarts; empty: drawn at start,
    and then no call outlives a restart of the gateway."""


LIVE = (
    *("trunks", "limits", "allow_unknown", "answer_unknown", "retry_after_s"),
    *("tls_certificate", "tls_key", "tls_ca"),
)
"""What an edge that runs can be given anew (`Edge.use`)."""
