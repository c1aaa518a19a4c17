"""A call's timeline, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.cli.context import table
from gateway.texts import text, word


def print_timeline(call_id: str, entries: Sequence[dict[str, Any]], lang: str) -> None:
    """A table of `{name, at, detail}`; times in seconds from the first."""
    began = datetime.fromisoformat(entries[0]["at"]) if entries else None
    rows = []
    for entry in entries:
        at = datetime.fromisoformat(entry["at"])
        offset_s = (at - began).total_seconds() if began else 0.0
        rows.append((f"{offset_s:7.3f} s", text(f"event.{entry['name']}", lang), told(entry["detail"], lang)))
    table(text("title.timeline", lang, call=call_id[:12]), ("time", "event", "result"), rows, lang)


def told(detail: dict[str, Any], lang: str) -> str:
    """The details of an entry in one line."""
    return ", ".join(word(field, value, lang) for field, value in detail.items())
