"""The two legs as pjsua2 sees them: what each SIP and media change means for the call.

A leg says what happened by calling its listener; it decides nothing. A REFER that reaches it is refused
(603): pjsua would dial the target by itself, unrecorded, and at our cost. Transfers are the call flow's; the
SIP front door takes up the REFER that asks for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import pjsua2 as pj

from gateway.callflow.messages import FailReason, Leg
from gateway.calls import line
from gateway.worker.dtmf import DtmfReader, Press
from gateway.worker.endpoint import at_the_edge
from gateway.worker.rtp import PeerSearch, Silence, address_of, keep_to

_BUSY = frozenset({486, 600})
_DECLINED = frozenset({403, 603, 607, 608})
_NO_ANSWER = frozenset({408, 480, 487})
_REASONS = {100: "Trying", 200: "OK", 503: "Service Unavailable"}
_ENDED_EVENT = 2  # PJMEDIA_STREAM_DTMF_IS_END
_UNKNOWN_DURATION = 0xFFFFFFFF  # PJSUA_UNKNOWN_DTMF_DURATION
_HELD_BY_REMOTE = pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
_WITH_SOUND = (pj.PJSUA_CALL_MEDIA_ACTIVE, _HELD_BY_REMOTE)


class LegListener(Protocol):
    """Who wants to know. All are called on the one thread."""

    def leg_ringing(self, leg: CallLeg) -> None:
        """A provisional response above 100 came."""

    def leg_up(self, leg: CallLeg) -> None:
        """The dialog is confirmed."""

    def leg_media(self, leg: CallLeg, renewed: bool) -> None:
        """`leg.held` may have changed, and `leg.port` when `renewed`: its old connections are gone."""

    def leg_pressed(self, leg: CallLeg, presses: list[Press]) -> None:
        """Keys were pressed and let go, each told once however it was signalled."""

    def leg_down(self, leg: CallLeg) -> None:
        """The dialog is over; `leg.status` says why."""


class Account(pj.Account):  # type: ignore[misc]
    """Where INVITEs arrive: `invited(call id of pjsua, text of the INVITE, address:port of its sender)`."""

    def __init__(self, invited: Callable[[int, str, str], None]) -> None:
        super().__init__()
        self._invited = invited

    @at_the_edge
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self._invited(int(prm.callId), str(prm.rdata.wholeMsg), str(prm.rdata.srcAddress))


class CallLeg(pj.Call):  # type: ignore[misc]
    """One dialog. Keep a reference until the process ends: dropping the last one hangs up."""

    def __init__(
        self,
        account: pj.Account,
        listener: LegListener,
        leg: Leg,
        call_id: int = -1,
        *,
        symmetric_rtp: bool = True,
        rtp_timeout_s: float = 0.0,
    ) -> None:
        super().__init__(account, call_id)
        self.leg = leg
        self.recording: str | None = None
        """What the other side is told of the recording: on, off, paused; None: nothing."""
        self.port: pj.AudioMedia | None = None
        """Where the leg's sound comes from and goes to; None while it has no media."""
        self.held = False
        self.held_told = False
        self.early_media_told = False
        self.rang = False
        self.up = False
        self.down = False
        self.ended_by_us = False
        self.status = 0
        self.digits = DtmfReader()
        self.on_refer: Callable[[int], None] = lambda status: None
        """Called with the status of a REFER that we sent (the test phone does)."""
        self._listener = listener
        self._renewed = False
        self._search = PeerSearch(symmetric_rtp)
        self._silence = Silence(rtp_timeout_s)
        self._receives = False

    # --- orders ---------------------------------------------------------------------------------

    def reply(self, status: int) -> None:
        """Answer the INVITE with `status`."""
        answer = pj.CallOpParam(True)
        answer.opt.audioCount = 1
        answer.opt.videoCount = 0
        answer.statusCode = status
        try:
            self.answer(answer)
        except pj.Error:
            return  # the caller was faster: CANCEL, or the dialog is over

    def dial(self, uri: str, identity: str) -> bool:
        """Send an INVITE. `identity`: URI shown as From ("" for our own). False: it could not be sent."""
        ask = pj.CallOpParam(True)
        ask.opt.audioCount = 1
        ask.opt.videoCount = 0
        if identity:
            ask.txOption.localUri = f"<{identity}>"
        self._add_headers(ask)
        try:
            self.makeCall(uri, ask)
        except pj.Error:
            self.down = True
            return False
        return True

    def end(self, status: int = 0) -> None:
        """BYE, CANCEL or a refusal, whichever fits."""
        if self.down:
            return
        self.ended_by_us = True
        end = pj.CallOpParam()
        if status and not self.up:
            end.statusCode = status
        try:
            self.hangup(end)
        except pj.Error:
            return  # it has just ended by itself

    def press(self, digit: str) -> None:
        """Send a key: RFC 4733 where the peer can, else SIP INFO."""
        try:
            self.dialDtmf(digit)
        except pj.Error:
            info = pj.CallSendDtmfParam()
            info.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
            info.digits = digit
            try:
                self.sendDtmf(info)
            except pj.Error:
                return  # the leg is on its way down

    def notify_refer(self, cseq: int, status: int) -> None:
        """Tell who sent a REFER with this CSeq how it goes (RFC 3515 section 2.4.4); 100: it goes on."""
        told = pj.CallSendRequestParam()
        told.method = "NOTIFY"
        event, state = pj.SipHeader(), pj.SipHeader()
        event.hName, event.hValue = "Event", f"refer;id={cseq}"
        state.hName = "Subscription-State"
        state.hValue = "active;expires=300" if status < 200 else "terminated;reason=noresource"
        headers = pj.SipHeaderVector()
        headers.append(event)
        headers.append(state)
        told.txOption.headers = headers
        told.txOption.contentType = "message/sipfrag;version=2.0"
        told.txOption.msgBody = f"SIP/2.0 {status} {_REASONS.get(status, 'Failed')}\r\n"
        try:
            self.sendRequest(told)
        except pj.Error:
            return  # it has hung up: it does not want to know

    def tell_recording(self, recording: str) -> None:
        """Tell the other side by UPDATE that recording is on, off or paused, if it takes UPDATE.

        UPDATE and not re-INVITE: that would drop what the leg is connected to.
        """
        if recording == self.recording or not self.up or self.down:
            return
        self.recording = recording
        try:
            if self.remoteHasCap(pj.PJSIP_H_ALLOW, "", "UPDATE") != pj.PJSIP_DIALOG_CAP_SUPPORTED:
                return
            ask = pj.CallOpParam(True)
            ask.opt.audioCount = 1
            ask.opt.videoCount = 0
            self._add_headers(ask)
            self.update(ask)
        except pj.Error:
            return  # another offer is under way

    def _add_headers(self, ask: pj.CallOpParam) -> None:
        if self.recording is not None:
            header = pj.SipHeader()
            header.hName, header.hValue = "X-Tast1-Recording", self.recording
            ask.txOption.headers.append(header)

    def keep_peer(self, now: float) -> None:
        """Once it is known where the sound comes from, let it come from nowhere else."""
        if self.down or not self._search.wanted(now):
            return
        try:
            transport = self.getMedTransportInfo(0)
            ours = address_of(transport.localRtpName)
            peer = self._search.look(address_of(transport.srcRtpName), now)
        except pj.Error:
            return
        if peer is not None and ours is not None:
            keep_to(ours[1], peer)

    def fell_silent(self, now: float) -> bool:
        """Whether no sound has come for so long that nobody can be there any more."""
        if not self.up or self.down or not self._silence.wanted(now):
            return False
        return self._silence.look(self.sound_stats().packets if self._receives else None, now)

    @property
    def codec(self) -> str:
        """Such as "PCMA/8000", as SDP names it (G722 is called 8000 there)."""
        try:
            stream = self.getStreamInfo(0)
        except pj.Error:
            return ""
        rate = 8000 if stream.codecName.upper() == "G722" else stream.codecClockRate
        return f"{stream.codecName}/{rate}"

    @property
    def sip_call_id(self) -> str:
        """The Call-ID of the dialog."""
        return str(self.getInfo().callIdString)

    @property
    def takes_events(self) -> bool:
        """Whether RFC 4733 events were agreed on: the other side can signal keys apart from the sound."""
        try:
            return int(self.getStreamInfo(0).audTxEventPt) > 0
        except pj.Error:
            return False

    def sound_stats(self) -> line.SoundStats:
        """What has come of the other side's sound so far (RFC 3550 section 6.4.1)."""
        try:
            came = self.getStreamStat(0).rtcp.rxStat
            return line.SoundStats(
                self.leg, int(came.pkt), int(came.loss), round(came.jitterUsec.mean / 1000)
            )
        except pj.Error:
            return line.SoundStats(self.leg, 0, 0, 0)

    @property
    def answered(self) -> bool:
        """Whether a 200 was sent or received."""
        return bool(self.getInfo().state >= pj.PJSIP_INV_STATE_CONNECTING)

    def fail_reason(self) -> FailReason:
        """What the last SIP status means for a caller who waits for this leg."""
        if self.status in _BUSY:
            return FailReason.BUSY
        if self.status in _DECLINED:
            return FailReason.DECLINED
        if self.status in _NO_ANSWER and self.rang:
            return FailReason.NO_ANSWER
        return FailReason.UNREACHABLE

    # --- what pjsua2 tells ------------------------------------------------------------------------

    @at_the_edge
    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY and self.leg is Leg.AGENT and not self.rang:
            self.rang = True
            self._listener.leg_ringing(self)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.up:
            self.up = True
            self._listener.leg_up(self)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED and not self.down:
            self.status = int(info.lastStatusCode)
            self.down = True
            self.port = None
            self._listener.leg_down(self)

    @at_the_edge
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        info = self.getInfo()
        audio = next((m for m in info.media if m.type == pj.PJMEDIA_TYPE_AUDIO), None)
        status = pj.PJSUA_CALL_MEDIA_NONE if audio is None else audio.status
        self.held = status == _HELD_BY_REMOTE
        active = audio is not None and status == pj.PJSUA_CALL_MEDIA_ACTIVE
        self._receives = audio is not None and active and bool(audio.dir & pj.PJMEDIA_DIR_DECODING)
        renewed, self._renewed = self._renewed, False
        if renewed or self.port is None or status not in _WITH_SOUND:
            renewed = True
            self.port = self._fetch_port() if status in _WITH_SOUND else None
        self._look_for_peer()
        self._listener.leg_media(self, renewed)

    @at_the_edge
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:
        if self.recording is not None:  # at the end: an attribute of the one media line (RFC 7866 §6.2)
            prm.sdp.wholeSdp = f"{prm.sdp.wholeSdp}a=record:{self.recording}\r\n"

    @at_the_edge
    def onStreamCreated(self, prm: pj.OnStreamCreatedParam) -> None:
        self._renewed = True  # a stream of its own slot: the old one went with all connections

    def _look_for_peer(self) -> None:
        try:
            told = address_of(self.getStreamInfo(0).remoteRtpAddress)
            ours = address_of(self.getMedTransportInfo(0).localRtpName)
        except pj.Error:
            return  # no stream
        if self._search.begin(told) and ours is not None:
            keep_to(ours[1], None)

    def _fetch_port(self) -> pj.AudioMedia | None:
        try:
            return self.getAudioMedia(-1)
        except pj.Error:
            return None  # held with `inactive`: no sound either way

    @at_the_edge
    def onDtmfEvent(self, prm: pj.OnDtmfEventParam) -> None:
        now = time.monotonic()
        duration_ms = int(prm.duration) if prm.duration != _UNKNOWN_DURATION else None
        if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO:
            presses = self.digits.hear_info(prm.digit, now, duration_ms)
        else:
            ended = bool(prm.flags & _ENDED_EVENT)
            presses = self.digits.hear_event(prm.digit, int(prm.timestamp), ended, now, duration_ms)
        self._listener.leg_pressed(self, presses)

    @at_the_edge
    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @at_the_edge
    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @at_the_edge
    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        self.on_refer(int(prm.statusCode))
