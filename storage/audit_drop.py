"""The audit log forgets on time (R-62): what entries said is dropped, the chain holds without it.

An entry goes when it is older than `logs.access_ttl`, what it is about exists no more, and the last entry
about that is half a year old. Of dropped entries one row is left for each unbroken run of them, with the
hashes of its ends, and a new entry says which they were (`storage.audit_chain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from sqlalchemy import and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from storage import audit_log
from storage.audit_chain import DROP
from storage.database import Database
from storage.policy.clocks import first_within, local_date, local_midnight
from storage.policy.settings import PolicySettings, parse_period
from storage.tables import Artifact, AuditEntry, AuditReason, Call, Case, Consent, PromptVersion, User

AFTER_LIFE_MONTHS = 6
_BATCH = 500
_EVERY = timedelta(hours=20)


def drop(db: Database, now: datetime, settings: PolicySettings) -> int:
    """Drop what is due, once a day; how many entries."""
    if not db.read_sync(lambda s: _is_time(s, now, settings)):
        return 0
    dropped = 0
    while batch := db.write_sync(lambda s: _drop_batch(s, now, settings)):
        dropped += batch
    return dropped


def _is_time(session: Session, now: datetime, settings: PolicySettings) -> bool:
    last = session.scalar(
        select(AuditEntry.at).where(AuditEntry.action == DROP).order_by(AuditEntry.seq.desc()).limit(1)
    )
    if last is not None and now - datetime.fromisoformat(last) < _EVERY:
        return False
    return bool(_due(session, now, settings, 1))


def _drop_batch(session: Session, now: datetime, settings: PolicySettings) -> int:
    seqs = _due(session, now, settings, _BATCH)
    if not seqs:
        return 0
    session.execute(delete(AuditReason).where(AuditReason.seq.in_(seqs)))
    runs = _runs(seqs)
    for first, last in runs:
        _make_gap(session, first, last)
    audit_log.append(session, now, DROP, "audit", {"dropped": [list(run) for run in runs]})
    return len(seqs)


def _due(session: Session, now: datetime, settings: PolicySettings, limit: int) -> Sequence[int]:
    months, days = parse_period(settings.logs.access_ttl)
    oldest = _text(local_midnight(first_within(local_date(now), months, days)))
    quiet = _text(local_midnight(first_within(local_date(now), AFTER_LIFE_MONTHS)))
    later = aliased(AuditEntry)
    lives = or_(
        exists().where(Artifact.id == AuditEntry.subject, Artifact.state != "erased"),
        exists().where(Call.id == AuditEntry.subject),
        exists().where(Consent.id == AuditEntry.subject),
        exists().where(Case.id == AuditEntry.subject),
        exists().where(User.id == AuditEntry.subject),
        exists().where(PromptVersion.id == AuditEntry.subject),
    )
    recent = exists().where(and_(later.subject == AuditEntry.subject, later.at >= quiet))
    query = (
        select(AuditEntry.seq)
        .where(
            AuditEntry.last_seq.is_(None),
            AuditEntry.at < oldest,
            AuditEntry.action != DROP,
            ~lives,
            or_(~recent, AuditEntry.subject.in_(_NOTHING)),
        )
        .order_by(AuditEntry.seq)
        .limit(limit)
    )
    return session.scalars(query).all()


# Subjects that are about the archive as a whole: they have no life to outlast.
_NOTHING = ("audit", "archive", "certificates", "media", "policy", "prompts", "settings", "users")


def _text(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="microseconds")


def _runs(seqs: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for seq in seqs:
        if runs and runs[-1][1] == seq - 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return runs


def _make_gap(session: Session, first: int, last: int) -> None:
    """One row for `first` to `last` and the gaps that touch them."""
    before = session.scalar(select(AuditEntry.seq).where(AuditEntry.last_seq == first - 1))
    after = session.execute(
        select(AuditEntry.last_seq, AuditEntry.hash).where(
            AuditEntry.seq == last + 1, AuditEntry.last_seq.is_not(None)
        )
    ).first()
    start = before or first
    own = session.scalar(select(AuditEntry.hash).where(AuditEntry.seq == last))
    end, end_hash = after if after else (last, own)
    session.execute(delete(AuditEntry).where(AuditEntry.seq > start, AuditEntry.seq <= end))
    session.execute(
        update(AuditEntry)
        .where(AuditEntry.seq == start)
        .values(at="", actor="", action="", subject="", detail="", last_seq=end, hash=end_hash)
    )
