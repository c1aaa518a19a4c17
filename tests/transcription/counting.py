"""A transcriber for tests of the client: it speaks the public vosk-server protocol, and "hears" numbers.

Sound is made of blocks of `BLOCK` samples that all have one value: 0 is silence, n is the word "n". An
utterance ends at silence. So what was heard, and what was not, can be told exactly. It misbehaves on order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

RATE_HZ = 8000
BLOCK = 800
BLOCK_S = BLOCK / RATE_HZ


def sound(*numbers: int) -> bytes:
    """The sound of these words, a block each."""
    return np.repeat(np.array(numbers, dtype="<i2"), BLOCK).tobytes()


@dataclass
class CountingServer:
    """Serves until `stop`. `fault` is what the next streams do wrong, after `after` replies.

    Faults: close, stall, rubbish, no_json, wrong_times, binary, too_late, again, no_times, surrogate, huge,
    refuse; "" none. `word` is how the word of a number is written. `before_reply` is awaited with the number
    of a stream's message, from 1; 0 at its end.
    """

    fault: str = ""
    after: int = 0
    delay_s: float = 0.0
    word: str = "{}"
    before_reply: Callable[[int], Awaitable[None]] | None = None
    port: int = 0
    configs: list[dict[str, Any]] = field(default_factory=list)
    streams: int = 0
    eofs: int = 0
    pieces: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def start(self) -> CountingServer:
        app = web.Application()
        app.add_routes([web.get("/", self._stream)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.fault == "refuse":
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.streams += 1
        hearing = Hearing(self.word)
        replies = 0
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                told = json.loads(message.data)
                if "config" in told:
                    self.configs.append(told["config"])
                    continue
                self.eofs += 1
                if self.before_reply is not None:
                    await self.before_reply(0)
                await socket.send_str(json.dumps(hearing.final()))
                break
            await asyncio.sleep(self.delay_s)
            replies += 1
            self.pieces += 1
            if self.before_reply is not None:
                await self.before_reply(replies)
            if self.fault and replies > self.after:
                if await self._misbehave(socket):
                    continue
                break
            await socket.send_str(json.dumps(hearing.feed(message.data)))
        with contextlib.suppress(ConnectionError):
            await socket.close()
        return socket

    async def _misbehave(self, socket: web.WebSocketResponse) -> bool:
        match self.fault:
            case "stall":
                await asyncio.sleep(3600)
            case "rubbish":
                await socket.send_str('{"sure": 1}')
                return True
            case "no_json":
                await socket.send_str("<html>")
                return True
            case "wrong_times":
                await socket.send_str(json.dumps(_final(5, 1)))
                return True
            case "too_late":
                await socket.send_str(json.dumps(_final(5000, 5001)))
                return True
            case "again":
                await socket.send_str(json.dumps(_final(0, 0.1)))
                return True
            case "no_times":
                await socket.send_str('{"text": "one two"}')
                return True
            case "surrogate":
                await socket.send_str(json.dumps(_final(0, 0.1, "\ud800")))
                return True
            case "huge":
                await socket.send_str(json.dumps({"partial": "x" * 10_000_000}))
                return True
            case "binary":
                await socket.send_bytes(b"\0")
                return True
        return False


def _final(start_s: float, end_s: float, word: str = "1") -> dict[str, Any]:
    return {"result": [{"word": word, "start": start_s, "end": end_s, "conf": 1}], "text": word}


class Hearing:
    """What one stream heard."""

    def __init__(self, word: str = "{}") -> None:
        self._word = word
        self._pending = b""
        self._blocks = 0
        self._words: list[dict[str, Any]] = []

    def feed(self, pcm: bytes) -> dict[str, Any]:
        self._pending += pcm
        ended = False
        for number in self._whole_blocks():
            if number:
                at = self._blocks * BLOCK_S
                word = self._word.format(number)
                self._words.append({"word": word, "start": at, "end": at + BLOCK_S, "conf": 1.0})
            elif self._words:
                ended = True
            self._blocks += 1
        return self.final() if ended else {"partial": " ".join(w["word"] for w in self._words)}

    def _whole_blocks(self) -> Iterator[int]:
        size = BLOCK * 2
        whole = len(self._pending) - len(self._pending) % size
        blocks, self._pending = self._pending[:whole], self._pending[whole:]
        for start in range(0, whole, size):
            yield int(np.frombuffer(blocks[start : start + 2], dtype="<i2")[0])

    def final(self) -> dict[str, Any]:
        words, self._words = self._words, []
        return {"result": words, "text": " ".join(w["word"] for w in words)}
