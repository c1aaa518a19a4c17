"""Fifty calls with a tone and words of their own, erased in every way there is: no byte tells of them."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage import artifacts, books, calls, complaints, people, recordings, remains, requests, samples
from storage.artifacts import Making
from storage.desk import Desk
from storage.gate import Asking
from storage.keys import new_data_key
from storage.people import Person, Role
from storage.policy import events as e
from storage.policy.clocks import local_date
from storage.policy.reuse import Reuse, ReuseSettings
from storage.sweep import sweep
from storage.tables import CaseKey, DataKey
from tests.storage.world import ARRIVED, World, begin, tone

CALLS = 50
ON_FILE = Reuse(True, "LIA-1", "CT-1")
ROLES = ("RIGHTS", "COMPLAINT", "QA", "COMPLIANCE")


def word(number: int) -> str:
    return f"kanariefugl{number:03}zwq"


def sound(number: int) -> bytes:
    return tone(0.4, hz=(300.0 + 7 * number, 900.0 + 11 * number))


def asking(role: str, purpose: str = "") -> Asking:
    return Asking(Person("anna", tuple(Role(name) for name in ROLES)), role, purpose)


class Flock:
    """The archive with the fifty calls, and everything that can be made of a call."""

    def __init__(self, world: World) -> None:
        self.world = world
        reuse = ReuseSettings(ON_FILE, ON_FILE, ON_FILE)
        self.desk = Desk(world.db, world.store, world.keys, world.settings, reuse=reuse)
        nobody = {"id": "x"}
        world.db.write_sync(lambda s: people.add(s, "anna", "Anna", "LB", ARRIVED, nobody))
        self.calls = [self._call(number) for number in range(CALLS)]
        self.secrets = world.db.read_sync(
            lambda s: [*s.scalars(select(DataKey.wrapped)), *s.scalars(select(CaseKey.wrapped))]
        )

    def _call(self, number: int) -> str:
        world = self.world
        call, new = begin(world)
        with world.store.create_spool(new.artifact_id, new.data_key) as spool:
            spool.append(sound(number))
        facts = world.store.finish(new.artifact_id, new.data_key)
        end = ARRIVED + timedelta(minutes=1)
        words = json.dumps({"text": f"så sagde hun {word(number)} og intet andet"}).encode()
        making = {
            f"{call}/transcript": Making(keys=world.keys, words=words),
            f"{call}/summary": Making(keys=world.keys, words=b"summary: " + words),
        }

        def finish(session) -> None:  # type: ignore[no-untyped-def]
            recordings.seal(session, new.artifact_id, facts, end, world.settings)
            calls.close_call(session, call, end, "hangup_caller", world.settings)
            for event in (e.Transcribed(call), e.Derived(call, "summary")):
                books.happen(session, event, end, world.settings, making=making)

        world.db.write_sync(finish)
        return call

    def work(self) -> None:
        """Requests with packages, complaints with reasons, findings: each with the words of its call."""
        at = ARRIVED + timedelta(days=2)
        for number in range(0, 20):
            words = {"request": f"she said {word(number)}"}
            request, _ = requests.receive(
                self.desk, asking("RIGHTS"), "access", [self.calls[number]], at, words=words
            )
            requests.identify(self.desk, asking("RIGHTS"), request, "confirmed", word(number), at)
            requests.answer(self.desk, asking("RIGHTS"), request, False, {"reply": word(number)}, at)
        for number in range(20, 30):
            who = asking("COMPLAINT")
            complaint, _ = complaints.receive(
                self.desk, who, [self.calls[number]], at, {"complaint": word(number)}
            )
            reason = {"reason": f"because of {word(number)}"}
            complaints.decide(self.desk, who, complaint, number % 2 == 0, reason, at)
            complaints.close(self.desk, who, complaint, at, reason)
            if number % 2 == 0:
                lawyer = Asking(Person("lene", (Role("LEGAL"),)), "LEGAL")
                on = local_date(at) + timedelta(days=40)
                complaints.confirm(self.desk, lawyer, complaint, _COMPLAINT, on, at)
        plan = samples.Plan("R-71", local_date(ARRIVED), local_date(ARRIVED), 5, "seed")
        drawing = samples.draw(self.desk, asking("COMPLIANCE"), plan, at)
        for call in drawing.calls:
            said = {"finding": word(self.calls.index(call))}
            samples.note_finding(self.desk, asking("COMPLIANCE"), drawing.sample, call, said, at)
        for number in (0, 1):
            recording = self.world.db.read_sync(
                lambda s, n=number: artifacts.listing(s, self.calls[n], artifacts.ArtifactKind.AUDIO)[0][0].id
            )
            dpo = Asking(Person("dora", (Role("DPO"),)), "DPO", "", "", f"why {word(number)}?")
            self.desk.gate.open_media(dpo, recording, at).close()

    def erase(self) -> None:
        """By withdrawal, by erasure request, by date."""
        at = ARRIVED + timedelta(days=3)
        for number in range(30, 40):
            requests.withdraw(self.desk, asking("RIGHTS"), [self.calls[number]], "letter", at)
        for number in range(40, 45):
            request, _ = requests.receive(
                self.desk, asking("RIGHTS"), "erasure", [self.calls[number]], at, words={"x": word(number)}
            )
            requests.answer(self.desk, asking("RIGHTS"), request, False, {"reply": word(number)}, at)
        for days in (31, 45, 100, 400, 800, 1200, 1600):
            sweep(self.world.db, self.world.store, ARRIVED + timedelta(days=days), self.world.settings)


_COMPLAINT = complaints.CaseKind.COMPLAINT


@dataclass(frozen=True)
class Cluster:
    """The database server's folder (pages, write-ahead log, temporary files): other tests use it too."""

    folder: Path
    database: str  # the folder of this world's pages below base/
    began: float  # what was last written before this cannot tell of these calls

    def files(self) -> Iterator[Path]:
        for path in self.folder.rglob("*"):
            place = path.relative_to(self.folder).parts
            of_another = place[0] == "base" and place[1:2] not in ((self.database,), ("pgsql_tmp",))
            if not of_another and path.is_file():
                yield path


def files_of(world: World, cluster: Cluster | None) -> Iterator[Path]:
    yield from (path for path in world.folder.rglob("*") if path.is_file() and path.name != "key")
    if cluster is not None:
        yield from cluster.files()


def spellings(number: int) -> list[bytes]:
    said = word(number)
    encoded = base64.b64encode(said.encode())[:-3]
    pcm = sound(number)
    return [said.encode(), said.encode("utf-16-le"), said.encode().hex().encode(), encoded, pcm[800:864]]


def traces(world: World, needles: list[bytes], cluster: Cluster | None = None) -> list[tuple[str, bytes]]:
    found = []
    for path in files_of(world, cluster):
        try:
            if cluster is not None and path.stat().st_mtime < cluster.began:
                continue
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        found += [(path.name, needle) for needle in needles if needle in content]
    return found


@pytest.mark.timeout(600)
def test_of_fifty_erased_calls_no_word_no_tone_and_no_key_is_left_in_any_byte(
    world: World, engine: str, request: pytest.FixtureRequest
) -> None:
    log = logging.FileHandler(world.folder / "everything.log")
    logging.getLogger().addHandler(log)
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        cluster = _cluster(world) if engine == "postgresql" else None
        flock = Flock(world)
        flock.work()
        needles = [spelling for number in range(CALLS) for spelling in spellings(number)]
        if cluster is not None:
            _to_disk(world)
        assert traces(world, needles, cluster) == [], "already while they are kept: nothing stands in clear"
        if engine == "sqlite":
            assert len({needle for _, needle in traces(world, flock.secrets)}) > CALLS, "their keys do"
        flock.erase()
        assert world.db.scrub()
    finally:
        logging.getLogger().removeHandler(log)
        logging.getLogger().setLevel(before)
        log.close()
    if cluster is not None:
        _to_disk(world)
    assert traces(world, needles, cluster) == []
    if engine == "sqlite":
        assert traces(world, flock.secrets) == []
    assert remains.search(world.db, world.store, world.keys, ARRIVED + timedelta(days=1600)) == []
    assert list(world.db.read_sync(lambda s: s.scalars(select(DataKey.artifact_id)).all())) == []
    assert list(world.db.read_sync(lambda s: s.scalars(select(CaseKey.case_id)).all())) == []
    assert [path for path in (world.folder / "audio").rglob("*.t1*") if path.is_file()] == []


def _cluster(world: World) -> Cluster:
    def ask(session: Session) -> Cluster:
        folder = session.execute(text("SHOW data_directory")).scalar_one()
        database = session.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
        return Cluster(Path(folder), str(database), time.time() - 1)

    return world.db.read_sync(ask)


def _to_disk(world: World) -> None:
    """What the server holds in memory is written to its files."""
    world.db.read_sync(lambda s: s.execute(text("CHECKPOINT")))


def test_the_search_would_find_a_word_or_a_tone_that_was_left(world: World) -> None:
    """The positive control: one plaintext anywhere is found in each of its spellings."""
    for spelling in spellings(7):
        left = world.folder / "left.tmp"
        left.write_bytes(b"x" * 5000 + spelling + b"y")
        assert ("left.tmp", spelling) in traces(world, [spelling])
        left.unlink()
    key = new_data_key()
    (world.folder / "left.tmp").write_bytes(key)
    assert traces(world, [key]) == [("left.tmp", key)]
