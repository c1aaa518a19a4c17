"""The operator's guide: its walk is given as it stands, against a gateway that runs, and is so.

The page's ports are other ones here, so that nothing else on the machine is in the way; a telephone shows
that the last change is in force.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gateway.config import Settings
from tests.ports import free_port
from tests.sip.signals import Pcm, best_match
from tests.sip.softphone import Softphone
from tests.test_documented import ROOT

pytestmark = [
    pytest.mark.sip,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the greeting is voiced with espeak-ng"),
]

PAGE = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
BOX = re.compile(r"[─━│┃┏┓┗┛┡┩└┘┳┻╇┴┬├┤┼╋\s]+")


def steps() -> Iterator[tuple[str, list[str]]]:
    """Every command of the walk with what the page says it prints."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = part.rstrip("\n").split("\n")
            yield command, [line for line in printed if line != "..."]


STEPS = list(steps())


def bare(text: str) -> str:
    """What was printed, wherever its lines and boxes were drawn."""
    return BOX.sub("", re.sub(r"\.yaml:\d+:", ".yaml:LINE:", text))


class Place:
    """A folder with the settings as they come, and a shell in it. The page's ports are free ones here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "config.yaml", folder / "config.yaml")
        self.ports = {port: str(free_port()) for port in ("5060", "5070", "5071")}
        env = {name: value for name, value in os.environ.items() if not name.startswith("TAST1")}
        self.env = {
            **env,
            "PATH": f"{Path(sys.executable).parent}:{env['PATH']}",
            "TAST1_LANG": "en",
            "TAST1__SIP__TCP": "null",
            "TAST1__SIP__WORKER_SIDE": f"127.0.0.1:{free_port()}",
            "TAST1__WEB__LISTEN": "null",
            "TAST1__WEB__METRICS": "null",
            "TAST1__STORAGE__MEMORY_FOLDER": str(folder / "memory"),
            "TAST1__CONTROL__SOCKET": str(folder / "c"),
        }
        text = (folder / "config.yaml").read_text()
        (folder / "config.yaml").write_text(self.here(text))
        self.serving: subprocess.Popen[str] | None = None

    def here(self, text: str) -> str:
        return re.sub(r"\b50[67][01]\b", lambda port: self.ports[port[0]], text)

    def give(self, command: str) -> str:
        command = self.here(command)
        if command.endswith(" &"):
            self.serving = subprocess.Popen(
                command.removesuffix(" &").split(),
                cwd=self.folder,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=(self.folder / "log").open("w"),
                text=True,
            )
            assert self.serving.stdout is not None
            return self.serving.stdout.readline()
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 or "config.yaml:" in done.stderr, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    if made.serving is not None:
        made.serving.send_signal(signal.SIGINT)
        made.serving.wait(60)


def test_the_walk_has_its_steps() -> None:
    commands = [command for command, _ in STEPS]
    assert commands[0] == "tast1 serve &" and commands.count("tast1 reload") == 5
    assert sum(bool(printed) for _, printed in STEPS) > 6


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="voicing needs espeak-ng")
async def test_the_walk_is_as_the_page_says_and_the_next_call_goes_by_it(place: Place) -> None:
    for command, printed in STEPS:
        told = await asyncio.to_thread(place.give, command)
        for line in printed:
            assert bare(place.here(line)) in bare(told), f"$ {command}\n{told}"
    settings = Settings.load(place.folder / "config.yaml", {})
    assert (settings.ivr.timeout_s, settings.sip.workers) == (7, 12)
    async with Softphone("caller") as caller:
        agent = Softphone("agent")
        agent.port = int(place.ports["5071"])
        async with agent:
            dialog = await caller.call(place.here("sip:70101010@127.0.0.1:5060"))
            await asyncio.wait_for(dialog.answered.wait(), 20)
            (greeting,) = (place.folder / "data" / "prompts").iterdir()
            await asyncio.wait_for(agent.incoming.get(), 90)  # silence: the window has to pass
            await dialog.hang_up()
        assert best_match(dialog.heard_pcm()[: 8 * 8000], pcm_of(greeting)[4000:12000])[0] > 0.8


def pcm_of(file: Path) -> Pcm:
    with wave.open(str(file)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")


FAULTS = re.findall(
    r"^\| `([^`]+)` \|", PAGE[PAGE.index("\n## Faults") : PAGE.index("\n## Metrics")], re.MULTILINE
)


def test_every_fault_of_the_page_is_one_that_is_logged() -> None:
    logged = "".join(
        re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
        for folder in ("gateway", "storage", "transcription")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert len(FAULTS) > 10
    assert [fault for fault in FAULTS if f'"{fault}"' not in logged] == []
