"""Secrets in files of their own: a setting may be `file:/run/secrets/name`, and is what stands there.

So a password needs to stand neither in config.yaml nor in the environment. Only settings that are marked as
secret take the form; keys and certificates (`tls_key`, `key_file`) are paths of files in any case. What a
file holds is read when it is used, and never shown: a mistake, `tast1 config show` and the log name the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway.config.source import Key

PREFIX = "file:"
LONGEST = 65536  # bytes


class NoSecret(ValueError):
    """The file holds no secret that can be used. The message reads "why (what to do)"."""


def is_file(value: object) -> bool:
    """Whether a value names a file that holds the secret."""
    return isinstance(value, str) and value.startswith(PREFIX)


def placed(value: str, base: Path) -> str:
    """The same reference with an absolute path."""
    return f"{PREFIX}{base / value.removeprefix(PREFIX)}"


def secret(value: str) -> str:
    """The secret: what stands in the file that a value names, else the value. `NoSecret` says what is wrong.

    White space around it is left out, such as the line end that editors put there.
    """
    if not is_file(value):
        return value
    path = Path(value.removeprefix(PREFIX))
    try:
        with path.open("rb") as file:
            found = file.read(LONGEST + 1).decode("utf-8").strip()
    except FileNotFoundError:
        raise NoSecret(f"there is no file {path} (put it there, or give its path)") from None
    except OSError:
        raise NoSecret(f"{path} cannot be read (give it to the user Tast1 runs as)") from None
    except (UnicodeDecodeError, ValueError):
        raise NoSecret(f"{path} is no UTF-8 text (write the secret into it, and nothing else)") from None
    if not found or len(found) > LONGEST or "\n" in found:
        raise NoSecret(f"{path} does not hold one line (write the secret into it, and nothing else)")
    return found


def secrets(section: BaseModel, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """The settings of a section that are marked as secret and written."""
    for name, field in type(section).model_fields.items():
        value, extra = getattr(section, name), field.json_schema_extra
        if isinstance(value, str) and isinstance(extra, dict) and extra.get("x-secret"):
            yield (*key, name), value
        yield from _inside(value, (*key, name))


def _inside(value: Any, key: Key) -> Iterator[tuple[Key, str]]:
    if isinstance(value, BaseModel):
        yield from secrets(value, key)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _inside(inner, (*key, name))
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _inside(inner, (*key, index))
