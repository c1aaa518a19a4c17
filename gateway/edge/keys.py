"""What the edge signs, so that it need not remember: branches, routes to a worker, To tags. Pure.

All are keyed BLAKE2s hashes. Who does not know the key can neither send a response through, nor reach a
worker by a route the edge did not hand out for that Call-ID. The key must survive a restart of the gateway.
"""

from __future__ import annotations

import hashlib
import hmac

from gateway.edge.fields import Via

COOKIE = b"z9hG4bK"  # RFC 3261 §8.1.1.7


class Keys:
    """The secret and what is derived from it. `secret`: 16 to 32 bytes, otherwise `ValueError`."""

    def __init__(self, secret: bytes) -> None:
        if not 16 <= len(secret) <= 32:
            raise ValueError("the key of the SIP edge must have 16 to 32 bytes: make one with os.urandom(32)")
        self._secret = secret

    @property
    def secret(self) -> bytes:
        """What others derive their own hashes from; never shown."""
        return self._secret

    def branch(self, side: bytes, via: Via, call_id: bytes, cseq: int) -> bytes:
        """Branch of our Via above `via`: the same for an INVITE, its retransmissions, its CANCEL and its ACK.

        RFC 3261 §16.11. Only what a response gives back unchanged goes in: sent-by and branch, not `received`
        or `rport`. Call-ID and CSeq number tell transactions apart whose branch does not (RFC 2543 senders).
        `side` keeps a branch of one side from passing on the other.
        """
        port = str(via.port).encode()
        return COOKIE + self._hash(side, via.host, port, via.branch, call_id, str(cseq).encode(), size=12)

    def worker_token(self, port: int, call_id: bytes) -> bytes:
        """`PORT-mac`: the way to a worker for requests of this Call-ID."""
        number = str(port).encode()
        return number + b"-" + self._hash(b"worker", number, call_id, size=8)

    def worker_port(self, token: bytes, call_id: bytes) -> int | None:
        """The port in a token that we made for this Call-ID; None for any other."""
        number, _, _ = token.partition(b"-")
        if not number.isdigit() or len(number) > 5:
            return None
        return int(number) if hmac.compare_digest(token, self.worker_token(int(number), call_id)) else None

    def to_tag(self, branch: bytes) -> bytes:
        """To tag of our own answers: the same for a repeated request (RFC 3261 §8.2.7)."""
        return b"e" + self._hash(b"tag", branch, size=6)

    def _hash(self, *parts: bytes, size: int) -> bytes:
        data = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hashlib.blake2s(data, key=self._secret, digest_size=size).hexdigest().encode()
