"""The client: one leg's audio to a transcriber of the vosk-server protocol, whichever of several can take it.

Promises:
1. `feed` never waits. What the transcriber cannot take in time is dropped, and the gap is told: when the
   stream is over, every moment of the leg is either heard (`words`) or in a gap with its reason (`gaps`).
2. A server that is gone, stalls, or talks rubbish is left for another in mid-stream; what it had not settled
   is a gap. A server that failed is tried again later.
3. Times are seconds from the start of the leg, whatever was dropped or repeated on the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from transcription.protocol import (
    EOF_TEXT,
    Final,
    HeardWord,
    Partial,
    ProtocolError,
    StreamConfig,
    config_text,
    parse_server_text,
)
from transcription.servers import CONNECT_S, NoServer, Server, ServerFailed, Servers, note_failure

REPLY_S = 10.0
"""A server that says nothing for so long is stalled."""
LOOK_AGAIN_S = 0.5
MAX_QUEUED_S = 20.0
FINISH_S = 15.0
"""How long the end of a leg waits for the last words; what comes later is a gap."""
SAMPLE_BYTES = 2
SLACK_S = 1.0
"""A server may be so far off with the time of a word; what is further off is no hearing of this sound."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lost:
    """A span of a leg that nobody transcribed. Seconds from its start; `reason`: lag, server, unavailable."""

    start_s: float
    end_s: float
    reason: str


class _Session:
    """One connection for one stretch of a leg. Times of the server's are turned into the leg's."""

    def __init__(
        self, server: Server, socket: aiohttp.ClientWebSocketResponse[bool], rate_hz: int, start: int
    ) -> None:
        self.server = server
        self._socket = socket
        self._rate_hz = rate_hz
        self._fed_frames = 0
        # (frames fed before, frame of the leg): where audio was dropped, the two clocks part.
        self._places = [(0, start)]
        self._told_s = 0.0  # the end of the last word that was told, on the server's clock
        self._closed = False
        server.streams += 1

    @classmethod
    async def open(cls, servers: Servers, server: Server, config: StreamConfig, start: int) -> _Session:
        """Connect and configure; `ServerFailed` when it does not answer."""
        try:
            connecting = servers.session().ws_connect(server.url, max_msg_size=1 << 22, heartbeat=20.0)
            socket = await asyncio.wait_for(connecting, CONNECT_S)
            await socket.send_str(config_text(config))
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise ServerFailed(type(error).__name__) from error
        return cls(server, socket, config.sample_rate_hz, start)

    async def hear(self, start: int, pcm: bytes) -> Partial | Final:
        """Send a piece that begins at frame `start` of the leg; the answer to it."""
        known_fed, known_start = self._places[-1]
        if start != known_start + self._fed_frames - known_fed:
            self._places.append((self._fed_frames, start))
        self._fed_frames += len(pcm) // SAMPLE_BYTES
        try:
            await self._socket.send_bytes(pcm)
        except (aiohttp.ClientError, ConnectionError, OSError) as error:
            raise ServerFailed(type(error).__name__) from error
        return await self._answer()

    async def finish(self) -> Final:
        """The last words, then the close."""
        try:
            await self._socket.send_str(EOF_TEXT)
        except (aiohttp.ClientError, ConnectionError, OSError) as error:
            raise ServerFailed(type(error).__name__) from error
        heard = await self._answer()
        if not isinstance(heard, Final):
            raise ServerFailed("no final result at the end")
        await self.close()
        return heard

    async def _answer(self) -> Partial | Final:
        try:
            message = await self._socket.receive(REPLY_S)
        except asyncio.TimeoutError as error:
            raise ServerFailed("it stalled") from error
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ServerFailed("it closed the stream")
        try:
            heard = parse_server_text(message.data)
        except ProtocolError as error:
            raise ServerFailed("it broke the protocol") from error
        if isinstance(heard, Partial):
            return heard
        self._require_possible(heard)
        return Final(heard.text, self._placed(heard.words))

    def _require_possible(self, heard: Final) -> None:
        """That the words have times, and such as were fed and not told before."""
        if heard.text.strip() and not heard.words:
            raise ServerFailed("it tells no times of words (a public server: VOSK_SHOW_WORDS=True)")
        for word in heard.words:
            if word.end_s > self._fed_frames / self._rate_hz + SLACK_S:
                raise ServerFailed("it tells words that cannot have been said yet")
            if word.start_s < self._told_s - SLACK_S:
                raise ServerFailed("it tells words again")
        self._told_s = max([self._told_s, *(word.end_s for word in heard.words)])

    def _placed(self, words: Sequence[HeardWord]) -> tuple[HeardWord, ...]:
        placed = []
        for word in words:
            start_s = self._in_leg(word.start_s)
            end_s = max(start_s, self._in_leg(word.end_s, True))
            placed.append(HeardWord(word.text, start_s, end_s, word.confidence))
        return tuple(placed)

    def _in_leg(self, fed_s: float, is_end: bool = False) -> float:
        fed = round(fed_s * self._rate_hz)
        # A word that ends where something was dropped ends before it, not behind.
        before = (p for p in reversed(self._places) if p[0] < fed or (p[0] == fed and not is_end))
        at_fed, at_leg = next(before, self._places[0])
        return round((at_leg + fed - at_fed) / self._rate_hz, 3)

    async def close(self) -> None:
        """Close, without waiting for a server that does not answer."""
        if self._closed:
            return
        self._closed = True
        self.server.streams -= 1
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, OSError):
            await asyncio.wait_for(self._socket.close(), 1.0)


@dataclass
class LegStream:
    """One leg, live. `feed` from the event loop; `finish` or `abort` ends it.

    `on_partial` hears what is being said (not settled, never stored), `on_final` settled words.
    """

    servers: Servers
    config: StreamConfig = field(default_factory=StreamConfig)
    on_partial: Callable[[str], None] = lambda text: None
    on_final: Callable[[Sequence[HeardWord]], None] = lambda words: None
    max_queued_s: float = MAX_QUEUED_S

    def __post_init__(self) -> None:
        self.words: list[HeardWord] = []
        self.frames = 0  # fed so far
        self._lost: list[tuple[int, int, str]] = []
        self._queue: deque[tuple[int, bytes]] = deque()
        self._queued = 0  # frames
        self._wake = asyncio.Event()
        self._ending = False
        self._sent = 0  # the frame after the last one sent
        self._settled = 0  # the frame up to which everything is words or gap
        self._task: asyncio.Task[None] | None = None

    @property
    def heard_s(self) -> float:
        """How much of the leg the last answer comes from."""
        return self._sent / self.config.sample_rate_hz

    @property
    def lag_s(self) -> float:
        """How much of what was fed no transcriber has heard yet; nothing once the stream ends."""
        return 0.0 if self._ending else max(0, self.frames - self._sent) / self.config.sample_rate_hz

    def start(self) -> None:
        """Begin to send what is fed."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def feed(self, pcm: bytes) -> None:
        """Some more of the leg: 16-bit little-endian mono PCM."""
        frames = len(pcm) // SAMPLE_BYTES
        self._queue.append((self.frames, pcm))
        self.frames += frames
        self._queued += frames
        # Dropped is the oldest: what is said now is worth more to who watches, and the rest is caught up.
        while self._queued > self.max_queued_s * self.config.sample_rate_hz:
            _, dropped = self._queue.popleft()
            self._queued -= len(dropped) // SAMPLE_BYTES
        self._wake.set()

    async def finish(self, timeout_s: float = FINISH_S) -> None:
        """No more audio: wait for the last words; what has none by then is a gap."""
        self._ending = True
        self._wake.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=timeout_s)
            for task in done:
                if not task.cancelled() and (fault := task.exception()) is not None:
                    log.error("a stream broke; its rest is a gap", extra={"why": type(fault).__name__})
        await self._stop()
        self._lose(self.frames, "lag" if self.servers.available else "unavailable")

    async def abort(self) -> None:
        """Forget everything: what was said may not be kept (withdrawal)."""
        await self._stop()
        self.words.clear()
        self._lost.clear()
        self._queue.clear()

    async def _stop(self) -> None:
        if self._task is not None:
            await cancelled(self._task)

    # --- sending ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        session: _Session | None = None
        try:
            while True:
                if not self._queue:
                    if self._ending:
                        await self._end(session)
                        return
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                if session is None:
                    session = await self._open()
                    continue
                session = await self._send(session)
        finally:
            if session is not None:
                await session.close()

    async def _open(self) -> _Session | None:
        """A connection to the best server; none when there is none just now."""
        server = self.servers.pick()
        if server is None:
            if self._ending:
                self._queue.clear()
            else:
                await asyncio.sleep(LOOK_AGAIN_S)
            return None
        start = self._queue[0][0]
        try:
            session = await _Session.open(self.servers, server, self.config, start)
        except ServerFailed as failure:
            note_failure(server, failure)
            return None
        self._lose(start, "unavailable")
        self._sent = start
        return session

    async def _send(self, session: _Session) -> _Session | None:
        """One piece and its answer; None when the server cannot go on."""
        start, pcm = self._take()
        self._gap(self._sent, start, "lag")  # empty, unless pieces between were dropped
        try:
            heard = await session.hear(start, pcm)
        except ServerFailed as failure:
            await session.close()
            note_failure(session.server, failure)
            self._lose(start + len(pcm) // SAMPLE_BYTES, "server")
            return None
        session.server.worked()
        self._sent = start + len(pcm) // SAMPLE_BYTES
        if isinstance(heard, Partial):
            self.on_partial(heard.text)
        else:
            self._settle(heard, self._sent)
        return session

    def _take(self) -> tuple[int, bytes]:
        """The next piece, as much as is waiting up to a second: a server that lags catches up faster so."""
        start, pcm = self._queue.popleft()
        pieces = [pcm]
        total = len(pcm)
        while self._queue and total < SAMPLE_BYTES * self.config.sample_rate_hz:
            following, more = self._queue[0]
            if following != start + total // SAMPLE_BYTES:
                break
            self._queue.popleft()
            pieces.append(more)
            total += len(more)
        self._queued -= total // SAMPLE_BYTES
        return start, b"".join(pieces)

    async def _end(self, session: _Session | None) -> None:
        if session is None:
            return
        try:
            self._settle(await session.finish(), self.frames)
        except ServerFailed as failure:
            note_failure(session.server, failure)
            self._lose(self.frames, "server")

    # --- what is settled --------------------------------------------------------------------------

    def _settle(self, heard: Final, frame: int) -> None:
        """Everything up to `frame` is words, or nothing was said."""
        words = [word for word in heard.words if word.text]
        self.words += words
        self._settled = max(self._settled, frame)
        if words:
            self.on_final(words)

    def _lose(self, frame: int, reason: str) -> None:
        """Everything from what is settled up to `frame` is a gap."""
        self._gap(self._settled, frame, reason)
        self._settled = max(self._settled, frame)

    def _gap(self, start: int, end: int, reason: str) -> None:
        if start < end:
            self._lost.append((start, end, reason))

    @property
    def gaps(self) -> tuple[Lost, ...]:
        """What nobody transcribed, in order; gaps that touch are one."""
        rate_hz = self.config.sample_rate_hz
        merged: list[tuple[int, int, str]] = []
        for start, end, reason in sorted(self._lost):
            if merged and start <= merged[-1][1]:
                first, until, why = merged[-1]
                merged[-1] = (first, max(end, until), why)
            else:
                merged.append((start, end, reason))
        return tuple(Lost(start / rate_hz, end / rate_hz, reason) for start, end, reason in merged)


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel until it ends: before Python 3.12 `wait_for` may swallow a cancellation (cpython #86296)."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)


async def transcribe(servers: Servers, config: StreamConfig, pieces: AsyncIterator[bytes]) -> list[HeardWord]:
    """The words of audio that is all there already, at the pace of the server; `ServerFailed` when it fails.

    Times are seconds from the start of the audio. `NoServer` when there is none just now.
    """
    server = servers.pick()
    if server is None:
        raise NoServer("no transcriber is there just now")
    words: list[HeardWord] = []
    session: _Session | None = None
    try:
        session = await _Session.open(servers, server, config, 0)
        frame = 0
        async for pcm in pieces:
            heard = await session.hear(frame, pcm)
            frame += len(pcm) // SAMPLE_BYTES
            if isinstance(heard, Final):
                words += heard.words
        words += (await session.finish()).words
        server.worked()
    except ServerFailed as failure:
        note_failure(server, failure)
        raise
    finally:
        if session is not None:
            await session.close()
    return [word for word in words if word.text]
