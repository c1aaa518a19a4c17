"""Emptiness: what a caller says before the key is nowhere, in 200 calls under jitter and burst loss.

From the answer to the key each caller sends a low chirp, from then on a high one. Not one 20 ms frame of
the low one may be in any recording, and not one of its frames' bytes in any file the gateway has, while
the calls are up and afterwards. A positive control shows that one frame would be found.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.sip import g711
from tests.sip.dtmf import keyed
from tests.sip.gateway import PROMPT_HZ, Gateway, running
from tests.sip.signals import RATE_HZ, Pcm, chirp
from tests.sip.softphone import FRAME, Dialog, Softphone, bursty
from tests.sip.test_calls import Stage

pytestmark = [pytest.mark.sip, pytest.mark.slow, pytest.mark.timeout(900)]

CALLS = int(os.environ.get("TAST1_EMPTINESS_CALLS", "200"))
OF_THEM = {"rfc4733": CALLS, "inband": max(1, CALLS // 4), "srtp": max(1, CALLS // 4)}
INBAND = {"trunks": [{"name": "loopback", "networks": ["127.0.0.0/8"], "inband": "on"}]}
SRTP = {
    "trunks": [{"name": "loopback", "networks": ["127.0.0.0/8"], "srtp": "required"}],
    "agent_srtp": "required",
}
AT_ONCE = 8
SPLIT_HZ = 1700
EARLY, LATE = chirp(300, 1400, 1.0), chirp(2000, 3300, 1.0)


def low_frames(pcm: Pcm) -> int:
    """How many 20 ms frames have more of their power below the split than above it."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    low = np.fft.rfftfreq(FRAME, 1 / RATE_HZ) < SPLIT_HZ
    total = power.sum(axis=1)
    return int(((power[:, low].sum(axis=1) > 0.5 * total) & (total > 1e8)).sum())


def early_bytes() -> list[bytes]:
    """The frames of the early chirp as bytes: as they are sent, and as 16-bit sound."""
    coded = g711.encode(EARLY)
    found = []
    for start in range(0, len(coded) - FRAME + 1, FRAME):
        frame = coded[start : start + FRAME]
        found += [frame, g711.decode(frame).astype("<i2").tobytes()]
    return found


def files_of(gateway: Gateway) -> Iterator[Path]:
    for folder in (gateway.folder, gateway.memory):
        for place, _, names in os.walk(folder):  # folders of recordings come and go meanwhile
            yield from (Path(place) / name for name in names)


def files_with_early_sound(gateway: Gateway) -> list[Path]:
    needles = [needle[40:120] for needle in early_bytes()]
    found = []
    for path in files_of(gateway):
        try:
            data = path.read_bytes()
        except OSError:  # removed meanwhile, or a socket
            continue
        if any(needle in data for needle in needles):
            found.append(path)
    return found


def test_one_frame_would_be_found(tmp_path: Path) -> None:
    heard = g711.decode(g711.encode(EARLY))
    for start in range(0, len(EARLY) - FRAME, 5 * FRAME):
        mixed = np.concatenate([LATE, heard[start : start + FRAME], LATE])
        assert low_frames(mixed) >= 1
    assert low_frames(LATE) == 0
    gateway = Gateway(tmp_path, None)
    (tmp_path / "left.behind").write_bytes(b"x" * 77 + heard[FRAME : 2 * FRAME].astype("<i2").tobytes())
    assert files_with_early_sound(gateway) == [tmp_path / "left.behind"]


@pytest.mark.parametrize("method", OF_THEM)
async def test_nothing_from_before_the_key_is_anywhere(tmp_path: Path, method: str) -> None:
    """`inband`: the caller is listened to while the question is open, and the key is tones in the sound.
    `srtp`: all sound is encrypted, the keys as events within it.
    """
    calls = OF_THEM[method]
    sip = {"inband": INBAND, "srtp": SRTP}.get(method, {})
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=AT_ONCE + 6, sip=sip) as gateway,
    ):
        if method == "srtp":
            caller.srtp = agent.srtp = "RTP/SAVP"
        stage = Stage(gateway, caller, agent)
        answering = asyncio.create_task(_agents(agent))
        room = asyncio.Semaphore(AT_ONCE)
        early_files: list[Path] = []

        async def one(number: int) -> None:
            async with room:
                await _call(stage, number, method)
                if number % 20 == 0:
                    early_files.extend(await asyncio.to_thread(files_with_early_sound, gateway))

        await asyncio.gather(*(one(number) for number in range(calls)))
        answering.cancel()
        stored = await gateway.closed_calls(calls, 120)
        assert {call.decision for call in stored} == {"accepted"}
        keys = [key for call in stored for key in gateway.consents(call.id)[0].keys]
        assert {key["method"] for key in keys} == {"rfc4733" if method == "srtp" else method}
        recordings = gateway.recordings()
        assert len(recordings) == calls
        with_early = {}
        for recording in recordings:
            sound, _ = await asyncio.to_thread(gateway.sound, recording.id)
            assert len(sound) > RATE_HZ // 2
            assert np.abs(sound.astype(np.int32)).max() > 1000, "the late chirp is there"
            if frames := low_frames(sound):
                with_early[recording.id] = frames
        assert with_early == {}
        assert early_files == []
        assert files_with_early_sound(gateway) == []
        assert await gateway.metric("tast1_preconsent_audio_bytes_total") == 0
        print(f"{calls} calls by {method}, {len(recordings)} recordings, 0 frames from before the key")


async def _call(stage: Stage, number: int, method: str) -> None:
    """One caller: sends the early chirp until the key has ended, then the late one."""
    dialog = await _answered(stage)
    impair = bursty(number) if number % 4 else bursty(number, loss=0.08, burst=10, jitter_s=0.12)
    pressed = asyncio.Event()
    early = asyncio.create_task(dialog.send(np.tile(EARLY, 30), impair, until=pressed))
    await stage.heard(dialog, PROMPT_HZ["consent"], 1.0)
    pressed.set()
    await early
    if method == "inband":
        await dialog.send(keyed("1", 0.16, 0.06), bursty(number, loss=0.0))
    else:
        await dialog.press("1", repeats_of_end=6)
    late = asyncio.create_task(dialog.send(np.tile(LATE, 30), impair))
    await stage.heard(dialog, 650, 3.0)  # the recording begins within a second of that, on a busy machine too
    late.cancel()
    await dialog.hang_up()


async def _answered(stage: Stage) -> Dialog:
    """A call that was answered; tried again after a 503, as a caller would."""
    for _ in range(10):
        dialog = await stage.caller.call(stage.gateway.uri)
        first = [asyncio.create_task(dialog.answered.wait()), asyncio.create_task(dialog.ended.wait())]
        await asyncio.wait(first, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        for task in first:
            task.cancel()
        if dialog.answered.is_set():
            return dialog
        assert dialog.statuses[-1:] == [503], dialog.statuses
        await asyncio.sleep(1.0)
    raise AssertionError("no worker became free")


async def _agents(agent: Softphone) -> None:
    talking = []

    async def talk(leg: Dialog) -> None:
        await asyncio.wait_for(leg.confirmed.wait(), 20)
        t = np.arange(RATE_HZ) / RATE_HZ
        await leg.send(np.tile((8000 * np.sin(2 * np.pi * 650 * t)).astype(np.int16), 20))

    while True:
        talking.append(asyncio.create_task(talk(await agent.incoming.get())))
