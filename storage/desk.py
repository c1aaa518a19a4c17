"""The desk: where people make things happen to what is kept. The API and the command line both come here.

Promises:
1. Who may do it is asked first (`storage.gate`), then the policy; both refusals are in the audit log.
2. What is done, the words about it and what follows for every artifact are one transaction.
3. What no ground permits keeping any more is erased at once, not at the next sweep (§1.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from storage import audit_log, books, cases, disclosures
from storage.artifacts import Making, NewArtifact, Tags
from storage.books import By, Happened
from storage.database import Database
from storage.gate import CASE_KINDS, Asking, Gate
from storage.keys import Keys
from storage.media import MediaStore
from storage.model import CaseKind
from storage.policy import events as e
from storage.policy import reuse
from storage.policy.book import Refused
from storage.policy.duties import DISCLOSERS
from storage.policy.reuse import ReuseSettings
from storage.policy.settings import PolicySettings
from storage.redaction import Redaction
from storage.sweep import SweepResult, erase_now

ASSIGNERS = ("LEGAL", "DPO", "SYSADMIN")
Also = Callable[[Session, Happened], None]
"""What else belongs into the transaction of an event."""


@dataclass(frozen=True)
class Done:
    """What was done: what of it the rules refused, what it made, and what was erased because of it."""

    refusals: tuple[str, ...]
    made: Mapping[str, NewArtifact]
    erased: SweepResult


class Desk:
    """The desk of one archive."""

    def __init__(
        self,
        db: Database,
        store: MediaStore,
        keys: Keys,
        settings: PolicySettings,
        tags: Tags = Tags(),
        reuse: ReuseSettings = ReuseSettings(),
        redaction: Redaction = Redaction(),
    ) -> None:
        self.db = db
        self.store = store
        self.keys = keys
        self.settings = settings
        self.tags = tags
        self.reuse = reuse
        self.gate = Gate(db, store, keys, settings, redaction)

    def do(
        self,
        asking: Asking,
        event: e.PolicyEvent,
        at: datetime,
        words: Mapping[str, str] | None = None,
        making: Mapping[str, Making] | None = None,
        decided_by: str = "",
        also: Also = lambda session, happened: None,
    ) -> Done:
        """Make an event of the policy happen. `words` are kept sealed with its case (a reason, a letter).

        Raises `storage.gate.NotAllowed` when the role may not, the policy's `Refused` when the rules say no.
        """
        case = books.case_of(event)
        self.gate.require(asking, type(event), at, case)
        category = reuse.category(event)
        if category and (why := reuse.why_not(self.reuse, category)):
            self._refuse(asking, event, at, why)
        note = cases.new_note_id() if case and words and any(words.values()) else None
        by = By(asking.actor, decided_by or asking.person.id, note)

        def happen(session: Session) -> Happened:
            happened = books.happen(session, event, at, self.settings, by, making)
            if case and note and words:
                name = books.name_of(event)
                cases.add_note(session, self.keys, case, at, asking.person.id, name, words, note)
            if category:
                audit_log.append(
                    session, at, "reuse", case or "policy", reuse.told(self.reuse, category), asking.actor
                )
            also(session, happened)
            return happened

        try:
            happened = self.db.write_sync(happen)
        except Refused as refused:
            self._refuse(asking, event, at, str(refused))
        erased = erase_now(self.db, self.store, happened.due, at, self.settings)
        return Done(happened.refusals, happened.made, erased)

    def _refuse(self, asking: Asking, event: e.PolicyEvent, at: datetime, why: str) -> None:
        """Log that the rules refused it, and raise it. The reason given by the rules names no person."""
        subject = books.case_of(event) or next(iter(books.calls_of(event)), "policy")
        detail = {"action": books.name_of(event), "why": why}
        self.db.write_sync(lambda s: audit_log.append(s, at, "refuse", subject, detail, asking.actor))
        raise Refused(why)

    def assign(self, asking: Asking, case_id: str, user_id: str, at: datetime) -> None:
        """Somebody works on a case from now on.

        Who does already, the legal role, the data protection officer and the administrator may say so of
        anybody; a case that nobody works on may be taken by whoever holds the role for it.
        """

        def write(session: Session) -> None:
            row = cases.get(session, case_id)
            working = cases.members(session, case_id)
            kind = CASE_KINDS.get(asking.role)
            takes = (
                not working and user_id == asking.person.id and kind is not None and row.kind == kind.value
            )
            if not (takes or asking.person.id in working or asking.role in ASSIGNERS):
                raise Refused(f"who works on {case_id} says so, or {', '.join(ASSIGNERS)} (R-50)")
            cases.assign(session, case_id, user_id, at, asking.actor)

        self.db.write_sync(write)

    def unassign(self, asking: Asking, case_id: str, user_id: str, at: datetime) -> None:
        """Somebody no longer works on a case."""

        def write(session: Session) -> None:
            cases.get(session, case_id)
            if asking.person.id not in cases.members(session, case_id) and asking.role not in ASSIGNERS:
                raise Refused(f"who works on {case_id} says so, or {', '.join(ASSIGNERS)} (R-50)")
            cases.unassign(session, case_id, user_id, at, asking.actor)

        self.db.write_sync(write)

    def require_case(self, asking: Asking, case_id: str, at: datetime) -> None:
        """That there is such an investigation and they work on it; before anything is recorded (R-41)."""
        self.db.read_sync(lambda s: cases.get(s, case_id, CaseKind.INVESTIGATION))
        self.gate.require(asking, e.InvestigatorRecording, at, case_id)

    def disclose(self, asking: Asking, artifact_id: str, recipient: str, at: datetime) -> None:
        """A copy of an artifact was handed to an organisation outside (R-39)."""
        _require_discloser(asking)
        self.db.write_sync(lambda s: disclosures.add(s, artifact_id, recipient, at, asking.actor))

    def tell_recipient(self, asking: Asking, number: int, confirmed: bool, at: datetime) -> None:
        """A recipient was told of an erasure, or has confirmed that its copy is gone, too (R-25)."""
        _require_discloser(asking)
        note = disclosures.acknowledge if confirmed else disclosures.notify
        self.db.write_sync(lambda s: note(s, number, at, asking.actor))

    def note(self, asking: Asking, case_id: str, kind: str, words: Mapping[str, str], at: datetime) -> None:
        """Write something about a case (an identity check, a search, a finding); logged as written."""

        def write(session: Session) -> None:
            cases.get(session, case_id)
            note = cases.add_note(session, self.keys, case_id, at, asking.person.id, kind, words)
            audit_log.append(session, at, "case.note", case_id, {"kind": kind, "note": note}, asking.actor)

        self.db.write_sync(write)


def _require_discloser(asking: Asking) -> None:
    if asking.person.role(asking.role) is None or asking.role not in DISCLOSERS:
        raise Refused(f"copies are the business of {', '.join(DISCLOSERS)} (R-50)")
