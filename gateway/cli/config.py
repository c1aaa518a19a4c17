"""`tast1 config`: check the settings, show what is in force, print their schema."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated

import typer
import yaml

from gateway.cli.context import DEFAULT_FILE, AsJson, Language, load, print_json
from gateway.config import ConfigError, ConfigFile, Settings
from gateway.texts import text

config_app = typer.Typer(name="config", help="Check and show the settings.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(envvar="TAST1_CONFIG", help="The settings file.")]


@config_app.command()
def check(
    file: File = DEFAULT_FILE,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The same as the argument.")] = None,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """List every mistake in the settings, one a line. Exit status 2 when there is one.

    What is allowed but should be known, such as what the prompt leaves to the website, is said too.
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
    if as_json:
        print_json({"ok": True, "mistakes": [], "advice": advice})
        return
    typer.echo(text("config.ok", lang, file=file, flows=len(settings.flows)))
    for one in advice:
        typer.echo(f"- {one}")


@config_app.command()
def show(file: File = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Print the settings in force, defaults and environment included, secrets masked."""
    shown = load(file).shown()
    if as_json:
        print_json(shown)
    else:
        typer.echo(yaml.safe_dump(shown, allow_unicode=True, sort_keys=False), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of config.yaml, for editors."""
    typer.echo(json.dumps(ConfigFile.model_json_schema(), ensure_ascii=False, indent=2))
