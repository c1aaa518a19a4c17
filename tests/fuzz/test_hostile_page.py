"""docs/hostile.md names every limit, every target, and reasons that are counted."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from gateway.edge.settings import LimitSettings
from tests.fuzz.kept import TARGETS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/hostile.md").read_text(encoding="utf-8")


def test_every_limit_of_the_front_door_is_on_the_page() -> None:
    for field in dataclasses.fields(LimitSettings):
        assert f"`{field.name}`" in PAGE, field.name


def test_every_target_is_on_the_page_and_no_other() -> None:
    table = PAGE[PAGE.index("| Target | What must hold") :].partition("\n\n")[0]
    named = {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == set(TARGETS)


def test_every_reason_on_the_page_is_one_that_is_counted() -> None:
    table = PAGE[PAGE.index("| What comes |") :].partition("\n\n")[0]
    words = {
        word for line in table.splitlines()[2:] for word in re.findall(r"\b[a-z_]+\b", line.split("|")[3])
    }
    code = "".join(path.read_text("utf-8") for path in (ROOT / "gateway/edge").glob("*.py"))
    for word in words - {"dropped", "refused", "closed"}:
        assert f'"{word}"' in code or f":{word}" in code, word
