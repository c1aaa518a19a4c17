"""Framer: cuts a byte stream into SIP messages by Content-Length (RFC 3261 §18.3). Pure.

What is held is bounded: a header section or a message over the limit, a message without Content-Length, or
one whose length cannot be understood ends the connection, since nobody could say where the next one begins.
"""

from __future__ import annotations

import re

from gateway.edge.fields import Malformed

_LENGTH = re.compile(
    rb"\r\n(?:Content-Length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*([0-9]{1,9})[ \t]*(?=\r\n)", re.IGNORECASE
)
_NAMES = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:", re.IGNORECASE)


class Framer:
    """One connection's bytes. `most`: longest message, bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()

    @property
    def begun(self) -> bool:
        """Whether part of a message is held."""
        return bool(self._held.strip(b"\r\n"))

    def feed(self, data: bytes) -> tuple[list[bytes], int]:
        """The messages complete by now, and how many pings (double CRLF between messages, RFC 5626 §4.4.1)
        came before or between them. `Malformed`: end the connection."""
        self._held += data
        messages: list[bytes] = []
        pings = 0
        while True:
            pings += self._skip_line_ends()
            message = self._next()
            if message is None:
                return messages, pings
            messages.append(message)

    def _skip_line_ends(self) -> int:
        blank = len(self._held) - len(self._held.lstrip(b"\r\n"))
        half = blank % 4 if blank == len(self._held) else 0  # the other half of a ping may still come
        del self._held[: blank - half]
        return blank // 4

    def _next(self) -> bytes | None:
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            if len(self._held) > self._most:
                raise Malformed("size", 513)
            return None
        head = bytes(self._held[: end + 2])
        lengths = _LENGTH.findall(head)
        if len(lengths) != 1 or len(_NAMES.findall(head)) != 1:
            raise Malformed("content_length", 400)
        total = end + 4 + int(lengths[0])
        if total > self._most:
            raise Malformed("size", 513)
        if len(self._held) < total:
            return None
        message = bytes(self._held[:total])
        del self._held[:total]
        return message
