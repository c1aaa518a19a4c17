"""The oracle: a second account of what must be kept, who may read it for what, and what must be gone.

Written from the rules of the policy alone (their ids stand beside what they say). It knows no database, no
file, no sweep and nothing of the program's own table of grounds. A thing has reasons; a reason has an end, or
none yet. A thing lives while one of its reasons runs, and what has died never lives again. What happens adds
reasons to living things or ends some; each method says whether the rules allow it (None: they leave it open).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
MOMENT = timedelta(microseconds=1)

# §1.3 and the access columns of §3: who may read on which reason, and for what.
WORK = ("training", "analysis", "documentation")
READERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "consent": (("QA", "ANALYST", "CASEDOC"), WORK),
    "request": (("RIGHTS",), ("rights_request",)),
    "documentation": (("RIGHTS",), ("rights_documentation",)),
    "freeze": (("COMPLAINT",), ("complaint",)),
    "complaint": (("COMPLAINT", "LEGAL"), ("complaint",)),
    "archive": (("COMPLAINT", "LEGAL"), ("complaint_archive",)),
    "triage": (("INSPECTOR",), ("investigation",)),
    "case": (("INSPECTOR", "LEGAL"), ("investigation",)),
    "extension": (("INSPECTOR", "LEGAL"), ("investigation",)),
    "authority": (("LEGAL",), ("authority_order",)),  # §4, priority 0
    "evidence": (("RIGHTS", "DPO"), ("proof_of_consent",)),
    "declined": (("RIGHTS", "DPO"), ("proof_of_no_recording",)),
    "request file": (("RIGHTS", "DPO"), ("accountability",)),
    "package": (("RIGHTS",), ("access_package",)),
    "sample file": (("COMPLIANCE", "DPO"), ("compliance",)),
}
INVESTIGATION = ("triage", "case", "extension")
OBJECTED = ("documentation", "freeze", "complaint", "archive", *INVESTIGATION)  # rests on 6(1)(f)
RESTRICTED = ("consent", "documentation")  # art. 18(2): storage only; legal claims go on
PURPOSEFUL = ("consent", "triage", "case", "complaint")  # §1.2: a hold gives no purpose to make anything
CONTENT = ("AUD", "INVR", "TRS", "DER", "DX")
HELD_REQUESTS = ("access", "rectification", "restriction", "objection")

DEFAULTS: dict[str, Any] = {  # §11
    "retention.callcenter_days": 30,
    "retention.day_count": "calendar",
    "retention.anchor": "recording_started_at",
    "rights.doc_hold_clock": "request_received",
    "rights.doc_rounding": "none",
    "rights.export_payload_days": 30,
    "rights.on_withdrawal": "release_after_fulfilment",
    "complaint.freeze_days": 14,
    "complaint.end_rule": "max_closure_limitation",
    "investigation.triage_days": 30,
    "investigation.after_withdrawal_days": 7,
    "investigation.no_action_scope": "all_copies",
    "withdrawal.delete_existing": True,
    "sampling.exclude_special_category": True,
    "logs.declined_days": 30,
}
GRACE = 30  # R-13, days
CERTIFICATE_YEARS = 3


# --- time (§1.4) ----------------------------------------------------------------------------------


def day_of(at: datetime) -> date:
    """The civil date in Copenhagen."""
    return at.astimezone(COPENHAGEN).date()


def end_of(day: date) -> datetime:
    """The instant at which a day is over."""
    return datetime.combine(day + timedelta(days=1), time(), COPENHAGEN).astimezone(timezone.utc)


def years_after(day: date, years: int) -> date:
    """The same date in another year; 29 February becomes 28 February (A-09)."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


# --- things and reasons ---------------------------------------------------------------------------


@dataclass
class Reason:
    """Why a thing is kept. `end`: from that instant on it is no reason any more; None: not known yet."""

    name: str
    end: datetime | None
    case: str = ""
    nobody: bool = False  # it keeps, and nobody may read for it (R-20 with deletion switched off)
    late: bool = False  # a freeze after a deletion order: to listen, not to keep

    def runs(self, at: datetime) -> bool:
        return self.end is None or at < self.end

    def stop(self, at: datetime) -> None:
        if self.runs(at):
            self.end = at


@dataclass
class Thing:
    """Something that is kept. `began`: the start of the recording behind it."""

    name: str
    kind: str
    began: datetime
    call: str = ""
    own: list[Reason] = field(default_factory=list)
    on_consent: bool = False
    ordered_away: str = ""  # the rule of a deletion order
    sources: list[Thing] = field(default_factory=list)  # lives and dies with them

    @property
    def part(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def reasons(self) -> list[Reason]:
        return self.own + [reason for source in self.sources for reason in source.own]

    def lives(self, at: datetime) -> bool:
        return any(reason.runs(at) for reason in self.reasons)

    def has(self, at: datetime, *names: str, case: str | None = None) -> bool:
        return any(r.name in names and r.runs(at) and case in (None, r.case) for r in self.own)

    def stop(self, at: datetime, *names: str, case: str | None = None) -> None:
        for reason in self.own:
            if reason.name in names and case in (None, reason.case):
                reason.stop(at)

    @property
    def ended(self) -> datetime | None:
        """When its last reason ends or ended; None: not known yet."""
        ends = [reason.end for reason in self.reasons]
        return None if None in ends else max(end for end in ends if end is not None)


@dataclass
class Request:
    kind: str
    received: datetime
    calls: tuple[str, ...]
    open: bool = True


@dataclass
class Claim:
    """A complaint or an investigators' case."""

    began: date
    calls: list[str]
    kept_parts: tuple[str, ...] = ()
    closed_on: date | None = None
    confirmed: date | None = None


# --- the oracle -----------------------------------------------------------------------------------


class Oracle:
    """What the rules make of everything that happened."""

    def __init__(self) -> None:
        self.settings = dict(DEFAULTS)
        self.things: dict[str, Thing] = {}
        self.requests: dict[str, Request] = {}
        self.complaints: dict[str, Claim] = {}
        self.cases: dict[str, Claim] = {}
        self.orders: dict[str, tuple[str, ...]] = {}  # those in force
        self.drawn: dict[str, tuple[str, ...]] = {}
        self.health: set[str] = set()
        self.certified: dict[str, datetime] = {}  # one certificate for each deletion
        self.ledger: dict[str, datetime] = {}  # what was ever deleted, first when
        self.backup: Oracle | None = None

    # --- asking -----------------------------------------------------------------------------------

    def living(self, at: datetime) -> dict[str, Thing]:
        return {name: thing for name, thing in self.things.items() if self.lives(thing, at)}

    def lives(self, thing: Thing, at: datetime) -> bool:
        """Whether a thing must be there. Of consent evidence see `evidence`."""
        if thing.name in self.ledger:
            return False
        return self.evidence(thing)[0] > at if thing.kind == "CE" else thing.lives(at)

    def evidence(self, thing: Thing) -> tuple[datetime, datetime]:
        """Until when consent evidence must be there, and from when on it must be gone (R-13).

        It outlives what it is the evidence of by 30 days, by either way of counting (A-01).
        """
        proven = [t for t in self.things.values() if t.call == thing.call and t.on_consent]
        ends = [t.ended for t in proven] or [thing.began]
        if None in ends:
            return datetime.max.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)
        last = max(end for end in ends if end is not None)
        exact, by_date = last + timedelta(days=GRACE), end_of(day_of(last - MOMENT) + timedelta(days=GRACE))
        counted = end_of(day_of(last) + timedelta(days=GRACE))
        return min(exact, by_date), max(exact, by_date, counted)

    def parts(self, calls: Iterable[str], at: datetime) -> list[Thing]:
        """The recordings and transcripts of calls that live."""
        return [
            thing
            for thing in self.things.values()
            if thing.call in calls and thing.kind in ("AUD", "INVR", "TRS") and thing.lives(at)
        ]

    def usable(self, thing: Thing, at: datetime) -> list[Reason]:
        """Reasons on which somebody may read now (R-24, R-30 art. 18)."""
        asked = {r.kind for r in self.requests.values() if r.open and thing.call and thing.call in r.calls}
        shut: set[str] = set()
        if "objection" in asked:
            shut |= set(OBJECTED)
        if "restriction" in asked:
            shut |= set(RESTRICTED)
        return [r for r in thing.reasons if r.runs(at) and not r.nobody and r.name not in shut]

    def may_read(self, name: str, role: str, purpose: str, case: str, at: datetime) -> bool:
        """Whether the role may read it for the purpose, naming the case (R-50); the DPO gives a reason."""
        thing = self.things[name]
        usable = self.usable(thing, at)
        if role == "COMPLIANCE" and thing.kind in ("AUD", "INVR", "TRS", "DER"):
            drawn = any(thing.call in calls for calls in self.drawn.values())
            on_consent = any(r.name == "consent" for r in usable)
            return purpose == "compliance" and drawn and on_consent and self.samplable(thing.call, at)
        if role == "DPO" and thing.kind in CONTENT:
            return any(purpose in READERS[r.name][1] for r in usable)
        for reason in usable:
            roles, purposes = READERS[reason.name]
            if role not in roles or purpose not in purposes:
                continue
            if role in ("COMPLAINT", "INSPECTOR") and case != reason.case:
                continue
            if role == "LEGAL" and case not in ("", reason.case):
                continue
            if role == "CASEDOC" and not case:
                continue
            return True
        return False

    def samplable(self, call: str, at: datetime) -> bool:
        """Whether compliance may draw a call, and read it when drawn (R-24, R-55, R-57)."""
        if any(r.open and r.kind == "objection" and call in r.calls for r in self.requests.values()):
            return False
        if call in self.health and self.settings["sampling.exclude_special_category"]:
            return False
        return any(r.name == "consent" for p in self.parts([call], at) for r in self.usable(p, at))

    def ends(self, at: datetime) -> list[datetime]:
        """The instants to come at which something stops being a reason."""
        found = {r.end for thing in self.things.values() for r in thing.own if r.end is not None}
        return sorted(end for end in found if end > at)

    def after(self, at: datetime, days: int) -> datetime:
        """When a period of days is over (A-01)."""
        if self.settings["retention.day_count"] == "exact_24h":
            return at + timedelta(days=days)
        return end_of(day_of(at) + timedelta(days=days))

    # --- calls (§3.1) -----------------------------------------------------------------------------

    def _add(self, name: str, kind: str, began: datetime, **more: Any) -> Thing:
        assert name not in self.things, f"{name} is there already"
        self.things[name] = Thing(name, kind, began, **more)
        return self.things[name]

    def recorded(self, call: str, consented: datetime, began: datetime, ended: datetime) -> None:
        """A call was recorded on consent: 30 days from its start (R-04, R-10, A-02)."""
        anchor = ended if self.settings["retention.anchor"] == "ended_at" else began
        basis = Reason("consent", self.after(anchor, self.settings["retention.callcenter_days"]))
        self._add(f"{call}/audio", "AUD", began, call=call, own=[basis], on_consent=True)
        self._add(f"{call}/consent", "CE", consented, call=call, own=[Reason("evidence", None)])

    def declined(self, call: str, arrived: datetime) -> None:
        """A call was not recorded (R-12)."""
        basis = Reason("declined", self.after(arrived, self.settings["logs.declined_days"]))
        self._add(f"{call}/decision", "NL", arrived, call=call, own=[basis])

    def recorded_for_case(self, call: str, case: str, began: datetime) -> None:
        """An investigator recorded, announced, for a case (R-41)."""
        basis = Reason("triage", self.after(began, self.settings["investigation.triage_days"]), case)
        self._add(f"{call}/audio", "INVR", began, call=call, own=[basis])
        self._to_case(case, call, began)

    def transcribed(self, call: str, at: datetime) -> bool | None:
        """A transcript has its recording's clocks, whenever it is made (R-11)."""
        audio = self.things.get(f"{call}/audio")
        if audio is None or not audio.lives(at):
            return False
        if f"{call}/transcript" in self.things:
            return None if not self.things[f"{call}/transcript"].lives(at) else True
        usable = [r for r in self.usable(audio, at) if r.name in PURPOSEFUL]
        if not usable:
            # An archive is for no other use; whether writing it down is one, the rules leave open.
            return None if any(r.name == "archive" for r in self.usable(audio, at)) else False
        self._transcript(audio)
        return True

    def _transcript(self, audio: Thing) -> None:
        kept = [copy.copy(r) for r in audio.own if self._follows(r)]
        self._add(
            f"{audio.call}/transcript",
            "TRS",
            audio.began,
            call=audio.call,
            own=kept,
            on_consent=audio.on_consent,
            ordered_away=audio.ordered_away,
        )

    def _follows(self, reason: Reason) -> bool:
        """What was decided for the recording alone does not reach a transcript made later (R-37, R-44)."""
        if reason.name in ("complaint", "archive"):
            return "transcript" in self.complaints[reason.case].kept_parts
        return reason.name != "extension"

    def derived(self, call: str, at: datetime) -> bool | None:
        """A summary lives and dies with what it was made from (R-11)."""
        sources = self.parts([call], at)
        usable = {r.name for source in sources for r in self.usable(source, at)}
        if not usable & set(PURPOSEFUL):
            return None if "archive" in usable else False
        if f"{call}/summary" in self.things:
            return None
        self._add(f"{call}/summary", "DER", at, call=call, sources=sources)
        return True

    def flagged(self, call: str, at: datetime) -> bool:
        """It holds health data (R-57)."""
        if not self.parts([call], at):
            return False
        self.health.add(call)
        return True

    # --- withdrawal and requests (§3.2, §3.3) -----------------------------------------------------

    def withdrawn(self, calls: Iterable[str], at: datetime, order: bool = False) -> bool:
        """Consent ends now; what has a purpose of its own stays (R-20, R-21).

        `order`: an erasure by name, or a consent that never was; no setting leaves that undone (R-23, R-04).
        """
        resting = [part for part in self.parts(calls, at) if part.on_consent]
        for part in resting:
            part.ordered_away = part.ordered_away or "R-20"
            if order or self.settings["withdrawal.delete_existing"]:
                part.stop(at, "consent")
            for reason in part.own:
                if reason.name == "consent":
                    reason.nobody = True
            if self.settings["rights.on_withdrawal"] != "keep":
                part.stop(at, "documentation")  # optional
            limit = self.after(at, self.settings["investigation.after_withdrawal_days"])
            for reason in part.own:  # §4: an assessment that has begun may be finished, soon
                if reason.name == "triage" and reason.end is not None:
                    reason.end = min(reason.end, limit)
        return bool(resting)

    def requested(
        self, request: str, kind: str, calls: tuple[str, ...], at: datetime, withdraws: bool = False
    ) -> bool:
        """What somebody asks about is held from that instant (R-30); the request is documented (R-34)."""
        self.requests[request] = Request(kind, at, calls)
        self._add(f"{request}/documentation", "RD", at, own=[Reason("request file", None)])
        if kind in HELD_REQUESTS:
            for part in self.parts(calls, at):
                part.own.append(Reason("request", None, request))
        if kind == "erasure" or withdraws:
            self.withdrawn(calls, at, order=kind == "erasure")
        return True

    def answered(self, request: str, keep: bool, at: datetime) -> bool:
        """The hold ends; perhaps a year follows (R-31), a package is there (R-33), documented (R-34)."""
        file = self.requests[request]
        if not file.open:
            return False
        parts = self.parts(file.calls, at)
        if file.kind == "access" and parts:
            last = self.after(at, self.settings["rights.export_payload_days"])
            self._add(f"{request}/export", "DX", at, own=[Reason("package", last, request)])
        anchor = at if self.settings["rights.doc_hold_clock"] == "review_completed" else file.received
        year = Reason("documentation", end_of(years_after(day_of(anchor), 1)), request)
        for part in parts:
            if part.has(at, "request", case=request):
                part.stop(at, "request", case=request)
                if keep and year.runs(at) and not self._must_go(part):
                    part.own.append(copy.copy(year))
            if file.kind == "objection" and not keep:
                part.stop(at, "documentation")  # the objection is granted
        file.open = False
        last_day = years_after(day_of(at), 3)
        if self.settings["rights.doc_rounding"] == "calendar_year_end":
            last_day = date(last_day.year, 12, 31)
        self.things[f"{request}/documentation"].own = [Reason("request file", end_of(last_day))]
        return True

    def _must_go(self, part: Thing) -> bool:
        """§4: the optional year gives way to `straks`, and to a withdrawal unless that is set otherwise."""
        if part.ordered_away == "R-20":
            return bool(self.settings["rights.on_withdrawal"] != "keep")
        return bool(part.ordered_away)

    def released(self, request: str, at: datetime) -> bool:
        """The optional year is given up (R-31)."""
        parts = self.parts(self.requests[request].calls, at)
        held = [part for part in parts if part.has(at, "documentation", case=request)]
        for part in held:
            part.stop(at, "documentation", case=request)
        return bool(held)

    # --- complaints (§3.4) ------------------------------------------------------------------------

    def complained(self, complaint: str, calls: tuple[str, ...], at: datetime) -> bool:
        """What is still kept is frozen for 14 days (R-35); after a deletion order to listen only (R-21)."""
        self.complaints[complaint] = Claim(day_of(at), list(calls))
        for part in self.parts(calls, at):
            self._freeze(part, complaint, at, late=bool(part.ordered_away))
        return True

    def _freeze(self, part: Thing, complaint: str, at: datetime, late: bool) -> None:
        end = self.after(at, self.settings["complaint.freeze_days"])
        part.own.append(Reason("freeze", end, complaint, late=late))

    def freeze_extended(self, complaint: str, at: datetime) -> bool:
        """The days of the freeze begin anew (R-36)."""
        frozen = [
            part
            for part in self.parts(self.complaints[complaint].calls, at)
            if part.has(at, "freeze", case=complaint)
        ]
        for part in frozen:
            in_time = self._in_time(part, complaint, at)
            part.stop(at, "freeze", case=complaint)
            self._freeze(part, complaint, at, late=not in_time)
        return bool(frozen)

    def _in_time(self, part: Thing, complaint: str, at: datetime) -> bool:
        return any(r.name == "freeze" and r.case == complaint and r.runs(at) and not r.late for r in part.own)

    def complaint_decided(
        self, complaint: str, keep: bool, scope: tuple[str, ...], at: datetime
    ) -> bool | None:
        """Keep or not, with a reason, recording and transcript each for itself (R-36, R-37)."""
        file = self.complaints[complaint]
        parts = self.parts(file.calls, at)
        kept = [
            part
            for part in parts
            if keep
            and part.part in scope
            and (
                not part.ordered_away
                or part.has(at, "complaint", case=complaint)
                or self._in_time(part, complaint, at)
            )
        ]
        if not parts or (keep and (file.closed_on is not None or not kept)):
            return False
        file.kept_parts = scope if keep else ()
        for part in parts:
            part.stop(at, "complaint", "archive", "freeze", case=complaint)
            if part in kept:
                part.own.append(Reason("complaint", None, complaint))
        return True if file.closed_on is None else None

    def complaint_closed(self, complaint: str, at: datetime) -> bool | None:
        """Finally closed: an archive, with an end by the rule of A-05 (R-38, R-39)."""
        file = self.complaints[complaint]
        if file.closed_on is not None:
            return False
        file.closed_on = day_of(at)
        for part in self.parts(file.calls, at):
            part.stop(at, "freeze", case=complaint)
        self._date_complaint(complaint, at)
        return True

    def complaint_confirmed(self, complaint: str, on: date, at: datetime) -> bool | None:
        """The legal role confirms the limitation date (R-38)."""
        file = self.complaints[complaint]
        file.confirmed = on
        self._date_complaint(complaint, at)
        return True if file.closed_on is None else None  # what is over may be forgotten

    def _date_complaint(self, complaint: str, at: datetime) -> None:
        file = self.complaints[complaint]
        if file.closed_on is None:
            return
        rule, last = self.settings["complaint.end_rule"], None
        if rule == "at_final_closure":
            last = file.closed_on
        elif rule == "closure_plus_3y":
            last = years_after(file.closed_on, 3)
        elif file.confirmed is not None:
            last = max(file.closed_on, file.confirmed)
        for part in self.parts(file.calls, at):
            for reason in part.own:
                if reason.name in ("complaint", "archive") and reason.case == complaint and reason.runs(at):
                    reason.name = "archive"
                    reason.end = None if last is None else max(at, end_of(last))

    # --- investigators (§3.5) ---------------------------------------------------------------------

    def _to_case(self, case: str, call: str, at: datetime) -> None:
        file = self.cases.setdefault(case, Claim(day_of(at), []))
        if call not in file.calls:
            file.calls.append(call)

    def forwarded(self, case: str, calls: tuple[str, ...], at: datetime) -> bool:
        """A call that gives cause for wonder: to be assessed within the 30 days (R-40, A-08)."""
        days = min(self.settings["investigation.triage_days"], self.settings["retention.callcenter_days"])
        done = False
        for call in calls:
            audio = self.things.get(f"{call}/audio")
            if audio is None or not audio.lives(at) or audio.ordered_away:
                continue  # nothing new because of a deletion order
            if audio.has(at, *INVESTIGATION, case=case) or self.after(audio.began, days) <= at:
                continue
            for part in self.parts([call], at):
                part.own.append(Reason("triage", self.after(part.began, days), case))
            self._to_case(case, call, at)
            done = True
        return done

    def judged(self, case: str, relevant: bool, at: datetime) -> bool:
        """Relevant: a year from the recording (R-43). Not: gone at once, all copies (R-42, A-07)."""
        parts = self.parts(self.cases[case].calls, at)
        assessed = [part for part in parts if part.has(at, *INVESTIGATION, case=case)]
        if not parts or (relevant and not assessed):
            return False
        known = any(reason.case == case for part in parts for reason in part.own)
        if relevant:
            for part in assessed:
                if not part.has(at, "case", case=case):
                    part.stop(at, "triage", case=case)
                    end = end_of(years_after(day_of(part.began), 1))
                    part.own.append(Reason("case", max(at, end), case))
            return True
        for part in parts:
            part.stop(at, *INVESTIGATION, case=case)
            if self.settings["investigation.no_action_scope"] == "all_copies":
                part.stop(at, "consent", "documentation")
                part.ordered_away = "R-42"
        return True if known else None  # a case without recordings may be forgotten

    def extended(self, case: str, scope: tuple[str, ...], until: date, at: datetime) -> bool:
        """Longer than the year, part by part, in time, below the limitation date (R-44, R-45)."""
        file = self.cases[case]
        if until > (file.confirmed or years_after(file.began, 3)):
            return False
        longer = [
            part
            for part in self.parts(file.calls, at)
            if part.part in scope
            and part.has(at, "case", "extension", case=case)
            and all(
                r.end is not None and r.end < end_of(until)
                for r in part.own
                if r.name in ("case", "extension") and r.case == case and r.runs(at)
            )
        ]
        for part in longer:
            part.stop(at, "extension", case=case)
            part.own.append(Reason("extension", end_of(until), case))
        return bool(longer)

    def case_confirmed(self, case: str, on: date, at: datetime) -> bool | None:
        """No extension goes beyond the confirmed limitation date (R-45)."""
        file = self.cases[case]
        file.confirmed = on
        parts = self.parts(file.calls, at)
        for part in parts:
            for reason in part.own:
                if reason.name == "extension" and reason.case == case and reason.runs(at):
                    assert reason.end is not None
                    reason.end = max(at, min(reason.end, end_of(on)))
        return True if any(reason.case == case for part in parts for reason in part.own) else None

    # --- orders of authorities, samples -----------------------------------------------------------

    def ordered(self, order: str, calls: tuple[str, ...], at: datetime) -> bool:
        """A court or an authority orders calls kept (§4, priority 0)."""
        parts = self.parts(calls, at)
        for part in parts:
            part.own.append(Reason("authority", None, order))
        if parts:
            self.orders[order] = calls
        return bool(parts)

    def lifted(self, order: str, at: datetime) -> bool | None:
        calls = self.orders.pop(order)
        parts = self.parts(calls, at)
        for part in parts:
            part.stop(at, "authority", case=order)
        return True

    def sampled(self, sample: str, calls: tuple[str, ...], at: datetime) -> None:
        """A sample prolongs nothing; its record is kept for a year (R-55, R-56)."""
        self.drawn[sample] = calls
        self._add(
            f"{sample}/record", "SR", at, own=[Reason("sample file", end_of(years_after(day_of(at), 1)))]
        )

    # --- deletion and backups (§3.6) --------------------------------------------------------------

    def deleted(self, name: str, at: datetime) -> None:
        """Something was deleted: only what has no reason any more, and with one certificate (R-60)."""
        thing = self.things[name]
        assert not self.lives(thing, at), f"{name} was deleted and is held"
        assert name not in self.certified, f"{name} was deleted twice"
        self.certified[name] = at
        self.ledger.setdefault(name, at)

    def certificates_aged(self, at: datetime) -> None:
        """Certificates have a term of their own (A-19)."""
        over = [n for n, when in self.certified.items() if end_of(years_after(day_of(when), 3)) <= at]
        for name in over:
            del self.certified[name]

    def backed_up(self) -> None:
        """A copy of everything, except of what tells what was deleted."""
        self.backup = None
        self.backup = copy.deepcopy(self)

    def restored(self, at: datetime) -> Oracle:
        """The copy comes back; what was deleted stays deleted (R-61), certified once (R-60)."""
        assert self.backup is not None
        back = copy.deepcopy(self.backup)
        back.backup, back.ledger, back.settings = self.backup, self.ledger, self.settings
        for name, when in self.ledger.items():
            if name not in back.things:
                continue
            for reason in back.things[name].own:
                reason.end = when if reason.end is None else min(reason.end, when)
            if name not in self.backup.ledger:  # the copy brought it back
                back.certified[name] = at
        return back
