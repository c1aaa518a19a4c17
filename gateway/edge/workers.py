"""What the edge asks of the pool of workers."""

from __future__ import annotations

from typing import Protocol


class Workers(Protocol):
    """Who has which call. All three answer at once and never wait.

    `branch` is the branch parameter of the edge's own Via: the topmost Via of the INVITE as a worker
    receives it, and what a worker's heartbeat repeats together with Call-ID and From tag. Text is
    decoded as UTF-8 with surrogateescape.
    """

    def take(self, sip_call_id: str, from_tag: str, branch: str) -> int | None:
        """UDP port on 127.0.0.1 of a free worker, reserved for this INVITE from now on; None: none is
        free (the caller is told 503 with Retry-After)."""

    def find(self, sip_call_id: str, from_tag: str, branch: str) -> int | None:
        """Port of the worker that already has this unanswered INVITE, as heartbeats tell; None: nobody."""

    def is_worker(self, port: int) -> bool:
        """Whether a worker, busy or free, has this UDP port on 127.0.0.1."""
