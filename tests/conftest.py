"""What all tests share: a PostgreSQL server, and worlds on SQLite and on PostgreSQL."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
import typer.testing

from tests import postgres as pg
from tests.storage.world import World, leave_postgres, open_world, use_postgres

# The tree of commands is built once, not for each of a thousand commands that tests give.
typer.testing._get_command = functools.cache(typer.main.get_command)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of the tests' own."""
    pg.or_skip()
    with pg.server() as url:
        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever takes a world (or makes one in `home`) runs on both, unless it is about one of them."""
    if "home" in metafunc.fixturenames:
        only_sqlite = metafunc.definition.get_closest_marker("sqlite")
        metafunc.parametrize("engine", ["sqlite"] if only_sqlite else ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Which database: "sqlite" or "postgresql"."""
    return str(request.param)


@pytest.fixture
def home(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for a world; `open_world` there opens the same database in whatever process."""
    if engine == "sqlite":
        yield tmp_path
        return
    server = request.getfixturevalue("postgres")
    use_postgres(tmp_path, server)
    yield tmp_path
    leave_postgres(tmp_path, server)


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """A world with nothing in it."""
    made = open_world(home)
    yield made
    made.db.close()
