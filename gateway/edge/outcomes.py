"""What becomes of a message: the router's decisions, for the edge to carry out. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from gateway.edge.flows import Flow
from gateway.edge.lexer import Message


@dataclass(frozen=True)
class ToWorker:
    """Send to a worker's UDP port on 127.0.0.1."""

    port: int
    data: bytes


@dataclass(frozen=True)
class ToFlow:
    """Send back where a request came from; a lost connection is opened again to `otherwise` (a port)."""

    flow: Flow
    data: bytes
    otherwise: int = 0


@dataclass(frozen=True)
class ToPlace:
    """Send a worker's request to a host (to be looked up) and port, over `flow` if that is still open.

    `if_failed` goes back to the worker when it cannot be sent; empty: nothing does.
    """

    transport: str
    host: str
    port: int
    data: bytes
    worker: int
    if_failed: bytes = b""
    flow: Flow | None = None


@dataclass(frozen=True)
class Dropped:
    """Nothing is sent. `reason`: a fixed word."""

    reason: str


@dataclass(frozen=True)
class Ours:
    """An answer to a request of the edge's own (REGISTER, OPTIONS)."""

    response: Message


Outcome = Union[ToWorker, ToFlow, ToPlace, Dropped, Ours]
