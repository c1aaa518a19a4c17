"""Membership: this gateway among others on the same database, and its uploads into the bucket.

A gateway holds its name while it runs (`storage.instances`), gives a sign of life every few seconds, and is
told in return whether it keeps house for all. While the database is away nobody does.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path

from gateway.archive import Archive, agreed
from storage import instances
from storage.database import DatabaseError, Lock
from storage.instances import About
from storage.uploads import PAUSES_S, Round, Uploads

NAME_WAIT_S = 10.0
"""How long a start waits for its name: the server may not know yet that the one before is dead."""

log = logging.getLogger(__name__)


class AlreadyRunning(OSError):
    """Another gateway works on this data folder."""


class NameTaken(DatabaseError):
    """Another gateway of that name is up on this database."""


class FolderLock:
    """One gateway a data folder: the next one would take the first one's live recordings for leftovers."""

    NAME = "gateway.lock"

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / self.NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise AlreadyRunning(
                f"another gateway works on {folder}; stop it, or give this one a storage.folder of its own"
            ) from None

    def release(self) -> None:
        """Let another gateway start; a killed process does this by dying."""
        os.close(self._fd)


class Membership:
    """One gateway's place among others: `hold` first, `run` while it is up, `leave` at the end."""

    def __init__(self, archive: Archive, calls_up: Callable[[], int], now: Callable[[], datetime]) -> None:
        self._archive = archive
        self._calls_up = calls_up
        self._now = now
        self._lock: Lock | None = None
        self._leads_until = float("-inf")
        self._about = About(
            archive.store.instance,
            uuid.uuid4().hex,
            metadata.version("tast1"),
            agreed(archive.settings),
            now(),
        )
        self._uploading = False
        self.draining = False
        self.uploads = Uploads(archive.database, archive.store)

    @property
    def keeps_house(self) -> bool:
        """Whether this gateway does what only one does for all."""
        return time.monotonic() < self._leads_until

    def hold(self) -> None:
        """Take the name and give the first sign of life; `NameTaken`, or `DatabaseError` when it is away."""
        self.take_name()
        self._beat()

    def take_name(self) -> None:
        """Take the name, if it is not held; see `hold`."""
        if self._archive.database.is_sqlite:
            return
        until = time.monotonic() + NAME_WAIT_S
        while not self._take_name():
            if time.monotonic() > until:
                raise NameTaken(
                    f"another gateway is called {self._about.instance} on this database; stop it, or give"
                    " this one a storage.instance of its own"
                )
            time.sleep(0.2)

    def _take_name(self) -> bool:
        if self._lock is None:
            self._lock = self._archive.database.lock(instances.lock_number(self._about.instance))
        return self._lock is not None

    def _beat(self) -> None:
        asked_at = time.monotonic()
        leads = self._archive.database.write_sync(
            lambda s: instances.beat(s, self._about, self._calls_up(), self.draining, self._now())
        )
        self._leads_until = asked_at + instances.LEASE_S if leads else float("-inf")

    def _keep_name(self) -> None:
        if self._lock is not None and not self._lock.is_held():
            self._lock.release()
            self._lock = None
            if not self._take_name():
                log.error("another gateway took this one's name; stop one of them")

    async def run(self) -> None:
        """Signs of life, until cancelled."""
        failing = False
        while True:
            try:
                await asyncio.to_thread(self._keep_name)
                await asyncio.to_thread(self._beat)
                failing = False
            except Exception:
                if not failing:
                    log.exception("no sign of life could be given; it is tried again")
                failing = True
            await asyncio.sleep(instances.BEAT_S)

    async def send(self) -> None:
        """Uploads, until cancelled; does nothing without a bucket."""
        if self._archive.store.bucket is None:
            return
        failed = 0
        while True:
            if not self._uploading:
                self._uploading = await self._begin_sending()
            done = await self._round()
            failed = failed + 1 if done is None or done.why else 0
            await asyncio.sleep(PAUSES_S[min(failed, len(PAUSES_S) - 1)])

    async def _begin_sending(self) -> bool:
        try:
            await asyncio.to_thread(self.uploads.start)
        except DatabaseError:
            return False
        return True

    async def _round(self) -> Round | None:
        try:
            return await asyncio.to_thread(self.uploads.round)
        except Exception:
            log.exception("files could not be sent to the bucket; it is tried again")
            return None

    def leave(self) -> None:
        """The gateway ends: the last files go, and the others need not wait."""
        try:
            self.uploads.round()
            self._archive.database.write_sync(lambda s: instances.leave(s, self._about.instance))
        except Exception:
            log.exception("the end of this gateway could not be noted")
        if self._lock is not None:
            self._lock.release()
