"""SIPp as a process: a scenario of this folder, with its sound and times filled in.

SIPp (Debian's sip-tester) plays raw A-law files with `rtp_stream` and ends with 0 only when every call
went as its scenario says.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port, share
from tests.sip import g711
from tests.sip.signals import tone

SCENARIOS = Path(__file__).parent
HOW_TO_GET_IT = "SIPp is not installed: apt install sip-tester"
RTP_PORTS = share(range(10000, 19000, 200))  # below the ports that the system hands out


def installed() -> bool:
    """Whether there is a SIPp here."""
    return shutil.which("sipp") is not None


def write_tone(path: Path, frequency_hz: int, seconds: int = 1) -> Path:
    """A raw A-law tone; whole periods a second, so that it may be looped without a seam."""
    path.write_bytes(g711.encode(tone(frequency_hz, seconds)))
    return path


def free_media_port() -> int:
    """Where SIPp may begin to look for RTP ports: it insists on the first few and skips others in use."""
    for first in random.sample(RTP_PORTS, len(RTP_PORTS)):
        with contextlib.ExitStack() as probes:
            try:
                for port in range(first, first + 4):
                    probe = probes.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise OSError("no UDP port for sound is free")


@dataclass
class Sipp:
    """One SIPp with one scenario. `folder` takes its scenario, errors and traces."""

    folder: Path
    scenario: str
    sound: Path | None = None
    key_ms: int = 0
    talk_ms: int = 0
    calls: int = 1
    target: str = ""
    """HOST:PORT that is called; empty for one who is called."""
    service: str = "70101010"
    transport: str = "u1"
    """SIPp's -t: u1 is UDP, t1 is TCP, each on one socket."""
    rate: float = 10.0
    """New calls a second."""
    arguments: tuple[str, ...] = ()
    timeout_s: int = 120
    port: int = 0
    host: str = "127.0.0.1"
    """The address of this machine that it sends from and listens at."""
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> Sipp:
        """Start it; one who is called takes calls when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        filled = (SCENARIOS / f"{self.scenario}.xml").read_text(encoding="utf-8")
        for name, value in self._values():
            filled = filled.replace(name, value)
        file = self.folder / f"{self.scenario}-{self.port}.xml"
        file.write_text(filled, encoding="utf-8")
        self.errors = file.with_suffix(".errors")
        command = ["sipp", "-sf", str(file), "-i", self.host, "-mi", self.host, "-p", str(self.port)]
        command += [
            "-m",
            str(self.calls),
            "-r",
            f"{self.rate:g}",
            "-l",
            str(self.calls),
            "-t",
            self.transport,
        ]
        command += ["-mp", str(free_media_port()), "-s", self.service]
        command += ["-timeout", f"{self.timeout_s}s", "-timeout_error", "-nostdin"]
        command += ["-trace_err", "-error_file", str(self.errors), *self.arguments]
        command += [self.target] if self.target else []
        quiet = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, stdin=quiet, stdout=quiet, stderr=quiet
        )
        if not self.target:
            await self._listening()
        return self

    def _values(self) -> Iterator[tuple[str, str]]:
        yield "SOUND", str(self.sound)
        yield "KEY_MS", str(self.key_ms)
        yield "TALK_MS", str(self.talk_ms)

    async def _listening(self) -> None:
        """Until its port is taken."""
        assert self.process is not None
        for _ in range(400):
            if self.process.returncode is not None:
                return
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind((self.host, self.port))
                except OSError:
                    return
            await asyncio.sleep(0.025)
        raise AssertionError("SIPp did not open its port")

    async def ended(self) -> str:
        """Wait for its end: empty when every call went as the scenario says, else what went wrong."""
        assert self.process is not None
        status = await asyncio.wait_for(self.process.wait(), self.timeout_s + 30)
        if status == 0:
            return ""
        told = self.errors.read_text(errors="replace")[:2000] if self.errors.is_file() else ""
        return f"SIPp ended with {status} in {self.scenario}\n{told}"

    async def end(self) -> None:
        """End it, if it still runs."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
