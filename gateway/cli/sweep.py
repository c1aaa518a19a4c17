"""`tast1 sweep`: erase now what is due; the gateway does the same every minute."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    archive,
    console,
    local,
    now,
    print_json,
    table,
)
from gateway.texts import text


def sweep(
    config: ConfigFile = DEFAULT_FILE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Erase everything that no ground permits keeping any more. Safe at any time, and to interrupt."""
    with archive(config, lang) as opened, console.status(text("title.sweep", lang)):
        result = opened.sweep(now(), dry_run)
    if as_json:
        print_json(
            {
                "dry_run": result.dry_run,
                "erased": [vars(each) for each in result.erased],
                "failed": [vars(each) for each in result.failed],
            }
        )
    else:
        if result.erased:
            table(
                text("title.sweep", lang),
                ("artifact", "kind", "ground", "rule", "expires_at"),
                [
                    (e.artifact_id[:12], text(f"kind.{e.kind}", lang), e.ground, e.rule, local(e.due_at))
                    for e in result.erased
                ],
                lang,
            )
        key = "sweep.due" if dry_run else "sweep.deleted"
        console.print(text(key, lang, count=len(result.erased)))
        if dry_run:
            console.print(text("sweep.dry_run", lang))
        if result.failed:
            console.print(text("sweep.failed", lang, count=len(result.failed)), style="red")
    if result.failed:
        raise typer.Exit(1)
