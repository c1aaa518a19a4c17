"""Ports on loopback: free ones, and each test process's own part of a range (pytest-xdist runs several)."""

from __future__ import annotations

import os
import socket


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port nobody has just now; UDP's, or TCP's for SOCK_STREAM."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def share(ports: range) -> range:
    """What of `ports` this test process alone uses, so that late sound of one call meets no other's.

    pytest-xdist tells each process its name (gw0, gw1 …) and how many there are.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    each = len(ports) // count
    return ports[number * each : (number + 1) * each]
