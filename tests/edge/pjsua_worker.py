"""A worker's SIP stack alone: prints its port, refuses each call with 486, ends at the end of its input."""

from __future__ import annotations

import os
import select
import sys

import pjsua2 as pj


class Account(pj.Account):
    """Refuses calls, and keeps what it refused."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[pj.Call] = []

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        call = pj.Call(self, prm.callId)
        self.calls.append(call)
        answer = pj.CallOpParam()
        answer.statusCode = 486
        call.answer(answer)


def main() -> None:
    """Run until standard input ends."""
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = config.logConfig.consoleLevel = 0
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.boundAddress = transport.publicAddress = "127.0.0.1"
    number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    settings = pj.AccountConfig()
    settings.idUri = "sip:gw@127.0.0.1"
    settings.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_OPTIONAL
    settings.mediaConfig.srtpSecureSignaling = 0
    account = Account()
    account.create(settings)
    print(f"port {endpoint.transportGetInfo(number).localName.rpartition(':')[2]}", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        endpoint.libHandleEvents(20)
    os._exit(0)


if __name__ == "__main__":
    main()
