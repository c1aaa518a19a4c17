"""HTTP listeners: health and metrics on a port, control on a Unix socket only its owner may use."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client.registry import Collector

from gateway.callflow.messages import (
    CaseNamed,
    Event,
    OfferRequested,
    PauseRequested,
    ResumeRequested,
    StopRequested,
    TransferAbandoned,
    TransferAsked,
    TransferCompleted,
    TransferredExternal,
)
from gateway.calls.driver import CallDriver
from gateway.calls.live import LiveCalls
from gateway.calls.watching import watching
from gateway.web import metrics
from storage.database import DatabaseError
from storage.gate import NotAllowed
from storage.people import SignInFailed

COMMANDS: dict[str, Callable[[], Event]] = {
    "stop": lambda: StopRequested("agent"),
    "pause": PauseRequested,
    "resume": ResumeRequested,
    "offer": OfferRequested,
    "transferred": TransferredExternal,
    "complete": TransferCompleted,
    "back": TransferAbandoned,
}
"""What an agent may ask of a live call."""


@dataclass(frozen=True)
class Readiness:
    """Whether the gateway takes calls, and the facts that say why."""

    ready: bool
    facts: dict[str, Any]


def add_health(
    app: web.Application, readiness: Callable[[], Readiness], collector: Collector | None = None
) -> None:
    """`/livez` (the process runs), `/readyz` (it takes calls; else 503); with a collector, `/metrics`."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        state = readiness()
        body = {"status": "ready" if state.ready else "not ready", **state.facts}
        return web.json_response(body, status=200 if state.ready else 503)

    async def scrape(request: web.Request) -> web.Response:
        body, content_type = metrics.page([collector] if collector else [], request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz)])
    if collector is not None:
        app.add_routes([web.get("/metrics", scrape)])


def health_app(readiness: Callable[[], Readiness], collector: Collector | None = None) -> web.Application:
    """A listener of health alone, and of metrics when there is a collector."""
    app = web.Application()
    add_health(app, readiness, collector)
    return app


def control_app(
    calls: LiveCalls,
    drain: Callable[[], None],
    reload: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]] | None = None,
    look_up_prompts: Callable[[], Awaitable[int]] | None = None,
    end_when_drained: Callable[[], None] | None = None,
) -> web.Application:
    """What the command line asks of a running gateway."""

    async def listing(_: web.Request) -> web.Response:
        return web.json_response(
            {"up": [_call(c) for c in calls.up()], "recent": [_call(c) for c in calls.recent()]}
        )

    async def one(request: web.Request) -> web.Response:
        driver = calls.find(request.match_info["call"])
        if driver is None:
            return web.json_response({"error": "no such call"}, status=404)
        return web.json_response({**_call(driver), "timeline": _timeline(driver)})

    async def command(request: web.Request) -> web.Response:
        name = request.match_info["command"]
        if name not in COMMANDS:
            return web.json_response({"error": "no such command"}, status=404)
        if not calls.post(request.match_info["call"], COMMANDS[name]()):
            return web.json_response({"error": "no such call is up"}, status=404)
        return web.json_response({"asked": name}, status=202)

    async def record(request: web.Request) -> web.Response:
        """An investigator records for a case; storage refuses a case that it does not know (R-41)."""
        told = await request.json()
        case, by = str(told.get("case", "")), str(told.get("by", ""))
        driver = calls.find(request.match_info["call"])
        if driver is None or not calls.post(driver.call_id, CaseNamed(case, by)):
            return web.json_response({"error": "no such call is up"}, status=404)
        if not driver.flow.announced:
            return web.json_response({"error": "not an announced flow"}, status=409)
        return web.json_response({"asked": "record"}, status=202)

    async def transfer(request: web.Request) -> web.Response:
        """An agent hands the call over to one of the flow's own targets."""
        told = await request.json()
        driver = calls.find(request.match_info["call"])
        if driver is None or driver not in calls.up():
            return web.json_response({"error": "no such call is up"}, status=404)
        why = driver.refer(TransferAsked(str(told.get("target", "")), told.get("attended") == "yes"))
        return web.json_response({"error": why} if why else {"asked": "transfer"}, status=409 if why else 202)

    async def words(request: web.Request) -> web.StreamResponse:
        """The words of the recording that is being made, as they are spoken; one JSON object a line.

        Who asks has been let in by the gate (`Gate.watch`) for that one recording.
        """
        driver = calls.find(request.match_info["call"])
        wanted = request.query.get("recording", "")
        if driver is None:
            return web.json_response({"error": "no such call"}, status=404)
        if not wanted or driver.recording_id != wanted:
            return web.json_response({"error": "that recording is not being made"}, status=409)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        with watching(driver, wanted) as watch:
            await response.prepare(request)
            async for heard in watch:
                await response.write(json.dumps(heard, ensure_ascii=False).encode() + b"\n")
        return response

    async def draining(request: web.Request) -> web.Response:
        """Take no new calls; with `?end=1` the process ends after the last one that is up."""
        if end_when_drained is not None and request.query.get("end"):
            end_when_drained()
        else:
            drain()
        return web.json_response({"asked": "drain", "up": len(calls)}, status=202)

    async def reloading(request: web.Request) -> web.Response:
        """Read the settings again, for who may (`gateway.reloading`): what changed, or every mistake."""
        assert reload is not None
        try:
            return web.json_response(await reload(await request.json()))
        except (SignInFailed, NotAllowed) as error:
            return web.json_response({"error": str(error)}, status=403)
        except DatabaseError as error:
            return web.json_response({"error": str(error)}, status=503)

    async def prompts(_: web.Request) -> web.Response:
        """Something was activated: calls that begin from now on shall know of it."""
        assert look_up_prompts is not None
        return web.json_response({"activations": await look_up_prompts()})

    app = web.Application()
    app.add_routes(
        [
            web.get("/calls", listing),
            web.get("/calls/{call}", one),
            web.get("/calls/{call}/words", words),
            web.post("/calls/{call}/record", record),
            web.post("/calls/{call}/transfer", transfer),
            web.post("/calls/{call}/{command}", command),
            web.post("/drain", draining),
        ]
    )
    if look_up_prompts is not None:
        app.add_routes([web.post("/prompts", prompts)])
    if reload is not None:
        app.add_routes([web.post("/reload", reloading)])
    return app


def _call(driver: CallDriver) -> dict[str, Any]:
    return {
        "call": driver.call_id,
        "flow": driver.flow.name,
        "arrived_at": driver.arrived_at.isoformat(),
        "phase": driver.call.phase.value,
        "consent": driver.call.consent.value,
        "recording": driver.call.recording,
        "recording_id": driver.recording_id,
        "worker_pid": driver.worker_pid,
    }


def _timeline(driver: CallDriver) -> list[dict[str, Any]]:
    return [
        {"name": entry.name, "at": entry.at.isoformat(), "detail": entry.detail} for entry in driver.timeline
    ]


def _make_room(socket: Path) -> None:
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)


class Listeners:
    """The running listeners; `close` when done."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []
        self._sockets: list[Path] = []
        self.port = 0

    async def listen(
        self, app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None
    ) -> None:
        """Serve on a TCP port (0: a free one, see `port`), over TLS if a context is given."""
        runner = await self._runner(app)
        site = web.TCPSite(runner, host, port, reuse_address=True, ssl_context=tls)
        await site.start()
        self.port = runner.addresses[0][1]

    async def listen_unix(self, app: web.Application, path: Path) -> None:
        """Serve on a Unix socket with mode 0600; a socket nobody listens on any more is replaced."""
        await asyncio.to_thread(_make_room, path)
        runner = await self._runner(app)
        old = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(path)).start()
            self._sockets.append(path)
        finally:
            os.umask(old)

    async def _runner(self, app: web.Application) -> web.AppRunner:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._runners.append(runner)
        return runner

    async def close(self) -> None:
        """Stop listening; no socket is left behind."""
        for runner in self._runners:
            await runner.cleanup()
        for path in self._sockets:
            with contextlib.suppress(OSError):  # the next start makes room
                await asyncio.to_thread(path.unlink, missing_ok=True)
