"""The pool: reservations, replacement, death of a worker, death of the gateway."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from gateway.callflow.messages import Leg
from gateway.calls import line as wire
from gateway.worker import pool as pool_module
from gateway.worker.pool import WorkerPool
from gateway.worker.settings import WorkerSettings
from tests.worker.rig import PATIENCE_S, Rig, samples

pytestmark = pytest.mark.sip


async def until(true: object) -> None:
    assert callable(true)
    for _ in range(int(PATIENCE_S / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not become true")


async def test_a_reservation_without_an_invite_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "RESERVED_S", 0.1)
    rig = await Rig.build(tmp_path)
    try:
        port = rig.pool.take("call", "tag", "branch")
        assert port is not None and rig.pool.is_worker(port)
        assert rig.pool.take("other", "tag", "branch") is None
        assert rig.pool.find("call", "tag", "branch") == port
        assert rig.pool.find("call", "tag", "another") is None
        await until(lambda: rig.pool.counts().free == 1)
        assert rig.pool.find("call", "tag", "branch") is None
        assert rig.pool.take("other", "tag", "branch") == port
    finally:
        await rig.close()


async def test_a_used_worker_is_replaced_by_a_fresh_one(rig: Rig) -> None:
    _, ears = await rig.call()
    used = ears.line.port
    await ears.end()
    await until(lambda: rig.pool.counts().free == 1)
    fresh = rig.pool.take("next", "tag", "branch")
    assert fresh is not None and fresh != used
    assert rig.pool.counts().died == 0


@pytest.mark.kill
async def test_a_killed_worker_closes_its_line_and_is_replaced(rig: Rig) -> None:
    _, _, ears = await rig.bridged()
    await rig.record(ears)
    await rig.recorded(0.5)
    os.kill(ears.line.pid, signal.SIGKILL)
    assert (await ears.until(wire.LineClosed)).reason == "worker_died"
    ears.line.send(wire.EndLine())
    await until(lambda: rig.pool.counts().free == 1)
    assert rig.pool.counts().died == 1
    assert (rig.capture / "caller.wav").stat().st_size > 44, "what was recorded is still there"


@pytest.mark.kill
async def test_calls_outlive_the_workers_parent(rig: Rig) -> None:
    _, _, ears = await rig.bridged()
    parent = rig.pool._parent
    assert parent is not None
    parent.kill()
    await until(lambda: rig.pool._parent is not parent)
    await rig.record(ears)
    assert (await ears.end()).reason == "ended"
    await until(lambda: rig.pool.counts().free == 1)


async def test_pool_that_is_stopped_ends_its_calls(tmp_path: Path) -> None:
    rig = await Rig.build(tmp_path)
    caller, agent, ears = await rig.bridged()
    stopping = asyncio.create_task(rig.pool.stop())
    assert (await ears.until(wire.LineClosed)).reason == "ended"
    assert (await caller.wait_for("ended")).status == (await agent.wait_for("ended")).status == 200
    await stopping
    assert not Path(f"/proc/{ears.line.pid}").exists()
    await asyncio.gather(*(phone.close() for phone in rig.phones))


@pytest.mark.kill
async def test_when_the_gateway_dies_recording_ends_and_the_conversation_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "rejoin")
    rig = await Rig.build(tmp_path, rejoin_path=path)
    caller, agent, ears = await rig.bridged()
    await rig.record(ears)
    await rig.recorded(0.5)
    abandon(rig.pool)
    files = [rig.capture / "caller.wav", rig.capture / "agent.wav"]
    await until(lambda: not holds_open(ears.line.pid, files))
    assert len(samples(files[0])) == len(samples(files[1])) > 0
    size = files[0].stat().st_size
    successor = WorkerPool(WorkerSettings(rejoin_path=path, linger_s=0.1), 1)
    await successor.start()
    try:
        await until(lambda: successor.is_worker(ears.line.port))
        assert successor.find("a Call-ID", "a tag", "a branch") is None, "its INVITE was answered"
        caller.order("press", digit="5")
        await agent.wait_for("digit")
        assert files[0].stat().st_size == size
        caller.order("hang_up")
        assert (await agent.wait_for("ended")).status == 200
        await until(lambda: not successor.is_worker(ears.line.port))
    finally:
        await successor.stop()
        await asyncio.gather(*(phone.close() for phone in rig.phones))


@pytest.mark.kill
async def test_an_unanswered_invite_is_reported_to_the_next_gateway(tmp_path: Path) -> None:
    path = str(tmp_path / "rejoin")
    rig = await Rig.build(tmp_path, rejoin_path=path)
    caller, ears = await rig.call()
    beats: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    abandon(rig.pool)
    Path(path).unlink(missing_ok=True)

    async def successor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(wire.encode(wire.AnswerCall()) + wire.encode(wire.HangUpLeg(Leg.CALLER, 503)))
        while line := await reader.readline():
            beats.put_nowait(json.loads(line))
        writer.close()

    server = await asyncio.start_unix_server(successor, path)
    beat = await asyncio.wait_for(beats.get(), PATIENCE_S)
    assert (beat["state"], beat["port"], beat["pid"]) == ("ringing", ears.line.port, ears.line.pid)
    assert beat["sip_call_id"] == ears.line.invite.sip_call_id
    assert beat["from_tag"] and str(beat["branch"]).startswith("z9hG4bK")
    assert (await caller.wait_for("ended")).status == 503, "only hanging up is obeyed"
    await until(lambda: not Path(f"/proc/{ears.line.pid}").exists())
    server.close()
    await asyncio.gather(*(phone.close() for phone in rig.phones))


def abandon(pool: WorkerPool) -> None:
    """What the death of the gateway's process does: all of its sockets are closed at once."""
    pool._stopping = True
    if pool._server is not None:
        pool._server.close()
    assert pool._control is not None
    pool._control.shutdown(socket.SHUT_RDWR)
    for worker in pool._workers.values():
        if worker.writer is not None:
            worker.writer.close()


def holds_open(pid: int, files: list[Path]) -> bool:
    held = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            held.add(fd.readlink())
        except OSError:
            continue
    return bool(held & set(files))


async def test_a_phone_leaves_when_nobody_gives_it_orders_any_more(rig: Rig) -> None:
    agent = await rig.agent()
    assert agent._process.stdin is not None
    agent._process.stdin.close()
    assert (await agent.finish())[-1].event == "bye"
