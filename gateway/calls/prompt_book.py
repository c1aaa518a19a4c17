"""The prompt book: which prompts a call plays, decided when the call begins.

It is held in memory and brought up to date from the database, every few seconds and whenever a command says
that something was activated. Activations that are still to come are in it, so one begins at its instant and
not when somebody looks. A call keeps what it was given.

Fail open: when the database is away, what is known stays in force; when the file of a version is missing or
altered, the prompt that came with Tast1 is played in its place, counted and logged. The consent record names
what was played by its hashes, so it says which of the two it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from gateway.callflow.settings import FlowSettings
from gateway.calls.counts import Counts
from ivr_prompts.catalogue import Catalogue, Prompt
from storage import prompts
from storage.database import Database
from storage.prompts import Stock
from storage.sealed import MediaError
from storage.tables import PromptVersion

REFRESH_S = 2.0

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]  # inode, bytes, nanoseconds of the last change


class PromptBook:
    """The shipped prompts of a catalogue, and what was activated in their place."""

    def __init__(
        self,
        catalogue: Catalogue,
        folder: Path | None = None,
        counts: Counts | None = None,
        fetch: Callable[[str], bytes | None] = lambda sha256: None,
    ) -> None:
        """`folder` is the storage folder; without one only what is shipped is played.

        `fetch`: the sound of that hash from where gateways share it, if it is there; may raise `MediaError`.
        """
        self._fetch = fetch
        self.catalogue = catalogue  # another one may be put here: calls that begin from then on play it
        self._folder = folder
        self._counts = counts or Counts()
        self._stock = Stock()
        self._whole: dict[str, Stamp] = {}  # files that had their hash, by hash
        self._told: set[str] = set()  # files whose fault was logged
        self._turn = asyncio.Lock()

    @property
    def stock(self) -> Stock:
        """What was activated, as far as it is known here."""
        return self._stock

    def for_call(self, flow: FlowSettings, dialled: str, at: datetime) -> Mapping[str, Prompt]:
        """By role, what a call that begins at `at` plays from its first to its last prompt."""
        shipped = self.catalogue[flow.prompts]
        if not self._stock.activations:
            return shipped
        return {role: self._chosen(prompt, flow.name, dialled, at) for role, prompt in shipped.items()}

    def _chosen(self, shipped: Prompt, flow: str, dialled: str, at: datetime) -> Prompt:
        found = prompts.in_force(self._stock.activations, shipped.language, shipped.role, flow, dialled, at)
        if found is None or found.version_id is None or self._folder is None:
            return shipped
        row = self._stock.versions[found.version_id]
        path = prompts.file_of(self._folder, row.audio_sha256)
        if _stamp(path) == self._whole.get(row.audio_sha256, ()):
            return prompt_of(row, shipped.id, self._folder)
        self._counts.prompt_fallbacks[shipped.role] += 1
        self._tell(row)
        return shipped

    def _tell(self, row: PromptVersion) -> None:
        if row.audio_sha256 not in self._told:
            self._told.add(row.audio_sha256)
            log.error(
                "the file of a prompt is missing or altered; the one that came with Tast1 is played",
                extra={"prompt": prompts.name_of(row)},
            )

    async def refresh(self, database: Database) -> int:
        """Take over what the database has now; how many activations there are, those to come included."""
        async with self._turn:  # what was read earlier never replaces what was read later
            stock = await database.read(lambda session: prompts.stock(session, datetime.now(timezone.utc)))
            whole = await asyncio.to_thread(self._look, stock.versions.values())
            self._take(stock, whole)
        return len(stock.activations)

    def refresh_now(self, database: Database) -> None:
        """The same here and now, before there are calls."""
        stock = database.read_sync(lambda session: prompts.stock(session, datetime.now(timezone.utc)))
        self._take(stock, self._look(stock.versions.values()))

    async def keep_up(self, database: Database) -> None:
        """Refresh on and on."""
        failing = False
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh(database)
                failing = False
            except Exception:
                self._counts.storage_failures["prompts"] += 1
                if not failing:
                    log.exception("prompts could not be looked up; those that are known stay in force")
                failing = True

    def _take(self, stock: Stock, whole: dict[str, Stamp]) -> None:
        self._stock, self._whole = stock, whole
        self._told -= whole.keys()

    def _look(self, rows: Iterable[PromptVersion]) -> dict[str, Stamp]:
        """The files that have their hash; one that did not change since is not read again."""
        whole: dict[str, Stamp] = {}
        if self._folder is None:
            return whole
        for sha256 in {row.audio_sha256 for row in rows}:
            path = prompts.file_of(self._folder, sha256)
            if not path.exists():
                self._get(sha256)
            stamp = _stamp(path)
            if stamp is not None and (stamp == self._whole.get(sha256) or _has_hash(path, sha256)):
                whole[sha256] = stamp
        return whole

    def _get(self, sha256: str) -> None:
        """Another gateway made it: keep its sound here, if it can be had now and is the right one."""
        assert self._folder is not None
        try:
            audio = self._fetch(sha256)
            if audio is not None and hashlib.sha256(audio).hexdigest() == sha256:
                prompts.keep_file(self._folder, audio)
        except MediaError as error:
            log.warning("the sound of a prompt could not be fetched", extra={"why": str(error)})


def prompt_of(row: PromptVersion, prompt_id: str, folder: Path) -> Prompt:
    """A stored version as the catalogue would have it; `prompt_id` is its shipped sibling's."""
    return Prompt(
        id=prompt_id,
        role=row.role,
        language=row.prompt_set,
        text=row.text,
        version=str(row.number),
        path=prompts.file_of(folder, row.audio_sha256),
        sha256=row.audio_sha256,
        text_sha256=row.text_sha256,
        duration_ms=row.duration_ms,
        markers_ms={name: int(marker["ms"]) for name, marker in row.markers.items()},
    )


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _has_hash(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False
