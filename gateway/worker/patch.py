"""Which port is connected to which: wanted connections compared with those that exist.

pjsua drops all connections of a leg when a re-INVITE changes its media. So the leg's connections are
forgotten then, and everything that is wanted is connected again.
"""

from __future__ import annotations

from collections.abc import Mapping

import pjsua2 as pj

Ends = tuple[str, str]
Connections = dict[Ends, tuple[pj.AudioMedia, pj.AudioMedia]]


def wiring(
    *,
    caller: pj.AudioMedia | None,
    agent: pj.AudioMedia | None,
    prompt: pj.AudioMedia | None,
    silence: pj.AudioMedia,
    recorders: tuple[pj.AudioMedia, pj.AudioMedia] | None,
    bridged: bool,
    ears: pj.AudioMedia | None = None,
) -> Connections:
    """What should be connected in a call: None is a port that is not there, or must hear nothing.

    A leg that would hear nothing hears silence: its RTP then never pauses. Nobody listens for keys in what
    is recorded.
    """
    wanted: Connections = {}
    talking = bridged and caller is not None and agent is not None
    if caller is not None:
        if prompt is not None:
            wanted["prompt", "caller"] = (prompt, caller)
        elif not talking:
            wanted["silence", "caller"] = (silence, caller)
        if recorders is not None:
            wanted["caller", "recorder"] = (caller, recorders[0])
        elif ears is not None:
            wanted["caller", "ears"] = (caller, ears)
    if agent is not None:
        if not talking:
            wanted["silence", "agent"] = (silence, agent)
        if recorders is not None:
            wanted["agent", "recorder"] = (agent, recorders[1])
    if caller is not None and agent is not None and bridged:
        wanted["caller", "agent"] = (caller, agent)
        wanted["agent", "caller"] = (agent, caller)
    return wanted


class PatchPanel:
    """Connections by the names of their ends, such as ("caller", "agent")."""

    def __init__(self) -> None:
        self._made: Connections = {}

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
