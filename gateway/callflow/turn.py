"""One step in the making: the call so far, the actions so far, and the few things every part does. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from gateway.callflow import messages as m
from gateway.callflow.settings import FlowSettings
from gateway.callflow.state import Call, Capture, Consent, Phase, Playing

PROMPT_START_S = 10.0
TALKING_PHASES = frozenset({Phase.TALKING, Phase.MESSAGE})


class Turn(ABC):
    """What `step` works with; the parts of the flow build on it (`asking`, `dialling`, `handover`)."""

    def __init__(self, call: Call, now: float, settings: FlowSettings) -> None:
        self.call = call
        self.now = now
        self.flow = settings
        self.ivr = settings.ivr
        self.actions: list[m.Action] = []

    # --- what one part asks of another ------------------------------------------------------------

    @abstractmethod
    def to_agent(self) -> None:
        """Connect the caller: the same way, whatever the answer was."""

    @abstractmethod
    def end(self, reason: str, gone: m.Leg | None = None) -> None:
        """The call is over; `gone` has left already."""

    def say_goodbye(self, prompt: str) -> None:
        """Nobody will speak with this caller any more: say why, then hang up."""
        self.stop_capture("ended")
        self.become(phase=Phase.GOODBYE, ring_until=None, candidate=None)
        self.play(prompt)

    # --- capture ----------------------------------------------------------------------------------

    def capture_if_permitted(self) -> None:
        """Promise 1: the only place that returns StartCapture."""
        call = self.call
        if (
            call.consent in (Consent.GRANTED, Consent.CASE)
            and call.capture is Capture.OFF
            and call.phase in TALKING_PHASES
            and not call.paused_by
        ):
            self.become(capture=Capture.ON)
            self.ask(m.StartCapture())

    def stop_capture(self, reason: str) -> None:
        """End the recording, if there is one."""
        if self.call.capture is Capture.ON:
            self.become(capture=Capture.OVER, paused_by=self.call.paused_by - {"agent"})
            self.ask(m.StopCapture(reason))

    def pause(self, by: str) -> None:
        """Record silence while `by` has not said `unpause`."""
        if not self.call.paused_by and self.call.capture is Capture.ON:
            self.ask(m.PauseCapture())
        self.become(paused_by=self.call.paused_by | {by})

    def unpause(self, by: str) -> None:
        """`by` is no reason for silence any more; another may still be one."""
        if by not in self.call.paused_by:
            return
        self.become(paused_by=self.call.paused_by - {by})
        if self.call.paused_by:
            return
        if self.call.capture is Capture.ON:
            self.ask(m.ResumeCapture())
        else:
            self.capture_if_permitted()

    # --- small --------------------------------------------------------------------------------------

    def become(self, **changes: object) -> None:
        """Change what is remembered of the call."""
        self.call = replace(self.call, **changes)  # type: ignore[arg-type]

    def ask(self, action: m.Action) -> None:
        """Ask for something to be done, after what was asked for before."""
        self.actions.append(action)

    def play(self, prompt: str, loop: bool = False) -> None:
        """Play a prompt to the caller in place of the one that runs."""
        self.stop_prompt()
        number = self.call.plays + 1
        self.become(plays=number, playing=Playing(number, prompt, self.now + PROMPT_START_S))
        self.ask(m.Play(number, prompt, loop))

    def stop_prompt(self) -> None:
        """Stop the prompt that the caller hears."""
        if self.call.playing is not None:
            self.ask(m.StopPlay(self.call.playing.play))
            self.become(playing=None)
