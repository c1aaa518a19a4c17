"""`tast1 demo`: two real calls on this machine, and what is left of them a month later.

A gateway with its transcriber, two agents' telephones and two callers, all on loopback, with real SIP, RTP
and speech recognition. Everything lies in a folder of its own, made new each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from gateway.cli.context import AsJson, Language, console, fail, local, now, print_json, table
from gateway.cli.recordings import artifact_rows, print_artifacts
from gateway.cli.timeline import print_timeline
from gateway.cli.watch import LiveWords
from gateway.texts import text
from gateway.texts.rules import said

SILENT_TALK_S = 3.0
TURN_S = 0.7  # between one's last word and the other's first
DAYS = 31
ACCEPTING, SILENT = "70101010", "70101011"  # the numbers that are called
VOICES = Path(__file__).resolve().parents[1] / "worker" / "voices"
KEY_AFTER_MS = 700  # so long after the purposes were heard the caller presses


@dataclass(frozen=True)
class Result:
    """What the demo found, for `--json`."""

    calls: dict[str, list[dict[str, Any]]]
    live: list[dict[str, Any]]
    transcript: str
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    erased: int
    audio_readable_after: bool
    certificate: dict[str, Any] | None
    audit_intact: bool


def demo(
    folder: Annotated[Path, typer.Option(help="Where everything is written; removed first.")] = Path(".demo"),
    as_json: AsJson = False,
    lang: Language = "da",
) -> None:
    """Two live calls: one caller presses 1, and the words appear as they are spoken; one stays silent.
    Then 31 days pass."""
    if folder.exists() and not (folder / "config.yaml").is_file() and any(folder.iterdir()):
        raise fail(text("demo.not_ours", lang, path=folder))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        result = asyncio.run(_demo(folder.absolute(), as_json, lang))
    finally:
        shutil.rmtree(_memory(folder.absolute()), ignore_errors=True)
    if as_json:
        print_json(vars(result))
    gone = result.certificate is not None and not result.audio_readable_after
    if not (gone and result.audit_intact):
        raise fail(text("demo.failed", lang))


async def _demo(folder: Path, quiet: bool, lang: str) -> Result:
    from gateway.app import Gateway
    from gateway.config import Settings
    from gateway.logs import configure
    from gateway.worker.phone import Phone, PhoneScript

    agent = await Phone.start(PhoneScript(user="agent", ring_s=1.0, calls=0))
    other = await Phone.start(PhoneScript(user="agent", ring_s=1.0, calls=0))
    async with agent, other:
        settings = Settings.load(_write_config(folder, agent.port, other.port), {})
        configure(settings.logs)
        gateway = Gateway(settings)
        await gateway.start()
        try:
            assert gateway.transcriber is not None
            await asyncio.wait_for(gateway.transcriber.ready.wait(), 60.0)
            say = console.print if not quiet else lambda *_, **__: None
            say(text("demo.begins", lang, uri=f"sip:{ACCEPTING}@{settings.sip.udp}", seconds=45))
            live: list[dict[str, Any]] = []
            host = str(settings.sip.udp)
            async with _progress(gateway, quiet, lang) as words:
                await asyncio.gather(
                    _caller_who_accepts(gateway, host, agent, words, live),
                    _caller_who_is_silent(gateway, host),
                )
                await gateway.calls.wait_until_none(30.0)
            timelines = {
                driver.call_id: [
                    {"name": e.name, "at": e.at.isoformat(), "detail": e.detail} for e in driver.timeline
                ]
                for driver in gateway.calls.recent()
            }
            if not quiet:
                for call_id, entries in timelines.items():
                    accepted = any(e["name"] == "consent_stored" for e in entries)
                    say(text("demo.caller_accepts" if accepted else "demo.caller_silent", lang), style="bold")
                    print_timeline(call_id, entries, lang)
            transcript = await asyncio.to_thread(_what_was_said, gateway)
            say(text("demo.transcript", lang), style="bold")
            say(transcript, end="", markup=False)
            later = await asyncio.to_thread(_a_month_later, gateway, quiet, lang)
            return Result(calls=timelines, live=live, transcript=transcript, **later)
        finally:
            await gateway.stop()


async def _caller_who_accepts(
    gateway: Any, host: str, agent: Any, words: LiveWords, live: list[dict[str, Any]]
) -> None:
    from gateway.calls.watching import watching
    from gateway.worker.phone import Phone, PhoneScript

    async def watch(call: Any, recording_id: str) -> None:
        with watching(call, recording_id) as told:
            async for heard in told:
                live.append(heard)
                words.heard(heard)

    script = PhoneScript(uri=f"sip:{ACCEPTING}@{host}", user="20304050")
    async with await Phone.start(script) as phone:
        await phone.wait_for("answered")
        call = await _call_with(gateway, "marker_passed", without="key")
        await asyncio.sleep(KEY_AFTER_MS / 1000)
        phone.order("press", digit="1", method="rfc4733")
        await _entry(call, "capture_started")
        watched = asyncio.create_task(watch(call, call.recording_id))
        for line in yaml.safe_load((VOICES / "lines.yaml").read_text(encoding="utf-8"))["lines"]:
            file = VOICES / line["file"]
            (agent if line["speaker"] == "agent" else phone).order("say", file=str(file))
            await asyncio.sleep(_length_s(file) + TURN_S)
        phone.order("hang_up")
        await phone.wait_for("ended")
        await watched


def _length_s(file: Path) -> float:
    with wave.open(str(file)) as sound:
        return float(sound.getnframes() / sound.getframerate())


async def _caller_who_is_silent(gateway: Any, host: str) -> None:
    from gateway.worker.phone import Phone, PhoneScript

    await asyncio.sleep(2.0)  # the other caller's marker comes first
    async with await Phone.start(PhoneScript(uri=f"sip:{SILENT}@{host}", user="60708090")) as phone:
        await phone.wait_for("answered")
        call = gateway.calls.up()[-1]
        await _entry(call, "agent_answered", 60.0)
        await asyncio.sleep(SILENT_TALK_S)
        phone.order("hang_up")
        await phone.wait_for("ended")


async def _call_with(gateway: Any, name: str, without: str) -> Any:
    """The call that is up in which one thing has happened and another has not."""
    for _ in range(1200):
        for call in gateway.calls.up():
            names = [entry.name for entry in call.timeline]
            if name in names and without not in names:
                return call
        await asyncio.sleep(0.05)
    raise TimeoutError(f"no call came to {name}")


async def _entry(call: Any, name: str, seconds: float = 30.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if any(entry.name == name for entry in call.timeline):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the call did not come to {name}")


@contextlib.asynccontextmanager
async def _progress(gateway: Any, quiet: bool, lang: str) -> AsyncIterator[LiveWords]:
    """What happens and what is said, as it happens."""
    with LiveWords(lang, quiet=quiet) as words:

        async def show() -> None:
            while True:
                last = [call.timeline[-1].name for call in gateway.calls.up() if call.timeline]
                words.status(" · ".join(text(f"event.{name}", lang) for name in last) or "…")
                await asyncio.sleep(0.2)

        task = asyncio.create_task(show())
        try:
            yield words
        finally:
            task.cancel()


def _what_was_said(gateway: Any) -> str:
    """The stored transcript, as quality assurance reads it: without the numbers that identify people."""
    from storage.gate import Asking
    from storage.model import ArtifactKind
    from storage.people import Person, Role
    from transcription.exports import from_json, to_text

    rows = artifact_rows(gateway.archive, ArtifactKind.TRANSCRIPT, 1)
    asking = Asking(Person("demo", (Role("QA"),)), "QA", "training")
    return to_text(
        from_json(gateway.archive.desk.gate.read_words(asking, rows[0]["artifact"], now()).decode())
    )


def _a_month_later(gateway: Any, quiet: bool, lang: str) -> dict[str, Any]:
    """What is left; the rest of a `Result`."""
    from storage import audit_log, certificates
    from storage.artifacts import NotReadable
    from storage.gate import Asking
    from storage.people import Person, Role

    archive = gateway.archive
    before = artifact_rows(archive, None, 50)
    audio = next(row for row in before if row["kind"] == "AUD")
    say = console.print if not quiet else lambda *_, **__: None
    if not quiet:
        print_artifacts(before, lang)
    later = now() + timedelta(days=DAYS)
    say(text("demo.clock_forward", lang, days=DAYS) + f" {local(later)}", style="bold")
    readable = True
    try:
        asking = Asking(Person("demo", (Role("QA"),)), "QA", "training")
        archive.desk.gate.open_media(asking, audio["artifact"], later).close()
    except NotReadable as refusal:
        readable = False
        say(f"{text('recordings.expired', lang)} {said(str(refusal), lang)}")
    result = archive.sweep(later)
    say(text("sweep.deleted", lang, count=len(result.erased)))
    certificate = archive.database.read_sync(
        lambda session: certificates.of_artifact(session, audio["artifact"])
    )
    after = artifact_rows(archive, None, 50)
    there = archive.store.media_path(audio["artifact"]).exists()
    if not quiet:
        print_artifacts(after, lang)
        say(text("demo.audio_there" if there else "demo.audio_gone", lang), style="bold")
        if certificate is not None:
            table(
                text("title.certificates", lang),
                ("certificate", "kind", "ground", "rule", "until", "deleted_at"),
                [
                    (
                        certificate.dc_id,
                        text(f"kind.{certificate.kind}", lang),
                        lapsed["ground"],
                        lapsed["rule"],
                        lapsed["until"],
                        local(certificate.purged_at),
                    )
                    for lapsed in certificate.lapsed
                ],
                lang,
            )
    verdict = archive.database.read_sync(audit_log.verify)
    say(
        text("audit.ok", lang, count=verdict.entries)
        if verdict.intact
        else text("audit.broken", lang, entry=verdict.broken_at)
    )
    shown = (
        {"id": certificate.dc_id, "purged_at": certificate.purged_at, "lapsed": certificate.lapsed}
        if certificate
        else None
    )
    return {
        "before": before,
        "after": after,
        "erased": len(result.erased),
        "audio_readable_after": readable or there,
        "certificate": shown,
        "audit_intact": verdict.intact,
    }


def _memory(folder: Path) -> Path:
    shared = Path("/dev/shm")  # noqa: S108  memory, made with mode 0700 below
    return (shared if shared.is_dir() else folder) / f"tast1-demo-{folder.name.strip('.')}"


def _write_config(folder: Path, agent_port: int, other_port: int) -> Path:
    config = {
        "sip": {
            "udp": f"127.0.0.1:{_free_port()}",
            "tcp": None,
            "worker_side": f"127.0.0.1:{_free_port()}",
            "workers": 2,
        },
        "flows": {
            "customer": {"numbers": [ACCEPTING], "connect": f"sip:agent@127.0.0.1:{agent_port}"},
            "claims": {"numbers": [SILENT], "connect": f"sip:agent@127.0.0.1:{other_port}"},
        },
        "transcription": {"model": "da-demo", "listen": "127.0.0.1:0"},
        "storage": {"folder": str(folder / "data"), "memory_folder": str(_memory(folder))},
        "web": {"listen": None, "metrics": None},
        "logs": {"level": "WARNING"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
