"""Sound on the network: from whom it is taken, how long it may stay away, how packets are marked.

Also what an agent's telephone is told of the recording (RFC 7866 section 6.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sip import g711
from tests.sip.gateway import PROMPT_HZ, running
from tests.sip.signals import power_near, tone
from tests.sip.softphone import FRAME, Softphone
from tests.sip.test_calls import AGENT_HZ, CALLER_HZ, Stage, assert_tones

pytestmark = pytest.mark.sip

STRANGER_HZ = 1500.0


@contextlib.asynccontextmanager
async def staged(folder: Path, **sip: Any) -> AsyncIterator[Stage]:
    async with (
        Softphone("agent") as agent,
        Softphone("caller") as caller,
        running(folder, agent.uri, workers=2, sip=sip) as gateway,
    ):
        yield Stage(gateway, caller, agent)


def burst(packets: int, frequency_hz: float) -> list[bytes]:
    """RTP packets of a tone, of a source of their own."""
    sound = tone(frequency_hz, packets * FRAME / 8000)
    return [
        struct.pack(">BBHII", 0x80, 8, 1000 + n, n * FRAME, 0xBAD) + g711.encode(sound[n * FRAME :][:FRAME])
        for n in range(packets)
    ]


async def test_a_third_address_is_neither_heard_nor_followed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        dialog, leg = await stage.recorded()
        await stage.talk(dialog, leg, 1.0)  # from here on it is known who sends
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.9", 0))
            stranger.setblocking(False)
            for end in (dialog, leg):
                assert end.rtp_to is not None
                for packet in burst(50, STRANGER_HZ):  # ten in a row would turn pjmedia to them
                    stranger.sendto(packet, end.rtp_to)
            dialog.heard.clear()
            await stage.talk(dialog, leg, 1.0)
            with pytest.raises(BlockingIOError):
                stranger.recv(2000)
        assert len(dialog.heard) > 25, "the caller is still sent to"
        await dialog.hang_up()
        recording = (await stage.over())[2][0]
        caller, agent = stage.gateway.sound(recording.id)
        assert_tones(caller, agent, 1.5, 10.0)
        for pcm in (caller, agent):
            windows = [pcm[at : at + 800] for at in range(0, len(pcm) - 800, 800)]
            assert max(power_near(window, STRANGER_HZ) for window in windows) < 0.3


async def test_a_telephone_that_refuses_packets_for_a_moment_is_heard_again(tmp_path: Path) -> None:
    """Its kernel then says so by ICMP, which a connected socket is told as an error."""
    async with staged(tmp_path) as stage:
        dialog, leg = await stage.recorded()
        await stage.talk(dialog, leg, 1.0)
        await dialog.away(0.5)
        dialog.heard.clear()
        leg.heard.clear()
        await stage.talk(dialog, leg, 1.5)
        assert power_near(dialog.heard_pcm()[-4000:], AGENT_HZ) > 0.5
        assert power_near(leg.heard_pcm()[-4000:], CALLER_HZ) > 0.5
        await dialog.hang_up()


async def test_a_caller_behind_nat_is_found_by_where_its_sound_comes_from(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.caller.told = ("127.0.0.8", 9)  # an address of no use, as a telephone behind NAT writes it
        dialog = await stage.dial()
        assert not dialog.heard
        talking = asyncio.create_task(dialog.send(np.tile(tone(CALLER_HZ, 1.0), 20)))
        await stage.heard(dialog, PROMPT_HZ["consent"], 0.3)
        talking.cancel()
        await dialog.hang_up()


async def test_where_symmetric_rtp_is_off_sound_comes_from_the_address_in_sdp_or_not_at_all(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, symmetric_rtp=False) as stage:
        stage.caller.told = ("127.0.0.8", 9)
        dialog = await stage.dial()
        await dialog.send(tone(CALLER_HZ, 2.0))
        assert not dialog.heard
        await dialog.hang_up()
        stage.caller.told = None
        dialog = await stage.dial()
        talking = asyncio.create_task(dialog.send(np.tile(tone(CALLER_HZ, 1.0), 20)))
        await stage.heard(dialog, PROMPT_HZ["consent"], 0.3)
        talking.cancel()
        await dialog.hang_up()


async def test_a_caller_of_whom_nothing_is_heard_is_hung_up_and_one_on_hold_is_not(tmp_path: Path) -> None:
    async with staged(tmp_path, rtp_timeout_s=2) as stage:
        dialog, leg = await stage.recorded()
        await stage.talk(dialog, leg, 0.5)
        assert await dialog.hold() == 200
        await leg.send(tone(AGENT_HZ, 5.0))  # the caller sends nothing meanwhile
        assert not dialog.ended.is_set()
        assert await dialog.unhold() == 200
        await asyncio.wait_for(asyncio.gather(dialog.ended.wait(), leg.ended.wait()), 20)
        assert (dialog.ended_by, leg.ended_by) == ("them", "them")
        call, consents, recordings = await stage.over()
        assert call.end_reason == "media_timeout"
        assert [consent.decision for consent in consents] == ["accepted"]
        assert [recording.incomplete_reason for recording in recordings] == [None]


async def test_packets_are_marked_as_the_settings_say(tmp_path: Path) -> None:
    async with staged(tmp_path, dscp_rtp=46, dscp_sip=26) as stage:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sound,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as signalling,
        ):
            for each in (sound, signalling):
                each.bind(("127.0.0.1", 0))
                each.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
                each.settimeout(10)
            stage.caller.told = sound.getsockname()
            dialog = await stage.dial()
            assert await asyncio.to_thread(dscp_of, sound) == 46
            await dialog.hang_up()
            here = f"127.0.0.1:{signalling.getsockname()[1]}"
            options = (
                f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nMax-Forwards: 70\r\n"
                f"Via: SIP/2.0/UDP {here};branch=z9hG4bKa\r\n"
                f"From: <sip:a@{here}>;tag=a\r\nTo: <sip:127.0.0.1>\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            signalling.sendto(options.encode(), ("127.0.0.1", stage.gateway.port))
            assert await asyncio.to_thread(dscp_of, signalling) == 26


def dscp_of(receiver: socket.socket) -> int:
    """The DSCP of the next datagram."""
    _, ancillary, _, _ = receiver.recvmsg(2000, 100)
    return next(data[0] >> 2 for _, kind, data in ancillary if kind == socket.IP_TOS)


# --- what the agent's telephone is told -----------------------------------------------------------


def told(phone: Softphone) -> list[tuple[str, str, str]]:
    """Method, header and SDP attribute of each request that said something of the recording."""
    found = []
    for request in phone.requests:
        lines = [line for line in request.body.splitlines() if line.startswith("a=record:")]
        if lines or request.get("x-tast1-recording"):
            found.append((request.method, request.get("x-tast1-recording"), "".join(lines)))
    return found


async def test_an_agent_is_told_whether_the_call_is_recorded_and_when_that_changes(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.agent.allow = "INVITE, ACK, BYE, CANCEL, UPDATE"
        dialog, leg = await stage.recorded()
        assert told(stage.agent) == [("INVITE", "on", "a=record:on")]
        call = (await stage.gateway.control("GET", "/calls"))["up"][-1]["call"]
        for act, state in (("pause", "paused"), ("resume", "on"), ("stop", "off")):
            await stage.talk(dialog, leg, 0.6)
            await stage.gateway.control("POST", f"/calls/{call}/{act}")
            expected = ("UPDATE", state, f"a=record:{state}")
            await stage.gateway.until(lambda last=expected: told(stage.agent)[-1] == last)  # type: ignore[misc]
        dialog.heard.clear()
        await stage.talk(dialog, leg, 0.6)
        assert power_near(dialog.heard_pcm()[-2400:], AGENT_HZ) > 0.5, "they still talk"
        await dialog.hang_up()


async def test_an_agent_that_takes_no_update_is_told_at_the_beginning_only(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        dialog = await stage.dial()
        leg = await stage.agent_leg()  # nothing was pressed
        assert told(stage.agent) == [("INVITE", "off", "a=record:off")]
        await dialog.hang_up()
        dialog, leg = await stage.recorded()
        call = (await stage.gateway.control("GET", "/calls"))["up"][-1]["call"]
        await stage.gateway.control("POST", f"/calls/{call}/stop")
        await stage.talk(dialog, leg, 0.6)
        assert [method for method, *_ in told(stage.agent)] == ["INVITE", "INVITE"]
        assert await dialog.hang_up() == 200
