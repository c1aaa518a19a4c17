"""The one place that builds everything: what the gateway is made of, and in which order it starts.

Storage first (a call that cannot be recorded is still a call, but nothing may be recorded into the
unknown), then what was left behind by a killed process, then workers, then the front door; stopping
goes the other way round and waits for the calls that are up.
"""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gateway.callflow.messages import StopRequested
from gateway.calls.capture import LegFiles, stray_audio_bytes
from gateway.calls.catchup import CatchUp
from gateway.calls.counts import Counts
from gateway.calls.driver import Surroundings
from gateway.calls.live import LiveCalls
from gateway.calls.records import StoredRecords
from gateway.calls.timeline import Entry
from gateway.calls.tones import StereoEraser
from gateway.calls.transcribing import Transcribing
from gateway.config import Settings, host_port, to_dataclass
from gateway.edge.edge import Edge
from gateway.edge.settings import EdgeSettings, LimitSettings, TrunkSettings
from gateway.web.api.app import api_app, check
from gateway.web.metrics import GatewayCollector, TranscriptionFacts
from gateway.web.server import Listeners, Readiness, add_health, control_app, tls_context
from gateway.worker.pool import WorkerPool
from gateway.worker.settings import WorkerSettings
from ivr_prompts.catalogue import Catalogue, Prompt
from storage import artifacts, jobs
from storage.artifacts import Tags
from storage.database import Database
from storage.desk import Desk
from storage.keys import Keys
from storage.leftovers import Recovered, recover_leftovers
from storage.media import MediaStore
from storage.redaction import Redaction
from storage.replay import Replayed, is_behind, replay
from storage.sweep import SweepResult, sweep
from transcription.client import cancelled
from transcription.models.catalogue import folder_of
from transcription.process import OwnTranscriber
from transcription.protocol import StreamConfig
from transcription.servers import Server, Servers
from transcription.stored import redacted_words, silences

SAMPLE_BYTES = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """Storage, opened: what the gateway and the commands share."""

    settings: Settings
    keys: Keys
    database: Database
    store: MediaStore

    @classmethod
    def open(cls, settings: Settings, replay_first: bool = True) -> Archive:
        """Open keys, database (migrating it) and media store; each error says what to do.

        A restored database is brought in line with the erasure ledger first: no command reads what was
        erased (R-61). `replay_first` false is for who calls `replay` next.
        """
        settings.storage.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = Keys.open(settings.key_file)
        opened = cls(settings, keys, Database(settings.database_url), MediaStore(settings.storage.folder))
        if replay_first and is_behind(opened.database, opened.store):
            opened.replay(_now())
        return opened

    @property
    def tags(self) -> Tags:
        """Who answers for what is kept here, who holds it, and where."""
        storage = self.settings.storage
        return Tags(self.settings.controller, storage.processor or "self", storage.region)

    @property
    def desk(self) -> Desk:
        """Where people make things happen to what is kept, and the gate through which they read."""
        return Desk(
            self.database,
            self.store,
            self.keys,
            self.settings.policy,
            self.tags,
            self.settings.reuse,
            Redaction(redacted_words, silences),
        )

    def sweep(self, now: datetime, dry_run: bool = False) -> SweepResult:
        """Erase what is due at `now`."""
        return sweep(self.database, self.store, now, self.settings.policy, dry_run)

    def replay(self, now: datetime) -> Replayed:
        """Erase again what was erased before a backup was restored (R-61)."""
        again = replay(self.database, self.store, now, self.settings.policy)
        if again.erased or again.files_removed or again.failed:
            log.warning(
                "a backup was restored; what had been erased since is erased again",
                extra={
                    "artifacts": len(again.erased),
                    "files": again.files_removed,
                    "failed": len(again.failed),
                },
            )
        if again.torn_lines:
            log.warning("lines of the erasure ledger cannot be read", extra={"lines": again.torn_lines})
        return again

    def recover(self, now: datetime) -> Recovered:
        """Erase again what a restored backup brought back; complete what a killed gateway left.

        That is: spools, tails in memory, open calls.
        """
        self.replay(now)
        memory = self.settings.storage.memory_folder

        def tail(artifact_id: str, frames: int) -> bytes:
            files = LegFiles(memory / artifact_id, already_read_bytes=frames * SAMPLE_BYTES)
            try:
                return StereoEraser().take(files.take(last=True), last=True)
            finally:
                files.close()

        self.database.write_sync(lambda s: jobs.take_over(s, now))
        found = recover_leftovers(self.database, self.store, self.keys, now, self.settings.policy, tail)
        for folder in sorted(memory.glob("*")) if memory.is_dir() else ():
            if folder.name not in found.failed:
                if folder.name not in {*found.sealed, *found.abandoned} and stray_audio_bytes(folder):
                    log.error("audio of no recording was found in memory and removed")
                shutil.rmtree(folder, ignore_errors=True)
        return found

    def catch_up(self, how: Transcribing | None) -> CatchUp | None:
        """Who transcribes what was left; None when nothing is transcribed here."""
        if how is None:
            return None
        return CatchUp(self.database, self.store, self.keys, self.settings.policy, self.tags, how)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


class AlreadyRunning(OSError):
    """Another gateway works on this data folder."""


class CannotListen(OSError):
    """Nothing can listen where a setting says. The message names the setting."""


class FolderLock:
    """One gateway a data folder: the next one would take the first one's live recordings for leftovers."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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


class Gateway:
    """A running gateway. `start`, then `stop`."""

    def __init__(self, settings: Settings, on_entry: Callable[[str, Entry], None] | None = None) -> None:
        self.settings = settings
        self.counts = Counts()
        settings.storage.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = FolderLock(settings.storage.folder)
        self.archive = Archive.open(settings)
        storage = settings.storage
        self.transcriber = own_transcriber(settings)
        self.transcribing = transcribing(settings, self.transcriber)
        records = StoredRecords(
            self.archive.database,
            self.archive.store,
            self.archive.keys,
            settings.policy,
            self.archive.tags,
            transcribes=self.transcribing is not None,
        )
        catalogue = Catalogue.load(settings.prompts.folder)
        self.calls = LiveCalls(
            settings.flows,
            Surroundings(
                records=records,
                prompts={name: catalogue[name] for name in catalogue.languages},
                memory_folder=storage.memory_folder,
                counts=self.counts,
                sync_s=storage.sync_ms / 1000,
                policy_version=settings.company.policy_version,
                delete_partial=settings.policy.withdrawal.midcall_delete_partial,
                on_entry=on_entry,
                transcribing=self.transcribing,
            ),
        )
        self._pool = WorkerPool(
            worker_settings(settings, catalogue[settings.prompts.default]["problem"]), settings.sip.workers
        )
        self._edge = Edge(edge_settings(settings, self.archive.keys.edge_key), self._pool)
        self.catch_up = self.archive.catch_up(self.transcribing)
        self._listeners = Listeners()
        self._tasks: list[asyncio.Task[None]] = []
        self._draining = False
        self._swept_at: datetime | None = None

    async def start(self) -> None:
        """Start everything; calls are taken when this returns."""
        memory = self.settings.storage.memory_folder
        await asyncio.to_thread(memory.mkdir, mode=0o700, parents=True, exist_ok=True)
        found = await asyncio.to_thread(self.archive.recover, _now())
        if found.sealed or found.calls_closed or found.failed:
            log.warning(
                "what the last run left was completed",
                extra={
                    "recordings": len(found.sealed),
                    "calls": len(found.calls_closed),
                    "failed": len(found.failed),
                },
            )
        if self.transcriber is not None:
            self.transcriber.start()
        await self._pool.start()
        self._tasks.append(asyncio.create_task(self._take_calls()))
        await self._edge.start()
        self._tasks.append(asyncio.create_task(self._sweep_on_and_on()))
        if self.catch_up is not None:
            self._tasks.append(asyncio.create_task(self.catch_up.run()))
        await self._listen()
        log.info("ready", extra={"workers": self.settings.sip.workers})

    async def _listen(self) -> None:
        if self.settings.web.listen is not None:
            host, port = host_port(self.settings.web.listen)
            collector = GatewayCollector(
                self.counts,
                lambda: self._edge.counts,
                self._workers,
                lambda: len(self.calls),
                self._transcription_facts(),
            )
            web = self.settings.web
            tls = None
            if web.tls_certificate is not None and web.tls_key is not None:
                tls = await asyncio.to_thread(tls_context, web.tls_certificate, web.tls_key)
            app = api_app(self, secure=tls is not None)
            add_health(app, self.readiness, [collector])
            check(app)
            try:
                await self._listeners.listen(app, host, port, tls)
            except OSError as error:
                raise CannotListen(
                    f"nothing can listen on {self.settings.web.listen} ({os.strerror(error.errno or 0)});"
                    " end the program that does, or change web.listen"
                ) from error
        await self._listeners.listen_unix(control_app(self.calls, self.drain), self.settings.control_socket)

    @property
    def desk(self) -> Desk:
        """Where people make things happen to what is kept."""
        return self.archive.desk

    @property
    def swept_at(self) -> datetime | None:
        """When the last sweep ended."""
        return self._swept_at

    def shown_settings(self) -> dict[str, Any]:
        """The settings in force, secrets masked."""
        return self.settings.shown()

    def now(self) -> datetime:
        """This instant, UTC."""
        return _now()

    def _transcription_facts(self) -> TranscriptionFacts:
        if self.transcribing is None or self.catch_up is None:
            return TranscriptionFacts()
        servers, catch_up = self.transcribing.servers, self.catch_up
        return TranscriptionFacts(
            endings=lambda: catch_up.endings,
            jobs=lambda: catch_up.jobs,
            servers=lambda: {"up": servers.available, "down": len(servers.servers) - servers.available},
            streams=lambda: sum(server.streams for server in servers.servers),
        )

    async def _take_calls(self) -> None:
        async for line in self._pool.incoming():
            try:
                self.calls.begin(line, line.invite)
            except Exception:
                log.exception("a call could not be taken")

    async def _sweep_on_and_on(self) -> None:
        while True:
            try:
                result = await asyncio.to_thread(self.archive.sweep, _now())
                self._swept_at = _now()
                for erased in result.erased:
                    self.counts.swept[erased.kind] += 1
                await self._stop_what_is_gone()
            except Exception:
                self.counts.storage_failures["sweep"] += 1
                log.exception("the sweep failed; it is tried again")
            await asyncio.sleep(self.settings.storage.sweep_s)

    async def _stop_what_is_gone(self) -> None:
        """Stop recordings that were withdrawn elsewhere, should nobody have told this gateway (R-20)."""
        made = {call.recording_id: call for call in self.calls.up() if call.recording_id is not None}
        ids = list(made)
        for artifact_id in await self.archive.database.read(lambda s: artifacts.begun_erasure(s, ids)):
            made[artifact_id].post(StopRequested("elsewhere"))

    def readiness(self) -> Readiness:
        """Whether calls are taken, and why not."""
        workers = self._workers()
        facts = {
            "draining": self._draining,
            "calls_up": len(self.calls),
            "workers": workers,
            "swept_at": self._swept_at.isoformat() if self._swept_at else None,
        }
        ready = not self._draining and workers["free"] + workers["busy"] > 0
        return Readiness(ready, facts)

    def _workers(self) -> dict[str, int]:
        return dataclasses.asdict(self._pool.counts())

    def drain(self) -> None:
        """Take no new calls (503 with Retry-After); those that are up go on."""
        if not self._draining:
            self._draining = True
            self._edge.drain()
            log.info("draining", extra={"calls_up": len(self.calls)})

    async def stop(self, drain_s: float = 0.0) -> None:
        """Drain, wait up to `drain_s` for the calls that are up, then stop everything."""
        self.drain()
        if drain_s > 0:
            await self.calls.wait_until_none(drain_s)
        await self._pool.stop()
        left = await self.calls.wait_until_none(15.0)
        if left:
            log.error("calls were still being written down at the stop", extra={"calls": left})
        for task in self._tasks:
            await cancelled(task)
        await self._listeners.close()
        await self._edge.stop()
        if self.transcribing is not None:
            await self.transcribing.servers.close()
        if self.transcriber is not None:
            await self.transcriber.stop()
        await asyncio.to_thread(self.archive.close)
        self._lock.release()


def own_transcriber(settings: Settings) -> OwnTranscriber | None:
    """The transcriber that the gateway runs itself, not started yet; None when it runs none."""
    wanted = settings.transcription
    if wanted.model is None:
        return None
    host, port = host_port(wanted.listen)
    return OwnTranscriber(folder_of(wanted.model), host, port, wanted.threads or os.cpu_count() or 1)


def transcribing(settings: Settings, own: OwnTranscriber | None) -> Transcribing | None:
    """How calls are transcribed; None when they are not."""
    wanted = settings.transcription
    servers = [*([own.server] if own is not None else []), *(Server(url) for url in wanted.servers)]
    if not servers:
        return None
    model = folder_of(wanted.model).name if wanted.model is not None else "vosk-server"
    config = StreamConfig(phrases=wanted.phrases)
    return Transcribing(Servers(servers), config, wanted.language, model, wanted.max_lag_s)


def edge_settings(settings: Settings, key: bytes) -> EdgeSettings:
    """The front door's settings out of `sip`."""
    sip = settings.sip
    return EdgeSettings(
        udp=sip.udp,
        tcp=sip.tcp,
        tls=sip.tls,
        tls_certificate=_text(sip.tls_certificate),
        tls_key=_text(sip.tls_key),
        tls_ca=_text(sip.tls_ca),
        allow_unknown=sip.allow_unknown,
        answer_unknown=sip.answer_unknown,
        public_host=sip.public_host,
        worker_side=sip.worker_side,
        trunks=tuple(TrunkSettings(trunk.name, trunk.networks) for trunk in sip.trunks),
        limits=to_dataclass(LimitSettings, sip.limits),
        retry_after_s=sip.retry_after_s,
        key=key,
    )


def worker_settings(settings: Settings, problem: Prompt | None = None) -> WorkerSettings:
    """What every worker is told."""
    sip = settings.sip
    host, port = host_port(sip.udp or sip.tcp or sip.tls or "127.0.0.1:5060")
    return WorkerSettings(
        edge_port=host_port(sip.worker_side)[1],
        public_host=sip.public_host or host,
        public_port=port,
        rtp_address=sip.rtp_address,
        rtp_port_min=sip.rtp_port_min,
        rtp_port_max=sip.rtp_port_max,
        session_expires_s=sip.session_expires_s,
        session_min_s=sip.session_min_s,
        problem_wav=str(problem.path) if problem is not None else "",
        rejoin_path=str(settings.storage.folder / "workers.sock"),
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _now() -> datetime:
    return datetime.now(timezone.utc)
