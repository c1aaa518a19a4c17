"""Uploads: sealed files of the folder go into the bucket, again and again until they have arrived.

Promises:
1. A file leaves the folder when the bucket has all of it, and not before. The folder is the list of what is
   still to go: killed at any line, the next round goes on.
2. What was withdrawn or erased is not sent; what was erased while it was on its way is removed at its end.
3. A bucket that does not answer is asked again after a pause; no call waits for it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from storage import held
from storage.database import Database
from storage.media import MediaStore, object_name
from storage.prompts import PROMPTS
from storage.sealed import MediaError, explain, sync_folder

PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Between rounds: the first after one in which nothing failed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What a round did."""

    sent: int = 0
    waiting: int = 0  # sealed files that are in the folder still
    why: str = ""  # of the first failure, "" without one


class Uploads:
    """The uploads of one gateway. Used by one thread at a time."""

    def __init__(self, db: Database, store: MediaStore) -> None:
        self._db = db
        self._store = store
        self._prompts: set[str] = set()  # those that are known to be in the bucket
        self.last = Round()
        self.sent = 0
        self.failures = 0

    def start(self) -> None:
        """Before the first round: what was being sent when the last process ended is not any more."""
        if self._store.bucket is not None:
            self._db.write_sync(lambda s: held.stopped(s, self._store.instance))

    def round(self) -> Round:
        """Send what can be sent; the first failure of the bucket ends the round. Raises `DatabaseError`."""
        if self._store.bucket is None:
            return self.last
        sent, why = 0, ""
        waiting = sorted(self._store.sealed(), key=lambda path: path.name)
        try:
            for path in waiting:
                sent += self._send(path)
            self._send_prompts()
        except MediaError as error:
            why = str(error)
            self.failures += 1
            if why != self.last.why:
                log.error("files wait for the bucket", extra={"why": why, "files": len(waiting) - sent})
        if self.last.why and not why:
            log.warning("the bucket is back", extra={"files": sent})
        self._let_go()
        self.sent += sent
        self.last = Round(sent, len(waiting) - sent, why)
        return self.last

    def _send(self, path: Path) -> bool:
        """Whether the file is in the bucket now and no longer in the folder."""
        artifact_id, bucket = path.stem, self._store.bucket
        assert bucket is not None
        if not self._db.write_sync(lambda s: held.begin(s, self._store.instance, artifact_id)):
            return False
        name, stays = object_name(artifact_id), False
        try:
            if path.exists():
                bucket.put(name, path)
                stays = self._db.write_sync(lambda s: held.arrived(s, artifact_id))
                if not stays:
                    bucket.remove(name)
        finally:
            self._db.write_sync(lambda s: held.stopped(s, self._store.instance, artifact_id))
        if not stays:
            return False
        try:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
        except OSError as error:
            raise explain(error, "removing a recording") from error
        self._db.write_sync(lambda s: held.gone(s, artifact_id))
        return True

    def _send_prompts(self) -> None:
        """Sound of prompts that were made here: every gateway plays it."""
        bucket = self._store.bucket
        assert bucket is not None
        for path in sorted((self._store.folder / PROMPTS).glob("*.wav")):
            name = f"{PROMPTS}/{path.name}"
            if name not in self._prompts:
                if bucket.size(name) is None:
                    bucket.put(name, path)
                self._prompts.add(name)

    def _let_go(self) -> None:
        """Rows of files that are not in the folder any more: a kill came between the file and its row."""
        for artifact_id, state in self._db.read_sync(lambda s: held.of(s, self._store.instance)):
            if state == "sealed" and not self._store.places(artifact_id, in_bucket=False):
                self._db.write_sync(lambda s, each=artifact_id: held.gone(s, each))  # type: ignore[misc]


def fetch_prompt(store: MediaStore, sha256: str) -> bytes | None:
    """The sound of a prompt that another gateway made; None when it is not there, or there is no bucket."""
    name = f"{PROMPTS}/{sha256}.wav"
    if store.bucket is None or store.bucket.size(name) is None:
        return None
    return store.bucket.get(name)
