"""A test call for keys: which call it is, what is told of it, and that nothing is recorded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.callflow import messages as m
from gateway.calls import keytest
from gateway.calls import line as ln
from gateway.calls.keytest import Expected, KeyTests, Told
from gateway.calls.trunks import Trunk
from ivr_prompts.catalogue import KEY_TEST, Catalogue
from tests.fakes import FakeLine

PROMPT = Catalogue.load()["da"][KEY_TEST]
INVITE = ln.InviteReceived("id", "70101010", "+4512345678", "sip:+4512345678@192.0.2.9", "192.0.2.9")


def for_trunk(inband: str = "auto") -> KeyTests:
    return KeyTests(PROMPT, lambda source: Trunk(f"at-{source}", inband))


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        (Expected(), False),
        (Expected(dialled="70101010"), True),
        (Expected(dialled="+4570101010"), True),
        (Expected(dialled="70101011"), False),
        (Expected(dialled="10"), False),
        (Expected(caller="12345678"), True),
        (Expected(caller="87654321"), False),
        (Expected(dialled="70101010", caller="12345678"), True),
        (Expected(dialled="70101010", caller="87654321"), False),
    ],
)
def test_only_the_call_that_was_named_is_the_test(expected: Expected, fits: bool) -> None:
    assert expected.fits(INVITE) is fits


async def test_without_a_test_every_call_is_a_customers() -> None:
    assert not for_trunk().take(FakeLine(), INVITE)


async def test_what_arrives_is_told_as_it_arrives_and_nothing_is_recorded() -> None:
    tests, line = for_trunk(), FakeLine(prompts_end=False)
    told = tests.expect(Expected(dialled="70101010"), 30)
    assert (await told.__anext__())["event"] == "waiting"
    assert tests.take(line, INVITE)
    assert not tests.take(FakeLine(), INVITE), "one call, and the next one is a customer's"
    call = await other_than_waiting(told)
    assert call == {
        "event": "call",
        "trunk": "at-192.0.2.9",
        "inband": "auto",
        "codec": "PCMA/8000",
        "events": True,
        "listens": False,
    }
    for digit, method in zip("123", m.DtmfMethod, strict=True):
        line.tell(m.DigitPressed(digit, method, duration_ms=80))
        key = await other_than_waiting(told)
        assert (key["event"], key["digit"], key["method"], key["duration_ms"]) == (
            "key",
            digit,
            method.value,
            80,
        )
    await until(lambda: line.count(ln.AskSound) == 1)
    line.tell(ln.SoundStats(m.Leg.CALLER, 250, 5, 12))
    assert (await other_than_waiting(told))["lost"] == 5
    assert await other_than_waiting(told) == {"event": "over", "reason": "complete"}
    await told.aclose()
    assert line.count(ln.EndLine) == 1
    assert line.count(ln.OpenCapture) == line.count(ln.Dial) == 0
    assert [c.on for c in line.sent if isinstance(c, ln.ListenForKeys)] == [True, False]


async def test_a_caller_who_hangs_up_and_one_who_presses_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    for silent in (False, True):
        monkeypatch.setattr(keytest, "CALL_S", 0.05 if silent else 30.0)
        monkeypatch.setattr(keytest, "STATS_S", 0.05)
        tests, line = for_trunk(), FakeLine(prompts_end=False)
        told = tests.expect(Expected(dialled="70101010"), 30)
        await told.__anext__()
        tests.take(line, INVITE)
        if not silent:
            line.tell(m.HungUp(m.Leg.CALLER))
        events = [each async for each in told if each["event"] != "waiting"]
        assert events[-1] == {"event": "over", "reason": "time" if silent else "hung_up"}


async def test_nobody_calls_and_a_second_test_waits_for_the_first() -> None:
    tests = for_trunk()
    told = tests.expect(Expected(dialled="70101010"), 0.0)
    await told.__anext__()
    with pytest.raises(RuntimeError, match="another test"):
        await tests.expect(Expected(dialled="70101010"), 1.0).__anext__()
    assert [each async for each in told] == [{"event": "over", "reason": "nobody"}]
    assert not tests.take(FakeLine(), INVITE), "too late"


async def test_who_gives_up_watching_ends_the_test_and_its_call() -> None:
    tests, line = for_trunk(), FakeLine(prompts_end=False)
    told = tests.expect(Expected(dialled="70101010"), 30)
    await told.__anext__()
    tests.take(line, INVITE)
    await other_than_waiting(told)
    await told.aclose()
    assert line.count(ln.EndLine) == 1
    assert not tests.take(FakeLine(), INVITE)


async def other_than_waiting(told: AsyncIterator[Told]) -> Told:
    async for each in told:
        if each["event"] != "waiting":
            return each
    raise AssertionError("nothing was told")


async def until(what: object) -> None:
    assert callable(what)
    with contextlib.suppress(asyncio.TimeoutError):
        for _ in range(2000):
            if what():
                return
            await asyncio.sleep(0.005)
    raise AssertionError("it never came true")
