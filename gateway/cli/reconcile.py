"""`tast1 reconcile`: what a day's calls came to, and whether the trunk has the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.progress import Progress

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    console,
    errors,
    fail,
    local,
    print_json,
    table,
)
from gateway.cli.desk import AsRole, CaseOption, Purpose, Reason, Work, at_desk, day
from gateway.texts import text

if TYPE_CHECKING:
    from storage.comparison import Comparison
    from storage.reconciliation import Day
    from storage.trunk_calls import TrunkCall

_STYLES = {"alarm": "bold red", "fault": "red", "note": "yellow"}


def reconcile(
    file: Annotated[
        Path | None,
        typer.Argument(help="The trunk's call detail records (CSV); left out: what our calls came to."),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--day", help="The day, YYYY-MM-DD; today, or the time the file covers.")
    ] = None,
    start: Annotated[str, typer.Option(help="Column of the start; DATE+TIME names two.")] = "",
    duration: Annotated[str, typer.Option(help="Column of the duration: seconds, MM:SS or HH:MM:SS.")] = "",
    calling: Annotated[str, typer.Option(help="Column of the calling number.")] = "",
    called: Annotated[str, typer.Option(help="Column of the called number.")] = "",
    call_id: Annotated[str, typer.Option("--call-id", help="Column of the SIP Call-ID.")] = "",
    tz: Annotated[str, typer.Option(help="Time zone of the file's times.")] = "Europe/Copenhagen",
    start_slack: Annotated[float, typer.Option(min=0, help="Seconds that two starts may be apart.")] = 5.0,
    duration_slack: Annotated[float, typer.Option(min=0, help="Seconds that two lengths may differ.")] = 3.0,
    show_numbers: Annotated[
        bool, typer.Option("--show-numbers", help="With telephone numbers, for roles that may search them.")
    ] = False,
    role: AsRole = None,
    purpose: Purpose = "",
    case: CaseOption = "",
    reason: Reason = "",
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """What a day's calls came to, deviations first; with a FILE, whether the trunk has the same calls.

    Exit status 1: a deviation that is a fault of ours, or a difference.
    """
    given = {"start": start, "duration": duration, "calling": calling, "called": called, "call_id": call_id}
    chosen = day(on) if on else None
    with at_desk(config, lang) as work:
        if file is None:
            if show_numbers:
                raise fail(text("reconcile.numbers_of_file", lang), 2)
            differs = _own(work, chosen, as_json, lang)
        else:
            zone = _zone(tz, lang)
            trunk = _read(file, given, zone, lang)
            asking = work.asking(role, purpose, case, reason) if show_numbers else None
            found = _compared(work, trunk, _period(trunk, chosen, work.at), start_slack, duration_slack)
            numbers: dict[str, str] = {}
            if asking is not None:
                ids = [each.call_id for each in found.surplus] + [p.known.call_id for p in found.differing]
                numbers = work.desk.gate.numbers_of(asking, ids, work.at)
            work.looked("reconcile", len(trunk))
            differs = found.differs
            if as_json:
                print_json(_plain(found, numbers, show_numbers))
            else:
                _show(found, numbers, show_numbers, lang)
    if differs:
        raise typer.Exit(1)


def _own(work: Work, chosen: date | None, as_json: bool, lang: str) -> bool:
    from storage import reconciliation
    from storage.outcomes import Level
    from storage.policy.clocks import local_date

    on = chosen or local_date(work.at)
    found = work.desk.db.read_sync(lambda s: reconciliation.day(s, on, work.at))
    work.looked("reconcile", len(found.calls))
    if as_json:
        print_json(_plain_day(found))
    else:
        _show_day(found, lang)
    return bool(found.at_level(Level.ALARM, Level.FAULT))


def _show_day(found: Day, lang: str) -> None:
    from storage.outcomes import Level, Outcome

    deviating = found.at_level(Level.ALARM, Level.FAULT, Level.NOTE)
    if deviating:
        table(
            text("reconcile.deviations", lang, day=found.day),
            ("call", "arrived", "ended", "flow", "outcome"),
            [
                (c.call_id, local(c.arrived_at), local(c.ended_at), c.flow, _named(c.outcome.value, lang))
                for c in deviating
                if c.outcome is not None
            ],
            lang,
        )
    table(
        text("reconcile.day", lang, day=found.day),
        ("result", "outcome", "count"),
        [
            *(
                (text(f"result.{one.result.value}", lang), _named(one.value, lang), found.counts[one])
                for one in Outcome
                if found.counts[one]
            ),
            *(
                (text("result.refused", lang), text("reconcile.refused", lang, reason=reason), count)
                for reason, count in sorted(found.refused.items())
            ),
        ],
        lang,
    )
    up = sum(call.outcome is None for call in found.calls)
    if up:
        console.print(text("reconcile.up", lang, count=up))
    faults = len(found.at_level(Level.ALARM, Level.FAULT))
    if faults:
        console.print(text("reconcile.faults", lang, count=faults), style="red")
    else:
        console.print(text("reconcile.no_faults", lang, count=len(found.calls)), style="green")


def _plain_day(found: Day) -> dict[str, Any]:
    return {
        "day": found.day,
        "calls": [
            {
                "call": call.call_id,
                "arrived_at": call.arrived_at,
                "ended_at": call.ended_at,
                "flow": call.flow,
                "outcome": call.outcome and call.outcome.value,
                "result": call.outcome and call.outcome.result.value,
                "level": call.outcome and call.outcome.level.value,
            }
            for call in found.calls
        ],
        "counts": {outcome.value: count for outcome, count in found.counts.items()},
        "refused": dict(found.refused),
    }


def _named(outcome: str, lang: str) -> str:
    return text(f"outcome.{outcome}", lang)


# --- the trunk's file -----------------------------------------------------------------------------


def _zone(name: str, lang: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise fail(text("reconcile.no_zone", lang, name=name), 2) from None


def _read(file: Path, given: dict[str, str], zone: ZoneInfo, lang: str) -> list[TrunkCall]:
    """The calls of the file, or what is wrong with it and exit status 2."""
    from storage import trunk_calls

    try:
        with console.status(text("reconcile.reading", lang)):
            return list(trunk_calls.read(file, given, zone))
    except trunk_calls.TrunkFileError as error:
        raise fail(_filled(f"trunk_file.{error.code}", lang, error.values), 2) from None


def _filled(key: str, lang: str, values: dict[str, object]) -> str:
    return text(key, lang, **values)


def _period(trunk: Sequence[TrunkCall], chosen: date | None, now: datetime) -> tuple[datetime, datetime]:
    """The time that is compared: the chosen day, else from the file's first call to its last."""
    from storage.policy.clocks import local_midnight

    if chosen is not None:
        ends = local_midnight(chosen + timedelta(days=1)) - timedelta(microseconds=1)
        return local_midnight(chosen), ends
    starts = [start for call in trunk for start in call.starts]
    return (min(starts), max(starts)) if starts else (now, now)


def _compared(
    work: Work,
    trunk: Sequence[TrunkCall],
    period: tuple[datetime, datetime],
    start_slack: float,
    duration_slack: float,
) -> Comparison:
    from storage import comparison

    edge = timedelta(seconds=start_slack + comparison.ANSWER_S)
    begins, ends = period[0] - edge, period[1] + edge
    known = work.desk.db.read_sync(lambda s: comparison.stored_between(s, begins, ends))
    there = [call for call in trunk if any(begins <= start <= ends for start in call.starts)]
    tolerances = comparison.Tolerances(start_slack, duration_slack)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(text("reconcile.comparing", work.lang), total=len(there))
        keys = work.opened.keys
        return comparison.compare(there, known, keys, tolerances, period, lambda: bar.advance(task))


def _show(found: Comparison, numbers: dict[str, str], show_numbers: bool, lang: str) -> None:
    if found.missing:
        table(
            text("reconcile.missing", lang),
            ("line", "arrived", "duration", "calling", "called"),
            [
                (c.line, local(c.starts[0]), _seconds(c.duration_s), *_numbers_of(c, show_numbers))
                for c in found.missing
            ],
            lang,
        )
    if found.surplus:
        table(
            text("reconcile.surplus", lang),
            ("call", "arrived", "duration", "outcome", "calling"),
            [
                (
                    c.call_id,
                    local(c.arrived_at),
                    _seconds(c.duration_s),
                    _named(c.outcome, lang) if c.outcome else "",
                    numbers.get(c.call_id, ""),
                )
                for c in found.surplus
            ],
            lang,
        )
    if found.differing:
        table(
            text("reconcile.differing", lang),
            ("line", "call", "trunk_duration", "duration", "calling"),
            [
                (
                    p.trunk.line,
                    p.known.call_id,
                    _seconds(p.trunk.duration_s),
                    _seconds(p.known.duration_s),
                    numbers.get(p.known.call_id, ""),
                )
                for p in found.differing
            ],
            lang,
        )
    if found.unanswered:
        console.print(text("reconcile.unanswered", lang, count=len(found.unanswered)))
    by_id = sum(pair.by_call_id for pair in found.pairs)
    console.print(text("reconcile.matched", lang, count=len(found.pairs), by_id=by_id))
    key = "reconcile.differs" if found.differs else "reconcile.same"
    console.print(text(key, lang), style="red" if found.differs else "green")


def _numbers_of(call: TrunkCall, show: bool) -> tuple[str, str]:
    return (call.calling or "", call.called) if show else ("", "")


def _seconds(value: float) -> str:
    return f"{value:.0f} s"


def _plain(found: Comparison, numbers: dict[str, str], show_numbers: bool) -> dict[str, Any]:
    def trunk(call: TrunkCall) -> dict[str, Any]:
        told = {"line": call.line, "start": call.starts[0], "duration_s": call.duration_s}
        return {**told, "calling": call.calling, "called": call.called} if show_numbers else told

    return {
        "matched": len(found.pairs),
        "matched_by_call_id": sum(pair.by_call_id for pair in found.pairs),
        "missing": [trunk(call) for call in found.missing],
        "unanswered": [trunk(call) for call in found.unanswered],
        "surplus": [
            {
                "call": call.call_id,
                "arrived_at": call.arrived_at,
                "duration_s": call.duration_s,
                "outcome": call.outcome,
                **({"calling": numbers.get(call.call_id)} if show_numbers else {}),
            }
            for call in found.surplus
        ],
        "differing": [
            {
                "line": pair.trunk.line,
                "call": pair.known.call_id,
                "trunk_s": pair.trunk.duration_s,
                "stored_s": pair.known.duration_s,
                **({"calling": numbers.get(pair.known.call_id)} if show_numbers else {}),
            }
            for pair in found.differing
        ],
    }
