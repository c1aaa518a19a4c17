"""The transcriber: a process that speaks the vosk-server protocol. One model, one recogniser a stream.

Promises:
1. Every binary message is answered by exactly one text, in order; decoding happens in threads, so a slow
   stream never holds up another, nor the health page.
2. Whoever breaks the protocol is closed with a code and a sentence; other streams do not notice.
3. Nothing is kept: no audio, no words, neither on disk nor in a log.

It is a drop-in for the public server: any client of that protocol can use it (`tests/transcription`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from transcription.protocol import (
    Eof,
    Final,
    Partial,
    ProtocolError,
    Reset,
    StreamConfig,
    final_text,
    parse_client_text,
    partial_text,
)
from transcription.recogniser import Model, ModelError, Recogniser

MAX_MESSAGE_BYTES = 1 << 20
"""A minute of telephone audio; more at once is no stream (close code 1009)."""
IDLE_S = 120.0
"""A stream on which nothing comes for so long is closed: its client is gone."""
NICE = 10
"""Live calls come before their transcripts."""

log = logging.getLogger(__name__)


@dataclass
class Counts:
    """What the transcriber has done; told by `/metrics`."""

    streams: int = 0
    streams_total: int = 0
    refused_total: int = 0
    audio_s: float = 0.0
    decoding_s: float = 0.0
    words_total: int = 0
    protocol_errors_total: int = 0


@dataclass
class Transcriber:
    """One model and its streams."""

    model: Model
    max_streams: int = 100
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.threads, "decode")

    def app(self) -> web.Application:
        """The web application: the protocol on `/`, health and metrics beside it."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._stream),
                web.get("/livez", self._health),
                web.get("/metrics", self._metrics),
            ]
        )
        return app

    async def _health(self, _: web.Request) -> web.Response:
        facts = self.model.facts
        return web.json_response(
            {
                "status": "alive",
                "model": facts.name,
                "rate_hz": facts.rate_hz,
                "vocabulary": facts.vocabulary,
                "phrases": facts.phrases,
                "streams": self.counts.streams,
                "max_streams": self.max_streams,
            }
        )

    async def _metrics(self, _: web.Request) -> web.Response:
        lines = []
        for name, value in vars(self.counts).items():
            kind = "gauge" if name == "streams" else "counter"
            full = (
                f"tast1_transcriber_{name.replace('_s', '_seconds_total') if name.endswith('_s') else name}"
            )
            lines += [f"# TYPE {full} {kind}", f"{full} {value}"]
        return web.Response(
            text="\n".join(lines) + "\n", headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.json_response({"error": "this is a WebSocket (vosk-server protocol)"}, status=426)
        if self.counts.streams >= self.max_streams:
            self.counts.refused_total += 1
            return web.json_response({"error": "every stream is taken"}, status=503)
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, autoping=True, heartbeat=30.0)
        self.counts.streams += 1  # before the first await: the next in line has to see it
        self.counts.streams_total += 1
        try:
            await socket.prepare(request)
            await _Stream(self, socket).run()
        except ProtocolError as error:
            self.counts.protocol_errors_total += 1
            await socket.close(code=error.code, message=str(error).encode()[:120])
        except ModelError as error:
            log.error("a recogniser could not be made", extra={"why": str(error)})
            await socket.close(code=1011, message=str(error).encode()[:120])
        finally:
            self.counts.streams -= 1
        return socket

    async def decode(self, recogniser: Recogniser, pcm: bytes | None) -> Partial | Final:
        """Feed or flush in a thread."""
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        if pcm is None:
            heard: Partial | Final = await loop.run_in_executor(self._pool, recogniser.flush)
        else:
            heard = await loop.run_in_executor(self._pool, recogniser.feed, pcm)
        self.counts.decoding_s += time.monotonic() - began
        if isinstance(heard, Final):
            self.counts.words_total += len(heard.words)
        return heard

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Stream:
    """One connection."""

    def __init__(self, transcriber: Transcriber, socket: web.WebSocketResponse) -> None:
        self._all = transcriber
        self._socket = socket
        self._config = StreamConfig()
        self._recogniser: Recogniser | None = None

    async def run(self) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), IDLE_S)
            except asyncio.TimeoutError:
                raise ProtocolError("nothing came for too long", 1001) from None
            if message.type is WSMsgType.BINARY:
                await self._hear(message.data)
            elif message.type is WSMsgType.TEXT:
                if await self._obey(message.data):
                    await self._socket.close()
                    return
            else:  # closed, or an error that the library has answered (a message too long: 1009)
                return

    async def _hear(self, pcm: bytes) -> None:
        recogniser = self._ready()
        self._all.counts.audio_s += len(pcm) / 2 / self._config.sample_rate_hz
        await self._answer(await self._all.decode(recogniser, pcm))

    async def _obey(self, text: str) -> bool:
        """Do what a text message says; True when it was the last."""
        match parse_client_text(text):
            case StreamConfig() as config:
                if self._recogniser is not None:
                    raise ProtocolError("config comes before the first audio")
                if config.model not in (None, self._all.model.facts.name):
                    raise ProtocolError("the model is the server's; it cannot be chosen by a client")
                self._config = config
                return False
            case Eof():
                await self._answer(await self._all.decode(self._ready(), None))
                return True
            case Reset():
                await self._answer(await self._all.decode(self._ready(), None))
                return False

    def _ready(self) -> Recogniser:
        if self._recogniser is None:
            self._recogniser = self._all.model.recogniser(self._config)
        return self._recogniser

    async def _answer(self, heard: Partial | Final) -> None:
        if isinstance(heard, Partial):
            text = partial_text(heard.text)
        else:
            text = final_text(heard.text, heard.words if self._config.words else None)
        with contextlib.suppress(ConnectionError):
            await self._socket.send_str(text)


async def serve(transcriber: Transcriber, host: str, port: int) -> web.AppRunner:
    """Listen; `cleanup()` on what is returned stops it."""
    runner = web.AppRunner(transcriber.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def be_nice() -> None:
    """Take what live calls leave over."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
