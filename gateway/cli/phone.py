"""`tast1 call`: a test phone, to hear the gateway as a caller does."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import AsJson, Language, console, fail, print_json, table
from gateway.texts import text, word
from gateway.texts.rules import said


def call(
    uri: Annotated[str, typer.Argument(help="Whom to call, such as sip:70101010@127.0.0.1:5060.")],
    key: Annotated[
        list[str],
        typer.Option(
            "--key",
            "-k",
            metavar="DIGIT@SECONDS[:METHOD]",
            help="Press a key so many seconds after the answer; METHOD is rfc4733 (default), info, inband"
            " (as tones) or both (the first two).",
        ),
    ] = [],  # noqa: B006  typer copies it
    play: Annotated[
        Path | None, typer.Option(help="WAV file that the other side hears (8 kHz mono 16-bit), in a loop.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="WAV file to write what is heard to.")] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", "-s", help="Hang up so many seconds after the answer.")
    ] = 30.0,
    codec: Annotated[str, typer.Option(help="PCMA, PCMU or G722.")] = "PCMA",
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Call a SIP URI, press keys, play and record sound, and print what happened."""
    from gateway.worker.phone import Phone, PhoneError, PhoneEvent, PhoneScript, read_key

    if codec not in ("PCMA", "PCMU", "G722"):
        raise typer.BadParameter("choose PCMA, PCMU or G722", param_hint="--codec")
    if play is not None and not is_playable(play):
        raise fail(text("call.no_wav", lang, path=play), 2)
    try:
        keys = tuple(read_key(each) for each in key)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None
    script = PhoneScript(
        uri=uri,
        codec=codec,
        play=str(play) if play else None,
        record=str(record) if record else None,
        keys=keys,
        hang_up_s=seconds,
        cancel_s=60.0,
    )

    async def run() -> list[PhoneEvent]:
        async with await Phone.start(script) as phone:
            return await phone.finish(seconds + 120.0)

    try:
        with console.status(text("call.running", lang)):
            events = asyncio.run(run())
    except PhoneError as error:
        raise fail(said(str(error), lang)) from None
    answered = any(event.event == "answered" for event in events)
    if as_json:
        print_json([{"at_s": e.at, "event": e.event, **e.fields} for e in events])
    else:
        table(
            text("title.phone", lang),
            ("time", "event", "result"),
            [
                (
                    f"{e.at:7.3f} s",
                    text(f"phone.{e.event}", lang) if e.event in PHONE_EVENTS else e.event,
                    ", ".join(word(name, value, lang) for name, value in e.fields.items()),
                )
                for e in events
            ],
            lang,
        )
    if not answered:
        raise typer.Exit(1)


def is_playable(file: Path) -> bool:
    """Whether a phone can play a file: mono 16-bit PCM in a WAV, 20 ms or more of it."""
    try:
        with wave.open(str(file)) as sound:
            mono_16_bit = (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
            return mono_16_bit and bool(sound.getnframes() * 50 >= sound.getframerate())
    except (OSError, EOFError, wave.Error):
        return False


PHONE_EVENTS = (
    *("ready", "dialled", "ringing", "answered", "early_media", "key", "hold", "resume", "refresh"),
    *("held", "resumed", "digit", "ended", "refer", "bye"),
)
"""What a phone tells; each has a text in both languages."""
