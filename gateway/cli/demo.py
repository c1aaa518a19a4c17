"""`tast1 demo`: two real calls on this machine, and what is left of them a month later.

A gateway, an agent's telephone and two callers, all on loopback, with real SIP and RTP. Everything lies
in a folder of its own, made new each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
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
from gateway.texts import text

TALK_S = 5.0
SILENT_TALK_S = 3.0
DAYS = 31
VOICES = Path(__file__).resolve().parents[1] / "worker" / "voices"
KEY_AFTER_MS = 700  # so long after the purposes were heard the caller presses


@dataclass(frozen=True)
class Result:
    """What the demo found, for `--json`."""

    calls: dict[str, list[dict[str, Any]]]
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
    """Two live calls: one caller presses 1 and speaks, one stays silent. Then 31 days pass."""
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

    agent = await Phone.start(
        PhoneScript(port=0, user="agent", play=str(VOICES / "agent.wav"), ring_s=1.0, calls=0)
    )
    async with agent:
        settings = Settings.load(_write_config(folder, agent.port), {})
        configure(settings.logs)
        gateway = Gateway(settings)
        await gateway.start()
        try:
            uri = f"sip:70101010@{settings.sip.udp}"
            say = console.print if not quiet else lambda *_, **__: None
            say(text("demo.begins", lang, uri=uri, seconds=35))
            async with _progress(gateway, quiet, lang):
                await asyncio.gather(_caller_who_accepts(gateway, uri), _caller_who_is_silent(gateway, uri))
                await gateway.calls.wait_until_none(15.0)
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
            return await asyncio.to_thread(_a_month_later, gateway, timelines, quiet, lang)
        finally:
            await gateway.stop()


async def _caller_who_accepts(gateway: Any, uri: str) -> None:
    from gateway.worker.phone import Phone, PhoneScript

    script = PhoneScript(uri=uri, user="20304050", play=str(VOICES / "caller.wav"), loop=True)
    async with await Phone.start(script) as phone:
        await phone.wait_for("answered")
        call = await _call_with(gateway, "marker_passed", without="key")
        await asyncio.sleep(KEY_AFTER_MS / 1000)
        phone.order("press", digit="1", method="rfc4733")
        await _entry(call, "capture_started")
        await asyncio.sleep(TALK_S)
        phone.order("hang_up")
        await phone.wait_for("ended")


async def _caller_who_is_silent(gateway: Any, uri: str) -> None:
    from gateway.worker.phone import Phone, PhoneScript

    await asyncio.sleep(2.0)  # the other caller's marker comes first
    async with await Phone.start(PhoneScript(uri=uri, user="60708090")) as phone:
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
async def _progress(gateway: Any, quiet: bool, lang: str) -> AsyncIterator[None]:
    """What happens, as it happens."""
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(text("call.running", lang)) as status:

        async def show() -> None:
            while True:
                last = [call.timeline[-1].name for call in gateway.calls.up() if call.timeline]
                status.update(" · ".join(text(f"event.{name}", lang) for name in last) or "…")
                await asyncio.sleep(0.2)

        task = asyncio.create_task(show())
        try:
            yield
        finally:
            task.cancel()


def _a_month_later(
    gateway: Any, timelines: dict[str, list[dict[str, Any]]], quiet: bool, lang: str
) -> Result:
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
        say(f"{text('recordings.expired', lang)} {refusal}")
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
    return Result(timelines, before, after, len(result.erased), readable or there, shown, verdict.intact)


def _memory(folder: Path) -> Path:
    shared = Path("/dev/shm")  # noqa: S108  memory, made with mode 0700 below
    return (shared if shared.is_dir() else folder) / f"tast1-demo-{folder.name.strip('.')}"


def _write_config(folder: Path, agent_port: int) -> Path:
    config = {
        "sip": {
            "udp": f"127.0.0.1:{_free_port()}",
            "tcp": None,
            "worker_side": f"127.0.0.1:{_free_port()}",
            "workers": 2,
        },
        "flows": {"customer": {"connect": f"sip:agent@127.0.0.1:{agent_port}"}},
        "storage": {"folder": str(folder / "data"), "memory_folder": str(_memory(folder))},
        "web": {"listen": None},
        "logs": {"level": "WARNING"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
