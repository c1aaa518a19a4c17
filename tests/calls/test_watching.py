"""Watching a call in words: over the control socket's route, with a transcriber that hears numbers.

Words are "n" for a block of sound n (`tests.transcription.counting`), so a watcher sees masks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.callflow import messages as m
from gateway.calls.driver import CallDriver
from gateway.calls.transcribing import Transcribing
from gateway.web.server import control_app
from tests.calls.test_driver import Running
from tests.transcription.counting import CountingServer
from transcription.live import MASK
from transcription.protocol import StreamConfig
from transcription.servers import Server, Servers


class OneCall:
    """The calls of a gateway that has one."""

    def __init__(self, driver: CallDriver) -> None:
        self.driver = driver

    def find(self, call_id: str) -> CallDriver | None:
        return self.driver if call_id == self.driver.call_id else None


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    one = await CountingServer().start()
    servers = Servers([Server(one.url)])
    yield servers
    await servers.close()
    await one.stop()


async def recorded(tmp_path: Path, servers: Servers) -> Running:
    call = Running(tmp_path)
    object.__setattr__(call.around, "transcribing", Transcribing(servers, StreamConfig()))
    await call.recording()
    return call


async def watched(client: TestClient[Any, Any], recording: str, told: list[dict[str, Any]]) -> int:
    async with client.get(f"/calls/c1/words?recording={recording}") as response:
        async for line in response.content:
            told.append(json.loads(line))
        return response.status


async def test_a_watcher_sees_the_words_of_both_legs_with_numbers_masked(
    tmp_path: Path, servers: Servers
) -> None:
    call = await recorded(tmp_path, servers)
    app = control_app(OneCall(call.driver), lambda: None)  # type: ignore[arg-type]
    told: list[dict[str, Any]] = []
    async with TestClient(TestServer(app)) as client:
        watching = asyncio.create_task(watched(client, str(call.driver.recording_id), told))
        await asyncio.sleep(0.1)
        for value in (3, 3, 0, 0):
            call.line.sound(value, value, 800)
        await call.until(lambda: {t["leg"] for t in told if t["settled"]} == {"caller", "agent"})
        await call.over()
        assert await asyncio.wait_for(watching, 10) == 200
    assert {word for each in told for word in each["text"].split()} == {MASK}
    assert any(not each["settled"] for each in told)


async def test_a_withdrawal_ends_the_watching_before_another_word(tmp_path: Path, servers: Servers) -> None:
    call = await recorded(tmp_path, servers)
    app = control_app(OneCall(call.driver), lambda: None)  # type: ignore[arg-type]
    told: list[dict[str, Any]] = []
    async with TestClient(TestServer(app)) as client:
        watching = asyncio.create_task(watched(client, str(call.driver.recording_id), told))
        await asyncio.sleep(0.1)
        call.line.sound(3, 4, 800)
        await call.until(lambda: bool(told))
        call.driver.post(m.StopRequested("agent"))
        assert await asyncio.wait_for(watching, 10) == 200
        seen = len(told)
        await call.over()
        assert len(told) == seen


@pytest.mark.parametrize("recording", ["", "another"])
async def test_only_the_recording_that_was_asked_for_is_told(
    tmp_path: Path, servers: Servers, recording: str
) -> None:
    call = await recorded(tmp_path, servers)
    app = control_app(OneCall(call.driver), lambda: None)  # type: ignore[arg-type]
    async with TestClient(TestServer(app)) as client:
        assert await watched(client, recording, []) == 409
    await call.over()


async def test_an_unknown_call_is_said_to_be_unknown(tmp_path: Path, servers: Servers) -> None:
    call = await recorded(tmp_path, servers)
    app = control_app(OneCall(call.driver), lambda: None)  # type: ignore[arg-type]
    async with TestClient(TestServer(app)) as client, client.get("/calls/x/words?recording=y") as response:
        assert response.status == 404
    await call.over()
