"""Disks that are full or read-only, in the middle of calls and at the start: the people go on talking."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.stories import facts, hang_up, staged, through, understand
from tests.faults.volumes import Disk, tmpfs
from tests.sip.gateway import Gateway
from tests.sip.softphone import Softphone
from tests.sip.test_calls import Stage
from tests.storage.world import database_url, leave_postgres, use_postgres

pytestmark = [pytest.mark.sip, pytest.mark.kill]


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
async def test_the_data_disk_is_full_in_mid_call(
    tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    """With SQLite the database is on that disk, too."""
    folder = tmp_path / "g"
    folder.mkdir()
    more: dict[str, object] = {}
    if where == "postgresql":
        server = request.getfixturevalue("postgres")
        use_postgres(folder, server)
        more = {"storage": {"database": database_url(folder)}}
    with tmpfs(folder / "data", "24m") as disk:
        async with staged(folder, **more) as stage:
            first, second, _ = await through(
                stage, lambda: asyncio.to_thread(disk.fill), lambda: asyncio.to_thread(disk.free)
            )
            assert [r.duration_ms >= 1500 for r in first.sounds] == [True], "what was captured is kept"
            assert first.sounds[0].incomplete_reason in ("capture_failed", "storage")
            assert first.call.outcome == "capture_failed"
            assert second.sounds == []
            assert second.call.outcome in (
                "capture_failed",
                "consent_without_recording",
                "consent_not_stored",
            )
            failed = await stage.gateway.metric('tast1_storage_failures_total{what="recording"}')
            assert failed >= 1
    if where == "postgresql":
        leave_postgres(folder, server)


async def test_the_memory_folder_is_full_in_mid_call(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "memory", "4m") as disk:
        storage = {"memory_folder": str(tmp_path / "memory/calls")}
        async with staged(tmp_path / "g", storage=storage) as stage:

            async def fill() -> None:
                """Also what the recording gives back as it is read, and when it has broken off."""
                name = 'tast1_recordings_total{ending="capture_failed"}'
                files = tmp_path / "memory/calls"

                async def broke_off() -> bool:
                    await asyncio.to_thread(disk.fill)
                    return await stage.gateway.metric(name) == 1 and not list(files.rglob("*.wav"))

                await stage.gateway.until(broke_off, 30, "the recording did not notice, or its files stay")
                await asyncio.to_thread(disk.fill)

            first, second, _ = await through(stage, fill, lambda: asyncio.to_thread(disk.free))
            assert [(r.incomplete_reason, r.duration_ms >= 1500) for r in first.sounds] == [
                ("capture_failed", True)
            ]
            # What the first one gave back at its end, at most ("Not covered" in docs/faults.md).
            assert all(r.duration_ms < 1000 for r in second.sounds)
            assert [c.decision for c in second.consents] == ["accepted"], "the yes is stored all the same"
            assert list((tmp_path / "memory/calls").rglob("*.wav")) == []


async def test_the_disk_turns_read_only_in_mid_call_and_is_repaired(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    disk = Disk(tmp_path / "disk", folder / "data")
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        gateway = Gateway(folder, agent.uri)
        with disk.mounted():
            await gateway.start()
            stage = Stage(gateway, caller, agent)
            first = await stage.recorded()
            await stage.talk(*first, 3.0)
            await asyncio.to_thread(disk.break_down)
            await understand(stage, *first)
            dialog = await stage.dial()
            second = dialog, await stage.accept(dialog)
            await understand(stage, *second)
            await facts(gateway)
            await hang_up(*second)
            await hang_up(*first)
            assert (await facts(gateway))["records_waiting"] > 0
            await gateway.stop()
            assert "records could not be written before the stop" in gateway.log.read_text()
        disk.repair()
        with disk.mounted():
            await gateway.start()
            try:
                kept = gateway.recordings()
                assert [r.incomplete_reason for r in kept] == ["gateway_died"]
                assert kept[0].duration_ms >= 2000
                third = await stage.recorded()
                await stage.talk(*third, 1.5)
                await hang_up(*third)
                await gateway.closed_calls(2)
                assert [r.incomplete_reason for r in gateway.recordings()][:1] == [None]
                assert gateway.audit_is_intact()
            finally:
                await gateway.stop()


async def test_a_gateway_starts_on_full_disks_and_heals_when_there_is_room(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    async with Softphone("agent") as agent, Softphone("caller") as caller:
        with tmpfs(folder / "data", "24m") as data, tmpfs(tmp_path / "memory", "4m") as memory:
            options = {"memory_folder": str(tmp_path / "memory/calls")}
            gateway = await Gateway(folder, agent.uri, workers=2, storage=options).start()
            stage = Stage(gateway, caller, agent)
            try:
                recorded = await stage.recorded()
                await stage.talk(*recorded, 2.0)
                await gateway.kill_and_wait()
                for disk in (data, memory):
                    await asyncio.to_thread(disk.fill)
                await gateway.start()
                await understand(stage, *recorded)
                await hang_up(*recorded)
                dialog = await stage.dial()
                leg = await stage.accept(dialog)
                await understand(stage, dialog, leg)
                await hang_up(dialog, leg)
                for disk in (data, memory):
                    await asyncio.to_thread(disk.free)

                async def there() -> bool:
                    found = await facts(gateway)
                    return found["archive"] == "there" and found["records_waiting"] == 0

                await gateway.until(there, 60, "it did not heal")
                third = await stage.recorded()
                await stage.talk(*third, 1.5)
                await hang_up(*third)
                stored = await gateway.closed_calls(3)
                kept = [
                    [r.incomplete_reason for r in gateway.recordings(call.id) if r.state == "sealed"]
                    for call in stored
                ]
                assert kept == [["gateway_died"], [], [None]]
                assert gateway.audit_is_intact()
            finally:
                await gateway.stop()
