"""What is activated is heard on the next real call and named in its consent record; calls keep theirs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import wave
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from gateway.worker.phone import Phone, PhoneScript
from ivr_prompts.catalogue import Catalogue, text_sha256
from storage import people
from storage.people import Role
from storage.tables import Consent
from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, Gateway, running
from tests.sip.signals import Pcm, best_match, power_near, tone
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import Stage

pytestmark = pytest.mark.sip

NEW_HZ = 2750.0  # of the new consent question; no shipped test prompt has that
WORDS = Catalogue.load()["da"]["consent"].text
MARKERS = [f"--marker={name}={ms}" for name, ms in MARKERS_MS.items()]


async def tast1(gateway: Gateway, *arguments: str, token: str = "") -> str:
    """A command in a process of its own, as an operator gives it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", *arguments, "--config", str(gateway.config), "--lang", "en"),
        env={**os.environ, "TAST1_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = (await process.communicate())[0].decode()
    assert process.returncode == 0, told
    return told


def hire_dpo(gateway: Gateway) -> str:
    """The token of a data protection officer."""
    at, actor = datetime.now(timezone.utc), {"id": "test", "role": "SYSADMIN"}
    with gateway.archive() as opened:
        opened.database.write_sync(lambda s: people.add(s, "dpo", "Somebody", "LB", at, actor))
        opened.database.write_sync(lambda s: people.grant(s, "dpo", Role("DPO"), at, actor))
        token: str = opened.database.write_sync(lambda s: people.new_token(s, "dpo", at, actor))
    return token


def studio(folder: Path) -> Path:
    """A recording of the new question: 1.6 s of its tone at 16 kHz, in stereo."""
    t = np.arange(25600) / 16000
    mono = np.round(0.2 * 32767 * np.sin(2 * np.pi * NEW_HZ * t)).astype("<i2")
    path = folder / "studio.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.repeat(mono, 2).tobytes())
    return path


def heard_of(dialog: Dialog, frequency_hz: float) -> float:
    """Seconds of a tone in all that was heard."""
    pcm = dialog.heard_pcm()
    pieces = [pcm[at : at + 800] for at in range(0, len(pcm) - 799, 800)]
    return 0.1 * sum(power_near(piece, frequency_hz) > 0.5 for piece in pieces)


async def question(stage: Stage, frequency_hz: float) -> tuple[Dialog, Consent]:
    """A whole call in which 1 is pressed while a tone is the question, and its consent record."""
    dialog = await stage.caller.call(stage.gateway.uri)
    await asyncio.wait_for(dialog.answered.wait(), 10)
    await stage.heard(dialog, frequency_hz, MARKERS_MS["purposes_end"] / 1000 + 0.4)
    await dialog.press("1")
    leg = await stage.agent_leg()
    await leg.send(tone(620, 0.5))
    await dialog.hang_up()
    stage.calls += 1
    call = (await stage.gateway.closed_calls(stage.calls))[-1]
    (record,) = stage.gateway.consents(call.id)
    assert record.decision == "accepted"
    return dialog, record


async def test_what_is_activated_is_heard_on_the_next_call_and_named_in_its_consent_record(
    tmp_path: Path,
) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=3) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        dpo = hire_dpo(gateway)
        old = Catalogue.load(tmp_path / "prompts")["da"]["consent"]
        await tast1(
            gateway, "prompts", "import", "da/consent", str(studio(tmp_path)), "--text", WORDS, *MARKERS
        )
        reason = ("--accept-warnings", "--reason", "a test tone")
        await tast1(gateway, "prompts", "approve", "da/consent/2", *reason, token=dpo)

        # Approved is not activated.
        _, record = await question(stage, PROMPT_HZ["consent"])
        assert (record.prompt_version, record.prompt_audio_sha256) == ("1", old.sha256)

        # A call that is up when it is activated, and is asked again afterwards.
        early = await caller.call(gateway.uri)
        early_leg = await stage.agent_leg()
        early_id = (await gateway.control("GET", "/calls"))["up"][-1]["call"]
        assert "The gateway knows" in await tast1(gateway, "prompts", "activate", "da/consent/2")

        dialog, record = await question(stage, NEW_HZ)
        assert heard_of(dialog, PROMPT_HZ["consent"]) == 0
        (file,) = (tmp_path / "data" / "prompts").iterdir()
        assert record.prompt_audio_sha256 == hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
        assert record.prompt_text_sha256 == text_sha256(WORDS)
        assert (record.prompt_id, record.prompt_version, record.total_ms) == (old.id, "2", 1600)
        recordings = gateway.recordings(record.call_id)
        assert len(recordings) == 1

        await gateway.control("POST", f"/calls/{early_id}/offer")
        await stage.heard(early, PROMPT_HZ["consent"], 1.5 + MARKERS_MS["purposes_end"] / 1000 + 0.3)
        await early.press("1")
        await gateway.until(
            lambda: len(gateway.consents(early_id)) == 2, 20, "the second answer was not stored"
        )
        await early.hang_up()
        await asyncio.wait_for(early_leg.ended.wait(), 10)
        assert heard_of(early, NEW_HZ) == 0
        assert {each.prompt_audio_sha256 for each in gateway.consents(early_id)} == {old.sha256}
        stage.calls += 1
        await gateway.closed_calls(stage.calls)

        # A file that is gone: the shipped prompt, counted, and the record says which it was.
        sound = file.read_bytes()
        file.unlink()
        _, record = await question(stage, PROMPT_HZ["consent"])
        assert record.prompt_audio_sha256 == old.sha256
        assert 'tast1_prompt_fallbacks_total{prompt="consent"} 1.0' in (await gateway.get("/metrics"))[1]
        told = [line for line in gateway.logged() if "missing or altered" in str(line)]
        assert len(told) == 1
        file.write_bytes(sound)
        await gateway.control("POST", "/prompts")
        _, record = await question(stage, NEW_HZ)
        assert record.prompt_version == "2"

        await tast1(gateway, "prompts", "rollback", "da/consent")
        _, record = await question(stage, PROMPT_HZ["consent"])
        assert (record.prompt_version, record.prompt_audio_sha256) == ("1", old.sha256)
        assert gateway.audit_is_intact()


async def test_a_prompt_can_be_heard_on_a_telephone_before_anybody_approves_it(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, "sip:agent@127.0.0.1:5070")
    gateway.write_config()
    await tast1(gateway, "prompts", "import", "da/consent", str(studio(tmp_path)), "--text", WORDS, *MARKERS)
    heard = tmp_path / "heard.wav"
    async with await Phone.start(PhoneScript(record=str(heard))) as phone:
        uri = f"sip:desk@127.0.0.1:{phone.port}"
        assert "was played" in await tast1(gateway, "prompts", "play", "da/consent/2", "--call", uri)
    with wave.open(str(heard)) as file:
        pcm: Pcm = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert best_match(pcm, tone(NEW_HZ, 1.0, 0.2))[0] > 0.9
