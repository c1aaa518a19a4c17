"""`tast1 erase`: what must be gone stays gone after a restore, and a search for what is not."""

from __future__ import annotations

import typer

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    archive,
    console,
    now,
    print_json,
    table,
)
from gateway.texts import text

erase_app = typer.Typer(name="erase", help="What must be gone: after a restore, and in every corner.")


@erase_app.callback()
def _group() -> None:
    """What must be gone: after a restore, and in every corner."""


@erase_app.command()
def replay(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Erase again what a restored backup brought back, by the erasure ledger. Exit status 1 on failures."""
    with archive(config, lang, replay=False) as opened:
        again = opened.replay(now())
    if as_json:
        print_json(
            {
                "erased": [vars(each) for each in again.erased],
                "failed": [vars(each) for each in again.failed],
                "files_removed": again.files_removed,
                "torn_lines": again.torn_lines,
            }
        )
    else:
        console.print(text("erase.again", lang, count=len(again.erased), files=again.files_removed))
        if again.torn_lines:
            console.print(text("erase.torn", lang, count=again.torn_lines), style="yellow")
        if again.failed:
            console.print(text("sweep.failed", lang, count=len(again.failed)), style="red")
    if again.failed:
        raise typer.Exit(1)


@erase_app.command()
def verify(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Search files, rows and the database's bytes for what must be gone. Exit status 1 when any is found."""
    from storage import remains

    with archive(config, lang, replay=False) as opened:
        found = remains.search(
            opened.database,
            opened.store,
            opened.keys,
            now(),
            opened.settings.policy,
            opened.settings.storage.memory_folder,
        )
    if as_json:
        print_json({"findings": [vars(each) for each in found]})
    elif found:
        rows = [(text(f"remains.{each.what}", lang), each.where) for each in found]
        table(text("title.remains", lang), ("finding", "place"), rows, lang)
        console.print(text("erase.found", lang, count=len(found)), style="red")
    else:
        console.print(text("erase.clean", lang), style="green")
    if found:
        raise typer.Exit(1)
