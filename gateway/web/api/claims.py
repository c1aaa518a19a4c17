"""Complaints and investigations: members, limitation, decisions, extensions with four eyes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.web.api.archive import Done, told
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.requests import OpenQuery, Reasoned, Words, calls_of, for_case, known
from gateway.web.api.route import ANYBODY, Routes, duty, roles
from storage import cases, complaints, investigations
from storage.cases import Note
from storage.complaints import ClaimView
from storage.model import CaseKind
from storage.policy import events as e

complaint_routes = Routes("complaints")
case_routes = Routes("investigations")

Part = Literal["audio", "transcript"]
PARTS: tuple[Part, ...] = ("audio", "transcript")
WORKERS = ("COMPLAINT", "INSPECTOR", "LEGAL", "DPO", "SYSADMIN")
"""Who says who works on what; which of them may is asked in storage."""


class ClaimWithNotes(BaseModel):
    """A case, and what was written about it."""

    case: ClaimView
    notes: list[Note]


class Somebody(Given):
    """The id of a user."""

    user: str = Field(min_length=1, max_length=64)


class Facts(Given):
    """What is known about the claim; the limitation date that follows is proposed. What is left out stays."""

    knowledge_on: date | None = Field(None, description="The creditor knew of the claim (F-2).")
    notified_on: date | None = Field(None, description="The damage was notified (F-8).")
    rejected_on: date | None = Field(None, description="The claim was finally rejected (F-8).")
    acknowledged_on: date | None = Field(None, description="Cover was acknowledged (F-9).")
    proceedings_ended_on: date | None = Field(None, description="Negotiations, board or court ended.")
    proceedings_pending: bool | None = Field(None, description="A board, court or negotiation has it.")


class Confirmation(Given):
    """The limitation date; null: the one proposed."""

    on: date | None = None
    reason: str = Words


class Decision(Given):
    """A decision with what it rests on (§8.6)."""

    reason: str = Words
    facts: str = Words
    necessity: str = Words
    alternatives: str = Words

    def words(self) -> dict[str, str]:
        """What was written, by what it answers."""
        return {name: getattr(self, name) for name in ("reason", "facts", "necessity", "alternatives")}


class KeepDecision(Decision):
    """Whether a complaint needs what is frozen, and which parts."""

    keep: bool
    parts: list[Part] = Field(list(PARTS), min_length=1)


class RelevanceDecision(Decision):
    """Whether it matters to the case."""

    relevant: bool


class Extension(Decision):
    """Keeping it longer: the new last day."""

    until: date
    parts: list[Part] = Field(list(PARTS), min_length=1)


class NewComplaint(Given):
    """A complaint about calls."""

    calls: list[str] = Field(min_length=1, max_length=200)
    id: str | None = Field(None, max_length=64, description="Its id; made up when left out.")
    note: str = Words


class NewCase(Given):
    """A concrete case."""

    case: str = Field(min_length=1, max_length=64)


class Forwarding(Given):
    """Calls that give cause for wonder, and why."""

    calls: list[str] = Field(min_length=1, max_length=200)
    reason: str = Words


class Made(BaseModel):
    """What was registered, and what it did."""

    case: str
    done: Done


class ProposalView(BaseModel):
    """A proposal to keep something longer, waiting for somebody else's decision."""

    proposal: int
    case: str
    by: str
    at: datetime
    parts: list[str]
    until: date


class Number(BaseModel):
    """The number of a proposal."""

    proposal: int


def _shared(routes: Routes, base: str, kind: CaseKind, reader: tuple[str, ...]) -> None:
    """The routes that both have."""

    @routes.get(base, rule=ANYBODY)
    async def listing(ask: Ask, query: OpenQuery) -> list[ClaimView]:
        """Those that are open, oldest first."""
        return await ask.read(
            lambda s: [
                complaints.view(s, ask.desk, row.id, ask.at)
                for row in cases.listing(s, kind, query.everything)
            ]
        )

    @routes.get(base + "/{case}", rule=roles(*reader))
    async def show(ask: Ask, case: str) -> ClaimWithNotes:
        """One of them: what is kept for it, until when, and what was written; the reading is logged."""
        await known(ask, case, kind)
        view = await ask.read(lambda s: complaints.view(s, ask.desk, case, ask.at))
        asking = for_case(ask, case, "case")
        notes = await ask.work(lambda: ask.desk.gate.read_notes(asking, case, ask.at))
        return ClaimWithNotes(case=view, notes=notes)

    @routes.post(base + "/{case}/take", rule=roles(*WORKERS))
    async def take(ask: Ask, case: str) -> None:
        """Work on it yourself, when nobody does yet."""
        await known(ask, case, kind)
        asking = ask.asking()
        await ask.work(lambda: ask.desk.assign(asking, case, ask.person.id, ask.at))

    @routes.post(base + "/{case}/assign", rule=roles(*WORKERS))
    async def assign(ask: Ask, case: str, body: Somebody) -> None:
        """Have somebody work on it; they read what is kept for it from then on, in their role."""
        await known(ask, case, kind)
        asking = ask.asking()
        await ask.work(lambda: ask.desk.assign(asking, case, body.user, ask.at))

    @routes.post(base + "/{case}/unassign", rule=roles(*WORKERS))
    async def unassign(ask: Ask, case: str, body: Somebody) -> None:
        """Somebody no longer works on it, and reads nothing of it any more."""
        await known(ask, case, kind)
        asking = ask.asking()
        await ask.work(lambda: ask.desk.unassign(asking, case, body.user, ask.at))

    @routes.post(base + "/{case}/facts", rule=duty(e.LimitationFactsGiven))
    async def facts(ask: Ask, case: str, body: Facts) -> ClaimView:
        """What is known about the claim; the limitation date that follows is proposed."""
        await known(ask, case, kind)
        asking, given = ask.asking(), body.model_dump(exclude_none=True)
        await ask.work(lambda: complaints.note_facts(ask.desk, asking, case, kind, given, ask.at))
        return await ask.read(lambda s: complaints.view(s, ask.desk, case, ask.at))

    @routes.post(base + "/{case}/confirm", rule=duty(e.LimitationConfirmed))
    async def confirm(ask: Ask, case: str, body: Confirmation) -> Done:
        """The legal role confirms the limitation date (R-38, R-45)."""
        await known(ask, case, kind)
        asking, words = ask.asking(), {"reason": body.reason}
        return told(
            await ask.work(lambda: complaints.confirm(ask.desk, asking, case, kind, body.on, ask.at, words)),
            ask.lang,
        )


_shared(complaint_routes, "/complaints", CaseKind.COMPLAINT, ("COMPLAINT", "LEGAL", "DPO"))
_shared(case_routes, "/investigations", CaseKind.INVESTIGATION, ("INSPECTOR", "LEGAL", "DPO"))


@complaint_routes.post("/complaints", rule=duty(e.ComplaintReceived), status=201)
async def receive(ask: Ask, body: NewComplaint) -> Made:
    """Register a complaint about calls: what is still kept of them is frozen now (R-35)."""
    asking, found = ask.asking(), await calls_of(ask, body.calls)
    made, done = await ask.work(
        lambda: complaints.receive(ask.desk, asking, found, ask.at, {"complaint": body.note}, body.id)
    )
    return Made(case=made, done=told(done, ask.lang))


@complaint_routes.post("/complaints/{case}/decide", rule=duty(e.ComplaintDecided))
async def decide_complaint(ask: Ask, case: str, body: KeepDecision) -> Done:
    """Decide, with a reason, whether what is frozen is kept for the complaint (R-36, R-37)."""
    await known(ask, case, CaseKind.COMPLAINT)
    asking = ask.asking()
    return told(
        await ask.work(
            lambda: complaints.decide(ask.desk, asking, case, body.keep, body.words(), ask.at, body.parts)
        ),
        ask.lang,
    )


@complaint_routes.post("/complaints/{case}/extend", rule=duty(e.FreezeExtended))
async def extend(ask: Ask, case: str, body: Reasoned) -> Done:
    """More days to decide, from today; with a reason (R-36)."""
    await known(ask, case, CaseKind.COMPLAINT)
    asking, words = ask.asking(), {"reason": body.reason}
    return told(await ask.work(lambda: complaints.extend(ask.desk, asking, case, words, ask.at)), ask.lang)


@complaint_routes.post("/complaints/{case}/close", rule=duty(e.ComplaintClosed))
async def close(ask: Ask, case: str, body: Reasoned) -> Done:
    """It is finally closed: what is kept gets its date and is an archive from now on (R-38, R-39)."""
    await known(ask, case, CaseKind.COMPLAINT)
    asking, words = ask.asking(), {"reason": body.reason}
    return told(await ask.work(lambda: complaints.close(ask.desk, asking, case, ask.at, words)), ask.lang)


@case_routes.post("/investigations", rule=duty(e.InvestigatorRecording), status=201)
async def open_case(ask: Ask, body: NewCase) -> ClaimView:
    """Name a concrete case and work on it yourself; before anything is recorded for it (R-41)."""
    asking = ask.asking()
    await ask.work(lambda: investigations.open_case(ask.desk, asking, body.case, ask.at))
    return await ask.read(lambda s: complaints.view(s, ask.desk, body.case, ask.at))


@case_routes.post("/investigations/{case}/forward", rule=duty(e.Forwarded))
async def forward(ask: Ask, case: str, body: Forwarding) -> Done:
    """Send calls that give cause for wonder to the investigators of a case, with a reason (R-40)."""
    asking, found = ask.asking(), await calls_of(ask, body.calls)
    words = {"reason": body.reason}
    return told(
        await ask.work(lambda: investigations.forward(ask.desk, asking, case, found, words, ask.at)), ask.lang
    )


@case_routes.post("/investigations/{case}/decide", rule=duty(e.InvestigationDecided))
async def decide_case(ask: Ask, case: str, body: RelevanceDecision) -> Done:
    """Relevant: kept a year from the recording (R-43). Nothing: erased at once, every copy (R-42)."""
    await known(ask, case, CaseKind.INVESTIGATION)
    asking = ask.asking()
    return told(
        await ask.work(
            lambda: investigations.decide(ask.desk, asking, case, body.relevant, body.words(), ask.at)
        ),
        ask.lang,
    )


@case_routes.post("/investigations/{case}/propose", rule=duty(e.InvestigationDecided), status=201)
async def propose(ask: Ask, case: str, body: Extension) -> Number:
    """Propose to keep it longer; somebody else approves, before its date (R-44)."""
    await known(ask, case, CaseKind.INVESTIGATION)
    asking = ask.asking()
    return Number(
        proposal=await ask.work(
            lambda: investigations.propose(
                ask.desk, asking, case, body.parts, body.until, body.words(), ask.at
            )
        )
    )


@case_routes.get("/proposals", rule=ANYBODY)
async def proposals(ask: Ask) -> list[ProposalView]:
    """Proposals that wait for a decision."""
    rows: Any = await ask.read(investigations.proposals)
    return [
        ProposalView(
            proposal=row.id,
            case=row.case_id,
            by=row.made_by,
            at=row.made_at,
            parts=list(row.parts),
            until=row.until,
        )
        for row in rows
    ]


@case_routes.post("/proposals/{proposal}/approve", rule=duty(e.InvestigationExtended))
async def approve(ask: Ask, proposal: str, body: Reasoned) -> Done:
    """Approve a proposal of somebody else's; never later than the limitation date (R-44, R-45)."""
    number, asking, words = await _proposal(ask, proposal), ask.asking(), {"reason": body.reason}
    return told(
        await ask.work(lambda: investigations.approve(ask.desk, asking, number, ask.at, words)), ask.lang
    )


@case_routes.post("/proposals/{proposal}/reject", rule=duty(e.InvestigationExtended))
async def reject(ask: Ask, proposal: str, body: Reasoned) -> None:
    """Turn a proposal down."""
    number, asking, words = await _proposal(ask, proposal), ask.asking(), {"reason": body.reason}
    await ask.work(lambda: investigations.reject(ask.desk, asking, number, words, ask.at))


async def _proposal(ask: Ask, proposal: str) -> int:
    waiting: Any = await ask.read(investigations.proposals)
    for row in waiting:
        if str(row.id) == proposal:
            return int(row.id)
    raise Problem("not-found")
