"""Webhooks over HTTP: a real receiver, a real gateway that is killed in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.calls.counts import Counts
from gateway.web.webhooks import Receiver, Webhooks
from storage import webhooks
from storage.policy.settings import PolicySettings
from storage.webhooks import Hook
from tests.cli.shop import Shop
from tests.sip.gateway import Gateway
from tests.storage.world import World, record_call

SECRET = "0123456789abcdef secret"


class Inbox:
    """A receiver. `answer` says what it answers; None: it does not, until it is closed."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.answer: Callable[[], int | None] = lambda: 200
        self.url = ""
        self.closing = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        told = dict(part.split("=", 1) for part in request.headers["Tast1-Signature"].split(","))
        mac = hmac.new(SECRET.encode(), told["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(mac, told["v1"]) and abs(time.time() - int(told["t"])) < 300
        event = json.loads(body)
        assert request.headers["Tast1-Delivery"] == event["id"]
        assert request.headers["Tast1-Event"] == event["event"]
        self.got.append(event)
        status = self.answer()
        if status is None:
            await self.closing.wait()
        return web.Response(status=status or 500, headers={"Location": "/elsewhere"})

    def ids(self) -> list[str]:
        return [each["id"] for each in self.got]

    async def until(self, what: Callable[[], bool], seconds: float = 60) -> None:
        for _ in range(int(seconds / 0.05)):
            if what():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"it never came; there came {self.got}")


@contextlib.asynccontextmanager
async def inbox(port: int = 0) -> AsyncIterator[Inbox]:
    made = Inbox()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield made
    finally:
        made.closing.set()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def telling(shop: Shop, url: str) -> AsyncIterator[Counts]:
    """Webhooks of a shop's archive, running."""
    archive, counts = shop.archive(), Counts()
    receiver = Receiver(Hook(url, frozenset({"consent.withdrawn", "artifact.erased"})), SECRET)
    now = lambda: datetime.now(timezone.utc)  # noqa: E731
    made = Webhooks(archive.database, [receiver], 3, PolicySettings, counts, now)
    task = asyncio.create_task(made.run())
    for _ in range(600):  # from then on it is told of what happens
        if not archive.database.read_sync(webhooks.is_behind):
            break
        await asyncio.sleep(0.05)
    try:
        yield counts
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        archive.close()


@pytest.mark.asyncio
async def test_a_withdrawal_by_a_command_is_told_and_signed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    async with inbox() as box, telling(shop, box.url) as counts:
        await asyncio.to_thread(shop.tast1, "withdraw", shop.call, "--channel", "mail")
        await box.until(lambda: any(e["event"] == "artifact.erased" for e in box.got))
        (withdrawn,) = [each for each in box.got if each["event"] == "consent.withdrawn"]
        assert withdrawn["call"] == shop.call and withdrawn["data"] == {"channel": "mail"}
        await box.until(lambda: counts.webhooks["delivered"] == len(box.got))
        assert counts.webhooks["failed"] == 0 and len(set(box.ids())) == len(box.got)


@pytest.mark.asyncio
async def test_a_refusal_a_redirect_and_silence_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PAUSES_S", (1,))
    answers = iter([500, 307])
    shop = Shop(tmp_path)
    async with inbox() as box, telling(shop, box.url) as counts:
        box.answer = lambda: next(answers, 204)
        await asyncio.to_thread(shop.tast1, "withdraw", shop.call, "--channel", "mail")
        await box.until(lambda: counts.webhooks["delivered"] == len(set(box.ids())) > 1)
        assert counts.webhooks["failed"] == 2 and len(box.got) == len(set(box.ids())) + 2


@pytest.mark.asyncio
async def test_who_is_down_is_told_when_it_is_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PAUSES_S", (1,))
    shop = Shop(tmp_path)
    async with inbox() as gone:
        url = gone.url
    async with telling(shop, url) as counts:
        await asyncio.to_thread(shop.tast1, "withdraw", shop.call, "--channel", "mail")
        await Inbox().until(lambda: counts.webhooks["failed"] > 0)
        async with inbox(int(url.split(":")[2].split("/")[0])) as box:
            await box.until(lambda: "artifact.erased" in {each["event"] for each in box.got})
            assert box.got[0]["event"] == "consent.withdrawn", "in the order in which it happened"


def configured(shop: Shop, url: str) -> None:
    (shop.folder / "hook-secret").write_text(f"{SECRET}\n")
    with shop.config.open("a") as file:
        file.write(
            f"web: {{webhooks: [{{url: '{url}', secret: file:hook-secret, events: [artifact.erased]}}]}}\n"
        )


@pytest.mark.asyncio
async def test_the_commands_list_and_test_them(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert "No webhooks" in shop.tast1("webhooks", "list")
    assert "No webhooks" in shop.tast1("webhooks", "test", status=1)
    async with inbox() as box:
        configured(shop, box.url)
        (row,) = shop.json("webhooks", "list")  # type: ignore[misc]
        assert (row["url"], row["waiting"], row["events"]) == (box.url, 0, ["artifact.erased"])
        assert SECRET not in shop.tast1("webhooks", "list")
        told = await asyncio.to_thread(shop.tast1, "webhooks", "test")
        assert "taken (200)" in told and [each["event"] for each in box.got] == ["ping"]
        box.answer = lambda: 403
        assert "403" in await asyncio.to_thread(shop.tast1, "webhooks", "test", box.url[:12], status=1)
        assert "begins so" in shop.tast1("webhooks", "test", "https://x", status=1)
    assert "connection" in await asyncio.to_thread(shop.tast1, "webhooks", "test", status=1)


@pytest.mark.sip
@pytest.mark.kill
@pytest.mark.asyncio
async def test_a_gateway_killed_in_the_middle_loses_nothing_and_tells_nothing_early(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    async with inbox() as box:
        hook = {"url": box.url, "secret": "file:secret", "events": ["consent.withdrawn", "artifact.erased"]}
        gateway = Gateway(tmp_path, None, workers=1, web={"webhooks": [hook]})
        await gateway.start()
        try:
            with gateway.archive() as opened:
                world = World(tmp_path, opened.database, opened.keys, opened.store, opened.settings.policy)
                at = datetime.now(timezone.utc)
                first, second = (record_call(world, at)[0] for _ in range(2))
                await gateway.until(lambda: not opened.database.read_sync(webhooks.is_behind))
            box.answer = lambda: None
            await asyncio.to_thread(_withdraw, gateway, first)
            await box.until(lambda: len(box.got) == 1)
            await gateway.kill_and_wait()  # it was told, and nobody knows whether it was taken
            told = list(box.got)
            await asyncio.to_thread(_withdraw, gateway, second)  # while no gateway runs
            box.answer = lambda: 200
            await gateway.start()
            await box.until(
                lambda: len({e["call"] for e in box.got if e["event"] == "consent.withdrawn"}) == 2
            )
            with gateway.archive() as opened:
                await gateway.until(lambda: opened.database.read_sync(webhooks.waiting) == {}, 60)
                log = {e.seq: e for e in opened.database.read_sync(_entries)}
            assert told[0]["id"] in box.ids()[1:], "told again under the same id"
            by_id = {each["id"]: each for each in box.got}
            wanted = sorted(seq for seq, entry in log.items() if entry.action in ("withdraw", "erase"))
            assert sorted(each["sequence"] for each in by_id.values()) == wanted, "each once, none missing"
            for each in by_id.values():
                assert log[each["sequence"]].at == each["at"]
        finally:
            await gateway.stop()


def _withdraw(gateway: Gateway, call: str) -> None:
    from typer.testing import CliRunner

    from gateway.cli import app

    arguments = ["withdraw", call, "--channel", "mail", "--config", str(gateway.config)]
    result = CliRunner().invoke(app, arguments, env={"TAST1_LANG": "en"})
    assert result.exit_code == 0, result.output


def _entries(session: Any) -> list[Any]:
    from storage import audit_log

    return list(audit_log.entries(session))
