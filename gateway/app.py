"""The one place that builds everything: what the gateway is made of, and in which order it starts.

Storage first (a call that cannot be recorded is still a call, but nothing may be recorded into the
unknown), then what was left behind by a killed process, then workers, then the front door; stopping
goes the other way round and waits for the calls that are up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gateway import logs, parts, reloading
from gateway.archive import Archive
from gateway.callflow.messages import StopRequested
from gateway.callflow.settings import FlowSettings
from gateway.calls.backlog import Backlog
from gateway.calls.counts import Counts
from gateway.calls.keytest import KeyTests
from gateway.calls.live import LiveCalls
from gateway.calls.prompt_book import PromptBook
from gateway.calls.surroundings import Surroundings
from gateway.calls.timeline import Entry
from gateway.config import ConfigError, Settings, host_port
from gateway.edge.edge import Edge
from gateway.edge.refers import Refer
from gateway.membership import AlreadyRunning, FolderLock, Membership, NameTaken
from gateway.reloading import Found, Reloaded
from gateway.signals import Signals
from gateway.web.api.app import api_app, check
from gateway.web.console import add_console
from gateway.web.keys import key_routes
from gateway.web.server import Listeners, Readiness, add_health, control_app, health_app
from gateway.web.tls import ServingTls
from gateway.worker.pool import WorkerPool
from gateway.workshop.fitting import unfit
from gateway.workshop.workshop import Workshop
from ivr_prompts.catalogue import Catalogue
from ivr_prompts.held import held
from storage import artifacts
from storage.clockstep import ClockSteps
from storage.database import Away, DatabaseError
from storage.desk import Desk
from storage.keys import KeysError
from storage.leftovers import Recovered
from storage.sealed import MediaError
from storage.sweep import Erased
from transcription.client import cancelled
from transcription.servers import Servers

__all__ = ["AlreadyRunning", "Archive", "CannotListen", "Gateway", "Reloaded"]

log = logging.getLogger(__name__)


class CannotListen(OSError):
    """Nothing can listen where a setting says. The message names the setting."""


class Gateway:
    """A running gateway. `start`, then `stop`."""

    def __init__(self, settings: Settings, on_entry: Callable[[str, Entry], None] | None = None) -> None:
        self.settings = settings  # those in force: a reload puts others in their place
        self.counts = Counts()
        self.backlog = Backlog(self.counts)
        settings.storage.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._worked_before = (settings.storage.folder / FolderLock.NAME).exists()
        self._lock = FolderLock(settings.storage.folder)
        self.archive = self._opened()
        self.membership = Membership(self.archive, lambda: len(self.calls), _now)
        self.drained = asyncio.Event()  # asked to end, and the last call has ended
        self._on_entry = on_entry
        self.catalogue = Catalogue.load(settings.prompts.folder)
        fetch = parts.fetch_prompt(self.archive)
        self.prompts = PromptBook(held(self.catalogue), settings.storage.folder, self.counts, fetch)
        if self.archive.database.admitted:
            self.prompts.refresh_now(self.archive.database)
        self.transcriber = parts.own_transcriber(settings)
        self._servers = Servers(parts.servers(settings, self.transcriber))
        self.transcribing = parts.transcribing(settings, self._servers)
        self.catch_up = self.archive.catch_up(self.transcribing)
        self.calls = LiveCalls(settings.flows, self._surroundings(), parts.numbers_of(settings))
        self.key_tests = KeyTests(*parts.key_tests(settings, self.catalogue))
        default = FlowSettings(name="", prompts=settings.prompts.default)
        problem = self.prompts.for_call(default, "", _now())["problem"]
        if problem.sha256 == self.catalogue[default.prompts]["problem"].sha256:
            problem = self.catalogue[default.prompts]["problem"]  # a file: this process is gone by then
        self._pool = WorkerPool(parts.worker_settings(settings, problem), settings.sip.workers)
        self._edge = Edge(parts.edge_settings(settings, self.archive.keys.edge_key), self._pool, self._decide)
        self._listeners = Listeners()
        self._tls: ServingTls | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.signals = Signals(
            self.archive,
            self.counts,
            self.calls,
            self._edge,
            self._pool,
            self._servers,
            self.catch_up,
            self.backlog,
            self.membership,
        )
        self._sweep_now = asyncio.Event()
        self._reloading = asyncio.Lock()

    def _surroundings(self) -> Surroundings:
        return parts.surroundings(
            self.settings,
            self.archive,
            self.prompts,
            self.counts,
            self.transcribing,
            self._on_entry,
            self.backlog,
        )

    def _opened(self) -> Archive:
        """The archive; shut while the database is away, if this gateway ever worked: callers come first."""
        try:
            return Archive.open(self.settings)
        except KeysError:
            raise  # a missing or wrong key does not come back by itself
        except (Away, MediaError):
            if not self._worked_before:
                raise  # a mistake in new settings is told to who made it
            return Archive.shut(self.settings)

    async def start(self) -> None:
        """Start everything; calls are taken when this returns."""
        await self._take_name()
        memory = self.settings.storage.memory_folder
        try:
            await asyncio.to_thread(memory.mkdir, mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            why = type(error).__name__
            log.error(
                "the memory folder cannot be made; nothing is recorded until it can", extra={"why": why}
            )
        if await self._recovered():
            with contextlib.suppress(DatabaseError):  # then the first caller waits a little
                await self.archive.records(transcribes=self.transcribing is not None).rehearse(_now())
        else:
            self.archive.database.shut()
            self._tasks.append(asyncio.create_task(self._admit()))
        if self.transcriber is not None:
            self.transcriber.start()
        await self._pool.start()
        self._tasks.append(asyncio.create_task(self._take_calls()))
        await self._edge.start()
        self._tasks.append(asyncio.create_task(self._sweep_on_and_on()))
        self._tasks.append(asyncio.create_task(self.signals.run()))
        self._tasks.append(asyncio.create_task(self.prompts.keep_up(self.archive.database)))
        self._tasks.append(asyncio.create_task(self.catch_up.run()))
        self._tasks.append(asyncio.create_task(self.membership.run()))
        self._tasks.append(asyncio.create_task(self.membership.send()))
        hooks = await asyncio.to_thread(
            parts.webhooks, lambda: self.settings, self.archive, self.counts, _now, self.membership
        )
        self._tasks.append(asyncio.create_task(hooks.run()))
        await self._listen()
        reloading.tell_unfit(unfit(self.catalogue, self.prompts.stock, self.settings.flows, _now()))
        log.info("ready", extra={"workers": self.settings.sip.workers})

    async def _take_name(self) -> None:
        """Before what was left under that name is touched; later, while the database is away."""
        try:
            await asyncio.to_thread(self.membership.hold)
        except NameTaken:
            raise
        except DatabaseError:
            if not self._worked_before:
                raise

    async def _recovered(self) -> bool:
        """Make good what the last run left; False when the archive is away, and calls are taken without."""
        if not self.archive.database.admitted:
            return False
        try:
            self._tell_recovered(await asyncio.to_thread(self.archive.recover, _now()))
        except (DatabaseError, MediaError):
            if not self._worked_before:
                raise
            return False
        return True

    async def _admit(self) -> None:
        """Let calls be stored and recorded once the archive is there."""
        self._tell_recovered(await self.archive.admit(_now, self.membership.take_name))
        log.warning("the archive is there; calls are stored and recorded again")
        self._sweep_now.set()
        with contextlib.suppress(DatabaseError):  # it is looked up on and on, too
            await self.look_up_prompts()

    def _tell_recovered(self, found: Recovered) -> None:
        self.counts.outcomes.update(found.outcomes)
        if found.sealed or found.calls_closed or found.failed:
            log.warning(
                "what the last run left was completed",
                extra={
                    "recordings": len(found.sealed),
                    "calls": len(found.calls_closed),
                    "failed": len(found.failed),
                },
            )

    async def _listen(self) -> None:
        web = self.settings.web
        if web.listen is not None:
            if web.tls_certificate is not None and web.tls_key is not None:
                self._tls = await asyncio.to_thread(ServingTls, web.tls_certificate, web.tls_key)
            provider = await asyncio.to_thread(parts.provider_sign_in, self.settings)
            api = api_app(self, secure=self._tls is not None or web.behind_https, provider=provider)
            add_health(api, self.readiness)
            add_console(api, web.frame_ancestors)
            check(api)
            await self._listen_on("web.listen", web.listen, api, self._tls and self._tls.context)
        if web.metrics is not None:
            health = health_app(self.readiness, self.signals.collector())
            await self._listen_on("web.metrics", web.metrics, health)
        control = control_app(
            self.calls, self.drain, self.reload_for, self.look_up_prompts, self.end_when_drained
        )
        control.add_routes(key_routes(self.counts, self.key_tests, self._edge.trunk_states))
        await self._listeners.listen_unix(control, self.settings.control_socket)

    async def _listen_on(self, setting: str, where: str, app: Any, tls: Any = None) -> None:
        host, port = host_port(where)
        try:
            await self._listeners.listen(app, host, port, tls)
        except OSError as error:
            raise CannotListen(
                f"nothing can listen on {where} ({os.strerror(error.errno or 0)});"
                f" end the program that does, or change {setting}"
            ) from error

    async def look_up_prompts(self) -> int:
        """What was activated is played by calls that begin from now on; how many activations there are."""
        return await self.prompts.refresh(self.archive.database)

    @property
    def desk(self) -> Desk:
        """Where people make things happen to what is kept."""
        return self.archive.desk

    @property
    def workshop(self) -> Workshop:
        """Where prompts are made, with the settings in force."""
        return parts.workshop(self.settings, self.archive, self.catalogue)

    @property
    def swept_at(self) -> datetime | None:
        """When the last sweep ended."""
        return self.signals.swept_at

    def shown_settings(self) -> dict[str, Any]:
        """The settings in force, secrets masked."""
        return self.settings.shown()

    def now(self) -> datetime:
        """This instant, UTC."""
        return _now()

    def _decide(self, refer: Refer) -> int:
        return self.calls.refer(refer.sip_call_id, refer.target, refer.replaces, refer.cseq)

    async def _take_calls(self) -> None:
        async for line in self._pool.incoming():
            try:
                if not self.key_tests.take(line, line.invite):
                    self.calls.begin(line, line.invite)
            except Exception:
                log.exception("a call could not be taken")

    async def _sweep_on_and_on(self) -> None:
        clock = ClockSteps()
        while True:
            try:
                if clock.believes(_now(), time.clock_gettime(time.CLOCK_BOOTTIME)):
                    await self._sweep()
                else:
                    log.error("the clock was stepped forward; nothing is erased until it stood for an hour")
            except Exception:
                self.counts.storage_failures["sweep"] += 1
                log.exception("the sweep failed; it is tried again")
            self._sweep_now.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._sweep_now.wait(), self.settings.storage.sweep_s)

    async def _sweep(self) -> None:
        begun = time.monotonic()
        if self.membership.keeps_house:
            await asyncio.to_thread(self.archive.sweep, _now(), on_erased=self._count_erased)
        else:
            await asyncio.to_thread(self.archive.sweep_own, _now())
        await self.signals.swept(time.monotonic() - begun, _now())
        await self._stop_what_is_gone()

    def _count_erased(self, erased: Erased) -> None:
        self.counts.swept[erased.kind] += 1

    async def _stop_what_is_gone(self) -> None:
        """Stop recordings that were withdrawn elsewhere, should nobody have told this gateway (R-20)."""
        made = {call.recording_id: call for call in self.calls.up() if call.recording_id is not None}
        ids = list(made)
        for artifact_id in await self.archive.database.read(lambda s: artifacts.begun_erasure(s, ids)):
            made[artifact_id].post(StopRequested("elsewhere"))

    async def reload(
        self, actor: Mapping[str, Any], dry_run: bool = False, file: Path | None = None
    ) -> Reloaded:
        """Read the settings again and put in force what can be; calls that are up notice nothing.

        `actor`, as the audit log has it, may do so: `storage.gate.Gate.require_configurer` says who. With
        `dry_run` nothing is put in force, and `file` may name another one. A mistake is no exception: see
        `Reloaded`. Raises `storage.database.DatabaseError` when it cannot be logged; then nothing changed.
        """
        async with self._reloading:
            found: Found | None = None
            try:
                found = await asyncio.to_thread(reloading.read, self.settings, self.catalogue, file)
                unfit_ones = unfit(found.catalogue, self.prompts.stock, found.settings.flows, _now())
                done = Reloaded(True, found.changes, dry_run=dry_run, unfit=unfit_ones)
            except ConfigError as error:
                done = Reloaded(False, mistakes=error.mistakes, dry_run=dry_run)
            if not dry_run:
                await reloading.note(self.archive, _now(), actor, done)
                if found is not None:
                    self._take_up(found)
                reloading.tell(done)
            return done

    async def reload_for(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """`reload` for who asks over the control socket; see `reloading.asker` for what is raised."""
        actor = await reloading.asker(self.archive, told, _now())
        dry_run, file = bool(told.get("dry_run")), told.get("file")
        return (await self.reload(actor, dry_run, Path(file) if file and dry_run else None)).told()

    def _take_up(self, found: Found) -> None:
        """All at once for the event loop: no call and no message sees half of it."""
        before, self.settings = self.settings, found.settings
        self.archive.settings = self.settings
        self.catalogue, self.prompts.catalogue = found.catalogue, found.prompts
        self._servers.use(parts.servers(self.settings, self.transcriber))
        self.transcribing = parts.transcribing(self.settings, self._servers)
        self.catch_up.use(self.settings.policy, self.archive.tags, self.transcribing)
        self.calls.use(self.settings.flows, self._surroundings(), parts.numbers_of(self.settings))
        self.key_tests.use(*parts.key_tests(self.settings, self.catalogue))
        self._edge.use(parts.edge_settings(self.settings, self.archive.keys.edge_key))
        if self._tls is not None:
            self._tls.renew()
        if self.settings.logs != before.logs:
            logs.configure(self.settings.logs, traced=before.traces.endpoint is not None)
        if self.settings.storage.sweep_s != before.storage.sweep_s:
            self._sweep_now.set()

    def readiness(self) -> Readiness:
        """Whether calls are taken, and why not."""
        workers, draining, swept_at = self.signals.workers(), self.signals.draining, self.swept_at
        facts = {
            "draining": draining,
            "calls_up": len(self.calls),
            "archive": "there" if self.archive.database.admitted else "away",
            "records_waiting": len(self.backlog),
            "workers": workers,
            "swept_at": swept_at.isoformat() if swept_at else None,
        }
        ready = not draining and workers["free"] + workers["busy"] > 0
        return Readiness(ready, facts)

    def drain(self) -> None:
        """Take no new calls (503 with Retry-After); those that are up go on."""
        if not self.signals.draining:
            self.signals.draining = self.membership.draining = True
            self._edge.drain()
            log.info("draining", extra={"calls_up": len(self.calls)})

    def end_when_drained(self) -> None:
        """Drain, and tell `drained` when the last call has ended; however long that is."""
        self.drain()
        self._tasks.append(asyncio.create_task(self._await_the_last()))

    async def _await_the_last(self) -> None:
        while len(self.calls):
            await self.calls.wait_until_none(1.0)
        self.drained.set()

    async def stop(self, drain_s: float = 0.0) -> None:
        """Drain, wait up to `drain_s` for the calls that are up, then stop everything."""
        self.drain()
        if drain_s > 0:
            await self.calls.wait_until_none(drain_s)
        await self._pool.stop()
        left = await self.calls.wait_until_none(15.0)
        if left:
            log.error("calls were still being written down at the stop", extra={"calls": left})
        await self.backlog.close()
        for task in self._tasks:
            await cancelled(task)
        await self.signals.close()
        await self._listeners.close()
        await self._edge.stop()
        await self._servers.close()
        if self.transcriber is not None:
            await self.transcriber.stop()
        await asyncio.to_thread(self.membership.leave)
        await asyncio.to_thread(self.archive.close)
        self._lock.release()


def _now() -> datetime:
    return datetime.now(timezone.utc)
