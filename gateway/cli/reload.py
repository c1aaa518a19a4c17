"""`tast1 reload`: the gateway reads its settings again; and what that would change, before it does."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    console,
    errors,
    fail,
    load,
    print_json,
    table,
)
from gateway.cli.desk import AsRole, token_given
from gateway.config.effects import NOW, START
from gateway.config.mistakes import Mistake
from gateway.config.settings import control_socket_of
from gateway.texts import text
from gateway.texts.rules import said

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]


def reload(
    dry_run: DryRun = False,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Have the running gateway read its settings again. Calls that are up keep what they began with.

    A mistake leaves the settings before in force (exit status 2). What only a start can change is named.
    """
    told = ask_reload(config, lang, dry_run=dry_run, role=role)
    print_reload(told, as_json, lang)
    if not told["taken"]:
        raise typer.Exit(2)


def ask_reload(
    config: Path, lang: str, dry_run: bool, role: str | None = None, file: Path | None = None
) -> dict[str, Any]:
    """Ask the gateway whose settings are `config`; with `dry_run` about `file` in their place.

    Works with mistakes in the settings, too: it is the gateway that reads them and says which.
    """
    socket = control_socket_of(config, os.environ)
    asked: dict[str, Any] = {"dry_run": dry_run, "role": role, "uid": os.getuid()}
    asked |= {"token": token_given(lang), "file": str(file.absolute()) if file else None}
    try:
        return asyncio.run(_post(socket, asked))
    except PermissionError as error:
        raise fail(f"{text('desk.not_allowed', lang)} {said(str(error), lang)}", 3) from None
    except RuntimeError as error:
        raise fail(said(str(error), lang)) from None
    except OSError:
        load(config)  # with mistakes in the settings nobody may be where they say: tell those
        raise fail(text("serve.not_running", lang)) from None


async def _post(socket: Path, asked: dict[str, Any]) -> dict[str, Any]:
    import aiohttp

    connector = aiohttp.UnixConnector(path=str(socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://tast1/reload", json=asked) as response,
    ):
        told: dict[str, Any] = await response.json()
        if response.status == 403:
            raise PermissionError(told["error"])
        if response.status != 200:
            raise RuntimeError(told["error"])
        return told


def print_reload(told: dict[str, Any], as_json: bool, lang: str) -> None:
    """What a reload did, or would do."""
    if as_json:
        print_json(told)
        return
    if not told["taken"]:
        for mistake in told["mistakes"]:
            typer.echo(str(Mistake(**mistake)), err=True)
        errors.print(text("reload.refused", lang), style="red", markup=False)
        return
    for each in told["unfit"]:
        errors.print(
            text(
                "unfit",
                lang,
                prompt=each["prompt"],
                flow=each["flow"],
                accepts=each["accepts"],
                says=each["says"],
            ),
            style="yellow",
            markup=False,
        )
    found, dry_run = told["changes"], told["dry_run"]
    if not found:
        console.print(text("reload.same", lang))
        return
    table(
        text("title.reload", lang),
        ("setting", "before", "after", "takes_effect"),
        [
            (
                change["key"],
                escape(change["before"] or ""),  # a list in brackets is no markup
                escape(change["after"] or ""),
                text(f"effect.{_EFFECT_NAMES.get(change['effect'], 'calls')}", lang),
            )
            for change in found
        ],
        lang,
    )
    waiting = sum(change["effect"] == START for change in found)
    if dry_run:
        console.print(text("reload.would", lang, count=len(found) - waiting), style="green")
    else:
        console.print(text("reload.done", lang, count=len(found) - waiting), style="green")
    if waiting:
        console.print(text("reload.waiting", lang, count=waiting), style="yellow")


_EFFECT_NAMES = {NOW: "now", START: "start"}
