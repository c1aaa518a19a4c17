"""A real gateway for tests: `tast1 serve` as its own process, on loopback, with short prompts.

The short prompts are tones: greeting 0.3 s, consent 1.6 s with its markers at 0.6 s, 1.0 s and 1.4 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soundfile
import yaml

from gateway.app import Archive
from gateway.config import Settings
from ivr_prompts.catalogue import CONSENT_ROLES, ROLES, text_sha256
from storage import artifacts, audit_log, calls, consents
from storage.gate import Asking
from storage.model import ArtifactKind
from storage.people import Person, Role
from storage.tables import Artifact, Call, Consent
from tests.ports import free_port, share
from tests.sip.signals import Pcm, tone

PROMPT_S = {"greeting": 0.3, "consent": 1.6, "ringback": 1.0}
MARKERS_MS = {"purposes_end": 600, "key_instruction": 1000, "prompt_end": 1400}
SAID = (*ROLES, *CONSENT_ROLES[1:])
PROMPT_HZ = {role: 1000 + 150 * number for number, role in enumerate(SAID)}
RTP_PORTS = share(range(20000, 30000))
GREETING = "Velkommen til LB Forsikring."


def write_prompts(folder: Path) -> None:
    """The short prompt set, as a catalogue."""
    import hashlib

    target = folder / "da"
    target.mkdir(parents=True, exist_ok=True)
    entries: dict[str, Any] = {}
    for role in SAID:
        seconds = PROMPT_S["consent"] if role in CONSENT_ROLES else PROMPT_S.get(role, 0.4)
        pcm = tone(PROMPT_HZ[role], seconds, level=0.2)
        with wave.open(str(target / f"{role}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(pcm.tobytes())
        text = GREETING if role == "greeting" else f"test {role}"
        entries[role] = {
            "id": f"test-{role}",
            "version": "1",
            "file": f"{role}.wav",
            "text": text,
            "sha256": hashlib.sha256((target / f"{role}.wav").read_bytes()).hexdigest(),
            "text_sha256": text_sha256(text),
            "duration_ms": len(pcm) // 8,
        }
        if role in CONSENT_ROLES:
            entries[role]["markers"] = {name: {"after": "", "ms": ms} for name, ms in MARKERS_MS.items()}
    (target / "catalogue.yaml").write_text(yaml.safe_dump({"prompts": entries}), encoding="utf-8")


@dataclass
class Gateway:
    """One gateway process and its folder."""

    folder: Path
    agent_uri: str | None
    workers: int = 3
    ivr: dict[str, Any] = field(default_factory=dict)
    flows: dict[str, Any] | None = None
    sip: dict[str, Any] = field(default_factory=dict)
    storage: dict[str, Any] = field(default_factory=dict)
    transcription: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  # other sections
    web: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    log: Path = Path()

    @property
    def uri(self) -> str:
        return f"sip:70101010@127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def memory(self) -> Path:
        return Path("/dev/shm") / f"tast1-test-{self.folder.name}-{os.getpid()}"

    def write_config(self) -> None:
        write_prompts(self.folder / "prompts")
        self.port = self.port or free_port()
        self._worker_side = getattr(self, "_worker_side", 0) or free_port()
        self._web = getattr(self, "_web", 0) or free_port()
        self._metrics = getattr(self, "_metrics", 0) or free_port()
        flows = self.flows or {"customer": {"connect": self.agent_uri}}
        values = {
            "sip": {
                "udp": f"127.0.0.1:{self.port}",
                "tcp": f"127.0.0.1:{self.port}",
                "worker_side": f"127.0.0.1:{self._worker_side}",
                "workers": self.workers,
                "rtp_port_min": RTP_PORTS[0],
                "rtp_port_max": RTP_PORTS[-1],
                "limits": {"invites_per_s": 1000.0, "invite_burst": 1000},
                **self.sip,
            },
            "flows": flows,
            "ivr": {"timeout_s": 3, "isolation_ms": 400, "ring_timeout_s": 5, **self.ivr},
            "prompts": {"folder": str(self.folder / "prompts"), "default": "da"},
            "storage": {
                "folder": str(self.folder / "data"),
                "memory_folder": str(self.memory),
                **self.storage,
            },
            "transcription": self.transcription,
            "web": {
                "listen": f"127.0.0.1:{self._web}",
                "metrics": f"127.0.0.1:{self._metrics}",
                **self.web,
            },
            **self.more,
            "control": {"socket": str(self.folder / "c")},
            "logs": {"format": "json"},
        }
        self.config.write_text(yaml.safe_dump(values), encoding="utf-8")

    async def start(self) -> Gateway:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.write_config()
        self.log = self.folder / "log"
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.cli",
                "serve",
                "--config",
                str(self.config),
                "--drain",
                "5",
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self.until(self._is_ready, 60, "the gateway did not become ready")
        return self

    async def _is_ready(self) -> bool:
        assert self.process is not None
        if self.process.returncode is not None:
            raise AssertionError(f"the gateway ended:\n{self.log.read_text()[-3000:]}")
        try:
            return bool((await self.get("/readyz"))[0] == 200)
        except (aiohttp.ClientError, OSError):
            return False

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 40)
            except asyncio.TimeoutError:
                self.kill()
                await self.process.wait()
                raise AssertionError("the gateway did not stop") from None

    def kill(self) -> None:
        """kill -9 of the gateway process alone; workers and their parent stay."""
        assert self.process is not None
        self.process.kill()

    async def kill_and_wait(self) -> None:
        self.kill()
        assert self.process is not None
        await self.process.wait()

    async def get(self, path: str) -> tuple[int, str]:
        port = self._metrics if path == "/metrics" else self._web
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"http://127.0.0.1:{port}{path}") as response,
        ):
            return response.status, await response.text()

    async def control(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """Ask the control socket, as the commands do."""
        connector = aiohttp.UnixConnector(path=str(self.settings().control_socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://tast1{path}", json=body) as response,
        ):
            return await response.json()

    async def until(
        self, what: Callable[[], Any], seconds: float = 20, why: str = "it never came true"
    ) -> None:
        """Wait until something (sync or async) is true."""
        for _ in range(int(seconds / 0.05)):
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.05)
        tail = self.log.read_text()[-3000:] if self.log.is_file() else ""
        raise AssertionError(f"{why}\n{tail}")

    # --- what was kept ----------------------------------------------------------------------------

    def settings(self) -> Settings:
        return Settings.load(self.config, {})

    @contextlib.contextmanager
    def archive(self) -> Any:
        opened = Archive.open(self.settings())
        try:
            yield opened
        finally:
            opened.close()

    async def closed_calls(self, count: int, seconds: float = 30) -> list[Call]:
        """The calls, once `count` of them are closed; oldest first."""
        found: list[Call] = []

        def look() -> bool:
            with self.archive() as opened:
                found[:] = reversed(opened.database.read_sync(lambda s: calls.listing(s, 1000)))
            return sum(call.ended_at is not None for call in found) >= count

        await self.until(look, seconds, f"{count} calls were not closed")
        return found

    def consents(self, call_id: str) -> list[Consent]:
        with self.archive() as opened:
            return list(opened.database.read_sync(lambda s: consents.of_call(s, call_id)))

    def recordings(self, call_id: str | None = None) -> list[Artifact]:
        with self.archive() as opened:
            rows = opened.database.read_sync(
                lambda s: artifacts.listing(s, call_id, ArtifactKind.AUDIO, 1000)
            )
        return [artifact for artifact, _ in rows]

    def sound(self, artifact_id: str) -> tuple[Pcm, Pcm]:
        """A recording's caller and agent, through policy and seal."""
        with self.archive() as opened:
            asking = Asking(Person("test", (Role("QA"),)), "QA", "training")
            reader = opened.desk.gate.open_media(asking, artifact_id, datetime.now(timezone.utc))
            stereo, rate = soundfile.read(reader, dtype="int16", always_2d=True)
        assert rate == 8000
        return np.ascontiguousarray(stereo[:, 0]), np.ascontiguousarray(stereo[:, 1])

    def audit_is_intact(self) -> bool:
        with self.archive() as opened:
            return bool(opened.database.read_sync(audit_log.verify).intact)

    async def timeline(self, call_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control("GET", f"/calls/{call_id}"))["timeline"]
        return found

    async def metric(self, name: str) -> float:
        """A metric without labels, or with its labels as they are printed."""
        text = (await self.get("/metrics"))[1]
        for line in text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name} in\n{text}")

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextlib.asynccontextmanager
async def running(folder: Path, agent_uri: str | None, **options: Any) -> AsyncIterator[Gateway]:
    """A gateway for the length of a block."""
    gateway = Gateway(folder, agent_uri, **options)
    try:
        yield await gateway.start()
        assert await gateway.metric("tast1_preconsent_audio_bytes_total") == 0
    finally:
        await gateway.stop()
        with contextlib.suppress(OSError):
            gateway.memory.rmdir()
