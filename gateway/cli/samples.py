"""`tast1 samples`: calls drawn for compliance, by seed, prolonging nothing."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, local, print_json, table
from gateway.cli.desk import AsRole, at_desk, day
from gateway.cli.requests import print_notes
from gateway.texts import text, word

samples_app = typer.Typer(name="samples", help="Compliance samples: drawn by seed, prolonging nothing.")
SampleId = Annotated[str, typer.Argument(help="The id of the sample, such as P-2025-7KQ4M.")]


@samples_app.callback()
def _group() -> None:
    """Compliance samples: drawn by seed, prolonging nothing."""


@samples_app.command()
def draw(
    objective: Annotated[str, typer.Option(help="What is controlled: a rule or a control, no person.")],
    first: Annotated[str, typer.Option("--from", help="The first day of the calls, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="The last day.")],
    size: Annotated[int, typer.Option(help="How many calls.", min=1)] = 25,
    seed: Annotated[
        str | None, typer.Option(help="The same seed draws the same; made up when left out.")
    ] = None,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Draw calls that are kept on consent; special categories are left out and replaced (R-55, R-57)."""
    from storage import samples
    from storage.policy import events as e

    plan = samples.Plan(objective, day(first), day(last), size, seed or secrets.token_hex(8))
    with at_desk(config, lang) as work:
        drawing = samples.draw(work.desk, work.asking(role, for_event=e.Sampled), plan, work.at)
    if as_json:
        told = {name: value for name, value in vars(drawing).items() if name != "done"}
        print_json({**told, "seed": plan.seed})
        return
    console.print(
        text("samples.drawn", lang, sample=drawing.sample, count=len(drawing.calls), of=drawing.population)
    )
    console.print(text("samples.seed", lang, seed=plan.seed, excluded=drawing.excluded))
    for call in drawing.calls:
        typer.echo(call)


@samples_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Samples whose record is kept, with their plans."""
    from storage import cases
    from storage.model import CaseKind

    with at_desk(config, lang) as work:
        found = work.desk.db.read_sync(lambda s: cases.listing(s, CaseKind.SAMPLE, everything=True))
    rows = [
        {"sample": row.id, "drawn_at": row.opened_at, "by": row.opened_by, **(row.facts or {})}
        for row in found
    ]
    if as_json:
        print_json(rows)
    elif not rows:
        console.print(text("samples.none", lang))
    else:
        shown = [
            (
                row["sample"],
                local(row["drawn_at"]),
                row["by"],
                row.get("objective"),
                f"{row.get('drawn')} / {row.get('population')}",
                row.get("seed"),
            )
            for row in rows
        ]
        table(
            text("title.samples", lang),
            ("sample", "time", "actor", "objective", "drawn", "seed"),
            shown,
            lang,
        )


@samples_app.command()
def show(
    sample: SampleId,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """One sample: its plan, its calls, its findings."""
    from storage import cases
    from storage.model import CaseKind

    with at_desk(config, lang) as work:
        row = work.desk.db.read_sync(lambda s: cases.get(s, sample, CaseKind.SAMPLE))
        calls = work.desk.db.read_sync(lambda s: cases.calls_of(s, sample))
        notes = work.desk.gate.read_notes(work.asking(role, "compliance", sample), sample, work.at)
    if as_json:
        print_json({"sample": sample, **(row.facts or {}), "calls": calls, "notes": [vars(n) for n in notes]})
        return
    for name, value in {**(row.facts or {}), "calls": ", ".join(calls)}.items():
        console.print(f"{word('fact', name, lang)}: {value}", markup=False)
    print_notes(notes, lang)


@samples_app.command()
def finding(
    sample: SampleId,
    call: Annotated[str, typer.Argument(help="The call, as the sample names it.")],
    found: Annotated[str, typer.Option("--text", help="What was found, in your own words; no quotation.")],
    follow_up: Annotated[str, typer.Option(help="What is done about it.")] = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Note what was found in a drawn call."""
    from storage import samples
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.Sampled)
        told = {"finding": found, "follow_up": follow_up}
        samples.note_finding(work.desk, asking, sample, work.call(call), told, work.at)
    console.print(text("desk.noted", lang))


@samples_app.command()
def replace(
    sample: SampleId,
    call: Annotated[str, typer.Argument(help="The drawn call that may not be read after all.")],
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Leave out a drawn call that turned out to hold special categories; the next one is drawn (R-57)."""
    from storage import samples
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.SampleReplaced)
        drawn = samples.replace(work.desk, asking, sample, work.call(call), work.at)
    console.print(text("samples.replaced", lang))
    typer.echo(drawn)
