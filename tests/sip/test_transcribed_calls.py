"""Real calls in Danish (espeak-ng), transcribed by the small model in real processes that are really killed.

What is written down is compared with what the same model hears in the sealed recording when nothing
disturbs it. Keys are looked for by a detector of the tests' own.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from storage import artifacts, jobs, transcripts
from storage.model import ArtifactKind
from storage.tables import Document
from tests.ports import free_port
from tests.sip.dtmf import keyed, keys_in
from tests.sip.gateway import Gateway, running
from tests.sip.signals import Pcm
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import Stage
from tests.transcription.speech import or_skip, say
from transcription.exports import from_json
from transcription.models.catalogue import folder_of
from transcription.protocol import Final, StreamConfig
from transcription.recogniser import Model
from transcription.segments import PAUSED, Leg, Transcript

pytestmark = [pytest.mark.sip, pytest.mark.kill, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).parents[2]
CALLER_SAYS, AGENT_SAYS = "god dag jeg har en vandskade", "hvad er din adresse"


@pytest.fixture(scope="module", autouse=True)
def speech() -> None:
    or_skip()


def own_model() -> dict[str, object]:
    """A transcriber that the gateway runs itself."""
    return {"model": "da-demo", "listen": f"127.0.0.1:{free_port()}", "threads": 2}


class Transcriber:
    """A transcriber of an operator's: its own process, at its own port."""

    def __init__(self) -> None:
        self.port = free_port()

    async def start(self) -> Transcriber:
        self.process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "transcription",
                str(folder_of("da-demo")),
                "127.0.0.1",
                str(self.port),
                "1",
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        await asyncio.wait_for(self.process.stdout.readline(), 60)
        return self

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


def own_transcriber(gateway: Gateway) -> int:
    """The process that the gateway runs as its transcriber; 0 while there is none."""
    assert gateway.process is not None
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if parent == gateway.process.pid and b"transcription" in command:
            return int(folder.name)
    return 0


async def transcriber_up(gateway: Gateway, port: int, besides: int = 0) -> int:
    def is_up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0 and own_transcriber(gateway) not in (0, besides)

    await gateway.until(is_up, 60, "the transcriber did not come up")
    return own_transcriber(gateway)


def port_of(gateway: Gateway) -> int:
    return int(str(gateway.transcription["listen"]).rpartition(":")[2])


async def both_say(dialog: Dialog, leg: Dialog, caller: str = CALLER_SAYS, agent: str = AGENT_SAYS) -> None:
    await asyncio.gather(dialog.send(say(caller)), leg.send(say(agent)))


async def settled(gateway: Gateway, recording: str, seconds: float = 90) -> Transcript:
    """The transcript of a recording when no job of it is left."""

    def done() -> bool:
        with gateway.archive() as opened:
            waiting = opened.database.read_sync(jobs.counts)
            return (
                waiting == {}
                and opened.database.read_sync(lambda s: transcripts.of_recording(s, recording)) is not None
            )

    await gateway.until(done, seconds, "the transcript was not completed")
    with gateway.archive() as opened:
        found = opened.database.read_sync(
            lambda s: transcripts.known(s, opened.keys, recording, _now(), opened.settings.policy)
        )
    assert found.words is not None
    return from_json(found.words.decode())


def _now() -> datetime:
    return datetime.now(timezone.utc)


def spoken(found: Transcript, leg: Leg) -> list[str]:
    return [word.text for word in found.words_of(leg)]


def undisturbed(pcm: Pcm) -> list[str]:
    """What the model hears in this sound when nothing is in its way."""
    one = Model(folder_of("da-demo")).recogniser(StreamConfig())
    told = [one.feed(pcm[at : at + 1600].tobytes()) for at in range(0, len(pcm), 1600)]
    finals = [*(each for each in told if isinstance(each, Final)), one.flush()]
    return [word.text for final in finals for word in final.words]


def differences(one: list[str], other: list[str]) -> int:
    """How many words must be changed to make one of the other."""
    steps = difflib.SequenceMatcher(a=one, b=other, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for what, a, b, c, d in steps if what != "equal")


def assert_complete(gateway: Gateway, recording: str, found: Transcript, at_least: int) -> None:
    """No gap; each leg as the model hears it undisturbed, but for a word where it was heard twice."""
    assert [gap for gap in found.gaps if gap.reason != PAUSED] == []
    for leg, pcm in zip((Leg.CALLER, Leg.AGENT), gateway.sound(recording), strict=True):
        expected, heard = undisturbed(pcm), spoken(found, leg)
        assert len(expected) >= at_least, "there is something to hear"
        assert differences(heard, expected) <= 2, (heard, expected)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        folder: Path = tmp_path_factory.mktemp("transcribed")
        async with running(folder, agent.uri, workers=2, transcription=own_model()) as gateway:
            await transcriber_up(gateway, port_of(gateway))
            yield Stage(gateway, caller, agent)
            assert gateway.audit_is_intact()


async def test_what_both_say_is_written_down(stage: Stage) -> None:
    dialog, leg = await stage.recorded()
    await both_say(dialog, leg)
    await dialog.hang_up()
    _, _, recordings = await stage.over()
    found = await settled(stage.gateway, recordings[0].id)
    assert_complete(stage.gateway, recordings[0].id, found, 4)
    assert "vandskade" in spoken(found, Leg.CALLER) and "adresse" in spoken(found, Leg.AGENT)
    assert "adresse" not in spoken(found, Leg.CALLER) and "vandskade" not in spoken(found, Leg.AGENT)


async def test_the_gateways_transcriber_is_killed_in_mid_call(stage: Stage) -> None:
    dialog, leg = await stage.recorded()
    await both_say(dialog, leg)
    victim = own_transcriber(stage.gateway)
    os.kill(victim, signal.SIGKILL)
    await both_say(dialog, leg)
    await transcriber_up(stage.gateway, port_of(stage.gateway), victim)
    await both_say(dialog, leg)
    await dialog.hang_up()
    _, _, recordings = await stage.over()
    assert recordings[0].incomplete_reason is None
    found = await settled(stage.gateway, recordings[0].id)
    assert_complete(stage.gateway, recordings[0].id, found, 10)
    assert spoken(found, Leg.CALLER).count("vandskade") == 3


async def test_a_withdrawal_in_mid_call_leaves_no_word_anywhere(stage: Stage) -> None:
    gateway = stage.gateway
    before = documents(gateway)
    dialog, leg = await stage.recorded()
    await both_say(dialog, leg)
    call_id = (await gateway.control("GET", "/calls"))["up"][0]["call"]
    await gateway.control("POST", f"/calls/{call_id}/stop")
    await both_say(dialog, leg)
    await dialog.hang_up()
    call, _, recordings = await stage.over()
    assert [r.state for r in recordings] == ["erased"]
    with gateway.archive() as opened:
        assert opened.database.read_sync(jobs.counts) == {}
        made = opened.database.read_sync(lambda s: artifacts.listing(s, call.id, ArtifactKind.TRANSCRIPT))
    assert list(made) == [] and documents(gateway) == before
    for path in (path for path in gateway.folder.rglob("*") if path.is_file() and path.suffix != ".wav"):
        content = path.read_bytes()
        for word in ("vandskade", "adresse"):
            assert word.encode() not in content and word.encode("utf-16-le") not in content, path.name


def documents(gateway: Gateway) -> int:
    with gateway.archive() as opened:
        return int(opened.database.read_sync(lambda s: s.query(Document).count()))


async def test_what_is_said_in_a_pause_is_not_written_down(stage: Stage) -> None:
    dialog, leg = await stage.recorded()
    await both_say(dialog, leg, "ja tak", "nej tak")
    call_id = (await stage.gateway.control("GET", "/calls"))["up"][0]["call"]
    await stage.gateway.control("POST", f"/calls/{call_id}/pause")
    await both_say(dialog, leg)
    await stage.gateway.control("POST", f"/calls/{call_id}/resume")
    await asyncio.gather(*(each.send(np.zeros(4000, np.int16)) for each in (dialog, leg)))
    await both_say(dialog, leg, "ja tak", "nej tak")
    await dialog.hang_up()
    _, _, recordings = await stage.over()
    found = await settled(stage.gateway, recordings[0].id)
    assert spoken(found, Leg.CALLER) == ["ja", "tak", "ja", "tak"]
    assert spoken(found, Leg.AGENT) == ["nej", "tak", "nej", "tak"]
    paused = [gap for gap in found.gaps if gap.reason == PAUSED]
    assert {gap.leg for gap in paused} == set(Leg)
    assert all(gap.end_s - gap.start_s > 2.0 for gap in paused)


async def test_keys_that_are_typed_in_mid_call_reach_the_agent_and_no_recording(stage: Stage) -> None:
    typed = "4012888#19"
    assert keys_in(keyed(typed)) == typed, "the detector finds them where they are"
    dialog, leg = await stage.recorded()
    await both_say(dialog, leg, "ja tak", "nej tak")
    leg.heard.clear()
    await asyncio.gather(dialog.send(keyed(typed)), leg.send(np.zeros(len(keyed(typed)), np.int16)))
    assert keys_in(leg.heard_pcm()) == typed, "the other side hears them"
    for digit in "75":
        await dialog.press(digit)
        await dialog.send(np.zeros(800, np.int16))
    await both_say(dialog, leg, "ja tak", "nej tak")
    await dialog.hang_up()
    _, _, recordings = await stage.over()
    caller, agent = stage.gateway.sound(recordings[0].id)
    assert keys_in(caller) == "" and keys_in(agent) == ""
    found = await settled(stage.gateway, recordings[0].id)
    assert spoken(found, Leg.CALLER) == ["ja", "tak", "ja", "tak"], "speech around them stays"


async def test_of_two_transcribers_one_stalls_and_the_other_goes_on(tmp_path: Path) -> None:
    servers = [await Transcriber().start() for _ in range(2)]
    wanted = {"servers": [f"ws://127.0.0.1:{each.port}" for each in servers]}
    try:
        async with (
            Softphone("agent") as agent,
            Softphone("caller") as caller,
            running(tmp_path, agent.uri, workers=1, transcription=wanted) as gateway,
        ):
            stage = Stage(gateway, caller, agent)
            dialog, leg = await stage.recorded()
            await both_say(dialog, leg)
            servers[0].process.send_signal(signal.SIGSTOP)
            for _ in range(4):  # longer than a stalled server is waited for
                await both_say(dialog, leg)
            await dialog.hang_up()
            _, _, recordings = await stage.over()
            found = await settled(gateway, recordings[0].id)
            assert_complete(gateway, recordings[0].id, found, 15)
    finally:
        servers[0].process.send_signal(signal.SIGCONT)
        for each in servers:
            await each.stop()


async def test_a_killed_gateways_recording_is_transcribed_once_by_the_next(tmp_path: Path) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = await Gateway(tmp_path, agent.uri, workers=1, transcription=own_model()).start()
        try:
            await transcriber_up(gateway, port_of(gateway))
            stage = Stage(gateway, caller, agent)
            dialog, leg = await stage.recorded()
            await both_say(dialog, leg)
            orphan = own_transcriber(gateway)
            await gateway.kill_and_wait()
            await gateway.until(lambda: not is_running(orphan), 20, "its transcriber outlives it")
            with gateway.archive() as opened:
                assert opened.database.read_sync(jobs.counts) == {"live": 1}
            await gateway.start()
            recordings = gateway.recordings()
            assert [r.incomplete_reason for r in recordings] == ["gateway_died"]
            found = await settled(gateway, recordings[0].id)
            assert_complete(gateway, recordings[0].id, found, 3)
            assert "vandskade" in spoken(found, Leg.CALLER)
            with gateway.archive() as opened:
                made = opened.database.read_sync(
                    lambda s: artifacts.listing(s, None, ArtifactKind.TRANSCRIPT)
                )
            assert len(made) == 1 and documents(gateway) == 1
            await dialog.hang_up()
        finally:
            await gateway.stop()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
