"""A provider to register with, on real SIP: Kamailio, and real calls over the Contact that is registered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sip.gateway import MARKERS_MS, PROMPT_HZ, Gateway, running
from tests.sip.kamailio import DOMAIN, HOW_TO_GET_IT, PASSWORD, USER, Kamailio, installed
from tests.sip.softphone import Softphone
from tests.sip.test_calls import Stage
from tests.sip.test_keys import command

pytestmark = [
    pytest.mark.sip,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not installed(), reason=HOW_TO_GET_IT),
]


@contextlib.asynccontextmanager
async def registrars(folder: Path, *all_of_them: dict[str, Any]) -> AsyncIterator[list[Kamailio]]:
    """Running registrars, on 127.0.0.2 and up."""
    made = [
        Kamailio(folder / f"registrar{number}", f"127.0.0.{number}", **options)
        for number, options in enumerate(all_of_them, 2)
    ]
    try:
        for each in made:
            await each.start()
        yield made
    finally:
        for each in made:
            await each.stop()


def trunk(folder: Path, *servers: Kamailio, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    """`sip` with one trunk: these servers and nothing else."""
    secret = folder / "password"
    secret.write_text(f"{password}\n")
    account = {"user": USER, "password": f"file:{secret}", "domain": DOMAIN}
    given = {"name": "provider", "servers": [server.uri for server in servers], "account": account}
    return {"trunks": [{**given, "health_s": 1, "answer_s": 1, **more}]}


async def states(gateway: Gateway) -> dict[str, Any]:
    """What is known of the only trunk."""
    (told,) = await gateway.control("GET", "/trunks/states")
    found: dict[str, Any] = told
    return found


async def until(gateway: Gateway, state: str, server: int = 1) -> None:
    async def is_so() -> bool:
        found = (await states(gateway))["registration"]
        return (found["state"], found["server"]) == (state, server)

    await gateway.until(is_so, 40, f"the registration was never {state} at server {server}")


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
async def test_a_call_over_the_registered_contact_is_answered_and_recorded(
    tmp_path: Path, algorithm: str
) -> None:
    async with (
        registrars(tmp_path, {"algorithm": algorithm}) as (registrar,),
        Softphone("agent") as agent,
        Softphone("20304050") as caller,
    ):
        sip = trunk(tmp_path, registrar, country="DK")
        flows = {"customer": {"connect": agent.uri, "numbers": ["70101010"]}, "else": {"connect": None}}
        async with running(tmp_path / "gateway", agent.uri, sip=sip, flows=flows) as gateway:
            await until(gateway, "registered")
            assert registrar.told("challenged") >= 1
            stage = Stage(gateway, caller, agent)
            stage.calls = 1
            dialog = await caller.call(registrar.number())
            await asyncio.wait_for(dialog.answered.wait(), 10)
            await stage.heard(dialog, PROMPT_HZ["consent"], MARKERS_MS["purposes_end"] / 1000 + 0.4)
            await dialog.press("1")
            leg = await stage.agent_leg()
            await stage.talk(dialog, leg)
            assert await dialog.hang_up() == 200
            await asyncio.wait_for(leg.ended.wait(), 10)
            call, consents, recordings = await stage.over()
            assert call.flow == "customer", "70101010 is +4570101010 is 4570101010"
            assert [c.decision for c in consents] == ["accepted"] and len(recordings) == 1
            assert "+4520304050" in agent.requests[0].get("from")
            assert await gateway.metric('tast1_trunk_up{trunk="provider"}') == 1
            status, out = await command(gateway, "list", "--json")
            (row,) = json.loads(out)
            assert (status, row["state"]["registration"]["state"]) == (0, "registered")
            refused = await caller.call(gateway.uri)  # from 127.0.0.1, which is no trunk's
            await asyncio.sleep(1.0)
            assert not refused.statuses
        assert registrar.told("registered 0") == 1, "it is given up at the stop"


async def test_a_short_binding_is_renewed_with_a_stale_nonce_and_ends_when_nobody_does(
    tmp_path: Path,
) -> None:
    async with (
        registrars(tmp_path, {"expires": 4, "nonce_s": 1}) as (registrar,),
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path / "gateway", agent.uri, sip=trunk(tmp_path, registrar)) as gateway,
    ):
        await gateway.until(lambda: registrar.told("registered") >= 4, 40, "it was not renewed")
        assert registrar.told("challenged") >= 4, "each nonce was stale by then"
        dialog = await caller.call(registrar.number())
        await asyncio.wait_for(dialog.answered.wait(), 10)
        assert await dialog.hang_up() == 200
        await gateway.kill_and_wait()

        async def gone() -> bool:
            late = await caller.call(registrar.number())
            with contextlib.suppress(asyncio.TimeoutError):  # the binding holds, and leads to nobody
                await asyncio.wait_for(late.ended.wait(), 3)
            return 404 in late.statuses

        await gateway.until(gone, 30, "the binding outlived its time")
        await gateway.start()


async def test_a_wrong_password_is_told_and_not_tried_on_and_on(tmp_path: Path) -> None:
    async with (
        registrars(tmp_path, {}) as (registrar,),
        Softphone("agent") as agent,
        running(tmp_path / "gateway", agent.uri, sip=trunk(tmp_path, registrar, password="wrong")) as gateway,
    ):
        await until(gateway, "refused")
        assert (await states(gateway))["registration"]["status"] == 401
        assert registrar.told("challenged") == 2 and registrar.told("registered") == 0
        status, out = await command(gateway, "list")
        assert status == 1 and "refused (401)" in " ".join(out.split())
        assert await gateway.metric('tast1_trunk_up{trunk="provider"}') == 0
        logged = gateway.log.read_text()
        assert "registration was refused" in logged and "wrong" not in logged and USER not in logged
        (tmp_path / "password").write_text(PASSWORD)
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        await until(gateway, "registered")


async def test_the_second_registrar_takes_over_and_the_first_one_is_returned_to(tmp_path: Path) -> None:
    async with (
        registrars(tmp_path, {"expires": 6}, {"expires": 6}) as (first, second),
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(tmp_path / "gateway", agent.uri, sip=trunk(tmp_path, first, second)) as gateway,
    ):
        await until(gateway, "registered", 1)
        await first.stop()
        await until(gateway, "registered", 2)
        dialog = await caller.call(second.number())
        await asyncio.wait_for(dialog.answered.wait(), 10)
        await first.start()
        await until(gateway, "registered", 1)
        assert await dialog.hang_up() == 200, "the call that was up noticed nothing"
        again = await caller.call(first.number())
        await asyncio.wait_for(again.answered.wait(), 10)
        assert await again.hang_up() == 200


async def test_a_registration_over_tcp_takes_calls_over_tcp(tmp_path: Path) -> None:
    async with (
        registrars(tmp_path, {}) as (registrar,),
        Softphone("agent") as agent,
        Softphone("caller") as caller,
    ):
        sip = trunk(tmp_path, registrar)
        sip["trunks"][0]["servers"] = [f"{registrar.uri};transport=tcp"]
        async with running(tmp_path / "gateway", agent.uri, sip=sip) as gateway:
            await until(gateway, "registered")
            dialog = await caller.call(registrar.number())
            await asyncio.wait_for(dialog.answered.wait(), 10)
            assert await dialog.hang_up() == 200
