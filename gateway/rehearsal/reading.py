"""Scenario files: YAML to a checked `Scenario`, every mistake with its line and key.

Values are read from what the author wrote, not from what YAML makes of it: `NO` is Norway, `1` is a
key on the telephone, and a timestamp needs its offset.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import yaml

from gateway.callflow.settings import IvrSettings
from storage.policy.access import Access
from storage.policy.clocks import local_date
from storage.policy.expectations import expectation_problem, parse_instant
from storage.policy.scenario import (
    ACCESS_KEYS,
    EVENTS,
    EXPECT_KEYS,
    REMARKS,
    Key,
    Question,
    Scenario,
    Told,
    make_event,
)
from storage.policy.settings import PolicySettings, overlaid, problems

IVR_CHOICES = {
    "min_marker": ("purposes_end", "key_instruction", "prompt_end"),
    "other_key": ("ignore",),
    "late_key": ("reject", "accept"),
    "granularity": ("bundled", "split"),
}
# ... and the range of those that have one (§9.1 of the rules).
IVR_RANGES = {"timeout_s": (3, 10), "repeat": (0, 1)}
DEEPEST = 12
# Aliases let a small file name more values than fit anywhere.
MOST_VALUES = 100_000
MERGING = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
FIRST_YEAR, LAST_YEAR = 1971, 2999


class NotAScenario(Exception):
    """The file is no scenario: where, which key, and why."""

    def __init__(self, line: int, key: str, why: str) -> None:
        if not key.isprintable():
            key = ascii(key)
        super().__init__(f"line {line}: {key}: {why}" if key else f"line {line}: {why}")
        self.line = line
        self.key = key
        self.why = why


def read(text: str) -> Scenario:
    """The scenario in a YAML text. `NotAScenario` says what is wrong with it, and where."""
    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            raise NotAScenario(1, "", "the file is empty (write `events:` and `ask:`)")
        refuse_foreign_tags(root)
        return _Reader(loader).scenario(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotAScenario(mark.line + 1 if mark else 1, "", f"is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise NotAScenario(1, "", "is not YAML that can be read (save it as plain UTF-8 text)") from None
    finally:
        loader.dispose()


class _Reader:
    """Walks the nodes of one file."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self.loader = loader
        self.mappings: dict[int, dict[str, yaml.Node]] = {}  # by node: merging changes a node
        self.values_read = 0

    def scenario(self, root: yaml.Node) -> Scenario:
        top = self.mapping(root, "")
        known = ("title", "settings", "events", "ask", *REMARKS)
        self.only(top, known, root)
        if "events" not in top:
            raise NotAScenario(line_of(root), "events", "is missing: a scenario is a list of events")
        overrides = self.settings(top["settings"]) if "settings" in top else {}
        told = tuple(self.events(top["events"]))
        questions = tuple(self.questions(top["ask"])) if "ask" in top else ()
        title = self.text(top["title"], "title") or "" if "title" in top else ""
        return Scenario(told, questions, title, overrides)

    # --- events and questions -------------------------------------------------------------------

    def events(self, node: yaml.Node) -> Iterator[Told]:
        before: datetime | None = None
        for item in self.sequence(node, "events"):
            told = self.event(item)
            if before is not None and told.at < before:
                raise NotAScenario(line_of(item), "at", "is earlier than the event before it")
            before = told.at
            yield told

    def event(self, node: yaml.Node) -> Told:
        entry = self.mapping(node, "events")
        name = self.text(self.needed(entry, "event", node), "event") or ""
        if name not in EVENTS:
            raise NotAScenario(line_of(entry["event"]), "event", f"{name!r} is no event of a scenario")
        at = self.instant(self.needed(entry, "at", node), "at")
        keys = EVENTS[name].keys
        self.only(entry, ("at", "event", *keys, *REMARKS), node)
        values = self.values(entry, keys, node)
        if values.get("purposes_end_s", 0) > values.get("duration_s", 0):
            raise NotAScenario(
                line_of(entry["purposes_end_s"]), "purposes_end_s", "lies after the prompt's end"
            )
        try:
            return Told(at, name, make_event(name, values))
        except ValueError as error:
            raise NotAScenario(line_of(node), name, str(error)) from None

    def questions(self, node: yaml.Node) -> Iterator[Question]:
        for item in self.sequence(node, "ask"):
            entry = self.mapping(item, "ask")
            kinds = [kind for kind in EXPECT_KEYS if kind in entry]
            if len(kinds) != 1:
                why = f"a question asks about one of {', '.join(EXPECT_KEYS)}"
                raise NotAScenario(line_of(item), "ask", why)
            yield self.question(kinds[0], entry, item)

    def question(self, kind: str, entry: dict[str, yaml.Node], node: yaml.Node) -> Question:
        self.only(entry, ("at", kind, "expect", *REMARKS), node)
        about: str | Access | None = None
        if kind == "access":
            asked = self.mapping(entry[kind], kind)
            self.only(asked, tuple(ACCESS_KEYS), entry[kind])
            about = Access(**self.values(asked, ACCESS_KEYS, entry[kind]))
        elif kind == "refused":
            self.boolean(entry[kind], kind)
        else:
            about = self.identifier(entry[kind], kind)
        at = self.instant(entry["at"], "at") if "at" in entry else None
        if at is None and kind != "refused":
            raise NotAScenario(line_of(node), "at", "is missing")
        expect = self.expectation(kind, entry["expect"]) if "expect" in entry else None
        return Question(kind, about, at, expect, line_of(node))

    def expectation(self, kind: str, node: yaml.Node) -> Mapping[str, Any]:
        entry = self.mapping(node, "expect")
        self.only(entry, EXPECT_KEYS[kind], node)
        expected = {key: self.plain(value, key) for key, value in entry.items()}
        for key, value in expected.items():
            if (why := expectation_problem(key, value)) is not None:
                raise NotAScenario(line_of(entry[key]), key, why)
        return expected

    # --- settings -------------------------------------------------------------------------------

    def settings(self, node: yaml.Node) -> dict[str, Any]:
        """The overrides as nested values, each checked against the setting it replaces."""
        if _is_null(node):
            return {}
        entry = self.mapping(node, "settings")
        self.only(entry, ("policy", "ivr"), node)
        overrides: dict[str, Any] = {}
        if "policy" in entry and not _is_null(entry["policy"]):
            overrides["policy"] = self.section(entry["policy"], PolicySettings(), "settings.policy")
            whole = overlaid(PolicySettings(), overrides["policy"])
            for key, problem in problems(whole):
                raise NotAScenario(self.line_at(entry["policy"], key), f"settings.policy.{key}", problem)
        if "ivr" in entry and not _is_null(entry["ivr"]):
            overrides["ivr"] = self.section(entry["ivr"], IvrSettings(), "settings.ivr")
            ivr = self.mapping(entry["ivr"], "settings.ivr")
            for key, value in overrides["ivr"].items():
                if (why := _ivr_problem(key, value)) is not None:
                    raise NotAScenario(line_of(ivr[key]), f"settings.ivr.{key}", why)
        return overrides

    def section(self, node: yaml.Node, defaults: Any, where: str) -> dict[str, Any]:
        entry = self.mapping(node, where)
        fields = {field.name: getattr(defaults, field.name) for field in dataclasses.fields(defaults)}
        for key, value in entry.items():
            if key not in fields:
                raise NotAScenario(line_of(value), f"{where}.{key}", "is no setting")
        return {
            key: self.section(value, fields[key], f"{where}.{key}")
            if dataclasses.is_dataclass(fields[key])
            else self.setting(value, fields[key], f"{where}.{key}")
            for key, value in entry.items()
        }

    def setting(self, node: yaml.Node, default: Any, where: str) -> Any:
        if isinstance(default, bool):
            return self.boolean(node, where)
        if isinstance(default, (int, float)):
            number = self.number(node, where)
            if isinstance(default, int) and number != int(number):
                raise NotAScenario(line_of(node), where, "must be a whole number")
            return int(number) if isinstance(default, int) else number
        if isinstance(default, tuple):
            return self.identifiers(node, where)
        text = self.text(node, where)
        if text is None:
            raise NotAScenario(line_of(node), where, "has no value")
        return text

    def line_at(self, node: yaml.Node, dotted: str) -> int:
        for part in dotted.split("."):
            entry = self.mapping(node, part)
            if part not in entry:
                break
            node = entry[part]
        return line_of(node)

    # --- keys and values ------------------------------------------------------------------------

    def values(self, entry: dict[str, yaml.Node], keys: Mapping[str, Key], node: yaml.Node) -> dict[str, Any]:
        """The values of these keys; those that are left out or null have their defaults."""
        found: dict[str, Any] = {}
        for name, key in keys.items():
            if name not in entry or (_is_null(entry[name]) and not key.required):
                if key.required:
                    raise NotAScenario(line_of(node), name, "is missing")
                continue
            found[name] = self.value(entry[name], key, name)
        return found

    def value(self, node: yaml.Node, key: Key, name: str) -> Any:
        value = _VALUES[key.kind](self, node, name)
        for item in value if isinstance(value, tuple) else (value,):
            if key.choices and item not in key.choices:
                raise NotAScenario(line_of(node), name, f"must be one of {', '.join(key.choices)}")
        return value

    def mapping(self, node: yaml.Node, name: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise NotAScenario(line_of(node), name, "must be a mapping (`key: value`)")
        if id(node) not in self.mappings:
            self.mappings[id(node)] = self.entries(node, name)
        return self.mappings[id(node)]

    def entries(self, node: yaml.MappingNode, name: str) -> dict[str, yaml.Node]:
        """The entries of a mapping; its own come before merged ones (`<<`), and none is there twice."""
        own: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise NotAScenario(line_of(key), name, "has a key that is no word")
            if key.value in own:
                raise NotAScenario(line_of(key), key.value, "is there twice")
            own.add(key.value)
        self.loader.flatten_mapping(node)  # puts what is merged first, so that later ones win
        return {str(key.value): value for key, value in node.value}

    def sequence(self, node: yaml.Node, name: str) -> list[yaml.Node]:
        if _is_null(node):
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise NotAScenario(line_of(node), name, "must be a list")
        return list(node.value)

    def only(self, entry: dict[str, yaml.Node], known: tuple[str, ...], node: yaml.Node) -> None:
        for key in entry:
            if key not in known:
                raise NotAScenario(line_of(entry[key]), key, f"is not known here (known: {', '.join(known)})")

    def needed(self, entry: dict[str, yaml.Node], key: str, node: yaml.Node) -> yaml.Node:
        if key not in entry:
            raise NotAScenario(line_of(node), key, "is missing")
        return entry[key]

    def text(self, node: yaml.Node, name: str) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            raise NotAScenario(line_of(node), name, "must be text")
        if _is_null(node):
            return None
        text = str(node.value)
        if any("\ud800" <= letter <= "\udfff" for letter in text):  # escapes make them; nobody can write them
            raise NotAScenario(line_of(node), name, "holds half a character")
        return text

    def identifier(self, node: yaml.Node, name: str) -> str:
        text = self.text(node, name)
        if not (text or "").strip():
            raise NotAScenario(line_of(node), name, "has no value")
        return text or ""

    def identifiers(self, node: yaml.Node, name: str) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise NotAScenario(line_of(node), name, "must be a list, such as [c1, c2]")
        return tuple(self.identifier(item, name) for item in node.value)

    def boolean(self, node: yaml.Node, name: str) -> bool:
        words = yaml.SafeLoader.bool_values
        is_bool = isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:bool"
        if not is_bool or node.value.lower() not in words:
            raise NotAScenario(line_of(node), name, "must be true or false")
        return bool(words[node.value.lower()])

    def number(self, node: yaml.Node, name: str) -> float:
        text = self.text(node, name) or ""
        if not re.fullmatch(r"\d{1,9}(\.\d+)?", text):
            raise NotAScenario(line_of(node), name, "must be a number, not negative")
        return float(text)

    def digit(self, node: yaml.Node, name: str) -> str:
        text = self.text(node, name) or ""
        if not re.fullmatch(r"[0-9*#A-D]", text):
            raise NotAScenario(line_of(node), name, "must be one key of a telephone, in quotes")
        return text

    def instant(self, node: yaml.Node, name: str) -> datetime:
        try:
            instant = parse_instant(self.text(node, name) or "")
        except ValueError as error:
            raise NotAScenario(line_of(node), name, str(error)) from None
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise NotAScenario(line_of(node), name, f"must lie between {FIRST_YEAR} and {LAST_YEAR}")
        return instant

    def date(self, node: yaml.Node, name: str) -> date:
        return local_date(self.instant(node, name))

    def plain(self, node: yaml.Node, name: str, depth: int = 0) -> Any:
        """An expected value: lists and mappings of true, false, null and text."""
        self.values_read += 1
        if depth > DEEPEST or self.values_read > MOST_VALUES:
            raise NotAScenario(line_of(node), name, "is nested too deeply, or too long")
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, name, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return {key: self.plain(item, key, depth + 1) for key, item in self.mapping(node, name).items()}
        if node.tag == "tag:yaml.org,2002:bool":
            return self.boolean(node, name)
        return self.text(node, name)


_VALUES = {
    "text": _Reader.text,
    "id": _Reader.identifier,
    "ids": _Reader.identifiers,
    "bool": _Reader.boolean,
    "seconds": _Reader.number,
    "digit": _Reader.digit,
    "date": _Reader.date,
    "instant": _Reader.instant,
}


def refuse_foreign_tags(root: yaml.Node) -> None:
    """A tag such as `!!python/name` asks for more than values."""
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.tag not in yaml.SafeLoader.yaml_constructors and node.tag not in MERGING:
            raise NotAScenario(line_of(node), node.tag, "is no kind of value of a scenario")
        if isinstance(node, yaml.MappingNode):
            waiting += [each for entry in node.value for each in entry]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def line_of(node: yaml.Node) -> int:
    """The line of a node, from 1."""
    return int(node.start_mark.line) + 1


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _ivr_problem(key: str, value: Any) -> str | None:
    if key in IVR_CHOICES and value not in IVR_CHOICES[key]:
        return f"must be one of {', '.join(IVR_CHOICES[key])}"
    if key in IVR_RANGES:
        least, most = IVR_RANGES[key]
        if not least <= value <= most:
            return f"must lie between {least} and {most}"
    if key == "accept_key" and not re.fullmatch(r"[0-9*#A-D]", value):
        return "must be one key of a telephone, in quotes"
    return None
