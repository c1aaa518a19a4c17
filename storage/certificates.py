"""Deletion certificates (§8.3): proof that something was erased, without what it was.

A certificate names its artifact by a pseudonym only: who has the artifact's id can find the
certificate, nobody can find the id from it. There is one per artifact; the table keeps that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage.ids import new_id
from storage.many import insert_all
from storage.policy.clocks import local_midnight
from storage.tables import Tombstone

METHOD = "data key destroyed, file removed, rows deleted"
VERIFIER = "sweep: looked for files after removing them"


@dataclass(frozen=True)
class Lapsed:
    """Why the artifact had to go: how its grounds lapsed, the last one last."""

    due_at: datetime
    last_life: date  # the last civil date on which it was allowed to exist
    grounds: tuple[dict[str, Any], ...]  # ground, rule, until, ended_at, ended_by

    @property
    def rule(self) -> str:
        """The rule by which it went: that of what ended its last ground, or of the period that ran out."""
        return rule_of(self.grounds)


def rule_of(lapsed: Sequence[Mapping[str, Any]]) -> str:
    """The rule by which an artifact with these lapsed grounds went."""
    if not lapsed:
        return "R-60"
    last = lapsed[-1]
    ended = re.search(r"R-\d+|§4", str(last["ended_by"]))
    return ended.group() if last["ended_at"] and ended else str(last["rule"])


def certificate(
    artifact_id: str,
    kind: str,
    content_sha256: str | None,
    lapsed: Lapsed,
    blocked_at: datetime,
    purged_at: datetime,
    locations: Sequence[str],
    failures: Sequence[dict[str, Any]],
    backups_out_on: date,
) -> dict[str, Any]:
    """The certificate of an artifact, to be issued: a row of `Tombstone`."""
    return dict(
        dc_id=new_id(purged_at),
        artifact_pseudonym=pseudonym(artifact_id),
        kind=kind,
        content_sha256=content_sha256,
        lapsed=list(lapsed.grounds),
        due_at=lapsed.due_at,
        blocked_at=blocked_at,
        purged_at=purged_at,
        locations=list(locations),
        method=METHOD,
        failures=list(failures),
        verifier=VERIFIER,
        backups_out_on=backups_out_on,
    )


def issue(session: Session, issued: Sequence[dict[str, Any]]) -> None:
    """Write certificates; `storage.database.Refused` if an artifact has one already."""
    insert_all(session, Tombstone, issued)


def pseudonym(artifact_id: str) -> str:
    """The name of an artifact in its certificate: a hash of its (random) id."""
    return hashlib.sha256(b"tast1 artifact " + artifact_id.encode()).hexdigest()


def of_artifact(session: Session, artifact_id: str) -> Tombstone | None:
    """The certificate of an artifact, once it is erased."""
    query = select(Tombstone).where(Tombstone.artifact_pseudonym == pseudonym(artifact_id))
    return session.scalars(query).one_or_none()


def listing(session: Session, limit: int = 100) -> Sequence[Tombstone]:
    """Certificates, newest first."""
    query = select(Tombstone).order_by(Tombstone.purged_at.desc(), Tombstone.dc_id).limit(limit)
    return session.scalars(query).all()


def drop_older(session: Session, oldest: date) -> int:
    """Remove certificates of erasures before the civil date `oldest`; returns how many."""
    limit = local_midnight(oldest)
    gone = session.scalars(select(Tombstone.dc_id).where(Tombstone.purged_at < limit)).all()
    if gone:
        session.execute(delete(Tombstone).where(Tombstone.purged_at < limit))
    return len(gone)
