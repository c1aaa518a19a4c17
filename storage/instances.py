"""Instances: several gateways on one database, and what they must not do twice or to each other.

Promises:
1. A name is one gateway's at a time: it holds a lock of the database server under it, which goes with its
   connection. So who completes what `alpha` left is alpha, and alpha is not running elsewhere.
2. What one does for all (`HOUSEKEEPING`: the sweep, telling webhooks) is one gateway's until a lease runs
   out; it gives a sign of life more often than that.
3. Nobody closes the calls of another gateway, but by `forget`: an operator's word that it will not come back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from storage import artifacts, audit_log, calls, recordings
from storage.policy.settings import PolicySettings
from storage.tables import Call, Duty, GatewayRow, HeldFile

BEAT_S = 5.0
LEASE_S = 20.0
"""A duty is its holder's for so long without a sign of life; a gateway is taken for gone after it."""
HOUSEKEEPING = "housekeeping"


class StillAlive(ValueError):
    """A gateway that gives signs of life cannot be forgotten."""


@dataclass(frozen=True)
class About:
    """What a gateway tells of itself."""

    instance: str
    boot: str
    version: str
    settings: str
    started_at: datetime


@dataclass(frozen=True)
class Seen:
    """A gateway as the others see it."""

    instance: str
    version: str
    settings: str
    started_at: datetime
    seen_at: datetime
    calls_up: int
    draining: bool
    alive: bool
    duties: tuple[str, ...]
    files: int  # that only it has
    open_calls: int  # in the database


def lock_number(instance: str) -> int:
    """The number of the lock that a gateway of that name holds."""
    return int.from_bytes(hashlib.sha256(f"tast1 {instance}".encode()).digest()[:8], "big", signed=True)


def beat(session: Session, about: About, calls_up: int, draining: bool, at: datetime) -> bool:
    """A sign of life; whether the duties are this gateway's until `LEASE_S` from now."""
    row = session.get(GatewayRow, about.instance) or GatewayRow(instance=about.instance)
    row.boot, row.version, row.settings = about.boot, about.version, about.settings
    row.started_at, row.seen_at, row.calls_up, row.draining = about.started_at, at, calls_up, draining
    session.add(row)
    duty = session.get(Duty, HOUSEKEEPING)
    if duty is None:
        duty = Duty(name=HOUSEKEEPING, instance=about.instance, until=at)
        session.add(duty)
    if duty.instance != about.instance and duty.until > at:
        return False
    duty.instance, duty.until = about.instance, at + timedelta(seconds=LEASE_S)
    return True


def leave(session: Session, instance: str) -> None:
    """The gateway ends: others need not wait for its lease. What it still holds stays noted."""
    session.execute(delete(Duty).where(Duty.instance == instance))
    holds = session.scalar(select(func.count()).where(HeldFile.instance == instance))
    if not holds:
        session.execute(delete(GatewayRow).where(GatewayRow.instance == instance))


def listing(session: Session, at: datetime) -> list[Seen]:
    """All gateways that were seen and have not left, by name."""
    files = _counts(session, select(HeldFile.instance, func.count()).group_by(HeldFile.instance))
    up = select(Call.instance, func.count()).where(Call.ended_at.is_(None)).group_by(Call.instance)
    calls_of = _counts(session, up)
    duties: dict[str, list[str]] = {}
    for duty in session.scalars(select(Duty).where(Duty.until > at).order_by(Duty.name)):
        duties.setdefault(duty.instance, []).append(duty.name)
    return [
        Seen(
            row.instance,
            row.version,
            row.settings,
            row.started_at,
            row.seen_at,
            row.calls_up,
            row.draining,
            row.seen_at + timedelta(seconds=LEASE_S) > at,
            tuple(duties.get(row.instance, ())),
            files.get(row.instance, 0),
            calls_of.get(row.instance, 0),
        )
        for row in session.scalars(select(GatewayRow).order_by(GatewayRow.instance))
    ]


def forget(session: Session, instance: str, at: datetime, settings: PolicySettings) -> tuple[int, int]:
    """A gateway will not come back, nor its folder: how many calls were closed, and recordings given up.

    Its open calls are closed and what only its folder held is erased next. `StillAlive` while it is.
    """
    row = session.get(GatewayRow, instance)
    if row is not None and row.seen_at + timedelta(seconds=LEASE_S) > at:
        raise StillAlive(f"gateway {instance} is alive; stop it first")
    lost = session.scalars(select(HeldFile.artifact_id).where(HeldFile.instance == instance)).all()
    for artifact_id in lost:
        if artifacts.required(session, artifact_id).blocked_at is None:
            recordings.abandon(session, artifact_id, at, "its gateway is gone", settings)
    session.execute(delete(HeldFile).where(HeldFile.instance == instance))
    left = [call.id for call in calls.unfinished(session, instance)]
    for call_id in left:
        calls.close_call(session, call_id, at, "gateway_died", settings)
    session.execute(delete(GatewayRow).where(GatewayRow.instance == instance))
    session.execute(delete(Duty).where(Duty.instance == instance))
    detail = {"calls": len(left), "recordings": len(lost)}
    audit_log.append(session, at, "gateway.forget", instance, detail)
    return len(left), len(lost)


def _counts(session: Session, query: object) -> dict[str, int]:
    return {name: count for name, count in session.execute(query)}  # type: ignore[call-overload]
