"""`python -m benchmarks [--only calls,archive] [--quick]`: measure, print, write `docs/performance.md`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks import archive, calls, keys, machine, page, rate, redaction, soak, transcription
from benchmarks.asked import Asked, BenchmarkError
from tests.sipp.process import HOW_TO_GET_IT, installed

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / ".bench"
RUNS: dict[str, Callable[[Asked], str]] = {
    "calls": calls.run,
    "rate": rate.run,
    "soak": soak.run,
    "transcription": transcription.run,
    "redaction": redaction.run,
    "keys": keys.run,
    "archive": archive.run,
}
"""What measures each section of the page: prints its figures, returns its text."""


def main() -> int:
    """Exit status 0, or 1 when something could not be measured."""
    options = _arguments()
    console = Console()
    if {"calls", "rate", "soak"} & set(options.only) and not installed():
        console.print(HOW_TO_GET_IT, style="red")
        return 1
    SCRATCH.mkdir(exist_ok=True)
    default = SCRATCH / "performance.md" if options.quick else ROOT / "docs" / "performance.md"
    output = options.output or default
    failed = 0
    for name in options.only:
        console.rule(name)
        command = _command(name, options)
        asked = Asked(
            console,
            SCRATCH / name,
            options.quick,
            options.calls,
            options.artifacts,
            options.minutes,
            machine.describe(),
            command,
        )
        try:
            page.put(output, name, RUNS[name](asked))
        except (BenchmarkError, AssertionError) as error:
            console.print(f"{name}: {error}", style="red", markup=False)
            failed = 1
            continue
        console.print(f"written to {output}")
    return failed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short; written to .bench/")
    parser.add_argument("--only", type=_sections, default=tuple(RUNS), help=f"of {', '.join(RUNS)}")
    parser.add_argument("--calls", type=_numbers, help="calls at once, such as 1,10,25,50")
    parser.add_argument("--minutes", type=float, help="how long the soak lasts (60)")
    parser.add_argument("--artifacts", type=_sizes, help="sizes of the archive, such as 100000,1000000")
    parser.add_argument("--output", type=Path, help="file to write (default: docs/performance.md)")
    return parser.parse_args()


def _sections(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - set(RUNS):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there is {', '.join(RUNS)}")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(each) for each in text.split(","))
    if not all(1 <= number <= 500 for number in numbers):
        raise argparse.ArgumentTypeError("1 to 500 calls")
    return numbers


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(each) for each in text.split(","))
    if not all(size >= 1000 for size in sizes):
        raise argparse.ArgumentTypeError("1000 artifacts or more")
    return sizes


def _command(name: str, options: argparse.Namespace) -> str:
    said = [f"--only {name}"] + (["--quick"] if options.quick else [])
    if options.calls and name in ("calls", "soak"):
        said.append("--calls " + ",".join(str(number) for number in options.calls))
    if options.artifacts and name == "archive":
        said.append("--artifacts " + ",".join(str(size) for size in options.artifacts))
    if options.minutes and name == "soak":
        said.append(f"--minutes {options.minutes:g}")
    return f'make bench ARGS="{" ".join(said)}"'


if __name__ == "__main__":
    sys.exit(main())
