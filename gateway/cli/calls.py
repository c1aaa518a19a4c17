"""`tast1 calls`: live and past calls, their timeline, and what an agent may ask of a live one."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    console,
    fail,
    load,
    local,
    print_json,
    table,
)
from gateway.cli.desk import AsRole, CaseOption, Purpose, Reason, at_desk
from gateway.texts import text, word

calls_app = typer.Typer(
    name="calls", help="Live and past calls; stop, pause or offer a recording.", invoke_without_command=True
)
CallId = Annotated[str, typer.Argument(help="The call's id, or the beginning of it.")]


@calls_app.callback()
def listing(
    context: typer.Context,
    config: ConfigFile = DEFAULT_FILE,
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 50,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Calls, newest first (without a command); stop, pause or offer a recording in a live one."""
    if context.invoked_subcommand is not None:
        return
    from storage import calls

    with at_desk(config, lang) as work:
        rows = work.desk.db.read_sync(lambda session: calls.listing(session, limit))
        work.looked("calls", len(rows))
    found: list[dict[str, Any]] = [
        {
            "call": row.id,
            "flow": row.flow,
            "direction": row.direction,
            "arrived_at": row.arrived_at,
            "ended_at": row.ended_at,
            "end_reason": row.end_reason,
            "decision": row.decision,
            "outcome": row.outcome,
        }
        for row in rows
    ]
    if as_json:
        print_json(found)
    elif not found:
        console.print(text("calls.none", lang))
    else:
        table(
            text("title.calls", lang),
            ("call", "arrived", "ended", "flow", "decision", "outcome", "state"),
            [
                (
                    row["call"],
                    local(row["arrived_at"]),
                    local(row["ended_at"]),
                    row["flow"],
                    text(f"decision.{row['decision']}", lang) if row["decision"] else "",
                    text(f"outcome.{row['outcome']}", lang) if row["outcome"] else "",
                    text("state.ended" if row["ended_at"] else "state.live", lang),
                )
                for row in found
            ],
            lang,
        )


@calls_app.command()
def live(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """Calls that are up now, with the state of their recording."""
    up = ask_gateway(config, lang, "GET", "/calls")["up"]
    if as_json:
        print_json(up)
    elif not up:
        console.print(text("calls.none", lang))
    else:
        table(
            text("title.calls", lang),
            ("call", "arrived", "flow", "state", "recorded"),
            [
                (
                    row["call"],
                    local(datetime.fromisoformat(row["arrived_at"])),
                    row["flow"],
                    word("phase", row["phase"], lang),
                    text("yes" if row["recording"] else "no", lang),
                )
                for row in up
            ],
            lang,
        )


@calls_app.command()
def timeline(
    call: CallId, config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da"
) -> None:
    """What happened in a call that is up or has just ended."""
    found = ask_gateway(config, lang, "GET", f"/calls/{call}")
    if as_json:
        print_json(found)
        return
    from gateway.cli.timeline import print_timeline

    print_timeline(found["call"], found["timeline"], lang)


def _agent_command(name: str, help_text: str) -> None:
    @calls_app.command(name, help=help_text)
    def command(call: CallId, config: ConfigFile = DEFAULT_FILE, lang: Language = "da") -> None:
        ask_gateway(config, lang, "POST", f"/calls/{call}/{name}")
        console.print(text("calls.asked", lang))


_agent_command("stop", "Stop recording: consent is withdrawn, what was recorded goes, the call goes on.")
_agent_command("pause", "Record silence until `resume`.")
_agent_command("resume", "Go on recording after `pause`.")
_agent_command("offer", "Play the consent prompt again; recording begins only after a new key.")
_agent_command("complete", "Complete a transfer: the agent leaves, the target has the caller.")
_agent_command("back", "Take the caller back from a transfer.")
_agent_command("transferred", "Nobody of the company is left in the call: recording ends.")


@calls_app.command()
def transfer(
    call: CallId,
    target: Annotated[str, typer.Argument(help="Number or SIP URI; the flow's settings must allow it.")],
    attended: Annotated[bool, typer.Option(help="Speak with the target first; then `complete`.")] = False,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """Hand a live call over to a target that its flow allows; recording goes on only within the company."""
    body = {"target": target, "attended": "yes" if attended else "no"}
    try:
        ask_gateway(config, lang, "POST", f"/calls/{call}/transfer", body)
    except PermissionError as error:
        raise fail(text(f"calls.transfer_{error}", lang), 3) from None
    console.print(text("calls.asked", lang))


@calls_app.command()
def of(
    purpose: Purpose = "",
    role: AsRole = None,
    case: CaseOption = "",
    reason: Reason = "",
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """The calls of a number. It is asked for, or read from standard input, so that no history keeps it."""
    with at_desk(config, lang) as work:
        number = (
            typer.prompt(text("calls.number", lang), err=True) if sys.stdin.isatty() else sys.stdin.readline()
        )
        asking = work.asking(role, purpose, case, reason)
        found = work.desk.gate.calls_of_number(asking, number.strip(), work.at)
    rows = [{"call": row.id, "arrived_at": row.arrived_at, "decision": row.decision} for row in found]
    if as_json:
        print_json(rows)
    elif not rows:
        console.print(text("calls.none", lang))
    else:
        shown = [
            (r["call"], local(row.arrived_at), text(f"decision.{row.decision}", lang) if row.decision else "")
            for r, row in zip(rows, found, strict=True)
        ]
        table(text("title.calls", lang), ("call", "arrived", "decision"), shown, lang)


@calls_app.command()
def special(
    call: CallId, role: AsRole = None, config: ConfigFile = DEFAULT_FILE, lang: Language = "da"
) -> None:
    """Flag a call as holding health or other data of art. 9: out of samples, basis added (R-57, R-31)."""
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        asking = work.asking(role, for_event=e.SpecialCategory)
        work.tell(work.desk.do(asking, e.SpecialCategory(work.call(call)), work.at), text("desk.noted", lang))


@calls_app.command()
def invalid(
    call: CallId,
    reason: Reason,
    role: AsRole = None,
    config: ConfigFile = DEFAULT_FILE,
    lang: Language = "da",
) -> None:
    """There was no valid consent (a child, a wrong prompt): what rests on it is erased now (R-04)."""
    from storage.policy import events as e

    with at_desk(config, lang) as work:
        found = work.call(call)
        asking = work.asking(role, for_event=e.ConsentInvalid)
        done = work.desk.do(asking, e.ConsentInvalid((found,), reason), work.at)
        tell_live(work.opened.settings.control_socket, [found], "stop")
        work.tell(done, text("desk.done", lang))


def tell_live(socket: Path, calls: Sequence[str], command: str) -> None:
    """Tell calls of a running gateway of something decided here; those that are over need not hear."""
    for call in calls:
        with contextlib.suppress(OSError, LookupError):
            asyncio.run(request(socket, "POST", f"/calls/{call}/{command}"))


def tell_gateway(socket: Path, path: str) -> bool:
    """Tell a running gateway that something was decided here; False when none runs."""
    try:
        asyncio.run(request(socket, "POST", path))
    except (OSError, LookupError):
        return False
    return True


def record_for_case(socket: Path, call: str, case: str, by: str, lang: str) -> None:
    """Tell a live call of an announced flow to record for a case."""
    try:
        asyncio.run(request(socket, "POST", f"/calls/{call}/record", {"case": case, "by": by}))
    except PermissionError:
        raise fail(text("cases.not_announced", lang), 3) from None
    except OSError:
        raise fail(text("serve.not_running", lang)) from None
    except LookupError:
        raise fail(text("calls.unknown", lang)) from None


def ask_gateway(config: Path, lang: str, method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Ask the running gateway; says so when it does not run or does not know the call."""
    socket = load(config).control_socket
    try:
        return asyncio.run(request(socket, method, path, body))
    except OSError:
        raise fail(text("serve.not_running", lang)) from None
    except LookupError:
        raise fail(text("calls.unknown", lang)) from None


async def request(socket: Path, method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Ask a running gateway over its control socket. `OSError`: none runs; `LookupError`: 404."""
    import aiohttp

    connector = aiohttp.UnixConnector(path=str(socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, f"http://tast1{path}", json=body) as response,
    ):
        if response.status == 404:
            raise LookupError(path)
        if response.status == 409:
            raise PermissionError((await response.json())["error"])
        response.raise_for_status()
        return await response.json()
