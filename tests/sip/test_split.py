"""Real calls that are asked for each purpose by itself (A-14): what it may then be used for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage import artifacts, consents
from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, running
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import Stage

pytestmark = [pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]

SAID_S = MARKERS_MS["purposes_end"] / 1000 + 0.4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        folder: Path = tmp_path_factory.mktemp("split")
        async with running(folder, agent.uri, workers=2, ivr={"granularity": "split"}) as gateway:
            yield Stage(gateway, caller, agent)
            assert gateway.audit_is_intact()


async def question(stage: Stage, dialog: Dialog, purpose: str, press: bool) -> None:
    await stage.heard(dialog, PROMPT_HZ[f"consent_{purpose}"], SAID_S)
    if press:
        await dialog.press("1")


async def test_the_recording_is_for_what_was_accepted_and_the_record_holds_each_answer(stage: Stage) -> None:
    dialog = await stage.dial()
    await question(stage, dialog, "training", press=True)
    await question(stage, dialog, "analysis", press=False)
    await question(stage, dialog, "documentation", press=True)
    leg = await stage.agent_leg()
    await stage.talk(dialog, leg)
    await dialog.hang_up()
    await asyncio.wait_for(leg.ended.wait(), 10)
    _, (record,), (recording,) = await stage.over()
    assert record.decision == "accepted" and record.purposes == ["training", "documentation"]
    assert [(each["purpose"], each["decision"]) for each in record.questions] == [
        ("training", "accepted"),
        ("analysis", "none"),
        ("documentation", "accepted"),
    ]
    assert [each["prompt_id"] for each in record.questions] == [
        "test-consent_training",
        "test-consent_analysis",
        "test-consent_documentation",
    ]
    assert record.prompt_id == "test-consent_documentation"
    assert all(each["played_ms"] >= MARKERS_MS["purposes_end"] for each in record.questions)
    with stage.gateway.archive() as opened:
        assert opened.database.read_sync(lambda s: consents.is_genuine(record, opened.keys.public_key))
        (ground,) = opened.database.read_sync(lambda s: artifacts.grounds_of(s, recording.id))
    assert ground.purposes == ("training", "documentation") and ground.roles == ("QA", "CASEDOC")


async def test_no_to_each_is_connected_and_not_recorded(stage: Stage) -> None:
    dialog = await stage.dial()
    for purpose in ("training", "analysis", "documentation"):
        await question(stage, dialog, purpose, press=False)
    leg = await stage.agent_leg()
    await stage.talk(dialog, leg, 0.5)
    await dialog.hang_up()
    await asyncio.wait_for(leg.ended.wait(), 10)
    _, (record,), recordings = await stage.over()
    assert (record.decision, record.purposes, recordings) == ("none", [], [])
    assert len(record.questions) == 3
