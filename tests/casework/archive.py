"""A real archive to drive: database, media files, keys, desk, gate, sweep, backup, restore with replay.

Things have the oracle's names ("c1/audio", "R-1/documentation"); here they are the ids of artifacts. What the
rules refuse is `Refused`; anything else that is raised is a mistake of the program.
"""

from __future__ import annotations

import copy
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import delete, select

from storage import (
    artifacts,
    audit_log,
    books,
    calls,
    cases,
    certificates,
    complaints,
    consents,
    investigations,
    orders,
    people,
    recordings,
    remains,
    replay,
    requests,
    samples,
    sweep,
)
from storage.artifacts import Making, NotReadable
from storage.desk import Desk, Done
from storage.gate import Asking, Gate
from storage.ledger import FILE_NAME
from storage.model import CaseKind
from storage.people import Person, Role
from storage.policy import events as e
from storage.policy.duties import ROLES
from storage.policy.reuse import Reuse, ReuseSettings
from storage.policy.settings import PolicySettings, overlaid
from storage.redaction import Redaction
from storage.tables import Artifact, DataKey, Document, GroundRow, Table, Tombstone
from tests.storage.backups import back_up, restore
from tests.storage.world import ARRIVED, World, consent_record, open_world, tone
from transcription.stored import redacted_words, silences

T = TypeVar("T")

ON_FILE = Reuse(True, "LIA-1", "CT-1")
SOUND = tone(0.02)
REASON = {"reason": "why"}
ANNA = Person("anna", tuple(Role(role) for role in ROLES))
BO = Person("bo", (Role("LEGAL"),))
_LOOK = (
    select(Artifact.id, Artifact.kind).where(Artifact.blocked_at.is_(None)),
    select(GroundRow.artifact_id, GroundRow.expires_at, GroundRow.ended_at),
    select(DataKey.artifact_id),
    select(Document.artifact_id),
    select(Tombstone.artifact_pseudonym, Tombstone.due_at),
)
IN_CALL = timedelta(minutes=1)
"""How long a call lasts."""


@dataclass(frozen=True)
class Found:
    """What stands in the archive, as far as it is not erased."""

    rows: Mapping[str, str]  # artifact id: kind
    running: frozenset[str]  # those with a ground that runs
    keys: frozenset[str]
    words: frozenset[str]
    files: frozenset[str]
    certificates: tuple[tuple[str, datetime], ...]  # artifact pseudonym, when it was due


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's own way, which goes by the locks: the program keeps its connections meanwhile."""
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as write:
        read.backup(write)


class Archive:
    """One archive in a folder; `clear` makes it as new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world: World = open_world(folder)
        self._made: dict[str, Any] = {}
        self.clear()

    def clear(self) -> None:
        """Nothing in it, default settings, two people who hold every role."""

        def empty(session: Any) -> None:
            for table in reversed(Table.metadata.sorted_tables):
                session.execute(delete(table))
            for person in (ANNA, BO):
                people.add(session, person.id, person.id, "LB", ARRIVED, {"id": "x"})

        self.world.db.write_sync(empty)
        for each in (self.folder / "audio").rglob("*"):
            if each.is_file():
                each.unlink()
        self.ids: dict[str, str] = {}
        self.settings = PolicySettings()

    def start(self, name: str, make: Callable[[], T]) -> T:
        """As new, and `make` has happened; from the second time on a copy of that, by its name."""
        if name not in self._made:
            self.clear()
            made = make()
            if self.world.db.is_sqlite:
                self.save(name)
                self._made[name] = copy.deepcopy((made, self.ids))
            return made
        (self.folder / "audio" / FILE_NAME).unlink(missing_ok=True)
        self.load(name)
        made, self.ids = copy.deepcopy(self._made[name])
        self.settings = PolicySettings()
        return made  # type: ignore[no-any-return]

    def close(self) -> None:
        self.world.db.close()

    @property
    def settings(self) -> PolicySettings:
        return self._settings

    @settings.setter
    def settings(self, settings: PolicySettings) -> None:
        self._settings = settings
        reuse = ReuseSettings(ON_FILE, ON_FILE, ON_FILE)
        self.desk = Desk(
            self.world.db,
            self.world.store,
            self.world.keys,
            settings,
            reuse=reuse,
            redaction=Redaction(redacted_words, silences),
        )

    def set(self, changes: Mapping[str, Any]) -> None:
        """Other settings from now on, by their dotted names."""
        for name, value in changes.items():
            section, _, key = name.partition(".")
            self.settings = overlaid(self.settings, {section: {key: value}})

    # --- calls ------------------------------------------------------------------------------------

    def record(self, call: str, at: datetime) -> tuple[datetime, datetime, datetime]:
        """A call that is recorded on consent: when was consented, when recording began and ended."""
        consented, began, ended = at, at + timedelta(seconds=8), at + IN_CALL

        def answer(session: Any) -> recordings.NewRecording:
            self._open(session, call, at)
            record = consent_record(call, at=at - timedelta(seconds=22))
            consent = consents.record(session, record, at, self.settings)
            return recordings.begin(session, self.world.keys, call, consent.id, began, self.settings)

        self._capture(call, ended, answer)
        return consented, began, ended

    def record_for_case(self, call: str, case: str, at: datetime) -> datetime:
        """An investigator's own announced recording for a new case; when it began."""
        inspector = self._as("INSPECTOR")
        investigations.open_case(self.desk, inspector, case, at)
        self.desk.require_case(inspector, case, at)
        by = books.By(inspector.actor)

        def begin(session: Any) -> recordings.NewRecording:
            self._open(session, call, at)
            return recordings.begin_for_case(session, self.world.keys, call, case, at, self.settings, by)

        self._capture(call, at + IN_CALL, begin)
        return at

    def decline(self, call: str, at: datetime) -> None:
        """A call that is not recorded."""

        def write(session: Any) -> None:
            self._open(session, call, at)
            record = consent_record(call, "none", at=at)
            consents.record(session, record, at + timedelta(seconds=22), self.settings)
            calls.close_call(session, call, at + IN_CALL, "hangup_caller", self.settings)

        self.world.db.write_sync(write)
        self._learn(call)

    def _open(self, session: Any, call: str, at: datetime) -> None:
        number = "+4587654321"
        calls.open_call(
            session, self.world.keys, at, sip_call_id="x@y", caller=number, flow="customer", call_id=call
        )

    def _capture(self, call: str, ended: datetime, begin: Callable[[Any], recordings.NewRecording]) -> None:
        new = self.world.db.write_sync(begin)
        with self.world.store.create_spool(new.artifact_id, new.data_key) as spool:
            spool.append(SOUND)
        facts = self.world.store.finish(new.artifact_id, new.data_key)

        def close(session: Any) -> None:
            recordings.seal(session, new.artifact_id, facts, ended, self.settings)
            calls.close_call(session, call, ended, "hangup_caller", self.settings)

        self.world.db.write_sync(close)
        self._learn(call)

    def _learn(self, call: str) -> None:
        """The ids of what there is of a call now."""
        query = select(Artifact).where(Artifact.call_id == call)
        for row in self.world.db.read_sync(lambda s: s.scalars(query).all()):
            self.ids[f"{call}/{row.part}"] = row.id

    def transcribe(self, call: str, at: datetime) -> None:
        self._make(e.Transcribed(call), f"{call}/transcript", at)

    def derive(self, call: str, at: datetime) -> None:
        self._make(e.Derived(call, "summary"), f"{call}/summary", at)

    def _make(self, event: e.PolicyEvent, name: str, at: datetime) -> None:
        making = {name: Making(keys=self.world.keys, words=b"words")}
        happened = self.world.db.write_sync(
            lambda s: books.happen(s, event, at, self.settings, making=making)
        )
        self._remember(happened.made)

    def flag(self, call: str, at: datetime) -> None:
        self.desk.do(self._as("QA"), e.SpecialCategory(call), at)

    # --- what people do ---------------------------------------------------------------------------

    def _as(self, role: str, purpose: str = "", case: str = "") -> Asking:
        return Asking(ANNA, role, purpose, case, "a question" if role == "DPO" else "")

    def _remember(self, made: Mapping[str, artifacts.NewArtifact]) -> None:
        for name, new in made.items():
            self.ids[name] = new.artifact_id

    def _done(self, done: Done) -> list[str]:
        """The names of what was erased at once."""
        self._remember(done.made)
        assert not done.erased.failed
        return self.names(each.artifact_id for each in done.erased.erased)

    def names(self, ids: Iterable[str]) -> list[str]:
        by_id = {artifact_id: name for name, artifact_id in self.ids.items()}
        return [by_id[each] for each in ids]

    def withdraw(self, calls: Sequence[str], at: datetime) -> list[str]:
        return self._done(requests.withdraw(self.desk, self._as("AGENT"), calls, "agent", at)[1])

    def invalidate(self, call: str, at: datetime) -> list[str]:
        return self._done(self.desk.do(self._as("QA"), e.ConsentInvalid((call,), "a child"), at))

    def request(
        self, request: str, kind: str, calls: Sequence[str], withdraws: bool, at: datetime
    ) -> list[str]:
        asking = self._as("RIGHTS")
        return self._done(
            requests.receive(self.desk, asking, kind, calls, at, withdraws=withdraws, request_id=request)[1]
        )

    def answer(self, request: str, keep: bool, at: datetime) -> list[str]:
        asking = self._as("RIGHTS")
        requests.identify(self.desk, asking, request, "confirmed", "called back", at)
        return self._done(requests.answer(self.desk, asking, request, keep, REASON, at)[0])

    def release(self, request: str, at: datetime) -> list[str]:
        return self._done(requests.release(self.desk, self._as("RIGHTS"), request, at))

    def complain(self, complaint: str, calls: Sequence[str], at: datetime) -> list[str]:
        asking = self._as("COMPLAINT")
        return self._done(complaints.receive(self.desk, asking, calls, at, complaint_id=complaint)[1])

    def extend_freeze(self, complaint: str, at: datetime) -> list[str]:
        return self._done(complaints.extend(self.desk, self._as("COMPLAINT"), complaint, REASON, at))

    def decide_complaint(self, complaint: str, keep: bool, scope: Sequence[str], at: datetime) -> list[str]:
        asking = self._as("COMPLAINT")
        return self._done(complaints.decide(self.desk, asking, complaint, keep, REASON, at, scope))

    def close_complaint(self, complaint: str, at: datetime) -> list[str]:
        return self._done(complaints.close(self.desk, self._as("COMPLAINT"), complaint, at))

    def confirm(self, case: str, kind: CaseKind, on: date, at: datetime) -> list[str]:
        return self._done(complaints.confirm(self.desk, self._as("LEGAL"), case, kind, on, at))

    def forward(self, case: str, calls: Sequence[str], at: datetime) -> list[str]:
        erased = self._done(investigations.forward(self.desk, self._as("QA"), case, calls, REASON, at))
        if not self.world.db.read_sync(lambda s: cases.members(s, case)):
            self.desk.assign(self._as("INSPECTOR"), case, ANNA.id, at)
        return erased

    def judge(self, case: str, relevant: bool, at: datetime) -> list[str]:
        asking = self._as("INSPECTOR")
        return self._done(investigations.decide(self.desk, asking, case, relevant, REASON, at))

    def extend_case(self, case: str, scope: Sequence[str], until: date, at: datetime) -> list[str]:
        """One proposes, another approves."""
        proposal = investigations.propose(self.desk, self._as("INSPECTOR"), case, scope, until, REASON, at)
        return self._done(investigations.approve(self.desk, Asking(BO, "LEGAL"), proposal, at))

    def order(self, order: str, calls: Sequence[str], at: datetime) -> list[str]:
        return self._done(orders.receive(self.desk, self._as("LEGAL"), calls, REASON, at, order_id=order)[1])

    def lift(self, order: str, at: datetime) -> list[str]:
        return self._done(orders.lift(self.desk, self._as("LEGAL"), order, {}, at))

    def sample(self, first: date, last: date, size: int, at: datetime) -> samples.Drawing:
        plan = samples.Plan("R-71", first, last, size, "seed")
        drawing = samples.draw(self.desk, self._as("COMPLIANCE"), plan, at)
        self._done(drawing.done)
        return drawing

    # --- reading ----------------------------------------------------------------------------------

    def read(self, name: str, kind: str, role: str, purpose: str, case: str, at: datetime) -> bool:
        """Whether the gate lets the role read it; what it lets through is read to the end."""
        asking, artifact, gate = self._as(role, purpose, case), self.ids[name], self.desk.gate
        try:
            if kind in ("AUD", "INVR", "DX"):
                with gate.open_media(asking, artifact, at) as reader:
                    assert reader.read()[:2] == (b"PK" if kind == "DX" else b"fL")
            elif kind in ("TRS", "DER"):
                assert gate.read_words(asking, artifact, at) == b"words"
            elif kind in ("CE", "NL"):
                gate.read_consent(asking, artifact, at)
            else:
                return gate.may_read(asking, artifact, at).allowed
        except NotReadable:
            return False
        return True

    def readers(self, name: str, asked: Sequence[tuple[str, str, str]], at: datetime) -> list[bool]:
        """What the gate says to many who ask for one thing; what they ask about is looked up once."""
        gate, seen = self.desk.gate, {}

        def look(session: Any, row: Artifact) -> Any:
            if row.id not in seen:
                seen[row.id] = Gate._look(gate, session, row)
            return seen[row.id]

        def decide(session: Any) -> list[bool]:
            return [
                gate._decide(session, self._as(*ask), self.ids[name], at, "read").allowed for ask in asked
            ]

        gate._look = look  # type: ignore[method-assign]
        try:
            return self.world.db.read_sync(decide)
        finally:
            del gate._look  # type: ignore[method-assign]

    # --- copies -----------------------------------------------------------------------------------

    def save(self, name: str) -> None:
        """Copy the (SQLite) database and the media aside; the erasure ledger is never part of a copy."""
        aside = self.folder / name
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        _copy_database(self.folder / "tast1.db", aside / "tast1.db")
        for folder in ("media", "spool"):
            shutil.copytree(self.folder / "audio" / folder, aside / folder)

    def load(self, name: str) -> None:
        """A copy in place of what is there."""
        aside = self.folder / name
        _copy_database(aside / "tast1.db", self.folder / "tast1.db")
        for folder in ("media", "spool"):
            shutil.rmtree(self.folder / "audio" / folder)
            shutil.copytree(aside / folder, self.folder / "audio" / folder)

    # --- deletion, backup, restore ----------------------------------------------------------------

    def sweep(self, at: datetime) -> list[str]:
        """A whole sweep; the names of what it erased."""
        result = sweep.sweep(self.world.db, self.world.store, at, self.settings)
        assert not result.failed and result.scrubbed
        return self.names(each.artifact_id for each in result.erased)

    def erase(self, name: str, at: datetime) -> list[str]:
        """One thing only, if it is due."""
        result = sweep.erase_now(self.world.db, self.world.store, self.ids[name], at, self.settings)
        assert not result.failed
        return self.names(each.artifact_id for each in result.erased)

    def back_up(self) -> None:
        """A copy of database and media, in place of an older one."""
        if self.world.db.is_sqlite:
            self.save("backup")
            return
        self.world = back_up(self.world)
        self.settings = self._settings

    def restore(self, at: datetime) -> None:
        """The backup, and what starting the gateway makes of it."""
        if self.world.db.is_sqlite:
            self.load("backup")
        else:
            self.world = restore(self.world)
            self.settings = self._settings
        if replay.is_behind(self.world.db, self.world.store):
            replayed = replay.replay(self.world.db, self.world.store, at, self.settings)
            assert not replayed.failed

    def found(self, at: datetime) -> Found:
        """What is there, straight from the rows and the folders."""

        def look(session: Any) -> Found:
            rows, ends, keys, words, told = (session.connection().execute(query).all() for query in _LOOK)
            running = {
                artifact
                for artifact, expires_at, ended_at in ends
                if (expires_at is None or expires_at > at) and (ended_at is None or ended_at > at)
            }
            return Found(
                {artifact: kind for artifact, kind in rows},
                frozenset(running),
                frozenset(artifact for (artifact,) in keys),
                frozenset(artifact for (artifact,) in words),
                frozenset(self.world.store.ids()),
                tuple((pseudonym, due_at) for pseudonym, due_at in told),
            )

        return self.world.db.read_sync(look)

    def remains(self, at: datetime) -> list[object]:
        """Whatever a search of files, rows and bytes finds that must be gone; a broken audit log, too."""
        world = self.world
        left: list[object] = [*remains.search(world.db, world.store, world.keys, at, self.settings)]
        told = world.db.read_sync(audit_log.verify)
        return left if told.intact else [*left, told]

    def pseudonyms(self, names: Iterable[str]) -> list[str]:
        """The names of things in their certificates."""
        return [certificates.pseudonym(self.ids[name]) for name in names]
