"""Calls of every kind, told by the program itself: what the rows of a large archive are copied from.

Each story runs through the real code in a database of its own, so every row that is then in it belongs to
it. There is no media: a recording is said to be one second long, and has its waveform, but no file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from storage import books, calls, consents, recordings
from storage.artifacts import Making
from storage.database import Database
from storage.keys import Keys
from storage.media import MediaStore, SealedFacts, media_name
from storage.policy import events as e
from storage.policy.clocks import days_from
from storage.policy.settings import PolicySettings
from storage.sealed import seal_bytes
from storage.sweep import sweep
from storage.tables import Table

BEGAN = datetime(2025, 1, 15, 7, 0, tzinfo=timezone.utc)
"""When the call of every story comes in: 08:00 in Copenhagen, long before midnight."""

NUMBER = "+4587654321"
CASE = "K-1"
PEAKS = bytes(range(80))
WORDS = b'{"segments":[' + b'{"start_ms":0,"end_ms":900,"leg":"caller","words":"goddag"},' * 8 + b"{}]}"

Rows = tuple[tuple[sa.Table, dict[str, Any]], ...]
"""Tables, each after those it names, and rows by column, as SQLAlchemy gives them."""


@dataclass(frozen=True)
class Story:
    """What the program wrote for one call. `kept`: its artifacts that are not erased."""

    rows: Rows
    kept: int


class Teller:
    """Tells the stories with one gateway's keys and settings."""

    def __init__(self, keys: Keys, settings: PolicySettings) -> None:
        self.keys = keys
        self.settings = settings

    def tell(self, happenings: Callable[[Database, MediaStore], object]) -> Story:
        """The rows that `happenings` leave in an empty archive."""
        with tempfile.TemporaryDirectory() as folder:
            db = Database(f"sqlite:///{folder}/tast1.db")
            try:
                happenings(db, MediaStore(Path(folder)))
                rows = db.read_sync(everything)
            finally:
                db.close()
        kept = sum(table.name == "artifacts" and row["state"] != "erased" for table, row in rows)
        return Story(rows, kept)

    def recorded(self) -> Story:
        """A call whose caller consented: recording, transcript and evidence are kept."""
        return self.tell(lambda db, store: self.record(db))

    def declined(self) -> Story:
        """A call whose caller did not consent."""
        return self.tell(lambda db, store: self.decline(db))

    def complained(self) -> Story:
        """A recorded call about which a complaint came the day after."""

        def happen(db: Database, store: MediaStore) -> None:
            call = self.record(db)
            self.event(db, e.ComplaintReceived(CASE, (call,)), BEGAN + timedelta(days=1))

        return self.tell(happen)

    def ordered(self) -> Story:
        """A recorded call that an authority orders kept: its days of consent are over, and all is there."""

        def happen(db: Database, store: MediaStore) -> None:
            call = self.record(db)
            self.event(db, e.AuthorityOrdered(CASE, (call,)), BEGAN + timedelta(days=1))

        return self.tell(happen)

    def aged(self) -> Story:
        """A recorded call of which a sweep has left the evidence of the consent."""

        def happen(db: Database, store: MediaStore) -> None:
            self.record(db)
            _, gone_at = days_from(BEGAN, self.settings.retention.callcenter_days)
            sweep(db, store, gone_at + timedelta(seconds=30), self.settings)

        return self.tell(happen)

    def event(self, db: Database, event: e.PolicyEvent, at: datetime) -> None:
        """Something else happens to the call."""
        db.write_sync(lambda s: books.happen(s, event, at, self.settings))

    def record(self, db: Database) -> str:
        """A whole recorded and transcribed call; its id."""
        end = BEGAN + timedelta(seconds=60)
        call_id = self.open(db)
        record = decision(call_id, "accepted")

        def begin(session: Session) -> recordings.NewRecording:
            consent = consents.record(session, record, record.decided_at, self.settings, self.keys)
            started = BEGAN + timedelta(seconds=30)
            return recordings.begin(session, self.keys, call_id, consent.id, started, self.settings)

        new = db.write_sync(begin)
        facts = SealedFacts(
            media_name=media_name(new.artifact_id),
            sha256="0123456789abcdef" * 4,
            flac_bytes=9000,
            frames=8000,
            sample_rate_hz=8000,
            channels=2,
            peaks=seal_bytes(new.data_key, f"peaks:{new.artifact_id}", PEAKS),
        )
        how = Making(keys=self.keys, words=WORDS, sha256="fedcba9876543210" * 4, content_bytes=len(WORDS))

        def close(session: Session) -> None:
            recordings.seal(session, new.artifact_id, facts, end, self.settings)
            calls.close_call(session, call_id, end, "hangup_caller", self.settings)
            books.happen(
                session, e.Transcribed(call_id), end, self.settings, making={f"{call_id}/transcript": how}
            )

        db.write_sync(close)
        return call_id

    def decline(self, db: Database) -> str:
        """A call whose caller pressed nothing; its id."""
        call_id, end = self.open(db), BEGAN + timedelta(seconds=60)
        record = decision(call_id, "none")
        db.write_sync(lambda s: consents.record(s, record, record.decided_at, self.settings, self.keys))
        db.write_sync(lambda s: calls.close_call(s, call_id, end, "hangup_caller", self.settings))
        return call_id

    def open(self, db: Database) -> str:
        """A call that arrived and was answered."""

        def take(session: Session) -> str:
            call = calls.open_call(
                session, self.keys, BEGAN, sip_call_id="x@y", caller=NUMBER, flow="customer"
            )
            calls.note_answered(session, call.id, BEGAN, "PCMA")
            return call.id

        return db.write_sync(take)


def decision(call_id: str, answer: str) -> consents.ConsentRecord:
    """A decision as the call flow hands it over."""
    key = consents.KeyEvent("1", BEGAN + timedelta(seconds=20), "rfc4733", 18000, True, "accepted")
    return consents.ConsentRecord(
        call_id=call_id,
        decision=answer,
        decided_at=BEGAN + timedelta(seconds=22),
        started_at=BEGAN + timedelta(seconds=2),
        language="da",
        prompt_id="consent",
        prompt_version="1",
        prompt_text_sha256="a" * 64,
        prompt_audio_sha256="b" * 64,
        policy_version="2024-01",
        decision_rule="1",
        keys=(key,) if answer == "accepted" else (),
        played_ms=18000,
        total_ms=20000,
        marker="purposes_end",
    )


def everything(session: Session) -> Rows:
    """All rows of an archive."""
    return tuple(
        (table, dict(row))
        for table in Table.metadata.sorted_tables
        for row in session.execute(sa.select(table).order_by(*table.primary_key)).mappings()
    )
