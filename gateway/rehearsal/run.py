"""`rehearse(scenario, ...)`: tell the story, ask the questions, compare with what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.callflow.settings import FlowSettings, IvrSettings
from gateway.rehearsal.telephone import Telephone
from storage.policy import answers
from storage.policy import events as e
from storage.policy import scenario as s
from storage.policy.access import Access
from storage.policy.apply import apply
from storage.policy.book import Book, Refused
from storage.policy.expectations import failures
from storage.policy.requests import took_part
from storage.policy.settings import PolicySettings, overlaid

TELEPHONE_EVENTS = (
    s.CallBegins,
    s.PromptBegins,
    s.KeyEnds,
    s.AgentAnswers,
    s.OfferedAgain,
    s.TransferredExternal,
    s.CallEnds,
)
FLOWS = (
    FlowSettings("customer", connect="sip:agent@invalid"),
    FlowSettings("message", connect=None),
    FlowSettings("investigator", connect="sip:agent@invalid", announced=True),
)


@dataclass(frozen=True)
class Failure:
    """An expectation that did not hold."""

    question: s.Question
    key: str
    expected: Any
    found: Any


@dataclass(frozen=True)
class Outcome:
    """The answers in the order of the questions, and the expectations that did not hold."""

    answers: tuple[answers.Answer, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class _Refusal:
    at: datetime
    event: str
    why: str


def rehearse(
    scenario: s.Scenario,
    policy: PolicySettings | None = None,
    ivr: IvrSettings | None = None,
    flows: Iterable[FlowSettings] = (),
) -> Outcome:
    """Run the story and answer its questions. The scenario's settings come before those given.

    `flows` are those of the configuration; a flow that neither it nor `FLOWS` knows is one with an
    agent, like "customer".
    """
    stage = _Stage(scenario, policy or PolicySettings(), ivr, flows)
    found: dict[int, answers.Answer] = {}
    asked = enumerate(scenario.questions)
    waiting = sorted((q.at, number) for number, q in asked if q.kind != "refused" and q.at is not None)
    for told in (*scenario.events, None):
        while waiting and (told is None or waiting[0][0] < told.at):
            at, number = waiting.pop(0)
            found[number] = stage.answer(scenario.questions[number], at)
        if told is not None:
            stage.tell(told)
    for number, question in enumerate(scenario.questions):
        if question.kind == "refused":
            found[number] = stage.refused(question.at)
    ordered = tuple(found[number] for number in range(len(scenario.questions)))
    return Outcome(ordered, tuple(_failures(scenario.questions, ordered)))


class _Stage:
    """The telephone and the book, and how what happens reaches both."""

    def __init__(
        self,
        scenario: s.Scenario,
        policy: PolicySettings,
        ivr: IvrSettings | None,
        flows: Iterable[FlowSettings],
    ) -> None:
        overrides = scenario.settings.get("ivr", {})
        known = {flow.name: flow for flow in FLOWS}
        if ivr is not None:
            known = {name: replace(flow, ivr=ivr) for name, flow in known.items()}
        known.update({flow.name: flow for flow in flows})
        known = {name: replace(flow, ivr=overlaid(flow.ivr, overrides)) for name, flow in known.items()}
        self.book = Book(overlaid(policy, scenario.settings.get("policy", {})))
        self.telephone = Telephone(known, self.decide, _investigators(scenario))
        self.refusals: list[_Refusal] = []

    def tell(self, told: s.Told) -> None:
        """One event of the story happens."""
        self.advance(told.at)
        if isinstance(told.event, TELEPHONE_EVENTS):
            try:
                self.telephone.tell(told.event, told.at)
            except Refused as refused:
                self.refusals.append(_Refusal(told.at, told.name, str(refused)))
            return
        refusals = apply(self.book, told.event, told.at)
        self.refusals += [_Refusal(told.at, told.name, why) for why in refusals]
        self._tell_telephone(told.event, told.at)

    def advance(self, at: datetime) -> None:
        """What is due by `at` happens: prompts end, keys come to count."""
        self.refusals += [_Refusal(when, "key", why) for when, why in self.telephone.advance(at)]

    def decide(self, event: e.PolicyEvent, at: datetime) -> None:
        """What the flow decided becomes an event of the policy."""
        refusals = apply(self.book, event, at)
        if refusals:
            raise Refused("; ".join(refusals))

    def _tell_telephone(self, event: e.PolicyEvent, at: datetime) -> None:
        """Calls that go on hear of withdrawals, and of recordings that may not be kept."""
        withdrawn: tuple[str, ...] = ()
        if isinstance(event, e.Withdrawn):
            withdrawn = event.calls
        elif isinstance(event, e.RightsRequest) and (event.withdraws or event.kind == "erasure"):
            withdrawn = tuple(c for c in event.calls if took_part(self.book, event.requester, c))
        for call in withdrawn:
            if (file := self.book.calls.get(call)) is not None and file.withdrawn_at is not None:
                self.telephone.withdraw(call, getattr(event, "channel", "letter"), at)
        for file in self.book.calls.values():
            if file.ended_at is None and not file.recording:
                self.telephone.stop(file.call, at)

    def answer(self, question: s.Question, at: datetime) -> answers.Answer:
        """The answer to a question about the instant `at`, which is now."""
        self.advance(at)
        if isinstance(question.about, Access):
            return answers.access_answer(self.book, question.about, at)
        about = question.about or ""
        if question.kind == "request":
            return answers.request_answer(self.book, about, at)
        return answers.artifact_answer(self.book, about, at)

    def refused(self, at: datetime | None) -> answers.Answer:
        """Every event refused up to `at` (None: the end of the story)."""
        refusals = [r for r in self.refusals if at is None or r.at <= at]
        return {"refused": [{"at": answers.instant(r.at), "event": r.event, "why": r.why} for r in refusals]}


def _investigators(scenario: s.Scenario) -> frozenset[str]:
    """The calls in which an investigator records: nobody is asked for a key in them (R-41)."""
    recorded = {
        told.event.call for told in scenario.events if isinstance(told.event, e.InvestigatorRecording)
    }
    asked = {told.event.call for told in scenario.events if isinstance(told.event, s.PromptBegins)}
    return frozenset(recorded - asked)


def _failures(questions: tuple[s.Question, ...], found: tuple[answers.Answer, ...]) -> Iterable[Failure]:
    for question, answer in zip(questions, found, strict=True):
        expected: Mapping[str, Any] = question.expect or {}
        for key in failures(expected, answer):
            shown = answer.get("grounds") if key in ("no_grounds", "lawful_basis") else answer.get(key)
            yield Failure(question, key, expected[key], shown)
