"""Two real SIP endpoints on loopback around a pool of real workers, and ears for what they heard."""

from __future__ import annotations

import asyncio
import math
import struct
import wave
from pathlib import Path
from typing import TypeVar

import numpy as np

from gateway.calls import line as wire
from gateway.worker.phone import Phone, PhoneScript
from gateway.worker.pool import WorkerLine, WorkerPool
from gateway.worker.settings import WorkerSettings
from tests.ports import share

RATE = 8000
WINDOW = 800  # samples: 100 ms, so a bin of its spectrum is 10 Hz
RTP_PORTS = share(range(20000, 30000))
CALLER_HZ, AGENT_HZ, PROMPT_HZ = 400, 1000, 700
PATIENCE_S = 20.0
E = TypeVar("E")


def write_tone(path: Path, frequency_hz: int, seconds: float = 1.0) -> Path:
    """A steady tone; whole seconds of it can be repeated without a click."""
    samples = [
        int(8000 * math.sin(2 * math.pi * frequency_hz * i / RATE)) for i in range(int(RATE * seconds))
    ]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


def samples(path: Path) -> np.ndarray:
    """All samples of a WAV file."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def tones(path: Path) -> list[int]:
    """The strongest frequency of each 100 ms, Hz; 0 where there is silence."""
    sound, found = samples(path), []
    for start in range(0, len(sound) - WINDOW + 1, WINDOW):
        window = sound[start : start + WINDOW]
        spectrum = np.abs(np.fft.rfft(window * np.hanning(WINDOW)))
        found.append(int(np.argmax(spectrum)) * RATE // WINDOW if np.abs(window).max() > 500 else 0)
    return found


class Rig:
    """One pool, its calls and the phones of a test."""

    def __init__(self, folder: Path, pool: WorkerPool) -> None:
        self.folder = folder
        self.pool = pool
        self.calls = pool.incoming()
        self.caller_wav = write_tone(folder / "caller_says.wav", CALLER_HZ)
        self.agent_wav = write_tone(folder / "agent_says.wav", AGENT_HZ)
        self.prompt_wav = write_tone(folder / "prompt.wav", PROMPT_HZ, 1.13)
        self.capture = folder / "capture"
        self.phones: list[Phone] = []

    @classmethod
    async def build(cls, folder: Path, size: int = 1, **settings: object) -> Rig:
        options = {"linger_s": 0.1, "rtp_port_min": RTP_PORTS[0], "rtp_port_max": RTP_PORTS[-1], **settings}
        pool = WorkerPool(WorkerSettings(**options), size)  # type: ignore[arg-type]
        await pool.start()
        return cls(folder, pool)

    async def close(self) -> None:
        await asyncio.gather(self.pool.stop(), *(phone.close() for phone in self.phones))

    async def phone(self, **script: object) -> Phone:
        phone = await Phone.start(PhoneScript(**script))  # type: ignore[arg-type]
        self.phones.append(phone)
        return phone

    async def agent(self, **script: object) -> Phone:
        return await self.phone(**{"play": str(self.agent_wav), "user": "agent", **script})

    async def call(self, **script: object) -> tuple[Phone, Ears]:
        """A caller's INVITE to a free worker, ringing, and the line that it became."""
        port = self.pool.take("a Call-ID", "a tag", "a branch")
        assert port is not None
        play = str(self.caller_wav)
        phone = await self.phone(**{"uri": f"sip:1000@127.0.0.1:{port}", "play": play, **script})
        return phone, Ears(await asyncio.wait_for(self.calls.__anext__(), PATIENCE_S))

    async def bridged(self, **script: object) -> tuple[Phone, Phone, Ears]:
        """Caller and agent in conversation."""
        agent = await self.agent()
        caller, ears = await self.call(**script)
        ears.line.send(wire.AnswerCall())
        await ears.until(wire.LegUp)
        ears.line.send(wire.Dial(f"sip:agent@127.0.0.1:{agent.port}"))
        await ears.until(wire.AgentAnswered)
        ears.line.send(wire.BridgeLegs())
        return caller, agent, ears

    async def record(self, ears: Ears) -> None:
        """Order the capture and wait until it runs."""
        self.capture.mkdir()
        ears.line.send(wire.OpenCapture(str(self.capture)))
        await ears.until(wire.CaptureOpened)

    async def recorded(self, seconds: float) -> None:
        """Wait until that much more of the call is in the files."""
        path = self.capture / "agent.wav"
        size = path.stat().st_size + int(seconds * RATE * 2)
        for _ in range(int(PATIENCE_S / 0.01)):
            if path.stat().st_size >= size:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the recording does not grow")


class Ears:
    """A line, and all of its events so far."""

    def __init__(self, line: WorkerLine) -> None:
        self.line = line
        self.heard: list[wire.LineEvent] = []
        self._events = line.events()
        self._read = 0

    async def until(self, kind: type[E]) -> E:
        """The next event of this kind; those before it are heard too."""
        while self._read < len(self.heard):
            self._read += 1
            if isinstance(event := self.heard[self._read - 1], kind):
                return event
        while True:
            try:
                event = await asyncio.wait_for(self._events.__anext__(), PATIENCE_S)
            except (asyncio.TimeoutError, StopAsyncIteration):
                names = ", ".join(type(e).__name__ for e in self.heard)
                raise AssertionError(f"no {kind.__name__}; there were: {names}") from None
            self.heard.append(event)
            self._read += 1
            if isinstance(event, kind):
                return event

    async def end(self) -> wire.LineClosed:
        """Close the line."""
        self.line.send(wire.EndLine())
        return await self.until(wire.LineClosed)

    def all(self, kind: type[E]) -> list[E]:
        """Every event of this kind so far."""
        return [event for event in self.heard if isinstance(event, kind)]
