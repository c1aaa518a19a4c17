"""`tast1 gateways` and `tast1 drain`: several gateways on one database, one taken out of service."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.calls import request
from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    archive,
    console,
    fail,
    load,
    local,
    now,
    print_json,
    table,
)
from gateway.texts import text
from gateway.texts.rules import said

gateways_app = typer.Typer(name="gateways", help="The gateways on one database.")
Name = Annotated[str, typer.Argument(help="The gateway's name: its storage.instance.")]


@gateways_app.callback()
def _group() -> None:
    """The gateways on one database."""


@gateways_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """The gateways that share this database: which live, which keep house, what each one holds."""
    from gateway.archive import agreed
    from storage import instances

    with archive(config, lang) as opened:
        found = opened.database.read_sync(lambda s: instances.listing(s, now()))
        ours = agreed(opened.settings)
    if as_json:
        print_json([{**vars(each), "same_settings": each.settings == ours} for each in found])
        return
    rows = []
    for each in found:
        state = "draining" if each.draining else "up" if each.alive else "gone"
        shown = text(f"gateway.{state}", lang)
        if each.duties:
            shown += f", {text('gateway.keeps_house', lang)}"
        if each.settings != ours:
            shown += f", {text('gateway.other_settings', lang)}"
        seen = local(each.seen_at)
        rows.append((each.instance, shown, each.version, seen, each.calls_up, each.open_calls, each.files))
    table(
        text("title.gateways", lang),
        ("gateway", "state", "version", "seen", "calls_up", "open_calls", "files"),
        rows,
        lang,
    )
    if any(not each.alive and (each.files or each.open_calls) for each in found):
        console.print(text("gateway.start_it", lang), style="yellow")


@gateways_app.command()
def forget(
    name: Name,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: the gateway's folder is lost for good.")
    ] = False,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """A gateway whose folder is lost never comes back: close its calls, give up what only it had."""
    from storage import instances

    if not yes and not typer.confirm(text("gateway.sure", lang, name=name), err=True):
        raise typer.Exit(1)
    with archive(config, lang) as opened:
        try:
            calls, recordings = opened.database.write_sync(
                lambda s: instances.forget(s, name, now(), opened.settings.policy)
            )
        except instances.StillAlive as error:
            raise fail(said(str(error), lang)) from None
        opened.sweep(now())
    console.print(text("gateway.forgotten", lang, calls=calls, recordings=recordings))


def drain(
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Whether to return when the gateway has ended.")
    ] = True,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait; 0: as long as the calls last. Exit status 1 when over.")
    ] = 0.0,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Take the running gateway out of service: no new calls, and it ends when the last call has ended.

    New calls get 503 with Retry-After, OPTIONS a 503, so that a balancer sends calls elsewhere.
    """
    socket = load(config).control_socket
    try:
        up = int(asyncio.run(request(socket, "POST", "/drain?end=1"))["up"])
    except OSError:
        raise fail(text("serve.not_running", lang)) from None
    console.print(text("serve.draining", lang, count=up))
    if wait and not _wait(socket, timeout):
        raise fail(text("drain.still_up", lang))
    if wait:
        console.print(text("drain.ended", lang), style="green")


def _wait(socket: Path, timeout_s: float) -> bool:
    """Whether the gateway has ended in time: nobody answers any more."""
    until = time.monotonic() + timeout_s if timeout_s else float("inf")
    while time.monotonic() < until:
        try:
            asyncio.run(request(socket, "GET", "/calls"))
        except OSError:
            return True
        time.sleep(0.5)
    return False
