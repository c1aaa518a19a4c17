"""`tast1 model`: the speech models that come with Tast1, and whether a model or a transcriber works."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.context import AsJson, Language, console, fail, print_json, table
from gateway.texts import text
from gateway.texts.rules import said

model_app = typer.Typer(
    name="model", help="Speech models: those that come with Tast1, and whether one works."
)
URLS = ("ws://", "wss://")


@model_app.callback()
def _group() -> None:
    """Speech models: those that come with Tast1, and whether one works."""


@model_app.command("list")
def listing(
    show: Annotated[
        bool, typer.Option("--card", help="Print each model's card: what it is for, how good.")
    ] = False,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """The models that come with Tast1; each name may stand in `transcription.model`."""
    from transcription.models import catalogue
    from transcription.recogniser import ModelFacts

    rows = []
    for name in catalogue.BUILT_IN:
        folder = catalogue.folder_of(name)
        facts = ModelFacts.of(folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        figures = catalogue.figures(name)
        rows.append(
            {
                "model": name,
                "vocabulary": facts.vocabulary,
                "rate_hz": facts.rate_hz,
                "bytes": size,
                **figures,
            }
        )
    if as_json:
        print_json(rows)
        return
    table(
        text("title.models", lang),
        ("model", "vocabulary", "rate", "megabytes", "word_errors"),
        [
            (
                row["model"],
                row["vocabulary"],
                row["rate_hz"],
                f"{row['bytes'] / 1e6:.1f}",
                f"{row['word_error_rate']:.1%}",
            )
            for row in rows
        ],
        lang,
    )
    console.print(text("model.demo_only", lang), markup=False)
    if show:
        for name in catalogue.BUILT_IN:
            console.print(catalogue.card(name), markup=False)


@model_app.command()
def check(
    model: Annotated[
        str, typer.Argument(help="A built-in name, a folder, or the ws:// address of a transcriber.")
    ],
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Load a model, or ask a transcriber, and let it hear a Danish sentence.

    Exit status 0: it works; 1: it loads but hears nothing of the sentence; 2: it is no model, or nobody
    answers.
    """
    from transcription.models import check as checks
    from transcription.models.catalogue import folder_of

    try:
        is_url = model.startswith(URLS)
        report = checks.check_url(model) if is_url else checks.check_folder(folder_of(model))
    except checks.CheckError as error:
        raise fail(said(str(error), lang), 2) from None
    if as_json:
        print_json(report.plain())
    else:
        _print(report, lang)
    if not report.hears:
        raise fail(text("model.hears_nothing", lang))


def _print(report: Any, lang: str) -> None:
    console.print(report.model, style="bold", markup=False)
    if report.rate_hz is not None:
        phrases = text("yes" if report.phrases else "no", lang)
        facts = text("model.facts", lang, rate=report.rate_hz, words=report.vocabulary, phrases=phrases)
        console.print(facts, markup=False)
    console.print(text("model.said", lang, words=report.said), markup=False)
    console.print(text("model.heard", lang, words=report.heard or "-"), markup=False)
