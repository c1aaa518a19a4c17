"""The state machine: all that can happen to an archive, at random, each step held against the oracle."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from storage.model import CaseKind
from storage.policy.book import Refused
from tests.casework.archive import IN_CALL, Archive
from tests.casework.oracle import CONTENT, MOMENT, READERS, Oracle, Thing, day_of

BEGINNINGS = (
    datetime(2025, 1, 15, 9, tzinfo=timezone.utc),
    datetime(2024, 2, 28, 22, 30, tzinfo=timezone.utc),  # before a leap day
    datetime(2025, 2, 27, 22, 59, 30, tzinfo=timezone.utc),  # half a minute before midnight in Copenhagen
    datetime(2025, 9, 26, 12, tzinfo=timezone.utc),  # thirty days before the clocks go back
)
JUMPS = (
    *(timedelta(hours=hours) for hours in (1, 2, 11, 25)),
    *(timedelta(days=days) for days in (1, 2, 3, 5, 7, 13, 29, 31, 200, 366)),
)
SETTINGS: tuple[dict[str, Any], ...] = (
    {"retention.callcenter_days": 10},
    {"retention.callcenter_days": 30},
    {"retention.day_count": "exact_24h"},
    {"retention.day_count": "calendar"},
    {"retention.anchor": "ended_at"},
    {"retention.anchor": "recording_started_at"},
    {"rights.doc_hold_clock": "review_completed"},
    {"rights.doc_rounding": "calendar_year_end"},
    {"rights.on_withdrawal": "keep"},
    {"rights.on_withdrawal": "release_after_fulfilment"},
    {"complaint.freeze_days": 3},
    {"complaint.end_rule": "at_final_closure"},
    {"complaint.end_rule": "closure_plus_3y"},
    {"complaint.end_rule": "max_closure_limitation"},
    {"investigation.triage_days": 5},
    {"investigation.triage_days": 40},
    {"investigation.no_action_scope": "inspector_copy_only"},
    {"investigation.no_action_scope": "all_copies"},
    {"withdrawal.delete_existing": False},
    {"withdrawal.delete_existing": True},
    {"sampling.exclude_special_category": False},
)
SCOPES = (("audio", "transcript"), ("audio",), ("transcript",))
KINDS = ("access", "erasure", "rectification", "restriction", "objection")
ROLES = (
    *("QA", "ANALYST", "CASEDOC", "RIGHTS", "COMPLAINT", "INSPECTOR", "COMPLIANCE", "LEGAL", "DPO"),
    *("AGENT", "SYSADMIN"),
)
PURPOSES = (*sorted({purpose for _, purposes in READERS.values() for purpose in purposes}), "marketing")
MOST_CALLS = 4

data = st.data()


class ArchiveMachine(RuleBasedStateMachine):
    """Random work on one archive. `archive` and `done`, which counts over all stories, are the test's."""

    archive: ClassVar[Archive]
    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.oracle = Oracle()
        self.now = BEGINNINGS[0]
        self.count = 0
        self.backed_up_at = self.done.total()
        self.agreed = -1  # the step after which archive and oracle were last seen to agree
        self.transcript_decided: set[str] = set()  # calls of which a decision named the transcript

    # --- how a step is made -----------------------------------------------------------------------

    @initialize(beginning=st.sampled_from(BEGINNINGS))
    def begin(self, beginning: datetime) -> None:
        """Two recorded calls with transcripts, to begin with."""

        def make() -> tuple[Oracle, datetime, int]:
            self.now = beginning
            for _ in range(2):
                call = self._record()
                self.archive.transcribe(call, self.now)
                assert self.oracle.transcribed(call, self.now)
            return self.oracle, self.now, self.count

        self.oracle, self.now, self.count = self.archive.start(f"{beginning:%Y-%m-%d}", make)

    def tick(self, name: str) -> None:
        """A step; a moment passes with it, and when nothing is left somebody calls."""
        self.done[name] += 1
        self.now += timedelta(seconds=1)
        if not self.calls_alive():
            self._record()

    def new(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def happen(self, act: Callable[[], list[str]], expect: Callable[[Oracle], bool | None]) -> bool:
        """Let something happen in the archive and in the oracle; whether it was allowed.

        What loses its last reason by it must be erased at once, and nothing else (§1.2).
        """
        before = set(self.oracle.living(self.now))
        try:
            erased = act()
        except Refused as refused:
            allowed = expect(copy.deepcopy(self.oracle))
            assert allowed is not True, f"refused, and the rules allow it: {refused}"
            return False
        allowed = expect(self.oracle)
        assert allowed is not False, "done, and the rules refuse it"
        left = before - set(self.oracle.living(self.now)) - set(erased)
        assert not left, f"not erased at once: {left}"
        self.note(erased)
        return True

    def note(self, erased: list[str]) -> None:
        for name in erased:
            self.oracle.deleted(name, self.now)

    def calls(self, data: st.DataObject) -> tuple[str, ...]:
        """One or two calls, now and then such as are gone."""
        known = {thing.call for thing in self.oracle.things.values() if thing.call}
        alive = self.calls_alive()
        often = sorted(alive) * 4 + sorted(known)
        return tuple(data.draw(st.lists(st.sampled_from(often), min_size=1, max_size=2, unique=True)))

    def calls_alive(self) -> set[str]:
        known = {thing.call for thing in self.oracle.things.values() if thing.call}
        return {part.call for part in self.oracle.parts(known, self.now)}

    def one(self, data: st.DataObject, of: Any) -> Any:
        return data.draw(st.sampled_from(sorted(of)))

    # --- calls ------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.calls_alive()) < MOST_CALLS)
    @rule(kind=st.sampled_from(("consent", "consent", "consent", "case", "none")))
    def call(self, kind: str) -> None:
        self.tick(f"call: {kind}")
        if kind == "consent":
            self._record()
            return
        call, began = self.new("c"), self.now
        if kind == "case":
            case = self.new("S-")
            self.archive.record_for_case(call, case, began)
            self.oracle.recorded_for_case(call, case, began)
        else:
            self.archive.decline(call, began)
            self.oracle.declined(call, began)
        self.now += IN_CALL

    def _record(self) -> str:
        call = self.new("c")
        self.oracle.recorded(call, *self.archive.record(call, self.now))
        self.now += IN_CALL
        return call

    @rule(data=data)
    def transcribe(self, data: st.DataObject) -> None:
        self.tick("transcribe")
        (call, *_) = self.calls(data)
        if f"{call}/transcript" not in self.oracle.things:
            self.happen(
                lambda: self.archive.transcribe(call, self.now) or [],  # type: ignore[func-returns-value]
                lambda o: o.transcribed(call, self.now),
            )

    @rule(data=data)
    def derive(self, data: st.DataObject) -> None:
        self.tick("derive")
        (call, *_) = self.calls(data)
        if f"{call}/summary" not in self.oracle.things:
            self.happen(
                lambda: self.archive.derive(call, self.now) or [],  # type: ignore[func-returns-value]
                lambda o: o.derived(call, self.now),
            )

    @rule(data=data)
    def flag(self, data: st.DataObject) -> None:
        self.tick("flag")
        (call, *_) = self.calls(data)
        self.happen(
            lambda: self.archive.flag(call, self.now) or [],  # type: ignore[func-returns-value]
            lambda o: o.flagged(call, self.now),
        )

    # --- withdrawals and requests -----------------------------------------------------------------

    @rule(data=data, valid=st.sampled_from((True, True, False)))
    def withdraw(self, data: st.DataObject, valid: bool) -> None:
        """Consent is withdrawn, or there was none."""
        calls = self.calls(data)[:1]
        if valid:
            self.tick("withdraw")
            self.happen(
                lambda: self.archive.withdraw(calls, self.now), lambda o: o.withdrawn(calls, self.now)
            )
        else:
            self.tick("invalidate")
            self.happen(
                lambda: self.archive.invalidate(calls[0], self.now),
                lambda o: o.withdrawn(calls, self.now, order=True),
            )

    @rule(data=data, kind=st.sampled_from(KINDS), withdraws=st.sampled_from((False, False, False, True)))
    def request(self, data: st.DataObject, kind: str, withdraws: bool) -> None:
        self.tick("request")
        calls, request = self.calls(data), self.new("R-")
        self.happen(
            lambda: self.archive.request(request, kind, calls, withdraws, self.now),
            lambda o: o.requested(request, kind, calls, self.now, withdraws),
        )
        if kind in ("restriction", "objection") and f"{calls[0]}/audio" in self.oracle.things:
            self._ask(f"{calls[0]}/audio")

    @precondition(lambda self: any(r.open for r in self.oracle.requests.values()))
    @rule(data=data, keep=st.booleans())
    def answer(self, data: st.DataObject, keep: bool) -> None:
        self.tick("answer")
        request = self.one(data, [name for name, r in self.oracle.requests.items() if r.open])
        self.happen(
            lambda: self.archive.answer(request, keep, self.now),
            lambda o: o.answered(request, keep, self.now),
        )

    @precondition(lambda self: any(not r.open for r in self.oracle.requests.values()))
    @rule(data=data)
    def release(self, data: st.DataObject) -> None:
        self.tick("release")
        request = self.one(data, [name for name, r in self.oracle.requests.items() if not r.open])
        self.happen(lambda: self.archive.release(request, self.now), lambda o: o.released(request, self.now))

    # --- complaints -------------------------------------------------------------------------------

    @rule(data=data)
    def complain(self, data: st.DataObject) -> None:
        self.tick("complain")
        calls, complaint = self.calls(data), self.new("K-")
        self.happen(
            lambda: self.archive.complain(complaint, calls, self.now),
            lambda o: o.complained(complaint, calls, self.now),
        )

    @precondition(lambda self: self.oracle.complaints)
    @rule(data=data, keep=st.booleans(), scope=st.sampled_from(SCOPES))
    def decide_complaint(self, data: st.DataObject, keep: bool, scope: tuple[str, ...]) -> None:
        self.tick("decide_complaint")
        complaint = self.one(data, self.oracle.complaints)
        done = self.happen(
            lambda: self.archive.decide_complaint(complaint, keep, scope, self.now),
            lambda o: o.complaint_decided(complaint, keep, scope, self.now),
        )
        if done and keep and "transcript" in scope:
            self.transcript_decided |= set(self.oracle.complaints[complaint].calls)

    @precondition(lambda self: self.oracle.complaints)
    @rule(data=data)
    def extend_freeze(self, data: st.DataObject) -> None:
        self.tick("extend_freeze")
        complaint = self.one(data, self.oracle.complaints)
        self.happen(
            lambda: self.archive.extend_freeze(complaint, self.now),
            lambda o: o.freeze_extended(complaint, self.now),
        )

    @precondition(lambda self: self.oracle.complaints)
    @rule(data=data)
    def close_complaint(self, data: st.DataObject) -> None:
        self.tick("close_complaint")
        complaint = self.one(data, self.oracle.complaints)
        self.happen(
            lambda: self.archive.close_complaint(complaint, self.now),
            lambda o: o.complaint_closed(complaint, self.now),
        )

    @precondition(lambda self: self.oracle.complaints)
    @rule(data=data, days=st.sampled_from((-10, 0, 100, 1000)))
    def confirm_complaint(self, data: st.DataObject, days: int) -> None:
        self.tick("confirm_complaint")
        complaint, on = self.one(data, self.oracle.complaints), self._in(days)
        self.happen(
            lambda: self.archive.confirm(complaint, CaseKind.COMPLAINT, on, self.now),
            lambda o: o.complaint_confirmed(complaint, on, self.now),
        )

    def _in(self, days: int) -> date:
        return day_of(self.now) + timedelta(days=days)

    # --- investigators ----------------------------------------------------------------------------

    @rule(data=data)
    def forward(self, data: st.DataObject) -> None:
        self.tick("forward")
        calls, case = self.calls(data), self.new("S-")
        self.happen(
            lambda: self.archive.forward(case, calls, self.now),
            lambda o: o.forwarded(case, calls, self.now),
        )

    @precondition(lambda self: self.oracle.cases)
    @rule(data=data, relevant=st.booleans())
    def judge(self, data: st.DataObject, relevant: bool) -> None:
        self.tick("judge")
        case = self.one(data, self.oracle.cases)
        self.happen(
            lambda: self.archive.judge(case, relevant, self.now),
            lambda o: o.judged(case, relevant, self.now),
        )

    @precondition(lambda self: self.oracle.cases)
    @rule(data=data, scope=st.sampled_from(SCOPES), days=st.sampled_from((100, 400, 900, 2000)))
    def extend_case(self, data: st.DataObject, scope: tuple[str, ...], days: int) -> None:
        self.tick("extend_case")
        case, until = self.one(data, self.oracle.cases), self._in(days)
        done = self.happen(
            lambda: self.archive.extend_case(case, scope, until, self.now),
            lambda o: o.extended(case, scope, until, self.now),
        )
        if done and "transcript" in scope:
            self.transcript_decided |= set(self.oracle.cases[case].calls)

    @precondition(lambda self: self.oracle.cases)
    @rule(data=data, days=st.sampled_from((-10, 50, 500)))
    def confirm_case(self, data: st.DataObject, days: int) -> None:
        self.tick("confirm_case")
        case, on = self.one(data, self.oracle.cases), self._in(days)
        self.happen(
            lambda: self.archive.confirm(case, CaseKind.INVESTIGATION, on, self.now),
            lambda o: o.case_confirmed(case, on, self.now),
        )

    # --- orders, samples, settings ----------------------------------------------------------------

    @rule(data=data)
    def order(self, data: st.DataObject) -> None:
        self.tick("order")
        calls, order = self.calls(data), self.new("M-")
        self.happen(
            lambda: self.archive.order(order, calls, self.now), lambda o: o.ordered(order, calls, self.now)
        )

    @precondition(lambda self: self.oracle.orders)
    @rule(data=data)
    def lift(self, data: st.DataObject) -> None:
        self.tick("lift")
        order = self.one(data, self.oracle.orders)
        self.happen(lambda: self.archive.lift(order, self.now), lambda o: o.lifted(order, self.now))

    @rule(size=st.integers(1, 3))
    def sample(self, size: int) -> None:
        self.tick("sample")
        fit = {t.call for t in self.oracle.things.values() if t.kind == "AUD"}
        fit = {call for call in fit if self.oracle.samplable(call, self.now)}
        try:
            drawing = self.archive.sample(self._in(-60), self._in(0), size, self.now)
        except Refused:
            assert not fit, "nothing was drawn, and something may be"
            return
        assert set(drawing.calls) <= fit and len(drawing.calls) == min(size, len(fit))
        self.archive.ids[f"{drawing.sample}/record"] = drawing.done.made[
            f"{drawing.sample}/record"
        ].artifact_id
        self.oracle.sampled(drawing.sample, drawing.calls, self.now)

    @rule(changes=st.sampled_from(SETTINGS))
    def change_settings(self, changes: dict[str, Any]) -> None:
        self.tick("change_settings")
        self.archive.set(changes)
        self.oracle.settings |= changes

    # --- time, reading, deletion ------------------------------------------------------------------

    @rule(by=st.sampled_from(JUMPS))
    def jump(self, by: timedelta) -> None:
        self.tick("jump")
        self.now += by

    @precondition(lambda self: self.oracle.ends(self.now))
    @rule(data=data, beside=st.sampled_from((-MOMENT, timedelta(0), MOMENT)))
    def jump_to_an_end(self, data: st.DataObject, beside: timedelta) -> None:
        """To the last moment of some reason, or the first without it."""
        self.tick("jump_to_an_end")
        ends = [end for end in self.oracle.ends(self.now) if end + beside > self.now]
        if ends:
            self.now = data.draw(st.sampled_from(ends[:3])) + beside

    @rule(data=data)
    def read(self, data: st.DataObject) -> None:
        self.tick("read")
        name = self.one(data, self.oracle.things)
        thing = self.oracle.things[name]
        roles, purposes, cases = list(ROLES), list(PURPOSES), ["", "K-0"]
        for reason in thing.reasons:  # most often somebody asks who once could
            roles += READERS[reason.name][0] * 3
            purposes += READERS[reason.name][1] * 8
            cases += [reason.case] * 4
        role = data.draw(st.sampled_from(roles))
        purpose = data.draw(st.sampled_from(purposes))
        case = data.draw(st.sampled_from(cases))
        may = self.oracle.may_read(name, role, purpose, case, self.now) and name not in self.oracle.ledger
        if thing.kind == "CE" and may and not self.oracle.lives(thing, self.now):
            return  # in the days between the two ways of counting
        could = self.archive.read(name, thing.kind, role, purpose, case, self.now)
        told = f"{role} for {purpose} in {case or 'no case'}: {name}"
        assert could == may, f"read past its reasons: {told}" if could else f"could not read: {told}"

    @rule(data=data)
    def ask_in_every_role(self, data: st.DataObject) -> None:
        """Most often about what somebody has asked for, because that closes uses."""
        self.tick("ask_in_every_role")
        of_requests = {call for r in self.oracle.requests.values() if r.open for call in r.calls}
        likely = [thing.name for thing in self.oracle.things.values() if thing.call in of_requests]
        self._ask(self.one(data, [*self.oracle.things, *likely * 2]))

    def _ask(self, name: str) -> None:
        thing = self.oracle.things[name]
        if thing.kind == "CE" and not self.oracle.lives(thing, self.now):
            return  # in the days between the two ways of counting
        asked = [(role, *self._best(thing, role)) for role in ROLES]
        could = self.archive.readers(name, asked, self.now)
        gone = name in self.oracle.ledger
        may = [self.oracle.may_read(name, *ask, self.now) and not gone for ask in asked]
        for ask, real, wanted in zip(asked, could, may, strict=True):
            assert real == wanted, f"{'read past its reasons' if real else 'could not read'}: {name}, {ask}"

    def _best(self, thing: Thing, role: str) -> tuple[str, str]:
        """The purpose and the case with which a role most likely reads a thing."""
        for reason in thing.reasons:
            roles, purposes = READERS[reason.name]
            if role in roles or role == "DPO":
                return purposes[0], reason.case or "K-0"
        return ("compliance" if role == "COMPLIANCE" else "training"), ""

    @rule()
    def sweep(self) -> None:
        self.tick("sweep")
        self.note(self.archive.sweep(self.now))
        self.oracle.certificates_aged(self.now)
        left = [
            name
            for name, thing in self.oracle.things.items()
            if name not in self.oracle.ledger
            and not self.oracle.lives(thing, self.now)
            and (thing.kind != "CE" or self.oracle.evidence(thing)[1] <= self.now)
        ]
        assert not left, f"not swept: {left}"

    @rule(data=data)
    def sweep_in_any_order(self, data: st.DataObject) -> None:
        """A few of what is due, one by one, in whatever order; the rest stays for later."""
        self.tick("sweep_in_any_order")
        due = [
            name
            for name, thing in self.oracle.things.items()
            if name not in self.oracle.ledger and not self.oracle.lives(thing, self.now)
        ]
        if due:
            for name in data.draw(st.permutations(due))[:3]:
                self.note(self.archive.erase(name, self.now))

    @precondition(lambda self: self.done.total() >= self.backed_up_at + 10)
    @rule()
    def back_up(self) -> None:
        self.tick("back_up")
        self.backed_up_at = self.done.total()
        self.archive.back_up()
        self.oracle.backed_up()

    @precondition(lambda self: self.oracle.backup and self.done.total() >= self.backed_up_at + 5)
    @rule()
    def restore(self) -> None:
        self.tick("restore")
        self.archive.restore(self.now)
        self.oracle = self.oracle.restored(self.now)

    def teardown(self) -> None:
        """At the end nothing is left of what went, in no file and no page, and the audit log is whole."""
        if self.agreed == self.done.total():  # else a step has failed, and that is what to tell
            self.note(self.archive.sweep(self.now))
            assert not self.archive.remains(self.now), "something is left of what was deleted"

    # --- what holds after every step --------------------------------------------------------------

    @invariant()
    def the_archive_is_what_the_rules_make_of_it(self) -> None:
        found, oracle, ids = self.archive.found(self.now), self.oracle, self.archive.ids
        living = oracle.living(self.now)
        for name, thing in living.items():
            assert ids[name] in found.running, f"{name} is held and is gone"
            assert thing.kind == found.rows.get(ids[name]), f"{name} is held and its row is gone"
            if thing.kind in CONTENT:
                assert ids[name] in found.keys, f"{name} is held and its key is destroyed"
                stored = found.words if thing.kind in ("TRS", "DER") else found.files
                assert ids[name] in stored, f"{name} is held and its content is gone"
        known = {ids[name]: name for name in oracle.things}
        for artifact in found.rows:
            assert artifact in known, "something is kept that nothing made"
        for artifact in found.running & set(found.rows):
            thing = oracle.things[known[artifact]]
            if thing.kind == "CE":
                assert self.now < oracle.evidence(thing)[1], f"{thing.name} is kept past its days"
            else:
                assert thing.name in living, f"{thing.name} is kept past its reasons"
        names = dict(zip(self.archive.pseudonyms(ids), ids, strict=True))
        there = Counter(names.get(pseudonym, "?") for pseudonym, _ in found.certificates)
        wanted = Counter(list(oracle.certified))
        wrong = (there - wanted) + (wanted - there)
        assert not wrong, f"there is not one certificate for each deletion: {set(wrong)}"
        for pseudonym, due_at in found.certificates:
            certified = oracle.things.get(names[pseudonym])
            if certified is not None and certified.kind not in ("CE", "DER"):
                assert due_at == certified.ended, f"the certificate of {certified.name} has another date"
        erased = {ids[name] for name in oracle.ledger if name in oracle.things}
        for what in (found.rows, found.keys, found.words, found.files):
            assert not erased & set(what), "something is left of what was deleted"
        self.agreed = self.done.total()

    @invariant()
    def a_transcript_outlives_its_recording_by_decision_only(self) -> None:
        for call in {thing.call for thing in self.oracle.things.values() if thing.kind == "TRS"}:
            transcript, audio = (self.oracle.things[f"{call}/{part}"] for part in ("transcript", "audio"))
            if self.oracle.lives(transcript, self.now) and not self.oracle.lives(audio, self.now):
                assert call in self.transcript_decided, f"the transcript of {call} outlives its recording"
