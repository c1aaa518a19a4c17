"""The console's texts: the same in both languages, all there, all used; and what its files may hold."""

from __future__ import annotations

import json
import re

import pytest

from gateway.web.console import FOLDER
from storage.model import GroundName
from storage.policy.duties import SEARCHERS
from storage.policy.grounds import TABLE

DA, EN = (json.loads((FOLDER / f"texts/{name}.json").read_text("utf-8")) for name in ("da", "en"))
SCRIPTS = {path: path.read_text("utf-8") for path in sorted((FOLDER / "js").rglob("*.js"))}
SOURCE = "\n".join(SCRIPTS.values())
HOLE = re.compile(r"\{(\w+)\}")
# Looked up by a name made of parts: `${texts}.${key}`, word("ground", ...).
CODES = ("ground", "purpose", "consent", "channel", "incomplete", "capture", "leg")
ACTS = (
    "complaints",
    "investigations",
    "proposals",
    "orders",
    "recipients",
    "users",
    "request",
    "sample",
    "live",
    "prompts",
    "prompt",
)


def test_both_languages_have_the_same_texts_with_the_same_holes() -> None:
    assert list(DA) == list(EN)
    for key in DA:
        assert DA[key].strip() and EN[key].strip(), key
        assert sorted(HOLE.findall(DA[key])) == sorted(HOLE.findall(EN[key])), key


def test_every_text_that_is_asked_for_is_there() -> None:
    asked = set(re.findall(r'\bt\("([^"]+)"', SOURCE))
    asked |= {key for pair in re.findall(r'\bt\([\w. ]+ \? "([\w.]+)" : "([\w.]+)"', SOURCE) for key in pair}
    assert len(asked) > 300
    assert sorted(asked - set(DA)) == []


def test_every_text_is_used() -> None:
    named = set(re.findall(r'"([a-z_]+(?:\.[\w-]+)*)"', SOURCE))
    made = re.compile(rf"({'|'.join((*CODES, *ACTS))}|column|nav|audit|decision|problem|days)\.")
    for key in DA:
        plain = key.removesuffix(".one")
        assert plain in named or made.match(plain), f"nobody uses {key}"


def test_every_ground_and_purpose_of_the_policy_has_a_name() -> None:
    assert {f"ground.{ground.value}" for ground in GroundName} <= set(DA)
    assert {f"purpose.{purpose}" for row in TABLE.values() for purpose in row.purposes} <= set(DA)


def test_who_may_look_up_a_number_is_offered_to() -> None:
    calls = SCRIPTS[FOLDER / "js/pages/calls.js"]
    offered = re.search(r"holds\(([^)]*)\) \? byNumber", calls)
    assert offered is not None
    assert set(re.findall(r'"(\w+)"', offered[1])) == set(SEARCHERS)
    needs = re.search(r"NEEDS_CASE = \[([^\]]*)\]", calls)
    assert needs is not None
    assert set(re.findall(r'"(\w+)"', needs[1])) == {role for role, case in SEARCHERS.items() if case}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_parses_markup_or_goes_elsewhere(path) -> None:
    source = SCRIPTS[path]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", source
    )
    assert not [found for found in re.findall(r"https?://[^\s\"'`)]+", source) if "www.w3.org" not in found]
    assert len(source.splitlines()) < 300


@pytest.mark.parametrize("path", sorted((FOLDER / "css").glob("*.css")), ids=lambda path: path.name)
def test_styles_load_nothing_and_take_their_colours_from_the_tokens(path) -> None:
    source = path.read_text("utf-8")
    assert "url(" not in source and "@import" not in source and len(source.splitlines()) < 300
    if path.name != "tokens.css":
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb\(", re.sub(r"/\*.*?\*/", "", source, flags=re.S))
