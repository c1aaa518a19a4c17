"""What the documents say of commands, folders and links is so; of metrics see web/test_metrics.py."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gateway.callflow.settings import IvrSettings
from gateway.cli import app
from ivr_prompts.catalogue import CONSENT_ROLES, Catalogue
from storage.policy.grounds import TABLE

ROOT = Path(__file__).resolve().parents[1]
COMMANDS_PAGE = (ROOT / "docs/commands.md").read_text(encoding="utf-8")


PAGES = [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", ROOT / "tests/scenarios/README.md"]


def commands(command: object, name: str) -> Iterator[tuple[str, object]]:
    nested = getattr(command, "commands", None)
    if nested is None:
        yield name, command
        return
    if getattr(command, "invoke_without_command", False):
        yield name, command
    for key, inner in nested.items():
        yield from commands(inner, f"{name} {key}")


ROOT_COMMAND: Any = typer.main.get_command(app)
ALL = dict(commands(ROOT_COMMAND, "tast1"))


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


def told_in_full(text: str) -> Iterator[str]:
    """The command lines of code blocks, with a prompt or without; one that ends in `\\` goes on below."""
    for block in re.findall(r"^```\w*\n(.*?)^```|((?:^ {4}.*\n)+)", text, re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^ *(?:\$ )?(tast1 .*)$", "".join(block).replace("\\\n", " "), re.MULTILINE)


def mentioned(text: str) -> Iterator[str]:
    """The commands that the text names in passing; arguments may be left out."""
    for line in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        if line.split()[:1] == ["tast1"]:
            yield " ".join(line.split())


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words name, as far as they name one, and the words after its name."""
    command, rest = ROOT_COMMAND, words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, *rest = command.commands[rest[0]], *rest[1:]
    return command, rest


LINES = [(page.name, line) for page in PAGES for line in told_in_full(page.read_text(encoding="utf-8"))]
MENTIONS = sorted({line for page in PAGES for line in mentioned(page.read_text(encoding="utf-8"))})


def test_the_pages_tell_of_commands() -> None:
    assert len(LINES) > 50 and len(MENTIONS) > 50


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_command_line_in_a_document_can_be_given_as_it_stands(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    signs = ("|", ">", "<", "&", "&&")
    words = words[: next((at for at, word in enumerate(words) if word in signs), len(words))]
    command, rest = leaf(words)
    command.make_context(" ".join(words), rest)  # an unknown option or a missing argument is an error


@pytest.mark.parametrize("line", MENTIONS)
def test_a_command_named_in_passing_exists_with_its_options(line: str) -> None:
    command, rest = leaf(line.split())
    if hasattr(command, "commands"):
        assert not rest or not re.match(r"[a-z]", rest[0]), f"there is no command {line}"
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {
        "--help"
    }
    assert {word.split("=")[0] for word in rest if word.startswith("-")} <= known


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_and_paths_in_documents_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for path in re.findall(r"`((?:tests|gateway|storage|docs|benchmarks|ivr_prompts)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_every_module_of_the_archive_is_in_the_tree() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    tree = page[page.index("The modules of `storage/`") : page.index("\n## A call")]
    named = set(re.findall(r"`([a-z_]+)`", tree))
    modules = {
        path.stem if path.is_file() else path.name
        for folder in ("storage", "storage/policy")
        for path in (ROOT / folder).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__", "policy"}
    assert named == modules


def test_every_ground_is_in_the_table_with_its_rule() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (G-[A-Z-]+) \| ([RP]-\d+) \|", page, re.MULTILINE)
    rules = {name.value: row.rule.replace("§4 prio 0", "P-0") for name, row in TABLE.items()}
    assert dict(rows) == rules and len(rows) == len(rules)


def test_the_readme_names_every_make_target_it_promises() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make ([a-z-]+)`?", (ROOT / "README.md").read_text(encoding="utf-8")):
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


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_page_for_agents_names_what_the_panel_shows(language: str) -> None:
    page = (ROOT / "docs/agents.md").read_text(encoding="utf-8").split("## English")
    half = page[0] if language == "da" else page[1]
    path = ROOT / f"gateway/web/console/texts/{language}.json"
    texts = json.loads(path.read_text(encoding="utf-8"))
    signs = [texts[f"capture.{state}"] for state in ("off", "recording", "paused", "stopped")]
    buttons = [texts[f"live.{button}"] for button in ("offer", "pause", "resume", "stop")]
    assert [told for told in (*signs, *buttons) if f"**{told}**" not in half] == []


def test_how_long_a_silent_caller_is_asked_for_each_purpose_is_what_the_prompts_take() -> None:
    prompts = Catalogue.load()["da"]
    asked_s = sum(prompts[role].duration_ms / 1000 + IvrSettings().timeout_s for role in CONSENT_ROLES[1:])
    page = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
    assert f"about {round(asked_s, -1):.0f} seconds of questions" in page
