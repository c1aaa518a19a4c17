"""The catalogue: which file says which text, in which version, and where its markers are.

A folder holds one set of prompts per language, `LANGUAGE/catalogue.yaml` with the WAV files beside
it. A consent record names what the caller heard by the hashes that stand here (policy-rules §8.1),
so a set whose files or texts do not match its catalogue is refused as a whole:

1. every role of `ROLES` is there, in every set (those of `OPTIONAL` may be);
2. a file is 8 kHz mono 16-bit PCM and has the hash and the duration the catalogue gives;
3. the text has the hash the catalogue gives;
4. the markers of a consent question are in order and inside the audio.
"""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

BUILT_IN = Path(__file__).resolve().parent
"""The folder of the sets that come with Tast1."""

ROLES = (
    "greeting",  # names the company, which is the controller
    "consent",  # the question, word for word
    "thank_you",  # a short tone after the key
    "please_wait",
    "stopped",  # the recording was stopped
    "no_agent",
    "goodbye",
    "ringback",  # while the agent's telephone rings; loops
    "problem",  # something failed on our side
)
PURPOSES = ("training", "analysis", "documentation")
CONSENT_ROLES = ("consent", *(f"consent_{purpose}" for purpose in PURPOSES))
"""Questions: the one for all purposes, and one for each, which `ivr.granularity: split` needs."""
KEY_TEST = "key_test"  # asks for the keys 1 2 3 in a test call
OPTIONAL = (
    *CONSENT_ROLES[1:],
    KEY_TEST,
    "fallback",  # nobody answered, and somebody else is rung
    "whisper_recorded",  # to the agent alone: the call is recorded
    "whisper_not_recorded",  # to the agent alone: it is not
)
"""Roles that a set may be without; nothing is said then."""
CONSENT_MARKERS = ("purposes_end", "key_instruction", "prompt_end")
SAMPLE_RATE_HZ = 8000
REHASH = "python -m ivr_prompts.render --rehash"


class CatalogueError(Exception):
    """One or more prompts cannot be used. `faults` holds one sentence each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Prompt:
    """One voiced text."""

    id: str
    role: str
    language: str
    text: str  # "" for a tone
    version: str
    path: Path
    sha256: str  # of the WAV file, header included
    text_sha256: str  # of `text` in UTF-8
    duration_ms: int
    markers_ms: Mapping[str, int] = field(default_factory=dict)  # from the start of the file
    after: Mapping[str, str] = field(default_factory=dict)  # by marker, the words after which it stands


class Catalogue:
    """The sets of a folder. `catalogue["da"]["consent"]` is a `Prompt`."""

    def __init__(self, sets: Mapping[str, Mapping[str, Prompt]]) -> None:
        self._sets = sets

    @classmethod
    def load(cls, folder: Path | None = None) -> Catalogue:
        """All sets of `folder` (None: the built-in ones), verified; `CatalogueError` lists all faults."""
        folder = folder or BUILT_IN
        faults: list[str] = []
        files = sorted(folder.glob("*/catalogue.yaml"))
        if not files:
            faults.append(f"{folder}: no prompt set (put LANGUAGE/catalogue.yaml and its WAV files there)")
        sets = {file.parent.name: _read_set(file, faults) for file in files}
        if faults:
            raise CatalogueError(faults)
        return cls(sets)

    @property
    def languages(self) -> tuple[str, ...]:
        """The names of the sets, sorted."""
        return tuple(sorted(self._sets))

    def __contains__(self, language: object) -> bool:
        return language in self._sets

    def __getitem__(self, language: str) -> Mapping[str, Prompt]:
        """The prompts of a set by role; `KeyError` names the set that is not there."""
        return self._sets[language]

    def __iter__(self) -> Iterator[Prompt]:
        for language in self.languages:
            yield from self._sets[language].values()


def text_sha256(text: str) -> str:
    """The hash that stands for a prompt's words."""
    return hashlib.sha256(text.encode()).hexdigest()


def wav_duration_ms(audio: bytes) -> int:
    """Milliseconds of an 8 kHz mono 16-bit PCM WAV; `ValueError` says what is wrong with any other."""
    try:
        with wave.open(io.BytesIO(audio)) as file:
            found = (file.getframerate(), file.getnchannels(), file.getsampwidth() * 8)
            frames = int(file.getnframes())
            complete = len(file.readframes(frames)) == frames * file.getsampwidth() * file.getnchannels()
    except (wave.Error, EOFError) as error:
        raise ValueError("is not a PCM WAV file (save it as 8 kHz, mono, 16-bit PCM)") from error
    if found != (SAMPLE_RATE_HZ, 1, 16):
        rate, channels, bits = found
        raise ValueError(
            f"is {rate} Hz, {channels} channels, {bits} bits (save it as 8000 Hz, mono, 16 bits)"
        )
    if not frames or not complete:
        raise ValueError("is empty or cut short (save it again)")
    return frames * 1000 // SAMPLE_RATE_HZ


def _read_set(file: Path, faults: list[str]) -> dict[str, Prompt]:
    """The prompts of one catalogue file; what is wrong goes to `faults`."""
    name = f"{file.parent.name}/{file.name}"
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))["prompts"]
        entries = dict(entries)
    except (yaml.YAMLError, OSError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        faults.append(f"{name}: is not a catalogue (YAML with `prompts:`, one entry a role)")
        return {}
    faults.extend(
        f"{name}: prompts.{role}: is missing (add it; each set has {', '.join(ROLES)})"
        for role in ROLES
        if role not in entries
    )
    known = (*ROLES, *OPTIONAL)
    faults.extend(f"{name}: prompts.{role}: is no role" for role in entries if role not in known)
    prompts = {}
    for role in known:
        if role in entries:
            prompt = _read_prompt(role, entries[role], file.parent, f"{name}: prompts.{role}", faults)
            if prompt:
                prompts[role] = prompt
    return prompts


def _read_prompt(role: str, entry: Any, folder: Path, name: str, faults: list[str]) -> Prompt | None:
    """One entry, verified against its file; None when it could not even be read."""
    try:
        prompt = Prompt(
            id=str(entry["id"]),
            role=role,
            language=folder.name,
            text=str(entry["text"]),
            version=str(entry["version"]),
            path=folder / str(entry["file"]),
            sha256=str(entry["sha256"]),
            text_sha256=str(entry["text_sha256"]),
            duration_ms=int(entry["duration_ms"]),
            markers_ms={key: int(marker["ms"]) for key, marker in entry.get("markers", {}).items()},
            after={key: str(marker.get("after", "")) for key, marker in entry.get("markers", {}).items()},
        )
    except KeyError as error:
        faults.append(f"{name}: {error.args[0]} is missing (fill it in, then run `{REHASH}`)")
        return None
    except (TypeError, ValueError, AttributeError):
        faults.append(f"{name}: is not an entry (id, version, file, text, ...; then run `{REHASH}`)")
        return None
    faults.extend(f"{name}: {fault}" for fault in _file_faults(prompt))
    faults.extend(f"{name}: {fault}" for fault in _marker_faults(prompt))
    return prompt


def _file_faults(prompt: Prompt) -> Iterator[str]:
    if text_sha256(prompt.text) != prompt.text_sha256:
        yield f"the text is not the one that was hashed (once it is approved and voiced, run `{REHASH}`)"
    try:
        audio = prompt.path.read_bytes()
    except OSError:
        yield f"{prompt.path.name} cannot be read (put the recording there)"
        return
    try:
        duration_ms = wav_duration_ms(audio)
    except ValueError as error:
        yield f"{prompt.path.name} {error}"
        return
    if hashlib.sha256(audio).hexdigest() != prompt.sha256:
        yield (
            f"{prompt.path.name} is not the recording that was hashed"
            f" (if it is the new one, set its markers and run `{REHASH}`)"
        )
    elif duration_ms != prompt.duration_ms:
        yield f"duration_ms is {prompt.duration_ms}, the file lasts {duration_ms} (run `{REHASH}`)"


def _marker_faults(prompt: Prompt) -> Iterator[str]:
    if prompt.role not in CONSENT_ROLES:
        return
    missing = [marker for marker in CONSENT_MARKERS if marker not in prompt.markers_ms]
    if missing:
        yield f"markers {', '.join(missing)} are missing (give their ms, measured in the recording)"
        return
    at = [prompt.markers_ms[marker] for marker in CONSENT_MARKERS]
    if not 0 < at[0] < at[1] <= at[2] <= prompt.duration_ms:
        yield f"markers must stand in the order {', '.join(CONSENT_MARKERS)}, inside the recording"
