"""SRTP for the test telephone: keys in SDP (RFC 4568), packets by libsrtp (RFC 3711)."""

from __future__ import annotations

import base64
import re
import secrets

from pylibsrtp import Error, Policy, Session

SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY_BYTES = 30  # key and salt (RFC 4568 section 6.2)
_CRYPTO = re.compile(rf"^a=crypto:(\d+) {SUITE} inline:([A-Za-z0-9+/=]+)", re.MULTILINE)


class Srtp:
    """Both directions of one call. `agreed` once the other side's key is known."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(KEY_BYTES)
        self.tag = 1
        self.refused = 0
        """Packets that came and could not be opened."""
        self._out = Session(_policy(self.key, Policy.SSRC_ANY_OUTBOUND))
        self._in: Session | None = None
        self._their_key = b""

    @property
    def agreed(self) -> bool:
        return self._in is not None

    def line(self) -> str:
        """Our a=crypto line."""
        return f"a=crypto:{self.tag} {SUITE} inline:{base64.b64encode(self.key).decode()}\r\n"

    def hear(self, sdp: str) -> None:
        """Take the other side's key from its SDP, and the tag of the line that we answer."""
        found = _CRYPTO.search(sdp)
        if found is None:
            return
        self.tag = int(found[1])
        key = base64.b64decode(found[2])
        if key != self._their_key:
            self._their_key, self._in = key, Session(_policy(key, Policy.SSRC_ANY_INBOUND))

    def protect(self, packet: bytes) -> bytes:
        return bytes(self._out.protect(packet))

    def unprotect(self, packet: bytes) -> bytes:
        """The packet in the clear; empty when it does not open."""
        assert self._in is not None
        try:
            return bytes(self._in.unprotect(packet))
        except Error:
            self.refused += 1
            return b""


def _policy(key: bytes, direction: int) -> Policy:
    return Policy(key=key, ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
