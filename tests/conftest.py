"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import postgres as pg


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of the tests' own."""
    pg.or_skip()
    with pg.server() as url:
        yield url
