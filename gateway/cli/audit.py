"""`tast1 audit`: whether the log of everything that happened is unbroken, and a copy others can check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    archive,
    console,
    fail,
    now,
    operator,
    print_json,
)
from gateway.texts import text

audit_app = typer.Typer(name="audit", help="The hash-chained log of what was done, and by whom.")


@audit_app.callback()
def _group() -> None:
    """The hash-chained log of what was done, and by whom."""


@audit_app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported file; checked without database and settings.")
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option("--public-key", help="Who must have signed the file (see `tast1 audit key`)."),
    ] = None,
    older: Annotated[
        Path | None,
        typer.Option("--older", help="An earlier export; the file must continue it, entry by entry."),
    ] = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Check every entry of the chain, here or in an exported file. Exit status 1 when it is broken."""
    if file is not None:
        _verify_file(file, public_key, older, as_json, lang)
        return
    from storage import audit_log

    with archive(config, lang) as opened:
        verdict = opened.database.read_sync(audit_log.verify)
    if as_json:
        print_json({**vars(verdict), "intact": verdict.intact})
    elif verdict.intact:
        console.print(text("audit.ok", lang, count=verdict.entries), style="green")
        if verdict.dropped:
            console.print(text("audit.dropped", lang, count=verdict.dropped))
    else:
        console.print(text("audit.broken", lang, entry=verdict.broken_at), style="red")
    if not verdict.intact:
        raise typer.Exit(1)


def _verify_file(file: Path, public_key: str | None, older: Path | None, as_json: bool, lang: str) -> None:
    from storage import audit_export

    try:
        with file.open("rb") as opened, (older or file).open("rb") as earlier:
            verdict = audit_export.verify(opened, public_key, earlier if older else None)
    except OSError as error:
        path = error.filename or file
        raise fail(text("audit.unreadable", lang, path=path, why=error.strerror)) from None
    if as_json:
        print_json({**vars(verdict), "intact": verdict.intact})
    elif verdict.intact:
        console.print(text("audit.ok", lang, count=verdict.entries), style="green")
        if verdict.dropped:
            console.print(text("audit.dropped", lang, count=verdict.dropped))
        said = "audit.signed_by" if public_key else "audit.signed_by_whom"
        console.print(text(said, lang, signer=verdict.public_key))
    else:
        if verdict.broken_at is not None:
            console.print(text("audit.broken", lang, entry=verdict.broken_at), style="red")
        console.print(text(f"audit.fault.{verdict.fault}", lang), style="red")
    if not verdict.intact:
        raise typer.Exit(1)


@audit_app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write; must not exist.")],
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Write the whole log to a file that anybody can check with `tast1 audit verify FILE`."""
    from storage import audit_export, audit_log

    with archive(config, lang) as opened:
        if out.exists():
            raise fail(text("recordings.exists", lang, path=out))
        opened.database.write_sync(
            lambda s: audit_log.append(s, now(), "audit.export", "audit", {}, operator())
        )
        try:
            opened.database.read_sync(lambda s: audit_export.write(out, audit_export.lines(s, opened.keys)))
        except FileExistsError:
            raise fail(text("recordings.exists", lang, path=out)) from None
        except OSError as error:
            raise fail(text("audit.unwritable", lang, path=out, why=error.strerror)) from None
    console.print(text("audit.exported", lang, path=out))


@audit_app.command()
def key(config: ConfigFile = DEFAULT_FILE, lang: Language = "da") -> None:
    """Print the public key that checks this gateway's signatures. Give it to who will check them."""
    with archive(config, lang) as opened:
        typer.echo(opened.keys.public_key)
