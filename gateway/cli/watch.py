"""`tast1 watch`: the words of a live call as they are spoken."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from rich.live import Live
from rich.text import Text

from gateway.cli.calls import CallId, ask_gateway
from gateway.cli.context import DEFAULT_FILE, AsJson, ConfigFile, Language, console, fail, load
from gateway.cli.desk import AsRole, CaseOption, Purpose, Reason, at_desk
from gateway.texts import text


def watch(
    call: CallId,
    purpose: Purpose = "",
    role: AsRole = None,
    case: CaseOption = "",
    reason: Reason = "",
    config: ConfigFile = DEFAULT_FILE,
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Follow a recorded call in words. The policy is asked; numbers are masked; nothing is kept.

    With --json: one object a line, as the gateway tells it.
    """
    found = ask_gateway(config, lang, "GET", f"/calls/{call}")
    recording = found["recording_id"]
    if recording is None:
        raise fail(text("watch.not_recorded", lang))
    with at_desk(config, lang) as work:
        work.desk.gate.watch(work.asking(role, purpose, case, reason), recording, work.at)
    socket = load(config).control_socket
    with contextlib.suppress(KeyboardInterrupt), LiveWords(lang, as_json) as words:
        try:
            told = asyncio.run(_follow(socket, found["call"], recording, words))
        except OSError:
            raise fail(text("serve.not_running", lang)) from None
    if not told:
        raise fail(text("watch.not_recorded", lang))
    if not as_json:
        console.print(text("watch.over", lang))


async def _follow(socket: Path, call: str, recording: str, words: LiveWords) -> bool:
    """Print what comes until the recording ends; False when it had ended already."""
    import aiohttp

    async with (
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(socket)), timeout=aiohttp.ClientTimeout(total=None)
        ) as session,
        session.get(f"http://tast1/calls/{call}/words", params={"recording": recording}) as response,
    ):
        if response.status in (404, 409):
            return False
        response.raise_for_status()
        async for line in response.content:
            words.told(line.decode())
    return True


class LiveWords:
    """What is being said, on the terminal: settled words line by line, unsettled ones below them."""

    def __init__(self, lang: str, as_json: bool = False, quiet: bool = False) -> None:
        self._lang = lang
        self._as_json = as_json
        self._quiet = quiet
        self._speaking: dict[str, str] = {}
        self._status = ""
        self._live = Live(console=console, transient=True, refresh_per_second=8)
        self._shows = console.is_terminal and not as_json and not quiet

    def __enter__(self) -> LiveWords:
        if self._shows:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shows:
            self._live.stop()

    def status(self, words: str) -> None:
        """What happens beside, below the words."""
        self._status = words
        self._refresh()

    def told(self, line: str) -> None:
        """A line of the gateway's."""
        import json

        if self._as_json:
            typer.echo(line.rstrip("\n"))
        else:
            self.heard(json.loads(line))

    def heard(self, heard: dict[str, Any]) -> None:
        """Something was heard, as `gateway.calls.watching.as_told` has it."""
        if self._quiet:
            return
        leg = heard["leg"]
        if heard["settled"]:
            self._speaking.pop(leg, None)
            console.print(self._line(leg, heard["heard_s"], heard["text"]))
        elif heard["text"]:
            self._speaking[leg] = heard["text"]
        self._refresh()

    def _refresh(self) -> None:
        if self._shows:
            self._live.update(Text("\n").join(self._below()))

    def _below(self) -> Iterator[Text]:
        for leg, words in self._speaking.items():
            yield Text(f"        {self._name(leg)}: {words} …", style="dim")
        if self._status:
            yield Text(self._status, style="italic")

    def _line(self, leg: str, heard_s: float, words: str) -> Text:
        minutes, seconds = divmod(int(heard_s), 60)
        style = "cyan" if leg == "caller" else "magenta"
        return Text.assemble(
            (f"{minutes:3d}:{seconds:02d}  ", "dim"), (f"{self._name(leg)}: ", f"bold {style}"), words
        )

    def _name(self, leg: str) -> str:
        return text(f"speaker.{leg}", self._lang)
