"""Who may send a leg its sound, and whether any still comes.

pjmedia follows RTP to another address after ten packets in a row from there, in mid-call too: that is how
it finds a peer behind NAT, and how a stranger would take a call over. So once the peer's address is known,
the kernel is told to take datagrams from nowhere else (`connect` on the RTP socket, which does not change
where we send to).

1. Packets from the address in SDP settle it at once, whatever came before.
2. Another address is settled on when it alone was heard for `SETTLE_S` (RFC 4961: a peer sends from where
   it receives), and only if `symmetric` allows it.
3. A new address in SDP starts the search anew; hold and resume with the same one do not.

Not done: RTCP is taken from any address. It carries counts, and no sound.
"""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path

SETTLE_S = 0.5
LOOKS = 8  # how often an address must have been the only one seen
LOOK_EVERY_S = 0.05
_UNSPECIFIED = bytes(16)  # struct sockaddr with AF_UNSPEC: "no peer any more" (connect(2))

Address = tuple[str, int]


def address_of(text: str) -> Address | None:
    """`("192.0.2.1", 4000)` of `192.0.2.1:4000` or `[2001:db8::1]:4000`; None when it is no such text."""
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and host and port.isdecimal() and int(port) else None


class PeerSearch:
    """Finds where a leg's sound comes from. Pure: addresses and seconds in, the address to keep out."""

    def __init__(self, symmetric: bool) -> None:
        self._symmetric = symmetric
        self._told: Address | None = None
        self._seen: Address | None = None
        self._looks = 0
        self._since = 0.0
        self._next = 0.0
        self.found: Address | None = None

    def begin(self, told: Address | None) -> bool:
        """SDP names this address; True: it is a new one, and the search begins again."""
        if told is None or told == self._told:
            return False
        self._told, self._seen, self.found = told, None, None
        self._next = 0.0
        return True

    def wanted(self, now: float) -> bool:
        """Whether it is time to look from where the last packet came."""
        return self._told is not None and self.found is None and now >= self._next

    def look(self, source: Address | None, now: float) -> Address | None:
        """The last packet came from `source` (None: none came yet). The address to keep, once it is known."""
        self._next = now + LOOK_EVERY_S
        if not self._symmetric or (source is not None and source == self._told):
            self.found = self._told
        elif source is not None and source != self._seen:
            self._seen, self._looks, self._since = source, 1, now
        elif source is not None:
            self._looks += 1
            if self._looks >= LOOKS and now - self._since >= SETTLE_S:
                self.found = source
        return self.found


class Silence:
    """Counts the seconds in which no packet came that should have. Pure."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._packets = -1
        self._since: float | None = None
        self._next = 0.0

    def wanted(self, now: float) -> bool:
        """Whether it is time to count packets again."""
        return bool(self._timeout_s) and now >= self._next

    def look(self, packets: int | None, now: float) -> bool:
        """So many packets came since the stream began; None: none need come. True: for too long none did."""
        self._next = now + min(1.0, self._timeout_s / 4)
        if packets is None or packets != self._packets or self._since is None:
            self._packets = -1 if packets is None else packets
            self._since = None if packets is None else now
            return False
        return now - self._since >= self._timeout_s


def keep_to(port: int, peer: Address | None) -> bool:
    """Have our UDP socket on `port` take datagrams from `peer` alone; None: from anywhere again.

    False: there is no such socket, or the kernel refused; it then takes what it took before.
    """
    found = _socket_on(port)
    if found is None:
        return False
    with found:
        here = found.getsockname()
        try:
            if peer is not None:
                found.connect(peer)
            elif ctypes.CDLL(None).connect(found.fileno(), _UNSPECIFIED, len(_UNSPECIFIED)):
                return False
            elif found.getsockname() != here:
                found.bind(here)  # a port that the kernel chose goes with the peer (Linux, udp_disconnect)
        except OSError:
            return False
    return True


def _socket_on(port: int) -> socket.socket | None:
    """A second handle on the UDP socket of this process that is bound to `port`."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            handle = os.dup(int(entry.name))
        except OSError:  # the listing's own descriptor is closed by now
            continue
        try:
            found = socket.socket(fileno=handle)
        except OSError:  # no socket
            os.close(handle)
            continue
        internet = found.family in (socket.AF_INET, socket.AF_INET6)
        if internet and found.type == socket.SOCK_DGRAM and found.getsockname()[1] == port:
            return found
        found.close()
    return None
