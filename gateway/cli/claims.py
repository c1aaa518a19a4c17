"""What `tast1 complaints` and `tast1 cases` share: members, limitation facts and dates, showing a case."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, local, print_json, table
from gateway.cli.desk import AsRole, Reason, Work, at_desk, day, words
from gateway.cli.requests import print_notes
from gateway.texts import text, word

CaseId = Annotated[str, typer.Argument(help="The id of the complaint or case.", metavar="ID")]
Parts = Annotated[
    list[str] | None,
    typer.Option("--part", help="audio or transcript; both when left out. May be given twice."),
]


def add_shared(app: typer.Typer, kind_name: str) -> None:
    """Give `complaints` or `cases` the commands that are the same for both."""
    from storage.model import CaseKind

    kind = CaseKind(kind_name)

    @app.command("list")
    def listing(
        everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
        config: ConfigFile = DEFAULT_FILE,
        as_json: AsJson = False,
        lang: Language = "da",
    ) -> None:
        """Those that are open, oldest first."""
        from storage import cases, complaints

        with at_desk(config, lang) as work:
            found = work.desk.db.read_sync(
                lambda s: [
                    complaints.view(s, work.desk, row.id, work.at)
                    for row in cases.listing(s, kind, everything)
                ]
            )
        if as_json:
            print_json([_plain(view) for view in found])
        elif not found:
            console.print(text("cases.none", lang))
        else:
            rows = [
                (
                    view.id,
                    local(view.began_at),
                    ", ".join(view.members),
                    len(view.calls),
                    ", ".join(f"{name} × {count}" for name, count in view.grounds.items()),
                    view.confirmed or view.proposed,
                    local(view.closed_at),
                )
                for view in found
            ]
            table(
                text("title.cases", lang),
                ("case", "received", "members", "calls_count", "ground", "limitation", "closed"),
                rows,
                lang,
            )

    @app.command()
    def show(
        case: CaseId,
        role: AsRole = None,
        config: ConfigFile = DEFAULT_FILE,
        as_json: AsJson = False,
        lang: Language = "da",
    ) -> None:
        """One of them: what is kept for it and until when, and what was written about it."""
        from storage import complaints

        with at_desk(config, lang) as work:
            view = work.desk.db.read_sync(lambda s: complaints.view(s, work.desk, case, work.at))
            notes = work.desk.gate.read_notes(work.asking(role, "case", case), case, work.at)
        if as_json:
            print_json({**_plain(view), "notes": [vars(note) for note in notes]})
            return
        _print(view, lang)
        print_notes(notes, lang)

    @app.command()
    def take(
        case: CaseId, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
    ) -> None:
        """Work on it yourself, when nobody does yet."""
        with at_desk(config, lang) as work:
            work.desk.assign(_asking_in(work, role), case, work.person.id, work.at)
        console.print(text("cases.assigned", lang, user=work.person.id, case=case))

    @app.command()
    def assign(
        case: CaseId,
        user: Annotated[str, typer.Argument(help="The id of who shall work on it.")],
        role: AsRole = None,
        config: ConfigFile = DEFAULT_FILE,
        lang: Language = "da",
    ) -> None:
        """Have somebody work on it; they read what is kept for it from then on, in their role."""
        with at_desk(config, lang) as work:
            work.desk.assign(work.asking(role), case, user, work.at)
        console.print(text("cases.assigned", lang, user=user, case=case))

    @app.command()
    def unassign(
        case: CaseId,
        user: Annotated[str, typer.Argument(help="The id of who no longer works on it.")],
        role: AsRole = None,
        config: ConfigFile = DEFAULT_FILE,
        lang: Language = "da",
    ) -> None:
        """Somebody no longer works on it, and reads nothing of it any more."""
        with at_desk(config, lang) as work:
            work.desk.unassign(work.asking(role), case, user, work.at)
        console.print(text("desk.done", lang))

    @app.command()
    def facts(
        case: CaseId,
        knowledge_on: Annotated[
            str | None, typer.Option(help="The creditor knew of the claim (F-2).")
        ] = None,
        notified_on: Annotated[str | None, typer.Option(help="The damage was notified (F-8).")] = None,
        rejected_on: Annotated[str | None, typer.Option(help="The claim was finally rejected (F-8).")] = None,
        acknowledged_on: Annotated[str | None, typer.Option(help="Cover was acknowledged (F-9).")] = None,
        proceedings_ended_on: Annotated[
            str | None, typer.Option(help="Negotiations, board or court ended (F-4, F-5).")
        ] = None,
        pending: Annotated[
            bool | None, typer.Option("--pending/--not-pending", help="A board, court or negotiation has it.")
        ] = None,
        role: AsRole = None,
        config: ConfigFile = DEFAULT_FILE,
        lang: Language = "da",
    ) -> None:
        """What is known about the claim; the limitation date that follows is proposed. Dates YYYY-MM-DD."""
        from storage import complaints
        from storage.policy import events as e

        given: dict[str, Any] = {
            "knowledge_on": knowledge_on,
            "notified_on": notified_on,
            "rejected_on": rejected_on,
            "acknowledged_on": acknowledged_on,
            "proceedings_ended_on": proceedings_ended_on,
        }
        known: dict[str, Any] = {key: day(value) for key, value in given.items() if value is not None}
        if pending is not None:
            known["proceedings_pending"] = pending
        with at_desk(config, lang) as work:
            asking = work.asking(role, for_event=e.LimitationFactsGiven)
            done = complaints.note_facts(work.desk, asking, case, kind, known, work.at)
            work.tell(done)
            _tell_proposal(work, case)

    @app.command()
    def confirm(
        case: CaseId,
        on: Annotated[
            str | None, typer.Option("--date", help="Another date than the one proposed, YYYY-MM-DD.")
        ] = None,
        reason: Reason = "",
        role: AsRole = None,
        config: ConfigFile = DEFAULT_FILE,
        lang: Language = "da",
    ) -> None:
        """The legal role confirms the limitation date (R-38, R-45)."""
        from storage import complaints
        from storage.policy import events as e

        with at_desk(config, lang) as work:
            asking = work.asking(role, for_event=e.LimitationConfirmed)
            chosen: date | None = day(on) if on else None
            done = complaints.confirm(work.desk, asking, case, kind, chosen, work.at, words(reason))
            work.tell(done, text("desk.done", lang))


def _print(view: Any, lang: str) -> None:
    open_ended = text("open_ended", lang)
    console.print(f"{text('column.case', lang)}: {view.id}", style="bold", markup=False)
    told = (
        ("received", local(view.began_at)),
        ("closed", local(view.closed_at)),
        ("members", ", ".join(view.members)),
        ("limitation", view.confirmed or view.proposed or open_ended),
    )
    for name, value in told:
        console.print(f"{text(f'column.{name}', lang)}: {value}", markup=False)
    for call in view.calls:
        console.print(f"{text('column.call', lang)}: {call}", markup=False)
    for artifact, until in view.kept.items():
        label = text("column.artifact", lang)
        console.print(f"{label}: {artifact} {text('column.until', lang)} {until or open_ended}", markup=False)
    for name, value in view.facts.items():
        if value not in (None, False):
            shown = text("yes", lang) if value is True else value
            console.print(f"{word('fact', name, lang)}: {shown}", markup=False)


def _asking_in(work: Work, role: str | None) -> Any:
    """The role of cases that somebody holds, if they say none."""
    held = [each.name for each in work.person.roles if each.name in ("COMPLAINT", "INSPECTOR")]
    return work.asking(role or (held[0] if len(held) == 1 else None))


def _tell_proposal(work: Work, case: str) -> None:
    from storage import complaints

    view = work.desk.db.read_sync(lambda s: complaints.view(s, work.desk, case, work.at))
    shown = view.proposed or text("open_ended", work.lang)
    console.print(text("cases.proposed", work.lang, date=shown))
    if view.beyond_limit:
        console.print(text("cases.beyond", work.lang), style="yellow")


def _plain(view: Any) -> dict[str, Any]:
    return {**vars(view), "kind": view.kind.value, "kept": dict(view.kept), "grounds": dict(view.grounds)}
