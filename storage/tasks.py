"""What waits for somebody: deadlines, alarms and reviews that the rules set, found from what is stored.

Nothing here is remembered; a task is there while its cause is. Alarms: a freeze on its 7th and 12th day
(R-36), a triage on its 20th and 27th (A-08), limitation dates nobody has confirmed and extensions each year
(R-38, R-44), the access list each quarter (R-50), recipients of what was erased (R-25), erasures that failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from storage import disclosures, investigations, people, requests
from storage.desk import Desk
from storage.model import CaseKind, GroundName
from storage.policy.clocks import add_months, add_years, local_date
from storage.tables import BEGUN, Artifact, AuditEntry, Case, CaseMember, GroundRow

FREEZE_ALARMS = (7, 12)
TRIAGE_ALARMS = (20, 27)
ATTEST_MONTHS = 3


@dataclass(frozen=True)
class Task:
    """One thing that waits. `about` is a case, an artifact or a number; `level`: 0 known, 1 alarm, 2 late."""

    kind: str
    about: str
    due: date | None
    level: int
    count: int = 1  # artifacts that it concerns


def waiting(session: Session, desk: Desk, at: datetime) -> list[Task]:
    """Everything that waits at `at`, the most pressing first."""
    today = local_date(at)
    found = [
        *_requests(session, desk, at, today),
        *_freezes(session, at, today),
        *_triages(session, at, today),
        *_limitation(session, at, today),
        *_extensions(session, at, today),
        *_unassigned(session),
        *(
            Task("proposal", f"{row.case_id} #{row.id}", row.until, 1)
            for row in investigations.proposals(session)
        ),
        *(
            Task("recipient", f"#{row.id} {row.recipient}", None, 2 if row.notified_at is None else 1)
            for row in disclosures.waiting(session)
        ),
        *_erasures(session, desk, at),
        *_attestation(session, at, today),
    ]
    return sorted(found, key=lambda task: (-task.level, task.due or date.max, task.kind, task.about))


def _requests(session: Session, desk: Desk, at: datetime, today: date) -> Iterator[Task]:
    for view in requests.listing(session, desk, at):
        left = (view.due - today).days
        yield Task("request", view.id, view.due, 2 if left < 0 else 1 if left <= 7 else 0, len(view.held))


def _of_cases(session: Session, name: GroundName, at: datetime) -> Iterator[tuple[str, list[GroundRow]]]:
    """The active grounds of a name, by case."""
    query = (
        select(GroundRow)
        .join(Artifact, Artifact.id == GroundRow.artifact_id)
        .where(
            GroundRow.ground == name.value,
            Artifact.blocked_at.is_(None),
            or_(GroundRow.ended_at.is_(None), GroundRow.ended_at > at),
            or_(GroundRow.expires_at.is_(None), GroundRow.expires_at > at),
        )
        .order_by(GroundRow.case_id, GroundRow.id)
    )
    by_case: dict[str, list[GroundRow]] = {}
    for row in session.scalars(query):
        by_case.setdefault(row.case_id or "", []).append(row)
    yield from by_case.items()


def _freezes(session: Session, at: datetime, today: date) -> Iterator[Task]:
    for case, rows in _of_cases(session, GroundName.COMPLAINT_FREEZE, at):
        age = (today - local_date(min(row.clock_start for row in rows))).days
        level = sum(age >= alarm for alarm in FREEZE_ALARMS)
        yield Task("freeze", case, min(row.until or today for row in rows), level, len(rows))


def _triages(session: Session, at: datetime, today: date) -> Iterator[Task]:
    for case, rows in _of_cases(session, GroundName.INV_TRIAGE, at):
        age = (today - local_date(min(row.clock_start for row in rows))).days
        level = sum(age >= alarm for alarm in TRIAGE_ALARMS)
        yield Task("triage", case, min(row.until or today for row in rows), level, len(rows))


def _limitation(session: Session, at: datetime, today: date) -> Iterator[Task]:
    for case, rows in _of_cases(session, GroundName.COMPLAINT, at):
        row = session.get(Case, case)
        if row is None or row.confirmed is not None or all(each.until is not None for each in rows):
            continue
        review = _next_year(local_date(min(each.clock_start for each in rows)), today)
        late = row.closed_at is not None
        yield Task("limitation", case, review, 1 if late or review <= today else 0, len(rows))


def _extensions(session: Session, at: datetime, today: date) -> Iterator[Task]:
    for case, rows in _of_cases(session, GroundName.INV_EXT, at):
        review = _next_year(local_date(min(each.clock_start for each in rows)), today)
        yield Task("extension", case, review, 1 if review <= today else 0, len(rows))


def _next_year(start: date, today: date) -> date:
    """The yearly day of review that is next, or was within the last month."""
    years = 1
    while add_months(add_years(start, years), 1) < today:
        years += 1
    return add_years(start, years)


def _unassigned(session: Session) -> Iterator[Task]:
    kinds = (CaseKind.COMPLAINT.value, CaseKind.INVESTIGATION.value)
    member = select(CaseMember.user_id).where(CaseMember.case_id == Case.id).exists()
    query = select(Case).where(Case.kind.in_(kinds), Case.closed_at.is_(None), ~member)
    for row in session.scalars(query.order_by(Case.opened_at)):
        yield Task("unassigned", row.id, None, 1)


def _erasures(session: Session, desk: Desk, at: datetime) -> Iterator[Task]:
    """Erasures that were begun and are not complete."""
    target = at - timedelta(hours=desk.settings.purge.straks_target_hours)
    latest = at - timedelta(hours=desk.settings.purge.sla_hours)
    for row in session.scalars(select(Artifact).where(text(BEGUN), Artifact.blocked_at < target)):
        late = row.blocked_at is not None and row.blocked_at < latest
        yield Task("erasure", row.id, None, 2 if late else 1)


def _attestation(session: Session, at: datetime, today: date) -> Iterator[Task]:
    if not people.listing(session):
        return
    query = select(AuditEntry.at).where(AuditEntry.action == "users.attest").order_by(AuditEntry.seq.desc())
    last = session.scalar(query.limit(1))
    due = add_months(local_date(datetime.fromisoformat(last)), ATTEST_MONTHS) if last else today
    if due <= today + timedelta(days=14):
        yield Task("attestation", "users", due, 1 if due <= today else 0)
