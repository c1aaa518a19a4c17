"""Whether the system's clock was stepped forward: then nothing is erased until it is sure to be right.

What is erased is gone for good, so a clock that is wrong by a month must not erase a month of recordings.
What is past its date by that clock cannot be read meanwhile, and an hour is within what the policy allows
for carrying out an erasure (`policy.purge.sla_hours`).

Pure: both clocks are arguments. The machine's own (seconds since its start, sleep included: CLOCK_BOOTTIME)
cannot be set by anybody.
"""

from __future__ import annotations

from datetime import datetime, timedelta

STEP = timedelta(hours=1)
"""Steps below this are no danger: a day is the shortest time anything is kept for."""
HELD_S = 3600.0
"""How long a new time must stand before it is believed."""


class ClockSteps:
    """Look at each sweep. A clock that was set back is believed at once: what is due is then due later."""

    def __init__(self) -> None:
        self._looked: tuple[datetime, float] | None = (
            None  # the last instant that was believed, on both clocks
        )
        self._since_s: float | None = None  # since when the clock is ahead

    def believes(self, now: datetime, machine_s: float) -> bool:
        """Whether `now` may be erased by; `machine_s` are seconds of a clock that nobody sets."""
        if self._looked is not None:
            at, at_s = self._looked
            ahead = now - (at + timedelta(seconds=machine_s - at_s)) > STEP
            if not ahead:
                self._since_s = None
            elif self._since_s is None:
                self._since_s = machine_s
            if self._since_s is not None and machine_s - self._since_s < HELD_S:
                return False
        self._looked, self._since_s = (now, machine_s), None
        return True
