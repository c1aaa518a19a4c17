"""baresip as a telephone: a SIP stack, TLS and SRTP that share nothing with ours.

It has no sound device: it plays a tone from a file, and writes what it hears to another (its module
sndfile). Orders go to its module ctrl_tcp, as JSON in netstrings; what happens comes back the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.ports import free_port
from tests.sip.signals import Pcm, tone

MODULES = Path("/usr/lib/baresip/modules")
HOW_TO_GET_IT = "baresip is not installed: apt-get install baresip-core"


def installed() -> bool:
    """Whether the telephone and its modules are there."""
    return shutil.which("baresip") is not None and (MODULES / "srtp.so").exists()


class Baresip:
    """One telephone. `mediaenc`: srtp-mand, srtp (offered), or "" (none)."""

    def __init__(self, folder: Path, tone_hz: int, mediaenc: str, certificate: str, authority: str) -> None:
        self.folder, self.tone_hz, self.mediaenc = folder, tone_hz, mediaenc
        self.certificate, self.authority = certificate, authority
        self.port, self._orders = free_port(), free_port()
        self.heard: list[dict[str, Any]] = []
        self.log = folder / "log"
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def tls_uri(self) -> str:
        """Where it is called by TLS; baresip listens for that one port further up."""
        return f"sip:phone@127.0.0.1:{self.port + 1};transport=tls"

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        sound = self.folder / "says.wav"
        soundfile.write(sound, tone(self.tone_hz, 60.0), 8000, subtype="PCM_16")
        modules = ("g711", "aufile", "aubridge", "sndfile", "srtp")
        lines = [
            f"sip_listen 127.0.0.1:{self.port}",
            f"sip_certificate {self.certificate}",
            f"sip_cafile {self.authority}",
            "net_interface 127.0.0.1",
            f"audio_source aufile,{sound}",
            "audio_player aubridge,nothing",
            "audio_alert aubridge,nothing",
            "ausrc_srate 8000",
            "ausrc_channels 1",
            f"snd_path {self.folder}",
            f"ctrl_tcp_listen 127.0.0.1:{self._orders}",
            f"module_path {MODULES}",
            *(f"module {name}.so" for name in modules),
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        encrypted = f";mediaenc={self.mediaenc}" if self.mediaenc else ""
        account = (
            f"<sip:phone@127.0.0.1;transport=tls>;regint=0;answermode=auto;audio_codecs=pcma{encrypted}\n"
        )
        (self.folder / "accounts").write_text(account)
        (self.folder / "contacts").write_text("")

    async def __aenter__(self) -> Baresip:
        self._write()
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "baresip",
                "-4",
                "-f",
                str(self.folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        for _ in range(200):
            with contextlib.suppress(OSError):
                reader, self._writer = await asyncio.open_connection("127.0.0.1", self._orders)
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError(f"baresip did not start:\n{self.log.read_text()[-3000:]}")
        self._reading = asyncio.create_task(self._read(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except asyncio.TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                self.heard.append(json.loads((await reader.readexactly(size + 1))[:-1]))

    def order(self, command: str, params: str = "") -> None:
        """One of its commands, such as dial or hangup."""
        assert self._writer is not None
        data = json.dumps({"command": command, "params": params, "token": command}).encode()
        self._writer.write(b"%d:%s," % (len(data), data))

    async def until(self, event: str, seconds: float = 20) -> dict[str, Any]:
        """The first event of a type, such as CALL_ESTABLISHED."""
        for _ in range(int(seconds / 0.05)):
            for each in self.heard:
                if each.get("type") == event:
                    return each
            await asyncio.sleep(0.05)
        raise AssertionError(f"no {event}; there were {self.heard}\n{self.log.read_text()[-3000:]}")

    def sound(self) -> Pcm:
        """All that it heard, at 8 kHz."""
        (path,) = self.folder.glob("dump-*-dec.wav")
        pcm, rate = soundfile.read(path, dtype="int16")
        assert rate == 8000
        return np.asarray(pcm)


@contextlib.asynccontextmanager
async def telephones(*phones: Baresip) -> AsyncIterator[tuple[Baresip, ...]]:
    """All of them, for the length of a block."""
    async with contextlib.AsyncExitStack() as stack:
        for phone in phones:
            await stack.enter_async_context(phone)
        yield phones
