"""What the documents say of commands, metrics, folders and links is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from gateway.calls.counts import Counts
from gateway.cli import app
from gateway.web.metrics import GatewayCollector

ROOT = Path(__file__).resolve().parents[1]
COMMANDS_PAGE = (ROOT / "docs/commands.md").read_text(encoding="utf-8")


def commands(command: object, name: str) -> Iterator[tuple[str, object]]:
    nested = getattr(command, "commands", None)
    if nested is None:
        yield name, command
        return
    if getattr(command, "invoke_without_command", False):
        yield name, command
    for key, inner in nested.items():
        yield from commands(inner, f"{name} {key}")


ALL = dict(commands(typer.main.get_command(app), "tast1"))


def test_there_are_commands() -> None:
    assert len(ALL) > 15


@pytest.mark.parametrize("name", ALL)
def test_every_command_is_on_the_page_and_explains_itself(name: str) -> None:
    assert f"`{name}`" in COMMANDS_PAGE, f"docs/commands.md says nothing of {name}"
    assert getattr(ALL[name], "help", None), f"{name} has no help"


@pytest.mark.parametrize("name", ALL)
def test_every_option_says_what_it_is(name: str) -> None:
    for parameter in ALL[name].params:  # type: ignore[attr-defined]
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


def test_the_page_names_no_command_that_is_not_there() -> None:
    named = set(re.findall(r"^\| `(tast1(?: [^`]*)?)` \|", COMMANDS_PAGE, re.MULTILINE))
    assert named - set(ALL) == set()


def test_every_metric_is_on_the_page_and_the_page_names_no_other() -> None:
    collector = GatewayCollector(Counts(), lambda: {"a": 1}, lambda: {"free": 1}, lambda: 0)
    names = {metric.name + ("_total" if metric.type == "counter" else "") for metric in collector.collect()}
    assert set(re.findall(r"^\| `(tast1_[a-z_]+)` \|", COMMANDS_PAGE, re.MULTILINE)) == names


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_and_paths_in_documents_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for path in re.findall(r"`((?:tests|gateway|storage|docs|benchmarks|ivr_prompts)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_the_readme_names_every_make_target_it_promises() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make ([a-z]+)`?", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_ci_calls_make_test_and_nothing_else() -> None:
    lines = [
        line
        for line in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "exec make test"]


def test_no_document_or_source_speaks_of_the_workplace() -> None:
    banned = re.compile(r"/work/|\bsub-?agents?\b|\.\./shared", re.IGNORECASE)
    for path in [*ROOT.glob("*.*"), *ROOT.glob("docs/*"), *ROOT.glob("[gits]*/**/*.py")]:
        if (
            path.is_file()
            and path.suffix in {".md", ".py", ".yaml", ".toml", ".svg"}
            and path != Path(__file__)
        ):
            assert not banned.search(path.read_text(encoding="utf-8")), path
