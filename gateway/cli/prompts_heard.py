"""How `tast1 prompts play` lets a prompt be heard: to a file, aloud, on a telephone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

from gateway.cli.context import console, fail
from gateway.cli.desk import new_file
from gateway.texts import text
from gateway.texts.rules import said

PLAYERS = ("paplay", "aplay")
RING_S = 60.0


def heard(audio: bytes) -> bytes:
    """A prompt's file as it comes out of the caller's telephone: a WAV file."""
    from ivr_prompts import studio

    return studio.to_wav(studio.as_heard(studio.from_wav(audio)))


def write_heard(audio: bytes, out: Path, lang: str) -> None:
    """Write it to a new file."""
    with new_file(out, lang) as file:
        file.write(heard(audio))


def play_aloud(audio: bytes, lang: str) -> None:
    """Play it on this machine."""
    player = next((path for name in PLAYERS if (path := shutil.which(name))), None)
    if player is None:
        raise fail(text("prompts.no_player", lang))
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(heard(audio))
        file.flush()
        if subprocess.run([player, file.name], check=False, capture_output=True).returncode:
            raise fail(text("prompts.no_player", lang))


def play_on_telephone(file: Path, duration_ms: int, uri: str, lang: str) -> None:
    """Ring a telephone up, and play it there once it is answered; the call itself makes it A-law."""
    from gateway.worker.phone import Phone, PhoneError, PhoneEvent, PhoneScript

    length_s = duration_ms / 1000
    script = PhoneScript(
        uri=uri, user="tast1", play=str(file), loop=False, hang_up_s=length_s + 1.0, cancel_s=RING_S
    )

    async def run() -> list[PhoneEvent]:
        async with await Phone.start(script) as phone:
            return await phone.finish(RING_S + length_s + 30.0)

    try:
        with console.status(text("prompts.calling", lang)):
            events = asyncio.run(run())
    except PhoneError as error:
        raise fail(said(str(error), lang)) from None
    if not any(event.event == "answered" for event in events):
        raise fail(text("prompts.not_answered", lang))
