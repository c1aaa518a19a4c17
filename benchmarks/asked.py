"""What every benchmark is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.machine import Machine


class BenchmarkError(Exception):
    """Something could not be measured; the message says what, and what to do."""


@dataclass(frozen=True)
class Asked:
    """Where to print and to work, and how much to do."""

    console: Console
    scratch: Path
    quick: bool
    calls: tuple[int, ...] | None
    artifacts: tuple[int, ...] | None
    minutes: float | None
    where: Machine
    command: str
