"""Settings are read again fifty times under twenty calls, good files and bad ones: no call notices.

Each call keeps the settings that it began with, each recording is whole, and the audit log has one right
entry for each reload.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.app import Archive
from storage import artifacts, audit_log
from storage.audit_chain import Entry
from storage.model import ArtifactKind, GroundName
from storage.policy.clocks import local_date
from storage.tables import Artifact
from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, Gateway, running
from tests.sip.signals import RATE_HZ, Pcm, power_near, tone
from tests.sip.softphone import Dialog, Softphone
from tests.sip.test_calls import Stage
from tests.sip.test_casework import hire, tast1

pytestmark = [pytest.mark.sip, pytest.mark.slow, pytest.mark.timeout(600)]

CALLS = int(os.environ.get("TAST1_RELOAD_CALLS", "20"))
RELOADS = 50
HZ = 500.0
DAYS_BEFORE = 30  # as the policy has it
ACCOUNT = f"os:{os.getuid()}"
BAD: tuple[tuple[str, list[str]], ...] = (  # what is written below the good settings, or over them
    ("ivr: {timeout_s: 99}", ["ivr.timeout_s"]),
    ("ivr: {timout_s: 4}", ["ivr.timout_s"]),
    ("ivr: [", [""]),
    ("prompts: {folder: ./nowhere}", ["prompts.folder"]),
    ("flows: {a: {}, b: {}}", ["flows.b.numbers"]),
)


class Office:
    """Writes the settings, has them read, and reads the log beside the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.values: dict[str, Any] = yaml.safe_load(gateway.config.read_text())
        settings = gateway.settings()
        gateway.settings = lambda: settings  # type: ignore[method-assign]  # whatever the file says meanwhile
        self.archive = Archive.open(settings)
        self.socket = settings.control_socket
        self.days = DAYS_BEFORE
        self.token = ""

    def write(self, text: str) -> None:
        """As editors do: whole, or not at all."""
        draft = self.gateway.folder / "draft"
        draft.write_text(text)
        draft.replace(self.gateway.config)

    def entries(self) -> list[Entry]:
        found = self.archive.database.read_sync(lambda s: list(audit_log.entries(s, "settings")))
        return [entry for entry in found if entry.action.startswith("settings.")]

    async def reload(self, number: int) -> dict[str, Any]:
        """Write a good or a bad file and have it read, by signal or by somebody; what must be logged."""
        expected: dict[str, Any]
        days = 40 + number
        self.values["policy"] = {"retention": {"callcenter_days": days}}
        if number % 3 == 2:
            text, keys = BAD[number // 3 % len(BAD)]
            section = text.split(":")[0]
            rest = {name: value for name, value in self.values.items() if name != section}
            self.write(f"{yaml.safe_dump(rest)}{text}\n")
            expected = {"action": "settings.refuse", "keys": keys}
        else:
            self.values["sip"] = {**self.values["sip"], "retry_after_s": 5 + number % 7, "workers": 99}
            self.write(yaml.safe_dump(self.values))
            expected = {"action": "settings.reload", "days": (str(self.days), str(days))}
            self.days = days
        if number % 2 == 0:
            assert self.gateway.process is not None
            self.gateway.process.send_signal(signal.SIGHUP)
            actor = ("gateway", "system")
        elif number % 10 == 1:
            status = 0 if expected["action"] == "settings.reload" else 2
            await tast1(self.gateway, "reload", token=self.token, status=status)
            actor = ("adam", "SYSADMIN")
        else:
            await self.ask()
            actor = (ACCOUNT, "SYSADMIN")
        await self.gateway.until(lambda: len(self.entries()) > number, 30, f"reload {number} was not logged")
        return {**expected, "actor": actor}

    async def ask(self) -> None:
        connector = aiohttp.UnixConnector(path=str(self.socket))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post("http://tast1/reload", json={"uid": os.getuid()}) as response,
        ):
            assert response.status == 200, await response.text()


def told(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


async def recorded(stage: Stage) -> tuple[Dialog, asyncio.Task[None]]:
    """One more call that is being recorded, and what keeps it speaking.

    Twenty calls are much for a small machine: a caller whose key came too late, or whose recorder did not
    start in time, rings again.
    """
    for _ in range(5):
        known = await up(stage.gateway)
        dialog = await stage.caller.call(stage.gateway.uri)
        await asyncio.wait_for(dialog.answered.wait(), 30)
        await stage.heard(dialog, PROMPT_HZ["consent"], MARKERS_MS["purposes_end"] / 1000 + 0.3)
        await dialog.press("1", repeats_of_end=6)
        while not (mine := (await up(stage.gateway)).keys() - known.keys()):
            await asyncio.sleep(0.1)
        (call,) = mine
        if await is_recorded(stage.gateway, call):
            return dialog, asyncio.create_task(dialog.send(tone(HZ, 500)))
        await dialog.hang_up()
    raise AssertionError("no call was recorded")


async def is_recorded(gateway: Gateway, call: str) -> bool:
    """Whether the question ended with a recording."""
    for _ in range(300):
        timeline = await gateway.timeline(call)
        if any(entry["name"] == "capture_started" for entry in timeline):
            return True
        said = [entry["detail"]["decision"] for entry in timeline if entry["name"] == "decision"]
        if said and said[-1] != "accepted":
            return False
        await asyncio.sleep(0.1)
    return False


async def up(gateway: Gateway) -> dict[str, bool]:
    """The calls that are up, and whether they are being recorded."""
    return {call["call"]: call["recording"] for call in (await gateway.control("GET", "/calls"))["up"]}


async def test_fifty_reloads_good_and_bad_disturb_none_of_twenty_calls(tmp_path: Path) -> None:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path, agent.uri, workers=CALLS + 1, ivr={"timeout_s": 10}) as gateway,
    ):
        stage = Stage(gateway, caller, agent)
        office = Office(gateway)
        office.token = await hire(gateway, "adam", "SYSADMIN")
        begun: list[tuple[Dialog, asyncio.Task[None]]] = []
        for _ in range(CALLS):
            begun.append(await recorded(stage))

        async def are_recorded() -> bool:
            return list((await up(gateway)).values()) == [True] * CALLS

        await gateway.until(are_recorded, 60, "a call that was not recorded is still up")
        before = await up(gateway)
        refused = {row.id for row in await gateway.closed_calls(0)} - before.keys()
        heard = [len(dialog.heard) for dialog, _ in begun]
        asked = len(caller.requests) + len(agent.requests)

        expected = [await office.reload(number) for number in range(RELOADS)]

        assert await up(gateway) == before, "a call or a recording ended, or another began"
        assert not any(dialog.ended.is_set() for dialog, _ in begun)
        assert all(len(d.heard) > n for (d, _), n in zip(begun, heard, strict=True)), "a line went dead"
        assert len(caller.requests) + len(agent.requests) == asked, "somebody was asked something"

        after = await recorded(stage)  # begins now: has the settings of the last good file
        await asyncio.sleep(2.0)  # something to be recorded
        for dialog, sending in (after, *begun):
            sending.cancel()
            assert await dialog.hang_up() == 200
        await gateway.closed_calls(CALLS + 1 + len(refused), 90)
        await gateway.until(lambda: all(r.state == "sealed" for r in gateway.recordings()), 60)
        assert_audit(office, expected)
        assert_recordings(office, set(before))
        errors = [line for line in gateway.logged() if line.get("error")]
        assert errors == []
        office.archive.close()


def assert_audit(office: Office, expected: list[dict[str, Any]]) -> None:
    found = office.entries()
    assert len(found) == RELOADS
    for entry, right in zip(found, expected, strict=True):
        actor, detail = told(entry.actor), told(entry.detail)
        assert (entry.action, (actor["id"], actor["role"])) == (right["action"], right["actor"])
        if entry.action == "settings.refuse":
            assert [one["key"] for one in detail["mistakes"]] == right["keys"]
            continue
        changes = {one["key"]: one for one in detail["changes"]}
        assert changes.keys() <= {"policy.retention.callcenter_days", "sip.retry_after_s", "sip.workers"}
        days = changes["policy.retention.callcenter_days"]
        assert (days["before"], days["after"]) == right["days"]
        assert changes["sip.workers"]["effect"] == "at the next start", "told until it is so"
    assert office.archive.database.read_sync(audit_log.verify).intact


def assert_recordings(office: Office, before: set[str]) -> None:
    """Each is whole, and is kept as long as was in force when its call began."""
    read = office.archive.database.read_sync
    rows = [row for row, _ in read(lambda s: artifacts.listing(s, None, ArtifactKind.AUDIO, 1000))]
    assert len(rows) == CALLS + 1 and len({row.call_id for row in rows}) == CALLS + 1
    for row in rows:
        assert row.incomplete_reason is None
        days = DAYS_BEFORE if row.call_id in before else office.days
        assert kept_until(office, row) == local_date(row.anchor) + timedelta(days=days)
        sound, _ = office.gateway.sound(row.id)
        assert len(sound) == (row.duration_ms or 0) * RATE_HZ // 1000
        if row.call_id in before:
            assert_spoken_throughout(sound)


def kept_until(office: Office, row: Artifact) -> Any:
    held = office.archive.database.read_sync(lambda s: artifacts.grounds_of(s, row.id))
    return next(ground.until for ground in held if ground.ground is GroundName.CONSENT)


def assert_spoken_throughout(sound: Pcm) -> None:
    """The caller's tone is in every quarter, and in most of each. (A busy machine loses some on the way.)"""
    size = RATE_HZ // 10
    tenths = [power_near(sound[at : at + size], HZ) > 0.5 for at in range(0, len(sound) - size, size)]
    quarter = len(tenths) // 4
    for number in range(4):
        assert sum(tenths[number * quarter : (number + 1) * quarter]) > quarter / 2


async def test_reload_is_asked_for_compared_and_refused_by_command(tmp_path: Path) -> None:
    async with running(tmp_path, None, workers=1) as gateway:
        office = Office(gateway)
        qa = await hire(gateway, "kaj", "QA")
        denied = await tast1(gateway, "reload", "--lang", "da", token=qa, status=3)
        assert "Ikke tilladt" in denied and "SYSADMIN" in denied and "R-50" in denied
        assert office.entries() == []

        office.write(yaml.safe_dump({**office.values, "ivr": {"timeout_s": 8}, "logs": {"level": "WARNING"}}))
        compared = await tast1(gateway, "config", "check", "--against-running")
        assert "ivr.timeout_s" in compared and "logs.format" in compared and "Nothing was changed" in compared
        told = json.loads(await tast1(gateway, "reload", "--dry-run", "--json"))
        assert {"logs.level", "logs.format", "ivr.timeout_s"} <= {one["key"] for one in told["changes"]}
        assert office.entries() == []
        told = json.loads(await tast1(gateway, "reload", "--json"))
        assert told["taken"] and len(office.entries()) == 1
        assert "the same" in await tast1(gateway, "reload")

        office.write("ivr: {timeout_s: 99}\n")
        # The folder that the file names is another one by now, and nobody is there: the mistake is told.
        assert "ivr.timeout_s" in await tast1(gateway, "reload", status=2)
        office.archive.close()
    office.write(yaml.safe_dump(office.values))
    assert "not running" in await tast1(gateway, "reload", status=1)
