"""Which port is connected to which: wanted connections compared with those that exist.

pjsua drops all connections of a leg when a re-INVITE changes its media. So the leg's connections are
forgotten then, and everything that is wanted is connected again.
"""

from __future__ import annotations

from collections.abc import Mapping

import pjsua2 as pj

Ends = tuple[str, str]


class PatchPanel:
    """Connections by the names of their ends, such as ("caller", "agent")."""

    def __init__(self) -> None:
        self._made: dict[Ends, tuple[pj.AudioMedia, pj.AudioMedia]] = {}

    def dropped(self, name: str) -> None:
        """pjsua has dropped the port called `name` with its connections: remember none of them.

        Undoing them again would be one too many: a port that two others feed would then fall silent.
        """
        for ends in [ends for ends in self._made if name in ends]:
            del self._made[ends]

    def disconnect(self, name: str) -> None:
        """Undo all connections of the port called `name`, which lives."""
        for ends in [ends for ends in self._made if name in ends]:
            self._break(ends)

    def connect(self, wanted: Mapping[Ends, tuple[pj.AudioMedia, pj.AudioMedia]]) -> None:
        """Make the connections that exist those that are wanted (at the next tick of the clock)."""
        for ends, (source, sink) in list(self._made.items()):
            if ends not in wanted or wanted[ends][0] is not source or wanted[ends][1] is not sink:
                self._break(ends)
        for ends, (source, sink) in wanted.items():
            if ends not in self._made:
                source.startTransmit(sink)
                self._made[ends] = (source, sink)

    def _break(self, ends: Ends) -> None:
        source, sink = self._made.pop(ends)
        try:
            source.stopTransmit(sink)
        except pj.Error:
            return  # the port went down in the meantime
