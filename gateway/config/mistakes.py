"""A mistake in the settings, as one line that says where, what, why, and what to do."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from gateway.config.kinds import Repeats
from gateway.config.secret_files import is_file
from gateway.config.source import Key, Source

_SECRET_NAME = re.compile(r"password|passphrase|secret|token", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*@")  # to the last @: a password may hold one
_QUERY_PASSWORD = re.compile(r"([?&][^=&\s]*(?:password|secret|token)[^=&\s]*=)[^&\s]+", re.IGNORECASE)
_URLS = ("database",)  # settings that are URLs with a password: shown when they are such, else not at all


@dataclass(frozen=True)
class Mistake:
    """One thing to put right. `where` is `config.yaml:LINE`, or the environment variable."""

    where: str
    key: str  # dotted; "" when the file as a whole is meant
    value: str | None  # as YAML, secrets masked; None when there is none
    why: str  # "why (what to do)"
    bare: str = ""  # the same without anything that was written there, where `why` repeats it

    @property
    def sentence(self) -> str:
        """Why, without anything that was written there: for logs."""
        return self.bare or self.why

    def __str__(self) -> str:
        named = f"{self.key} = {self.value}" if self.key and self.value is not None else self.key
        line = ": ".join(part for part in (self.where, named, self.why) if part)
        # A key may hold a line end, or what no terminal shows.
        return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


class ConfigError(Exception):
    """The settings cannot be used. `mistakes` holds every one that was found."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


def masked(key: Key, value: Any) -> Any:
    """The value without secrets: passwords in URLs, and whatever a key calls secret."""
    if isinstance(value, dict):
        return {name: masked((*key, name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(key, inner) for inner in value]
    if isinstance(value, str) and value:
        name = str(key[-1]) if key else ""
        hidden = _SECRET_NAME.search(name) or (name in _URLS and "://" not in value)
        if hidden and not is_file(value):
            return "***"
        return _QUERY_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1:***@", value))
    return value


def mistake_at(source: Source, key: Key, why: str, bare: str = "") -> Mistake:
    """A mistake in the value that stands at `key`; its default when nothing stands there."""
    found, value = source.value(key)
    written = as_yaml(masked(key, value)) if found else None
    return Mistake(source.where(key), dotted(key), written, why, bare)


def from_validation(error: ValidationError, source: Source, model: type[BaseModel]) -> list[Mistake]:
    """Every mistake that pydantic found."""
    mistakes: list[Mistake] = []
    found = [(key_of(one), one) for one in error.errors(include_url=False, include_context=True)]
    for key, one in found:
        wrong_inside = any(other[: len(key)] == key and other != key for other, _ in found)
        if one["type"] == "too_short" and wrong_inside:
            continue  # pydantic counts only the items that are right
        fault = one.get("ctx", {}).get("error")
        bare = fault.bare if isinstance(fault, Repeats) else ""
        mistakes.append(mistake_at(source, key, _why(one, key, model), bare))
    return mistakes


def key_of(error: Any) -> Key:
    """The key of one of pydantic's errors."""
    return tuple(part for part in error["loc"] if part != "[key]")


def _why(error: Any, key: Key, model: type[BaseModel]) -> str:
    """Why a value is refused, and what to do, in the operator's words."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"there is no such setting ({_suggestion(key, model)})"
    if kind == "missing":
        return "is missing (add it)"
    if kind == "literal_error":
        return f"is not possible here (choose {context['expected']})"
    if kind == "value_error":
        return str(context["error"])
    if kind in _LIMITS:
        name, wrong, right = _LIMITS[kind]
        because = _extra(key, model, "because")
        limit = f"{context[name]:g}"
        return f"is {wrong} {limit}{': ' if because else ''}{because} (choose {right.format(limit)})"
    if kind == "string_pattern_mismatch":
        form = _FLOW_NAME if key[:1] == ("flows",) and len(key) == 2 else _extra(key, model, "form")
        return f"does not have the form it must have (write {form or 'what matches ' + context['pattern']})"
    if kind == "string_type" and isinstance(error["input"], bool):
        return "is a yes or no to YAML, and must be text (put it in quotes)"
    if kind == "string_type" and isinstance(error["input"], int | float):
        return "is a number, and must be text (put it in quotes)"
    return _PLAIN.get(kind, f"{error['msg'][:1].lower()}{error['msg'][1:]} (see `tast1 config schema`)")


_LIMITS = {
    "greater_than_equal": ("ge", "less than", "{} or more"),
    "less_than_equal": ("le", "more than", "{} or less"),
    "greater_than": ("gt", "not more than", "more than {}"),
    "less_than": ("lt", "not less than", "less than {}"),
}
_NUMBER = "is no number (write digits, without quotes or unit)"
_WHOLE = "is no whole number (write digits, without quotes or unit)"
_LIST = "is no list (write [one, two], or one to a line after a dash)"
_NESTED = "must hold settings of its own (write them under it, indented)"
_PLAIN = {
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "finite_number": _NUMBER,
    "bool_parsing": "is neither yes nor no (write true or false)",
    "bool_type": "is neither yes nor no (write true or false)",
    "string_type": "is no text (write one, in quotes)",
    "path_type": "is no path (write one, in quotes)",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "model_type": _NESTED,
    "model_attributes_type": _NESTED,
    "dict_type": _NESTED,
    "too_short": "must name at least one (add it)",
    "string_too_short": "must not be empty (write it)",
}


def _suggestion(key: Key, model: type[BaseModel]) -> str:
    parent = _model_at(key[:-1], model)
    names = list(parent.model_fields) if parent else []
    near = difflib.get_close_matches(str(key[-1]), names, n=1, cutoff=0.6)
    if near:
        return f"do you mean {near[0]}?"
    elsewhere = [place for place in _places_of(str(key[-1]), model) if place[:-1] != key[:-1]]
    if elsewhere:
        return f"do you mean {dotted(elsewhere[0])}? It stands in another section"
    near = difflib.get_close_matches(str(key[-1]), names, n=1, cutoff=0.5)
    if near:
        return f"do you mean {near[0]}?"
    return f"take it out; there are {', '.join(names)}" if names else "take it out"


def _places_of(name: str, model: type[BaseModel], key: Key = ()) -> Iterator[Key]:
    """Where in the file there is a setting of that name, sections within sections included."""
    for field, known in model.model_fields.items():
        if field == name:
            yield (*key, field)
        inner = _unwrapped(known.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _places_of(name, inner, (*key, field))


_FLOW_NAME = "a name of small letters, digits, '_' and '-', such as customer"


def _extra(key: Key, model: type[BaseModel], name: str) -> str:
    """What a setting says of itself beside its limits: their reason, the form of its text; "": nothing."""
    parent = _model_at(key[:-1], model)
    field = parent.model_fields.get(str(key[-1])) if parent else None
    extra = field.json_schema_extra if field else None
    return str(extra.get(name, "")) if isinstance(extra, dict) else ""


def _model_at(key: Key, model: type[BaseModel]) -> type[BaseModel] | None:
    """The section that stands at `key`; None when that is none."""
    current: Any = model
    for part in key:
        field: FieldInfo | None = None
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = field.annotation if field else None
        else:
            arguments = [kind for kind in typing.get_args(current) if kind is not Ellipsis]
            current = arguments[-1] if arguments else None
        current = _unwrapped(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _unwrapped(kind: Any) -> Any:
    """A kind without its Annotated and its `| None`."""
    while True:
        if typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif typing.get_origin(kind) in (typing.Union, types.UnionType):
            kind = next(one for one in typing.get_args(kind) if one is not type(None))
        else:
            return kind


def dotted(key: Key) -> str:
    """A key as people write it: `sip.trunks[0].name`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def as_yaml(value: Any, whole: bool = False) -> str:
    """A value on one line, as it would stand in the file; only its beginning, unless `whole`."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    text = " ".join(text.removesuffix("...\n").split())
    return text if whole or len(text) <= 80 else f"{text[:77]}..."
