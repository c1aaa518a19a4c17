"""What other settings would change: key by key, before and after, and what of it waits for the next start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from gateway.config.effects import CALLS, START, effect_of, leaves
from gateway.config.mistakes import as_yaml, dotted, masked
from gateway.config.sections import ConfigFile
from gateway.config.source import Key
from ivr_prompts.catalogue import Catalogue, Prompt


@dataclass(frozen=True)
class Change:
    """One setting that has another value. `before`, `after`: as YAML, secrets masked; None: not there."""

    key: str
    before: str | None
    after: str | None
    effect: str  # one of `effects.EFFECTS`


def changes(running: ConfigFile, other: ConfigFile) -> tuple[Change, ...]:
    """What differs, in the order of the file."""
    before, after = _flat(running), _flat(other)
    found = []
    for key in dict.fromkeys((*after, *before)):
        old, new = before.get(key), after.get(key)
        if old is None or new is None or old[0] != new[0]:
            known = new or old
            assert known is not None
            found.append(Change(dotted(key), _told(key, old), _told(key, new), known[1]))
    return tuple(found)


def prompt_changes(running: Catalogue, other: Catalogue) -> tuple[Change, ...]:
    """Which prompts are others, in words or in sound, whatever the settings say."""
    return tuple(_prompt_changes(running, other))


def in_force(running: ConfigFile, other: ConfigFile) -> ConfigFile:
    """`other`, but with the settings of `running` that only a start can change."""
    merged: ConfigFile = _in_force(running, other, START)
    return merged


def _in_force(running: Any, other: Any, inherited: str) -> Any:
    kept = {}
    for name, field in type(other).model_fields.items():
        effect = effect_of(field, inherited)
        before, after = getattr(running, name), getattr(other, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            kept[name] = _in_force(before, after, effect)
        elif effect == START:
            kept[name] = before
    return other.model_copy(update=kept)


def _flat(file: ConfigFile) -> dict[Key, tuple[Any, str]]:
    return {key: (value, effect) for key, value, effect in leaves(file)}


def _told(key: Key, found: tuple[Any, str] | None) -> str | None:
    return None if found is None else as_yaml(masked(key, _plain(found[0])), whole=True)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _prompt_changes(running: Catalogue, other: Catalogue) -> Iterator[Change]:
    before, after = ({(one.language, one.role): one for one in found} for found in (running, other))
    for place in dict.fromkeys((*after, *before)):
        old, new = (_prompt(found.get(place)) for found in (before, after))
        if old != new:
            yield Change(dotted(("prompts", *place)), old, new, CALLS)


def _prompt(prompt: Prompt | None) -> str | None:
    """A prompt by its id, its version, and the beginnings of the hashes of its words and its sound."""
    if prompt is None:
        return None
    return f"{prompt.id} {prompt.version} {prompt.text_sha256[:8]} {prompt.sha256[:8]}"
