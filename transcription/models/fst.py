"""Weighted transducers in OpenFst's binary format: type "vector", arcs "standard" (fst/vector-fst.h).

Costs are negative natural logarithms of probabilities. Label 0 is epsilon: nothing read, or written.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAGIC = 2125659606
VERSION = 2
PROPERTIES = 3  # expanded, mutable; the reader works the others out
EPSILON = 0
NOT_FINAL = math.inf

_HEAD = struct.Struct("<iQqqq")
_STATE = struct.Struct("<fq")
_ARC = struct.Struct("<iifi")


class Arc(NamedTuple):
    """One step: what is read, what is written, what it costs, where it leads."""

    reads: int
    writes: int
    cost: float
    to: int


class FstError(ValueError):
    """These bytes are no transducer of this kind."""


@dataclass
class Fst:
    """States are numbers from 0; the first is the start."""

    arcs: list[list[Arc]] = field(default_factory=list)
    final: list[float] = field(default_factory=list)

    def state(self, final: float = NOT_FINAL) -> int:
        """A new state, and the cost of ending there."""
        self.arcs.append([])
        self.final.append(final)
        return len(self.arcs) - 1

    def arc(
        self, start: int, to: int, reads: int = EPSILON, writes: int = EPSILON, cost: float = 0.0
    ) -> None:
        """A step between two states."""
        self.arcs[start].append(Arc(reads, writes, cost, to))

    def sort(self, by: str) -> None:
        """Order the arcs of every state by what they `read` or `write`: composition searches them so."""
        for arcs in self.arcs:
            arcs.sort(key=lambda arc: arc.reads if by == "read" else arc.writes)

    def to_bytes(self) -> bytes:
        """The file."""
        count = sum(map(len, self.arcs))
        kinds = b"".join(struct.pack("<i", len(name)) + name for name in (b"vector", b"standard"))
        parts = [struct.pack("<i", MAGIC), kinds, struct.pack("<i", VERSION)]
        parts.append(_HEAD.pack(0, PROPERTIES, 0, len(self.arcs), count))
        for final, arcs in zip(self.final, self.arcs, strict=True):
            parts.append(_STATE.pack(final, len(arcs)))
            parts += [_ARC.pack(arc.reads, arc.writes, arc.cost, arc.to) for arc in arcs]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Fst:
        """Read such a file; `FstError` when it is another kind or cut short."""
        start = (
            struct.pack("<i", MAGIC) + struct.pack("<i", 6) + b"vector" + struct.pack("<i", 8) + b"standard"
        )
        if not data.startswith(start):
            raise FstError("not a vector transducer of standard arcs")
        fst = cls()
        try:
            at = len(start) + 4
            _, _, _, states, _ = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            for _ in range(states):
                final, count = _STATE.unpack_from(data, at)
                at += _STATE.size
                fst.state(final)
                fst.arcs[-1] = [Arc(*_ARC.unpack_from(data, at + i * _ARC.size)) for i in range(count)]
                at += count * _ARC.size
        except struct.error as error:
            raise FstError("cut short") from error
        return fst

    def write(self, path: Path) -> None:
        """To a file."""
        path.write_bytes(self.to_bytes())
