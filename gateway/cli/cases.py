"""`tast1 cases`: investigators' cases, and what is kept for them."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.claims import CaseId, Parts, add_shared
from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, local, print_json, table
from gateway.cli.desk import Alternatives, AsRole, Calls, FactsOption, Necessity, Reason, at_desk, day, words
from gateway.texts import text

cases_app = typer.Typer(name="cases", help="Investigators' cases: forwarded calls, own recordings.")
ProposalId = Annotated[int, typer.Argument(help="The number of the proposal; see `tast1 cases proposals`.")]


@cases_app.callback()
def _group() -> None:
    """Investigators' cases: forwarded calls, own recordings, decisions, extensions."""


@cases_app.command("open")
def open_case(
    case: CaseId, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
) -> None:
    """Name a concrete case and work on it yourself; before anything is recorded for it (R-41)."""
    from storage import investigations
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.InvestigatorRecording)
        investigations.open_case(work.desk, asking, case, work.at)
    console.print(text("cases.opened", lang, case=case))


@cases_app.command()
def record(
    case: CaseId,
    call: Annotated[str, typer.Argument(help="A call that is up, in an announced flow.")],
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Record a live call for your case: announced by you, without a key, never in secret (R-41)."""
    from gateway.cli.calls import record_for_case
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.InvestigatorRecording)
        work.desk.require_case(asking, case, work.at)
        record_for_case(work.opened.settings.control_socket, call, case, work.person.id, lang)
    console.print(text("calls.asked", lang))


@cases_app.command()
def forward(
    case: CaseId,
    calls: Calls,
    reason: Reason,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Send calls that give cause for wonder to the investigators of a case, with a reason (R-40)."""
    from storage import investigations
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.Forwarded)
        done = investigations.forward(work.desk, asking, case, work.calls(calls), words(reason), work.at)
        work.tell(done, text("cases.forwarded", lang, case=case))


@cases_app.command()
def decide(
    case: CaseId,
    relevant: Annotated[
        bool, typer.Option("--relevant/--nothing", help="It matters to the case, or there is nothing in it.")
    ],
    reason: Reason = "",
    necessity: Necessity = "",
    alternatives: Alternatives = "",
    facts: FactsOption = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Relevant: kept a year from the recording (R-43). Nothing: erased at once, every copy (R-42)."""
    from storage import investigations
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.InvestigationDecided)
        told = words(reason, necessity, alternatives, facts)
        done = investigations.decide(work.desk, asking, case, relevant, told, work.at)
        work.tell(done, text("desk.done", lang))


@cases_app.command()
def propose(
    case: CaseId,
    until: Annotated[str, typer.Option(help="The new last day, YYYY-MM-DD.")],
    reason: Reason,
    necessity: Necessity = "",
    alternatives: Alternatives = "",
    facts: FactsOption = "",
    part: Parts = None,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """An investigator proposes to keep it longer; somebody else approves, before its date (R-44)."""
    from storage import investigations
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.InvestigationDecided)
        told = words(reason, necessity, alternatives, facts)
        number = investigations.propose(work.desk, asking, case, part or e.PARTS, day(until), told, work.at)
    console.print(text("cases.proposal", lang, number=number))


@cases_app.command()
def proposals(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Proposals that wait for a decision."""
    from storage import investigations

    with at_desk(config, lang) as work:
        found = work.desk.db.read_sync(investigations.proposals)
    rows = [
        (row.id, row.case_id, row.made_by, local(row.made_at), ", ".join(row.parts), row.until)
        for row in found
    ]
    if as_json:
        names = ("proposal", "case", "by", "at", "parts", "until")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif not rows:
        console.print(text("cases.none", lang))
    else:
        table(
            text("title.proposals", lang), ("number", "case", "actor", "time", "parts", "until"), rows, lang
        )


@cases_app.command()
def approve(
    proposal: ProposalId,
    reason: Reason = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Approve a proposal of somebody else's; never later than the limitation date (R-44, R-45)."""
    from storage import investigations
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.InvestigationExtended)
        done = investigations.approve(work.desk, asking, proposal, work.at, words(reason))
        work.tell(done, text("desk.done", lang))


@cases_app.command()
def reject(
    proposal: ProposalId,
    reason: Reason = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Turn a proposal down."""
    from storage import investigations
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.InvestigationExtended)
        investigations.reject(work.desk, asking, proposal, words(reason), work.at)
    console.print(text("desk.done", lang))


add_shared(cases_app, "investigation")
