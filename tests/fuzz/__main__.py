"""`make fuzz`: every target, or those that are named, each for so many seconds; what was reached and found.

    make fuzz ARGS="--seconds 60"                 all, a minute each
    make fuzz ARGS="--seconds 1800 router lexer"  two of them, half an hour each
    make fuzz ARGS="--seconds 600 --corpus DIR --keep"   go on from DIR, and keep what is worth keeping

Exit status 1: something was found. The input that did it is in the folder that is named, and is run again by
`python -m tests.fuzz.child TARGET FILE`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.fuzz.kept import HERE, TARGETS, keep, kept, target

ROOT = HERE.parents[1]
_PROGRESS = re.compile(r"^#(\d+)\s.*?cov: (\d+) ft: (\d+)")
_DONE = re.compile(r"^stat::number_of_executed_units:\s+(\d+)")
console = Console()


@dataclass
class Result:
    """What came of one target. `edges`: places in the code reached, as the fuzzer counts them."""

    name: str
    seconds: float = 0.0
    executions: int = 0
    edges: int = 0
    features: int = 0
    finding: str = ""
    """The last line of the traceback, or what libFuzzer says; empty: nothing was found."""


def fuzz(name: str, seconds: int, seed: int, corpus: Path, found: Path, show: Progress) -> Result:
    """Fuzz one target. New inputs go to `corpus`, what breaks a promise to `found`."""
    module = target_facts(name)
    corpus.mkdir(parents=True, exist_ok=True)
    for at, data in enumerate([*module.seeds, *kept(name)]):
        (corpus / f"seed-{at}").write_bytes(data)
    flags = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={module.most}",
        f"-artifact_prefix={found}/{name}-",
        *("-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1", "-reduce_inputs=1"),
    ]
    if module.words:
        words = found / f"{name}.dict"
        escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in module.words)
        words.write_text("".join(f'"{word}"\n' for word in escaped))
        flags.append(f"-dict={words}")
    result = Result(name)
    bar = show.add_task(name, total=seconds, told="")
    started = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz.child", name, *flags, str(corpus)]
    told: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if progress := _PROGRESS.match(line):
                result.executions, result.edges, result.features = map(int, progress.groups())
            elif done := _DONE.match(line):
                result.executions = int(done[1])
            else:
                told = [*told[-60:], line.rstrip()]
            result.seconds = time.monotonic() - started
            seen = f"{result.executions} runs, {result.edges} edges"
            show.update(bar, completed=min(seconds, result.seconds), told=seen)
    if child.returncode:
        result.finding = _finding(told) or f"the fuzzer ended with status {child.returncode}"
    show.update(bar, completed=seconds)
    return result


@dataclass(frozen=True)
class Facts:
    """What the runner must know of a target without importing what it fuzzes into this process."""

    seeds: list[bytes]
    words: tuple[bytes, ...]
    most: int


def target_facts(name: str) -> Facts:
    """Seeds, dictionary and longest input of a target."""
    module = target(name)
    return Facts(list(module.SEEDS), getattr(module, "WORDS", ()), getattr(module, "MOST_BYTES", 4096))


def _finding(told: list[str]) -> str:
    for form in (r"^[\w.]*(Error|Exception|Malformed|Refused|Interrupt|Exit)\b", r"^==\d+== ?ERROR"):
        for line in reversed(told):
            if re.match(form, line):
                return line
    return ""


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Fuzz what reads hostile input.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; none: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--seed", type=int, default=1, help="where the fuzzer's dice begin (1)")
    parser.add_argument("--corpus", type=Path, help="a folder of inputs to go on from, and to add to")
    parser.add_argument("--keep", action="store_true", help="write what is worth keeping to tests/fuzz/seeds")
    asked = parser.parse_args()
    unknown = sorted(name for name in asked.targets if name not in TARGETS and "." not in name)
    if unknown:
        parser.error(f"there is no target {unknown[0]}; there are {', '.join(TARGETS)}")
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("atheris is not installed: it has builds for Linux on x86-64 alone", file=sys.stderr)
        return 2
    found = Path(tempfile.mkdtemp(prefix="tast1-fuzz-"))
    base = asked.corpus or found / "corpus"
    results = []
    columns = (TextColumn("{task.description:>14}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as show:
        for name in asked.targets or TARGETS:
            result = fuzz(name, asked.seconds, asked.seed, base / name, found, show)
            results.append(result)
            if not console.is_terminal:
                print(_line(result), flush=True)
    if console.is_terminal:
        for result in results:
            print(_line(result))
    if asked.keep:
        for result in results:
            inputs = [path.read_bytes() for path in (base / result.name).iterdir()]
            print(f"{result.name}: {keep(result.name, inputs)} seeds kept")
    bad = [result.name for result in results if result.finding]
    print(
        f"{len(results)} targets, {sum(r.executions for r in results)} executions, {len(bad)} with findings"
    )
    if bad:
        print(f"what was found: {found}{os.sep}")
    return 1 if bad else 0


def _line(result: Result) -> str:
    end = f"FOUND {result.finding}" if result.finding else "nothing found"
    return (
        f"{result.name:>14}: {result.seconds:6.0f} s {result.executions:>9} executions "
        f"{result.edges:>6} edges {result.features:>6} features  {end}"
    )


if __name__ == "__main__":
    sys.exit(main())
