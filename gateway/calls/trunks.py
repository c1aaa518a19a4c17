"""The trunk that a call came by, as far as calls need to know it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trunk:
    """A trunk by its name in the settings. `inband`: whether keys are heard in the sound: off, on, auto."""

    name: str = "unknown"
    inband: str = "auto"

    def listens(self, events: bool) -> bool:
        """Whether keys are to be heard in the sound of a call.

        `events`: the call agreed on RFC 4733 telephone-event, so that keys can come without it.
        """
        return self.inband == "on" or (self.inband == "auto" and not events)
