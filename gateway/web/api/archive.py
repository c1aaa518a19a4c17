"""Calls and artifacts: found, looked at, explained. Facts only; what was said is in `recordings`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from gateway.callflow.messages import StopRequested
from gateway.texts.rules import said
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given, Page, PageQuery, cursor
from gateway.web.api.problems import Problem
from gateway.web.api.route import ANYBODY, GATE, Routes, duty, roles
from storage import artifacts, calls, consents, desk, facts, requests
from storage.explanations import explain
from storage.facts import ArtifactFacts, ArtifactView
from storage.gate import Way
from storage.model import ArtifactKind
from storage.policy import events as e
from storage.policy.duties import SEARCHERS
from storage.tables import Call

routes = Routes("archive")


class CallsQuery(PageQuery):
    """Which calls."""

    since: AwareDatetime | None = Field(None, description="Arrived at this instant or later (ISO 8601).")
    before: AwareDatetime | None = Field(None, description="Arrived before this instant.")
    flow: str = Field("", max_length=64, description="Of this flow.")


class Kept(BaseModel):
    """Something that is kept of a call, or was."""

    artifact: str
    kind: str
    state: str


class CallFacts(BaseModel):
    """A call. No number: `POST /calls/search` finds calls by one."""

    call: str
    flow: str
    direction: str
    arrived_at: datetime
    answered_at: datetime | None
    agent_answered_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    decision: str | None
    special_category: bool
    artifacts: list[Kept]


class CallView(BaseModel):
    """A call and all that is kept of it."""

    facts: CallFacts
    artifacts: list[ArtifactFacts]


class Number(Given):
    """A number, as dialled or in E.164. It is in the body, so that no address and no log holds it."""

    number: str = Field(min_length=2, max_length=40)


class Withdrawal(Given):
    """How a withdrawal reached the company."""

    channel: Literal["agent", "letter", "mail", "web", "phone"] = "agent"


class Reason(Given):
    """Why."""

    reason: str = Field(min_length=1, max_length=2000)


class Done(BaseModel):
    """What was done, what of it the rules refused, and how many artifacts were erased because of it."""

    refusals: list[str]
    made: list[str]
    erased: int


class ArtifactsQuery(PageQuery):
    """Which artifacts."""

    kind: ArtifactKind | None = Field(None, description="Of this kind.")
    state: Literal["", "capturing", "sealed", "erased"] = Field("", description="In this state.")


class MayQuery(Given):
    """What would be done."""

    action: Literal["read", "play", "export", "download", "watch"] = "read"


class MayView(BaseModel):
    """Whether it is allowed, and why (not)."""

    allowed: bool
    why: str


class Why(BaseModel):
    """Why an artifact still exists, or why it is gone."""

    artifact: str
    kind: str
    why: str
    grounds: list[dict[str, Any]]


class ConsentView(BaseModel):
    """A consent record (§8.1). `keys`: what was pressed and when; `genuine`: stands as it was signed.

    Where each purpose is asked for by itself, `purposes` are those accepted, `questions` all that were put.
    """

    id: str
    call: str
    offer: int
    started_at: datetime
    started_local: str
    language: str
    prompt_id: str
    prompt_version: str
    prompt_text_sha256: str
    prompt_audio_sha256: str
    policy_version: str
    played_ms: int | None
    total_ms: int | None
    marker: str | None
    keys: list[Any]
    decision: str
    decision_rule: str
    decided_at: datetime
    purposes: list[str]
    questions: list[Any]
    recording_started_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_channel: str | None
    invalid_reason: str | None
    record_hash: str
    signature: str | None
    genuine: bool


@routes.get("/calls", rule=ANYBODY)
async def calls_listing(ask: Ask, query: CallsQuery) -> Page[CallFacts]:
    """Calls, newest first. The look is logged."""
    after = query.after
    rows = await ask.read(
        lambda s: calls.page(s, query.limit + 1, after, query.since, query.before, query.flow)
    )
    items = await _call_facts(ask, rows[: query.limit])
    await ask.looked("calls", len(items))
    last = rows[query.limit - 1] if len(rows) > query.limit else None
    return Page(items=items, next=cursor(last.arrived_at, last.id) if last else None)


@routes.post("/calls/search", rule=roles(*SEARCHERS))
async def search(ask: Ask, body: Number) -> Page[CallFacts]:
    """The calls of a number, oldest first. The search is logged, not the number (R-50)."""
    asking = ask.asking()
    try:
        found = await ask.work(lambda: ask.desk.gate.calls_of_number(asking, body.number, ask.at))
    except ValueError as error:
        raise Problem("invalid", errors=[{"key": "number", "why": str(error)}]) from None
    return Page(items=await _call_facts(ask, found))


@routes.get("/calls/{call}", rule=ANYBODY)
async def call_view(ask: Ask, call: str) -> CallView:
    """A call, with what is kept of it."""
    call_id = await ask.call(call)
    row = await ask.read(lambda s: calls.get(s, call_id))
    if row is None:
        raise Problem("not-found")
    held = await ask.read(
        lambda s: [facts.of(each, grounds) for each, grounds in artifacts.listing(s, call_id=call_id)]
    )
    await ask.looked("call", len(held))
    return CallView(facts=(await _call_facts(ask, [row]))[0], artifacts=held)


@routes.post("/calls/{call}/withdraw", rule=duty(e.Withdrawn))
async def withdraw(ask: Ask, call: str, body: Withdrawal) -> Done:
    """Consent is withdrawn (R-20): what rests on it alone is unreadable at once and erased now."""
    call_id, asking = await ask.call(call), ask.asking()
    _, done = await ask.work(lambda: requests.withdraw(ask.desk, asking, [call_id], body.channel, ask.at))
    ask.running.calls.post(call_id, StopRequested(body.channel))
    return told(done, ask.lang)


@routes.post("/calls/{call}/special", rule=duty(e.SpecialCategory))
async def special(ask: Ask, call: str) -> Done:
    """Flag a call as holding health or other data of art. 9: out of samples, basis added (R-57, R-31)."""
    call_id, asking = await ask.call(call), ask.asking()
    return told(await ask.work(lambda: ask.desk.do(asking, e.SpecialCategory(call_id), ask.at)), ask.lang)


@routes.post("/calls/{call}/invalid", rule=duty(e.ConsentInvalid))
async def invalid(ask: Ask, call: str, body: Reason) -> Done:
    """There was no valid consent (a child, a wrong prompt): what rests on it is erased now (R-04)."""
    call_id, asking = await ask.call(call), ask.asking()
    event = e.ConsentInvalid((call_id,), body.reason)
    return told(await ask.work(lambda: ask.desk.do(asking, event, ask.at)), ask.lang)


@routes.get("/artifacts", rule=ANYBODY)
async def artifacts_listing(ask: Ask, query: ArtifactsQuery) -> Page[ArtifactFacts]:
    """Artifacts with lawful basis, until and expires at, newest first. The look is logged."""
    after = query.after
    kinds = (query.kind,) if query.kind else ()
    rows = await ask.read(lambda s: artifacts.page(s, query.limit + 1, after, kinds, query.state))
    await ask.looked("artifacts", len(rows))
    last = rows[query.limit - 1][0] if len(rows) > query.limit else None
    return Page(
        items=[facts.of(row, held) for row, held in rows[: query.limit]],
        next=cursor(last.created_at, last.id) if last else None,
    )


@routes.get("/artifacts/{artifact}", rule=ANYBODY)
async def artifact_view(ask: Ask, artifact: str) -> ArtifactView:
    """An artifact, its grounds, past ones too, and its certificate once it is erased."""
    artifact_id = await ask.artifact(artifact)
    found = await ask.read(lambda s: facts.view(s, artifact_id))
    await ask.looked("artifact", 1)
    return _in_words(found, ask.lang)


@routes.get("/artifacts/{artifact}/why", rule=ANYBODY)
async def why(ask: Ask, artifact: str) -> Why:
    """Why it still exists, or why it is gone: a sentence with the rule."""
    artifact_id = await ask.artifact(artifact)
    found = await ask.read(lambda s: explain(s, ask.desk.settings, artifact_id, ask.at))
    if found is None:
        raise Problem("not-found")
    await ask.looked("explanation", 1)
    return Why(**{**found, "why": said(found["why"], ask.lang)})


@routes.get("/artifacts/{artifact}/may", rule=GATE)
async def may(ask: Ask, artifact: str, query: MayQuery) -> MayView:
    """Whether it may be read in the capacity stated, and why (not). Opens and logs nothing."""
    artifact_id, asking = await ask.artifact(artifact), ask.asking()
    verdict = await ask.work(lambda: ask.desk.gate.may_read(asking, artifact_id, ask.at, query.action))
    return MayView(allowed=verdict.allowed, why=said(verdict.why, ask.lang))


@routes.get("/artifacts/{artifact}/ways", rule=ANYBODY)
async def ways(ask: Ask, artifact: str) -> list[Way]:
    """The capacities in which whoever asks could read it now: role, purpose, and what else to state."""
    artifact_id = await ask.artifact(artifact)
    return await ask.work(lambda: ask.desk.gate.ways(ask.person, artifact_id, ask.at))


@routes.get("/consents/{artifact}", rule=GATE)
async def consent(ask: Ask, artifact: str) -> ConsentView:
    """The consent record that an artifact is, and whether it stands as it was signed."""
    artifact_id, asking = await ask.artifact(artifact), ask.asking()
    row = await ask.work(lambda: ask.desk.gate.read_consent(asking, artifact_id, ask.at))
    genuine = consents.is_genuine(row, ask.desk.keys.public_key)
    told = {name: getattr(row, name) for name in ConsentView.model_fields if hasattr(row, name)}
    return ConsentView(**{**told, "call": row.call_id, "genuine": bool(genuine)})


def told(done: desk.Done, lang: str) -> Done:
    """What a desk did, for those who asked it."""
    return Done(
        refusals=[said(each, lang) for each in done.refusals],
        made=[new.artifact_id for new in done.made.values()],
        erased=len(done.erased.erased),
    )


def _in_words(view: ArtifactView, lang: str) -> ArtifactView:
    """The same, with what ended its grounds in the language asked for."""
    held = [replace(each, ended_by=each.ended_by and said(each.ended_by, lang)) for each in view.grounds]
    certificate = view.certificate
    if certificate is not None:
        lapsed = [{**each, "ended_by": said(each.get("ended_by") or "", lang)} for each in certificate.lapsed]
        certificate = replace(certificate, lapsed=lapsed)
    return replace(view, grounds=held, certificate=certificate)


async def _call_facts(ask: Ask, rows: Sequence[Call]) -> list[CallFacts]:
    ids = [row.id for row in rows]
    kept = await ask.read(lambda s: artifacts.of_calls(s, ids))
    return [
        CallFacts(
            call=row.id,
            flow=row.flow,
            direction=row.direction,
            arrived_at=row.arrived_at,
            answered_at=row.answered_at,
            agent_answered_at=row.agent_answered_at,
            ended_at=row.ended_at,
            end_reason=row.end_reason,
            decision=row.decision,
            special_category=row.special_category,
            artifacts=[Kept(artifact=a, kind=kind, state=state) for a, kind, state in kept.get(row.id, ())],
        )
        for row in rows
    ]
