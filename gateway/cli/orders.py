"""`tast1 orders`: courts, police and supervisors that order calls kept."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, local, print_json, table
from gateway.cli.desk import AsRole, Calls, Reason, at_desk, words
from gateway.texts import text

orders_app = typer.Typer(name="orders", help="Orders of courts and authorities to keep calls.")


@orders_app.callback()
def _group() -> None:
    """Orders of courts and authorities to keep calls."""


@orders_app.command()
def receive(
    calls: Calls,
    reason: Annotated[str, typer.Option(help="Whose order, and its reference; kept sealed with it.")],
    order: Annotated[str | None, typer.Option("--id", help="Its id; made up when left out.")] = None,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Keep these calls until the order is lifted; it opens them to nobody but the legal role."""
    from storage import orders
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.AuthorityOrdered)
        made, done = orders.receive(work.desk, asking, work.calls(calls), words(reason), work.at, order)
        work.tell(done, text("orders.received", lang, order=made))


@orders_app.command()
def lift(
    order: Annotated[str, typer.Argument(help="The id of the order.")],
    reason: Reason = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """The order no longer holds; what rests on it alone is erased now."""
    from storage import orders
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.AuthorityLifted)
        work.tell(orders.lift(work.desk, asking, order, words(reason), work.at), text("desk.done", lang))


@orders_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Orders that hold."""
    from storage import cases
    from storage.model import CaseKind

    with at_desk(config, lang) as work:
        found = work.desk.db.read_sync(
            lambda s: [
                (row.id, row.opened_at, row.opened_by, cases.calls_of(s, row.id))
                for row in cases.listing(s, CaseKind.AUTHORITY_ORDER)
            ]
        )
    if as_json:
        names = ("order", "received_at", "by", "calls")
        print_json([dict(zip(names, row, strict=True)) for row in found])
    elif not found:
        console.print(text("orders.none", lang))
    else:
        rows = [(order, local(at), by, len(calls)) for order, at, by, calls in found]
        table(text("title.orders", lang), ("case", "received", "actor", "calls_count"), rows, lang)
