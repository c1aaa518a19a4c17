"""The promise, proved over every reachable state, and the proof proved by breaking the flow."""

from __future__ import annotations

import inspect
import sys
import types

import pytest

from gateway.callflow import asking, dialling, handover, turn
from gateway.callflow import flow as flow_module
from gateway.callflow import keys as keys_module
from tests.callflow.walk import FLOWS, violations


@pytest.mark.parametrize("name", FLOWS)
def test_every_reachable_state_and_event_keeps_the_promises(name: str) -> None:
    found, states = violations(flow_module.step, FLOWS[name])
    assert found == []
    assert states > 100, "the walk must go somewhere"
    print(f"{name}: {states} states")


# Each weakens one guard in the source; the walk must notice.
MUTATIONS = [
    ("call.consent in (Consent.GRANTED, Consent.CASE)", "True"),
    ("call.consent in (Consent.GRANTED, Consent.CASE)", "call.consent is not Consent.DENIED"),
    (
        "call.consent in (Consent.GRANTED, Consent.CASE)",
        "call.consent in (Consent.GRANTED, Consent.CASE, Consent.STORING)",
    ),
    (
        "call.consent in (Consent.GRANTED, Consent.CASE)",
        "call.consent in (Consent.GRANTED, Consent.CASE, Consent.WITHDRAWN)",
    ),
    ("consent=Consent.CASE if event.case else Consent.UNNAMED", "consent=Consent.CASE"),
    ("if case and self.call.consent is Consent.UNNAMED", "if case"),
    ("if case and self.call.consent is Consent.UNNAMED", "if case and self.call.consent is Consent.BARRED"),
    (
        "self.call.consent is Consent.UNNAMED and self.call.phase in TALKING_PHASES",
        "self.call.consent is Consent.UNNAMED",
    ),
    ("and call.capture is Capture.OFF\n", ""),
    ("and call.phase in TALKING_PHASES\n", ""),
    ("self.become(consent=Consent.STORING)", "self.become(consent=Consent.GRANTED)"),
    (
        'self.stop_capture("withdrawn")\n            self.become(consent=Consent.WITHDRAWN, candidate=None)',
        "self.become(consent=Consent.WITHDRAWN, candidate=None)",
    ),
    ('        self.stop_capture("transferred")\n        self.become(phase', "        self.become(phase"),
    ('self.stop_capture("hangup")', "pass"),
    ("if self.call.consent is Consent.STORING and note == self.call.notes:", "if True:"),
    (
        "if self.call.consent is Consent.STORING and note == self.call.notes:",
        "if self.call.consent is Consent.STORING:",
    ),
]


# The same for agents who are told first, and for calls that are handed over.
OF_AGENTS = [
    (
        "whisper",
        "        if self.ivr.whisper:\n            self.whisper_to(number)\n        else:",
        "        if True:",
    ),
    ("whisper", "and alone and not self.ivr.whisper", "and alone"),
    ("transfer", '        if not handover.company:\n            self.stop_capture("transferred")\n', ""),
    ("transfer", "phase=Phase.TALKING if handover.company else Phase.TRANSFERRED", "phase=Phase.TALKING"),
    ("transfer", '        self.pause("handover")\n', ""),
    ("transfer", "        self.ask(m.Unbridge())\n        ring_s", "        ring_s"),
]


# And where each purpose is asked for by itself.
OF_ROUNDS = [
    ("if len(self.call.answers) < len(self.prompts):", "if False:"),
    (
        "        if self.agreed():\n            self.become(consent=Consent.STORING)",
        "        if True:\n            self.become(consent=Consent.STORING)",
    ),
]


def weakened(old: str, new: str) -> types.ModuleType:
    """The flow with one guard weakened, in whichever of its modules it stands, and the others around it."""
    chain = (turn, asking, dialling, handover, flow_module)
    sources = {module.__name__: inspect.getsource(module) for module in chain}
    assert any(old in source for source in sources.values()), f"the guard {old!r} is gone: name the new one"
    kept = {name: sys.modules[name] for name in sources}
    try:
        for name, source in sources.items():
            module = sys.modules[name] = types.ModuleType(name)
            exec(compile(source.replace(old, new), f"weakened {name}", "exec"), module.__dict__)
        return module
    finally:
        sys.modules.update(kept)


@pytest.mark.parametrize(("old", "new"), MUTATIONS)
def test_weakening_a_guard_is_noticed(old: str, new: str) -> None:
    step = weakened(old, new).step
    assert any(violations(step, FLOWS[name], enough=1)[0] for name in ("agent", "announced"))


@pytest.mark.parametrize(("flow", "old", "new"), OF_AGENTS)
def test_weakening_what_protects_a_caller_from_other_agents_is_noticed(flow: str, old: str, new: str) -> None:
    assert violations(weakened(old, new).step, FLOWS[flow], enough=1)[0]


@pytest.mark.parametrize(("old", "new"), OF_ROUNDS)
def test_weakening_a_round_of_questions_is_noticed(old: str, new: str) -> None:
    assert violations(weakened(old, new).step, FLOWS["split"], enough=1)[0]


def test_the_rules_of_the_key_are_pinned() -> None:
    """The window's rules decide what is accepted: every line that says no is in one short function."""
    assert inspect.getsource(keys_module.judge).count('return "candidate"') == 1
