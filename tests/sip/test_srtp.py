"""SRTP with keys in SDP (RFC 4568): each trunk as it is set, agents too, and no way down from `required`.

A packet counts as heard only if it opened with the key that was agreed on, authentication included.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.sip.gateway import PROMPT_HZ, running
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import Stage, assert_tones

pytestmark = [pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]

HOSTS = {"off": "127.0.0.1", "optional": "127.0.0.2", "required": "127.0.0.3"}
TRUNKS = [{"name": name, "networks": [f"{host}/32"], "srtp": name} for name, host in HOSTS.items()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        folder: Path = tmp_path_factory.mktemp("srtp")
        async with running(folder, agent.uri, workers=3, sip={"trunks": TRUNKS}) as gateway:
            yield Stage(gateway, caller, agent)


async def tried(stage: Stage, trunk: str, offer: str, headers: str = "") -> Dialog:
    """A call over a trunk with `offer` (RTP/SAVP, RTP/AVP with keys; "": plain), answered or refused."""
    async with Softphone("caller", HOSTS[trunk]) as phone:
        phone.srtp = offer
        dialog = await phone.call(stage.gateway.uri, headers=headers)
        first = [asyncio.create_task(event.wait()) for event in (dialog.answered, dialog.ended)]
        await asyncio.wait(first, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        for task in first:
            task.cancel()
        if dialog.answered.is_set():
            stage.calls += 1
            if dialog.srtp is not None and dialog.srtp.agreed:
                await stage.heard(dialog, PROMPT_HZ["consent"], 0.3)
            await dialog.hang_up()
    return dialog


@pytest.mark.parametrize(
    ("trunk", "offer", "answer"),
    [
        ("off", "", "RTP/AVP"),
        ("off", "RTP/AVP", "RTP/AVP"),
        ("off", "RTP/SAVP", 488),
        ("optional", "", "RTP/AVP"),
        ("optional", "RTP/AVP", "RTP/AVP with a key"),
        ("optional", "RTP/SAVP", "RTP/SAVP with a key"),
        ("required", "", 488),
        ("required", "RTP/AVP", 488),
        ("required", "RTP/SAVP", "RTP/SAVP with a key"),
    ],
)
async def test_what_is_offered_meets_what_the_trunk_is_set_to(
    stage: Stage, trunk: str, offer: str, answer: str | int
) -> None:
    dialog = await tried(stage, trunk, offer)
    if isinstance(answer, int):
        assert dialog.statuses[-1] == answer
        return
    assert dialog.accepted is not None
    found = re.search(r"^m=audio \d+ (\S+)", dialog.accepted.body, re.MULTILINE)
    keys = " with a key" if "a=crypto" in dialog.accepted.body else ""
    assert found is not None and found[1] + keys == answer


async def test_a_caller_cannot_say_that_a_trunk_needs_no_key(stage: Stage) -> None:
    for header in ("Tast1-Call", "tast1-call"):
        assert (await tried(stage, "required", "", f"{header}: srtp=off\r\n")).statuses[-1] == 488


async def test_an_encrypted_call_is_recorded_as_any_other(stage: Stage) -> None:
    async with Softphone("caller", HOSTS["required"]) as phone:
        phone.srtp = "RTP/SAVP"
        secret = Stage(stage.gateway, phone, stage.agent)
        dialog, leg = await secret.recorded()
        await secret.talk(dialog, leg)
        await dialog.hang_up()
        assert dialog.srtp is not None and dialog.srtp.refused == 0
    stage.calls += 1
    call, consents, recordings = await stage.over()
    assert [consent.decision for consent in consents] == ["accepted"]
    assert_tones(*stage.gateway.sound(recordings[0].id), 1.0, 8.0)
    assert call.end_reason == "caller_hung_up"


async def test_a_call_that_must_be_encrypted_stays_so(stage: Stage) -> None:
    async with Softphone("caller", HOSTS["required"]) as phone:
        phone.srtp = "RTP/SAVP"
        dialog = await phone.call(stage.gateway.uri)
        await asyncio.wait_for(dialog.answered.wait(), 10)
        stage.calls += 1
        plain = re.sub(r"a=crypto[^\n]*\n", "", dialog._sdp().replace("RTP/SAVP", "RTP/AVP"))
        for method in ("INVITE", "UPDATE"):
            assert (await dialog.request(method, plain, "application/sdp")).status == 488
        dialog.heard.clear()
        await stage.heard(dialog, PROMPT_HZ["consent"], 0.3)
        assert dialog.srtp is not None and dialog.srtp.refused == 0
        assert await dialog.hang_up() == 200


@pytest.mark.parametrize(
    ("setting", "phones"),
    [("required", ("RTP/SAVP", "")), ("optional", ("RTP/AVP", ""))],
)
async def test_agents_are_called_as_the_setting_says(
    tmp_path: Path, setting: str, phones: tuple[str, str]
) -> None:
    """A telephone that encrypts, then one that does not."""
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=2, sip={"agent_srtp": setting}) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        for agent.srtp in phones:
            if setting == "required" and not agent.srtp:
                dialog = await stage.dial()
                await stage.heard(dialog, PROMPT_HZ["consent"], 1.0)
                await dialog.press("1")
                await stage.heard(dialog, PROMPT_HZ["no_agent"], 0.2)
                await asyncio.wait_for(dialog.ended.wait(), 20)
                assert (await stage.over())[0].end_reason == "no_agent"
                continue
            dialog, leg = await stage.recorded()  # which begins when it can, on a busy machine too
            assert leg.offered == {"required": "RTP/SAVP", "optional": "RTP/AVP"}[setting]
            assert leg.invite is not None and "a=crypto" in leg.invite.body
            await stage.talk(dialog, leg)
            await dialog.hang_up()
            assert (leg.srtp is not None and leg.srtp.agreed) == bool(agent.srtp)
            assert leg.srtp is None or leg.srtp.refused == 0
            assert_tones(*gateway.sound((await stage.over())[2][0].id), 0.5, 8.0)
