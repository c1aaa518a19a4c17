"""The promise, proved over every reachable state, and the proof proved by breaking the flow."""

from __future__ import annotations

import inspect
import types

import pytest

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
    ('self.stop_capture("transferred")', "pass"),
    ('self.stop_capture("hangup")', "pass"),
    ("if self.call.consent is Consent.STORING and note == self.call.notes:", "if True:"),
    (
        "if self.call.consent is Consent.STORING and note == self.call.notes:",
        "if self.call.consent is Consent.STORING:",
    ),
]


def weakened(old: str, new: str) -> types.ModuleType:
    source = inspect.getsource(flow_module)
    assert old in source, f"the guard {old!r} is no longer in the source: name the new one here"
    module = types.ModuleType("weakened_flow")
    exec(compile(source.replace(old, new), "weakened_flow.py", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize(("old", "new"), MUTATIONS)
def test_weakening_a_guard_is_noticed(old: str, new: str) -> None:
    step = weakened(old, new).step
    assert any(violations(step, FLOWS[name], enough=1)[0] for name in ("agent", "announced"))


def test_the_rules_of_the_key_are_pinned() -> None:
    """The window's rules decide what is accepted: every line that says no is in one short function."""
    assert inspect.getsource(keys_module.judge).count('return "candidate"') == 1
