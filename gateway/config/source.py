"""What the operator wrote, and where: config.yaml with line numbers, then the environment.

`TAST1__SECTION__KEY=value` in the environment comes before the file. The value is text, as it
stands; a list is written `[a, b]`, nothing is written `null`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Union

import yaml

Key = tuple[Union[str, int], ...]
Fault = tuple[Key, str]
"""A setting, and what is wrong with it."""
ENV_PREFIX = "TAST1__"
DEEPEST = 20
MOST_VALUES = 100_000


class Unreadable(Exception):
    """The file is not YAML, or no mapping.

    `problems` are `(line, key, why, bare)`; `bare` is `why` without anything that was written there.
    """

    def __init__(self, problems: list[tuple[int, str, str, str]]) -> None:
        super().__init__("the settings file cannot be read")
        self.problems = problems


@dataclasses.dataclass(frozen=True)
class Source:
    """Settings as written: nested values, the line of each key, and what the environment set."""

    name: str  # of the file, as messages call it
    values: dict[str, Any]
    lines: Mapping[Key, int]
    duplicates: tuple[tuple[Key, int, int], ...] = ()  # key, line of the first, line of the second
    variables: Mapping[Key, str] = dataclasses.field(default_factory=dict)

    def value(self, key: Key) -> tuple[bool, Any]:
        """Whether something was written at `key`, and what."""
        current: Any = self.values
        for part in key:
            try:
                current = current[part]
            except (KeyError, IndexError, TypeError):
                return False, None
        return True, current

    def where(self, key: Key) -> str:
        """The variable or the line at which `key` is written; else that of what it is part of."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.variables:
                return self.variables[key[:length]]
            if key[:length] in self.lines:
                return f"{self.name}:{self.lines[key[:length]]}"
        return f"{self.name}:1"


def read(text: str, name: str) -> Source:
    """The settings in a YAML text. `Unreadable` says why a text is not YAML or no mapping."""
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is not None and not _is_bounded(root):
            why = "holds more than settings can be (take out what `*name` repeats, or what is within itself)"
            raise Unreadable([(1, "", why, "")])
        values = loader.construct_document(root) if root is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        why = f"is not YAML: {error.problem} (look at quotes, colons and indentation here and just above)"
        bare = "is not YAML (look at quotes, colons and indentation here and just above)"
        raise Unreadable([(mark.line + 1 if mark else 1, "", why, bare)]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Unreadable(
            [(1, "", "is not YAML: it holds what no text holds (save it as plain UTF-8 text)", "")]
        ) from None
    finally:
        if loader is not None:
            loader.dispose()
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise Unreadable([(1, "", "holds no settings (write `section:` and, indented, `key: value`)", "")])
    lines: dict[Key, int] = {}
    duplicates: list[tuple[Key, int, int]] = []
    for key, line in _keys(root, ()):
        if key in lines and not any(key[: len(twice)] == twice for twice, _, _ in duplicates):
            duplicates.append((key, lines[key], line))
        lines[key] = line
    values = {name: {} if inner is None else inner for name, inner in values.items()}
    return Source(name, values, lines, tuple(duplicates))


def with_environment(source: Source, environment: Mapping[str, str]) -> Source:
    """The same with what `TAST1__...` variables set laid over it."""
    values = _copy(source.values)
    variables: dict[Key, str] = {}
    for variable in sorted(environment):
        parts = variable.removeprefix(ENV_PREFIX).lower().split("__")
        if not variable.startswith(ENV_PREFIX) or not all(parts):
            continue
        current = values
        for part in parts[:-1]:
            inner = current.get(part)
            if not isinstance(inner, dict):
                inner = current[part] = {}
            current = inner
        current[parts[-1]] = _from_environment(environment[variable])
        variables[tuple(parts)] = variable
    return dataclasses.replace(source, values=values, variables=variables)


def _is_bounded(root: yaml.Node) -> bool:
    """Whether everything in it, what is named by aliases counted each time, is no more than settings can be.

    Aliases let a small file name more values than fit anywhere, or a value within itself.
    """
    waiting: list[tuple[yaml.Node, int]] = [(root, 0)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen + len(waiting) > MOST_VALUES:
            return False
        if isinstance(node, yaml.MappingNode):
            waiting += [(each, depth + 1) for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(each, depth + 1) for each in node.value]
    return True


def _keys(node: Any, key: Key) -> Iterator[tuple[Key, int]]:
    """Every key and list item below a YAML node, with its line, counted from 1."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*key, str(name.value))
            yield inner, name.start_mark.line + 1
            yield from _keys(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*key, index), value.start_mark.line + 1
            yield from _keys(value, (*key, index))


def _copy(value: Any) -> Any:
    return {name: _copy(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def _from_environment(text: str) -> Any:
    """Text as it stands; a list, a mapping or null as YAML says."""
    if text.strip()[:1] in ("[", "{") or text.strip() in ("null", "~"):
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            return yaml.safe_load(text) if root is not None and _is_bounded(root) else text
        except (yaml.YAMLError, ValueError, RecursionError):
            return text
    return text
