"""`tast1 policy`: rehearse the recording policy before changing it, and ask it why something is kept."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

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
    now,
    print_json,
    table,
)
from gateway.cli.desk import AsRole, Reason, at_desk
from gateway.texts import text
from gateway.texts.rules import said

if TYPE_CHECKING:
    from gateway.rehearsal.run import Failure, Outcome
    from storage.policy.scenario import Question, Scenario

policy_app = typer.Typer(
    name="policy", help="The recording policy: rehearse a story, ask why something is kept."
)
Files = Annotated[list[Path], typer.Argument(help="Scenario files (YAML).", show_default=False)]
Settings = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Rehearse with the settings of this file; else the defaults."),
]


@policy_app.callback()
def _group() -> None:
    """The recording policy: rehearse it, ask why something is kept."""


@policy_app.command()
def simulate(files: Files, config: Settings = None, as_json: AsJson = False, lang: Language = "da") -> None:
    """Tell each file's story to the policy and answer its questions.

    Exit status 0: every expectation held; 1: one did not; 2: a file is no scenario.
    """
    base = _base(config)
    status = 0
    for file in files:
        status = max(status, _simulate(file, base, as_json, lang))
    raise typer.Exit(status)


@policy_app.command()
def explain(
    artifact: Annotated[str, typer.Argument(help="The artifact's id, or the beginning of it.")],
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Why an artifact of the archive still exists, or why it is gone, with the rule."""
    from storage.explanations import explain as explained_of

    with at_desk(config, lang) as work:
        policy, at = work.desk.settings, work.at
        explained = work.desk.db.read_sync(lambda session: explained_of(session, policy, artifact, at))
        work.looked("explanation", 1)
    if explained is None:
        raise fail(text("recordings.unknown", lang))
    if as_json:
        print_json(explained)
        return
    console.print(f"{explained['artifact']}", style="bold", markup=False)
    console.print(said(explained["why"], lang), markup=False)
    for line in _ground_lines(explained["grounds"], lang):
        console.print(line, markup=False)


@policy_app.command()
def preview(
    new: Annotated[Path, typer.Option("--config", "-c", help="The settings file with the change.")],
    current: Annotated[
        Path, typer.Option("--archive", envvar="TAST1_CONFIG", help="The settings file of the archive.")
    ] = DEFAULT_FILE,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write every artifact that would move here, as CSV.")
    ] = None,
    examples: Annotated[int, typer.Option(help="How many are shown.", min=0)] = 20,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """What other settings would make of the whole archive: what would go earlier, what be kept longer.

    Nothing is changed. New settings apply to what is kept from then on; `tast1 policy restate` applies them
    to what is there.
    """
    from storage import preview as storage_preview

    policy = load(new).policy
    with archive(current, lang) as opened, _csv(out, lang) as told, _progress(lang) as progress:
        total = storage_preview.count(opened.database)
        found = storage_preview.preview(
            opened.database, policy, now(), examples, told, lambda done: progress(done, total)
        )
    if as_json:
        plain = {name: dict(getattr(found, name)) for name in ("earlier", "at_once", "longer")}
        print_json({"looked_at": found.looked_at, **plain, "examples": [vars(m) for m in found.examples]})
        return
    console.print(text("preview.looked_at", lang, count=found.looked_at))
    kinds = sorted({*found.earlier, *found.longer})
    table(
        text("title.preview", lang),
        ("kind", "earlier", "at_once", "longer"),
        [(text(f"kind.{k}", lang), found.earlier[k], found.at_once[k], found.longer[k]) for k in kinds],
        lang,
    )
    if found.examples:
        open_ended = text("open_ended", lang)
        table(
            text("title.examples", lang),
            ("artifact", "kind", "was", "until"),
            [
                (m.artifact[:12], text(f"kind.{m.kind}", lang), m.was or open_ended, m.until or open_ended)
                for m in found.examples
            ],
            lang,
        )


@policy_app.command()
def restate(
    later: Annotated[
        bool, typer.Option("--later", help="Also keep longer what would be kept longer; needs a reason.")
    ] = False,
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Apply the settings in force to what is kept already: dates move earlier, later only with --later.

    See first what it does: `tast1 policy preview`. What is due then is erased by the next sweep.
    """
    from storage import preview as storage_preview
    from storage.books import By
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        event = e.Restated(later, reason)
        asking = work.asking(role, for_event=e.Restated)
        work.desk.gate.require(asking, e.Restated, work.at)
        if not yes and not as_json:
            typer.confirm(text("restate.sure", lang), abort=True)
        by = By(asking.actor, asking.person.id)
        with _progress(lang) as progress:
            done = storage_preview.apply(
                work.desk.db,
                work.desk.keys,
                work.desk.settings,
                work.at,
                event,
                by,
                lambda n: progress(n, None),
            )
    if as_json:
        print_json({"calls": done})
    else:
        console.print(text("restate.done", lang, count=done), style="green")


@contextmanager
def _csv(out: Path | None, lang: str) -> Iterator[Callable[[Any], None]]:
    """Writes a line for each artifact that moves; does nothing without a file."""
    if out is None:
        yield lambda moved: None
        return
    if out.exists():
        raise fail(text("recordings.exists", lang, path=out))
    with out.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(("artifact", "kind", "call", "was", "until", "earlier", "at_once"))
        yield lambda m: lines.writerow((m.artifact, m.kind, m.call, m.was, m.until, m.earlier, m.at_once))


@contextmanager
def _progress(lang: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal; elsewhere nothing."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(text("preview.working", lang), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@dataclass(frozen=True)
class _Base:
    """What the scenarios' own settings are laid over."""

    arguments: dict[str, Any]


def _base(config: Path | None) -> _Base:
    if config is None:
        return _Base({})
    settings = load(config)
    return _Base({"policy": settings.policy, "ivr": settings.ivr, "flows": settings.flows})


def _simulate(file: Path, base: _Base, as_json: bool, lang: str) -> int:
    from gateway.rehearsal.reading import NotAScenario, read
    from gateway.rehearsal.run import rehearse

    try:
        scenario = read(file.read_text(encoding="utf-8-sig"))
    except NotAScenario as error:
        return _not_a_scenario(file, error.line, error.key, error.why)
    except OSError as error:
        return _not_a_scenario(file, None, "", str(error.strerror))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return _not_a_scenario(file, line, "", "is no UTF-8 text")
    outcome = rehearse(scenario, **base.arguments)
    if as_json:
        answers = {"file": str(file), "answers": list(outcome.answers)}
        typer.echo(json.dumps(answers, ensure_ascii=False))
    else:
        _show(file, scenario, outcome, lang)
    for failure in outcome.failures:
        _show_failure(file, failure, lang, to_stderr=as_json)
    return 1 if outcome.failures else 0


def _not_a_scenario(file: Path, line: int | None, key: str, why: str) -> int:
    where = str(file) if line is None else f"{file}:{line}"
    message = ": ".join(part for part in (where, key, why) if part)
    errors.print(message, style="red", markup=False, soft_wrap=True)
    return 2


def _show(file: Path, scenario: Scenario, outcome: Outcome, lang: str) -> None:
    console.print(f"\n{scenario.title or file.name}", style="bold", markup=False)
    events = text("simulate.events", lang, count=len(scenario.events))
    console.print(f"{file}: {events}", style="dim", markup=False)
    failed = {id(failure.question) for failure in outcome.failures}
    for question, answer in zip(scenario.questions, outcome.answers, strict=True):
        expected = question.expect is not None
        mark, style = ("✗", "red") if id(question) in failed else ("✓", "green") if expected else ("·", "")
        console.print(f"{mark} {_asked(question, lang)}", style=style, markup=False)
        for line in _answered(question, answer, lang):
            console.print(f"    {line}", markup=False)


def _asked(question: Question, lang: str) -> str:
    from storage.policy.access import Access
    from storage.policy.answers import instant

    at = instant(question.at) or text("simulate.at_the_end", lang)
    if question.kind == "refused":
        return f"{at}  {text('simulate.refused', lang)}"
    if isinstance(question.about, Access):
        access = question.about
        purpose = text("simulate.for", lang, purpose=access.purpose) if access.purpose else ""
        case = text("simulate.in", lang, case=access.case) if access.case else ""
        asked = text("simulate.may", lang, role=access.role, artifact=access.artifact)
        return f"{at}  {asked}{purpose}{case}?"
    return f"{at}  {text(f'simulate.{question.kind}', lang, name=question.about)}"


def _answered(question: Question, answer: dict[str, Any], lang: str) -> Iterator[str]:
    if question.kind == "refused":
        yield from (f"{r['at']}  {r['event']}: {said(r['why'], lang)}" for r in answer["refused"])
        if not answer["refused"]:
            yield text("simulate.nothing", lang)
    elif question.kind == "access":
        yield f"{text('yes' if answer['allowed'] else 'no', lang)}: {said(answer['why'], lang)}"
    elif question.kind == "request":
        state = text(f"simulate.{answer['state'] or 'unknown'}", lang)
        yield text("simulate.due", lang, state=state, due=answer["due"] or "-")
    else:
        exists = text("simulate.exists" if answer["exists"] else "simulate.not_there", lang)
        yield f"{exists} {said(answer['why'], lang)}"
        yield from _ground_lines(answer["grounds"], lang)
        for start, end in answer.get("captured", ()):
            yield text("simulate.recorded", lang, start=start, end=end or text("simulate.now", lang))


def _ground_lines(grounds: list[dict[str, Any]], lang: str) -> Iterator[str]:
    for ground in grounds:
        until = ground["until"]
        yield text(
            "explain.ground",
            lang,
            ground=ground["ground"],
            until=text("explain.until", lang, date=until) if until else text("open_ended", lang),
            basis=", ".join(ground["lawful_basis"]),
            roles=", ".join(ground["roles"]) or text("explain.nobody", lang),
        )


def _show_failure(file: Path, failure: Failure, lang: str, to_stderr: bool) -> None:
    where = errors if to_stderr else console
    found = text("simulate.found", lang, what=failure.key, expected=failure.expected, found=failure.found)
    where.print(
        f"{file}:{failure.question.line}: {_asked(failure.question, lang)}\n{found}",
        style="red",
        markup=False,
        soft_wrap=True,
    )
