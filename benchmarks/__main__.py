"""`python -m benchmarks [--quick] [--calls 1,10,25,50]`: make the load, print a table, write the document."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import load, machine, report
from tests.sipp.process import HOW_TO_GET_IT, installed

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / ".bench"
CALLS = (1, 10, 25, 50)
QUICK = load.Plan(window_s=5.0, arrivals=10)
QUICK_CALLS = (1, 5)


def main() -> int:
    """Exit status 0, or 1 when a level could not be measured."""
    asked = _arguments()
    console = Console()
    if not installed():
        console.print(HOW_TO_GET_IT, style="red")
        return 1
    plan, levels = QUICK if asked.quick else load.Plan(), []
    calls = asked.calls or (QUICK_CALLS if asked.quick else CALLS)
    where = machine.describe()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    columns = (SpinnerColumn(), TextColumn("{task.fields[level]:>12}"), BarColumn(20), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console) as progress:
        task = progress.add_task("", total=len(calls), level="")
        for number in calls:
            progress.update(task, level=f"{number} at once")
            try:
                levels.append(
                    asyncio.run(
                        load.run(
                            number,
                            plan,
                            SCRATCH / str(number),
                            lambda s: progress.update(task, description=s),
                        )
                    )
                )
            except (load.BenchmarkError, AssertionError) as error:
                console.print(f"{number} calls at once: {error}", style="red", markup=False)
                return 1
            progress.advance(task)
    console.print(report.table(levels))
    output = asked.output or (SCRATCH / "performance.md" if asked.quick else ROOT / "docs" / "performance.md")
    output.write_text(report.document(where, plan, levels, _command(asked)), encoding="utf-8")
    console.print(f"written to {output}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short; written to .bench/")
    parser.add_argument("--calls", type=_numbers, help="calls at once, such as 1,10,25,50")
    parser.add_argument("--output", type=Path, help="file to write (default: docs/performance.md)")
    return parser.parse_args()


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(each) for each in text.split(","))
    if not all(1 <= number <= 500 for number in numbers):
        raise argparse.ArgumentTypeError("1 to 500 calls")
    return numbers


def _command(asked: argparse.Namespace) -> str:
    options = ["--quick"] if asked.quick else []
    if asked.calls:
        options.append("--calls " + ",".join(str(number) for number in asked.calls))
    return "make bench" + (f' ARGS="{" ".join(options)}"' if options else "")


if __name__ == "__main__":
    sys.exit(main())
