"""Calls under load: bridged, recorded calls, some at a time, up to the first number that does not hold."""

from __future__ import annotations

import asyncio
import shutil

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import load, report
from benchmarks.asked import Asked, BenchmarkError

CALLS = (1, 10, 25, 50)
QUICK = load.Plan(window_s=5.0, arrivals=10)
QUICK_CALLS = (1, 5)


def run(asked: Asked) -> str:
    """Measure every level; the section of the page."""
    plan, levels, fell = QUICK if asked.quick else load.Plan(), [], ""
    calls = asked.calls or (QUICK_CALLS if asked.quick else CALLS)
    shutil.rmtree(asked.scratch, ignore_errors=True)
    columns = (SpinnerColumn(), TextColumn("{task.fields[level]:>12}"), BarColumn(20), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=asked.console) as progress:
        task = progress.add_task("", total=len(calls), level="")
        for number in calls:
            progress.update(task, level=f"{number} at once")
            measured = load.run(
                number, plan, asked.scratch / str(number), lambda s: progress.update(task, description=s)
            )
            try:
                levels.append(asyncio.run(measured))
            except BenchmarkError as error:
                if not levels:
                    raise
                fell = f"At {number} calls at once: {load.first_line(error)}"
                break
            progress.advance(task)
    asked.console.print(report.table(levels))
    if fell:
        asked.console.print(fell, style="yellow", markup=False)
    return report.section(asked.where, plan, levels, asked.command, fell)
