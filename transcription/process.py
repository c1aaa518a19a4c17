"""The gateway's own transcriber: a process beside it, started again whenever it ends.

Promises:
1. The gateway never waits for it: calls are taken while a model loads, and what is said meanwhile is caught
   up from the recording.
2. It ends with the gateway, however that ends (it reads a pipe whose other end dies with its parent).
3. It keeps its port over restarts.

    python -m transcription MODEL HOST PORT THREADS      reports {"port": N} when it listens
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from transcription.client import cancelled
from transcription.servers import Server

RESTART_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
LASTED_S = 60.0
"""Whoever ran so long is started again at once; who did not waits longer each time."""
READY_S = 300.0
"""Big models take minutes to load."""
ROOT = Path(__file__).resolve().parents[1]

log = logging.getLogger(__name__)


class OwnTranscriber:
    """One transcriber process under supervision. `server` is where it listens."""

    def __init__(self, model: Path, host: str, port: int, threads: int) -> None:
        self.server = Server("", retry_at=float("inf"))  # until it is up
        self.ready = asyncio.Event()
        self.starts = 0
        self._model = model
        self._host = host
        self._port = port
        self._threads = threads
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process that runs now; 0 when none does."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    def start(self) -> None:
        """Start it, and keep it running, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._supervise())

    async def _supervise(self) -> None:
        quick = 0
        while True:
            began = time.monotonic()
            try:
                await self._run_once()
            except (OSError, asyncio.TimeoutError, ValueError) as error:
                log.error("the transcriber could not be started", extra={"why": type(error).__name__})
            self.ready.clear()
            self.server.retry_at = float("inf")
            quick = 0 if time.monotonic() - began > LASTED_S else quick + 1
            pause_s = RESTART_S[min(quick, len(RESTART_S) - 1)]
            log.warning(
                "the transcriber ended; it is started again (if it goes on so, look at transcription.model"
                " and transcription.listen)",
                extra={"pause_s": pause_s, "model": self._model, "listen": f"{self._host}:{self._port}"},
            )
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> None:
        self.starts += 1
        process = self._process = await asyncio.create_subprocess_exec(
            *_command(self._model, self._host, self._port, self._threads),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # a Ctrl-C at the gateway is not for it: calls that are up go on
        )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), READY_S)
            if line:
                self._port = int(json.loads(line)["port"])
                self.server.url = f"ws://{self._host}:{self._port}"
                self.server.worked()
                self.ready.set()
            await process.wait()
        finally:
            await _end(process)

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            await cancelled(self._task)


def _command(model: Path, host: str, port: int, threads: int) -> Sequence[str]:
    return (sys.executable, "-m", "transcription", str(model), host, str(port), str(threads))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
