"""What the commands say, in Danish and English: `text("calls.none", "da")`.

Every row is in both languages, with the same placeholders. Messages about settings and log texts
are for operators, and in English only.
"""

from __future__ import annotations

from typing import Any

from gateway.texts import (
    archive,
    calls,
    casework,
    cluster,
    keys,
    names,
    prompts,
    reconciling,
    settings,
    trunks,
    web,
)

LANGUAGES = ("da", "en")

TEXTS: dict[str, tuple[str, str]] = {
    **calls.TEXTS,
    **archive.TEXTS,
    **casework.TEXTS,
    **names.TEXTS,
    **keys.TEXTS,
    **prompts.TEXTS,
    **web.TEXTS,
    **settings.TEXTS,
    **trunks.TEXTS,
    **reconciling.TEXTS,
    **cluster.TEXTS,
}
"""Key to Danish and English."""


class UnknownLanguage(ValueError):
    """A language that is not one of `LANGUAGES`."""


def language(name: str) -> str:
    """The language of a name such as `da` or `en_GB.UTF-8`; `UnknownLanguage` says which there are."""
    short = name[:2].lower()
    if short not in LANGUAGES:
        raise UnknownLanguage(f"no such language (choose {' or '.join(LANGUAGES)}, or set TAST1_LANG)")
    return short


def text(key: str, lang: str, **values: Any) -> str:
    """The text of a key in a language, with its placeholders filled; `KeyError` for an unknown one."""
    return TEXTS[key][LANGUAGES.index(lang)].format(**values)


def word(field: str, value: object, lang: str) -> str:
    """What a code is called, such as a detail of a timeline entry: `reason`, `busy` is "optaget" in Danish.

    The code itself, if it has no name.
    """
    if f"{field}.{value}" in TEXTS:
        return text(f"{field}.{value}", lang)
    if f"detail.{field}" in TEXTS:
        return text(f"detail.{field}", lang, value=value)
    return str(value)
