"""When a changed setting takes effect: said beside each setting, asked for here.

A setting without a word of its own follows the section that it is part of; where none says anything, it is
`START`: what nobody made fit for a reload waits for the next start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.config.source import Key

NOW = "at once"
CALLS = "for new calls"
START = "at the next start"
EFFECTS = (NOW, CALLS, START)
SCHEMA_KEY = "x-takes-effect"
"""What the JSON Schema says it under."""


def effect_of(field: FieldInfo, inherited: str) -> str:
    """When a change of a field takes effect, in a section whose changes do as `inherited` says."""
    extra = field.json_schema_extra
    own = extra.get(SCHEMA_KEY) if isinstance(extra, dict) else None
    return str(own) if own else inherited


def leaves(section: BaseModel, key: Key = (), effect: str = START) -> Iterator[tuple[Key, Any, str]]:
    """Every setting of a section: its key, its value, when a change of it takes effect.

    Of what a flow says otherwise than `ivr`, only that; entries with a name go by it, not by their place.
    """
    for name, field in type(section).model_fields.items():
        yield from _below(getattr(section, name), (*key, name), effect_of(field, effect))


def _below(value: Any, key: Key, effect: str) -> Iterator[tuple[Key, Any, str]]:
    if isinstance(value, BaseModel):
        said = value.model_fields_set if key[:1] + key[2:] == ("flows", "ivr") else type(value).model_fields
        for found in leaves(value, key, effect):
            if found[0][len(key)] in said:
                yield found
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _below(inner, (*key, name), effect)
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for index, inner in enumerate(value):
            yield from _below(inner, (*key, getattr(inner, "name", index)), effect)
    else:
        yield key, value, effect


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a section; each of its settings says when a change takes effect."""
    made = model.model_json_schema()
    _mark(made, model, made, START)
    return made


def _mark(part: dict[str, Any], model: type[BaseModel], whole: dict[str, Any], inherited: str) -> None:
    for name, field in model.model_fields.items():
        effect, setting = effect_of(field, inherited), part["properties"][name]
        setting[SCHEMA_KEY] = effect
        for inner in _sections(field.annotation):
            _mark(whole["$defs"][inner.__name__], inner, whole, effect)


def _sections(kind: Any) -> Iterator[type[BaseModel]]:
    """The sections that a setting of this kind holds."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for argument in getattr(kind, "__args__", ()):
        yield from _sections(argument)
