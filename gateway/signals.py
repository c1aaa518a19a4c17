"""Signals: what a running gateway tells of itself, in metrics, traces and the counts of refused calls.

Nothing of it is about a person, and none of it may hold up a call: what cannot be told is left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from importlib import metadata
from typing import TYPE_CHECKING

from gateway.archive import Archive
from gateway.calls.backlog import Backlog
from gateway.calls.catchup import CatchUp
from gateway.calls.counts import Counts
from gateway.calls.driver import CallDriver
from gateway.calls.live import LiveCalls
from gateway.config import Settings
from gateway.edge.certificates import not_after
from gateway.edge.edge import Edge
from gateway.membership import Membership
from gateway.web.metrics import BucketFacts, GatewayCollector, GatewayFacts, TranscriptionFacts
from gateway.worker.pool import WorkerPool
from storage.outcomes import Outcome
from storage.policy.clocks import local_date
from storage.readings import ArchiveReading, VolumeReading, bytes_below, read_archive, read_volumes
from storage.reconciliation import note_refusals
from transcription.servers import Servers

if TYPE_CHECKING:
    from gateway.traces import CallTraces

READ_S = 10.0  # between looks at the room there is
NOTE_S = 60.0  # between notes of what was refused; around midnight a call may count to the next day

log = logging.getLogger(__name__)


class Signals:
    """The signals of one gateway. `run` beside it; `close` writes down the last of them."""

    def __init__(
        self,
        archive: Archive,
        counts: Counts,
        calls: LiveCalls,
        edge: Edge,
        pool: WorkerPool,
        servers: Servers,
        catch_up: CatchUp,
        backlog: Backlog,
        membership: Membership,
    ) -> None:
        self.swept_at: datetime | None = None
        self.draining = False
        self._storage = archive
        self._counts = counts
        self._calls = calls
        self._edge = edge
        self._pool = pool
        self._servers = servers
        self._catch_up = catch_up
        self._backlog = backlog
        self._membership = membership
        self._archive: ArchiveReading | None = None
        self._volumes: tuple[VolumeReading, ...] = ()
        self._spool_bytes = 0
        self._certificates: dict[str, datetime] = {}
        self._unread: set[str] = set()  # certificates that cannot be read: it is said once
        self._noted: Counter[str] = Counter()
        self._traces = _traces(archive.settings)
        calls.on_over = self.over

    def workers(self) -> dict[str, int]:
        """How many workers are free and busy, and how many died since the start."""
        counts = self._pool.counts()
        return {"free": counts.free, "busy": counts.busy, "died": counts.died}

    def over(self, call: CallDriver, outcome: Outcome) -> None:
        """A call is over and judged: its trace is told, when anybody wants it."""
        if self._traces is not None:
            self._traces.tell(call.call_id, call.timeline, outcome)

    async def swept(self, seconds: float, at: datetime) -> None:
        """A sweep came to its end at `at`: count it, and look at what is kept now."""
        self._counts.durations["sweep"].observe(seconds)
        self.swept_at = at
        policy = self._storage.settings.policy
        try:
            self._archive = await self._storage.database.read(lambda s: read_archive(s, at, policy))
        except Exception:
            log.exception("what is kept could not be counted; it is tried again")

    async def run(self) -> None:
        """Look at the room there is and note what was refused, until cancelled."""
        noted_at = 0.0
        while True:
            try:
                await asyncio.to_thread(self._look)
                if asyncio.get_running_loop().time() - noted_at >= NOTE_S:
                    await self._note_refused()
                    noted_at = asyncio.get_running_loop().time()
            except Exception:
                log.exception("a reading could not be taken; it is tried again")
            await asyncio.sleep(READ_S)

    async def close(self) -> None:
        """Note what was refused since the last time, and let the last traces go out."""
        try:
            await self._note_refused()
        except Exception:
            log.exception("calls that were refused could not be noted")
        if self._traces is not None:
            await asyncio.to_thread(self._traces.close)

    def collector(self) -> GatewayCollector:
        """The metrics of this gateway."""
        return GatewayCollector(self._counts, self._facts())

    def _look(self) -> None:
        storage = self._storage.settings.storage
        self._volumes = read_volumes({"data": storage.folder, "memory": storage.memory_folder})
        self._spool_bytes = bytes_below(storage.folder / "spool", storage.memory_folder)
        self._certificates = self._read_certificates()

    def _read_certificates(self) -> dict[str, datetime]:
        """Until when the certificates that settings name hold; one that cannot be read is left out."""
        sip, web = self._storage.settings.sip, self._storage.settings.web
        named = {
            "sip.tls_certificate": sip.tls_certificate if sip.tls else None,
            "web.tls_certificate": web.tls_certificate if web.listen else None,
        }
        found: dict[str, datetime] = {}
        for setting, path in named.items():
            if path is None:
                continue
            try:
                found[setting] = not_after(path)
                self._unread.discard(setting)
            except (OSError, ValueError) as error:
                if setting not in self._unread:
                    why = type(error).__name__
                    log.warning("a certificate cannot be read", extra={"setting": setting, "why": why})
                self._unread.add(setting)
        return found

    async def _note_refused(self) -> None:
        refused = self._refused()
        new = refused - self._noted
        if new:
            on = local_date(datetime.now(timezone.utc))
            await self._storage.database.write(lambda s: note_refusals(s, on, new))
            self._noted = refused

    def _refused(self) -> Counter[str]:
        rejected = self._pool.counts().rejected
        return Counter({**self._edge.calls_refused, "rejected_by_worker": rejected})

    def _facts(self) -> GatewayFacts:
        return GatewayFacts(
            version=metadata.version("tast1"),
            edge=lambda: self._edge.counts,
            calls_refused=self._refused,
            workers=lambda: {state: n for state, n in self.workers().items() if state != "died"},
            workers_died=lambda: self._pool.counts().died,
            calls_up=lambda: len(self._calls),
            records_waiting=lambda: len(self._backlog),
            draining=lambda: self.draining,
            swept_at=lambda: self.swept_at,
            archive=lambda: self._archive,
            volumes=lambda: self._volumes,
            spool_bytes=lambda: self._spool_bytes,
            certificates=lambda: self._certificates,
            trunks=self._edge.trunk_states,
            transcription=self._transcription_facts(),
            bucket=self._bucket_facts,
            keeps_house=lambda: self._membership.keeps_house,
        )

    def _bucket_facts(self) -> BucketFacts | None:
        uploads = self._membership.uploads
        if self._storage.store.bucket is None:
            return None
        return BucketFacts(uploads.sent, uploads.failures, uploads.last.waiting, not uploads.last.why)

    def _transcription_facts(self) -> TranscriptionFacts:
        servers, catch_up = self._servers, self._catch_up

        def of(told: Callable[[], Mapping[str, int]]) -> Callable[[], Mapping[str, int]]:
            return lambda: told() if servers.servers else {}

        return TranscriptionFacts(
            endings=of(lambda: catch_up.endings),
            jobs=of(lambda: {**dict.fromkeys(("live", "waiting", "running"), 0), **catch_up.jobs}),
            servers=of(lambda: {"up": servers.available, "down": len(servers.servers) - servers.available}),
            streams=lambda: sum(server.streams for server in servers.servers),
            lag_s=lambda: max((call.transcription_lag_s for call in self._calls.up()), default=0.0),
        )


def _traces(settings: Settings) -> CallTraces | None:
    if settings.traces.endpoint is None:
        return None
    from gateway.traces import CallTraces  # the libraries are loaded only where traces are wanted

    return CallTraces(settings.traces.endpoint, metadata.version("tast1"))
