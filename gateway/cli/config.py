"""`tast1 config`: check the settings, show what is in force, print their schema."""

from __future__ import annotations

import dataclasses
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from gateway.cli.context import DEFAULT_FILE, AsJson, Language, load, print_json
from gateway.cli.reload import ask_reload, print_reload
from gateway.config import ConfigError, ConfigFile, Settings, effects, source
from gateway.texts import text

if TYPE_CHECKING:
    from gateway.workshop.fitting import Unfit
    from storage.prompts import Stock

config_app = typer.Typer(name="config", help="Check and show the settings.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(envvar="TAST1_CONFIG", help="The settings file.")]


@config_app.command()
def check(
    file: File = DEFAULT_FILE,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The same as the argument.")] = None,
    against_running: Annotated[
        bool, typer.Option("--against-running", help="Say also what a reload of the gateway would change.")
    ] = False,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """List every mistake in the settings, one a line. Exit status 2 when there is one.

    What is allowed but should be known, such as what the prompt leaves to the website, is said too. With
    --against-running the file may be a draft: the gateway of the control socket it names is asked.
    """
    file = config or file
    try:
        settings = Settings.load(file, os.environ)
    except ConfigError as error:
        if as_json:
            print_json({"ok": False, "mistakes": [dataclasses.asdict(one) for one in error.mistakes]})
        else:
            typer.echo(str(error))
        raise typer.Exit(2) from None
    advice = [text(f"advice.{one}", lang) for one in settings.advice()]
    advice += [
        text("unfit", lang, prompt=one.prompt, flow=one.flow, accepts=one.accepts, says=one.says)
        for one in _unfit(settings)
    ]
    would = ask_reload(file, lang, dry_run=True, file=file) if against_running else None
    if as_json:
        compared = {"reload": would} if would else {}
        print_json({"ok": True, "mistakes": [], "advice": advice, **compared})
        return
    typer.echo(text("config.ok", lang, file=file, flows=len(settings.flows)))
    for one in advice:
        typer.echo(f"- {one}")
    if would is not None:
        print_reload(would, as_json, lang)
        if not would["taken"]:
            raise typer.Exit(2)


@config_app.command()
def show(file: File = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Print the settings, defaults and environment included, secrets masked; [start]: waits for a start."""
    settings = load(file)
    shown = settings.shown()
    if as_json:
        print_json(shown)
        return
    written = yaml.safe_dump(shown, allow_unicode=True, sort_keys=False)
    lines, places = written.splitlines(), source.read(written, file.name).lines
    for key, _, effect in effects.leaves(settings.file):
        if effect == effects.START and key in places:
            lines[places[key] - 1] += "  # [start]"
    typer.echo("\n".join(lines))


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of config.yaml, for editors."""
    typer.echo(json.dumps(effects.schema(ConfigFile), ensure_ascii=False, indent=2))


def _unfit(settings: Settings) -> tuple[Unfit, ...]:
    """Consent questions that do not go with their flow's key, those activated in the archive included."""
    from gateway.workshop.fitting import unfit
    from ivr_prompts.catalogue import Catalogue

    catalogue = Catalogue.load(settings.prompts.folder)
    now = datetime.now(timezone.utc)
    return unfit(catalogue, _activated(settings, now), settings.flows, now)


def _activated(settings: Settings, at: datetime) -> Stock:
    """What was activated, if there is an archive that can be asked: a check makes none, and needs none."""
    from storage.database import Database, DatabaseError
    from storage.prompts import Stock, stock

    if settings.storage.database is None and not (settings.storage.folder / "tast1.sqlite").is_file():
        return Stock()
    try:
        database = Database(settings.database_url, migrate_first=False)
        try:
            return database.read_sync(lambda session: stock(session, at))
        finally:
            database.close()
    except (DatabaseError, OSError, ValueError):  # ValueError: the file with its address is gone
        return Stock()
