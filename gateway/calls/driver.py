"""CallDriver: runs one call, between the pure flow, a line and storage.

One task per call hears events one by one, steps the flow, and carries out its actions in order. What
storage has to write goes through one queue, in order too, so that a slow or dead database never keeps
a caller waiting: the flow hears `ConsentStored` when the record is committed, and records nothing
until then. Whatever breaks here, the caller reaches the agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

from gateway.callflow import messages as m
from gateway.callflow.flow import step
from gateway.callflow.handover import may_hand_over
from gateway.callflow.settings import FlowSettings
from gateway.callflow.state import Call, Capture, Consent, Phase, Question, recording_state
from gateway.calls import line as ln
from gateway.calls.backlog import Backlog
from gateway.calls.evidence import Evidence
from gateway.calls.recording import Recording
from gateway.calls.records import OpenRecording
from gateway.calls.surroundings import CallClock, Surroundings
from gateway.calls.timeline import Entry
from gateway.calls.transcribing import Heard, open_spans
from gateway.calls.writing import Writing
from storage.ids import new_id
from transcription.exports import to_json

Watcher = Callable[[Heard | None], None]
"""Is told what is heard of one recording; None: nothing more comes."""

CONSENT_TIMEOUT_S = 5.0  # a consent record not committed by then is no consent for this call

log = logging.getLogger(__name__)


class CallDriver:
    """One live call. `run` returns when it is over; `post` lets it hear something from outside."""

    def __init__(
        self,
        call_id: str,
        line: ln.Line,
        invite: ln.InviteReceived,
        flow: FlowSettings,
        around: Surroundings,
    ) -> None:
        self.call_id = call_id
        self.flow = flow
        self.call = Call()
        self.timeline: list[Entry] = []
        self._line = line
        self._invite = invite
        self._around = around
        self._records = around.records
        self.backlog = around.backlog if around.backlog is not None else Backlog(around.counts)
        self._clock = CallClock()
        self._prompts = around.prompts.for_call(
            flow, invite.dialled_as or invite.dialled, self._clock.at(0.0)
        )
        self._inbox: asyncio.Queue[m.Event] = asyncio.Queue()
        self._writing = Writing(call_id, around.counts, self.backlog)
        self._evidence = Evidence(
            call_id, self._clock, self._prompts, around.policy_version, flow.ivr.granularity
        )
        self._recording: Recording | None = None
        self._consent_id: str | None = None
        self._case: tuple[str, str] | None = None  # of an investigator's own recording, and who names it
        self._noted_offers: set[int] = set()
        self._line_lost = False
        self._transcripts: set[asyncio.Task[None]] = set()
        self._watchers: dict[str, set[Watcher]] = {}  # by recording
        self._codecs: dict[m.Leg, str] = {}
        self._dialogs: dict[int, str] = {}  # Call-IDs of agents, by the number of the call to them
        self._refer_cseq = 0  # of the REFER that is being carried out
        self._dialled: dict[int, str] = {}  # URIs of targets, by the number of the call to them
        self._trunk = around.trunk_of(invite.trunk or invite.source)
        self._events = True  # whether the caller's side can signal keys apart from the sound
        self._listening = False
        self._told_recording: str | None = None  # what the agent's telephone was told last; None: nothing

    @property
    def arrived_at(self) -> datetime:
        """When the call arrived, UTC."""
        return self._clock.at(0.0)

    @property
    def worker_pid(self) -> int:
        """The process that has the call's telephony; 0 when the line is of no process."""
        return int(getattr(self._line, "pid", 0))

    @property
    def recording_id(self) -> str | None:
        """The recording that is being made; None while there is none."""
        return self._recording.artifact_id if self._recording and self.call.capture is Capture.ON else None

    @property
    def transcription_lag_s(self) -> float:
        """How far the words of its recording are behind, in seconds; 0 while there is none."""
        recording = self._recording
        if recording is None or recording.transcription is None or self.call.capture is not Capture.ON:
            return 0.0
        return recording.transcription.lag_s

    def watch(self, recording_id: str, watcher: Watcher) -> Callable[[], None]:
        """Tell somebody the words of one recording as they are spoken; what is returned ends that."""
        watchers = self._watchers.setdefault(recording_id, set())
        watchers.add(watcher)
        return lambda: watchers.discard(watcher)

    def post(self, event: m.Event) -> None:
        """Let the call hear an event (an agent's stop, ...)."""
        self._inbox.put_nowait(event)

    async def run(self) -> None:
        """Drive the call from its INVITE to its end, records included."""
        reading = asyncio.create_task(self._read_line())
        working = asyncio.create_task(self._writing.run())
        try:
            self._say("arrived", flow=self.flow.name)
            self._writing.later(
                "open",
                lambda: self._records.open(
                    self.call_id,
                    self._clock.at(0.0),
                    self._invite.sip_call_id,
                    self._invite.caller,
                    self.flow.name,
                ),
            )
            self._hear(m.CallArrived())
            while self.call.phase is not Phase.ENDED:
                self._hear(await self._next_event())
        finally:
            self._line.send(ln.EndLine())
            self._writing.end()
            await working
            await asyncio.gather(*self._transcripts)
            for recording_id in list(self._watchers):
                self._watched(recording_id, None)
            # The legs' last SIP states still come; a line that is stuck does not hold us.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(reading), 10.0)
            reading.cancel()

    async def _next_event(self) -> m.Event:
        deadline = self.call.deadline
        if deadline is None or deadline == float("inf"):
            return await self._inbox.get()
        try:
            return await asyncio.wait_for(self._inbox.get(), max(0.0, deadline - self._clock.now()))
        except asyncio.TimeoutError:
            return m.TimePassed()

    def _hear(self, event: m.Event) -> None:
        now = self._clock.now()
        if isinstance(event, m.CaseNamed) and self.flow.announced and self.call.consent is Consent.UNNAMED:
            self._case = event.case, event.by
            self._say("case_named")
        self.call, actions = step(self.call, event, now, self.flow)
        self._listen()  # before the actions: never still on when one of them leads to a recording
        for action in actions:
            try:
                self._carry_out(action)
            except Exception:
                # The person waiting is a caller: the next action still has to happen.
                log.exception("an action failed", extra={"call_id": self.call_id})
        self._tell_recording()

    def _listen(self) -> None:
        """Have keys in the sound heard while the question is open, on a trunk that needs it."""
        wanted = self.call.question is not Question.CLOSED and self._trunk.listens(self._events)
        if wanted is not self._listening:
            self._listening = wanted
            self._line.send(ln.ListenForKeys(wanted))

    def _tell_recording(self) -> None:
        """Have the agent's telephone know whether the call is recorded, when that has changed."""
        state = recording_state(self.call)
        if self._told_recording in (None, state):
            return
        self._told_recording = state
        self._line.send(ln.TellRecording(state))

    # --- the line ---------------------------------------------------------------------------------

    async def _read_line(self) -> None:
        async for event in self._line.events():
            try:
                self._hear_line(event)
            except Exception:
                log.exception("a line event failed", extra={"call_id": self.call_id})

    def _hear_line(self, event: ln.LineEvent) -> None:
        match event:
            case ln.PlayStarted(play):
                self._on_play_started(play)
            case ln.LegUp(leg, codec, events, dial, sip_call_id):
                if dial:
                    self._dialogs[dial] = sip_call_id
                self._on_leg_up(leg, codec, events)
            case ln.LegDown(leg, status, by_us):
                self._say("leg_ended", leg=leg.value, status=status, by="us" if by_us else "them")
            case ln.CaptureOpened():
                if self._recording is not None:
                    self._recording.hear_opened()
                    self._say("capture_started")
            case ln.CaptureShut():
                if self._recording is not None:
                    self._recording.hear_shut()
            case ln.LineClosed(reason):
                self._line_lost = reason != "ended"
                if self._recording is not None:
                    self._recording.hear_shut()
                self.post(m.HungUp(m.Leg.CALLER))
            case ln.InviteReceived() | ln.SoundStats():
                pass
            case _:
                self._note(event)
                self.post(event)

    def _on_play_started(self, play: int) -> None:
        prompt = self._evidence.prompt(play)
        if prompt is None:
            return
        self._evidence.began(play, self._at())
        markers = dict(prompt.markers_ms)
        if self._evidence.is_question(play):
            self._say("prompt_started", prompt=prompt.id, version=prompt.version)
            loop = asyncio.get_running_loop()
            if "purposes_end" in markers:
                loop.call_later(markers["purposes_end"] / 1000, self._marker_passed, play, "purposes_end")
        elif prompt.role == "greeting":
            self._say("greeting_started", prompt=prompt.id)
        self.post(
            m.PromptStarted(
                play, prompt.duration_ms, markers.get("purposes_end"), markers.get("key_instruction")
            )
        )

    def _marker_passed(self, play: int, marker: str) -> None:
        playing = self.call.playing
        if playing is not None and playing.play == play:
            self._say("marker_passed", marker=marker)

    def _on_leg_up(self, leg: m.Leg, codec: str, events: bool) -> None:
        if leg is m.Leg.CALLER:
            self._events = events
            self._listen()
        if self._codecs.get(leg) == codec:
            return
        first = leg not in self._codecs
        self._codecs[leg] = codec
        at = self._at()
        if leg is m.Leg.CALLER:
            if first:
                self._say("answered", codec=codec)
            self._writing.later("answered", lambda: self._records.answered(self.call_id, at, codec))

    def _note(self, event: ln.LineEvent) -> None:
        """The timeline's view of events that the flow hears as they are."""
        match event:
            case m.PromptFinished(play):
                if self._evidence.is_question(play):
                    self._say("prompt_finished")
            case m.DigitPressed(digit, method):
                accept = digit == self.flow.ivr.accept_key
                self._say("key", key="accept" if accept else "other", method=method.value)
            case m.AgentRinging():
                self._say("agent_ringing")
            case m.AgentAnswered():
                self._say("agent_answered")
            case m.AgentFailed(reason):
                self._say("agent_failed", reason=reason.value)
            case m.Held(leg):
                self._say("held", leg=leg.value)
            case m.Resumed(leg):
                self._say("resumed", leg=leg.value)
            case m.HungUp(leg):
                self._say("hung_up", leg=leg.value)
            case _:
                pass

    # --- actions ----------------------------------------------------------------------------------

    def _carry_out(self, action: m.Action) -> None:
        match action:
            case m.Answer():
                self._line.send(ln.AnswerCall(self.flow.connect or ""))
            case m.Play(play, role, loop):
                self._play(play, role, lambda path: ln.PlayFile(play, path, loop))
            case m.StopPlay(play):
                self._line.send(ln.StopFile(play))
            case m.NoteDecision():
                self._note_decision(action)
            case m.NoteWithdrawal(channel, at):
                self._say("withdrawn", channel=channel)
                when = self._clock.at(at)
                self._writing.later("withdrawal", lambda: self._records.withdraw(self.call_id, when, channel))
            case m.DialAgent(dial, uri, ring_timeout_s):
                self._say("agent_dialled")
                self._dialled[dial] = uri
                handover = self.call.handover
                told = "off" if handover and not handover.company else recording_state(self.call)
                self._told_recording = recording_state(self.call)
                self._line.send(ln.Dial(uri, self._invite.caller_uri, ring_timeout_s, told, dial))
            case m.CancelAgent(dial):
                self._line.send(ln.CancelDial(dial))
            case m.Whisper(play, role, dial):
                self._play(play, role, lambda path: ln.WhisperFile(play, path, dial))
            case m.Bridge(dial):
                self._line.send(ln.BridgeLegs(dial))
                self._note_agent(dial)
            case m.Unbridge():
                self._line.send(ln.UnbridgeLegs())
            case m.Consult(dial):
                self._line.send(ln.ConsultLegs(dial))
            case m.NoteTransfer(stage, company):
                self._say(f"transfer_{stage}", to="company" if company else "outside")
                self._referred(stage)
            case m.StartCapture():
                self._start_capture()
            case m.PauseCapture():
                self._say("capture_paused")
                if self._recording is not None:
                    self._recording.mute()
            case m.ResumeCapture():
                self._say("capture_resumed")
                if self._recording is not None:
                    self._recording.unmute()
            case m.StopCapture(reason):
                self._stop_capture(reason)
            case m.HangUp(leg):
                self._line.send(ln.HangUpLeg(leg))
            case m.CloseCall(reason):
                self._close(reason)

    def _play(self, play: int, role: str, order: Callable[[str], ln.Command]) -> None:
        prompt = self._prompts.get(role)
        if prompt is None:  # a set may be without it
            self.post(m.PromptFailed(play))
            return
        self._evidence.ordered(play, prompt)
        self._line.send(order(str(prompt.path)))

    def refer(self, asked: m.TransferAsked, cseq: int = 0) -> str:
        """Hand the call over, if that is allowed now; "" when it begins, else why not (`may_hand_over`).

        `cseq`: of the REFER that asks for it (0: a command does), whose sender is told how it goes.
        """
        why = may_hand_over(self.call, self.flow, asked.target)
        if not why:
            self._refer_cseq = cseq
            self._hear(asked)
            self.post(m.TimePassed())  # the deadline of the call is another now
        return why

    @property
    def agent_dialog(self) -> str | None:
        """The Call-ID of the dialog with the agent who speaks with the caller."""
        return self._dialogs.get(self.call.agent or 0)

    def _referred(self, stage: str) -> None:
        """Tell the agent's telephone how the transfer goes that it asked for (RFC 3515 section 2.4.4)."""
        if not self._refer_cseq:
            return
        status = {"begun": 100, "done": 200}.get(stage, 503)
        self._line.send(ln.NotifyRefer(self._refer_cseq, status))
        if stage != "begun":
            self._refer_cseq = 0

    def _note_agent(self, dial: int) -> None:
        """Who speaks with the caller; sound before the answer is nobody yet."""
        if self.call.agent != dial:
            return
        at, codec, agent = self._at(), self._codecs.get(m.Leg.AGENT, ""), self._dialled.get(dial, "")
        self._writing.later("agent", lambda: self._records.agent_answered(self.call_id, at, agent, codec))

    def _note_decision(self, action: m.NoteDecision) -> None:
        self._say("decision", decision=action.decision.value, offer=action.offer)
        self._around.counts.decisions[action.decision.value] += 1
        record, at = self._evidence.record(action), self._clock.at(action.decided_at)
        if action.offer in self._noted_offers:
            self._writing.later("late key", lambda: self._records.late_key(record, at))
            return
        self._noted_offers.add(action.offer)
        self._count_methods(action)
        accepted = action.decision is m.Decision.ACCEPTED

        if not accepted:
            self._writing.later("consent", lambda: self._records.decision(record, self._at()))
            return

        async def commit() -> str:
            await self.backlog.flush(self.call_id)  # the call itself may not be stored yet
            return await self._records.decision(record, self._at())

        async def store() -> None:
            try:
                self._consent_id = await asyncio.wait_for(commit(), CONSENT_TIMEOUT_S)
            except Exception:
                self._say("consent_not_stored")
                self.post(m.ConsentNotStored(action.note))
                raise
            self._say("consent_stored")
            self.post(m.ConsentStored(action.note))

        self._writing.later("consent", store, waits=False)

    def _count_methods(self, action: m.NoteDecision) -> None:
        """By which methods the keys of a question came; a question that nobody heard is none."""
        if not self._evidence.was_heard:
            return
        for method in {key.method.value for key in action.keys} or {"none"}:
            self._around.counts.key_methods[self._trunk.name, method] += 1

    def _start_capture(self) -> None:
        transcribing = self._around.transcribing
        recording = Recording(
            new_id(self._at()),
            self._line,
            self._records,
            self._around.memory_folder,
            self._around.sync_s,
            self._around.counts,
            lambda reason: self.post(m.CaptureFailed(reason)),
            transcribing.open(lambda heard: self._watched(recording.artifact_id, heard))
            if transcribing is not None
            else None,
        )
        self._recording = recording

        async def store(artifact_id: str) -> OpenRecording:
            # Promise: capture is ordered only with the id of a committed record, or of a case, in hand.
            at = self._at()
            if self._case is not None:
                case, by = self._case
                return await self._records.start_investigation(self.call_id, case, by, artifact_id, at)
            if self._consent_id is None:
                raise RuntimeError("capture was ordered without a stored consent record")
            return await self._records.start_recording(self.call_id, self._consent_id, artifact_id, at)

        async def start() -> None:
            try:
                await recording.start(store)
            except Exception:
                self.post(m.CaptureFailed("not started"))
                raise

        self._writing.later("recording", start, waits=False)

    def _stop_capture(self, reason: str) -> None:
        recording = self._recording
        if recording is None:
            return
        recording.shut()
        if reason == "withdrawn" and recording.transcription is not None:
            recording.transcription.hush()
            self._watched(recording.artifact_id, None)
        self._say("capture_stopped", reason=reason)
        incomplete = "worker_died" if self._line_lost else "capture_failed" if reason == "failed" else None

        async def finish() -> None:
            keep = reason != "withdrawn" or not self._around.delete_partial
            at = self._at()
            kept = await recording.finish(keep, incomplete)
            self._around.counts.recordings[incomplete or reason] += 1
            if not kept or not await self._writing.now("seal", lambda: recording.seal(at)):
                if recording.transcription is not None:
                    await recording.transcription.abort()  # a job makes one of what is sealed later
                return
            self._say("recording_sealed")
            if recording.transcription is not None:
                # Not in the queue: the last words may take their time, and a withdrawal must not.
                task = asyncio.get_running_loop().create_task(self._store_transcript(recording))
                self._transcripts.add(task)
                task.add_done_callback(self._transcripts.discard)

        self._writing.later("seal", finish, waits=False)

    async def _store_transcript(self, recording: Recording) -> None:
        """The words of a sealed recording, as an artifact beside it; what was not heard is caught up."""
        assert recording.transcription is not None
        try:
            transcript = await recording.transcription.finish(recording.captured_ms, recording.duration_ms)
            left = open_spans(transcript)
            words = to_json(transcript).encode()
            stored = await self._records.transcribed(recording.artifact_id, words, left, self._at())
            ending = "refused" if not stored else "with_gaps" if left else "whole"
            self._around.counts.transcripts[ending] += 1
            if stored:
                self._say("transcript_stored", gaps=len(left))
        except Exception:
            self._around.counts.storage_failures["transcript"] += 1
            log.exception("a transcript could not be stored", extra={"call_id": self.call_id})
        finally:
            self._watched(recording.artifact_id, None)

    def _watched(self, recording_id: str, heard: Heard | None) -> None:
        for tell in list(self._watchers.get(recording_id, ())):
            tell(heard)

    def _close(self, reason: str) -> None:
        if self._line_lost:
            reason = "worker_died"
        self._say("closed", reason=reason)
        self._around.counts.calls[reason] += 1
        at = self._at()
        self._writing.later("close", lambda: self._records.close(self.call_id, at, reason))

    # --- small ------------------------------------------------------------------------------------

    def _at(self) -> datetime:
        return self._clock.at(self._clock.now())

    def _say(self, name: str, **detail: str | int) -> None:
        entry = Entry(name, self._at(), detail)
        self.timeline.append(entry)
        if self._around.on_entry is not None:
            self._around.on_entry(self.call_id, entry)
