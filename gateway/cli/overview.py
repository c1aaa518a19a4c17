"""`tast1 tasks` and `tast1 report`: what waits for somebody, and the month as the DPO reads it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, fail, print_json, table
from gateway.cli.desk import at_desk
from gateway.texts import text, word
from gateway.texts.rules import said

_STYLES = ("", "yellow", "red")


def tasks(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """What waits: replies, freezes, triages, limitation dates, reviews, recipients, failed erasures."""
    from storage import tasks as storage_tasks

    with at_desk(config, lang) as work:
        found = work.desk.db.read_sync(lambda s: storage_tasks.waiting(s, work.desk, work.at))
    if as_json:
        print_json([vars(task) for task in found])
    elif not found:
        console.print(text("tasks.none", lang), style="green")
    else:
        table(
            text("title.tasks", lang),
            ("kind", "about", "due", "calls_count", "state"),
            [
                (
                    text(f"task.{task.kind}", lang),
                    task.about,
                    task.due,
                    task.count,
                    text(f"level.{task.level}", lang),
                )
                for task in found
            ],
            lang,
        )


def report(
    month: Annotated[
        str | None, typer.Option(help="The month, YYYY-MM; the last whole month when left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the JSON here as well.")] = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """The monthly retention report: what is kept and why, what went, what is late, what was decided."""
    from storage import report as storage_report
    from storage.policy.clocks import local_date

    with at_desk(config, lang) as work, console.status(text("report.making", lang)):
        last = (local_date(work.at).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        try:
            first = storage_report.month_of(month or last)
        except ValueError:
            raise fail(text("report.month", lang)) from None
        made = storage_report.build(work.desk, first, work.at)
    if out is not None:
        import json

        if out.exists():
            raise fail(text("recordings.exists", lang, path=out))
        out.write_text(json.dumps(made, ensure_ascii=False, indent=2), encoding="utf-8")
    if as_json:
        print_json(made)
    else:
        _show(made, lang)


def _show(made: dict[str, Any], lang: str) -> None:
    console.rule(text("report.title", lang, month=made["month"], controller=made["controller"]))
    table(
        text("report.kept", lang),
        ("kind", "ground", "age", "count"),
        [(text(f"kind.{r['kind']}", lang), r["ground"], r["age"], r["count"]) for r in made["kept"]],
        lang,
    )
    table(
        text("report.erased", lang),
        ("kind", "rule", "count", "retried"),
        [(text(f"kind.{r['kind']}", lang), r["rule"], r["count"], r["retried"]) for r in made["erased"]],
        lang,
    )
    overdue = made["overdue"] + made["begun_not_complete"]
    console.print(text("report.overdue", lang, count=overdue), style="green" if overdue == 0 else "red")
    table(
        text("title.tasks", lang),
        ("kind", "about", "due", "state"),
        [
            (text(f"task.{t['kind']}", lang), t["about"], t["due"], text(f"level.{t['level']}", lang))
            for t in made["waiting"]
        ],
        lang,
    )
    counted = {**made["questions"], **made["events"], **made["refused"]}
    happened = [(_happened(name, lang), count) for name, count in counted.items()]
    table(text("report.events", lang), ("event", "count"), happened, lang)
    decisions = [("R-44", each) for each in made["extensions"]]
    decisions += [("R-31", each) for each in made["early_releases"]]
    table(
        text("report.decisions", lang),
        ("rule", "time", "case", "actor", "until", "note"),
        [(rule, d["at"], d["case"], d["by"], d["until"], (d["note"] or "")[:8]) for rule, d in decisions],
        lang,
    )
    console.print(text("report.restored", lang, count=made["restored_and_erased_again"]))
    audit = made["audit"]
    log = (
        text("audit.ok", lang, count=audit["entries"])
        if audit["intact"]
        else text("audit.broken", lang, entry=audit["broken_at"])
    )
    console.print(log, style="green" if audit["intact"] else "red")
    verified = made["verified"]
    faults = [*verified["erased_but_there"], *verified["kept_with_faults"]]
    console.print(
        text(
            "report.verified",
            lang,
            erased=verified["erased_drawn"],
            kept=verified["kept_drawn"],
            faults=len(faults),
        ),
        style="green" if not faults else "red",
    )
    for fault in faults:
        console.print(f"  {said(fault, lang)}", style="red", markup=False)


def _happened(name: str, lang: str) -> str:
    """An event of the log in words; of a refusal with its rule."""
    event, _, rule = name.partition(" ")
    return f"{word('action', event, lang)} {rule}".rstrip()
