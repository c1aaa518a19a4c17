"""A transcriber for tests of the client: it speaks the public vosk-server protocol, and "hears" numbers.

Sound is made of blocks of `BLOCK` samples that all have one value: 0 is silence, n is the word "n". An
utterance ends at silence. So what was heard, and what was not, can be told exactly. It misbehaves on order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
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
    """What one stream heard: a word for every run of one number, with its times to the sample."""

    def __init__(self, word: str = "{}") -> None:
        self._word = word
        self._fed = 0  # samples
        self._number, self._since = 0, 0  # the run that goes on
        self._words: list[dict[str, Any]] = []

    def feed(self, pcm: bytes) -> dict[str, Any]:
        samples = np.frombuffer(pcm, dtype="<i2")
        ended = False
        for run in np.split(samples, np.flatnonzero(np.diff(samples)) + 1) if len(samples) else ():
            if int(run[0]) != self._number:
                self._end_run()
                self._number, self._since = int(run[0]), self._fed
                ended = ended or (self._number == 0 and bool(self._words))
            self._fed += len(run)
        return self._told() if ended else {"partial": " ".join(w["word"] for w in self._words)}

    def _end_run(self) -> None:
        if self._number:
            word = self._word.format(self._number)
            start, end = self._since / RATE_HZ, self._fed / RATE_HZ
            self._words.append({"word": word, "start": start, "end": end, "conf": 1.0})
        self._since = self._fed

    def final(self) -> dict[str, Any]:
        self._end_run()
        return self._told()

    def _told(self) -> dict[str, Any]:
        words, self._words = self._words, []
        return {"result": words, "text": " ".join(w["word"] for w in words)}


async def _main(port: int, word: str) -> None:
    server = await CountingServer(port=port, word=word).start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)  # until the test ends


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2]))
