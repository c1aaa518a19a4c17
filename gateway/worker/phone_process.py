"""The test phone's process: a `PhoneScript` acted out on pjsua2, a timeline on standard output."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pjsua2 as pj

from gateway.callflow.messages import Leg
from gateway.worker.dtmf import Press
from gateway.worker.endpoint import SAMPLE_RATE_HZ, SipEndpoint, at_the_edge, silence_path
from gateway.worker.legs import Account, CallLeg
from gateway.worker.patch import Connections, PatchPanel
from gateway.worker.phone import PhoneScript
from gateway.worker.settings import WorkerSettings
from gateway.worker.sip_text import read_invite

_CODEC_IDS = {"PCMA": "PCMA/8000", "PCMU": "PCMU/8000", "G722": "G722/16000"}
RINGING, PROGRESS, BUSY = 180, 183, 486
TONE_MS, TONE_VOLUME = 100, 8000  # of each of the two tones, as its peak in 16-bit samples
LEAVE_S = 0.3  # for the last responses


class _Leg(CallLeg):
    """A leg that may do without RFC 4733 events."""

    events = True

    @at_the_edge
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:
        if not self.events:
            prm.sdp.wholeSdp = _without_events(prm.sdp.wholeSdp)


def _without_events(sdp: str) -> str:
    """A session description without telephone-event."""
    for payload in re.findall(r"^a=rtpmap:(\d+) telephone-event/", sdp, re.MULTILINE | re.IGNORECASE):
        sdp = re.sub(rf"^a=(?:rtpmap|fmtp):{payload} [^\n]*\n", "", sdp, flags=re.MULTILINE)
        sdp = re.sub(rf"^(m=audio [^\r\n]*?) {payload}(?=[ \r\n])", r"\1", sdp, flags=re.MULTILINE)
    return sdp


class _Phone:
    """One call at a time; `CallLeg`'s listener."""

    def __init__(self, script: PhoneScript, ordered: bool) -> None:
        self._script = script
        self._start = time.monotonic()
        settings = WorkerSettings(
            rtp_address=script.address,
            rtp_port_min=script.rtp_port_min,
            rtp_port_max=script.rtp_port_max,
            log_level=script.log_level,
        )
        self._endpoint = SipEndpoint(
            settings,
            address=script.address,
            port=script.port,
            tcp=True,
            codecs=((_CODEC_IDS[script.codec], 255),),
        )
        self._account = Account(self.invited)
        self._account.create(self._endpoint.account_config(script.user, script.srtp))
        self._panel = PatchPanel()
        self._silence = self._player(silence_path(), loop=True)
        self._sound = self._player(script.play, script.loop) if script.play else self._silence
        self._said: list[pj.AudioMediaPlayer] = []
        self._tones: pj.ToneGenerator | None = None
        self._recorder: pj.AudioMediaRecorder | None = None
        self._legs: list[CallLeg] = []
        self._leg: CallLeg | None = None
        self._todo: list[tuple[float, Callable[[], None]]] = []
        self._input = b""
        self._ordered = ordered
        self._listening = True
        self._left: float | None = None
        self._taken = 0
        self._answered = False

    def run(self) -> None:
        os.set_blocking(0, False)
        self.tell("ready", port=self._endpoint.port)
        if self._script.uri:
            self._dial()
        while self._left is None or time.monotonic() < self._left:
            now = time.monotonic()
            due = min([at for at, _ in self._todo] + [now + 0.02 if self._leg else now + 0.1])
            self._endpoint.handle(due - now)
            self._read_orders()
            now = time.monotonic()
            ready = [entry for entry in self._todo if entry[0] <= now]
            self._todo = [entry for entry in self._todo if entry[0] > now]
            for _, act in sorted(ready, key=lambda entry: entry[0]):
                act()
        self._endpoint.stop_clock()
        self._recorder = None
        del self._silence, self._sound, self._tones
        self._said.clear()
        self.tell("bye")
        if not all(leg.down for leg in self._legs):
            self._endpoint.libDestroy()  # takes a second, in which the last messages are repeated

    def tell(self, event: str, **fields: Any) -> None:
        at = round(time.monotonic() - self._start, 4)
        sys.stdout.write(json.dumps({"at": at, "event": event, **fields}) + "\n")
        sys.stdout.flush()

    # --- legs ---------------------------------------------------------------------------------------

    def _new_leg(self, call_id: int) -> CallLeg:
        leg = _Leg(self._account, self, Leg.AGENT, call_id)
        leg.events = self._script.events
        self._legs.append(leg)
        return leg

    def invited(self, call_id: int, text: str, source: str) -> None:
        leg = self._new_leg(call_id)
        if self._leg is not None or self._left is not None:
            leg.end(BUSY)
            return
        self._begin(leg)
        script = self._script
        leg.reply(PROGRESS if script.early_media else RINGING)
        caller = read_invite(text)
        self.tell("ringing", status=RINGING, **{"from": caller.caller_uri, "dialled": caller.dialled})
        if script.reply == 200:
            self._later(script.ring_s, lambda: leg.reply(200))
        elif script.reply:
            self._later(script.ring_s, lambda: leg.end(script.reply))

    def leg_ringing(self, leg: CallLeg) -> None:
        if self._script.uri:
            self.tell("ringing", status=int(leg.getInfo().lastStatusCode))

    def leg_up(self, leg: CallLeg) -> None:
        if leg is not self._leg:
            return
        self._answered = True
        self.tell("answered", status=200, codec=leg.codec)
        script = self._script
        for key in script.keys:
            self._later(key.at_s, partial(self._press, key.digit, key.method))
        for at, act in (
            (script.hold_s, self._hold),
            (script.resume_s, self._resume),
            (script.hang_up_s, lambda: leg.end()),
        ):
            if at is not None:
                self._later(at, act)

    def leg_media(self, leg: CallLeg, renewed: bool) -> None:
        if leg is not self._leg:
            return
        if renewed:
            self._panel.dropped("line")
        if leg.held != leg.held_told:
            leg.held_told = leg.held
            self.tell("held" if leg.held else "resumed")
        self._connect(leg)
        if not self._answered and self._script.uri and leg.getInfo().state == pj.PJSIP_INV_STATE_EARLY:
            self.tell("early_media")

    def _connect(self, leg: CallLeg) -> None:
        if leg.port is None:
            return
        wanted: Connections = {}
        wanted["sound", "line"] = (self._sound, leg.port)
        if self._tones is not None:
            wanted["tones", "line"] = (self._tones, leg.port)
        if self._recorder is not None:
            wanted["silence", "recorder"] = (self._silence, self._recorder)
            wanted["line", "recorder"] = (leg.port, self._recorder)
        self._panel.connect(wanted)

    def leg_pressed(self, leg: CallLeg, presses: list[Press]) -> None:
        for press in presses:
            self.tell("digit", digit=press.digit, method=press.method.value)

    def leg_down(self, leg: CallLeg) -> None:
        if leg is not self._leg:
            return
        self.tell("ended", status=leg.status, by_us=leg.ended_by_us)
        self._panel.dropped("line")
        self._panel.disconnect("recorder")
        self._recorder = None
        self._leg = None
        self._todo.clear()
        self._taken += 1
        if self._script.uri or self._taken == self._script.calls:
            self._left = time.monotonic() + LEAVE_S

    # --- acts -----------------------------------------------------------------------------------------

    def _dial(self) -> None:
        leg = self._new_leg(-1)
        self._begin(leg)
        if not leg.dial(self._script.uri, ""):
            self.tell("ended", status=0, by_us=True)
            self._left = time.monotonic()
            return
        self.tell("dialled")
        if self._script.cancel_s is not None:
            self._later(self._script.cancel_s, lambda: None if leg.up else leg.end())

    def _begin(self, leg: CallLeg) -> None:
        self._leg = leg
        self._answered = False
        self._endpoint.start_clock()
        if self._script.record:
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(self._script.record)
            self._panel.connect({("silence", "recorder"): (self._silence, self._recorder)})

    def _press(self, digit: str, method: str) -> None:
        leg = self._leg
        if leg is None:
            return
        if method in ("rfc4733", "both"):
            leg.dialDtmf(digit)
        if method in ("info", "both"):
            info = pj.CallSendDtmfParam()
            info.method = pj.PJSUA_DTMF_METHOD_SIP_INFO
            info.digits = digit
            leg.sendDtmf(info)
        if method == "inband":
            self._sound_key(leg, digit)
        self.tell("key", digit=digit, method=method)

    def _sound_key(self, leg: CallLeg, digit: str) -> None:
        """Let the other side hear the tones of a key."""
        if self._tones is None:
            self._tones = pj.ToneGenerator()
            self._tones.createToneGenerator(SAMPLE_RATE_HZ, 1)
        tone = pj.ToneDigit()
        tone.digit, tone.on_msec, tone.off_msec, tone.volume = digit, TONE_MS, TONE_MS, TONE_VOLUME
        tones = pj.ToneDigitVector()
        tones.append(tone)
        self._connect(leg)
        self._tones.playDigits(tones)

    def _say(self, path: str) -> None:
        """Play a file once, in place of what is heard now."""
        self._said.append(self._sound)  # kept: the clock may be reading it
        self._sound = self._player(path, loop=False)
        if self._leg is not None:
            self._connect(self._leg)
        self.tell("say")

    def _hold(self) -> None:
        if self._leg is not None:
            self._leg.setHold(pj.CallOpParam(True))
            self.tell("hold")

    def _resume(self) -> None:
        if self._leg is not None:
            ask = pj.CallOpParam(True)
            ask.opt.flag = pj.PJSUA_CALL_UNHOLD
            ask.opt.audioCount, ask.opt.videoCount = 1, 0
            self._leg.reinvite(ask)
            self.tell("resume")

    def _refresh(self, by_update: bool) -> None:
        """What a session refresh is: the same offer again."""
        if self._leg is not None:
            ask = pj.CallOpParam(True)
            ask.opt.audioCount, ask.opt.videoCount = 1, 0
            (self._leg.update if by_update else self._leg.reinvite)(ask)
            self.tell("refresh")

    def _refer(self, uri: str) -> None:
        if self._leg is not None:
            self._leg.on_refer = lambda status: self.tell("refer", status=status)
            self._leg.xfer(uri, pj.CallOpParam(True))

    def _leave(self) -> None:
        if self._leg is not None:
            self._leg.end()
        self._left = time.monotonic() + LEAVE_S

    def _read_orders(self) -> None:
        if not self._listening:
            return
        try:
            data = os.read(0, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._listening = False
            if self._ordered and self._left is None:
                self._leave()  # who gave the orders is gone
            return
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            match order.pop("do"):
                case "press":
                    self._press(order["digit"], order.get("method", "rfc4733"))
                case "say":
                    self._say(order["file"])
                case "hold":
                    self._hold()
                case "resume":
                    self._resume()
                case "reinvite":
                    self._refresh(by_update=False)
                case "update":
                    self._refresh(by_update=True)
                case "hang_up" if self._leg is not None:
                    self._leg.end()
                case "refer":
                    self._refer(order["uri"])
                case "leave":
                    self._leave()

    def _later(self, after_s: float, act: Callable[[], None]) -> None:
        self._todo.append((time.monotonic() + after_s, act))

    def _player(self, path: str, loop: bool) -> pj.AudioMediaPlayer:
        player = pj.AudioMediaPlayer()
        player.createPlayer(path, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        return player


def run(script: PhoneScript, ordered: bool) -> None:
    """Act out a script; does not return: pjsua2 must be left by `os._exit`.

    `ordered`: somebody gives orders on standard input, and the phone leaves when they are gone.
    """
    status = 1
    try:
        _Phone(script, ordered).run()
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)
