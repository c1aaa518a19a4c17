"""The gate: the one way for a person to what is kept. The API and the command line both pass through it.

Promises:
1. Nothing is given out that the policy does not allow at that instant: the role is held, an active ground is
   open to it for the stated purpose, and the case is named and theirs (R-50, R-52).
2. What was given out, and what was refused, is in the audit log before the first byte is read.
3. A data key leaves storage only inside an opened reader.
4. Words are given out redacted. Whole they are for the roles and purposes of `access.UNREDACTED`, on their
   request; the audit log says which of the two it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from sqlalchemy.orm import Session

from storage import artifacts, audit_log, books, calls, cases, transcripts
from storage.artifacts import NotReadable
from storage.cases import Note
from storage.database import Database
from storage.excerpts import Excerpt
from storage.keys import Keys
from storage.media import MediaStore, open_peaks
from storage.model import ArtifactKind, CaseKind
from storage.people import Person
from storage.policy import access
from storage.policy.access import CASE_ROLES, PROCESSOR, Access, Verdict
from storage.policy.book import Holding
from storage.policy.duties import CONFIGURERS, DUTIES
from storage.policy.settings import PolicySettings
from storage.reasons import why_no_notes, why_no_search, why_not_for_case, why_not_in_role
from storage.redaction import NotTranscribed, Redaction, SilencedSound
from storage.sealed import SealedReader
from storage.tables import Artifact, Call, Case, Consent, Peaks

T = TypeVar("T")

COPIES = frozenset({"export", "download"})
"""Actions that take a copy away; a processor only views (R-52)."""

_ANY = "."  # stands for whatever somebody may write

SOUND = frozenset({ArtifactKind.AUDIO, ArtifactKind.INVESTIGATION_AUDIO})

CASE_KINDS = {"COMPLAINT": CaseKind.COMPLAINT, "INSPECTOR": CaseKind.INVESTIGATION}
"""The roles that work on assigned cases only, and what cases these are."""


@dataclass(frozen=True)
class Asking:
    """Who asks, in which role, for what purpose, in which case, and why."""

    person: Person
    role: str
    purpose: str = ""
    case: str = ""
    reason: str = ""

    @property
    def actor(self) -> dict[str, Any]:
        """Who this is in the audit log."""
        return self.person.actor(self.role)


@dataclass(frozen=True)
class Way:
    """A capacity in which an artifact may be read. `case`: the only one that will do, "" for any or none."""

    role: str
    purpose: str
    case: str
    needs_case: bool
    needs_reason: bool


class NotAllowed(Exception):
    """The role may not do that. The message says why, with the rule."""


class Gate:
    """The gate of one archive."""

    def __init__(
        self,
        db: Database,
        store: MediaStore,
        keys: Keys,
        settings: PolicySettings,
        redaction: Redaction = Redaction(),
    ) -> None:
        self._redaction = redaction
        self._db = db
        self._store = store
        self._keys = keys
        self._settings = settings

    # --- reading ----------------------------------------------------------------------------------

    def open_media(
        self, asking: Asking, artifact_id: str, at: datetime, action: str = "play"
    ) -> SealedReader:
        """The sealed file of an artifact as a file object: the FLAC of a recording, the ZIP of a package.

        Raises `NotReadable` when the policy does not allow it, `storage.sealed.MediaError` when the file is
        damaged or gone.
        """
        key = self._let_in(asking, artifact_id, at, action, self._key_of(artifact_id, at))
        return self._store.open(artifact_id, key)

    def watch(self, asking: Asking, artifact_id: str, at: datetime) -> None:
        """That somebody may follow the words of a recording while it is made; logged like any reading.

        Raises `NotReadable` when the policy does not allow it.
        """
        self._let_in(asking, artifact_id, at, "watch", lambda _: None)

    def open_to_listen(self, asking: Asking, recording_id: str, at: datetime) -> tuple[SealedReader, bytes]:
        """A recording as a file object, and its waveform (`storage.media.peaks_of`); logged as one playing.

        Raises what `open_media` raises.
        """

        def look(session: Session) -> tuple[bytes, bytes]:
            key = artifacts.data_key(session, self._keys, recording_id, at)
            peaks = session.get(Peaks, recording_id)
            return key, open_peaks(recording_id, key, peaks.sealed) if peaks else b""

        key, peaks = self._let_in(asking, recording_id, at, "play", look)
        return self._store.open(recording_id, key), peaks

    def open_silenced(
        self, asking: Asking, recording_id: str, at: datetime, action: str = "export"
    ) -> SilencedSound:
        """A recording, silent where its transcript has a number that identifies somebody, or a gap.

        The transcript is not given out, so it is the recording alone that the policy is asked about.
        Raises `NotTranscribed`, and what `open_media` raises.
        """

        def look(session: Session) -> tuple[bytes, bytes]:
            if ArtifactKind(artifacts.required(session, recording_id).kind) not in SOUND:
                raise NotTranscribed("it is no recording")
            transcript_id = transcripts.of_recording(session, recording_id)
            if transcript_id is None:
                raise NotTranscribed("the recording has no transcript")
            transcript_key = artifacts.data_key(session, self._keys, transcript_id, at)
            words = artifacts.words(session, transcript_id, transcript_key)
            return artifacts.data_key(session, self._keys, recording_id, at), words

        key, words = self._let_in(asking, recording_id, at, action, look, redacted=True)
        silences = self._redacted(asking, recording_id, at, action, self._redaction.silences, words)
        return SilencedSound(self._store.open(recording_id, key), silences)

    def read_words(
        self, asking: Asking, artifact_id: str, at: datetime, action: str = "read", unredacted: bool = False
    ) -> bytes:
        """The words of a transcript or derivative, redacted unless asked for whole.

        `NotReadable` when the policy does not allow it, or when they cannot be redacted.
        """

        def words(session: Session) -> bytes:
            key = artifacts.data_key(session, self._keys, artifact_id, at)
            return artifacts.words(session, artifact_id, key)

        whole = self._let_in(asking, artifact_id, at, action, words, redacted=not unredacted)
        if unredacted:
            return whole
        return self._redacted(asking, artifact_id, at, action, self._redaction.words, whole)

    def read_consent(self, asking: Asking, artifact_id: str, at: datetime) -> Consent:
        """The consent record that an artifact is (consent evidence, or the log of an unrecorded call)."""

        def record(session: Session) -> Consent:
            row = session.get(Consent, artifacts.required(session, artifact_id).consent_id or "")
            if row is None:
                raise NotReadable("it holds no consent record", "R-60")
            return row

        return self._let_in(asking, artifact_id, at, "read", record)

    def read_notes(self, asking: Asking, case_id: str, at: datetime) -> list[Note]:
        """What was written about a case: for who works on it, and for those who keep its documentation."""
        row = self._db.read_sync(lambda s: s.get(Case, case_id))
        why = self._db.read_sync(lambda s: why_no_notes(s, asking, row))
        if why:
            self.refuse(asking, case_id, "read", why, at)
        detail = {"purpose": asking.purpose, "case": case_id}
        self._db.write_sync(lambda s: self._log(s, asking, case_id, "read", detail, at))
        return self._db.read_sync(lambda s: cases.notes(s, self._keys, case_id))

    def calls_of_number(self, asking: Asking, number: str, at: datetime) -> Sequence[Call]:
        """The calls of a number, oldest first; the search is logged, not the number (R-50)."""
        why = why_no_search(asking) or self._db.read_sync(lambda s: why_not_for_case(s, asking))
        if why:
            self.refuse(asking, "archive", "search", why, at)
        found = self._db.read_sync(lambda s: calls.of_caller(s, self._keys, number))
        detail = {"purpose": asking.purpose, "case": asking.case, "found": len(found)}
        self._db.write_sync(lambda s: self._log(s, asking, "archive", "search", detail, at))
        return found

    def numbers_of(self, asking: Asking, call_ids: Sequence[str], at: datetime) -> dict[str, str]:
        """The callers' numbers of some calls, as far as they are still kept, for who may look up numbers.

        Logged like a search, without the numbers (R-50).
        """
        why = why_no_search(asking) or self._db.read_sync(lambda s: why_not_for_case(s, asking))
        if why:
            self.refuse(asking, "archive", "search", why, at)
        found = self._db.read_sync(
            lambda s: {each: calls.caller_number(s, self._keys, each, at) for each in call_ids}
        )
        numbers = {call_id: number for call_id, number in found.items() if number}
        detail = {"purpose": asking.purpose, "case": asking.case, "found": len(numbers)}
        self._db.write_sync(lambda s: self._log(s, asking, "archive", "search", detail, at))
        return numbers

    # --- acting -----------------------------------------------------------------------------------

    def require(self, asking: Asking, event: type[Any], at: datetime, case: str | None = None) -> None:
        """That the role may bring the event about, and works on the case if it is bound to one.

        `NotAllowed` otherwise; the refusal is logged.
        """
        why = why_not_in_role(asking, DUTIES.get(event, ()))
        if not why and case and asking.role in CASE_ROLES and not self._works_on(asking, case):
            why = f"{asking.person.id} is not assigned to {case} (R-50)"
        if why:
            detail = {"action": books.name_of(event), "case": case or ""}
            self._db.write_sync(
                lambda s: audit_log.append(s, at, "deny", case or "policy", detail, asking.actor)
            )
            raise NotAllowed(why)

    def require_configurer(self, asking: Asking, at: datetime) -> None:
        """That the role may put other settings in force; `NotAllowed` otherwise, and logged."""
        if why := why_not_in_role(asking, CONFIGURERS):
            detail = {"action": "settings.reload"}
            self._db.write_sync(lambda s: audit_log.append(s, at, "deny", "settings", detail, asking.actor))
            raise NotAllowed(why)

    def _works_on(self, asking: Asking, case: str) -> bool:
        """Whether they are assigned to the case; one that is new, or not of their kind, asks for nobody."""

        def look(session: Session) -> bool:
            row = session.get(Case, case)
            of_role = row is not None and row.kind == CASE_KINDS[asking.role].value
            return not of_role or cases.is_member(session, case, asking.person.id)

        return self._db.read_sync(look)

    # --- deciding ---------------------------------------------------------------------------------

    def may_read(self, asking: Asking, artifact_id: str, at: datetime, action: str = "read") -> Verdict:
        """Whether the policy allows it, and why; nothing is logged and nothing is opened."""
        return self._db.read_sync(lambda s: self._decide(s, asking, artifact_id, at, action))

    def ways(self, person: Person, artifact_id: str, at: datetime) -> list[Way]:
        """In which capacities somebody could read an artifact now; nothing is logged or opened."""

        def look(session: Session) -> list[Way]:
            row = artifacts.kept(session, artifact_id, at)
            excerpt, holding = self._look(session, row)
            active = excerpt.book.effective(holding, at)
            found: dict[Way, None] = {}
            for role in person.roles:
                for purpose, case in sorted({(p, g.case or "") for g in active for p in g.purposes}):
                    if (role.name, purpose) in {(way.role, way.purpose) for way in found}:
                        continue
                    for with_case, reason in (("", ""), ("", _ANY), (case or _ANY, ""), (case or _ANY, _ANY)):
                        asking = Asking(person, role.name, purpose, with_case, reason)
                        if self._decide(session, asking, artifact_id, at, "read").allowed:
                            named = with_case.replace(_ANY, "")
                            found[Way(role.name, purpose, named, bool(with_case), bool(reason))] = None
                            break
            return list(found)

        try:
            return self._db.read_sync(look)
        except NotReadable:
            return []

    def refuse(self, asking: Asking, subject: str, action: str, why: str, at: datetime) -> NoReturn:
        """Log a refusal and raise it."""
        rule = _rule(why)
        detail = {"action": action, "rule": rule, "purpose": asking.purpose, "case": asking.case}
        self._db.write_sync(lambda s: self._log(s, asking, subject, "deny", detail, at))
        raise NotReadable(why, rule)

    def _let_in(
        self,
        asking: Asking,
        artifact_id: str,
        at: datetime,
        action: str,
        fn: Callable[[Session], T],
        redacted: bool | None = None,
    ) -> T:
        """Decide, log and read in one transaction, so that nothing is opened unlogged.

        `redacted`: whether numbers that identify people are taken out; None where there are no words.
        """

        def pass_through(session: Session) -> T:
            verdict = self._decide(session, asking, artifact_id, at, action)
            if verdict.allowed and redacted is False:
                verdict = access.may_read_unredacted(asking.role, asking.purpose)
            if not verdict.allowed:
                raise _Denied(verdict.why)
            held = artifacts.grounds_of(session, artifact_id)
            detail = {
                "purpose": asking.purpose,
                "case": asking.case,
                "grounds": sorted({ground.ground.value for ground in held if ground.active(at)}),
                "redacted": redacted,
            }
            self._log(session, asking, artifact_id, action, detail, at)
            return fn(session)

        try:
            return self._db.write_sync(pass_through)
        except _Denied as denied:
            self.refuse(asking, artifact_id, action, str(denied), at)
        except NotReadable as refusal:
            self.refuse(asking, artifact_id, action, str(refusal), at)

    def _redacted(
        self,
        asking: Asking,
        artifact_id: str,
        at: datetime,
        action: str,
        fn: Callable[[bytes], T],
        words: bytes,
    ) -> T:
        """What redaction makes of words; outside a transaction, for a long call takes a while."""
        try:
            return fn(words)
        except ValueError as error:
            self.refuse(asking, artifact_id, action, f"it cannot be redacted: {error} (R-50)", at)

    def _decide(
        self, session: Session, asking: Asking, artifact_id: str, at: datetime, action: str
    ) -> Verdict:
        held = asking.person.role(asking.role)
        if held is None:
            return Verdict(False, f"{asking.person.id} does not hold {asking.role} (R-50).")
        try:
            row = artifacts.kept(session, artifact_id, at)
        except NotReadable as refusal:
            return Verdict(False, str(refusal))
        excerpt, holding = self._look(session, row)
        wanted = Access(
            asking.role,
            holding.name,
            asking.purpose or None,
            asking.case or None,
            asking.reason or None,
            held.country,
            held.ticket,
            held.transfer_tool,
            held.dpa,
            held.expires_at,
        )
        verdict = access.decide_for(excerpt.book, holding, wanted, at)
        if not verdict.allowed:
            return verdict
        if not asking.purpose and asking.role != "DPO":
            return Verdict(False, f"{asking.role} must state the purpose (R-50).")
        if action in COPIES and asking.role.startswith(PROCESSOR):
            return Verdict(False, "A processor looks at it where it is and takes no copy (R-52).")
        if asking.role in CASE_ROLES and not cases.is_member(session, asking.case, asking.person.id):
            return Verdict(False, f"{asking.person.id} is not assigned to {asking.case} (R-50).")
        return verdict

    def _look(self, session: Session, row: Artifact) -> tuple[Excerpt, Holding]:
        of_case = [row.case_id] if row.case_id and not row.call_id else []
        excerpt = books.look(session, self._settings, [row.call_id] if row.call_id else [], of_case)
        return excerpt, excerpt.holding(row.id)

    def _key_of(self, artifact_id: str, at: datetime) -> Callable[[Session], bytes]:
        return lambda session: artifacts.data_key(session, self._keys, artifact_id, at)

    def _log(
        self,
        session: Session,
        asking: Asking,
        subject: str,
        action: str,
        detail: dict[str, Any],
        at: datetime,
    ) -> None:
        told = {key: value for key, value in detail.items() if value not in ("", None)}
        audit_log.append(session, at, action, subject, told, asking.actor, asking.reason, self._keys)


class _Denied(Exception):
    """The policy says no; raised through the transaction so that nothing of it stays."""


def _rule(why: str) -> str:
    found = re.search(r"R-\d+", why)
    return found.group() if found else "R-50"
