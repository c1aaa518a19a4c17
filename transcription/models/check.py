"""Is this a model, and does it hear? Looks at a folder, or asks a transcriber at a URL.

A folder is loaded in a process of its own: Kaldi aborts the process where it does not like a model.

    python -m transcription.models.check FOLDER     what that process runs; reports one line of JSON
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from transcription.protocol import (
    EOF_TEXT,
    Final,
    Partial,
    ProtocolError,
    StreamConfig,
    config_text,
    parse_server_text,
)

HERE = Path(__file__).resolve().parent
SAMPLE = HERE / "sample.wav"
"""Danish speech, 8 kHz, 16 bit."""
SAMPLE_WORDS = "jeg vil gerne anmelde en vandskade mit policenummer er fire seks to"
LOAD_S = 300.0  # big models take minutes
ANSWER_S = 30.0
CHUNK_BYTES = 3200
ROOT = HERE.parents[1]


class CheckError(Exception):
    """It is no model, or it does not work. The message says what is wrong and what to do."""


@dataclass
class Report:
    """What was found. `None`: not known from outside (a transcriber does not tell)."""

    model: str
    rate_hz: int | None = None
    vocabulary: int | None = None
    phrases: bool | None = None
    heard: str = ""
    said: str = field(default=SAMPLE_WORDS)

    @property
    def hears(self) -> bool:
        """Whether a word of what was said was heard. Not every model is for this voice: no failure."""
        return bool(set(self.heard.split()) & set(self.said.split()))

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "hears": self.hears}


def sample_pcm() -> bytes:
    """The test sentence as 16-bit little-endian samples at 8 kHz."""
    with wave.open(str(SAMPLE)) as file:
        return bytes(file.readframes(file.getnframes()))


def pieces(pcm: bytes) -> Iterator[bytes]:
    """0.2 seconds each."""
    return (pcm[at : at + CHUNK_BYTES] for at in range(0, len(pcm), CHUNK_BYTES))


# --- a folder -------------------------------------------------------------------------------------


def check_folder(folder: Path, load_s: float = LOAD_S) -> Report:
    """Look at the files, then load and decode elsewhere; `CheckError` when any of it fails."""
    from transcription.recogniser import ModelError, ModelFacts

    try:
        facts = ModelFacts.of(folder)
    except (ModelError, OSError, UnicodeDecodeError) as error:
        raise CheckError(f"{folder}: {error}") from None
    _demand(folder)
    command = [sys.executable, "-m", "transcription.models.check", str(folder.resolve())]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=load_s)
    except subprocess.TimeoutExpired:
        raise CheckError(f"{folder}: it was not loaded within {load_s:.0f} s") from None
    if done.returncode < 0 or done.returncode > 2:
        raise CheckError(
            f"{folder}: Vosk gave up on it (the process ended with {done.returncode}){_last(done)}"
        )
    if done.returncode:
        raise CheckError(f"{folder}: {done.stderr.strip().splitlines()[-1]}")
    heard = json.loads(done.stdout.splitlines()[-1])["heard"]
    return Report(folder.name, facts.rate_hz, facts.vocabulary, facts.phrases, heard)


def _demand(folder: Path) -> None:
    """What Vosk finds missing only by ending the process, or not at all."""
    conf = folder / "conf" / "model.conf"
    if not conf.is_file():
        return  # the flat layout of older models has its files elsewhere
    graph = folder / "graph"
    if not (graph / "HCLG.fst").is_file():
        missing = [n for n in ("HCLr.fst", "Gr.fst", "disambig_tid.int") if not (graph / n).is_file()]
        if missing:
            raise CheckError(
                f"{folder}: graph/{missing[0]} is missing, and graph/HCLG.fst is not there either"
            )
    if not any((folder / "conf" / name).is_file() for name in ("mfcc.conf", "fbank.conf")):
        raise CheckError(f"{folder}: conf/mfcc.conf is missing: without it features are of another kind")
    if "--endpoint.silence-phones=" not in conf.read_text(encoding="utf-8"):
        raise CheckError(
            f"{folder}: conf/model.conf has no --endpoint.silence-phones: Vosk would abort at the first words"
        )


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """What Kaldi said last: the line that names the reason."""
    lines = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "ASSERTION", "WARNING"))]
    return f": {lines[-1][:300]}" if lines else ""


def _decode(folder: Path) -> int:
    """What the other process does: load, decode, print what was heard."""
    from transcription.recogniser import Model, ModelError

    try:
        recogniser = Model(folder).recogniser(StreamConfig(8000))
        heard = [recogniser.feed(piece) for piece in pieces(sample_pcm())]
        finals = [result for result in (*heard, recogniser.flush()) if isinstance(result, Final)]
    except ModelError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"heard": " ".join(final.text for final in finals if final.text)}, ensure_ascii=False))
    return 0


# --- a transcriber --------------------------------------------------------------------------------


def check_url(url: str, answer_s: float = ANSWER_S) -> Report:
    """Send the test sentence to a vosk-server; `CheckError` when it does not answer as one."""
    return asyncio.run(ask(url, answer_s))


async def ask(url: str, answer_s: float = ANSWER_S) -> Report:
    """The same, in a running event loop."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=answer_s)
    finals: list[str] = []
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.ws_connect(url) as socket:
            await socket.send_str(config_text(StreamConfig(8000)))
            for piece in pieces(sample_pcm()):
                await socket.send_bytes(piece)
                finals += _final(await socket.receive(answer_s))
            await socket.send_str(EOF_TEXT)
            finals += _final(await socket.receive(answer_s))
    except asyncio.TimeoutError:
        raise CheckError(f"{url}: no answer for {answer_s:.0f} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise CheckError(f"{url}: no transcriber answers there ({error})") from None
    return Report(url, heard=" ".join(finals))


def _final(message: Any) -> list[str]:
    """The text of an answer if it is a final one; `CheckError` when it is none of the protocol."""
    if message.type is not aiohttp.WSMsgType.TEXT:
        code = message.data if message.type is aiohttp.WSMsgType.CLOSE else ""
        raise CheckError(f"it closed the stream {code} without an answer: look in its log".replace("  ", " "))
    try:
        heard = parse_server_text(message.data)
    except ProtocolError as error:
        raise CheckError(f"it does not speak the vosk-server protocol: {error}") from None
    return [] if isinstance(heard, Partial) or not heard.text else [heard.text]


if __name__ == "__main__":
    sys.exit(_decode(Path(sys.argv[1])))
