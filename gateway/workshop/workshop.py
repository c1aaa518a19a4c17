"""The workshop: versions of prompts are made, checked, approved by a second person, activated and taken back.

Promises:
1. Who may do it is asked first; refusals are in the audit log.
2. What has an error is not approved; what has a warning only with a reason, which is kept sealed.
3. Making, approving and activating change nothing for a call that is up, and nothing but what callers hear.

The command line and any console both come here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn, TypeVar

from sqlalchemy.orm import Session

from gateway.callflow.settings import FlowSettings
from gateway.calls.live import flow_for
from gateway.calls.prompt_book import prompt_of
from ivr_prompts import studio
from ivr_prompts.catalogue import CONSENT_MARKERS, CONSENT_ROLES, Catalogue, Prompt
from ivr_prompts.checks import Candidate, check, worst_first
from ivr_prompts.findings import Finding
from ivr_prompts.sound import NEVER, Sound
from ivr_prompts.wording import Wanted, of_text
from storage import audit_log, prompts
from storage.database import Database
from storage.gate import Asking, NotAllowed
from storage.keys import Keys
from storage.policy.book import Refused
from storage.policy.duties import (
    CONSENT_APPROVERS,
    PROMPT_ACTIVATORS,
    PROMPT_APPROVERS,
    PROMPT_MAKERS,
)
from storage.prompts import NewVersion, Place
from storage.tables import PromptActivation, PromptVersion

T = TypeVar("T")
Markers = Mapping[str, Mapping[str, int | str]]
"""By name: `ms` from the start of the file, and the words `after` which it stands."""

SHIPPED = "shipped"
"""What the first version of everything is called, beside its number."""

LONGEST_TEXT = 4000  # characters


@dataclass(frozen=True)
class Item:
    """A version, shipped or made here."""

    prompt: Prompt
    row: PromptVersion | None = None

    @property
    def name(self) -> str:
        """What commands call it: da/consent/2."""
        return f"{self.prompt.language}/{self.prompt.role}/{self.prompt.version}"


@dataclass(frozen=True)
class Attempt:
    """What would become a version: the prompt's file, and everything that is wrong with it."""

    audio: bytes
    sound: Sound
    markers: Markers
    source: Mapping[str, str | int | bool]
    findings: tuple[Finding, ...]


class Workshop:
    """The workshop of one archive and its settings."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        keys: Keys,
        catalogue: Catalogue,
        flows: tuple[FlowSettings, ...],
        company: str,
    ) -> None:
        """`folder` is the storage folder, `company` the name that the greeting must say."""
        self._db = database
        self._folder = folder
        self._keys = keys
        self._catalogue = catalogue
        self._flows = flows
        self._company = company

    # --- looking ----------------------------------------------------------------------------------

    def items(self, prompt_set: str | None = None, role: str | None = None) -> list[Item]:
        """Every version there is, the shipped one of each prompt first."""
        rows = self._db.read_sync(lambda s: prompts.versions(s, prompt_set, role))
        found = []
        for shipped in self._catalogue:
            if prompt_set in (None, shipped.language) and role in (None, shipped.role):
                found.append(Item(shipped))
                found += [
                    Item(prompt_of(row, shipped.id, self._folder), row)
                    for row in rows
                    if (row.prompt_set, row.role) == (shipped.language, shipped.role)
                ]
        return found

    def activations(self, at: datetime) -> list[PromptActivation]:
        """What was activated and has not ended at `at`, to begin later included; oldest first."""
        return list(self._db.read_sync(lambda s: prompts.stock(s, at)).activations)

    def find(self, name: str, at: datetime) -> Item:
        """da/consent/2, da/consent/shipped, or da/consent for the one that the set plays at `at`."""
        prompt_set, role, version = split(name)
        self.shipped(prompt_set, role)
        items = self.items(prompt_set, role)
        if not version:
            found = prompts.in_force(self.activations(at), prompt_set, role, "", "", at)
            wanted = found.version_id if found else None
            return next(each for each in items if (each.row.id if each.row else None) == wanted)
        if version == SHIPPED:
            return items[0]
        for item in reversed(items):  # what was made here goes before a shipped one of the same number
            if item.prompt.version == version:
                return item
        raise Refused(f"there is no version {name}; see tast1 prompts list")

    def shipped(self, prompt_set: str, role: str) -> Prompt:
        """The first version of a prompt; refused when there is no such prompt."""
        if prompt_set not in self._catalogue:
            raise Refused(
                f"there is no prompt set {prompt_set}; there are {', '.join(self._catalogue.languages)}"
            )
        there = self._catalogue[prompt_set]
        if role not in there:
            raise Refused(f"there is no prompt {role}; there are {', '.join(there)}")
        return there[role]

    def findings(self, item: Item) -> tuple[Finding, ...]:
        """Everything that is wrong with a version, its words checked against the settings of now."""
        audio = self.audio(item)
        prompt = item.prompt
        now = check(
            Candidate(prompt.role, prompt.language, prompt.text, studio.from_wav(audio), prompt.markers_ms),
            self._wanted(prompt.language),
        )
        found = {each.name for each in now}
        kept = [Finding.from_json(each) for each in (item.row.findings if item.row else ())]
        of_source = [each for each in kept if each.name in SOURCE_FINDINGS and each.name not in found]
        return worst_first([*of_source, *now])

    def audio(self, item: Item) -> bytes:
        """The WAV file of a version; refused when it is not the one that was made."""
        try:
            audio = item.prompt.path.read_bytes()
        except OSError:
            audio = b""
        if hashlib.sha256(audio).hexdigest() != item.prompt.sha256:
            raise Refused(
                f"the file of {item.name} is missing or altered; restore it, or make the version anew"
            )
        return audio

    # --- making -----------------------------------------------------------------------------------

    def voice(self, prompt_set: str, role: str, text: str, after: Mapping[str, str]) -> Attempt:
        """A text spoken by espeak-ng. `after`: by marker, the words after which it stands."""
        self._require_text(text)
        unknown = [name for name in after if name not in CONSENT_MARKERS]
        if unknown:
            raise Refused(f"there is no marker {unknown[0]}; there are {', '.join(CONSENT_MARKERS)}")
        given = {**self._usual(prompt_set, role, text), **after}
        words = {name: given[name] for name in CONSENT_MARKERS if given.get(name)}
        sound, marks = studio.voice(text, prompt_set, words)
        markers: Markers = {name: {"ms": ms, "after": words[name]} for name, ms in marks.items()}
        return self._attempt(prompt_set, role, text, sound, markers, {"kind": "voiced"})

    def take(
        self,
        prompt_set: str,
        role: str,
        file: Path | studio.Upload,
        text: str,
        markers_ms: Mapping[str, int],
        level: bool = False,
    ) -> Attempt:
        """A recording from a studio that says `text`; with `level` brought to the usual loudness."""
        if len(text) > LONGEST_TEXT:
            raise Refused(f"a text has at most {LONGEST_TEXT} characters")
        recording = studio.read(file)
        sound = studio.for_telephone(recording, level)
        markers: Markers = {name: {"ms": ms, "after": ""} for name, ms in markers_ms.items()}
        source: dict[str, str | int | bool] = {
            "kind": "recorded",
            "format": recording.kind,
            "levelled": level,
        }
        source |= {"rate_hz": recording.sound.rate_hz, "channels": recording.channels}
        return self._attempt(prompt_set, role, text, sound, markers, source, recording)

    def _attempt(
        self,
        prompt_set: str,
        role: str,
        text: str,
        sound: Sound,
        markers: Markers,
        source: Mapping[str, str | int | bool],
        recording: studio.Recording | None = None,
    ) -> Attempt:
        audio = studio.to_wav(sound)
        candidate = Candidate(
            role,
            prompt_set,
            text,
            sound,
            {name: int(marker["ms"]) for name, marker in markers.items()},
            recording.sound if recording else None,
            recording.mixed_loss_db if recording else 0.0,
        )
        found = check(candidate, self._wanted(prompt_set))
        return Attempt(audio, sound, markers, source, found)

    def keep(
        self, asking: Asking, prompt_set: str, role: str, text: str, attempt: Attempt, at: datetime
    ) -> Item:
        """Make a version of an attempt; its errors, if it has any, keep it from being approved."""
        self.require(asking, "prompt.make", PROMPT_MAKERS, at)
        shipped = self.shipped(prompt_set, role)
        sound = attempt.sound
        heard = sound.loudness_lufs > NEVER
        new = NewVersion(
            prompt_set=prompt_set,
            role=role,
            text=text,
            audio_sha256=prompts.keep_file(self._folder, attempt.audio),
            duration_ms=sound.length_ms,
            markers=attempt.markers,
            loudness_lufs=round(sound.loudness_lufs, 2) if heard else None,
            peak_dbtp=round(sound.peak_dbtp, 2) if heard else None,
            source=attempt.source,
            findings=[each.as_json() for each in attempt.findings],
        )
        row = self._db.write_sync(lambda s: prompts.add(s, new, shipped.version, at, asking.actor))
        return Item(prompt_of(row, shipped.id, self._folder), row)

    def _usual(self, prompt_set: str, role: str, text: str) -> dict[str, str]:
        """The words after which the shipped markers stand, as far as a text still says them, in order."""
        found: dict[str, str] = {}
        for name, words in self.shipped(prompt_set, role).after.items():
            _, said, text = text.partition(words) if words else ("", "", "")
            if not said:
                break
            found[name] = words
        return found

    def _require_text(self, text: str) -> None:
        if not text.strip():
            raise Refused("there are no words to be spoken; give them with --text or --text-file")
        if len(text) > LONGEST_TEXT:
            raise Refused(f"a text has at most {LONGEST_TEXT} characters")

    # --- deciding ---------------------------------------------------------------------------------

    def approve(
        self, asking: Asking, name: str, at: datetime, accept_warnings: bool = False, reason: str = ""
    ) -> Item:
        """A second person approves a version: without errors, and its warnings accepted with a reason."""
        item = self.find(name, at)
        subject = item.row.id if item.row else prompts.SUBJECT
        allowed = CONSENT_APPROVERS if item.prompt.role in CONSENT_ROLES else PROMPT_APPROVERS
        self.require(asking, "prompt.approve", allowed, at, subject)
        row = item.row
        if row is None:
            self._refuse(asking, subject, "prompt.approve", f"{item.name} is approved already", at)
        findings = self.findings(item)
        errors = [each.name for each in findings if each.severity == "error"]
        warnings = list(dict.fromkeys(each.name for each in findings if each.severity == "warning"))
        if errors:
            why = f"{item.name} has errors: {', '.join(errors)}; make a new version without them"
            self._refuse(asking, subject, "prompt.approve", why, at)
        if warnings and not (accept_warnings and reason.strip()):
            why = f"{item.name} has warnings: {', '.join(warnings)}; give --accept-warnings and a --reason"
            self._refuse(asking, subject, "prompt.approve", why, at)
        row = self._write(
            asking,
            subject,
            "prompt.approve",
            at,
            lambda s: prompts.approve(s, subject, at, asking.actor, warnings, reason.strip(), self._keys),
        )
        return Item(item.prompt, row)

    def activate(
        self, asking: Asking, name: str, at: datetime, begins_at: datetime, flow: str = "", number: str = ""
    ) -> tuple[Item, PromptActivation]:
        """From `begins_at` on, calls that begin there play a version: its set's, a flow's, or a number's."""
        item = self.find(name, at)
        subject = item.row.id if item.row else prompts.SUBJECT
        self.require(asking, "prompt.activate", PROMPT_ACTIVATORS, at, subject)
        place = self.place(item.prompt.language, item.prompt.role, flow, number)
        if item.row is not None:
            self.audio(item)
            for each in self._played_in(place):
                self._require_key(asking, subject, item, each, at)
        version = item.row.id if item.row else None
        made = self._write(
            asking,
            subject,
            "prompt.activate",
            at,
            lambda s: prompts.activate(s, place, version, begins_at, at, asking.actor),
        )
        return item, made

    def roll_back(
        self, asking: Asking, place: Place, at: datetime, scheduled: bool = False
    ) -> tuple[Item, Item | None]:
        """Take back what was activated last in a place; what ended, and what is played there now.

        The latter is None when a wider place decides (in the end: what came with Tast1).
        """
        self.require(asking, "prompt.rollback", PROMPT_ACTIVATORS, at)
        ended, left = self._write(
            asking,
            prompts.SUBJECT,
            "prompt.rollback",
            at,
            lambda s: prompts.roll_back(s, place, at, asking.actor, scheduled),
        )
        items = self.items(place.prompt_set, place.role)

        def of(activation: PromptActivation) -> Item:
            return next(i for i in items if (i.row.id if i.row else None) == activation.version_id)

        return of(ended), of(left) if left else None

    def place(self, prompt_set: str, role: str, flow: str = "", number: str = "") -> Place:
        """Where something is to be played; refused when it would never be."""
        self.shipped(prompt_set, role)
        if flow and number:
            raise Refused("name a flow or a number, not both")
        if number:
            chosen = flow_for(self._flows, number)
        elif flow:
            names = [each.name for each in self._flows]
            if flow not in names:
                raise Refused(f"there is no flow {flow}; there are {', '.join(names)}")
            chosen = self._flows[names.index(flow)]
        else:
            return Place(prompt_set, role)
        if chosen.prompts != prompt_set:
            raise Refused(f"the flow {chosen.name} plays the set {chosen.prompts}, not {prompt_set}")
        return Place(prompt_set, role, "number" if number else "flow", number or flow)

    def _played_in(self, place: Place) -> Sequence[FlowSettings]:
        if place.scope == "number":
            return [flow_for(self._flows, place.target)]
        flows = [each for each in self._flows if each.prompts == place.prompt_set and not each.announced]
        return flows if place.scope == "set" else [each for each in flows if each.name == place.target]

    def _require_key(
        self, asking: Asking, subject: str, item: Item, flow: FlowSettings, at: datetime
    ) -> None:
        """A consent question of a flow names the flow's own key."""
        if item.prompt.role not in CONSENT_ROLES or flow.announced:
            return
        key, prompt = flow.ivr.accept_key, item.prompt
        wanted = Wanted((key,), _other_keys(flow), self._company)
        sound = studio.from_wav(self.audio(item))
        found = of_text(prompt.role, prompt.language, prompt.text, sound, wanted)
        if any(each.name in ("key_not_named", "other_key") for each in found):
            why = (
                f"{item.name} does not name {key}, the key that accepts in the flow {flow.name}, and no other"
            )
            self._refuse(asking, subject, "prompt.activate", why, at)

    def _wanted(self, prompt_set: str) -> Wanted:
        flows = [each for each in self._flows if each.prompts == prompt_set and not each.announced]
        flows = flows or list(self._flows)
        return Wanted(
            tuple(dict.fromkeys(each.ivr.accept_key for each in flows)),
            tuple(dict.fromkeys(key for each in flows for key in _other_keys(each))),
            self._company,
        )

    # --- who may ----------------------------------------------------------------------------------

    def require(
        self,
        asking: Asking,
        action: str,
        allowed: Sequence[str],
        at: datetime,
        subject: str = prompts.SUBJECT,
    ) -> None:
        """That the role is held and may do that; `NotAllowed` otherwise, and logged."""
        why = ""
        if asking.person.role(asking.role) is None:
            why = f"{asking.person.id} does not hold {asking.role} (R-50)"
        elif asking.role not in allowed:
            why = f"that is for {', '.join(allowed)}, not for {asking.role} (R-50)"
        if why:
            self._db.write_sync(
                lambda s: audit_log.append(s, at, "deny", subject, {"action": action}, asking.actor)
            )
            raise NotAllowed(why)

    def _write(
        self, asking: Asking, subject: str, action: str, at: datetime, fn: Callable[[Session], T]
    ) -> T:
        try:
            return self._db.write_sync(fn)
        except Refused as refused:
            self._refuse(asking, subject, action, str(refused), at)

    def _refuse(self, asking: Asking, subject: str, action: str, why: str, at: datetime) -> NoReturn:
        detail = {"action": action, "why": why}
        self._db.write_sync(lambda s: audit_log.append(s, at, "refuse", subject, detail, asking.actor))
        raise Refused(why)


SOURCE_FINDINGS = (
    *("sample_rate", "channels_cancel", "clipped", "dc_offset", "outside_band", "muffled"),
    "true_peak",
)
"""Findings that a stored prompt no longer shows, because it was made from the file that had them."""


def split(name: str) -> tuple[str, str, str]:
    """da/consent/2 in its parts; the version may be left out."""
    parts = name.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise Refused("a prompt is named SET/PROMPT or SET/PROMPT/VERSION, such as da/consent/2")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else ""


def _other_keys(flow: FlowSettings) -> tuple[str, ...]:
    """Keys that do something else than accept, which a prompt may name."""
    return (*flow.ivr.withdraw_keys, *("*" * bool(flow.ivr.repeat)))
