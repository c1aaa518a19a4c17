"""Half-written files of every kind at once: a start makes good what it can and leaves nothing lying about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

import pytest

from storage import audit_export, prompts
from storage.ids import shard
from storage.ledger import ErasureLedger, Line
from tests.faults.stories import hang_up
from tests.sip.gateway import Gateway
from tests.sip.signals import power_near
from tests.sip.softphone import Softphone
from tests.sip.test_calls import CALLER_HZ, Stage

pytestmark = pytest.mark.kill


@pytest.mark.sip
async def test_a_start_among_half_written_files_of_every_kind(tmp_path: Path) -> None:
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = await Gateway(tmp_path / "g", agent.uri, workers=1).start()
        stage = Stage(gateway, caller, agent)
        try:
            call = await stage.recorded()
            await stage.talk(*call, 3.0)
            await gateway.kill_and_wait()
            data = gateway.settings().storage.folder
            (spool,) = data.glob("spool/*.t1s")
            os.truncate(spool, spool.stat().st_size - 7)  # a torn record
            half = data / "media" / shard(spool.stem) / f"{spool.stem}.tmp"
            half.parent.mkdir(mode=0o700, exist_ok=True)
            half.write_bytes(b"T1SEALED half")
            unknown = uuid.uuid4().hex
            stray = data / "media" / shard(unknown) / f"{unknown}.tmp"
            stray.parent.mkdir(mode=0o700, exist_ok=True)
            stray.write_bytes(b"T1SEALED half of nothing")
            for wav in gateway.memory.rglob("*.wav"):  # an odd byte, and a header without its lengths
                with wav.open("ab") as file:
                    file.write(b"\x01")
            (gateway.memory / unknown).mkdir(parents=True)
            (gateway.memory / unknown / "caller.wav").write_bytes(b"RIFF")
            now = datetime.now(timezone.utc)
            ErasureLedger(data).append([Line("p" * 16, "AUD", now)])
            with ErasureLedger(data).path.open("ab") as file:
                file.write(b"q" * 16 + b" AUD 20")
            prompt = prompts.file_of(data, "a" * 64).with_suffix(".part")
            prompt.parent.mkdir(mode=0o700, exist_ok=True)
            prompt.write_bytes(b"RIFF half")
            assert gateway.config.parent.joinpath("c").is_socket(), "the dead gateway's control socket"

            await gateway.start()
            await hang_up(*call)
            (recording,) = gateway.recordings()
            assert (recording.state, recording.incomplete_reason) == ("sealed", "gateway_died")
            assert recording.duration_ms >= 2000
            sound, _ = gateway.sound(recording.id)
            assert power_near(sound[4000:12000], CALLER_HZ) > 0.5
            assert list(gateway.memory.rglob("*.wav")) == []
            assert [path.name for path in data.glob("media/*/*")] == [f"{recording.id}.t1"]
            assert list(data.glob("spool/*")) == []
            said = [entry["message"] for entry in gateway.logged()]
            assert "lines of the erasure ledger cannot be read" in said
            second = await stage.recorded()
            await stage.talk(*second, 1.0)
            await hang_up(*second)
            await gateway.closed_calls(2)
            assert gateway.audit_is_intact()
        finally:
            await gateway.stop()


EXPORT = """
import os, sys
from pathlib import Path
from storage import audit_export

def lines():
    yield b"one" * 100_000
    print("half", flush=True)
    sys.stdin.read()

audit_export.write(Path(sys.argv[1]), lines())
"""


def test_an_export_that_was_killed_leaves_no_file_of_its_name_and_can_be_made_again(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    pipe = subprocess.PIPE
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", EXPORT, str(file)], cwd=root, stdin=pipe, stdout=pipe)
    assert child.stdout is not None
    assert child.stdout.readline() == b"half\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not file.exists()
    audit_export.write(file, [b"whole\n"])
    assert file.read_bytes() == b"whole\n"
