"""Checks of a prompt's words: the key, the purposes, the policy's own words, the company. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ivr_prompts.catalogue import CONSENT_ROLES, Catalogue
from ivr_prompts.findings import Finding, error, warning
from ivr_prompts.sound import Sound

TONES = ("thank_you", "ringback")
"""Roles that may be a tone: without words."""

_PER_S = (5.0, 26.0)  # characters a second, read aloud

_NUMERALS = {
    "da": ("nul", "en|et|én|ét", "to", "tre", "fire", "fem", "seks", "syv", "otte", "ni"),
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
}
_SIGNS = {
    "da": {"*": "stjerne", "#": "firkant|havelåge"},
    "en": {"*": "star|asterisk", "#": "hash|pound"},
}
_PRESS = {
    "da": r"\b(?:tast|taste|taster|tryk|trykke|trykker)\s+(?:på\s+)?(?:tasten\s+)?",
    "en": r"\b(?:press|pressing|dial|push|hit|key|select)\s+(?:the\s+)?(?:key\s+|number\s+)?",
}
_PURPOSES = {  # of the consent, by what names them
    "da": {"training": "uddannelse", "analysis": "analyse", "documentation": "dokument"},
    "en": {"training": "training", "analysis": "analys", "documentation": "document"},
}


@dataclass(frozen=True)
class Wanted:
    """What the words must fit: the keys that accept where the set is played, and the company's name."""

    accept_keys: tuple[str, ...] = ("1",)
    other_keys: tuple[str, ...] = ()  # keys that do something else: withdraw, repeat
    company: str = ""


def of_text(role: str, language: str, text: str, sound: Sound, wanted: Wanted) -> Iterator[Finding]:
    """What is wrong with the words, as far as it can be told in that language."""
    if not text.strip():
        if role not in TONES:
            yield error("text_empty")
        return
    yield from _length(text, sound)
    base = language.split("-")[0]
    if base not in _PRESS:
        yield warning("language_unknown", language=language)
        return
    named = keys_named(base, text)
    known = (*wanted.accept_keys, *wanted.other_keys)
    for key in dict.fromkeys(named):
        if key not in known:
            found = error if role in CONSENT_ROLES else warning
            yield found("other_key", pressed=key, keys=", ".join(wanted.accept_keys))
    if role in CONSENT_ROLES:
        if not set(named) & set(wanted.accept_keys):
            yield error("key_not_named", keys=", ".join(wanted.accept_keys))
        yield from _purposes(role, base, text)
    if role == CONSENT_ROLES[0]:
        yield from _policy(base, text)
    if role == "greeting" and wanted.company and wanted.company not in text:
        yield error("company_not_named", company=wanted.company)


def keys_told(language: str, text: str) -> list[str]:
    """`keys_named` of a set's language, such as da or en-GB; none where its words are not known."""
    base = language.split("-")[0]
    return keys_named(base, text) if base in _PRESS else []


def keys_named(language: str, text: str) -> list[str]:
    """The keys that a text tells to press, in its order: "Tast 1", "tryk på stjerne", "press one"."""
    keys = {str(digit): f"(?:{digit}|{words})(?!\\w)" for digit, words in enumerate(_NUMERALS[language])}
    # After a sign others may follow at once: *9.
    keys |= {sign: f"{re.escape(sign)}|(?:{words})(?!\\w)" for sign, words in _SIGNS[language].items()}
    named = "|".join(f"(?P<k{ord(key)}>{words})" for key, words in keys.items())
    pattern = re.compile(f"{_PRESS[language]}(?:{named})", re.IGNORECASE)
    return [chr(int((found.lastgroup or "k0")[1:])) for found in pattern.finditer(text)]


def _length(text: str, sound: Sound) -> Iterator[Finding]:
    """A file that says something else is mostly of another length."""
    if sound.spoken_ms is None:
        return
    first_ms, last_ms = sound.spoken_ms
    per_s = len(text.strip()) / max(0.01, (last_ms - first_ms) / 1000)
    if not _PER_S[0] <= per_s <= _PER_S[1]:
        yield warning("text_length", per_s=round(per_s, 1))


def _purposes(role: str, language: str, text: str) -> Iterator[Finding]:
    """A question names what it asks for; one of a single purpose names no other."""
    said = [name for name, stem in _PURPOSES[language].items() if stem in text.casefold()]
    asked = [name for name in _PURPOSES[language] if role in (CONSENT_ROLES[0], f"consent_{name}")]
    if missing := [name for name in asked if name not in said]:
        yield error("purposes_missing", purposes=", ".join(missing))
    if more := [name for name in said if name not in asked]:
        yield error("purposes_more", purposes=", ".join(more))


def _policy(language: str, text: str) -> Iterator[Finding]:
    """The first word that is not the published policy's, as the shipped consent question has them."""
    policy = _published(language)
    says = _words(text)
    for number in range(max(len(policy), len(says))):
        there = says[number] if number < len(says) else "–"
        due = policy[number] if number < len(policy) else "–"
        if there != due:
            yield warning("policy_wording", word=number + 1, says=there, policy=due)
            return


@cache
def _published(language: str) -> tuple[str, ...]:
    return _words(Catalogue.load()[language]["consent"].text)


def _words(text: str) -> tuple[str, ...]:
    """Words without what is not heard: capitals, quotes, dashes, stops."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return tuple(re.findall(r"\w+", plain))
