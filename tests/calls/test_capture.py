"""Capture: what a killed gateway had read but not written is still there for the next; memory stays small."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest

from gateway.calls import capture
from gateway.calls.capture import LEGS, SAMPLE_BYTES, Capture, LegFiles
from gateway.calls.counts import Counts
from gateway.calls.tones import StereoEraser
from tests.fakes import WAV_HEADER, FakeSpool

FRAMES = 40_000
AHEAD = 6000  # samples that the caller's file is ahead of the agent's


@pytest.fixture
def legs() -> list[bytes]:
    noise = np.random.default_rng(7).integers(-9000, 9000, (2, FRAMES), dtype=np.int16)
    return [leg.astype("<i2").tobytes() for leg in noise]


class Recorders:
    """Two files that grow as a worker's recorders let them grow."""

    def __init__(self, folder: Path, legs: list[bytes]) -> None:
        self.folder, self.legs, self.written = folder, legs, [0, 0]
        folder.mkdir(exist_ok=True)
        for name in LEGS:
            (folder / name).write_bytes(WAV_HEADER)

    def grow(self, frames: int) -> None:
        """The caller's leg up to `frames` and some more, the agent's up to `frames`."""
        for leg, name in enumerate(LEGS):
            until = (frames + (AHEAD if leg == 0 else 0)) * SAMPLE_BYTES
            with (self.folder / name).open("ab") as file:
                file.write(self.legs[leg][self.written[leg] : until])
            self.written[leg] = max(self.written[leg], min(until, len(self.legs[leg])))

    def blocks(self) -> int:
        """Bytes of memory that the files hold."""
        return sum((self.folder / name).stat().st_blocks * 512 for name in LEGS)


def stereo(legs: list[bytes]) -> bytes:
    return np.stack([np.frombuffer(leg, dtype="<i2") for leg in legs], axis=1).tobytes()


async def test_what_was_read_and_not_written_is_there_after_a_kill_to_the_sample(
    tmp_path: Path, legs: list[bytes]
) -> None:
    recorders, spool = Recorders(tmp_path / "r", legs), FakeSpool()
    dying = Capture(recorders.folder, 0.0, Counts())
    dying.permit(spool)
    for frames in range(1600, FRAMES - AHEAD, 1600):
        recorders.grow(frames)
        await dying.pump()
    assert 0 < dying.frames < FRAMES - AHEAD
    recorders.grow(FRAMES)
    left = LegFiles(recorders.folder, already_read_bytes=dying.frames * SAMPLE_BYTES)
    tail = StereoEraser().take(left.take(last=True), last=True)
    left.close()
    assert spool.pcm + tail == stereo(legs)


async def test_memory_of_what_is_written_is_given_back(tmp_path: Path, legs: list[bytes]) -> None:
    recorders = Recorders(tmp_path / "r", legs)
    one = Capture(recorders.folder, 0.0, Counts())
    one.permit(FakeSpool())
    held = []
    for frames in range(1600, FRAMES - AHEAD, 1600):
        recorders.grow(frames)
        await one.pump()
        held.append(recorders.blocks())
    if held[-1] > FRAMES * SAMPLE_BYTES:
        pytest.skip("the file system of the test folder frees no parts of files")
    assert max(held) <= (AHEAD + 2 * 1600) * SAMPLE_BYTES + 2 * 4 * capture.PAGE_BYTES


async def test_a_pump_that_is_cancelled_writes_on_alone_and_what_it_wrote_is_heard(
    tmp_path: Path, legs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "POLL_S", 0.01)
    writing, go_on = threading.Event(), threading.Event()
    at_once: list[int] = []
    inside = threading.Semaphore(1)

    class SlowDisk(FakeSpool):
        def append(self, pcm: bytes) -> None:
            assert inside.acquire(blocking=False), "two threads write"
            at_once.append(len(pcm))
            writing.set()
            go_on.wait(10)
            super().append(pcm)
            inside.release()

    heard: list[bytes] = []
    recorders, disk = Recorders(tmp_path / "r", legs), SlowDisk()
    one = Capture(recorders.folder, 0.0, Counts(), heard.append)
    one.permit(disk)
    recorders.grow(FRAMES // 2)
    pumping = asyncio.create_task(one.run())
    await asyncio.to_thread(writing.wait, 10)
    pumping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pumping
    recorders.grow(FRAMES)
    last = asyncio.create_task(one.pump(last=True))
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.wait_for(last, 10)
    assert disk.pcm == stereo(legs)
    assert b"".join(heard) == disk.pcm
    assert len(at_once) == 2


async def test_the_position_is_where_both_legs_are_before_they_are_read(
    tmp_path: Path, legs: list[bytes]
) -> None:
    recorders = Recorders(tmp_path / "r", legs)
    one = Capture(recorders.folder, 0.5, Counts())
    one.permit(FakeSpool())
    assert one.position == 0
    recorders.grow(1600)
    await one.pump()
    recorders.grow(4800)
    assert one.frames < 1600
    assert one.position == 4800
    await one.pump(last=True)
    await one.discard()
    assert one.position == one.frames == 4800 + AHEAD
