"""The driver between a fake line and fake records: what is ordered, in which order, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.callflow import messages as m
from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.callflow.state import Phase
from gateway.calls import line as ln
from gateway.calls.driver import CallDriver
from gateway.calls.prompt_book import PromptBook
from gateway.calls.surroundings import Surroundings
from gateway.calls.trunks import Trunk
from ivr_prompts.catalogue import Catalogue
from tests.fakes import FakeLine, FakeRecords, FakeSpool

# A consent within milliseconds, so that tests run as fast as the machine does.
QUICK = IvrSettings(timeout_s=0.15, isolation_ms=10, ring_timeout_s=5.0, max_call_s=20.0)
FLOW = FlowSettings(connect="sip:agent@192.0.2.1", ivr=QUICK)
CATALOGUE = Catalogue.load()
PROMPTS = PromptBook(CATALOGUE)
INVITE = ln.InviteReceived("call-id", "70101010", "12345678", "sip:12345678@192.0.2.9")


class Running:
    """A driver at work; `until` waits for what a test says must become true."""

    def __init__(
        self,
        folder: Path,
        flow: FlowSettings = FLOW,
        broken: frozenset[str] = frozenset(),
        inband: str = "auto",
    ) -> None:
        self.line = FakeLine()
        self.records = FakeRecords(broken)
        trunk = Trunk("one", inband)
        self.around = Surroundings(self.records, PROMPTS, folder, sync_s=0.05, trunk_of=lambda source: trunk)
        self.driver = CallDriver("c1", self.line, INVITE, flow, self.around)
        self.task = asyncio.create_task(self.driver.run())

    async def until(self, what: Callable[[], bool]) -> None:
        async def poll() -> None:
            while not what():
                await asyncio.sleep(0.002)

        await asyncio.wait_for(poll(), 15)

    async def prompt_over(self) -> None:
        await self.until(lambda: self.driver.call.window_end is not None)

    async def accepted(self) -> None:
        await self.prompt_over()
        self.line.tell(m.DigitPressed("1"))
        await self.until(lambda: self.line.count(ln.Dial) == 1)

    async def talking(self) -> None:
        await self.accepted()
        self.line.tell(m.AgentAnswered())
        await self.until(lambda: self.driver.call.phase is Phase.TALKING)

    async def recording(self) -> None:
        await self.talking()
        await self.until(lambda: self.line.folder is not None)

    async def over(self) -> None:
        self.line.tell(m.HungUp(m.Leg.CALLER))
        await asyncio.wait_for(self.task, 15)


async def test_consent_is_stored_before_the_recorder_is_ordered(tmp_path: Path) -> None:
    call = Running(tmp_path)
    await call.recording()
    call.line.sound(1000, -1000, 1600)
    await call.over()
    names = call.records.names()
    assert names.index("decision") < names.index("start_recording") < names.index("seal")
    assert call.line.count(ln.OpenCapture) == 1
    pcm = call.records.spool.pcm
    assert pcm[:4] == (1000).to_bytes(2, "little", signed=True) + (-1000).to_bytes(2, "little", signed=True)
    assert len(pcm) == 1600 * 4
    assert list(tmp_path.iterdir()) == [], "nothing is left in memory"


async def test_silence_orders_no_recorder_and_makes_no_folder(tmp_path: Path) -> None:
    call = Running(tmp_path)
    await call.until(lambda: call.line.count(ln.Dial) == 1)
    call.line.tell(m.AgentAnswered())
    await call.until(lambda: call.driver.call.phase is Phase.TALKING)
    assert list(tmp_path.iterdir()) == []
    await call.over()
    assert call.line.count(ln.OpenCapture) == 0
    assert "start_recording" not in call.records.names()


@pytest.mark.parametrize(
    "broken", [{"open"}, {"decision"}, {"open", "decision", "close", "answered"}, {"start_recording"}]
)
async def test_whatever_storage_does_the_caller_reaches_the_agent(tmp_path: Path, broken: set[str]) -> None:
    call = Running(tmp_path, broken=frozenset(broken))
    await call.talking()
    assert call.line.count(ln.BridgeLegs) == 1
    await call.over()
    if broken != {"open"}:
        assert call.line.count(ln.OpenCapture) == 0
    assert sum(call.around.counts.storage_failures.values()) >= 1


async def test_a_full_disk_ends_the_recording_and_not_the_call(tmp_path: Path) -> None:
    call = Running(tmp_path)
    call.records.spool = FakeSpool(fails=True)
    await call.recording()
    call.line.sound(1, 1, 800)
    await call.until(lambda: call.line.count(ln.ShutCapture) == 1)
    assert call.driver.call.phase is Phase.TALKING
    await call.over()
    assert call.around.counts.storage_failures["recording"] == 1
    assert call.around.counts.recordings["capture_failed"] == 1


async def test_a_withdrawal_stops_the_recorder_at_once_and_seals_nothing(tmp_path: Path) -> None:
    call = Running(tmp_path)
    await call.recording()
    call.line.sound(1, 1, 8000)
    call.driver.post(m.StopRequested("agent"))
    await call.until(lambda: "withdraw" in call.records.names())
    assert call.line.count(ln.ShutCapture) == 1
    assert "seal" not in call.records.names()
    assert list(tmp_path.iterdir()) == []
    assert call.driver.call.phase is Phase.TALKING
    await call.over()


async def test_a_withdrawal_is_not_lost_to_a_database_that_fails_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.calls.backlog.PAUSES_S", (0.01,))
    call = Running(tmp_path, broken=frozenset({"withdraw"}))
    await call.recording()
    call.line.sound(1, 1, 8000)
    call.driver.post(m.StopRequested("agent"))
    await call.until(lambda: call.around.counts.storage_failures["withdrawal"] >= 2)
    assert call.records.spool.pcm == b"", "the sound is gone, whatever the database does"
    call.records.broken = frozenset()
    await call.until(lambda: "withdraw" in call.records.names())
    await call.over()


async def test_a_dead_worker_keeps_what_was_captured_and_says_so(tmp_path: Path) -> None:
    call = Running(tmp_path)
    await call.recording()
    call.line.sound(5, 6, 4000)
    call.line.close("worker_died")
    await asyncio.wait_for(call.task, 15)
    endings = [detail for name, detail in call.records.told if name == "seal"]
    assert [e.incomplete_reason for e in endings] == ["worker_died"]  # type: ignore[attr-defined]
    assert len(call.records.spool.pcm) == 4000 * 4
    assert call.around.counts.calls["worker_died"] == 1


async def test_sound_that_lies_where_none_may_be_is_counted_and_removed(tmp_path: Path) -> None:
    from gateway.calls.capture import Capture
    from gateway.calls.counts import Counts

    counts = Counts()
    stray = tmp_path / "r1"
    stray.mkdir()
    (stray / "caller.wav").write_bytes(bytes(44 + 320))
    Capture(stray, 0.5, counts).prepare()
    assert counts.preconsent_audio_bytes == 320
    assert list(stray.iterdir()) == []


async def test_a_leg_that_is_behind_is_padded_at_the_end(tmp_path: Path) -> None:
    call = Running(tmp_path)
    await call.recording()
    call.line.sound(7, 8, 800)
    assert call.line.folder is not None
    with (call.line.folder / "caller.wav").open("ab") as file:
        file.write(b"\x09\x00" * 160)
    await call.over()
    pcm = call.records.spool.pcm
    assert len(pcm) == 960 * 4
    assert pcm[-4:] == b"\x09\x00\x00\x00"


EVENTS = st.sampled_from(
    [
        m.DigitPressed("1"),
        m.DigitPressed("5"),
        m.DigitPressed("1", heard_ms=1),
        m.AgentAnswered(),
        m.AgentFailed(m.FailReason.BUSY),
        m.AgentRinging(),
        m.Held(m.Leg.AGENT),
        m.Resumed(m.Leg.AGENT),
        m.CaptureFailed(),
        m.PromptFailed(1),
        m.PromptFailed(2),
        m.HungUp(m.Leg.AGENT),
        m.StopRequested(),
        m.PauseRequested(),
        m.ResumeRequested(),
        m.OfferRequested(),
        m.TransferredExternal(),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(st.tuples(EVENTS, st.sampled_from([0.0, 0.0, 0.004, 0.02])), max_size=12),
    broken=st.sets(st.sampled_from(["open", "decision", "start_recording", "seal", "withdraw"]), max_size=1),
    dies=st.booleans(),
)
def test_in_any_order_of_events_a_recorder_needs_a_stored_consent(
    tmp_path: Path,
    events: list[tuple[ln.LineEvent, float]],
    broken: set[str],
    dies: bool,
) -> None:
    async def story() -> None:
        quick = replace(FLOW, ivr=replace(QUICK, timeout_s=0.02, isolation_ms=3, max_call_s=2.0))
        call = Running(tmp_path, quick, frozenset(broken))
        for event, pause in events:
            call.driver.post(event)  # type: ignore[arg-type]
            await asyncio.sleep(pause)
        if dies:
            call.line.close("worker_died")
        else:
            call.line.tell(m.HungUp(m.Leg.CALLER))
        await asyncio.wait_for(call.task, 15)
        opened, stored = call.line.count(ln.OpenCapture), call.records.names().count("start_recording")
        assert opened <= stored <= call.records.names().count("decision")
        assert call.line.count(ln.ShutCapture) == opened or dies
        assert call.around.counts.preconsent_audio_bytes == 0
        assert list(tmp_path.iterdir()) == [], "every folder of a recording is removed"
        assert call.driver.call.phase is Phase.ENDED

    asyncio.run(story())


async def test_recorders_that_stand_still_end_the_recording_and_not_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.calls.capture.STALLED_S", 0.3)
    call = Running(tmp_path)
    await call.recording()
    call.line.sound(3, 4, 800)
    await call.until(lambda: call.line.count(ln.ShutCapture) == 1)
    assert call.driver.call.phase is Phase.TALKING
    await call.over()
    assert call.around.counts.recordings["capture_failed"] == 1
    assert len(call.records.spool.pcm) == 800 * 4, "what there was is kept"
