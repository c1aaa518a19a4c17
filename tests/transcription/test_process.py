"""The gateway's own transcriber: started again whenever it ends, at its port; it ends with its gateway."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.transcription.speech import say
from transcription import process
from transcription.client import LegStream, transcribe
from transcription.models.catalogue import folder_of
from transcription.process import OwnTranscriber
from transcription.protocol import StreamConfig
from transcription.servers import Servers

pytestmark = pytest.mark.kill

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def own() -> AsyncIterator[OwnTranscriber]:
    one = OwnTranscriber(folder_of("da-demo"), "127.0.0.1", 0, threads=1)
    one.start()
    yield one
    await one.stop()


async def ready(own: OwnTranscriber) -> None:
    await asyncio.wait_for(own.ready.wait(), 60)


async def until_gone(pid: int) -> None:
    for _ in range(1000):
        if not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it still runs")


async def said(servers: Servers, text: str) -> list[str]:
    async def pieces() -> AsyncIterator[bytes]:
        pcm = say(text).tobytes()
        for start in range(0, len(pcm), 16000):
            yield pcm[start : start + 16000]

    return [word.text for word in await transcribe(servers, StreamConfig(), pieces())]


async def test_until_it_is_up_nobody_is_sent_there(own: OwnTranscriber) -> None:
    servers = Servers([own.server])
    assert servers.available == 0 and servers.pick() is None
    await ready(own)
    assert await said(servers, "ja tak") == ["ja", "tak"]
    await servers.close()


async def test_killed_it_comes_back_at_its_port_and_the_leg_goes_on(own: OwnTranscriber) -> None:
    await ready(own)
    url, victim = own.server.url, own.pid
    servers = Servers([own.server])
    leg = LegStream(servers, StreamConfig())
    leg.start()
    pcm = say("ja tak").tobytes()

    async def talk() -> None:
        for start in range(0, len(pcm), 3200):
            leg.feed(pcm[start : start + 3200])
            await asyncio.sleep(0.01)

    await talk()
    own.ready.clear()
    os.kill(victim, signal.SIGKILL)
    await talk()
    await ready(own)
    assert own.server.url == url and own.pid != victim and own.starts == 2
    await talk()
    await leg.finish()
    await servers.close()
    heard = [word.text for word in leg.words]
    assert heard[-2:] == ["ja", "tak"], "the last words are heard by the new process"
    length_s = 3 * len(pcm) / 16000
    assert all(0 <= gap.start_s < gap.end_s <= length_s for gap in leg.gaps)
    assert len(heard) == 6 or leg.gaps, "what is not heard is told"


async def test_it_ends_when_it_is_stopped(own: OwnTranscriber) -> None:
    await ready(own)
    pid = own.pid
    await own.stop()
    await until_gone(pid)
    assert own.pid == 0


async def test_a_ctrl_c_at_the_gateway_is_not_for_it(own: OwnTranscriber) -> None:
    while not own.pid:
        await asyncio.sleep(0.01)
    assert os.getpgid(own.pid) != os.getpgid(0), "a terminal interrupts a whole process group"


async def test_it_ends_with_a_gateway_that_is_killed() -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from transcription.process import OwnTranscriber\n"
        "async def main():\n"
        "    own = OwnTranscriber(Path(sys.argv[1]), '127.0.0.1', 0, 1)\n"
        "    own.start()\n"
        "    await own.ready.wait()\n"
        "    print(own.pid, flush=True)\n"
        "    await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(folder_of("da-demo")), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert gateway.stdout is not None
    pid = int(await asyncio.wait_for(gateway.stdout.readline(), 60))
    gateway.kill()
    await gateway.wait()
    await until_gone(pid)


async def test_one_that_never_gets_ready_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "READY_S", 0.3)
    monkeypatch.setattr(process, "RESTART_S", (0.05,))
    stuck = (sys.executable, "-c", "import time; time.sleep(3600)")
    babbling = (sys.executable, "-c", "print('hello')")
    real = process._command
    orders = [stuck, babbling]
    monkeypatch.setattr(process, "_command", lambda *how: orders.pop() if orders else real(*how))
    other = OwnTranscriber(folder_of("da-demo"), "127.0.0.1", 0, 1)
    other.start()
    for _ in range(1000):
        if not orders and other.starts >= 3:
            break
        await asyncio.sleep(0.02)
    assert other.starts >= 3
    monkeypatch.setattr(process, "READY_S", 60.0)
    await ready(other)
    await other.stop()


@pytest.mark.parametrize(
    ("model", "sentence"), [("/nowhere", "no such folder"), (str(ROOT / "tests"), "no Vosk model is in")]
)
def test_without_a_model_it_says_what_to_do(model: str, sentence: str) -> None:
    command = [sys.executable, "-m", "transcription", model, "127.0.0.1", str(free_port()), "1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert ended.returncode == 1
    assert sentence in ended.stderr and "Traceback" not in ended.stderr


def test_at_a_taken_port_it_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "transcription", str(folder_of("da-demo")), "127.0.0.1", port, "1"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr and "transcription.listen" in ended.stderr
    assert "Traceback" not in ended.stderr
