"""Transcribers in trouble while a call runs: the recording does not notice, and no word is lost in the end.

The call is a driver's with real storage; its recorder writes sound of which every word is known. Transcribers
are processes that are really killed and stopped, or servers that misbehave on order. What is sealed is
compared with what the recorder wrote, bit by bit, as it is without any transcriber.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gateway.callflow import messages as m
from gateway.calls import line as ln
from gateway.calls.catchup import CatchUp
from gateway.calls.driver import CallDriver
from gateway.calls.records import StoredRecords
from gateway.calls.surroundings import Surroundings
from gateway.calls.transcribing import Transcribing
from storage import artifacts, jobs
from storage.artifacts import Tags
from storage.model import ArtifactKind
from tests.calls.test_catchup import WORD, assert_no_word, due_now, everything_logged, transcript
from tests.calls.test_driver import FLOW, INVITE, PROMPTS, Running
from tests.fakes import FakeLine
from tests.storage.world import World
from tests.transcription.counting import BLOCK, BLOCK_S, CountingServer, sound
from transcription import client, servers
from transcription.protocol import StreamConfig
from transcription.segments import Leg, Transcript
from transcription.servers import Server, Servers

pytestmark = [pytest.mark.sqlite, pytest.mark.kill]

ROOT = Path(__file__).parents[2]
CALLER = tuple(n if n % 9 else 0 for n in range(1, 61))
AGENT = tuple(n if n % 7 else 0 for n in range(101, 161))
SAID = {Leg.CALLER: CALLER, Leg.AGENT: AGENT}
AT_ONCE = 2  # blocks that the recorder writes at a time


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of patience become tenths; the rules stay."""
    monkeypatch.setattr(client, "REPLY_S", 0.5)
    monkeypatch.setattr(servers, "RETRY_S", (0.3,))
    monkeypatch.setattr(client, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(client, "FINISH_S", 2.0)
    monkeypatch.setattr("gateway.calls.capture.POLL_S", 0.05)
    monkeypatch.setattr("gateway.calls.capture.HEARD_POLL_S", 0.05)


class Process:
    """A transcriber in a process of its own, to be killed and stopped."""

    def __init__(self) -> None:
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def start(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.transcription.counting", str(self.port), WORD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self.port = int(await asyncio.wait_for(self._process.stdout.readline(), 60))
        return self

    def send(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    stop = kill


class Call(Running):
    """A driver at work on real storage."""

    def __init__(self, world: World, transcribing: Transcribing | None) -> None:
        self.line = FakeLine()
        stored = StoredRecords(
            world.db, world.store, world.keys, world.settings, Tags(), transcribes=transcribing is not None
        )
        memory = world.folder / "memory"
        self.around = Surroundings(stored, PROMPTS, memory, sync_s=0.05, transcribing=transcribing)
        self.driver = CallDriver(uuid.uuid4().hex, self.line, INVITE, FLOW, self.around)
        self.task = asyncio.create_task(self.driver.run())

    async def say(self, first: int, end: int, pause_s: float = 0.05) -> None:
        """Both recorders write these blocks of what is said."""
        assert self.line.folder is not None
        for at in range(first, end, AT_ONCE):
            for leg, numbers in (("caller.wav", CALLER), ("agent.wav", AGENT)):
                with (self.line.folder / leg).open("ab") as file:
                    file.write(sound(*numbers[at : min(end, at + AT_ONCE)]))
            await asyncio.sleep(pause_s)


def recording_of(world: World, call: Call) -> str:
    rows = world.db.read_sync(lambda s: artifacts.listing(s, call.driver.call_id, ArtifactKind.AUDIO))
    return rows[0][0].id


def assert_bit_identical(world: World, recording: str) -> None:
    """What is sealed is what the recorders wrote."""
    key = world.db.read_sync(
        lambda s: artifacts.data_key(s, world.keys, recording, artifacts.required(s, recording).anchor)
    )
    with world.store.open(recording, key) as reader:
        stereo, rate = soundfile.read(reader, dtype="int16", always_2d=True)
    assert rate == 8000
    for channel, numbers in enumerate((CALLER, AGENT)):
        assert stereo[:, channel].tobytes() == sound(*numbers)
    row = world.db.read_sync(lambda s: artifacts.required(s, recording))
    assert (row.state, row.incomplete_reason) == ("sealed", None)


def assert_accounted(found: Transcript) -> None:
    """Every word that lies in no gap is there, once and at its place; no other word is."""
    for leg, numbers in SAID.items():
        words = found.words_of(leg)
        heard = [int((word.start_s + word.end_s) / 2 / BLOCK_S) for word in words]
        assert [word.text for word in words] == [WORD.format(numbers[at]) for at in heard]
        gaps = [gap for gap in found.gaps if gap.leg is leg]
        for at, number in enumerate(numbers):
            start_s, end_s = at * BLOCK_S, (at + 1) * BLOCK_S
            in_gap = any(gap.start_s < end_s - 0.001 and gap.end_s > start_s + 0.001 for gap in gaps)
            if number and not in_gap:
                assert heard.count(at) == 1, (leg, at, gaps, words[-8:])


def assert_whole(found: Transcript) -> None:
    """As it is when nothing happens: every word, each once, at its place."""
    assert found.gaps == ()
    for leg, numbers in SAID.items():
        words = found.words_of(leg)
        assert [word.text for word in words] == [WORD.format(n) for n in numbers if n]
        places = [at for at, n in enumerate(numbers) if n]
        for word, at in zip(words, places, strict=True):
            assert abs(word.start_s - at * BLOCK_S) < BLOCK_S / 2


async def caught_up(world: World, how: Transcribing) -> int:
    """Catch up until there is nothing left; how many jobs that took."""
    worker = CatchUp(world.db, world.store, world.keys, world.settings, Tags(), how)
    for _ in range(20):
        for server in how.servers.servers:
            server.retry_at = 0.0
        due_now(world)
        await worker.run_one()
        if world.db.read_sync(jobs.counts) == {}:
            return worker.endings["done"]
    raise AssertionError(f"jobs are left: {worker.endings}")


async def talk(world: World, how: Transcribing | None, trouble: object = None) -> str:
    """A whole recorded call, with trouble after a third of it; its recording."""
    call = Call(world, how)
    await call.recording()
    await call.say(0, 20)
    if trouble is not None:
        await trouble()  # type: ignore[operator]
    await call.say(20, 60)
    await call.over()
    return recording_of(world, call)


@contextlib.asynccontextmanager
async def transcribing(*servers: CountingServer | Process) -> AsyncIterator[Transcribing]:
    pool = Servers([Server(each.url) for each in servers])
    try:
        yield Transcribing(pool, StreamConfig(), model="counting", max_lag_s=2.0)
    finally:
        await pool.close()
        for each in servers:
            with contextlib.suppress(Exception):
                await each.stop()


async def finished(world: World, how: Transcribing, recording: str, gaps: bool | None) -> None:
    """The recording is untouched, the words accounted for, and whole after the catch-up."""
    assert_bit_identical(world, recording)
    live = transcript(world, recording)
    assert_accounted(live)
    assert gaps is None or bool(live.gaps) == gaps
    assert (world.db.read_sync(jobs.counts) == {}) == (not live.gaps)
    if live.gaps:
        assert await caught_up(world, how) == 1
    assert_whole(transcript(world, recording))
    assert world.db.read_sync(jobs.counts) == {}
    rows = world.db.read_sync(lambda s: artifacts.listing(s, None, ArtifactKind.TRANSCRIPT))
    assert len(rows) == 1


async def test_without_a_transcriber_the_recording_is_what_the_recorders_wrote(world: World) -> None:
    recording = await talk(world, None)
    assert_bit_identical(world, recording)
    assert world.db.read_sync(jobs.counts) == {}


async def test_undisturbed_every_word_is_there_when_the_call_is_over(world: World) -> None:
    async with transcribing(await CountingServer(word=WORD).start()) as how:
        await finished(world, how, await talk(world, how), gaps=False)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_transcriber_is_killed(world: World, others: int) -> None:
    first = await Process().start()
    more = [await CountingServer(word=WORD).start() for _ in range(others)]
    async with transcribing(first, *more) as how:
        recording = await talk(world, how, first.kill)
        if not others:
            await first.start()
        await finished(world, how, recording, gaps=True)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_transcriber_stalls(world: World, others: int) -> None:
    first = await Process().start()
    more = [await CountingServer(word=WORD).start() for _ in range(others)]

    async def stall() -> None:
        first.send(signal.SIGSTOP)

    async with transcribing(first, *more) as how:
        recording = await talk(world, how, stall)
        first.send(signal.SIGCONT)
        await finished(world, how, recording, gaps=True)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_transcriber_is_slow(world: World, others: int) -> None:
    first = await CountingServer(word=WORD).start()
    more = [await CountingServer(word=WORD).start() for _ in range(others)]

    async def slow() -> None:
        first.delay_s = 0.4

    async with transcribing(first, *more) as how:
        recording = await talk(world, how, slow)
        first.delay_s = 0.0
        await finished(world, how, recording, gaps=None)


async def test_a_transcriber_that_is_too_slow_for_the_call_leaves_what_it_cannot_take(world: World) -> None:
    first = await CountingServer(word=WORD, delay_s=0.45).start()
    async with transcribing(first) as how:
        object.__setattr__(how, "max_lag_s", 0.5)
        recording = await talk(world, how)
        assert {gap.reason for gap in transcript(world, recording).gaps} >= {"lag"}
        first.delay_s = 0.0
        await finished(world, how, recording, gaps=True)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_transcriber_is_restarted_at_its_port(world: World, others: int) -> None:
    first = await Process().start()
    more = [await CountingServer(word=WORD).start() for _ in range(others)]

    async def restart() -> None:
        await first.kill()
        await first.start()

    async with transcribing(first, *more) as how:
        await finished(world, how, await talk(world, how, restart), gaps=True)


async def test_a_transcriber_is_replaced_by_another_at_its_port(world: World) -> None:
    first, second = await Process().start(), CountingServer(word=WORD)
    second.port = first.port

    async def replace() -> None:
        await first.kill()
        await second.start()

    async with transcribing(first) as how:
        recording = await talk(world, how, replace)
        assert second.streams >= 2, "both legs go on with the new one"
        await finished(world, how, recording, gaps=True)
    await second.stop()


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize(
    "fault",
    ["close", "rubbish", "no_json", "wrong_times", "too_late", "no_times", "binary", "huge", "refuse"],
)
async def test_a_transcriber_talks_rubbish(world: World, fault: str, others: int) -> None:
    first = await CountingServer(word=WORD).start()
    more = [await CountingServer(word=WORD).start() for _ in range(others)]

    async def go_wrong() -> None:
        first.fault = fault

    async with transcribing(first, *more) as how:
        recording = await talk(world, how, go_wrong)
        first.fault = ""
        await finished(world, how, recording, gaps=True)


async def test_without_any_transcriber_all_of_it_is_caught_up(world: World) -> None:
    first = await CountingServer(word=WORD).start()
    await first.stop()
    async with transcribing(first) as how:
        recording = await talk(world, how)
        assert transcript(world, recording).words == ()
        await first.start()
        await finished(world, how, recording, gaps=True)


@pytest.mark.parametrize("when", ["heard", "stalled", "gone"])
async def test_a_withdrawal_in_mid_call_leaves_no_word_and_no_job(
    world: World, engine: str, when: str
) -> None:
    first = await CountingServer(word=WORD).start()
    with everything_logged(world):
        async with transcribing(first) as how:
            call = Call(world, how)
            await call.recording()
            await call.say(0, 20)
            if when == "stalled":
                first.fault = "stall"
            if when == "gone":
                await first.stop()
            await call.say(20, 40)
            call.driver.post(m.StopRequested("agent"))
            await call.until(lambda: call.line.count(ln.ShutCapture) == 1)
            pieces = first.pieces
            await call.over()
            assert first.pieces <= pieces + 2, "what was on its way, a piece a leg, and no more"
            assert await caught_up(world, how) == 0
    rows = world.db.read_sync(lambda s: artifacts.listing(s, call.driver.call_id, ArtifactKind.TRANSCRIPT))
    assert list(rows) == []
    assert_no_word(world, engine)
    assert not any(path.stat().st_size for path in files(world.folder / "audio"))


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.t1*") if path.is_file())


def test_the_comparison_would_find_one_wrong_sample() -> None:
    """The positive control of `assert_bit_identical`'s comparison."""
    changed = np.frombuffer(sound(*CALLER), dtype="<i2").copy()
    changed[BLOCK] += 1
    assert changed.tobytes() != sound(*CALLER)
