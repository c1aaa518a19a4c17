"""A power cut at any moment: each durable step is on the disk before the next one that depends on it.

The system calls of a whole call's life are recorded (strace) and checked: what is written is synced before
it is renamed, linked, committed or told; what is renamed is synced in its folder before the source goes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WATCHED = (
    "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,link,linkat,ftruncate"
)
WRITES = ("write", "pwrite64", "ftruncate")
CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")


@dataclass(frozen=True)
class Call:
    """One system call that succeeded: its name and the paths it is about (source, target)."""

    name: str
    paths: tuple[str, ...]


def calls_in(trace: str) -> list[Call]:
    """The calls of a trace with paths of descriptors (`strace -y`); what was said counts as a call "done"."""
    found = []
    for line in trace.splitlines():
        match = CALL.match(line)
        if match is None or match[3].startswith("-"):
            continue
        name, arguments = match[1], match[2]
        if said := re.search(r'"DONE (\w+)\\n"', arguments):
            found.append(Call("done", (said[1],)))
        elif name in (*WRITES, "fsync", "fdatasync"):
            path = re.match(r"\d+<([^>]*)>", arguments)
            found.append(Call(name, (path[1] if path else "",)))
        elif name == "openat":
            if "O_CREAT" in arguments:
                found.append(Call("create", tuple(re.findall(r'"([^"]*)"', arguments))))
        else:
            kind = "rename" if name.startswith("rename") else name.removesuffix("at")
            found.append(Call(kind, tuple(re.findall(r'"([^"]*)"', arguments))))
    return found


def unsafe(calls: list[Call], within: str) -> list[str]:
    """What would be lost or half there after a power cut, of files within a folder."""
    dirty: set[str] = set()  # written since their last sync
    moved: dict[str, str] = {}  # names given since their folder's last sync, by folder
    wrong = []
    for call in calls:
        mine = [path for path in call.paths if path.startswith(within)]
        if call.name in WRITES and mine:
            # The world's empty database is copied; what a checkpoint left of the log is nothing.
            if (call.name, Path(mine[0]).suffix) not in (("write", ".db"), ("ftruncate", ".db-wal")):
                dirty.add(mine[0])
        elif call.name in ("fsync", "fdatasync") and mine:
            dirty.discard(mine[0])
            moved.pop(mine[0], None)
        elif call.name in ("rename", "link") and len(mine) == 2:
            if mine[0] in dirty:
                wrong.append(f"{call.name} of what is not on the disk: {mine[0]}")
            moved[str(Path(mine[1]).parent)] = mine[1]
        elif call.name == "unlink" and mine and moved and not mine[0].endswith((".tmp", "-shm", "-wal")):
            if not Path(mine[0]).name.startswith("."):  # the other name of what was linked
                wrong.append(f"unlink before a name is on the disk: {mine[0]}")
        elif call.name == "done":
            wrong += [
                f"{call.paths[0]} was told, and a name is not on the disk: {name}" for name in moved.values()
            ]
            lost = {path for path in dirty if not path.endswith("-shm")}
            if call.paths[0] == "spool":  # its header: a spool without one is an empty one
                lost = {path for path in lost if not path.endswith(".t1s")}
            wrong += [f"{call.paths[0]} was told, and it is not on the disk: {path}" for path in lost]
    return wrong


def order(calls: list[Call], *steps: tuple[str, str]) -> None:
    """That the steps (name, end of path) happened in that order, each after the one before."""
    at = 0
    for name, end in steps:
        place = next(
            (
                number
                for number, call in enumerate(calls[at:], at)
                if call.name == name and call.paths and call.paths[0].endswith(end)
            ),
            None,
        )
        assert place is not None, f"no {name} of {end} after step {at}"
        at = place + 1


@pytest.fixture
def trace(home: Path) -> list[Call]:
    """The system calls of `tests.faults.written`."""
    if shutil.which("strace") is None:
        if os.environ.get("CI"):
            pytest.fail("strace is not installed (apt-get install strace)")
        pytest.skip("strace is not installed (apt-get install strace)")
    log = home / "trace"
    command = ["strace", "-y", "-s", "64", "-e", f"trace={WATCHED}", "-o", str(log)]
    script = [sys.executable, "-m", "tests.faults.written", str(home)]
    ran = subprocess.run([*command, *script], cwd=ROOT, capture_output=True, text=True, timeout=240)
    if "ptrace" in ran.stderr and not os.environ.get("CI"):
        pytest.skip("system calls may not be watched here (ptrace)")
    assert ran.returncode == 0, ran.stderr
    return calls_in(log.read_text(errors="replace"))


@pytest.mark.slow
def test_what_is_told_is_on_the_disk_and_in_that_order(trace: list[Call], home: Path, engine: str) -> None:
    assert [call.paths[0] for call in trace if call.name == "done"] == [
        *("key", "consent", "row", "spool", "synced", "file", "sealed", "export", "prompt", "erased")
    ]
    mine = [call for call in trace if any(path.startswith(str(home)) for path in call.paths)]
    assert len([call for call in mine if call.name in ("fsync", "fdatasync")]) > 12
    assert unsafe(trace, str(home)) == []
    folder = next(
        c.paths[0] for c in trace if c.name == "fsync" and re.search(r"/media/[0-9a-f]{2}$", c.paths[0])
    )
    order(
        trace,
        ("fsync", ".tmp"),
        ("rename", ".tmp"),
        ("fsync", folder),
        ("unlink", ".t1s"),
        ("fsync", "/spool"),
    )
    order(trace, ("done", "file"), ("done", "sealed"))
    order(
        trace,
        ("done", "prompt"),
        ("fsync", "erasures.ledger"),
        ("unlink", ".t1"),
        ("fsync", folder),
        ("done", "erased"),
    )
    if engine == "sqlite":  # each commit is synced before it is told, and so before what comes of it
        for step in ("consent", "row", "sealed", "erased"):
            before = trace[: trace.index(Call("done", (step,)))]
            log = [c for c in before if c.name != "ftruncate" and c.paths and c.paths[0].endswith(".db-wal")]
            assert log[-1].name in ("fsync", "fdatasync"), step
        removed = next(n for n, c in enumerate(trace) if c.name == "unlink" and c.paths[0].endswith(".t1"))
        blocked = [c for c in trace[:removed] if c.paths and c.paths[0].endswith(".db-wal")]
        assert blocked[-1].name in ("fsync", "fdatasync"), "the key is destroyed before the file goes"


SAFE = """\
openat(AT_FDCWD</x>, "/w/a.tmp", O_WRONLY|O_CREAT|O_EXCL, 0600) = 5</w/a.tmp>
write(5</w/a.tmp>, "sound", 5) = 5
fsync(5</w/a.tmp>) = 0
rename("/w/a.tmp", "/w/a") = 0
fsync(6</w>) = 0
unlink("/w/spool") = 0
fsync(6</w>) = 0
write(2</dev/null>, "DONE file\\n", 10) = 10
"""


def test_a_safe_order_is_seen_as_safe() -> None:
    assert unsafe(calls_in(SAFE), "/w") == []


@pytest.mark.parametrize("line", [2, 4])
def test_a_missing_sync_is_noticed(line: int) -> None:
    lines = SAFE.splitlines()
    assert unsafe(calls_in("\n".join(lines[:line] + lines[line + 1 :])), "/w") != []


def test_what_comes_too_early_is_noticed() -> None:
    lines = SAFE.splitlines()
    lines[4], lines[5] = lines[5], lines[4]
    assert unsafe(calls_in("\n".join(lines)), "/w") != []
    with pytest.raises(AssertionError):
        order(calls_in("\n".join(lines)), ("fsync", "/w"), ("unlink", "spool"))
