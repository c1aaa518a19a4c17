"""`tast1 recipients`: who was given a copy of what was then erased by a caller's order, and must be told."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, local, print_json, table
from gateway.cli.desk import AsRole, at_desk
from gateway.texts import text

recipients_app = typer.Typer(name="recipients", help="Recipients of copies that must be told of an erasure.")
Number = Annotated[int, typer.Argument(help="The number in `tast1 recipients list`.")]


@recipients_app.callback()
def _group() -> None:
    """Recipients of copies that must be told of an erasure (article 19)."""


@recipients_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Recipients who must be told, or have not confirmed."""
    from storage import disclosures

    with at_desk(config, lang) as work:
        found = work.desk.db.read_sync(disclosures.waiting)
    if as_json:
        names = ("id", "recipient", "at", "erased_at", "erased_by", "notified_at")
        print_json([{name: getattr(row, name) for name in names} for row in found])
    elif not found:
        console.print(text("recipients.none", lang))
    else:
        rows = [
            (
                row.id,
                row.recipient,
                local(row.at),
                local(row.erased_at),
                row.erased_by,
                local(row.notified_at),
            )
            for row in found
        ]
        table(
            text("title.recipients", lang),
            ("number", "recipient", "time", "deleted_at", "rule", "notified"),
            rows,
            lang,
        )


@recipients_app.command()
def told(
    number: Number, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
) -> None:
    """The recipient was told."""
    with at_desk(config, lang) as work:
        work.desk.tell_recipient(work.asking(role), number, False, work.at)
    console.print(text("desk.noted", lang))


@recipients_app.command()
def confirmed(
    number: Number, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
) -> None:
    """The recipient confirmed that its copy is erased, too."""
    with at_desk(config, lang) as work:
        work.desk.tell_recipient(work.asking(role), number, True, work.at)
    console.print(text("desk.noted", lang))
