"""Transcription: word errors through the whole path, how late words come, what a stream costs, and memory."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import processes, speech
from benchmarks.asked import Asked, BenchmarkError
from benchmarks.measures import Spread
from benchmarks.page import in_markdown, measured_on, on_screen
from benchmarks.speech import Told
from storage import artifacts, jobs
from storage.model import ArtifactKind
from tests.sip.gateway import Gateway, running
from tests.sip.signals import RATE_HZ
from tests.sip.softphone import Dialog, Impairment, Softphone
from tests.sip.test_calls import Stage
from transcription.exports import from_json
from transcription.models.catalogue import folder_of
from transcription.models.evaluation import errors
from transcription.protocol import StreamConfig, config_text
from transcription.segments import Leg, Transcript

MODEL = "da-demo"
LOSS = 0.01
LEVELS = (1, 10, 25)
SENTENCES = {1: 20, 10: 17, 25: 8}
"""A leg says so many at each level; at 10 calls it is 340 sentences, whose word errors are the figure."""
QUICK = {1: 3, 2: 3}
STREAMS = 8
STREAM_S = 60.0
LONG_S = 7200.0
PIECE_S = 0.2
SAMPLES_OF_MEMORY = 12
CATCH_UP_S = 600.0


@dataclass
class Level:
    """One number of calls at once."""

    calls: int
    sentences: int = 0
    words: int = 0
    wrong: int = 0
    gaps: int = 0
    gap_s: float = 0.0
    lag_ms: Spread | None = None
    transcriber_cpu: float = 0.0  # CPU-seconds a second, of the transcriber's process
    busy: float = 0.0

    @property
    def error_rate(self) -> float:
        """Word error rate."""
        return self.wrong / max(1, self.words)


def run(asked: Asked) -> str:
    """Measure; the section of the page."""
    shutil.rmtree(asked.scratch, ignore_errors=True)
    asked.scratch.mkdir(parents=True)
    plan = QUICK if asked.quick else SENTENCES
    levels: list[Level] = []
    missing: list[str] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=asked.console) as progress:
        task = progress.add_task("", total=None)
        for calls, sentences in plan.items():
            progress.update(task, description=f"{calls} calls at once, {sentences} sentences a leg")
            try:
                levels.append(asyncio.run(_level(calls, sentences, asked.scratch / str(calls))))
                asked.console.print(on_screen("Calls that are transcribed", HEADINGS, rows(levels[-1:])))
            except (BenchmarkError, AssertionError) as error:
                missing.append(f"{calls} calls at once could not be measured: {str(error).splitlines()[0]}.")
                asked.console.print(missing[-1], style="red", markup=False)
        progress.update(task, description=f"{STREAMS} streams as fast as they go")
        cost = asyncio.run(_cost(10.0 if asked.quick else STREAM_S))
        progress.update(task, description="two hours in one stream")
        memory = asyncio.run(_memory(300.0 if asked.quick else LONG_S))
    asked.console.print(on_screen("Calls that are transcribed", HEADINGS, rows(levels)))
    asked.console.print(f"a stream takes {cost * 100:.1f} % of a core: {1 / cost:.0f} streams a core")
    asked.console.print("MiB over the long stream: " + " ".join(f"{mib:.1f}" for _, mib in memory))
    if not levels:
        raise BenchmarkError("; ".join(missing))
    return _section(asked, levels, missing, cost, memory)


# --- calls ------------------------------------------------------------------------------------------


def lossy(seed: int) -> Impairment:
    """Single packets are lost at random."""
    rng = random.Random(seed)
    return lambda _: None if rng.random() < LOSS else 0.0


@dataclass
class Side:
    """One leg of a call: what it says, since when, and when words were seen."""

    told: Told
    began: float = 0.0
    seen: list[tuple[float, int]] = field(default_factory=list)  # (when, words known so far)


async def _level(calls: int, sentences: int, folder: Path) -> Level:
    sides = [
        {Leg.CALLER: Side(speech.told(2 * n, sentences)), Leg.AGENT: Side(speech.told(2 * n + 1, sentences))}
        for n in range(calls)
    ]
    transcription = {"model": MODEL, "listen": "127.0.0.1:0"}
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(folder, agent.uri, workers=calls + 3, transcription=transcription) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        await gateway.until(lambda: _is_up(gateway), 60, "the transcriber did not come up")
        assert gateway.process is not None
        pid = _transcriber_of(gateway.process.pid)
        pairs = [await _connected(stage) for _ in range(calls)]
        up = {call["call"]: call["recording_id"] for call in (await gateway.control("GET", "/calls"))["up"]}
        if len(up) != calls or None in up.values():
            raise BenchmarkError(f"{calls} calls did not come to record: the machine is too slow or too busy")
        before, busy = processes.all_processes()[pid].cpu_s, Path("/proc/stat").read_text()
        began = time.monotonic()
        watchers = [
            asyncio.create_task(_watch(gateway, call, recording, sides[n]))
            for n, (call, recording) in enumerate(up.items())
        ]
        await asyncio.sleep(0.5)
        talking = [
            _talk(dialog, sides[n][leg], seed=2 * n + number)
            for n, pair in enumerate(pairs)
            for number, (leg, dialog) in enumerate(zip((Leg.CALLER, Leg.AGENT), pair, strict=True))
        ]
        await asyncio.gather(*talking)
        seconds = time.monotonic() - began
        level = Level(calls, 2 * calls * sentences)
        level.transcriber_cpu = (processes.all_processes()[pid].cpu_s - before) / seconds
        level.busy = processes.busy_share(busy, Path("/proc/stat").read_text())
        await asyncio.sleep(1.0)
        for dialog, _ in pairs:
            await dialog.hang_up()
        await gateway.closed_calls(calls, 60)
        await asyncio.wait_for(asyncio.gather(*watchers), 60)
        await gateway.until(lambda: _transcripts(gateway) == calls, 60, "transcripts are missing")
        for call in up:
            gaps = _stored(gateway, call).gaps
            level.gaps += len(gaps)
            level.gap_s += sum(gap.end_s - gap.start_s for gap in gaps)
        await gateway.until(lambda: not _to_catch_up(gateway), CATCH_UP_S, "gaps were not filled")
        lags: list[float] = []
        for n, (call, recording) in enumerate(up.items()):
            lags += _judge(level, gateway, call, recording, sides[n])
        level.lag_ms = Spread.of(lags) if lags else None  # none: nothing was seen while it was spoken
    return level


async def _is_up(gateway: Gateway) -> bool:
    return 'tast1_transcribers{state="up"} 1.0' in (await gateway.get("/metrics"))[1]


def _transcriber_of(gateway_pid: int) -> int:
    for pid in processes.descendants(processes.all_processes(), gateway_pid):
        if b"transcription\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    raise BenchmarkError("the gateway runs no transcriber")


async def _connected(stage: Stage) -> tuple[Dialog, Dialog]:
    """A call that is recorded: the caller's end and the agent's."""
    dialog = await stage.dial()
    leg = await stage.accept(dialog)
    wanted = len(stage.gateway.recordings()) if stage.calls == 1 else stage.calls
    await stage.gateway.until(lambda: len(stage.gateway.recordings()) >= max(1, wanted), 20, "no recording")
    return dialog, leg


async def _talk(dialog: Dialog, side: Side, seed: int) -> None:
    side.began = time.monotonic()
    await dialog.send(side.told.pcm, lossy(seed))


async def _watch(gateway: Gateway, call: str, recording: str, sides: dict[Leg, Side]) -> None:
    """As `tast1 watch` does: over the control socket, numbers masked; words are counted as they come."""
    settled = dict.fromkeys(Leg, 0)
    connector = aiohttp.UnixConnector(path=str(gateway.settings().control_socket))
    async with (
        aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session,
        session.get(f"http://tast1/calls/{call}/words", params={"recording": recording}) as response,
    ):
        response.raise_for_status()
        async for line in response.content:
            heard = json.loads(line)
            leg, words = Leg(heard["leg"]), len(heard["text"].split())
            sides[leg].seen.append((time.monotonic(), settled[leg] + words))
            if heard["settled"]:
                settled[leg] += words


def _transcripts(gateway: Gateway) -> int:
    with gateway.archive() as opened:
        rows = opened.database.read_sync(lambda s: artifacts.listing(s, None, ArtifactKind.TRANSCRIPT, 1000))
    return len(rows)


def _to_catch_up(gateway: Gateway) -> dict[str, int]:
    with gateway.archive() as opened:
        return dict(opened.database.read_sync(jobs.counts))


def _stored(gateway: Gateway, call: str) -> Transcript:
    """The transcript as it is stored, whole: people get it through the gate, redacted."""
    with gateway.archive() as opened:

        def words(session: Any) -> bytes:
            (row, _), *_ = artifacts.listing(session, call, ArtifactKind.TRANSCRIPT, 1)
            key = artifacts.data_key(session, opened.keys, row.id, row.created_at)
            return artifacts.words(session, row.id, key)

        return from_json(opened.database.read_sync(words).decode())


def _judge(level: Level, gateway: Gateway, call: str, recording: str, sides: dict[Leg, Side]) -> list[float]:
    """Count a call's errors, its gaps filled, into the level; how late each of its words was seen, in ms."""
    transcript, lags = _stored(gateway, call), []
    for (leg, side), sound in zip(sides.items(), gateway.sound(recording), strict=True):
        words = transcript.words_of(leg)
        level.words += len(side.told.words)
        level.wrong += errors(side.told.words, [word.text for word in words])
        # The recording's clock against the phone's: the same onset on both.
        zero = side.began + (side.told.onset - speech.onset(sound)) / RATE_HZ
        for place, word in enumerate(words):
            when = next((at for at, known in side.seen if known > place), None)
            if when is not None:
                lags.append((when - zero - word.end_s) * 1000)
    return lags


# --- the transcriber alone --------------------------------------------------------------------------


async def _transcriber(threads: int) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "transcription", str(folder_of(MODEL)), "127.0.0.1", "0", str(threads)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["port"]
    return process, f"ws://127.0.0.1:{port}"


async def _feed(url: str, pcm: np.ndarray, seconds: float, on_piece: Any = None) -> None:
    """One stream, each piece after the answer to the one before."""
    piece = int(PIECE_S * RATE_HZ)
    pieces = [pcm[at : at + piece].tobytes() for at in range(0, len(pcm) - piece, piece)]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str(config_text(StreamConfig()))
        for number in range(int(seconds / PIECE_S)):
            await socket.send_bytes(pieces[number % len(pieces)])
            await socket.receive_str()
            if on_piece is not None:
                on_piece(number)


async def _cost(seconds: float) -> float:
    """CPU-seconds of the transcriber for each second of a stream."""
    process, url = await _transcriber(threads=2)
    try:
        sounds = [speech.told(leg, 8).pcm for leg in range(STREAMS)]
        await _feed(url, sounds[0], 5.0)
        before = processes.all_processes()[process.pid].cpu_s
        await asyncio.gather(*(_feed(url, pcm, seconds) for pcm in sounds))
        return (processes.all_processes()[process.pid].cpu_s - before) / (seconds * STREAMS)
    finally:
        process.kill()
        await process.wait()


async def _memory(seconds: float) -> list[tuple[float, float]]:
    """(seconds of the stream, MiB of the transcriber) over one long stream."""
    process, url = await _transcriber(threads=1)
    found: list[tuple[float, float]] = []
    every = max(1, int(seconds / PIECE_S / SAMPLES_OF_MEMORY))

    def look(number: int) -> None:
        if (number + 1) % every == 0:
            found.append(((number + 1) * PIECE_S, processes.pss_mib_of(process.pid)))

    try:
        await _feed(url, speech.told(0, 36).pcm, seconds, look)
    finally:
        process.kill()
        await process.wait()
    return found


# --- telling ----------------------------------------------------------------------------------------

HEADINGS = (
    "Calls at once",
    "Sentences",
    "Words",
    "Word errors",
    "Gaps",
    "End of word to watcher, ms: median / p95 / worst",
    "Transcriber, % of a core",
    "Machine busy",
)


def rows(levels: Sequence[Level]) -> list[tuple[str, ...]]:
    """One row a level, in the order of `HEADINGS`."""
    return [
        (
            f"{level.calls}",
            f"{level.sentences}",
            f"{level.words}",
            f"{level.error_rate:.1%}",
            f"{level.gaps} ({level.gap_s:.1f} s)",
            f"{level.lag_ms.median:.0f} / {level.lag_ms.p95:.0f} / {level.lag_ms.worst:.0f}"
            if level.lag_ms
            else "",
            f"{level.transcriber_cpu:.0%}",
            f"{level.busy:.0%}",
        )
        for level in levels
    ]


def _section(
    asked: Asked,
    levels: Sequence[Level],
    missing: Sequence[str],
    cost: float,
    memory: Sequence[tuple[float, float]],
) -> str:
    minutes = " | ".join(f"{seconds / 60:.0f}" for seconds, _ in memory)
    mib = " | ".join(f"{each:.1f}" for _, each in memory)
    return f"""## Transcription

{in_markdown(HEADINGS, rows(levels))}

{" ".join(missing)}

A stream costs the transcriber {cost:.3f} CPU-seconds a second: {1 / cost:.0f} streams a core; a call has two.

Memory of the transcriber over one long stream (as fast as it decodes; recognisers are replaced each ten
minutes of it):

| Minutes heard | {minutes} |
|---|{"---:|" * len(memory)}
| MiB | {mib} |

{measured_on(asked.where, asked.command)}

* The model is `{MODEL}`, which knows espeak-ng's voices and a few hundred words: word errors say what the
  path does to speech, not how well callers are understood. Sentences and voices are not among those it was
  trained on.
* **The path**: espeak-ng → 8 kHz → G.711 A-law over RTP, {LOSS:.0%} of packets lost, both sides talking at
  the same time → the gateway's recording → transcriber → stored transcript, read from the archive. Phones
  are in Python, on the same cores.
* **End of word to watcher**: from the moment at which the phone sent the end of a word (as the stored
  transcript times it; clocks are matched at the first sound of each leg) to the first message on the control
  socket (`tast1 watch`) that has the word. The path's jitter buffer, the recording's poll and the model's
  look-ahead (150 ms) are in it.
* **Gaps**: spans that the transcriber could not take in time. They are filled from the recording
  afterwards, and words are compared when that is done. The transcriber runs at a lower priority than the
  calls (nice 10), so on a machine that is busy with other work words come late, and recordings do not.
"""
