"""`tast1 demo` shows what it says: a recorded call, a silent one, and a month later nothing but proof."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sip, pytest.mark.slow]


async def test_the_demo_records_forgets_and_proves_it(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", "demo", "--json", "--folder", str(tmp_path / "demo"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, err.decode()
    told = json.loads(out)
    names = [{entry["name"] for entry in timeline} for timeline in told["calls"].values()]
    accepted = next(each for each in names if "consent_stored" in each)
    silent = next(each for each in names if "consent_stored" not in each)
    expected = {"prompt_started", "marker_passed", "key", "agent_answered", "capture_started", "hung_up"}
    assert accepted >= expected
    assert "agent_answered" in silent
    assert "capture_started" not in silent
    before = {row["kind"]: row for row in told["before"]}
    assert set(before) == {"AUD", "CE", "NL"}
    assert before["AUD"]["lawful_basis"] == ["6(1)(a)", "9(2)(a)"]
    assert before["AUD"]["duration_ms"] > 3000
    after = {row["kind"]: row["state"] for row in told["after"]}
    assert after["AUD"] == "erased"
    assert after["CE"] == "sealed"
    assert told["audio_readable_after"] is False
    assert told["certificate"]["lapsed"][0]["ground"] == "G-CONSENT"
    assert told["audit_intact"] is True
