"""`tast1 audit`: whether the log of everything that happened is unbroken."""

from __future__ import annotations

import typer

from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, archive, console, print_json
from gateway.texts import text

audit_app = typer.Typer(name="audit", help="The hash-chained log of what was done, and by whom.")


@audit_app.callback()
def _group() -> None:
    """The hash-chained log of what was done, and by whom."""


@audit_app.command()
def verify(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Check every entry of the chain. Exit status 1 when it is broken."""
    from storage import audit_log

    with archive(config) as opened:
        verdict = opened.database.read_sync(audit_log.verify)
    if as_json:
        print_json({**vars(verdict), "intact": verdict.intact})
    elif verdict.intact:
        console.print(text("audit.ok", lang, count=verdict.entries), style="green")
    else:
        console.print(text("audit.broken", lang, entry=verdict.broken_at), style="red")
    if not verdict.intact:
        raise typer.Exit(1)
