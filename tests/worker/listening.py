"""`python -m tests.worker.listening FILE`: the caller is listened to three times, in a process of its own.

A player of FILE stands for the caller. Printed is a line of JSON for each time: the keys heard, and how many
ports the bridge has before, meanwhile and after; then "ended", when the library let go of everything.
"""

from __future__ import annotations

import json
import os
import sys
import time

import pjsua2 as pj

from gateway.worker.ears import Hearing
from gateway.worker.endpoint import SipEndpoint
from gateway.worker.settings import WorkerSettings

LISTEN_S, SETTLE_S = 0.6, 0.1


def main(path: str) -> None:
    """Listen, leave, listen again."""
    endpoint = SipEndpoint(WorkerSettings())
    endpoint.start_clock()
    caller = pj.AudioMediaPlayer()
    caller.createPlayer(path)  # from its beginning again when it has ended
    hearing = Hearing(endpoint.lib)
    for _ in range(3):
        before = _ports(endpoint)
        hearing.start()
        media = hearing.media
        assert media is not None
        caller.startTransmit(media)
        _pass(endpoint, LISTEN_S)
        meanwhile = _ports(endpoint)
        keys = "".join(tone.digit for tone in hearing.take())
        hearing.stop(time.monotonic())
        caller.stopTransmit(media)
        hearing.leave()
        _pass(endpoint, SETTLE_S)
        print(json.dumps({"keys": keys, "ports": [before, meanwhile, _ports(endpoint)]}), flush=True)
    endpoint.stop_clock()
    del caller
    endpoint.libDestroy()
    print("ended", flush=True)
    os._exit(0)


def _ports(endpoint: SipEndpoint) -> int:
    return int(endpoint.lib.pjsua_conf_get_active_ports())


def _pass(endpoint: SipEndpoint, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        endpoint.handle(0.02)


if __name__ == "__main__":
    main(sys.argv[1])
