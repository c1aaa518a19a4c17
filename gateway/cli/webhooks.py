"""`tast1 webhooks`: who is told of events, and whether they listen."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    archive,
    console,
    errors,
    fail,
    load,
    local,
    now,
    print_json,
    table,
)
from gateway.texts import text

if TYPE_CHECKING:
    from gateway.web.webhooks import Receiver

webhooks_app = typer.Typer(name="webhooks", help="Who is told of events (web.webhooks).")


@webhooks_app.callback()
def _group() -> None:
    """Who is told of events (web.webhooks)."""


@webhooks_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Who is told of what, and what waits to be told: how much, since when, what was answered last."""
    from gateway.parts import receivers
    from storage import webhooks

    with archive(config, lang) as opened:
        found = opened.database.read_sync(webhooks.waiting)
        hooks = [each.hook for each in receivers(opened.settings)]
    waits = [found.get(hook.id) for hook in hooks]
    if as_json:
        print_json(
            [
                {
                    "url": hook.url,
                    "events": sorted(hook.events),
                    "waiting": wait.count if wait else 0,
                    "since": wait.since if wait else None,
                    "last_outcome": wait.outcome if wait else None,
                }
                for hook, wait in zip(hooks, waits, strict=True)
            ]
        )
    elif not hooks:
        console.print(text("webhooks.none", lang))
    else:
        rows = [
            (
                hook.url,
                ", ".join(sorted(hook.events)),
                wait.count if wait else 0,
                local(wait.since) if wait else "",
                wait.outcome if wait else "",
            )
            for hook, wait in zip(hooks, waits, strict=True)
        ]
        table(text("title.webhooks", lang), ("url", "events", "waiting", "since", "last_outcome"), rows, lang)


@webhooks_app.command()
def test(
    url: Annotated[str, typer.Argument(help="The beginning of its address; left out: every one.")] = "",
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Tell webhooks that this is a test, signed as everything is. Exit status 1: one did not take it."""
    from gateway.parts import receivers

    meant = [each for each in receivers(load(config)) if each.hook.url.startswith(url)]
    if not meant:
        raise fail(text("webhooks.no_such", lang) if url else text("webhooks.none", lang))
    told = asyncio.run(_ping(meant))
    for receiver, (taken, outcome) in zip(meant, told, strict=True):
        if taken:
            console.print(text("webhooks.taken", lang, url=receiver.hook.url, outcome=outcome), markup=False)
        else:
            line = text("webhooks.not_taken", lang, url=receiver.hook.url, outcome=outcome)
            errors.print(line, style="red", markup=False)
    if not all(taken for taken, _ in told):
        raise typer.Exit(1)


async def _ping(receivers: list[Receiver]) -> list[tuple[bool, str]]:
    from gateway.web.webhooks import client, ping, post

    async with client() as http:
        at = now()
        return [await post(http, each, ping(uuid.uuid4().hex, at), at) for each in receivers]
