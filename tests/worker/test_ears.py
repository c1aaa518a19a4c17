"""The caller is listened to for keys: in a process of its own, with pjsua2's bridge."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import soundfile

from tests.sip.dtmf import keyed
from tests.sip.signals import RATE_HZ


async def test_who_is_not_listened_to_costs_the_bridge_nothing_and_is_heard_again_later(
    tmp_path: Path,
) -> None:
    path = tmp_path / "caller.wav"
    soundfile.write(path, keyed("5"), RATE_HZ, subtype="PCM_16")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.worker.listening", str(path), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    *times, ended = out.decode().splitlines()
    assert (ended, process.returncode) == ("ended", 0)
    for told in map(json.loads, times):
        before, meanwhile, after = told["ports"]
        assert set(told["keys"]) == {"5"}
        assert meanwhile == before + 1
        assert after == before
    assert len(times) == 3
