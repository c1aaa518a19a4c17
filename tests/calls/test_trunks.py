"""When keys in the sound are listened for: on which trunks, and only while the question is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.callflow import messages as m
from gateway.calls import line as ln
from gateway.calls.trunks import Trunk
from tests.calls.test_driver import Running


@pytest.mark.parametrize(
    ("inband", "events", "listens"),
    [
        ("on", True, True),
        ("on", False, True),
        ("auto", True, False),
        ("auto", False, True),
        ("off", True, False),
        ("off", False, False),
    ],
)
def test_a_trunk_is_listened_to_as_its_setting_says(inband: str, events: bool, listens: bool) -> None:
    assert Trunk("one", inband).listens(events) is listens


def orders(running: Running) -> list[object]:
    """Listening on and off, and what it must not overlap, in order."""
    kinds = (ln.ListenForKeys, ln.Dial, ln.BridgeLegs, ln.OpenCapture)
    return [
        command.on if isinstance(command, ln.ListenForKeys) else type(command)
        for command in running.line.sent
        if isinstance(command, kinds)
    ]


async def test_keys_are_listened_for_while_the_question_is_open_and_never_in_a_recording(
    tmp_path: Path,
) -> None:
    running = Running(tmp_path, inband="on")
    await running.recording()
    assert orders(running) == [True, False, ln.Dial, ln.BridgeLegs, ln.OpenCapture]
    await running.over()
    assert orders(running)[-1] is ln.OpenCapture
    assert running.around.counts.key_methods == {("one", "rfc4733"): 1}


async def test_a_question_without_a_key_is_counted_as_none(tmp_path: Path) -> None:
    running = Running(tmp_path, inband="on")
    await running.until(lambda: running.line.count(ln.Dial) == 1)
    assert orders(running) == [True, False, ln.Dial]
    assert running.around.counts.key_methods == {("one", "none"): 1}
    await running.over()


async def test_auto_waits_for_what_the_call_agreed_on(tmp_path: Path) -> None:
    running = Running(tmp_path)
    await running.prompt_over()
    assert orders(running) == []
    running.line.tell(ln.LegUp(m.Leg.CALLER, "PCMA/8000", events=False))
    await running.until(lambda: orders(running) == [True])
    running.line.tell(m.DigitPressed("1", m.DtmfMethod.INBAND))
    await running.until(lambda: running.line.count(ln.Dial) == 1)
    assert orders(running) == [True, False, ln.Dial]
    assert running.around.counts.key_methods == {("one", "inband"): 1}
    await running.over()
