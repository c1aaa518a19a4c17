"""Whether a server answers, judged so that one lost datagram changes nothing. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FALL = 3
"""Unanswered questions in a row that make a server down."""
RISE = 2
"""Answers in a row that make it up again; the very first answer is enough."""
_NOT_WELL = (408, 500, 502, 503, 504)


def is_well(status: int) -> bool:
    """Whether an answer to OPTIONS shows a server that takes calls; 0: there was none.

    Many answer 403, 404 or 405: they live, and only keep their abilities to themselves.
    """
    return status != 0 and status not in _NOT_WELL


@dataclass
class Health:
    """One server. `up`: None as long as nothing is known."""

    up: bool | None = None
    _against: int = 0  # answers in a row that speak against `up`

    def hear(self, well: bool) -> bool:
        """An answer came, or none did; whether `up` is another now."""
        if well is self.up:
            self._against = 0
            return False
        self._against = self._against + 1 if self.up is not None or not well else RISE
        if self._against < (RISE if well else FALL):
            return False
        self.up, self._against = well, 0
        return True

    @property
    def word(self) -> str:
        """up, down or unknown."""
        return "unknown" if self.up is None else "up" if self.up else "down"
