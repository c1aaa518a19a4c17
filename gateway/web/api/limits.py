"""How often somebody may ask: a bucket of tokens for each source, refilled over time."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_SOURCES = 10_000


@dataclass
class Buckets:
    """`per_s` requests a second and `burst` at once, for each of a number of sources."""

    per_s: float
    burst: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)  # source: (tokens, as of)

    def wait_s(self, source: str, now: float) -> float:
        """Take a token; 0.0, or how many seconds until there is one. `now`: seconds of a steady clock."""
        left, as_of = self._left.pop(source, (self.burst, now))
        left = min(self.burst, left + (now - as_of) * self.per_s)
        taken = left >= 1.0
        # Put back last: the first one is the one that was quiet longest.
        self._left[source] = (left - 1.0 if taken else left, now)
        if len(self._left) > MOST_SOURCES:
            del self._left[next(iter(self._left))]
        return 0.0 if taken else (1.0 - left) / self.per_s

    def give_back(self, source: str) -> None:
        """The token that was taken last was not for what is limited."""
        if source in self._left:
            left, as_of = self._left[source]
            self._left[source] = (min(self.burst, left + 1.0), as_of)
