"""A cluster on loopback, all of it real: Kamailio, two gateways, PostgreSQL, an S3 server, two transcribers.

`python -m tests.sip.cluster` (make cluster) puts 60 calls through it, kills one gateway and drains the other
in the middle, and says what became of every call. `test_cluster.py` is the same as a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from sqlalchemy import func, select

from gateway.app import Archive
from gateway.cli.calls import request
from storage import audit_log, instances, remains
from storage.model import ArtifactKind
from storage.tables import Artifact, Call, Consent, HeldFile
from tests import buckets, postgres
from tests.ports import free_port
from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, Gateway
from tests.sip.signals import power_near, tone
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import AGENT_HZ, CALLER_HZ, Stage

ROOT = Path(__file__).resolve().parents[2]
CALLS = int(os.environ.get("TAST1_CLUSTER_CALLS", "60"))
WAVE = 10
LATE = 2  # calls of a wave that begin after the kill, or the drain
TALK_S = 2.0


@dataclass
class Balancer:
    """Kamailio with the configuration of deploy/, its addresses put on loopback."""

    folder: Path
    gateways: list[str]  # ADDRESS:PORT
    port: int = 0
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> Balancer:
        self.folder.mkdir(parents=True)
        self.port = free_port()
        text = (ROOT / "deploy/kamailio/kamailio.cfg").read_text(encoding="utf-8")
        for here, there in (
            ("udp:192.0.2.5:5060", f"udp:127.0.0.1:{self.port}"),
            ("198.51.100.0/24", "127.0.0.0/8"),
            ("/etc/kamailio/", f"{self.folder}/"),
            ("log_stderror=no", "log_stderror=yes"),
            ("children=4", "children=2"),
        ):
            assert here in text, here
            text = text.replace(here, there)
        (self.folder / "kamailio.cfg").write_text(text, encoding="utf-8")
        lines = "".join(f"1 sip:{place}\n" for place in self.gateways)
        (self.folder / "dispatcher.list").write_text(lines, encoding="utf-8")
        program = shutil.which("kamailio") or "/usr/sbin/kamailio"
        with (self.folder / "log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(program, "-f", str(self.folder / "kamailio.cfg"), "-DD", "-m", "32", "-M", "4"),
                *("-w", str(self.folder), "-Y", str(self.folder)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            await asyncio.wait_for(self.process.wait(), 20)


@dataclass
class Outcome:
    """What became of the calls."""

    calls: int = 0
    refused: int = 0  # attempts that no gateway took, and that were tried again
    hung_up: int = 0  # BYE answered 200 and the agent's leg ended
    consents: int = 0
    whole: set[str] = field(default_factory=set)  # calls
    cut: set[str] = field(default_factory=set)
    died: set[str] = field(default_factory=set)  # calls that were recorded at the gateway that was killed
    open_calls: int = 0
    on_disk: int = 0  # files of recordings that are not in the bucket
    remains: int = 0
    audit_intact: bool = False
    by_gateway: dict[str, int] = field(default_factory=dict)
    wrong_sound: list[str] = field(default_factory=list)
    drained_status: int | None = None

    def told(self) -> str:
        shares = ", ".join(f"{name} {count}" for name, count in sorted(self.by_gateway.items()))
        return (
            f"{self.calls} calls ({shares}; {self.refused} attempts refused and repeated):"
            f" {self.hung_up} hung up properly,"
            f" {self.consents} consent records,"
            f" {len(self.whole)} recordings whole, {len(self.cut)} ended early ({len(self.died)} were made"
            f" by the gateway that was killed), {self.open_calls} calls open, {self.on_disk} files not in the"
            f" bucket, {self.remains} remains, audit log {'intact' if self.audit_intact else 'BROKEN'}"
        )


class Cluster:
    """Everything, running."""

    def __init__(self, folder: Path, database: str, s3: buckets.BucketServer, caller: Softphone) -> None:
        self.folder, self.database, self.s3, self.caller = folder, database, s3, caller
        self.agent = Softphone("agent")
        self.gateways: list[Gateway] = []
        self.transcribers: list[asyncio.subprocess.Process] = []
        self.balancer: Balancer | None = None
        self.outcome = Outcome()

    @property
    def uri(self) -> str:
        assert self.balancer is not None
        return f"sip:70101010@127.0.0.1:{self.balancer.port}"

    async def start(self) -> None:
        key = self.folder / "kek"
        key.write_bytes(os.urandom(32))
        key.chmod(0o600)
        for name in ("access", "secret"):
            (self.folder / name).write_text("test")
        ports = [free_port(), free_port()]
        self.transcribers = [await self._transcriber(port) for port in ports]
        for number in (1, 2):
            first = 20000 + 2000 * number
            gateway = Gateway(
                self.folder / f"gateway-{number}",
                self.agent.uri,
                workers=WAVE + 2,
                sip={"rtp_port_min": first, "rtp_port_max": first + 1999, "rtp_timeout_s": 600},
                storage={
                    "database": self.database,
                    "key_file": str(key),
                    "instance": f"gateway-{number}",
                    "media": f"s3://{buckets.NAME}/cluster",
                    "bucket": {
                        "endpoint": self.s3.endpoint,
                        "access_key": f"file:{self.folder / 'access'}",
                        "secret_key": f"file:{self.folder / 'secret'}",
                    },
                },
                transcription={"servers": [f"ws://127.0.0.1:{port}" for port in ports]},
            )
            self.gateways.append(await gateway.start())
        places = [f"127.0.0.1:{gateway.port}" for gateway in self.gateways]
        self.balancer = await Balancer(self.folder / "kamailio", places).start()
        await self.gateways[0].until(self._takes_calls, 30, "Kamailio sends no calls")

    async def _transcriber(self, port: int) -> asyncio.subprocess.Process:
        with (self.folder / f"transcriber-{port}").open("wb") as log:
            command = (sys.executable, "-m", "gateway.cli", "transcriber", "--listen", f"127.0.0.1:{port}")
            return await asyncio.create_subprocess_exec(*command, "--threads", "1", stdout=log, stderr=log)

    async def _takes_calls(self) -> bool:
        """Whether a call comes through; it is hung up at once and is none of those that are counted."""
        dialog = await self.caller.call(self.uri)
        ends = [asyncio.create_task(each.wait()) for each in (dialog.answered, dialog.ended)]
        await asyncio.wait(ends, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        if dialog.answered.is_set():
            await dialog.hang_up()
        return dialog.answered.is_set()

    async def stop(self) -> None:
        for gateway in self.gateways:
            if gateway.process is not None and gateway.process.returncode == -signal.SIGKILL:
                await gateway.start()  # its workers wait for it
            await gateway.stop()
            shutil.rmtree(gateway.memory, ignore_errors=True)
        if self.balancer is not None:
            await self.balancer.stop()
        for process in self.transcribers:
            if process.returncode is None:
                process.kill()
            await process.wait()

    # --- calls ------------------------------------------------------------------------------------

    async def call(self) -> tuple[Dialog, Dialog]:
        """A call whose recording has begun: the caller's end and the agent's."""
        stage = Stage(self.gateways[0], self.caller, self.agent)
        dialog = await self._answered()
        await stage.heard(dialog, PROMPT_HZ["consent"], MARKERS_MS["purposes_end"] / 1000 + 0.4)
        await dialog.press("1")
        leg = await stage.agent_leg(30)
        return dialog, leg

    async def _answered(self) -> Dialog:
        """A call that was answered; a caller who hears that there is no room just now tries again."""
        for _ in range(10):
            dialog = await self.caller.call(self.uri)
            ends = [asyncio.create_task(each.wait()) for each in (dialog.answered, dialog.ended)]
            await asyncio.wait(ends, timeout=40, return_when=asyncio.FIRST_COMPLETED)
            for task in ends:
                task.cancel()
            if dialog.answered.is_set():
                return dialog
            assert dialog.statuses[-1:] in ([408], [500], [503]), dialog.statuses
            self.outcome.refused += 1
            await asyncio.sleep(2.0)
        raise AssertionError("no gateway took the call")

    async def begin(self, count: int) -> list[tuple[Dialog, Dialog]]:
        """So many calls, a little after one another, each recorded by now."""
        before = await self.recording()
        pairs = []
        for _ in range(count):  # one after the other: which leg is whose is known
            pairs.append(await self.call())

        async def recorded() -> bool:
            return len(await self.recording() - before) >= count

        await self.gateways[0].until(recorded, 60, "the calls are not all recorded")
        self.outcome.calls += count
        return pairs

    async def up(self, gateway: Gateway) -> list[dict[str, Any]]:
        """The calls that are up at a gateway."""
        up: list[dict[str, Any]] = (await request(gateway.folder / "c", "GET", "/calls"))["up"]
        return up

    async def recording(self) -> set[str]:
        """The calls that are being recorded by gateways that live."""
        found: set[str] = set()
        for gateway in self.gateways:
            with contextlib.suppress(OSError, aiohttp.ClientError):
                found |= {each["call"] for each in await self.up(gateway) if each["recording"]}
        return found

    async def talk(self, pairs: list[tuple[Dialog, Dialog]]) -> None:
        talking = (
            each.send(tone(hz, TALK_S))
            for pair in pairs
            for each, hz in zip(pair, (CALLER_HZ, AGENT_HZ), strict=True)
        )
        await asyncio.gather(*talking)

    async def hang_up(self, pairs: list[tuple[Dialog, Dialog]]) -> None:
        for number, (dialog, leg) in enumerate(pairs):
            first, second = (dialog, leg) if number % 2 else (leg, dialog)
            status = await first.hang_up()
            await asyncio.wait_for(second.ended.wait(), 20)
            self.outcome.hung_up += status == 200 and second.ended_by == "them"

    # --- the story --------------------------------------------------------------------------------

    async def wave(self) -> None:
        pairs = await self.begin(WAVE)
        await self.talk(pairs)
        await self.hang_up(pairs)

    async def kill_one(self) -> None:
        """Kill the first gateway under its calls; new ones come through; it comes back; all hang up."""
        victim, other = self.gateways
        pairs = await self.begin(WAVE - LATE)
        await self.talk(pairs)
        up = await self.up(victim)
        self.outcome.died = {each["call"] for each in up if each["recording"]}
        await victim.kill_and_wait()
        self.say(f"{victim.folder.name} was killed with {len(self.outcome.died)} calls up")
        late = await self.begin(LATE)
        assert len(await self.up(other)) >= LATE
        await self.talk([*pairs, *late])
        await victim.start()
        self.say(f"{victim.folder.name} is back; the people hang up")
        await self.hang_up([*pairs, *late])

    async def drain_one(self) -> None:
        """Drain the second gateway under its calls: they go on, new ones go elsewhere, it ends, is back."""
        drained = self.gateways[1]
        pairs = await self.begin(WAVE - LATE)
        before = {each["call"] for each in await self.up(drained)}
        assert before, "there are calls to wait for"
        command = (
            sys.executable,
            "-m",
            "gateway.cli",
            "drain",
            "--config",
            str(drained.config),
            "--lang",
            "en",
        )
        draining = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        await drained.until(lambda: '"draining"' in drained.log.read_text(), 60, "it does not drain")
        late = await self.begin(LATE)
        assert {each["call"] for each in await self.up(drained)} == before
        await self.talk([*pairs, *late])
        assert draining.returncode is None, "it waits for its calls"
        await self.hang_up([*pairs, *late])
        assert drained.process is not None
        self.outcome.drained_status = await asyncio.wait_for(drained.process.wait(), 60)
        assert await asyncio.wait_for(draining.wait(), 60) == 0
        self.say(f"{drained.folder.name} ended after its last call")
        await drained.start()

    async def run(self) -> Outcome:
        for number in range(CALLS // WAVE):
            if number == CALLS // WAVE // 3:
                await self.kill_one()
            elif number == 2 * (CALLS // WAVE) // 3:
                await self.drain_one()
            else:
                await self.wave()
            self.say(f"{self.outcome.calls} calls so far")
        await self.gateways[0].until(self._is_settled, 60, "files wait for the bucket, or calls are open")
        await asyncio.to_thread(self._look)
        return self.outcome

    def _is_settled(self) -> bool:
        opened = Archive.open(self.gateways[0].settings())
        try:
            return not opened.database.read_sync(
                lambda s: (
                    (s.scalar(select(func.count()).select_from(HeldFile)) or 0)
                    + (s.scalar(select(func.count()).where(Call.ended_at.is_(None))) or 0)
                )
            )
        finally:
            opened.close()

    def _look(self) -> None:
        """What the database and the bucket have now."""
        told, gateway = self.outcome, self.gateways[0]
        with gateway.archive() as opened:
            read = opened.database.read_sync
            accepted = read(lambda s: s.scalars(select(Consent).where(Consent.decision == "accepted")).all())
            told.consents = len(accepted)
            ours = {row.call_id for row in accepted}
            rows = read(lambda s: s.scalars(select(Call)).all())
            told.open_calls = sum(row.ended_at is None for row in rows)
            for row in rows:
                if row.id in ours:
                    told.by_gateway[row.instance] = told.by_gateway.get(row.instance, 0) + 1
            audio = read(
                lambda s: s.scalars(select(Artifact).where(Artifact.kind == ArtifactKind.AUDIO.value)).all()
            )
            for row in audio:
                assert row.call_id is not None and row.state == "sealed", row.state
                (told.cut if row.incomplete_reason else told.whole).add(row.call_id)
            told.on_disk = sum(len(list(each.folder.glob("data/media/*/*.t1"))) for each in self.gateways)
            told.on_disk += sum(len(list(each.folder.glob("data/spool/*"))) for each in self.gateways)
            now = datetime.now(timezone.utc)
            told.remains = len(remains.search(opened.database, opened.store, opened.keys, now))
            told.audit_intact = bool(read(audit_log.verify).intact)
            alive = read(lambda s: instances.listing(s, now))
            assert [each.instance for each in alive if each.alive] == ["gateway-1", "gateway-2"]
        for row in audio:
            caller, agent = gateway.sound(row.id)
            for pcm, hz in ((caller, CALLER_HZ), (agent, AGENT_HZ)):
                loud = pcm[max(0, int(np.abs(pcm.astype(np.int32)).argmax()) - 800) :][:4000]
                if power_near(loud, hz) < 0.5:
                    told.wrong_sound.append(row.id)

    def say(self, text: str) -> None:
        print(text, flush=True)


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Cluster]:
    """The cluster for the length of a block."""
    with postgres.server(synchronous_commit="on") as database, buckets.server() as s3:
        async with Softphone("caller") as caller:
            cluster = Cluster(folder, database, s3, caller)
            async with cluster.agent:
                try:
                    await cluster.start()
                    yield cluster
                finally:
                    await cluster.stop()


async def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="tast1-cluster-"))
    try:
        async with running(folder) as cluster:
            outcome = await cluster.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(outcome.told())
    return 0 if outcome.cut == outcome.died and outcome.hung_up == outcome.calls == outcome.consents else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
