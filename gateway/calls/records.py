"""CallRecords: what a live call writes down, in order, each in one transaction.

Every method works in a thread and may raise `storage.database.DatabaseError` or
`storage.sealed.MediaError`; the driver decides what that means for the call (no recording, the call
goes on). Wall-clock instants are arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from storage import calls, consents, held, jobs, reconciliation, recordings, transcripts
from storage.artifacts import NotReadable, Tags
from storage.books import By
from storage.consents import ConsentRecord
from storage.database import Database, DatabaseError
from storage.jobs import Span
from storage.keys import Keys
from storage.media import MediaStore, NothingRecorded, SealedFacts
from storage.outcomes import Outcome
from storage.policy.book import Refused
from storage.policy.settings import PolicySettings
from storage.reconciliation import Seen
from storage.recordings import NewRecording
from storage.sealed import MediaError
from storage.spool import Spool, SpoolFormat
from storage.sweep import erase_now


@dataclass(frozen=True)
class OpenRecording:
    """A recording whose row, ground and empty spool exist."""

    artifact_id: str
    data_key: bytes = field(repr=False)
    spool: Spool


@dataclass(frozen=True)
class Ending:
    """How a recording ended: captured spans in ms from its start, and why it is not whole, if so."""

    intervals: tuple[tuple[int, int], ...]
    incomplete_reason: str | None = None


class _TakenBack(Exception):
    """The end of a rehearsal."""


class CallRecords(Protocol):
    """What the driver of one call needs of storage."""

    async def open(self, call_id: str, at: datetime, sip_call_id: str, caller: str, flow: str) -> None:
        """The call arrived."""

    async def answered(self, call_id: str, at: datetime, codec: str) -> None:
        """The caller's media runs."""

    async def agent_answered(self, call_id: str, at: datetime, agent: str, codec: str) -> None:
        """The agent's media runs."""

    async def decision(self, record: ConsentRecord, at: datetime) -> str:
        """Store a decision; the id of its record."""

    async def late_key(self, record: ConsentRecord, at: datetime) -> None:
        """A stored no becomes "late_key"; it stays a no."""

    async def start_recording(
        self, call_id: str, consent_id: str, artifact_id: str, at: datetime
    ) -> OpenRecording:
        """The row, the ground and the key of a recording, committed, and its empty spool."""

    async def start_investigation(
        self, call_id: str, case_id: str, by: str, artifact_id: str, at: datetime
    ) -> OpenRecording:
        """The same for an investigator's own recording; the case must be stored (R-41)."""

    async def seal(self, recording: OpenRecording, at: datetime, ending: Ending) -> None:
        """The spool becomes the sealed recording."""

    async def transcribed(self, recording_id: str, words: bytes, left: Sequence[Span], at: datetime) -> bool:
        """Store a transcript, and what is left to do of it; False when it may not be (withdrawn, erased)."""

    async def discard(self, recording: OpenRecording) -> None:
        """Remove what was captured, whatever the database does: nothing is left to be sealed later."""

    async def withdraw(self, call_id: str, at: datetime, channel: str) -> None:
        """Consent is withdrawn; what was recorded is erased."""

    async def close(self, call_id: str, at: datetime, reason: str) -> None:
        """The call is over."""

    async def reconcile(self, call_id: str, at: datetime, seen: Seen) -> Outcome:
        """Judge what the call came to, and store it with the call."""


class StoredRecords:
    """`CallRecords` in the database and the media store."""

    def __init__(
        self,
        database: Database,
        store: MediaStore,
        keys: Keys,
        policy: PolicySettings,
        tags: Tags,
        transcribes: bool = False,
    ) -> None:
        self._db = database
        self._store = store
        self._keys = keys
        self._policy = policy
        self._tags = tags
        self._transcribes = transcribes

    async def open(self, call_id: str, at: datetime, sip_call_id: str, caller: str, flow: str) -> None:
        """See `CallRecords`."""
        await self._db.write(
            lambda session: calls.open_call(
                session,
                self._keys,
                at,
                sip_call_id=sip_call_id,
                caller=caller,
                flow=flow,
                instance=self._store.instance,
                call_id=call_id,
            )
        )

    async def answered(self, call_id: str, at: datetime, codec: str) -> None:
        """See `CallRecords`."""
        await self._db.write(lambda session: calls.note_answered(session, call_id, at, codec))

    async def agent_answered(self, call_id: str, at: datetime, agent: str, codec: str) -> None:
        """See `CallRecords`."""
        await self._db.write(lambda session: calls.note_agent(session, self._keys, call_id, at, agent, codec))

    async def decision(self, record: ConsentRecord, at: datetime) -> str:
        """See `CallRecords`."""
        return await self._db.write(
            lambda session: consents.record(session, record, at, self._policy, self._keys).id
        )

    async def late_key(self, record: ConsentRecord, at: datetime) -> None:
        """See `CallRecords`."""
        await self._db.write(lambda session: consents.note_late_key(session, record, at, self._keys))

    async def start_recording(
        self, call_id: str, consent_id: str, artifact_id: str, at: datetime
    ) -> OpenRecording:
        """See `CallRecords`."""

        def begin(session: Session) -> NewRecording:
            new = recordings.begin(
                session, self._keys, call_id, consent_id, at, self._policy, self._tags, artifact_id
            )
            self._note_recording(session, artifact_id, at)
            return new

        return await self._opened(await self._db.write(begin), at)

    async def start_investigation(
        self, call_id: str, case_id: str, by: str, artifact_id: str, at: datetime
    ) -> OpenRecording:
        """See `CallRecords`."""
        who = By({"id": by, "role": "INSPECTOR", "channel": "call"}, by)

        def begin(session: Session) -> NewRecording:
            new = recordings.begin_for_case(
                session, self._keys, call_id, case_id, at, self._policy, who, self._tags, artifact_id
            )
            self._note_recording(session, artifact_id, at)
            return new

        return await self._opened(await self._db.write(begin), at)

    def _note_recording(self, session: Session, artifact_id: str, at: datetime) -> None:
        """Who has the file of a recording that begins, and that it is to be transcribed."""
        held.note(session, self._store, artifact_id)
        if self._transcribes:
            jobs.begin_live(session, artifact_id, at)

    async def _opened(self, new: NewRecording, at: datetime) -> OpenRecording:
        try:
            spool = await asyncio.to_thread(self._store.create_spool, new.artifact_id, new.data_key)
        except MediaError:
            with contextlib.suppress(DatabaseError):  # else the next start sees that there is nothing
                await self._db.write(
                    lambda session: recordings.abandon(
                        session, new.artifact_id, at, "nothing captured", self._policy
                    )
                )
            raise
        return OpenRecording(new.artifact_id, new.data_key, spool)

    async def seal(self, recording: OpenRecording, at: datetime, ending: Ending) -> None:
        """See `CallRecords`."""
        artifact_id = recording.artifact_id
        try:
            facts = await asyncio.to_thread(self._store.finish, artifact_id, recording.data_key)
        except NothingRecorded:
            why = recordings.why_abandoned(captured=False)
            await self._db.write(
                lambda session: recordings.abandon(session, artifact_id, at, why, self._policy)
            )
            return

        def write(session: Session) -> None:
            recordings.seal(
                session,
                artifact_id,
                facts,
                at,
                self._policy,
                ending.intervals,
                ending.incomplete_reason,
            )

        try:
            await self._db.write(write)
        except NotReadable:  # withdrawn or erased while it was encoded
            await asyncio.to_thread(self._store.remove, artifact_id, in_bucket=False)

    async def transcribed(self, recording_id: str, words: bytes, left: Sequence[Span], at: datetime) -> bool:
        """See `CallRecords`."""

        def write(session: Session) -> bool:
            try:
                with session.begin_nested():
                    transcripts.store(session, self._keys, recording_id, words, at, self._policy, self._tags)
            except (NotReadable, Refused):  # withdrawn, erased, or held only
                jobs.drop(session, recording_id)
                return False
            jobs.leave(session, recording_id, left, at)
            return True

        return await self._db.write(write)

    async def discard(self, recording: OpenRecording) -> None:
        """See `CallRecords`."""
        await asyncio.to_thread(self._store.remove, recording.artifact_id, in_bucket=False)

    async def withdraw(self, call_id: str, at: datetime, channel: str) -> None:
        """See `CallRecords`."""
        touched = await self._db.write(
            lambda session: consents.withdraw(session, call_id, at, channel, "caller", self._policy)
        )
        await asyncio.to_thread(erase_now, self._db, self._store, touched, at, self._policy)

    async def close(self, call_id: str, at: datetime, reason: str) -> None:
        """See `CallRecords`."""
        await self._db.write(lambda session: calls.close_call(session, call_id, at, reason, self._policy))

    async def reconcile(self, call_id: str, at: datetime, seen: Seen) -> Outcome:
        """See `CallRecords`."""
        return await self._db.write(lambda session: reconciliation.settle(session, call_id, at, seen))

    async def rehearse(self, at: datetime) -> None:
        """Write what a recorded call writes, and take it back: nothing of it is committed.

        The first time that a statement is made takes a hundred times as long as the second. Without this,
        the first callers wait for it between their key and their recording, half a second and more.
        """

        def write(session: Session) -> None:
            for _ in self._steps_of_a_call(session, at):
                session.flush()
                session.expunge_all()  # each step is a transaction of its own in a call: it reads anew
            raise _TakenBack

        with contextlib.suppress(_TakenBack):
            await self._db.write(write)

    def _steps_of_a_call(self, session: Session, at: datetime) -> Iterator[None]:
        who = {"sip_call_id": "", "caller": "0", "flow": "", "instance": self._store.instance}
        call_id = calls.open_call(session, self._keys, at, **who).id
        yield
        calls.note_answered(session, call_id, at, "")
        yield
        calls.note_agent(session, self._keys, call_id, at, "", "")
        yield
        said = ConsentRecord(call_id, consents.ACCEPTED, at, at, "", "", "", "", "", "", "")
        consent_id = consents.record(session, said, at, self._policy, self._keys).id
        yield
        new = recordings.begin(session, self._keys, call_id, consent_id, at, self._policy, self._tags)
        self._note_recording(session, new.artifact_id, at)
        yield
        facts = SealedFacts("", "", 0, 0, SpoolFormat.sample_rate_hz, SpoolFormat.channels, b"")
        recordings.seal(session, new.artifact_id, facts, at, self._policy)
        yield
        calls.close_call(session, call_id, at, "", self._policy)
        yield
        reconciliation.settle(session, call_id, at, Seen())
        yield
