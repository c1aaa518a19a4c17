"""`tast1 demo` shows what it says: a recorded call in words, a silent one, a month later only proof."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from gateway.cli.demo import VOICES
from transcription.live import masked


def missed(said: str, heard: str) -> int:
    """How many words of what was said were not heard."""
    return sum((Counter(said.split()) - Counter(heard.split())).values())


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
    lines = yaml.safe_load((VOICES / "lines.yaml").read_text(encoding="utf-8"))["lines"]
    for leg, name in (("caller", "Kunde"), ("agent", "Medarbejder")):
        said = " ".join(line["text"] for line in lines if line["speaker"] == leg)
        heard = " ".join(each["text"] for each in told["live"] if each["leg"] == leg and each["settled"])
        assert missed(masked(said), heard) <= 2, "as spoken, numbers masked"
        written = re.findall(rf"^\[.*\] {name}: (.*)$", told["transcript"], re.MULTILINE)
        kept = said.replace("to nul tre nul fyrre halvtreds", "[TELEFONNUMMER]")
        assert missed(kept, " ".join(written)) <= 2, "as stored"
    partial = [each for each in told["live"] if not each["settled"] and each["text"]]
    assert len(partial) > len(lines), "words come while they are spoken"
    before = {row["kind"]: row for row in told["before"]}
    assert set(before) == {"AUD", "TRS", "CE", "NL"}
    assert before["AUD"]["lawful_basis"] == ["6(1)(a)", "9(2)(a)"]
    assert before["AUD"]["duration_ms"] > 3000
    after = {row["kind"]: row["state"] for row in told["after"]}
    assert after["AUD"] == after["TRS"] == "erased"
    assert after["CE"] == "sealed"
    assert told["audio_readable_after"] is False
    assert told["certificate"]["lapsed"][0]["ground"] == "G-CONSENT"
    assert told["audit_intact"] is True
