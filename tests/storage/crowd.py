"""Many processes on one archive, each with orders of its own; run by `test_crowd.py`.

One second of real time is one day of the archive's, so recordings come of age, holds and sweeps meet. What a
process did that must hold is a line of JSON on its standard output.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from storage import artifacts, complaints, orders, requests
from storage.artifacts import NotReadable
from storage.desk import Desk
from storage.gate import Asking, NotAllowed
from storage.people import Person, Role
from storage.policy.book import Refused
from storage.policy.reuse import Reuse, ReuseSettings
from storage.sealed import MediaError
from storage.sweep import sweep
from storage.tables import Artifact, Case
from tests.storage.world import ARRIVED, World, open_world, record_call

DAY_S = 1.0
ON_FILE = Reuse(True, "LIA-1", "CT-1")


class Worker:
    """One process: a sweeper, or a writer that does something at random."""

    def __init__(self, folder: Path, began_s: float, seed: int) -> None:
        self.world: World = open_world(folder)
        self.desk = Desk(
            self.world.db,
            self.world.store,
            self.world.keys,
            self.world.settings,
            reuse=ReuseSettings(ON_FILE, ON_FILE, ON_FILE),
        )
        self.began_s = began_s
        self.draw = random.Random(seed)
        self.done: dict[str, int] = {}

    def now(self) -> datetime:
        return ARRIVED + timedelta(days=(time.time() - self.began_s) / DAY_S)

    def asking(self, role: str, purpose: str = "") -> Asking:
        return Asking(Person("anna", (Role(role),)), role, purpose)

    def sweep(self) -> None:
        result = sweep(self.world.db, self.world.store, self.now(), self.world.settings)
        self.done["erased"] = self.done.get("erased", 0) + len(result.erased)

    def write(self) -> None:
        """One thing at random, most often about calls that are about to go."""
        often = (self.complain, self.order, self.listen)
        seldom = (self.record, self.decide, self.ask, self.answer, self.withdraw, self.lift)
        what = self.draw.choice((*often, *often, *seldom))
        try:
            what()
            self.done[what.__name__] = self.done.get(what.__name__, 0) + 1
        except (Refused, NotAllowed, NotReadable) as refusal:
            self.done[type(refusal).__name__] = self.done.get(type(refusal).__name__, 0) + 1
        except MediaError:
            # The key was given out, and then the file went: at once is at once.
            self.done["gone"] = self.done.get("gone", 0) + 1

    def call(self) -> str:
        """An old call rather than a new one."""
        query = (
            select(Artifact.call_id)
            .where(Artifact.kind == "AUD", Artifact.blocked_at.is_(None))
            .order_by(Artifact.anchor)
        )
        found = self.world.db.read_sync(lambda s: s.scalars(query.limit(20)).all())
        if not found:
            raise Refused("there is no call yet")
        return str(self.draw.choice(found))

    def case(self, kind: str) -> str:
        query = select(Case.id).where(Case.kind == kind, Case.closed_at.is_(None)).limit(30)
        found = self.world.db.read_sync(lambda s: s.scalars(query).all())
        if not found:
            raise Refused("there is no case yet")
        return self.draw.choice(list(found))

    def record(self) -> None:
        record_call(self.world, at=self.now() - timedelta(minutes=2), seconds=0.02)

    def complain(self) -> None:
        complaints.receive(self.desk, self.asking("COMPLAINT"), [self.call()], self.now())

    def decide(self) -> None:
        keep = self.draw.random() < 0.3
        complaints.decide(
            self.desk, self.asking("COMPLAINT"), self.case("complaint"), keep, {"reason": "r"}, self.now()
        )

    def ask(self) -> None:
        kind = self.draw.choice(("rectification", "restriction", "objection", "erasure"))
        requests.receive(self.desk, self.asking("RIGHTS"), kind, [self.call()], self.now())

    def answer(self) -> None:
        request = self.case("rights_request")
        requests.answer(self.desk, self.asking("RIGHTS"), request, False, {}, self.now())

    def withdraw(self) -> None:
        requests.withdraw(self.desk, self.asking("AGENT"), [self.call()], "letter", self.now())

    def order(self) -> None:
        """A hold that must hold: what it got is told, and must be there at the end unless it was lifted."""
        at = self.now()
        order, _ = orders.receive(self.desk, self.asking("LEGAL"), [self.call()], {"reason": "r"}, at)
        print(json.dumps({"ordered": order}), flush=True)

    def lift(self) -> None:
        if self.draw.random() < 0.2:
            order = self.case("authority_order")
            orders.lift(self.desk, self.asking("LEGAL"), order, {}, self.now())
            print(json.dumps({"lifted": order}), flush=True)

    def listen(self) -> None:
        at, call = self.now(), self.call()
        kind = artifacts.ArtifactKind.AUDIO
        recording = self.world.db.read_sync(lambda s: artifacts.listing(s, call, kind)[0][0].id)
        self.desk.gate.open_media(self.asking("QA", "training"), recording, at).close()


def main() -> None:
    """`crowd.py FOLDER BEGAN_S SECONDS SEED sweep|write`."""
    folder, began_s, seconds, seed, role = sys.argv[1:]
    worker = Worker(Path(folder), float(began_s), int(seed))
    step = worker.sweep if role == "sweep" else worker.write
    while time.time() < float(began_s) + float(seconds):
        step()
    worker.world.db.close()
    print(json.dumps({"done": worker.done}), flush=True)


if __name__ == "__main__":
    main()
