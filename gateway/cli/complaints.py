"""`tast1 complaints`: complaints about what was said, and what is kept for them."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.claims import CaseId, Parts, add_shared
from gateway.cli.context import DEFAULT_FILE, ConfigFile, Language
from gateway.cli.desk import Alternatives, AsRole, Calls, FactsOption, Necessity, Reason, at_desk, words
from gateway.texts import text

complaints_app = typer.Typer(name="complaints", help="Complaints and disputes about what was said in a call.")


@complaints_app.callback()
def _group() -> None:
    """Complaints and disputes about what was said in a call."""


@complaints_app.command()
def receive(
    calls: Calls,
    complaint: Annotated[str | None, typer.Option("--id", help="Its id; made up when left out.")] = None,
    note: Annotated[str, typer.Option(help="What it is about; kept sealed with it.")] = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Register a complaint about these calls: what is still kept of them is frozen now (R-35)."""
    from storage import complaints
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.ComplaintReceived)
        made, done = complaints.receive(
            work.desk, asking, work.calls(calls), work.at, {"complaint": note}, complaint
        )
        work.tell(done, text("complaints.received", lang, complaint=made))


@complaints_app.command()
def decide(
    complaint: CaseId,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Whether the complaint needs it.")],
    reason: Reason = "",
    necessity: Necessity = "",
    alternatives: Alternatives = "",
    facts: FactsOption = "",
    part: Parts = None,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Decide, with a reason, whether what is frozen is kept for the complaint (R-36, R-37)."""
    from storage import complaints
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.ComplaintDecided)
        told = words(reason, necessity, alternatives, facts)
        done = complaints.decide(work.desk, asking, complaint, keep, told, work.at, part or e.PARTS)
        work.tell(done, text("desk.done", lang))


@complaints_app.command()
def extend(
    complaint: CaseId,
    reason: Reason,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """More days to decide, from today; with a reason (R-36)."""
    from storage import complaints
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.FreezeExtended)
        work.tell(
            complaints.extend(work.desk, asking, complaint, words(reason), work.at), text("desk.done", lang)
        )


@complaints_app.command()
def close(
    complaint: CaseId,
    reason: Reason = "",
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """It is finally closed: what is kept gets its date and is an archive from now on (R-38, R-39)."""
    from storage import complaints
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.ComplaintClosed)
        done = complaints.close(work.desk, asking, complaint, work.at, words(reason))
        work.tell(done, text("desk.done", lang))


add_shared(complaints_app, "complaint")
