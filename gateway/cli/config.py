"""`tast1 config`: check the settings, show what is in force, print their schema."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
import yaml

from gateway.config import ConfigError, ConfigFile, Settings
from gateway.texts import UnknownLanguage, language, text

config_app = typer.Typer(name="config", help="Check and show the settings.", no_args_is_help=True)

ConfigPath = Annotated[
    Path,
    typer.Argument(envvar="TAST1_CONFIG", show_default=True, help="The settings file.", metavar="[FILE]"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Language = Annotated[
    str, typer.Option("--lang", envvar="TAST1_LANG", help="da or en.", callback=lambda name: _known(name))
]

DEFAULT_FILE = Path("config.yaml")


def _known(name: str) -> str:
    try:
        return language(name)
    except UnknownLanguage as error:
        raise typer.BadParameter(str(error)) from None


@config_app.command()
def check(file: ConfigPath = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """List every mistake in the settings, one a line. Exit status 2 when there is one."""
    try:
        settings = Settings.load(file, os.environ)
    except ConfigError as error:
        if as_json:
            rows = [vars(mistake) for mistake in error.mistakes]
            typer.echo(json.dumps({"ok": False, "mistakes": rows}, ensure_ascii=False))
        else:
            typer.echo(str(error))
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps({"ok": True, "mistakes": []}))
    else:
        typer.echo(text("config.ok", lang, file=file, flows=len(settings.flows)))


@config_app.command()
def show(file: ConfigPath = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Print the settings in force, defaults and environment included, secrets masked."""
    try:
        shown = Settings.load(file, os.environ).shown()
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        typer.echo(yaml.safe_dump(shown, allow_unicode=True, sort_keys=False), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of config.yaml, for editors."""
    typer.echo(json.dumps(ConfigFile.model_json_schema(), ensure_ascii=False, indent=2))
