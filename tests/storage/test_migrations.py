"""An archive of an older program is brought to today's tables with everything that is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import storage
from storage import artifacts, audit_log
from storage.database import Database
from storage.policy.clocks import expiry_of
from storage.tables import Artifact, Case
from tests.storage.world import ARRIVED, database_url

CALL, CONSENT, AUDIO = "c" * 32, "e" * 32, "a" * 32
_CALL = {
    "id": CALL,
    "instance": "gateway",
    "sip_call_ref": "x",
    "flow": "customer",
    "direction": "inbound",
    "caller_pseudonym": "p",
    "arrived_at": ARRIVED.replace(tzinfo=None),
}
_CONSENT = {
    "id": CONSENT,
    "call_id": CALL,
    "offer": 1,
    "caller_pseudonym": "p",
    "started_at": ARRIVED.replace(tzinfo=None),
    "started_local": "2025-01-15T12:00:00+01:00",
    "language": "da",
    "prompt_id": "consent",
    "prompt_version": "1",
    "prompt_text_sha256": "a" * 64,
    "prompt_audio_sha256": "b" * 64,
    "policy_version": "1",
    "keys": "[]",
    "decision": "accepted",
    "decision_rule": "R-71/1",
    "decided_at": ARRIVED.replace(tzinfo=None),
    "record_hash": "c" * 64,
}


def _artifact(artifact_id: str, kind: str, **more: object) -> dict[str, object]:
    return {
        "id": artifact_id,
        "kind": kind,
        "call_id": CALL,
        "state": "sealed",
        "created_at": ARRIVED.replace(tzinfo=None),
        "anchor": ARRIVED.replace(tzinfo=None),
        "intervals": "[]",
        "controller": "LB",
        "processor": "self",
        "region": "DK",
        **more,
    }


def at_revision(url: str, revision: str) -> sa.Engine:
    """A database as the program of that time had made it."""
    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(storage.__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # a test's database is a migrated one
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return engine


def insert(connection: sa.Connection, table: str, row: dict[str, object]) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_what_an_older_program_stored_is_there_after_the_migration(home: Path, revision: str) -> None:
    url = database_url(home)
    engine = at_revision(url, revision)
    until = ARRIVED.date()
    with engine.begin() as connection:
        insert(connection, "calls", _CALL)
        insert(connection, "consent_records", _CONSENT)
        insert(
            connection,
            "cases",
            {"id": "S-1", "kind": "investigation", "opened_at": _CALL["arrived_at"], "opened_by": "x"},
        )
        recording = _artifact(AUDIO, "AUD", consent_id=CONSENT, consent_decision="accepted")
        evidence = _artifact("f" * 32, "CE", consent_id=CONSENT, consent_decision="accepted")
        for row in (recording, evidence):
            insert(connection, "artifacts", row)
        ground = {
            "artifact_id": AUDIO,
            "ground": "G-CONSENT",
            "rule": "R-10",
            "lawful_basis": '["6(1)(a)"]',
            "purposes": "[]",
            "roles": "[]",
            "clock_start": _CALL["arrived_at"],
            "until": until,
            "expires_at": expiry_of(until).replace(tzinfo=None),
            "decided_by": "policy",
            "reason": "",
            "case_id": "S-1",
            "ended_by": "",
        }
        insert(connection, "grounds", ground)
        insert(connection, "data_keys", {"artifact_id": AUDIO, "wrapped": b"k" * 69})
    engine.dispose()

    db = Database(url)
    try:
        rows = db.read_sync(lambda s: {row.kind: row for row in s.scalars(sa.select(Artifact))})
        assert (rows["AUD"].part, rows["CE"].part) == ("audio", "consent")
        assert rows["AUD"].consent_decision == "accepted"
        (kept,) = db.read_sync(lambda s: artifacts.grounds_of(s, AUDIO))
        assert (kept.until, kept.case, kept.expires_at) == (until, "S-1", expiry_of(until))
        assert db.read_sync(lambda s: s.get(Case, "S-1").right) is None
        assert db.write_sync(lambda s: audit_log.append(s, ARRIVED, "read", AUDIO)).seq == 1
    finally:
        db.close()
