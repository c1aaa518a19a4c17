"""TLS and SRTP end to end with a telephone that is not ours: baresip calls, and baresip answers.

Keys travel over TLS only, sound in SRTP only. A telephone that does not encrypt is refused, and so is one
whose certificate nobody vouches for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.edge.certificates import make_certificate
from tests.ports import free_port
from tests.sip.baresip import HOW_TO_GET_IT, Baresip, installed, telephones
from tests.sip.gateway import PROMPT_HZ, Gateway, running
from tests.sip.signals import Pcm, power_near
from tests.sip.test_calls import AGENT_HZ, CALLER_HZ, assert_tones

pytestmark = [pytest.mark.sip, pytest.mark.timeout(180)]

REQUIRED = {
    "trunks": [{"name": "loopback", "networks": ["127.0.0.0/8"], "srtp": "required"}],
    "agent_srtp": "required",
}


@dataclass
class Papers:
    """Our certificate (chain, key), the same in one file as baresip wants it, and one of somebody else."""

    chain: str
    key: str
    both: str
    foreign_chain: str
    foreign_both: str


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    if not installed():
        # Where it must be installed, a skipped test would hide that nothing was tested.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(HOW_TO_GET_IT)
    made = []
    for name in ("ours", "foreign"):
        folder = tmp_path / name
        folder.mkdir()
        chain, key = make_certificate(folder)
        both = folder / "both.pem"
        both.write_text(Path(chain).read_text() + Path(key).read_text())
        made.append((chain, key, str(both)))
    return Papers(*made[0], made[1][0], made[1][2])


@contextlib.asynccontextmanager
async def over_tls(folder: Path, agent: Baresip, papers: Papers) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway that demands encryption everywhere, and its URI by TLS."""
    port = free_port()
    sip = {
        **REQUIRED,
        "tls": f"127.0.0.1:{port}",
        "tls_certificate": papers.chain,
        "tls_key": papers.key,
        "tls_ca": papers.chain,
    }
    async with running(folder / "gateway", agent.tls_uri, workers=2, sip=sip) as gateway:
        yield gateway, f"sip:70101010@127.0.0.1:{port};transport=tls"


def loudest(pcm: Pcm, frequency_hz: float) -> float:
    """The greatest share of a tone in any 100 ms."""
    return max(
        (power_near(pcm[at : at + 800], frequency_hz) for at in range(0, len(pcm) - 800, 800)), default=0.0
    )


async def pressed(caller: Baresip, key: str) -> None:
    """A key while the question is open, which begins some tenths of a second after the answer."""
    await caller.until("CALL_ESTABLISHED")
    await asyncio.sleep(2.2)
    caller.order("sndcode", key)
    await asyncio.sleep(0.2)
    caller.order("sndcode", "\x04")  # the key is let go


async def test_a_call_over_tls_and_srtp_is_recorded_on_both_legs(tmp_path: Path, papers: Papers) -> None:
    caller = Baresip(tmp_path / "caller", int(CALLER_HZ), "srtp-mand", papers.both, papers.chain)
    agent = Baresip(tmp_path / "agent", int(AGENT_HZ), "srtp-mand", papers.both, papers.chain)
    async with telephones(caller, agent), over_tls(tmp_path, agent, papers) as (gateway, uri):
        caller.order("dial", uri)
        await pressed(caller, "1")
        await agent.until("CALL_ESTABLISHED")
        await asyncio.sleep(3.0)
        caller.order("hangup")
        (call,) = await gateway.closed_calls(1)
        await agent.until("CALL_CLOSED")
        assert [consent.decision for consent in gateway.consents(call.id)] == ["accepted"]
        (recording,) = gateway.recordings(call.id)
        assert_tones(*gateway.sound(recording.id), 1.0, 5.0)
        assert gateway.audit_is_intact()
    assert loudest(caller.sound(), PROMPT_HZ["consent"]) > 0.5, "the caller heard the question"
    assert loudest(caller.sound(), AGENT_HZ) > 0.5, "and the agent"
    assert loudest(agent.sound(), CALLER_HZ) > 0.5, "and the agent the caller"
    for phone in (caller, agent):
        assert "SRTP is Enabled" in phone.log.read_text()
        assert "failed to decrypt RTP" not in phone.log.read_text()


async def test_a_telephone_that_does_not_encrypt_is_refused(tmp_path: Path, papers: Papers) -> None:
    caller = Baresip(tmp_path / "caller", int(CALLER_HZ), "", papers.both, papers.chain)
    agent = Baresip(tmp_path / "agent", int(AGENT_HZ), "srtp-mand", papers.both, papers.chain)
    async with telephones(caller, agent), over_tls(tmp_path, agent, papers) as (_, uri):
        caller.order("dial", uri)
        assert "488" in (await caller.until("CALL_CLOSED"))["param"]


async def test_keys_without_tls_are_refused(tmp_path: Path, papers: Papers) -> None:
    caller = Baresip(tmp_path / "caller", int(CALLER_HZ), "srtp-mand", papers.both, papers.chain)
    agent = Baresip(tmp_path / "agent", int(AGENT_HZ), "srtp-mand", papers.both, papers.chain)
    async with telephones(caller, agent), over_tls(tmp_path, agent, papers) as (gateway, _):
        caller.order("dial", f"sip:70101010@127.0.0.1:{gateway.port};transport=tcp")
        assert "488" in (await caller.until("CALL_CLOSED"))["param"]


async def test_an_agent_whose_certificate_is_not_vouched_for_is_not_called(
    tmp_path: Path, papers: Papers
) -> None:
    caller = Baresip(tmp_path / "caller", int(CALLER_HZ), "srtp-mand", papers.both, papers.chain)
    agent = Baresip(tmp_path / "agent", int(AGENT_HZ), "srtp-mand", papers.foreign_both, papers.chain)
    async with telephones(caller, agent), over_tls(tmp_path, agent, papers) as (gateway, uri):
        caller.order("dial", uri)
        await pressed(caller, "1")
        await caller.until("CALL_CLOSED", 30)
        (call,) = await gateway.closed_calls(1)
        assert call.end_reason == "no_agent"
        assert gateway.recordings(call.id) == []
        assert not any(each.get("type") == "CALL_INCOMING" for each in agent.heard)
