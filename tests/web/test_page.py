"""docs/api.md says what is served."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.web.api.page import put
from gateway.web.api.problems import STATUS

PAGE = (Path(__file__).resolve().parents[2] / "docs/api.md").read_text(encoding="utf-8")


def test_the_table_of_routes_is_that_of_the_program() -> None:
    assert put(PAGE) == PAGE, "run: python -m gateway.web.api.page"


def test_every_problem_is_explained_with_its_status() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE, re.MULTILINE)
    assert {name: int(status) for name, status in rows} == STATUS
