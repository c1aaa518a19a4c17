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
    AgentAnswered,
    AgentFailed,
    AgentRinging,
    CaptureFailed,
    DigitPressed,
    DtmfMethod,
    FailReason,
    Held,
    HungUp,
    Leg,
    MediaTimedOut,
    Resumed,
)
from gateway.calls import line
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
IDLE_S = 1.0
NO_CAPTURE = (Stage.NONE, Stage.SHUT, Stage.FAILED)
KEY_S, TALK_S = 0.02, 0.1  # how late a key may be noticed: before and after the legs are bridged


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
        self._recorders = Recorders(endpoint, self._silence)
        self._hearing = Hearing()
        self._caller: CallLeg | None = None
        self._agent: CallLeg | None = None
        self._legs: list[CallLeg] = []  # every leg there was: dropping one would hang it up
        self._answered = False
        self._fallback = ""
        self._bridged = False
        self._muted = False
        self._recording = "off"
        self._connect_at = 0.0
        self._ring_until: float | None = None
        self._ringing_for: CallLeg | None = None
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
        self._hearing.forget()
        del self._silence, self._recorders

    def _over(self, now: float) -> bool:
        if self._caller is None:
            return not self._channel.open or self._stop
        if self._closed_at is None:
            return False
        quiet = all(leg.down for leg in self._legs) and now >= self._closed_at + self._settings.linger_s
        return quiet or now >= self._closed_at + LAST_WAIT_S

    def _due(self, now: float) -> float | None:
        times = [self._prompts.due(now), self._recorders.due(now), self._ring_until, self._ending_at]
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
        for leg in self._legs:
            self.leg_pressed(leg, leg.digits.pass_time(now))
            leg.keep_peer(now)
        if self._agent is not None:
            self._agent.tell_recording(self._recording)
        if self._closed_at is None and self._caller.fell_silent(now):
            self._media_timed_out(now)
        for tone in self._hearing.take():
            digits = self._caller.digits
            self.leg_pressed(self._caller, digits.hear_tone(tone.digit, tone.duration_ms, LAG_MS, now))
        if self._ring_until is not None and now >= self._ring_until:
            self._no_answer()
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
            case line.Dial():
                self._dial(command, now)
            case line.TellRecording(recording):
                self._recording = recording
            case line.CancelDial():
                self._drop_agent()
            case line.BridgeLegs():
                self._bridged = True
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

    def _dial(self, command: line.Dial, now: float) -> None:
        if self._agent is not None and not self._agent.down:
            return
        agent = self._new_leg(Leg.AGENT, self._settings.agent_srtp)
        agent.recording = self._recording = command.recording
        if not agent.dial(command.uri, command.identity):
            self._tell(AgentFailed(FailReason.UNREACHABLE))
            return
        self._agent = self._ringing_for = agent
        self._ring_until = now + command.ring_timeout_s

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

    def _drop_agent(self) -> None:
        self._ring_until = self._ringing_for = None
        if self._agent is not None and not self._agent.up:
            self._agent.end()

    def _hang_up(self, leg: Leg, status: int) -> None:
        target = self._caller if leg is Leg.CALLER else self._agent
        if target is None:
            return
        if leg is Leg.AGENT:
            self._ring_until = self._ringing_for = None
        target.end(status or (0 if target.up else TEMPORARILY_UNAVAILABLE if leg is Leg.CALLER else 0))

    def _end_line(self, now: float) -> None:
        if self._ending_at is not None or self._closed_at is not None:
            return
        self._ending_at = now + HANG_UP_GRACE_S
        self._bridged = False
        self._prompts.stop(None, now)
        self._hearing.stop(now)
        self._shut_capture(now)
        self._hang_up(Leg.AGENT, 0)
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
        if leg is self._ringing_for:
            self._tell(AgentRinging(early_media=leg.port is not None))

    def leg_up(self, leg: CallLeg) -> None:
        if leg not in (self._caller, self._agent):
            return
        if leg.leg is Leg.AGENT:
            if leg is not self._ringing_for:  # answered while our CANCEL was under way
                leg.end()
                return
            self._ring_until = self._ringing_for = None
            if not leg.codec and not leg.held:  # no sound was agreed on: no SRTP where it is required
                leg.end()
                self._tell(AgentFailed(FailReason.UNREACHABLE))
                return
            self._tell(line.LegUp(Leg.AGENT, leg.codec, leg.takes_events))
            self._tell(AgentAnswered())
            if self._orphaned:
                self._prompts.stop(None, time.monotonic())
                self._bridged = True
        else:
            self._tell(line.LegUp(Leg.CALLER, leg.codec, leg.takes_events))
        self._connect(time.monotonic())

    def leg_media(self, leg: CallLeg, renewed: bool) -> None:
        if leg not in (self._caller, self._agent):
            return
        if renewed:
            self._panel.dropped(leg.leg.value)
        early = leg is self._ringing_for and leg.rang and leg.port is not None
        if early and not leg.early_media_told and not leg.answered:
            leg.early_media_told = True
            self._tell(AgentRinging(early_media=True))
        if leg.held != leg.held_told:
            leg.held_told = leg.held
            self._tell(Held(leg.leg) if leg.held else Resumed(leg.leg))
        self._connect(time.monotonic())

    def leg_down(self, leg: CallLeg) -> None:
        if leg not in (self._caller, self._agent):
            return
        self._panel.dropped(leg.leg.value)
        if leg.leg is Leg.AGENT and not leg.up and leg is self._ringing_for:
            self._ring_until = self._ringing_for = None
            self._tell(AgentFailed(leg.fail_reason()))
        elif not leg.ended_by_us and (leg.up or leg.leg is Leg.CALLER):
            self._tell(HungUp(leg.leg))
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
            other = self._agent if leg is self._caller else self._caller
            if self._bridged and not in_sound and other is not None and other.up and not other.down:
                other.press(press.digit)

    def _media_timed_out(self, now: float) -> None:
        if self._orphaned:
            self._end_line(now)
        self._tell(MediaTimedOut())

    def _no_answer(self) -> None:
        agent = self._ringing_for
        self._ring_until = self._ringing_for = None
        if agent is not None:
            agent.end()
            self._tell(AgentFailed(FailReason.NO_ANSWER if agent.rang else FailReason.UNREACHABLE))

    # --- sound ----------------------------------------------------------------------------------------

    def _connect(self, now: float) -> None:
        """Connect what should be connected now, and nothing else."""
        held = any(leg.held for leg in (self._caller, self._agent) if leg is not None)
        recording = not self._muted and not held and now >= self._connect_at
        wanted = wiring(
            caller=self._caller.port if self._caller else None,
            agent=self._agent.port if self._agent else None,
            prompt=self._prompts.media,
            silence=self._silence,
            recorders=self._recorders.media if recording else None,
            bridged=self._bridged,
            ears=self._hearing.media,
        )
        try:
            self._panel.connect(wanted)
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
        if self._answered and (self._agent is None or self._agent.down):
            self._fall_back(now)

    def _fall_back(self, now: float) -> None:
        """The caller still waits for an agent: call them all the same, unrecorded.

        The way there leads over the edge, so it works once the gateway is back (within SIP's 32 s).
        """
        uri, self._fallback = self._fallback, ""
        if uri:
            self._prompts.stop(None, now)
            self._dial(line.Dial(uri), now)
        if self._ringing_for is None:
            self._apologise(now)

    def _live_on(self, now: float) -> None:
        """Do the little that must be decided without a gateway, and report to the next one."""
        caller, agent = self._caller, self._agent
        assert caller is not None
        if caller.down or (self._bridged and agent is not None and agent.down):
            self._end_line(now)
        elif agent is not None and agent.down and not self._bridged and self._prompts.media is None:
            self._apologise(now)
        state = "over" if caller.down else "up" if self._answered else "ringing"
        self._rejoin.pass_time(state, now)

    def _apologise(self, now: float) -> None:
        """Nobody will come to this caller any more: say so where there is a prompt, then hang up."""
        assert self._caller is not None
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
