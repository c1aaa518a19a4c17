"""Ports on loopback: free ones, and each test process's own part of a range (pytest-xdist runs several)."""

from __future__ import annotations

import contextlib
import os
import random
import socket


def share(ports: range) -> range:
    """What of `ports` this test process alone uses, so that late sound of one call meets no other's.

    pytest-xdist tells each process its name (gw0, gw1 …) and how many there are.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    each = len(ports) // count
    return ports[number * each : (number + 1) * each]


# Below what the system hands out by itself: a connection of somebody's could otherwise be given the port
# between here and its use. Above 6697 there is none up to 10080 that a browser refuses.
_LISTENERS = list(share(range(7000, 10000)))
random.shuffle(_LISTENERS)


def free_port() -> int:
    """A port nobody has just now, of UDP or of TCP, and the longest not given out by this process."""
    for _ in range(len(_LISTENERS)):
        _LISTENERS.append(port := _LISTENERS.pop(0))
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                probes.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
            return port
    raise OSError("no port on 127.0.0.1 is free")
