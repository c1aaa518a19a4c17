"""What Linux says of processes: CPU time and memory, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Stat:
    """The part of /proc/PID/stat that is of use (proc(5))."""

    parent: int
    cpu_s: float  # user and system, all threads; in steps of 1/TICKS_PER_S

    @classmethod
    def parse(cls, text: str) -> Stat:
        """Fields are counted from behind the command name, which may contain blanks and brackets."""
        fields = text[text.rindex(")") + 2 :].split()
        return cls(int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS_PER_S)


def all_processes() -> dict[int, Stat]:
    """Every process that is there just now."""
    found = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = Stat.parse(path.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
    return found


def descendants(processes: dict[int, Stat], ancestor: int) -> set[int]:
    """Process ids of the children of a process, their children, and so on."""
    found: set[int] = set()
    new = {ancestor}
    while new:
        new = {pid for pid, stat in processes.items() if stat.parent in new} - found
        found |= new
    return found


def pss_kib(smaps_rollup: str) -> int:
    """Proportional set size out of /proc/PID/smaps_rollup, in KiB: shared pages count by their sharers."""
    for line in smaps_rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError("no Pss in smaps_rollup")


def pss_mib_of(pid: int) -> float:
    """Memory of a living process in MiB."""
    return pss_kib((PROC / str(pid) / "smaps_rollup").read_text()) / 1024


def busy_share(before: str, after: str) -> float:
    """How much of all cores was in use between two readings of /proc/stat, 0 to 1."""
    first, second = ([int(n) for n in text.splitlines()[0].split()[1:9]] for text in (before, after))
    spent = [b - a for a, b in zip(first, second, strict=True)]
    idle = spent[3] + spent[4]
    return 1 - idle / max(1, sum(spent))
