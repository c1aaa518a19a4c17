"""One pjsua2 endpoint on one thread: library, SIP transport, account, codecs.

The rules that keep pjsua2 alive in Python, each measured:
1. One thread does everything from `libCreate` to `libDestroy`; nothing is created before a fork.
2. RTP has a C thread of its own: read by this one, a call costs twice the CPU. A DTMF event then waits
   for the next `handle`, so who expects keys must not wait long in it.
3. There is no sound device; the null device is the media clock, and runs only while a call is up.
4. Every callback catches everything: an exception that escapes would be kept alive with its call.
"""

from __future__ import annotations

import ctypes
import logging
import os
import struct
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import pjsua2 as pj

from gateway.worker.settings import WorkerSettings

log = logging.getLogger(__name__)

CODECS = (("PCMA/8000", 255), ("PCMU/8000", 254), ("G722/16000", 253))
SAMPLE_RATE_HZ = 8000
LONGEST_WAIT_MS = 500
SRTP = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "required": pj.PJMEDIA_SRTP_MANDATORY,
}
"""How pjmedia calls whether sound is encrypted."""
_F = TypeVar("_F", bound=Callable[..., None])


def at_the_edge(callback: _F) -> _F:
    """A callback that never raises: what goes wrong is logged without the text of the error."""

    @wraps(callback)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:
            log.error(
                "a telephony callback failed",
                extra={
                    "callback": callback.__name__,
                    "error": type(error).__name__,
                    "pii": {"text": str(error)},
                },
            )

    return guarded  # type: ignore[return-value]


def library() -> ctypes.CDLL:
    """pjproject's C functions, for what pjsua2 does not pass on."""
    from pjsua2 import _pjsua2

    return ctypes.CDLL(_pjsua2.__file__)


def silence_path() -> str:
    """A second of silence as a WAV file in memory: no file in any folder, inherited by a fork."""
    fd = os.memfd_create("silence.wav", 0)
    data = bytes(2 * SAMPLE_RATE_HZ)
    os.write(fd, wav_header(len(data)) + data)
    return f"/proc/self/fd/{fd}"


def wav_header(data_bytes: int) -> bytes:
    """The 44 bytes before `data_bytes` of 8 kHz mono 16-bit PCM."""
    rate = SAMPLE_RATE_HZ
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16,
        b"data", data_bytes,
    )  # fmt: skip


class SipEndpoint(pj.Endpoint):  # type: ignore[misc]
    """The library, started; `port` is its UDP port on `address`. `on_rejected(status)`: an INVITE that
    pjsua refused by itself."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tcp: bool = False,
        codecs: tuple[tuple[str, int], ...] = CODECS,
        on_rejected: Callable[[int], None] = lambda status: None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.address = address
        self._on_rejected = on_rejected
        self.choose_account: Callable[[str], int | None] = lambda text: None
        """Id of the account that the text of an INVITE is for; None: as pjsua finds it."""
        self.lib = library()
        self.lib.pj_log_set_level(settings.log_level)
        self.libCreate()
        self.libInit(self._config())
        for codec in self.codecEnum2():
            self.codecSetPriority(codec.codecId, 0)
        for name, priority in codecs:
            self.codecSetPriority(name, priority)
        transport = pj.TransportConfig()
        transport.port = port
        transport.boundAddress = address
        transport.publicAddress = address
        udp = self.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        if tcp:
            self.transportCreate(pj.PJSIP_TRANSPORT_TCP, transport)
        self.libStart()
        self.port = int(self.transportGetInfo(udp).localName.rsplit(":", 1)[1])

    def _config(self) -> pj.EpConfig:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = "Tast1"
        config.uaConfig.maxCalls = 4
        config.logConfig.level = self.settings.log_level
        config.logConfig.consoleLevel = self.settings.log_level
        config.medConfig.clockRate = SAMPLE_RATE_HZ
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        config.medConfig.jbMax = self.settings.jitter_ms
        return config

    @at_the_edge
    def onRejectedIncomingCall(self, prm: pj.OnRejectedIncomingCallParam) -> None:
        self._on_rejected(int(prm.statusCode))

    @at_the_edge
    def onSelectAccount(self, prm: pj.OnSelectAccountParam) -> None:
        chosen = self.choose_account(str(prm.rdata.wholeMsg))
        if chosen is not None:
            prm.accountIndex = chosen

    def account_config(self, user: str = "gw", srtp: str = "off") -> pj.AccountConfig:
        """An account without a registrar, its media and NAT settings (no STUN, no ICE).

        `srtp`: whether sound is encrypted (RFC 4568): off, optional, required. SIP between us and the edge
        never is: the edge has terminated TLS, so pjsua must not ask for it.
        """
        settings = self.settings
        config = pj.AccountConfig()
        config.idUri = f"sip:{user}@{settings.public_host or self.address}"
        config.regConfig.registerOnAdd = False
        config.regConfig.proxyUse = 0
        if settings.edge_port is not None:
            config.sipConfig.proxies.append(f"sip:127.0.0.1:{settings.edge_port};lr")
        if settings.public_host is not None:
            contact = f"<sip:{user}@{settings.public_host}:{settings.public_port};w={self.port}>"
            config.sipConfig.contactForced = contact
        nat = config.natConfig
        nat.iceEnabled = nat.turnEnabled = False
        nat.sipStunUse = nat.mediaStunUse = pj.PJSUA_STUN_USE_DISABLED
        nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = 0
        nat.sipOutboundUse = nat.contactUseSrcPort = nat.udpKaIntervalSec = 0
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        config.callConfig.timerSessExpiresSec = self.settings.session_expires_s
        config.callConfig.timerMinSESec = self.settings.session_min_s
        config.callConfig.prackUse = pj.PJSUA_100REL_OPTIONAL
        config.videoConfig.autoTransmitOutgoing = config.videoConfig.autoShowIncoming = False
        media = config.mediaConfig
        media.srtpUse = SRTP[srtp]
        media.srtpSecureSignaling = 0
        media.lockCodecEnabled = False
        media.transportConfig.boundAddress = settings.rtp_address
        media.transportConfig.publicAddress = settings.rtp_public_address or settings.rtp_address
        media.transportConfig.port = settings.rtp_port_min
        media.transportConfig.portRange = settings.rtp_port_max - settings.rtp_port_min - 1
        media.transportConfig.randomizePort = True
        media.ipv6Use = pj.PJSUA_IPV6_DISABLED  # the PyPI build has none: anything else ends the process
        if settings.rtp_dscp:
            media.transportConfig.qosParams.flags = pj.PJ_QOS_PARAM_HAS_DSCP
            media.transportConfig.qosParams.dscp_val = settings.rtp_dscp
        return config

    def start_clock(self) -> None:
        """Start the media clock: one tick each 20 ms."""
        self.audDevManager().setNullDev()

    def stop_clock(self) -> None:
        """Stop the media clock; nothing is played or recorded any more."""
        self.audDevManager().setNoDev()

    def null_sink(self) -> pj.AudioMedia:
        """A port that swallows what it hears."""
        return self.audDevManager().getPlaybackDevMedia()

    def handle(self, wait_s: float) -> None:
        """Let SIP, RTP and timers happen; returns after the first of them, or after `wait_s` seconds."""
        self.libHandleEvents(max(1, min(LONGEST_WAIT_MS, int(wait_s * 1000 + 0.999))))
