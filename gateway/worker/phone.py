"""A test phone: calls or answers, plays a file, presses keys, records what it hears, keeps a timeline.

Each phone is a process of its own (`phone_process.py`, on the same pjsua2 as the workers), told what to
do by a `PhoneScript`, later orders as JSON lines on its standard input, its timeline as JSON lines on
standard output: `{"at": 0.213, "event": "answered", "status": 200, "codec": "PCMA/8000"}`.

From a shell: `python -m gateway.worker.phone sip:1000@127.0.0.1:5060 --keys 1@3 --play speech.wav`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import sys
from dataclasses import dataclass, field
from typing import Any

LONGEST_LINE = 65536
METHODS = ("rfc4733", "info", "inband", "both")
"""How a key is sent: `inband` as two tones of 100 ms in the sound, `both` by RFC 4733 and SIP INFO."""


class PhoneError(Exception):
    """The phone did not do what was waited for; the text says what it did instead."""


@dataclass(frozen=True)
class KeyStroke:
    """A key at `at_s` seconds after the call was answered. `method`: one of `METHODS`."""

    digit: str
    at_s: float
    method: str = "rfc4733"


@dataclass(frozen=True)
class PhoneScript:
    """What a phone does. Times are seconds after the call was answered, unless they say otherwise."""

    uri: str = ""
    """Whom to call, such as sip:1000@127.0.0.1:5060;transport=tcp. "": wait for a call."""
    port: int = 0
    """UDP (and TCP) port to listen on; 0: any, told by the event `ready`."""
    address: str = "127.0.0.1"
    """Address for SIP and sound."""
    user: str = "phone"
    """Our user part, shown to the other side."""
    codec: str = "PCMA"
    """PCMA, PCMU or G722: the only one offered and accepted."""
    events: bool = True
    """Whether RFC 4733 telephone-event is offered and accepted."""
    srtp: str = "off"
    """Whether sound is encrypted (SRTP, RFC 4568): off, optional, required."""
    play: str | None = None
    """WAV file (mono 16-bit PCM) that the other side hears; None: silence."""
    loop: bool = True
    """Whether the file starts again at its end."""
    record: str | None = None
    """WAV file to write what is heard to; None: not kept."""
    keys: tuple[KeyStroke, ...] = ()
    """Keys to press."""
    hang_up_s: float | None = None
    """When to hang up; None: the other side does."""
    hold_s: float | None = None
    """When to put the other side on hold."""
    resume_s: float | None = None
    """When to take it back."""
    cancel_s: float | None = None
    """Seconds after the INVITE at which to give up, if it is not answered."""
    ring_s: float = 0.0
    """Seconds to ring before `reply` is sent."""
    reply: int = 200
    """How to answer a call: 200, a refusal such as 486 or 603, or 0: ring on and never answer."""
    early_media: bool = False
    """Whether to ring with 183 and sound."""
    calls: int = 1
    """Calls to answer, one after the other, before leaving; 0: any number."""
    rtp_port_min: int = 30000
    """First UDP port for sound."""
    rtp_port_max: int = 49999
    """Last UDP port for sound."""
    log_level: int = 0
    """pjsip's own log on standard error."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PhoneScript:
        """The script in `to_json`'s text."""
        fields = json.loads(text)
        fields["keys"] = tuple(KeyStroke(**key) for key in fields.get("keys", ()))
        return cls(**fields)


@dataclass(frozen=True)
class PhoneEvent:
    """Something that happened. `at`: seconds since the phone started.

    `event`: ready (port), dialled, ringing (status), answered (status, codec), early_media, key (digit,
    method), say, hold, resume, refresh, held, resumed, digit (digit heard), ended (status), refer (status),
    bye.
    """

    at: float
    event: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The SIP status (0: none)."""
        return int(self.fields.get("status", 0))


class Phone:
    """A running phone. `async with await Phone.start(script) as phone: await phone.wait_for("answered")`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._news = asyncio.Condition()
        self._over = False
        self.events: list[PhoneEvent] = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, script: PhoneScript) -> Phone:
        """Start the process; returns when it listens (and has dialled, when the script says so)."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.worker.phone",
            "--script",
            script.to_json(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
        )
        phone = cls(process)
        await phone.wait_for("ready", 30.0)
        return phone

    @property
    def port(self) -> int:
        """UDP port on which the phone listens."""
        return int(self.events[0].fields["port"])

    async def wait_for(self, event: str, within_s: float = 20.0, count: int = 1) -> PhoneEvent:
        """The `count`-th event of this name, now or later; `PhoneError` when it does not come."""

        def found() -> list[PhoneEvent]:
            return [e for e in self.events if e.event == event]

        async with self._news:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(
                    self._news.wait_for(lambda: len(found()) >= count or self._over), within_s
                )
        if len(found()) < count:
            names = ", ".join(e.event for e in self.events)
            if not names:
                raise PhoneError(f"no {event} from the phone, and nothing else")
            raise PhoneError(f"no {event} from the phone; there were: {names}")
        return found()[count - 1]

    def order(self, do: str, **fields: Any) -> None:
        """Have it do something now.

        press (digit, method), say (file: a WAV played once), hold, resume, reinvite, update, hang_up,
        refer (uri), leave.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")

    async def finish(self, within_s: float = 60.0) -> list[PhoneEvent]:
        """Wait until the phone has left by itself; its whole timeline."""
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except asyncio.TimeoutError:
            raise PhoneError("the phone did not end") from None
        await self._reader
        return self.events

    async def close(self) -> None:
        """Hang up, write the recording to its end, and end the process."""
        if self._process.returncode is None:
            with contextlib.suppress(ConnectionError):
                self.order("leave")
            try:
                await asyncio.wait_for(self._process.wait(), 10.0)
            except asyncio.TimeoutError:
                self._process.kill()
                await self._process.wait()
        await self._reader

    async def __aenter__(self) -> Phone:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            with contextlib.suppress(ValueError):
                fields = json.loads(line)
                event = PhoneEvent(fields.pop("at"), fields.pop("event"), fields)
                async with self._news:
                    self.events.append(event)
                    self._news.notify_all()
        async with self._news:
            self._over = True
            self._news.notify_all()


def read_key(text: str) -> KeyStroke:
    """`1@3.5` or `1@3.5:inband`; `ValueError` when it is neither."""
    digit, _, rest = text.partition("@")
    at, _, method = rest.partition(":")
    if len(digit) != 1 or method not in ("", *METHODS):
        raise ValueError("a key is written DIGIT@SECONDS or DIGIT@SECONDS:METHOD")
    return KeyStroke(digit, float(at), method or "rfc4733")


def script_from(arguments: list[str]) -> PhoneScript:
    """The script that a command line means."""
    parser = argparse.ArgumentParser(prog="python -m gateway.worker.phone", description="A test phone.")
    parser.add_argument("uri", nargs="?", default="", help="whom to call; without it, wait for a call")
    parser.add_argument(
        "--script", type=PhoneScript.from_json, help="everything, as JSON; orders on standard input"
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--codec", choices=("PCMA", "PCMU", "G722"), default="PCMA")
    parser.add_argument("--play", help="WAV file that the other side hears")
    parser.add_argument("--once", action="store_true", help="play it once")
    parser.add_argument("--record", help="WAV file to write")
    parser.add_argument("--keys", type=read_key, nargs="*", default=[], metavar="DIGIT@SECONDS[:METHOD]")
    parser.add_argument("--no-events", action="store_true", help="without RFC 4733 telephone-event")
    parser.add_argument("--hang-up", type=float, metavar="SECONDS")
    parser.add_argument("--ring", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--reply", type=int, default=200, metavar="STATUS")
    options = parser.parse_args(arguments)
    if isinstance(options.script, PhoneScript):
        return options.script
    return PhoneScript(
        uri=options.uri,
        port=options.port,
        codec=options.codec,
        play=options.play,
        loop=not options.once,
        record=options.record,
        keys=tuple(options.keys),
        events=not options.no_events,
        hang_up_s=options.hang_up,
        ring_s=options.ring,
        reply=options.reply,
    )


def main() -> None:
    """Be a phone until the script is over."""
    script = script_from(sys.argv[1:])
    from gateway.worker.phone_process import run  # pjsua2 only in the phone's own process

    run(script, ordered="--script" in sys.argv)


if __name__ == "__main__":
    main()
