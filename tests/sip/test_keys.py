"""Keys from trunks that signal them differently, on real calls: heard, told by their method, and tested."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.sip.dtmf import keyed
from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, Gateway, running
from tests.sip.signals import tone
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import Stage

pytestmark = [pytest.mark.sip, pytest.mark.asyncio(loop_scope="module")]


def trunk(inband: str) -> dict[str, Any]:
    return {"trunks": [{"name": "loopback", "networks": ["127.0.0.0/8"], "inband": inband}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A gateway with its trunk as it is by default."""
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path_factory.mktemp("keys"), agent.uri) as gateway,
    ):
        yield Stage(gateway, caller, agent)


async def answer(stage: Stage, dialog: Dialog, method: str, key: str = "1") -> None:
    """Press a key in the midst of the question."""
    await stage.heard(dialog, PROMPT_HZ["consent"], MARKERS_MS["purposes_end"] / 1000 + 0.5)
    if method == "rfc4733":
        await dialog.press(key)
    elif method == "info":
        assert await dialog.press_info(key) == 200
    else:
        await dialog.send(keyed(key, 0.1, 0.1))


async def end(stage: Stage, dialog: Dialog, leg: Dialog) -> list[Any]:
    """Speak for a second, hang up; the keys as the consent record has them."""
    await stage.talk(dialog, leg, 1.0)
    await dialog.hang_up()
    _, consents, _ = await stage.over()
    return [consents[-1].decision, *((k["digit"], k["method"], k["verdict"]) for k in consents[-1].keys)]


@pytest.mark.parametrize("method", ["rfc4733", "info", "inband"])
async def test_the_key_is_heard_by_every_method_and_the_record_says_by_which(
    stage: Stage, method: str
) -> None:
    stage.caller.events = method == "rfc4733"
    before = await questions(stage.gateway)
    dialog = await stage.dial()
    await answer(stage, dialog, method)
    leg = await stage.agent_leg()
    assert await end(stage, dialog, leg) == ["accepted", ("1", method, "accepted")]
    after = await questions(stage.gateway)
    assert after.get(method, 0) == before.get(method, 0) + 1
    text = (await stage.gateway.get("/metrics"))[1]
    assert f'tast1_key_methods_total{{method="{method}",trunk="loopback"}} ' in text
    assert stage.gateway.recordings()


async def test_another_key_in_the_sound_is_another_key_and_spoils_the_first(stage: Stage) -> None:
    stage.caller.events = False
    dialog = await stage.dial()
    await answer(stage, dialog, "inband", "12")
    leg = await stage.agent_leg()
    assert await end(stage, dialog, leg) == [
        "other_key",
        ("1", "inband", "not_isolated"),
        ("2", "inband", "other"),
    ]


async def test_a_key_that_comes_as_event_and_as_tones_is_one(tmp_path: Path) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, sip=trunk("on")) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        dialog = await stage.dial()
        await answer(stage, dialog, "rfc4733")
        await dialog.send(keyed("1", 0.1, 0.1))
        leg = await stage.agent_leg()
        assert await end(stage, dialog, leg) == ["accepted", ("1", "rfc4733", "accepted")]
        dialog = await stage.dial()
        await answer(stage, dialog, "inband")
        leg = await stage.agent_leg()
        assert await end(stage, dialog, leg) == ["accepted", ("1", "inband", "accepted")], "though events"


@pytest.mark.parametrize("inband", ["off", "auto"])
async def test_tones_are_not_listened_for_where_they_should_not_be(tmp_path: Path, inband: str) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, sip=trunk(inband)) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        caller.events = inband == "auto"
        dialog = await stage.dial()
        await answer(stage, dialog, "inband")
        leg = await stage.agent_leg()
        assert await end(stage, dialog, leg) == ["none"]
        assert await questions(gateway) == {"none": 1}


async def test_a_key_before_the_purposes_were_heard_is_early_by_its_own_time(stage: Stage) -> None:
    stage.caller.events = False
    dialog = await stage.dial()
    await stage.heard(dialog, PROMPT_HZ["consent"], 0.1)
    await dialog.send(keyed("1", 0.1, 0.1))
    leg = await stage.agent_leg()
    assert await end(stage, dialog, leg) == ["early_key", ("1", "inband", "early")]


async def test_after_the_question_tones_belong_to_the_conversation(stage: Stage) -> None:
    stage.caller.events = False
    dialog = await stage.dial()
    leg = await stage.agent_leg()
    await dialog.send(keyed("1", 0.1, 0.1))
    await dialog.send(tone(440, 0.5))
    assert await end(stage, dialog, leg) == ["none"]


# --- tast1 trunk --------------------------------------------------------------------------------


async def command(gateway: Gateway, *arguments: str) -> tuple[int, str]:
    """`tast1 trunk ...` with the gateway's settings, in English: exit status, and what it printed."""
    process = await started(gateway, *arguments)
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    return process.returncode or 0, out.decode()


async def started(gateway: Gateway, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.cli", "trunk", *arguments, "--config", str(gateway.config), "--lang", "en"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@pytest.mark.parametrize("method", ["rfc4733", "info", "inband"])
async def test_a_test_call_of_our_own_phone_tells_the_method(stage: Stage, method: str) -> None:
    calls, recordings = len(await stored(stage)), len(stage.gateway.recordings())
    to = f"sip:keytest@127.0.0.1:{stage.gateway.port}"
    options = ["--events"] if method == "rfc4733" else ["--no-events"]
    status, out = await command(stage.gateway, "test", "--to", to, "--method", method, *options, "--json")
    told = [json.loads(line) for line in out.splitlines()]
    (call,) = [each for each in told if each["event"] == "call"]
    assert (call["trunk"], call["codec"], call["events"]) == ("loopback", "PCMA/8000", method == "rfc4733")
    pressed = [each for each in told if each["event"] == "key"]
    assert [(each["digit"], each["method"]) for each in pressed] == [(digit, method) for digit in "123"]
    assert [round(each["at_s"]) for each in pressed] == [1, 2, 3]
    assert all(each["duration_ms"] is None or 60 <= each["duration_ms"] <= 250 for each in pressed)
    (sound,) = [each for each in told if each["event"] == "sound"]
    assert sound["packets"] > 100 and sound["lost"] == 0
    assert told[-1] == {"event": "over", "reason": "complete"}
    assert status == 0
    assert (len(await stored(stage)), len(stage.gateway.recordings())) == (calls, recordings)


async def test_a_test_of_another_number_leaves_customers_alone_and_says_that_nobody_came(
    stage: Stage,
) -> None:
    stage.caller.events = True
    asking = asyncio.create_task(command(stage.gateway, "test", "--number", "70999999", "--seconds", "5"))
    dialog = await stage.dial()
    await answer(stage, dialog, "rfc4733")
    leg = await stage.agent_leg()
    assert (await end(stage, dialog, leg))[0] == "accepted"
    status, out = await asking
    assert status == 1
    assert "No call that fits came in time." in out


async def test_a_call_of_the_operators_own_telephone_is_told_of_in_words(stage: Stage) -> None:
    stage.caller.events = True
    asking = await started(stage.gateway, "test", "--caller")
    assert asking.stdin is not None and asking.stdout is not None
    asking.stdin.write(b"caller\n")
    assert (await asyncio.wait_for(asking.stdout.readline(), 60)).startswith(b"Call within 60 s")
    status, out = await command(stage.gateway, "test", "--number", "70999999")
    assert (status, out.split(";")[0]) == (1, "Another test is going on")
    dialog = await stage.caller.call(stage.gateway.uri)
    await asyncio.wait_for(dialog.answered.wait(), 10)
    await dialog.send(tone(440, 1.0))
    for digit in "12":
        await dialog.send(keyed(digit, 0.1, 0.1))
        await dialog.send(tone(440, 0.7))
    await dialog.hang_up()
    out = (await asyncio.wait_for(asking.stdout.read(), 60)).decode()
    assert await asking.wait() == 1
    assert "Call from trunk loopback, PCMA/8000; RFC 4733 was agreed on." in out
    assert "Only this came: 1 2 (expected: 1 2 3)." in out
    assert "set inband: on for trunk loopback" in " ".join(out.split())


async def test_the_trunks_are_listed_with_their_methods(stage: Stage) -> None:
    dialog = await stage.dial()
    await stage.heard(dialog, PROMPT_HZ["consent"], 0.3)
    await dialog.hang_up()
    await stage.over()
    status, out = await command(stage.gateway, "list", "--json")
    (row,) = json.loads(out)
    assert status == 0
    assert (row["trunk"], row["inband"]) == ("loopback", "auto")
    assert row["questions"] == {m: (await questions(stage.gateway)).get(m, 0) for m in row["questions"]}
    assert set(row["questions"]) == {"rfc4733", "info", "inband", "none"}
    assert row["questions"]["none"] >= 1


async def test_a_test_without_a_number_says_what_to_give(stage: Stage) -> None:
    status, out = await command(stage.gateway, "test")
    assert status == 2
    assert "--number" in out and "--caller" in out


async def questions(gateway: Gateway) -> dict[str, int]:
    """Consent questions of the trunk by method."""
    counted: dict[str, dict[str, int]] = await gateway.control("GET", "/trunks")
    return counted.get("loopback", {})


async def stored(stage: Stage) -> list[Any]:
    """The calls that storage knows."""
    return await stage.gateway.closed_calls(stage.calls)
