"""What the commands share: settings, archive, language, tables and JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gateway.config import ConfigError, Settings
from gateway.texts import UnknownLanguage, language, text
from gateway.texts.rules import said
from storage.policy.clocks import COPENHAGEN

DEFAULT_FILE = Path("config.yaml")

ConfigFile = Annotated[Path, typer.Option("--config", "-c", envvar="TAST1_CONFIG", help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Language = Annotated[
    str,
    typer.Option("--lang", envvar="TAST1_LANG", help="da or en.", callback=lambda name: _known(name)),
]

console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
errors = Console(stderr=True, highlight=False)


def _known(name: str) -> str:
    try:
        return language(name)
    except UnknownLanguage as error:
        raise typer.BadParameter(str(error)) from None


def load(file: Path) -> Settings:
    """The settings, or every mistake in them and exit status 2: nothing starts."""
    try:
        return Settings.load(file, os.environ)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def fail(message: str, status: int = 1) -> typer.Exit:
    """Say what is wrong on stderr; raise what this returns."""
    errors.print(message, style="red", markup=False)
    return typer.Exit(status)


@contextmanager
def archive(file: Path, lang: str, replay: bool = True) -> Iterator[Any]:
    """Storage for the time of a command; its errors are said in one line, in a language.

    `replay` false leaves a restored database as it is (`tast1 erase`, which says what it does with it).
    """
    from gateway.app import Archive
    from storage.database import DatabaseError
    from storage.keys import KeysError
    from storage.sealed import MediaError

    settings = load(file)
    try:
        opened = Archive.open(settings, replay)
    except (DatabaseError, KeysError, MediaError) as error:
        raise fail(said(str(error), lang)) from None
    try:
        yield opened
    except (DatabaseError, KeysError, MediaError) as error:
        raise fail(said(str(error), lang)) from None
    finally:
        opened.close()


def operator() -> dict[str, Any]:
    """Who gives a command on this machine without a token, for the audit log: the account of the system."""
    return {"id": f"os:{os.getuid()}", "role": "SYSADMIN", "channel": "cli"}


def print_json(value: Any) -> None:
    """One JSON document on stdout; instants in ISO 8601."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], lang: str) -> None:
    """A table for people; `columns` are keys below `column.` of the texts."""
    shown = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        shown.add_column(text(f"column.{column}", lang), overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else str(cell) for cell in row))
    console.print(shown)


def local(instant: datetime | None) -> str:
    """An instant as people here read it: local time, to the second."""
    return "" if instant is None else instant.astimezone(COPENHAGEN).strftime("%Y-%m-%d %H:%M:%S")


def seconds(duration_ms: int | None) -> str:
    """A length such as 0:42."""
    if duration_ms is None:
        return ""
    minutes, rest = divmod(round(duration_ms / 1000), 60)
    return f"{minutes}:{rest:02d}"


def now() -> datetime:
    """This instant, UTC."""
    return datetime.now(timezone.utc)
