"""Whatever happens, in whatever order: what must hold of grounds, lives and readers.

Random stories of calls, requests, complaints, cases, withdrawals, samples and jumps of the clock; after
each event the book is compared with a second, deliberately simple account of what may be so.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.model import ArtifactKind, GroundName
from storage.policy import events as e
from storage.policy import grounds as g
from storage.policy.access import Access, decide
from storage.policy.apply import apply
from storage.policy.book import Book, Holding
from storage.policy.clocks import local_date
from storage.policy.settings import (
    InvestigationSettings,
    PolicySettings,
    RetentionSettings,
    RightsSettings,
    WithdrawalSettings,
)

BEGIN = datetime(2025, 1, 15, 9, tzinfo=timezone.utc)
CALLS, REQUESTS, COMPLAINTS, CASES = ("c1", "c2", "c3"), ("r1", "r2"), ("k1", "k2"), ("s1", "s2")
WORKING_ROLES = ("QA", "ANALYST", "CASEDOC")

calls = st.sampled_from(CALLS)
some_calls = st.lists(calls, max_size=3, unique=True).map(tuple)
requests, complaints, cases = st.sampled_from(REQUESTS), st.sampled_from(COMPLAINTS), st.sampled_from(CASES)
parts = st.sampled_from([("audio",), ("transcript",), e.PARTS])
reasons = st.sampled_from(["because", "because", ""])
dates = st.dates(date(2025, 1, 1), date(2029, 12, 31))
kinds = st.sampled_from(["access", "erasure", "rectification", "restriction", "objection"])

EVENTS = st.one_of(
    st.builds(e.CallArrived, calls),
    st.builds(e.ConsentGiven, calls),
    st.builds(e.RecordingStarted, calls),
    st.builds(e.RecordingStopped, calls),
    st.builds(e.Declined, calls),
    st.builds(e.CallEnded, calls),
    st.builds(e.Transcribed, calls),
    st.builds(e.Derived, calls, st.just("summary")),
    st.builds(e.SpecialCategory, calls),
    st.builds(e.Withdrawn, some_calls),
    st.builds(e.RightsRequest, requests, kinds, some_calls, withdraws=st.booleans()),
    st.builds(e.RightsAnswered, requests, st.booleans()),
    st.builds(e.ComplaintReceived, complaints, some_calls),
    st.builds(e.ComplaintDecided, complaints, st.booleans(), parts, reasons),
    st.builds(e.ComplaintClosed, complaints),
    st.builds(e.LimitationConfirmed, complaints, st.none(), st.one_of(st.none(), dates)),
    st.builds(e.LimitationConfirmed, st.none(), cases, st.one_of(st.none(), dates)),
    st.builds(e.Forwarded, cases, some_calls, reasons),
    st.builds(e.InvestigatorRecording, calls, cases),
    st.builds(e.InvestigationDecided, cases, st.booleans()),
    st.builds(e.InvestigationExtended, cases, parts, dates, reasons, st.just("INSPECTOR"), st.just("LEGAL")),
    st.builds(e.Sampled, st.sampled_from(["p1", "p2", "p3"]), some_calls),
    st.builds(e.Restored, st.just(BEGIN)),
    st.builds(e.AuthorityOrdered, st.just("o1"), some_calls),
    st.builds(e.AuthorityLifted, st.just("o1")),
)
RECORDED: tuple[tuple[float, Any], ...] = tuple(
    (0.001, event)
    for call in ("c1", "c2")
    for event in (e.CallArrived(call), e.ConsentGiven(call), e.RecordingStarted(call), e.Transcribed(call))
)
JUMPS = st.sampled_from([0.0, 0.01, 1.0, 5.0, 13.0, 30.0, 200.0])
STORIES = st.lists(st.tuples(JUMPS, EVENTS), max_size=25).map(lambda story: [*RECORDED, *story])
POLICIES = st.builds(
    lambda counted, anchor, delete, scope, held: PolicySettings(
        retention=RetentionSettings(day_count=counted, anchor=anchor),
        withdrawal=WithdrawalSettings(delete_existing=delete, midcall_delete_partial=delete),
        investigation=InvestigationSettings(no_action_scope=scope),
        rights=RightsSettings(on_withdrawal=held),
    ),
    st.sampled_from(["calendar", "exact_24h"]),
    st.sampled_from(["recording_started_at", "ended_at"]),
    st.booleans(),
    st.sampled_from(["all_copies", "inspector_copy_only"]),
    st.sampled_from(["release_after_fulfilment", "keep"]),
)
# What adds life, and what only ever takes it.
HOLDS = (e.ComplaintReceived, e.AuthorityOrdered)
ENDS = (e.Withdrawn, e.ComplaintClosed, e.AuthorityLifted, e.Restored, e.SpecialCategory, e.Sampled)


class Account:
    """The simple second account: who consented and withdrew, who was ever recorded, what is gone."""

    def __init__(self) -> None:
        self.gone: set[int] = set()
        self.transcript_decisions: set[str] = set()

    def hear(self, book: Book, event: Any, refused: bool) -> None:
        if refused:
            return
        if isinstance(event, e.ComplaintDecided) and event.keep and "transcript" in event.scope:
            self.transcript_decisions.add(event.complaint)
        if isinstance(event, e.InvestigationExtended) and "transcript" in event.artifacts:
            self.transcript_decisions.add(event.case)


def every(book: Book) -> list[Holding]:
    return [holding for name in book.names() for holding in book.versions(name)]


def readers(book: Book, name: str, at: datetime) -> set[tuple[str, str, str]]:
    asked = [(role, "x") for role in (*WORKING_ROLES, "COMPLIANCE")]
    asked += [("INSPECTOR", case) for case in CASES] + [("COMPLAINT", complaint) for complaint in COMPLAINTS]
    return {
        (role, case, purpose)
        for role, case in asked
        for purpose in ("training", "investigation", "complaint")
        if decide(book, Access(role, name, purpose, case), at).allowed
    }


def life(book: Book, at: datetime) -> dict[int, tuple[Holding, datetime | None]]:
    found: dict[int, tuple[Holding, datetime | None]] = {}
    for holding in every(book):
        if holding.part in e.PARTS and book.exists(holding, at):
            found[id(holding)] = holding, g.expires_at(g.active(book.grounds(holding), at))
    return found


def longer(before: datetime | None, after: datetime | None) -> bool:
    return before is not None and (after is None or after > before)


def check(book: Book, account: Account, at: datetime) -> None:
    for holding in every(book):
        existing = book.exists(holding, at)
        if not existing:
            account.gone.add(id(holding))
        assert not (existing and id(holding) in account.gone), "what is gone came back"
        if holding.part not in e.PARTS:
            continue
        collected_on = {GroundName.CONSENT, GroundName.INV_TRIAGE}
        assert holding.grounds[0].ground in collected_on or holding.kind is ArtifactKind.TRANSCRIPT
        file = book.calls[holding.call or ""]
        if existing and holding.on_consent:
            evidence = book.living(f"{holding.call}/consent", at)
            assert evidence, "a recording without the evidence of its consent"
        may_work = any(decide(book, Access(r, holding.name, case="x"), at).allowed for r in WORKING_ROLES)
        if may_work:
            living = [h for h in book.living(holding.name, at) if h.on_consent]
            assert living and file.withdrawn_at is None
            first = min(h.recorded_at or at for h in living)
            assert file.recording or at < max(first, file.captured[-1][1] or at) + timedelta(days=31, hours=2)
    for call in CALLS:
        transcript, audio = f"{call}/transcript", f"{call}/audio"
        if book.living(transcript, at) and not book.living(audio, at):
            cases_of = {gr.case for h in book.living(transcript, at) for gr in g.active(h.grounds, at)}
            assert cases_of & account.transcript_decisions, "a transcript outlives its recording undecided"
        if not book.living(audio, at):
            assert not readers(book, audio, at)
            assert all(end is not None and end <= at for _, end in book.captured(call, at))


@given(STORIES, POLICIES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_story_breaks_the_promises(story: list[tuple[float, Any]], policy: PolicySettings) -> None:
    book, account, at = Book(policy), Account(), BEGIN
    for days, event in story:
        at += timedelta(days=days)
        check(book, account, at)
        read_before = {f"{c}/audio": readers(book, f"{c}/audio", at) for c in CALLS}
        life_before = life(book, at)
        refused = bool(apply(book, event, at))
        account.hear(book, event, refused)
        check(book, account, at)
        life_after = life(book, at)
        for key, (holding, before) in life_before.items():
            after = life_after.get(key)
            if isinstance(event, HOLDS):
                assert after is not None and not longer(after[1], before), "a hold took life"
            elif isinstance(event, ENDS) and after is not None:
                assert not longer(before, after[1]), f"{type(event).__name__} prolonged {holding.part}"
        if isinstance(event, (e.AuthorityOrdered, e.RightsRequest)):
            for name, before_readers in read_before.items():
                assert readers(book, name, at) <= before_readers, "a hold gave a purpose"
        if isinstance(event, e.ComplaintReceived):
            for name, before_readers in read_before.items():
                gained = readers(book, name, at) - before_readers
                assert {reader[:2] for reader in gained} <= {("COMPLAINT", event.complaint)}


@given(STORIES, st.integers(0, 2000))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_date_shown_is_the_date_kept(story: list[tuple[float, Any]], days: int) -> None:
    """When nothing more happens, an artifact is there through `until` and not a moment after."""
    book, at = Book(PolicySettings()), BEGIN
    for jump, event in story:
        at += timedelta(days=jump)
        apply(book, event, at)
    for holding in every(book):
        active = g.active(book.grounds(holding), at)
        if not active or (end := g.expires_at(active)) is None:
            continue
        assert book.exists(holding, end - timedelta(microseconds=1)) or end <= at
        assert not book.exists(holding, end)
        assert not book.exists(holding, end + timedelta(days=days))
        until = g.until(active)
        assert until is not None and local_date(end - timedelta(microseconds=1)) == until


@given(st.lists(st.tuples(JUMPS, EVENTS), max_size=12))
@settings(max_examples=60, deadline=None)
def test_without_consent_or_a_case_nothing_is_ever_recorded(story: list[tuple[float, Any]]) -> None:
    book, at = Book(PolicySettings()), BEGIN
    for days, event in story:
        at += timedelta(days=days)
        if isinstance(event, (e.ConsentGiven, e.InvestigatorRecording)):
            continue
        apply(book, event, at)
    assert not any(holding.part in e.PARTS for holding in every(book))
    assert not any(file.captured for file in book.calls.values())
