"""One call in a worker: orders from the gateway to pjsua2, what pjsua2 tells to events.

The promises:
1. A recorder exists only between `OpenCapture` and its end (`recorders.py`), and a leg is connected to
   it only when `GUARD_S` has passed since the caller's last key: nothing that was said before a key
   can still be in the jitter buffer then. The same holds after keys were listened for in the sound.
2. While either leg is held, or capture is muted, both files get silence; they go on growing in step.
3. When the gateway is gone, capture ends at once and the conversation goes on, unrecorded.
4. Nothing here waits: what takes time is looked at again when `due()` says so.
"""

from __future__ import annotations

import logging
import os
import time

import pjsua2 as pj

from gateway.callflow.messages import (
    AgentRinging,
    CaptureFailed,
    DigitPressed,
    DtmfMethod,
    Held,
    HungUp,
    Leg,
    MediaTimedOut,
    Resumed,
)
from gateway.calls import line
from gateway.worker.agents import Agents
from gateway.worker.channel import Channel, Rejoin, notice
from gateway.worker.dtmf import Press
from gateway.worker.ears import Hearing
from gateway.worker.endpoint import SRTP, SipEndpoint
from gateway.worker.inband import LAG_MS
from gateway.worker.legs import Account, CallLeg
from gateway.worker.patch import PatchPanel, wiring
from gateway.worker.prompts import Prompts
from gateway.worker.recorders import Recorders, Stage
from gateway.worker.sip_text import read_invite

log = logging.getLogger(__name__)

GUARD_MARGIN_S = 0.1
HANG_UP_GRACE_S = 5.0  # after EndLine, for the peers to answer BYE or CANCEL
LAST_WAIT_S = 35.0  # then a transaction has timed out by itself (RFC 3261, 64 × T1)
RINGING, BUSY, TEMPORARILY_UNAVAILABLE, UNAVAILABLE = 180, 486, 480, 503
PROBLEM_PLAY = -1
FALLBACK_DIAL = -1
IDLE_S = 1.0
NO_CAPTURE = (Stage.NONE, Stage.SHUT, Stage.FAILED)
KEY_S, TALK_S = 0.02, 0.2  # how late a key may be noticed: before and after the legs are bridged


class CallWorker:
    """The state of one call; `run` returns when all of it is over."""

    def __init__(self, endpoint: SipEndpoint, channel: Channel, silence_wav: str) -> None:
        self._endpoint = endpoint
        self._settings = endpoint.settings
        self._channel = channel
        # pjsua settles whether sound is encrypted by the account of a call, before anything hears of it.
        self._accounts = {srtp: Account(self.invited) for srtp in SRTP}
        for srtp, account in self._accounts.items():
            account.create(endpoint.account_config(srtp=srtp), srtp == "off")
        endpoint.choose_account = lambda text: self._accounts[read_invite(text).srtp].getId()
        self._silence = pj.AudioMediaPlayer()
        self._silence.createPlayer(silence_wav, 0)
        self._null = endpoint.null_sink()
        self._panel = PatchPanel()
        self._prompts = Prompts()
        self._whispers = Prompts()  # to the one agent `_whisper_to`
        self._whisper_to: CallLeg | None = None
        self._recorders = Recorders(endpoint, self._silence)
        self._hearing = Hearing(endpoint.lib)
        self._caller: CallLeg | None = None
        self._legs: list[CallLeg] = []  # every leg there was: dropping one would hang it up
        self._agents = Agents(lambda: self._new_leg(Leg.AGENT, self._settings.agent_srtp), self._tell)
        self._answered = False
        self._fallback = ""
        self._bridged = False
        self._consulted: CallLeg | None = None  # whom the agent speaks with while the caller waits
        self._muted = False
        self._recording = "off"
        self._connect_at = 0.0
        self._capture = Stage.NONE
        self._ending_at: float | None = None
        self._closed_at: float | None = None
        self._orphaned = False
        self._rejoin = Rejoin(channel, self._settings.rejoin_path, endpoint.port)
        self._stop = False

    # --- the loop ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve the call until it and its last transactions are over."""
        self._channel.send(notice("Ready", port=self._endpoint.port, pid=os.getpid()))
        while not self._over(time.monotonic()):
            due = self._due(time.monotonic())
            self._endpoint.handle(due - time.monotonic() if due is not None else IDLE_S)
            for message in self._channel.receive():
                self._obey(message)
            if not self._channel.open:
                self._gateway_gone(time.monotonic())
            self._channel.flush()
            self._pass_time(time.monotonic())

    def stop(self) -> None:
        """End the call and the process (SIGTERM)."""
        self._stop = True

    def destroy(self) -> None:
        """Give back what pjsua2 must not find alive when the library ends."""
        self._endpoint.stop_clock()
        self._prompts.forget()
        self._whispers.forget()
        del self._silence, self._recorders

    def _over(self, now: float) -> bool:
        if self._caller is None:
            return not self._channel.open or self._stop
        if self._closed_at is None:
            return False
        quiet = all(leg.down for leg in self._legs) and now >= self._closed_at + self._settings.linger_s
        return quiet or now >= self._closed_at + LAST_WAIT_S

    def _due(self, now: float) -> float | None:
        times = [self._prompts.due(now), self._whispers.due(now), self._recorders.due(now)]
        times += [self._agents.due(), self._ending_at]
        times += [leg.digits.due() for leg in self._legs if not leg.down]
        if self._recorders.media is not None and self._connect_at > now:
            times.append(self._connect_at)
        if self._closed_at is not None:
            times.append(self._closed_at + self._settings.linger_s)
        elif self._orphaned:
            times.append(self._rejoin.due())
        if self._closed_at is None and self._caller is not None:
            times.append(now + (TALK_S if self._bridged and self._hearing.media is None else KEY_S))
        return min((t for t in times if t is not None), default=None)

    def _pass_time(self, now: float) -> None:
        if self._caller is None:
            return
        for event in self._prompts.pass_time(now):
            if event.play != PROBLEM_PLAY:
                self._tell(event)
            elif not isinstance(event, line.PlayStarted):
                self._caller.end()
        for event in self._whispers.pass_time(now):
            self._tell(event)
        for leg in self._legs:
            self.leg_pressed(leg, leg.digits.pass_time(now))
            leg.keep_peer(now)
        if self._agents.current is not None:
            self._agents.current.tell_recording(self._recording)
        if self._closed_at is None and self._caller.fell_silent(now):
            self._media_timed_out(now)
        for tone in self._hearing.take():
            digits = self._caller.digits
            self.leg_pressed(self._caller, digits.hear_tone(tone.digit, tone.duration_ms, LAG_MS, now))
        self._agents.pass_time(now)
        self._recorders.pass_time(now)
        self._watch_capture()
        if self._orphaned:
            self._live_on(now)
        if self._stop:
            self._end_line(now)
        self._connect(now)
        self._close_when_done(now)

    # --- orders from the gateway ------------------------------------------------------------------

    def _obey(self, message: bytes) -> None:
        try:
            command = line.decode(message)
        except line.LineError:
            log.error("an order was not understood")
            return
        if self._orphaned and not isinstance(command, (line.HangUpLeg, line.EndLine)):
            return
        now = time.monotonic()
        caller = self._caller
        if caller is None:
            return
        match command:
            case line.AnswerCall(fallback):
                self._answered = True
                self._fallback = fallback
                caller.reply(200)
            case line.PlayFile(play, path, loop):
                for failed in self._prompts.play(play, path, loop, now):
                    self._tell(failed)
            case line.StopFile(play):
                self._prompts.stop(play, now)
                self._whispers.stop(play, now)
            case line.Dial():
                if self._agents.current is None:
                    self._recording = command.recording
                self._agents.dial(command, now)
            case line.TellRecording(recording):
                self._recording = recording
            case line.CancelDial(dial):
                self._agents.cancel(dial)
            case line.WhisperFile(play, path, dial):
                self._whisper_to = self._agents.leg(dial)
                for failed in self._whispers.play(play, path, False, now):
                    self._tell(failed)
            case line.BridgeLegs(dial):
                self._whispers.stop(None, now)
                self._consulted = None
                self._agents.choose(dial)
                self._tell_hold(self._agents.current)
                self._bridged = True
            case line.UnbridgeLegs():
                self._bridged = False
                self._consulted = None
            case line.ConsultLegs(dial):
                self._consulted = self._agents.leg(dial)
            case line.NotifyRefer(cseq, status):
                if self._agents.current is not None:
                    self._agents.current.notify_refer(cseq, status)
            case line.OpenCapture(folder):
                self._hearing.stop(now)
                last_heard = max(caller.digits.last_at or 0.0, self._hearing.until)
                self._connect_at = max(now, last_heard + self._settings.jitter_ms / 1000 + GUARD_MARGIN_S)
                self._muted = False
                self._recorders.open(folder, now)
            case line.MuteCapture():
                self._muted = True
            case line.UnmuteCapture():
                self._muted = False
            case line.ShutCapture():
                self._shut_capture(now)
            case line.ListenForKeys(True) if self._recorders.stage in NO_CAPTURE:
                self._hearing.start()
            case line.ListenForKeys(False):
                self._hearing.stop(now)
            case line.AskSound():
                self._tell(caller.sound_stats())
            case line.HangUpLeg(leg, status):
                self._hang_up(leg, status)
            case line.EndLine():
                self._end_line(now)
        self._connect(now)

    def _new_leg(self, side: Leg, srtp: str, call_id: int = -1) -> CallLeg:
        settings = self._settings
        timeout_s = settings.rtp_timeout_s if side is Leg.CALLER else 0.0
        leg = CallLeg(
            self._accounts[srtp],
            self,
            side,
            call_id,
            symmetric_rtp=settings.symmetric_rtp,
            rtp_timeout_s=timeout_s,
        )
        self._legs.append(leg)
        return leg

    def _hang_up(self, leg: Leg, status: int) -> None:
        if leg is Leg.AGENT:
            self._agents.hang_up(status)
        elif self._caller is not None:
            self._caller.end(status or (0 if self._caller.up else TEMPORARILY_UNAVAILABLE))

    def _end_line(self, now: float) -> None:
        if self._ending_at is not None or self._closed_at is not None:
            return
        self._ending_at = now + HANG_UP_GRACE_S
        self._bridged = False
        self._prompts.stop(None, now)
        self._whispers.stop(None, now)
        self._hearing.stop(now)
        self._shut_capture(now)
        self._agents.end_all()
        self._hang_up(Leg.CALLER, 0)

    # --- what the legs tell -------------------------------------------------------------------------

    def invited(self, call_id: int, text: str, source: str) -> None:
        """An INVITE came. The second one while a call is up is refused: one process, one call."""
        if self._caller is not None or not self._channel.open or self._stop:
            self._new_leg(Leg.CALLER, "off", call_id).end(BUSY)
            return
        self._endpoint.start_clock()
        self._silence.startTransmit(self._null)
        invite = self._rejoin.invite = read_invite(text)
        self._caller = self._new_leg(Leg.CALLER, invite.srtp, call_id)
        self._caller.reply(RINGING)
        self._channel.send(notice("Invited", from_tag=invite.from_tag, branch=invite.branch))
        behind_edge = self._settings.edge_port is not None
        self._tell(
            line.InviteReceived(
                sip_call_id=invite.sip_call_id,
                dialled=invite.dialled,
                caller=invite.caller,
                caller_uri=invite.caller_uri,
                source=invite.source if behind_edge else source.rsplit(":", 1)[0],
                trunk=invite.trunk if behind_edge else "",
                dialled_as=invite.dialled_as,
            )
        )

    def rejected(self, status: int) -> None:
        """pjsua refused an INVITE by itself (no codec in common, for example)."""
        self._channel.send(notice("Rejected", status=status))

    def leg_ringing(self, leg: CallLeg) -> None:
        number = self._agents.rings(leg)
        if number is not None:
            self._tell(AgentRinging(leg.port is not None, number))

    def leg_up(self, leg: CallLeg) -> None:
        if leg is self._caller:
            self._tell(line.LegUp(Leg.CALLER, leg.codec, leg.takes_events))
        elif leg.leg is Leg.AGENT and self._agents.answered(leg) and self._orphaned:
            self._prompts.stop(None, time.monotonic())
            self._bridged = True
        self._connect(time.monotonic())

    def leg_media(self, leg: CallLeg, renewed: bool) -> None:
        if renewed:
            self._panel.dropped(self._name(leg))
        number = self._agents.rings(leg)
        early = number is not None and leg.rang and leg.port is not None and not leg.early_media_told
        if early and number is not None and not leg.answered:
            leg.early_media_told = True
            self._tell(AgentRinging(True, number))
        self._tell_hold(leg)
        self._connect(time.monotonic())

    def _tell_hold(self, leg: CallLeg | None) -> None:
        if leg is not None and leg.held != leg.held_told and leg in (self._caller, self._agents.current):
            leg.held_told = leg.held
            self._tell(Held(leg.leg) if leg.held else Resumed(leg.leg))

    def leg_down(self, leg: CallLeg) -> None:
        self._panel.dropped(self._name(leg))
        if leg.leg is Leg.AGENT:
            self._agents.down(leg)
        elif leg is self._caller and not leg.ended_by_us:
            self._tell(HungUp(Leg.CALLER))
        if leg.leg is Leg.AGENT or leg is self._caller:
            self._tell(line.LegDown(leg.leg, leg.status, leg.ended_by_us))
        self._connect(time.monotonic())

    def leg_pressed(self, leg: CallLeg, presses: list[Press]) -> None:
        now = time.monotonic()
        for press in presses:
            heard_ms = self._prompts.heard_ms(now) if leg.leg is Leg.CALLER else None
            in_sound = press.method is DtmfMethod.INBAND  # which the other side hears by itself
            if heard_ms is not None and in_sound:
                heard_ms = max(0, heard_ms - LAG_MS)
            self._tell(DigitPressed(press.digit, press.method, heard_ms, leg.leg, press.duration_ms))
            if leg is self._caller:
                other = self._agents.current
            elif self._consulted is not None:
                other = self._agents.current if leg is self._consulted else self._consulted
            else:
                other = self._caller if leg is self._agents.current else None
            together = self._bridged or (self._consulted is not None and leg is not self._caller)
            if together and not in_sound and other is not None and other.up and not other.down:
                other.press(press.digit)

    def _media_timed_out(self, now: float) -> None:
        if self._orphaned:
            self._end_line(now)
        self._tell(MediaTimedOut())

    # --- sound ----------------------------------------------------------------------------------------

    def _name(self, leg: CallLeg) -> str:
        """What the leg is called among the connections."""
        if leg is self._caller:
            return "caller"
        return "agent" if leg is self._agents.current else f"agent {self._agents.number(leg)}"

    def _connect(self, now: float) -> None:
        """Connect what should be connected now, and nothing else."""
        agent, whisper_to = self._agents.current, self._whisper_to
        held = any(leg.held for leg in (self._caller, agent) if leg is not None)
        recording = not self._muted and not held and now >= self._connect_at
        wanted = wiring(
            caller=self._caller.port if self._caller else None,
            agent=agent.port if agent else None,
            prompt=self._prompts.media,
            silence=self._silence,
            recorders=self._recorders.media if recording else None,
            bridged=self._bridged,
            ears=self._hearing.media,
        )
        other = self._consulted
        if other is not None and other.port is not None and agent is not None and agent.port is not None:
            wanted.pop(("silence", "agent"), None)
            name = self._name(other)
            wanted["agent", name] = (agent.port, other.port)
            wanted[name, "agent"] = (other.port, agent.port)
        if self._whispers.media is not None and whisper_to is not None and whisper_to.port is not None:
            name = self._name(whisper_to)
            wanted.pop(("silence", name), None)
            wanted["whisper", name] = (self._whispers.media, whisper_to.port)
        try:
            self._panel.connect(wanted)
            self._hearing.leave()
        except pj.Error as error:
            log.error("audio could not be connected", extra={"pii": {"text": str(error)}})

    def _shut_capture(self, now: float) -> None:
        self._panel.disconnect("recorder")
        self._recorders.shut(now)
        self._watch_capture()

    def _watch_capture(self) -> None:
        stage = self._recorders.stage
        if stage is self._capture:
            return
        self._capture = stage
        if stage is Stage.OPEN:
            self._tell(line.CaptureOpened())
        elif stage is Stage.SHUT:
            self._tell(line.CaptureShut())
        elif stage is Stage.FAILED:
            self._tell(CaptureFailed("the files could not be created"))

    # --- the end, and a gateway that is gone ------------------------------------------------------------

    def _gateway_gone(self, now: float) -> None:
        if self._caller is None or self._closed_at is not None or self._orphaned:
            return
        self._orphaned = True
        self._hearing.stop(now)
        self._shut_capture(now)
        log.warning("the gateway is gone; the call goes on unrecorded")
        agent = self._agents.current
        if agent is not None and agent.up and not agent.down:
            self._prompts.stop(None, now)
            self._whispers.stop(None, now)
            self._agents.keep_current()
            self._bridged = True
        elif self._answered and not self._agents.ringing:
            self._fall_back(now)

    def _fall_back(self, now: float) -> None:
        """The caller still waits for an agent: call them all the same, unrecorded.

        The way there leads over the edge, so it works once the gateway is back (within SIP's 32 s).
        """
        uri, self._fallback = self._fallback, ""
        if uri:
            self._prompts.stop(None, now)
            self._agents.dial(line.Dial(uri, dial=FALLBACK_DIAL), now)
        if not self._agents.ringing:
            self._apologise(now)

    def _live_on(self, now: float) -> None:
        """Do the little that must be decided without a gateway, and report to the next one."""
        caller, agent = self._caller, self._agents.current
        assert caller is not None
        if caller.down or (self._bridged and agent is not None and agent.down):
            self._end_line(now)
        elif self._answered and not (caller.ended_by_us or self._bridged or self._agents.ringing):
            self._apologise(now)
        state = "over" if caller.down else "up" if self._answered else "ringing"
        self._rejoin.pass_time(state, now)

    def _apologise(self, now: float) -> None:
        """Nobody will come to this caller any more: say so where there is a prompt, then hang up."""
        assert self._caller is not None
        if self._prompts.media is not None:
            return  # it is being said, or another prompt is heard to its end first
        path = self._settings.problem_wav
        if not path or self._prompts.play(PROBLEM_PLAY, path, False, now):
            self._caller.end(UNAVAILABLE)

    def _close_when_done(self, now: float) -> None:
        if self._ending_at is None or self._closed_at is not None:
            return
        capture_over = self._recorders.stage in NO_CAPTURE
        legs_over = all(leg.down for leg in self._legs)
        if (capture_over and legs_over) or now >= self._ending_at:
            self._closed_at = now
            self._ending_at = None
            self._endpoint.stop_clock()
            self._tell(line.LineClosed("ended"))

    def _tell(self, event: line.LineEvent) -> None:
        if not self._orphaned:
            self._channel.send(line.encode(event))
