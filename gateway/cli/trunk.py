"""`tast1 trunk`: how the trunks are, how keys arrive from them, and a test call that shows it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.calls import request
from gateway.cli.context import (
    DEFAULT_FILE,
    AsJson,
    ConfigFile,
    Language,
    console,
    errors,
    fail,
    load,
    print_json,
    table,
)
from gateway.texts import text, word

trunk_app = typer.Typer(
    name="trunk", help="How the trunks are, and how keys arrive from them; a test call.", no_args_is_help=True
)
METHODS = ("rfc4733", "info", "inband", "none")
Told = dict[str, Any]


@trunk_app.command("list")
def listing(config: ConfigFile = DEFAULT_FILE, as_json: AsJson = False, lang: Language = "da") -> None:
    """The trunks: registration, servers, and how the keys of their consent questions came since the start.

    Exit status 1: a trunk is down.
    """
    settings = load(config)
    states: dict[str, Told] = {}
    try:
        counted = asyncio.run(request(settings.control_socket, "GET", "/trunks"))
        states = {
            state["trunk"]: state
            for state in asyncio.run(request(settings.control_socket, "GET", "/trunks/states"))
        }
    except OSError:
        counted = None
        errors.print(text("trunk.not_running", lang), style="yellow")
    known = {trunk.name: trunk for trunk in settings.sip.trunks}
    rows: list[Told] = [
        {
            "trunk": name,
            "networks": list(known[name].networks) if name in known else [],
            "inband": known[name].inband if name in known else "auto",
            "state": states.get(name),
            "questions": None if counted is None else {m: counted.get(name, {}).get(m, 0) for m in METHODS},
        }
        for name in (*known, *sorted(set(counted or ()) - set(known)))
    ]
    if as_json:
        print_json(rows)
    else:
        _show(rows, lang)
    if any(row["state"] and row["state"]["up"] is False for row in rows):
        raise typer.Exit(1)


def _show(rows: list[Told], lang: str) -> None:
    looked_after = [row["state"] for row in rows if row["state"]]
    if looked_after:
        table(
            text("title.trunk_states", lang),
            ("trunk", "trunk_state", "registration", "server", "server_state"),
            [
                (
                    state["trunk"] if not number else "",
                    word("trunk_state", _state(state["up"]), lang) if not number else "",
                    _registration(state["registration"], number + 1, lang),
                    server["server"],
                    word("trunk_state", server["state"], lang),
                )
                for state in looked_after
                for number, server in enumerate(state["servers"])
            ],
            lang,
        )
    table(
        text("title.trunks", lang),
        ("trunk", "networks", "inband", "by_rfc4733", "by_info", "by_inband", "by_none"),
        [
            (
                row["trunk"],
                " ".join(row["networks"]),
                word("inband", row["inband"], lang),
                *((row["questions"] or {}).get(method, "") for method in METHODS),
            )
            for row in rows
        ],
        lang,
    )


def _state(up: bool | None) -> str:
    return "unknown" if up is None else "up" if up else "down"


def _registration(found: Told | None, server: int, lang: str) -> str:
    """What is told of a registration beside the server that it is with, or was tried with last."""
    if found is None or found["server"] != server:
        return ""
    said = word("registration", found["state"], lang)
    if found["expires_s"]:
        return text("trunk.registered_for", lang, state=said, seconds=found["expires_s"])
    return f"{said} ({found['status']})" if found["status"] >= 300 else said


@trunk_app.command()
def test(
    number: Annotated[
        str, typer.Option(help="The number that is dialled; its next call is the test, and reaches no agent.")
    ] = "",
    caller: Annotated[
        bool, typer.Option("--caller", help="Ask for the number that calls; only a call from it is the test.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=5, max=600, help="Seconds to wait for the call.")] = 60.0,
    to: Annotated[
        str,
        typer.Option(help="Let Tast1's own test phone call this address, such as sip:test@127.0.0.1:5060."),
    ] = "",
    method: Annotated[
        str, typer.Option(help="How that phone sends its keys: rfc4733, info or inband.")
    ] = "rfc4733",
    events: Annotated[
        bool, typer.Option("--events/--no-events", help="Whether that phone offers RFC 4733 telephone-event.")
    ] = True,
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """A test call: which keys arrive, when, how long, by which method. Nothing is recorded.

    Exit status 1: not all of 1 2 3 came. With --json: one object a line, as the gateway tells it.
    """
    if method not in METHODS[:3]:
        raise typer.BadParameter("choose rfc4733, info or inband", param_hint="--method")
    dialled = number or _user_of(to, lang)
    calls_from = _asked_number(lang) if caller else ""
    if not dialled and not calls_from:
        raise fail(text("trunk.which", lang), 2)
    asked = {"dialled": dialled, "caller": calls_from, "seconds": seconds}
    seen = _Seen(lang, as_json)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(_watch(load(config).control_socket, asked, seen, to, method, events))
        except PermissionError:
            raise fail(text("trunk.busy", lang)) from None
        except OSError:
            raise fail(text("serve.not_running", lang)) from None
    if not seen.complete:
        raise typer.Exit(1)


class _Seen:
    """Says what the gateway tells, line by line."""

    def __init__(self, lang: str, as_json: bool) -> None:
        self._lang = lang
        self._as_json = as_json
        self._call: Told = {}
        self._keys: list[Told] = []
        self._asked = False
        self.complete = False
        """Whether all keys came."""

    def told(self, told: Told) -> None:
        self.complete = self.complete or told.get("reason") == "complete"
        if self._as_json:
            typer.echo(json.dumps(told))
            return
        match told["event"]:
            case "waiting" if not self._asked:
                self._asked = True
                self._say("trunk.waiting", seconds=round(told["seconds"]))
            case "call":
                self._call = told
                agreed = text("trunk.events" if told["events"] else "trunk.no_events", self._lang)
                inband = word("inband", told["inband"], self._lang)
                self._say(
                    "trunk.call", trunk=told["trunk"], codec=told["codec"], events=agreed, inband=inband
                )
            case "key":
                self._keys.append(told)
                length = "" if told["duration_ms"] is None else f"{told['duration_ms']} ms"
                method = word("method", told["method"], self._lang)
                self._say(
                    "trunk.key", at=told["at_s"], digit=told["digit"], length=f"{length:>7}", method=method
                )
            case "sound":
                share = 100 * told["lost"] / max(1, told["packets"] + told["lost"])
                self._say(
                    "trunk.sound",
                    packets=told["packets"],
                    lost=told["lost"],
                    share=share,
                    jitter=told["jitter_ms"],
                )
            case "over":
                self._verdict(told["reason"])

    def _verdict(self, reason: str) -> None:
        methods = list(dict.fromkeys(key["method"] for key in self._keys))
        if reason == "nobody":
            self._say("trunk.nobody")
        elif reason == "complete":
            self._say("trunk.complete", methods=", ".join(word("method", m, self._lang) for m in methods))
        elif self._keys:
            self._say("trunk.incomplete", digits=" ".join(key["digit"] for key in self._keys))
        else:
            self._say("trunk.nothing")
        if methods == ["inband"] and not self._call["listens"]:
            self._say("trunk.set_on", trunk=self._call["trunk"])

    def _say(self, key: str, **values: Any) -> None:
        console.print(text(key, self._lang, **values), markup=False)


async def _watch(socket: Path, asked: Told, seen: _Seen, to: str, method: str, events: bool) -> None:
    """Tell what the gateway tells until the test is over; with `to`, our own phone is the one that calls."""
    from gateway.worker.phone import KeyStroke, Phone, PhoneScript

    phone: Phone | None = None
    try:
        async for told in _told(socket, asked):
            seen.told(told)
            if to and phone is None:
                keys = tuple(KeyStroke(digit, 1.0 + at, method) for at, digit in enumerate("123"))
                script = PhoneScript(
                    uri=to, user="test", keys=keys, events=events, hang_up_s=30.0, cancel_s=20.0
                )
                phone = await Phone.start(script)
    finally:
        if phone is not None:
            await phone.close()


async def _told(socket: Path, asked: Told) -> AsyncIterator[Told]:
    """What the gateway tells of a test call, one thing after the other."""
    import aiohttp

    async with (
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(socket)), timeout=aiohttp.ClientTimeout(total=None)
        ) as session,
        session.post("http://tast1/keytest", json=asked) as response,
    ):
        if response.status == 409:
            raise PermissionError("another test is going on")
        response.raise_for_status()
        async for line in response.content:
            yield json.loads(line)


def _user_of(uri: str, lang: str) -> str:
    """The number in a SIP URI; "" of none."""
    if not uri:
        return ""
    found = re.match(r"sips?:([^@;>]+)@", uri)
    if found is None:
        raise fail(text("trunk.no_user", lang), 2)
    return found[1]


def _asked_number(lang: str) -> str:
    """The number that calls, asked for or read from standard input, so that no history keeps it."""
    if sys.stdin.isatty():
        return str(typer.prompt(text("trunk.caller", lang), err=True)).strip()
    return sys.stdin.readline().strip()
