"""What is installed: the image gets what the gateway needs, in the versions that the tests ran with."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest asks for it there

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def normal(name: str) -> str:
    """The name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(file: str) -> set[str]:
    """NAME==VERSION of every package in a lock; one that differs by Python version stands more than once."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return {f"{normal(name)}=={version}" for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", text)}


def named(requirements: list[str]) -> set[str]:
    """The names in requirements as pyproject.toml writes them."""
    return {normal(re.match(r"[\w.-]+", each)[0]) for each in requirements}  # type: ignore[index]


def names(pins: set[str]) -> set[str]:
    return {each.partition("==")[0] for each in pins}


def test_the_image_has_the_versions_of_the_tests() -> None:
    assert pinned("requirements.lock") <= pinned("requirements-dev.lock")


def test_every_dependency_is_locked_and_the_image_has_none_of_the_tests() -> None:
    gateway, tests = named(PROJECT["dependencies"]), named(PROJECT["optional-dependencies"]["dev"])
    inside = names(pinned("requirements.lock"))
    assert gateway <= inside and gateway | tests <= names(pinned("requirements-dev.lock"))
    # Those that the gateway's own packages ask for besides are there for them.
    assert tests & inside == {"requests"}
    assert "requirements.lock" in (ROOT / "Dockerfile").read_text(encoding="utf-8").split()
