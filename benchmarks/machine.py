"""The machine a run was made on, and how fast it was: without that, no figure means anything elsewhere."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

LOOP_ROUNDS = 2_000_000
LOOP_TIMES = 5


@dataclass(frozen=True)
class Machine:
    """Where and when."""

    date: str
    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    pjsua2: str
    sipp: str
    load: tuple[float, float, float]  # before the run: 1, 5 and 15 minutes
    loop_ms: float  # the fixed loop, the best of LOOP_TIMES


def describe() -> Machine:
    """This machine, just now."""
    load = os.getloadavg()
    return Machine(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        cpu=cpu_model(Path("/proc/cpuinfo").read_text()),
        cores=os.cpu_count() or 1,
        memory_gib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30,
        kernel=platform.release(),
        python=platform.python_version(),
        pjsua2=metadata.version("pjsua2-python"),
        sipp=_sipp_version(),
        load=load,
        loop_ms=min(loop_ms() for _ in range(LOOP_TIMES)),
    )


def cpu_model(cpuinfo: str) -> str:
    """The model name in /proc/cpuinfo, where the architecture has one."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def loop_ms() -> float:
    """Time of a fixed sum in plain Python on one core."""
    start, total = time.perf_counter(), 0
    for number in range(LOOP_ROUNDS):
        total += number & 7
    assert total == LOOP_ROUNDS // 8 * 28
    return (time.perf_counter() - start) * 1000


def _sipp_version() -> str:
    told = subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False)
    found = re.search(r"SIPp (v[\d.]+)", told.stdout + told.stderr)
    return found[1] if found else "unknown"
