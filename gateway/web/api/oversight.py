"""For the data protection officer: retention at a glance, the monthly report, the audit log, the settings."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from gateway.texts import text
from gateway.web.api.ask import Ask
from gateway.web.api.pages import Given
from gateway.web.api.problems import Problem
from gateway.web.api.route import ANYBODY, Routes, roles
from storage import audit_log, overview
from storage import report as reports
from storage.audit_chain import Entry
from storage.overview import Overview
from storage.policy.clocks import local_date
from storage.policy.duties import CONFIGURERS

routes = Routes("oversight")
OVERSEERS = roles("DPO", "LEGAL", "COMPLIANCE", "SYSADMIN")


class RetentionView(BaseModel):
    """Retention at a glance, as of `at`; `swept_at`: when the last sweep ended."""

    at: datetime
    swept_at: datetime | None
    overview: Overview


class MonthQuery(Given):
    """Which month."""

    month: str = Field(
        "", pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$", description="YYYY-MM; the last whole one when empty."
    )


class AuditQuery(Given):
    """Which entries, newest first."""

    limit: int = Field(50, ge=1, le=500, description="How many.")
    before: int | None = Field(None, ge=1, description="Older than the entry of this number.")
    subject: str = Field("", max_length=128, description="About this artifact, call or case.")
    action: str = Field("", max_length=64, description="Of this kind.")
    actor: str = Field("", max_length=64, description="By this user.")


class EntryView(BaseModel):
    """An entry of the audit log. What somebody wrote as a reason is not in it."""

    seq: int
    at: datetime
    actor: dict[str, Any]
    action: str
    subject: str
    detail: dict[str, Any]
    hash: str


class AuditPage(BaseModel):
    """Entries, newest first; `next`: the `before` of the page after, null at the end."""

    items: list[EntryView]
    next: int | None


class VerdictView(BaseModel):
    """Whether the chain is whole; else the first entry that does not fit."""

    intact: bool
    entries: int
    broken_at: int | None


class ReloadAsked(Given):
    """How to reload."""

    dry_run: bool = Field(False, description="Only say what would change.")


class ChangeView(BaseModel):
    """A setting that is different, as YAML, secrets masked; `effect`: when it is taken up."""

    key: str
    before: str | None
    after: str | None
    effect: str


class MistakeView(BaseModel):
    """A mistake in the settings: where, which key, what is wrong and what to do."""

    where: str
    key: str
    why: str


class ReloadView(BaseModel):
    """What a reload did, or would do. Without `taken` nothing changed.

    `warnings`: what is in order and should be known, such as a prompt that names another key than accepts.
    """

    taken: bool
    dry_run: bool
    changes: list[ChangeView]
    mistakes: list[MistakeView]
    warnings: list[str]


@routes.get("/retention", rule=ANYBODY)
async def retention(ask: Ask) -> RetentionView:
    """What is kept and why, what goes on which day, what went, and how much is late (must be none)."""
    found = await ask.read(lambda s: overview.overview(s, ask.at))
    return RetentionView(at=ask.at, swept_at=ask.running.swept_at, overview=found)


@routes.get("/report", rule=OVERSEERS)
async def report(ask: Ask, query: MonthQuery) -> dict[str, Any]:
    """The monthly retention report (§8.4), as `tast1 report --json` writes it."""
    last = (local_date(ask.at).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    first = reports.month_of(query.month or last)
    made = await ask.work(lambda: reports.build(ask.desk, first, ask.at))
    await ask.looked("report", 1)
    return made


@routes.get("/audit", rule=OVERSEERS)
async def audit(ask: Ask, query: AuditQuery) -> AuditPage:
    """The audit log, newest first. The look is logged."""
    found = await ask.read(
        lambda s: audit_log.newest(s, query.limit + 1, query.before, query.subject, query.action, query.actor)
    )
    await ask.looked("audit", len(found))
    more = len(found) > query.limit
    items = [_entry(each) for each in found[: query.limit]]
    return AuditPage(items=items, next=items[-1].seq if more else None)


@routes.post("/audit/verify", rule=OVERSEERS)
async def verify(ask: Ask) -> VerdictView:
    """Check the whole chain of the audit log."""
    verdict = await ask.read(audit_log.verify)
    return VerdictView(intact=verdict.intact, entries=verdict.entries, broken_at=verdict.broken_at)


@routes.get("/config", rule=roles("SYSADMIN", "DPO"))
async def config(ask: Ask) -> dict[str, Any]:
    """The settings in force, secrets masked."""
    return dict(ask.running.shown_settings())


@routes.post("/config/reload", rule=roles(*CONFIGURERS))
async def reload(ask: Ask, body: ReloadAsked) -> ReloadView:
    """Read the settings again while calls are up, or say what that would change (`dry_run`).

    A file with a mistake changes nothing: `taken` is false and `mistakes` lists every one.
    """
    asking = ask.asking()
    await ask.work(lambda: ask.desk.gate.require_configurer(asking, ask.at))
    done = await ask.running.reload(asking.actor, body.dry_run)
    told = done.told()
    warnings = [
        text(
            "unfit",
            ask.lang,
            prompt=each["prompt"],
            flow=each["flow"],
            accepts=each["accepts"],
            says=each["says"],
        )
        for each in told["unfit"]
    ]
    return ReloadView.model_validate({**told, "warnings": warnings})


def _entry(entry: Entry) -> EntryView:
    return EntryView(
        seq=entry.seq,
        at=datetime.fromisoformat(entry.at),
        actor=_told(entry.actor),
        action=entry.action,
        subject=entry.subject,
        detail=_told(entry.detail),
        hash=entry.hash,
    )


def _told(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise Problem("unavailable") from None
    return found if isinstance(found, dict) else {}
