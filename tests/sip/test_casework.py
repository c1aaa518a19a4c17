"""Decided while a call goes on: an investigator records for a case, a withdrawal comes by letter."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from storage import artifacts, requests
from storage.gate import Asking
from storage.model import ArtifactKind
from storage.people import Person, Role
from storage.tables import Artifact
from tests.sip.gateway import PROMPT_HZ, Gateway, running
from tests.sip.signals import power_near, tone
from tests.sip.softphone import Softphone
from tests.sip.test_calls import Stage

pytestmark = pytest.mark.sip
ANYBODY = Asking(Person("agent-7", (Role("AGENT"),)), "AGENT")


async def tast1(gateway: Gateway, *arguments: str, token: str = "", status: int = 0) -> str:
    """A command beside the running gateway, in a process of its own."""
    env = {**os.environ, "TAST1_TOKEN": token, "TAST1_LANG": "en"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", *arguments, "--config", str(gateway.config)),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
    assert process.returncode == status, output
    return output


async def hire(gateway: Gateway, user: str, role: str) -> str:
    await tast1(gateway, "users", "add", user, "--name", "Somebody")
    await tast1(gateway, "users", "grant", user, role)
    return (await tast1(gateway, "users", "token", user)).split()[-1]


def kept(gateway: Gateway, kind: ArtifactKind) -> list[Artifact]:
    with gateway.archive() as opened:
        rows = opened.database.read_sync(lambda s: artifacts.listing(s, kind=kind))
    return [row for row, _ in rows if row.state != "erased"]


async def test_an_investigator_records_from_when_the_case_is_named_and_not_before(tmp_path: Path) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        flows = {"investigation": {"connect": agent.uri, "announced": True}}
        async with running(tmp_path, agent.uri, flows=flows, workers=1) as gateway:
            stage = Stage(gateway, caller, agent)
            dialog = await stage.dial()
            leg = await stage.agent_leg()
            sending = asyncio.create_task(dialog.send(tone(440, 240)))  # commands take their time
            call = (await gateway.control("GET", "/calls"))["up"][0]["call"]
            inspector = await hire(gateway, "ida", "INSPECTOR")

            assert "no investigation S-1" in await tast1(
                gateway, "cases", "record", "S-1", call, token=inspector, status=3
            )
            await asyncio.sleep(0.5)
            assert kept(gateway, ArtifactKind.INVESTIGATION_AUDIO) == []
            assert not list(gateway.memory.glob("*/*.wav")), "no recorder before a case is stored"

            await tast1(gateway, "cases", "open", "S-1", token=inspector)
            await tast1(gateway, "cases", "record", "S-1", call, token=inspector)
            await gateway.until(lambda: kept(gateway, ArtifactKind.INVESTIGATION_AUDIO), 10)
            await asyncio.sleep(1.5)
            sending.cancel()
            await leg.hang_up()
            stored = (await gateway.closed_calls(1))[0]
            assert stored.decision is None, "nobody was asked for a key"
            await gateway.until(
                lambda: [a for a in kept(gateway, ArtifactKind.INVESTIGATION_AUDIO) if a.state == "sealed"],
                10,
            )
            (recording,) = kept(gateway, ArtifactKind.INVESTIGATION_AUDIO)
            assert (recording.case_id, recording.consent_id) == ("S-1", None)
            assert (recording.duration_ms or 0) > 1000
            with gateway.archive() as opened:
                (ground,) = opened.database.read_sync(lambda s: artifacts.grounds_of(s, recording.id))
            assert (ground.ground.value, ground.rule, ground.case) == ("G-INV-TRIAGE", "R-41", "S-1")

            out = tmp_path / "heard.flac"
            ask = ("recordings", "export", recording.id, "-o", str(out), "--purpose", "investigation")
            await tast1(gateway, *ask, "--case", "S-1", token=inspector)
            assert out.stat().st_size > 1000
            quality = await hire(gateway, "qa", "QA")
            await tast1(gateway, *ask[:3], "-o", f"{out}2", "--purpose", "training", token=quality, status=3)


async def test_a_withdrawal_by_letter_in_mid_call_stops_and_removes_the_recording(tmp_path: Path) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=1) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        dialog = await stage.dial()
        leg = await stage.accept(dialog)
        sending = asyncio.create_task(dialog.send(tone(440, 60)))
        await gateway.until(gateway.recordings, 10)
        call = (await gateway.control("GET", "/calls"))["up"][0]["call"]
        await tast1(gateway, "withdraw", call, "--channel", "letter")

        await gateway.until(lambda: not kept(gateway, ArtifactKind.AUDIO), 10)
        await gateway.until(lambda: not list(gateway.memory.glob("*/*.wav")), 10)
        await stage.heard(dialog, PROMPT_HZ["stopped"], 0.1)
        assert (await gateway.control("GET", "/calls"))["up"][0]["consent"] == "withdrawn"
        await leg.send(tone(650, 1.0))
        assert power_near(dialog.heard_pcm()[-2000:], 650) > 0.5, "the conversation goes on"
        sending.cancel()
        await dialog.hang_up()
        await gateway.closed_calls(1)
        assert kept(gateway, ArtifactKind.AUDIO) == []
        assert not [path for path in (gateway.folder / "data").rglob("*.t1*") if path.is_file()]


async def test_a_recording_withdrawn_behind_the_gateways_back_is_stopped_by_the_next_sweep(
    tmp_path: Path,
) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=1, storage={"sweep_s": 2}) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        dialog = await stage.dial()
        await stage.accept(dialog)
        await gateway.until(gateway.recordings, 10)
        call = gateway.recordings()[0].call_id
        assert call is not None
        with gateway.archive() as opened:  # as on another machine: nobody tells this gateway
            requests.withdraw(opened.desk, ANYBODY, [call], "letter", datetime.now(timezone.utc))
        await gateway.until(lambda: not list(gateway.memory.glob("*/*.wav")), 20)
        await dialog.hang_up()
        await gateway.closed_calls(1)
        assert kept(gateway, ArtifactKind.AUDIO) == []
