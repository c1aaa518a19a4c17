"""Seeds kept in the repository: what is worth beginning with, one a line, escaped, for each target."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

HERE = Path(__file__).parent
TARGETS = tuple(sorted(path.stem for path in (HERE / "targets").glob("[a-z]*.py")))
MOST_BYTES = 20_000
"""Of one target's seeds, as they are kept."""
_WATCHED = ("/gateway/", "/storage/", "/transcription/")


def target(name: str) -> ModuleType:
    """The module of a target (or one by its full name): `run(data)` raises when a promise is broken."""
    return importlib.import_module(name if "." in name else f"tests.fuzz.targets.{name}")


def kept(name: str) -> list[bytes]:
    """The seeds of a target that are kept."""
    path = HERE / "seeds" / f"{name}.txt"
    lines = path.read_text("ascii").splitlines() if path.exists() else []
    return [line.encode("ascii").decode("unicode_escape").encode("latin-1") for line in lines]


def keep(name: str, found: Iterable[bytes]) -> int:
    """Keep of these the shortest that each reach something new, `MOST_BYTES` in all; how many."""
    lines: list[str] = []
    size = 0
    for data in distinct(target(name).run, sorted(set(found), key=lambda each: (len(each), each))):
        line = data.decode("latin-1").encode("unicode_escape").decode("ascii")
        if size + len(line) > MOST_BYTES:
            continue
        size += len(line) + 1
        lines.append(line)
    (HERE / "seeds" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), "ascii")
    return len(lines)


def distinct(run: Any, found: Sequence[bytes]) -> list[bytes]:
    """Those that go from a line to a line of ours that none before them did."""
    seen: set[tuple[str, int, int]] = set()
    chosen = []
    for data in found:
        steps = _steps(run, data)
        if not steps <= seen:
            seen |= steps
            chosen.append(data)
    return chosen


def _steps(run: Any, data: bytes) -> set[tuple[str, int, int]]:
    steps: set[tuple[str, int, int]] = set()
    before: dict[FrameType, int] = {}

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            steps.add((frame.f_code.co_filename, before.get(frame, 0), frame.f_lineno))
            before[frame] = frame.f_lineno
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        return line if any(each in name for each in _WATCHED) and "/tests/" not in name else None

    sys.settrace(call)
    try:
        run(data)
    except Exception:
        pass
    finally:
        sys.settrace(None)
    return steps
