"""What a worker must know before its call arrives. Plain data, written as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerSettings:
    """One set for all workers of a pool."""

    edge_port: int | None = None
    """UDP port on 127.0.0.1 of the edge's worker side; None: no proxy, SIP goes straight to its target."""
    public_host: str | None = None
    """Host of the Contact shown to peers; None: the worker's own loopback address."""
    public_port: int = 5060
    """Port of that Contact."""
    rtp_address: str = "127.0.0.1"
    """Address that RTP sockets are bound to."""
    rtp_public_address: str = ""
    """Address offered in SDP when it is not the bound one ("": it is)."""
    rtp_port_min: int = 20000
    """First UDP port for RTP and RTCP."""
    rtp_port_max: int = 29999
    """Last UDP port for RTP and RTCP."""
    rtp_dscp: int = 0
    """DSCP (RFC 2474) of RTP and RTCP packets, 0 to 63."""
    rtp_timeout_s: float = 60.0
    """Seconds without RTP from the caller, hold apart, after which a call is ended; 0: never."""
    symmetric_rtp: bool = True
    """Whether sound may come from another address than SDP says: the first one found is kept (RFC 4961)."""
    agent_srtp: str = "off"
    """Encrypted sound (SRTP, RFC 4568) with agents: off, optional, required."""
    session_expires_s: int = 1800
    """Session timer (RFC 4028), seconds: a dialog that is not refreshed ends."""
    session_min_s: int = 90
    """Shortest session timer accepted (Min-SE), seconds."""
    jitter_ms: int = 200
    """Most that the jitter buffer holds back, milliseconds."""
    rejoin_path: str | None = None
    """Unix socket at which a worker reports when its gateway died; None: it does not."""
    problem_wav: str = ""
    """What a caller hears who waits for nobody because the gateway died ("": nothing, then goodbye)."""
    calls_before_exit: int = 1
    """Calls a process serves. One call per process is all there is: a fault or a leftover ends with it."""
    linger_s: float = 4.0
    """Seconds a worker goes on answering repeated SIP messages of a call that has ended."""
    log_level: int = 0
    """pjsip's own log on standard error: 0 none, 5 with every SIP message. Holds personal data."""

    def __post_init__(self) -> None:
        if self.calls_before_exit != 1:
            raise ValueError(
                "calls_before_exit must be 1: the PyPI build of pjsua2 serves one call a process"
            )
        if self.rtp_port_max - self.rtp_port_min < 7:
            raise ValueError(
                "rtp_port_max must be at least rtp_port_min + 7: a call needs four pairs of ports"
            )

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorkerSettings:
        """The settings in `to_json`'s text; `TypeError` or `ValueError` when it is none."""
        return cls(**json.loads(text))
