"""The monthly retention report (§8.4): what is kept and why, what went, what is late, what was decided.

Plain values, ready for JSON; the command line prints the same as tables. Numbers and ids only. The month is a
local one; what is kept is counted at the instant of the report.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sqlalchemy import and_, case, func, or_, select, text
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, certificates, tasks
from storage.audit_chain import Entry
from storage.desk import Desk
from storage.due import all_due
from storage.held import FILES
from storage.model import ArtifactKind, GroundName
from storage.policy.clocks import add_months, local_midnight
from storage.sealed import MediaError
from storage.tables import BEGUN, Artifact, AuditEntry, DataKey, GroundRow, HeldFile, Tombstone

VERIFICATIONS = 25
_AGES = ((30, "0-30"), (90, "31-90"), (365, "91-365"))
_OLDER = "366-"

Report = dict[str, Any]


def month_of(value: str) -> date:
    """The first day of a month written YYYY-MM; `ValueError` otherwise."""
    return datetime.strptime(value, "%Y-%m").date()


def build(desk: Desk, month: date, at: datetime) -> Report:
    """The report of the month that begins on the civil date `month`."""
    begins, ends = local_midnight(month), local_midnight(add_months(month, 1))

    def read(session: Session) -> Report:
        events = list(_events(session, begins, ends))
        verdict = audit_log.verify(session)
        return {
            "month": month.strftime("%Y-%m"),
            "made_at": at.isoformat(),
            "controller": desk.tags.controller,
            "kept": _kept(session, at),
            "erased": _erased(session, begins, ends),
            "overdue": len(all_due(session, at - timedelta(hours=desk.settings.purge.sla_hours))),
            "begun_not_complete": _count(session, text(BEGUN)),
            "waiting": [
                {"kind": t.kind, "about": t.about, "due": t.due and t.due.isoformat(), "level": t.level}
                for t in tasks.waiting(session, desk, at)
            ],
            "questions": dict(sorted(Counter(_details(events, "consent", "decision")).items())),
            "events": dict(sorted(Counter(entry.action for entry in events if entry.action in TOLD).items())),
            "refused": dict(sorted(Counter(_refusals(events)).items())),
            "extensions": [_decision(entry) for entry in events if entry.action == "investigation_extended"],
            "early_releases": [
                _decision(entry) for entry in events if entry.action == "documentation_released"
            ],
            "restored_and_erased_again": sum(entry.action == "erase.replay" for entry in events),
            "audit": {
                "entries": verdict.entries,
                "dropped_on_time": verdict.dropped,
                "intact": verdict.intact,
                "broken_at": verdict.broken_at,
                "last_hash": verdict.last_hash,
            },
            "verified": _verify(session, desk, month, begins, ends, at),
        }

    report: Report = desk.db.read_sync(read)
    return report


TOLD = frozenset(
    {
        *("withdraw", "rights_request", "rights_answered", "rights_extended", "documentation_released"),
        *("complaint_received", "complaint_decided", "complaint_closed", "freeze_extended"),
        *("forwarded", "investigation_decided", "investigation_extended", "limitation_confirmed"),
        *("sampled", "authority_ordered", "authority_lifted", "special_category", "consent_invalid"),
        *("play", "read", "export", "download", "search", "disclose", "deny", "refuse", "users.attest"),
        *("policy.restate", "settings.reload", "settings.refuse", "audit.export", "record", "erase"),
    }
)


def _events(session: Session, begins: datetime, ends: datetime) -> Iterator[Entry]:
    query = (
        select(AuditEntry)
        .where(AuditEntry.at >= _text(begins), AuditEntry.at < _text(ends), AuditEntry.last_seq.is_(None))
        .order_by(AuditEntry.seq)
    )
    for row in session.scalars(query.execution_options(yield_per=1000)):
        if row.action in TOLD or row.action in ("consent", "erase.replay"):
            fields = (row.at, row.actor, row.action, row.subject, row.detail)
            yield Entry(row.seq, *fields, row.prev_hash, row.hash)
        session.expunge(row)


def _text(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="microseconds")


def _kept(session: Session, at: datetime) -> list[dict[str, Any]]:
    """Artifacts by kind, ground and age in days; one with two grounds counts under both."""
    age = case(*((Artifact.anchor > at - timedelta(days=days), label) for days, label in _AGES), else_=_OLDER)
    active = and_(
        or_(GroundRow.ended_at.is_(None), GroundRow.ended_at > at),
        or_(GroundRow.expires_at.is_(None), GroundRow.expires_at > at),
    )
    query = (
        select(Artifact.kind, GroundRow.ground, age.label("age"), func.count().label("count"))
        .join(GroundRow, GroundRow.artifact_id == Artifact.id)
        .where(active, Artifact.blocked_at.is_(None))
        .group_by(Artifact.kind, GroundRow.ground, age)
        .order_by(Artifact.kind, GroundRow.ground, age)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def _erased(session: Session, begins: datetime, ends: datetime) -> list[dict[str, Any]]:
    """Certificates of the month by kind and the rule by which it went; how many had failures before."""
    counts: Counter[tuple[str, str]] = Counter()
    failed: Counter[tuple[str, str]] = Counter()
    query = select(Tombstone.kind, Tombstone.lapsed, Tombstone.failures).where(
        Tombstone.purged_at >= begins, Tombstone.purged_at < ends
    )
    for kind, lapsed, failures in session.execute(query.execution_options(yield_per=1000)):
        key = kind, certificates.rule_of(lapsed)
        counts[key] += 1
        failed[key] += bool(failures)
    return [
        {"kind": kind, "rule": rule, "count": counts[kind, rule], "retried": failed[kind, rule]}
        for kind, rule in sorted(counts)
    ]


def _count(session: Session, condition: Any) -> int:
    return session.scalar(select(func.count()).select_from(Artifact).where(condition)) or 0


def _details(events: list[Entry], action: str, name: str) -> Iterator[str]:
    for entry in events:
        if entry.action == action:
            yield str(json.loads(entry.detail).get(name, ""))


def _refusals(events: list[Entry]) -> Iterator[str]:
    for entry in events:
        if entry.action in ("deny", "refuse"):
            told = json.loads(entry.detail)
            yield f"{told.get('action', '')} {told.get('rule', '')}".strip()


def _decision(entry: Entry) -> dict[str, Any]:
    """A decision: when, about which case, by whom, and in which note its reason stands."""
    told = json.loads(entry.detail)
    return {
        "at": entry.at,
        "case": entry.subject,
        "by": json.loads(entry.actor).get("id"),
        "note": told.get("note"),
        "until": told.get("until"),
    }


def _verify(
    session: Session, desk: Desk, month: date, begins: datetime, ends: datetime, at: datetime
) -> dict[str, Any]:
    """Drawn at random, the month is the seed: of what was erased nothing is left, what is kept is whole."""
    draw = random.Random(month.isoformat())
    gone = list(
        session.scalars(
            select(Tombstone.artifact_pseudonym)
            .where(Tombstone.purged_at >= begins, Tombstone.purged_at < ends)
            .order_by(Tombstone.artifact_pseudonym)
        )
    )
    wanted = set(draw.sample(gone, min(VERIFICATIONS, len(gone))))
    there = {*desk.store.ids(), *desk.store.ids_in_bucket()} if wanted else set()
    files = {certificates.pseudonym(each) for each in there}
    alive = set()
    kept: list[str] = []
    for number, each in enumerate(
        session.scalars(
            select(Artifact.id)
            .where(Artifact.blocked_at.is_(None))
            .order_by(Artifact.id)
            .execution_options(yield_per=5000)
        )
    ):
        if wanted and (told_of := certificates.pseudonym(each)) in wanted:
            alive.add(told_of)
        if len(kept) < VERIFICATIONS:
            kept.append(each)
        elif (place := draw.randrange(number + 1)) < VERIFICATIONS:
            kept[place] = each
    faults = [fault for each in kept if (fault := _fault(session, desk, each, at))]
    return {
        "erased_drawn": len(wanted),
        "erased_but_there": sorted(alive | (files & wanted)),
        "kept_drawn": len(kept),
        "kept_with_faults": faults,
    }


def _has_file(session: Session, desk: Desk, artifact_id: str) -> bool:
    """Whether its sealed file is here, in the bucket, or with the gateway that is about to send it there."""
    row = session.get(HeldFile, artifact_id)
    if row is not None and row.instance != desk.store.instance:
        return True
    try:
        return desk.store.has_sealed(artifact_id)
    except MediaError:
        return False


def _fault(session: Session, desk: Desk, artifact_id: str, at: datetime) -> str:
    """What is wrong with a kept artifact; "" when nothing is."""
    row = artifacts.required(session, artifact_id)
    held = artifacts.grounds_of(session, artifact_id)
    if not any(ground.active(at) for ground in held):
        return f"{artifact_id}: past its date, waiting for the sweep"
    if row.region not in artifacts.REGIONS:
        return f"{artifact_id}: stored in {row.region} (R-51)"
    if row.kind in FILES and session.get(DataKey, artifact_id) is None:
        return f"{artifact_id}: has no data key"
    if row.kind in FILES and row.state == "sealed" and not _has_file(session, desk, artifact_id):
        return f"{artifact_id}: its file is not there"
    if row.kind == ArtifactKind.AUDIO.value and not any(g.ground is GroundName.CONSENT for g in held):
        return f"{artifact_id}: never rested on consent"
    return ""
