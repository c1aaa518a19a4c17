"""`docs/performance.md`: one section a benchmark; each run replaces its own and leaves the others.

Each section says by itself when, where and by which command it was measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.machine import Machine

SECTIONS = ("calls", "rate", "soak", "transcription", "redaction", "keys", "archive")
"""In the order of the page."""

HEAD = """# Performance

Written by `make bench`; change the benchmarks, not this page. Each section is of one run on one machine.
"""


def put(page: Path, section: str, text: str) -> None:
    """Write the section's text into the page."""
    known = sections(page.read_text(encoding="utf-8")) if page.exists() else {}
    known[section] = text.strip()
    parts = [f"<!-- {name} -->\n{known[name]}\n<!-- /{name} -->\n" for name in SECTIONS if name in known]
    page.write_text("\n".join([HEAD, *parts]), encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """The sections of a page, by name."""
    return {
        name: body.strip()
        for name, body in re.findall(r"^<!-- (\w+) -->\n(.*?)^<!-- /\1 -->$", text, re.MULTILINE | re.DOTALL)
    }


Rows = Sequence[tuple[str, ...]]


def in_markdown(headings: tuple[str, ...], rows: Rows) -> str:
    """A table of figures for the page."""
    lines = (headings, ("---:",) * len(headings), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def on_screen(title: str, headings: tuple[str, ...], rows: Rows) -> Table:
    """The same for who waits for it."""
    shown = Table(title=title)
    for heading in headings:
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(*row)
    return shown


def measured_on(where: Machine, command: str) -> str:
    """When, where and how: a table for the end of a section."""
    load = " / ".join(f"{number:.2f}" for number in where.load)
    return f"""| | |
|---|---|
| Command | `{command}` |
| Date | {where.date} |
| CPU | {where.cpu}, {where.cores} cores, {where.memory_gib:.0f} GiB of memory, Linux {where.kernel} |
| Speed | 2,000,000 rounds of a fixed loop in Python: {where.loop_ms:.0f} ms on one core (best of 5) |
| Versions | Python {where.python}, pjsua2-python {where.pjsua2}, SIPp {where.sipp} |
| Load average before the run | {load} (1, 5, 15 minutes) |"""
