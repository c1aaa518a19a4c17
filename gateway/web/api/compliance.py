"""Samples, orders of authorities, recipients of copies, and what waits for somebody."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from gateway.web.api.archive import Done, told
from gateway.web.api.ask import Ask
from gateway.web.api.claims import Made
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.requests import Reasoned, Words, calls_of, for_case, known
from gateway.web.api.route import ANYBODY, Routes, duty, roles
from storage import cases, disclosures, orders, samples, tasks
from storage.cases import Note
from storage.model import CaseKind
from storage.policy import events as e
from storage.policy.duties import DISCLOSERS
from storage.tasks import Task

sample_routes = Routes("samples")
order_routes = Routes("orders")
task_routes = Routes("tasks")


class SampleView(BaseModel):
    """A sample: its plan and what was drawn."""

    sample: str
    drawn_at: datetime
    by: str
    plan: dict[str, Any]


class SampleWithNotes(SampleView):
    """A sample with its calls and findings."""

    calls: list[str]
    notes: list[Note]


class NewSample(Given):
    """What is drawn. `objective`: a rule or a control, no person; the same seed draws the same."""

    objective: str = Field(min_length=1, max_length=200)
    first: date
    last: date
    size: int = Field(25, ge=1, le=1000)
    seed: str | None = Field(None, max_length=64)


class DrawingView(BaseModel):
    """What was drawn, of how many, and how many were left out (R-57)."""

    sample: str
    seed: str
    population: int
    excluded: int
    calls: list[str]


class OneCall(Given):
    """A drawn call."""

    call: str = Field(min_length=1, max_length=64)


class Finding(OneCall):
    """What was found in a drawn call, in one's own words; no quotation."""

    finding: str = Field(min_length=1, max_length=4000)
    follow_up: str = Words


class NewOrder(Given):
    """Whose order, its reference, and which calls."""

    calls: list[str] = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=4000)
    id: str | None = Field(None, max_length=64)


class OrderView(BaseModel):
    """An order that holds."""

    order: str
    received_at: datetime
    by: str
    calls: list[str]


class RecipientView(BaseModel):
    """An organisation that has a copy of what was erased."""

    id: int
    recipient: str
    at: datetime
    erased_at: datetime | None
    erased_by: str | None
    notified_at: datetime | None


@sample_routes.get("/samples", rule=ANYBODY)
async def samples_listing(ask: Ask) -> list[SampleView]:
    """Samples whose record is kept, with their plans."""
    rows = await ask.read(lambda s: cases.listing(s, CaseKind.SAMPLE, everything=True))
    return [
        SampleView(sample=row.id, drawn_at=row.opened_at, by=row.opened_by, plan=dict(row.facts or {}))
        for row in rows
    ]


@sample_routes.post("/samples", rule=duty(e.Sampled), status=201)
async def draw(ask: Ask, body: NewSample) -> DrawingView:
    """Draw calls that are kept on consent; special categories are left out and replaced (R-55, R-57)."""
    plan = samples.Plan(body.objective, body.first, body.last, body.size, body.seed or secrets.token_hex(8))
    asking = ask.asking()
    drawing = await ask.work(lambda: samples.draw(ask.desk, asking, plan, ask.at))
    return DrawingView(
        sample=drawing.sample,
        seed=plan.seed,
        population=drawing.population,
        excluded=drawing.excluded,
        calls=list(drawing.calls),
    )


@sample_routes.get("/samples/{sample}", rule=roles("COMPLIANCE", "DPO"))
async def sample_view(ask: Ask, sample: str) -> SampleWithNotes:
    """One sample: its plan, its calls, its findings; the reading is logged."""
    await known(ask, sample, CaseKind.SAMPLE)
    row = await ask.read(lambda s: cases.get(s, sample, CaseKind.SAMPLE))
    calls = await ask.read(lambda s: cases.calls_of(s, sample))
    asking = for_case(ask, sample, "compliance")
    notes = await ask.work(lambda: ask.desk.gate.read_notes(asking, sample, ask.at))
    return SampleWithNotes(
        sample=row.id,
        drawn_at=row.opened_at,
        by=row.opened_by,
        plan=dict(row.facts or {}),
        calls=calls,
        notes=notes,
    )


@sample_routes.post("/samples/{sample}/finding", rule=duty(e.Sampled))
async def finding(ask: Ask, sample: str, body: Finding) -> None:
    """Note what was found in a drawn call."""
    await known(ask, sample, CaseKind.SAMPLE)
    asking, (call,) = ask.asking(), await calls_of(ask, [body.call])
    words = {"finding": body.finding, "follow_up": body.follow_up}
    await ask.work(lambda: samples.note_finding(ask.desk, asking, sample, call, words, ask.at))


@sample_routes.post("/samples/{sample}/replace", rule=duty(e.SampleReplaced))
async def replace(ask: Ask, sample: str, body: OneCall) -> OneCall:
    """Leave out a drawn call that turned out to hold special categories; the next one is drawn (R-57)."""
    await known(ask, sample, CaseKind.SAMPLE)
    asking, (call,) = ask.asking(), await calls_of(ask, [body.call])
    return OneCall(call=await ask.work(lambda: samples.replace(ask.desk, asking, sample, call, ask.at)))


@order_routes.get("/orders", rule=ANYBODY)
async def orders_listing(ask: Ask) -> list[OrderView]:
    """Orders that hold."""
    return await ask.read(
        lambda s: [
            OrderView(
                order=row.id,
                received_at=row.opened_at,
                by=row.opened_by,
                calls=cases.calls_of(s, row.id),
            )
            for row in cases.listing(s, CaseKind.AUTHORITY_ORDER)
        ]
    )


@order_routes.post("/orders", rule=duty(e.AuthorityOrdered), status=201)
async def order_received(ask: Ask, body: NewOrder) -> Made:
    """Keep calls until the order is lifted; it opens them to nobody but the legal role."""
    asking, found = ask.asking(), await calls_of(ask, body.calls)
    made, done = await ask.work(
        lambda: orders.receive(ask.desk, asking, found, {"reason": body.reason}, ask.at, body.id)
    )
    return Made(case=made, done=told(done, ask.lang))


@order_routes.post("/orders/{order}/lift", rule=duty(e.AuthorityLifted))
async def lift(ask: Ask, order: str, body: Reasoned) -> Done:
    """The order no longer holds; what rests on it alone is erased now."""
    await known(ask, order, CaseKind.AUTHORITY_ORDER)
    asking, words = ask.asking(), {"reason": body.reason}
    return told(await ask.work(lambda: orders.lift(ask.desk, asking, order, words, ask.at)), ask.lang)


@task_routes.get("/recipients", rule=ANYBODY)
async def recipients(ask: Ask) -> list[RecipientView]:
    """Recipients of copies who must be told of an erasure, or have not confirmed (art. 19)."""
    rows = await ask.read(disclosures.waiting)
    names = tuple(RecipientView.model_fields)
    return [RecipientView(**{name: getattr(row, name) for name in names}) for row in rows]


@task_routes.post("/recipients/{number}/told", rule=roles(*DISCLOSERS))
async def recipient_told(ask: Ask, number: str) -> None:
    """The recipient was told."""
    await _tell(ask, number, False)


@task_routes.post("/recipients/{number}/confirmed", rule=roles(*DISCLOSERS))
async def recipient_confirmed(ask: Ask, number: str) -> None:
    """The recipient confirmed that its copy is erased, too."""
    await _tell(ask, number, True)


@task_routes.get("/tasks", rule=ANYBODY)
async def waiting(ask: Ask) -> list[Task]:
    """What waits: replies, freezes, triages, limitation dates, reviews, recipients, failed erasures."""
    return await ask.read(lambda s: tasks.waiting(s, ask.desk, ask.at))


async def _tell(ask: Ask, number: str, confirmed: bool) -> None:
    asking = ask.asking()
    rows = await ask.read(disclosures.waiting)
    if number not in {str(row.id) for row in rows}:
        raise Problem("not-found")
    await ask.work(lambda: ask.desk.tell_recipient(asking, int(number), confirmed, ask.at))
