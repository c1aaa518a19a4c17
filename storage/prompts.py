"""Prompts in the archive: versions, who made and approved them, and where each is played from when.

Promises:
1. A version never changes; its sound is named by its hash, so a file is the one that was made or it is none.
2. Nothing is played that somebody else than its maker did not approve.
3. Who made, approved, activated and rolled back is in the audit log, in the same transaction.
4. What was played is not rewritten: an activation begins now or later, and ends when somebody says so.

The sets of the prompts' folder are the first version of everything; they have no rows here.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import audit_log
from storage.keys import Keys
from storage.policy.book import Refused
from storage.sealed import explain, sync_folder, write_all
from storage.tables import PromptActivation, PromptVersion

PROMPTS = "prompts"
"""The folder of the sounds, in the storage folder."""

SUBJECT = "prompts"
"""The subject of log entries that are about no version that was made here."""

SCOPES = ("number", "flow", "set")
"""Where a version can be played, the narrower first."""


@dataclass(frozen=True)
class NewVersion:
    """A version as it is made; see `storage.tables.PromptVersion`."""

    prompt_set: str
    role: str
    text: str
    audio_sha256: str
    duration_ms: int
    markers: Mapping[str, Any] = field(default_factory=dict)
    loudness_lufs: float | None = None
    peak_dbtp: float | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Place:
    """Where a prompt is played: everywhere its set is, in one flow, or at one dialled number."""

    prompt_set: str
    role: str
    scope: str = "set"
    target: str = ""


@dataclass(frozen=True)
class Stock:
    """What may be played from some instant on: activations that have not ended, and their versions by id."""

    versions: Mapping[str, PromptVersion] = field(default_factory=dict)
    activations: Sequence[PromptActivation] = ()


def file_of(folder: Path, audio_sha256: str) -> Path:
    """Where the sound of a version is, in a storage folder."""
    return folder / PROMPTS / f"{audio_sha256}.wav"


def keep_file(folder: Path, audio: bytes) -> str:
    """Write a sound so that it survives a power cut; its SHA-256. `MediaError` when it cannot be written.

    A file that is there already is replaced: it may be a damaged one.
    """
    sha256 = hashlib.sha256(audio).hexdigest()
    path = file_of(folder, sha256)
    fresh = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_all(fd, audio)
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise explain(error, "writing a prompt") from error
    return sha256


def add(
    session: Session, new: NewVersion, shipped: str, at: datetime, actor: dict[str, Any]
) -> PromptVersion:
    """Store a version; its number is the next after those there are, `shipped` included."""
    numbers = select(func.max(PromptVersion.number)).where(
        PromptVersion.prompt_set == new.prompt_set, PromptVersion.role == new.role
    )
    before = max(session.scalar(numbers) or 0, int(shipped) if shipped.isdecimal() else 0)
    row = PromptVersion(
        id=uuid.uuid4().hex,
        prompt_set=new.prompt_set,
        role=new.role,
        number=before + 1,
        text=new.text,
        text_sha256=hashlib.sha256(new.text.encode()).hexdigest(),
        audio_sha256=new.audio_sha256,
        duration_ms=new.duration_ms,
        markers=dict(new.markers),
        loudness_lufs=new.loudness_lufs,
        peak_dbtp=new.peak_dbtp,
        source=dict(new.source),
        findings=[dict(finding) for finding in new.findings],
        made_at=at,
        made_by=str(actor["id"]),
        accepted_warnings=[],
    )
    session.add(row)
    audit_log.append(session, at, "prompt.make", row.id, _told(row), actor)
    return row


def versions(session: Session, prompt_set: str | None = None, role: str | None = None) -> list[PromptVersion]:
    """The versions that were made here, by set, role and number."""
    query = select(PromptVersion)
    if prompt_set is not None:
        query = query.where(PromptVersion.prompt_set == prompt_set)
    if role is not None:
        query = query.where(PromptVersion.role == role)
    order = (PromptVersion.prompt_set, PromptVersion.role, PromptVersion.number)
    return list(session.scalars(query.order_by(*order)))


def approve(
    session: Session,
    version_id: str,
    at: datetime,
    actor: dict[str, Any],
    warnings: Sequence[str] = (),
    reason: str = "",
    keys: Keys | None = None,
) -> PromptVersion:
    """A second person approves a version; `warnings` are the findings accepted with it, for a `reason`."""
    row = session.get_one(PromptVersion, version_id)
    if row.approved_at is not None:
        raise Refused(f"{name_of(row)} is approved already")
    if row.made_by == actor["id"]:
        raise Refused("somebody else than its maker approves a prompt (four eyes)")
    row.approved_at, row.approved_by = at, str(actor["id"])
    row.accepted_warnings = list(warnings)
    told = {**_told(row), "warnings": list(warnings)}
    audit_log.append(session, at, "prompt.approve", row.id, told, actor, reason, keys)
    return row


def activate(
    session: Session,
    place: Place,
    version_id: str | None,
    begins_at: datetime,
    at: datetime,
    actor: dict[str, Any],
) -> PromptActivation:
    """From `begins_at` on a version is played in a place; None: the one that came with Tast1."""
    if begins_at < at:
        raise Refused("a prompt is played from now on or from a time to come, not from a time that is over")
    row = None if version_id is None else session.get_one(PromptVersion, version_id)
    if row is not None and row.approved_at is None:
        raise Refused(f"{name_of(row)} is not approved; somebody else than its maker does that first")
    made = PromptActivation(
        version_id=version_id,
        prompt_set=place.prompt_set,
        role=place.role,
        scope=place.scope,
        target=place.target,
        begins_at=begins_at,
        made_at=at,
        made_by=str(actor["id"]),
    )
    session.add(made)
    session.flush()
    told = {**_where(made), "begins_at": begins_at.isoformat()}
    audit_log.append(session, at, "prompt.activate", version_id or SUBJECT, told, actor)
    return made


def roll_back(
    session: Session, place: Place, at: datetime, actor: dict[str, Any], scheduled: bool = False
) -> tuple[PromptActivation, PromptActivation | None]:
    """End what is played in a place, so that what was played before it is played again.

    With `scheduled`: take back the next that would begin there. Returns the one that ended, and the one of
    that place that is in force now; None: what a wider place has, in the end what came with Tast1.
    """
    here = [each for each in _open(session, at) if _place(each) == place]
    begun = [each for each in here if each.begins_at <= at]
    if scheduled:
        coming = sorted((each for each in here if each.begins_at > at), key=_age)
        if not coming:
            raise Refused("nothing is to begin there")
        ended = coming[0]
    elif not begun:
        raise Refused("nothing was activated there that could be taken back")
    else:
        ended = max(begun, key=_age)
    ended.ended_at, ended.ended_by = at, str(actor["id"])
    left = [each for each in begun if each is not ended]
    audit_log.append(session, at, "prompt.rollback", ended.version_id or SUBJECT, _where(ended), actor)
    return ended, max(left, key=_age, default=None)


def stock(session: Session, at: datetime) -> Stock:
    """What may be played at `at` or later."""
    activations = _open(session, at)
    wanted = {each.version_id for each in activations if each.version_id is not None}
    found = session.scalars(select(PromptVersion).where(PromptVersion.id.in_(wanted))) if wanted else ()
    return Stock({row.id: row for row in found}, tuple(activations))


def in_force(
    activations: Iterable[PromptActivation], prompt_set: str, role: str, flow: str, number: str, at: datetime
) -> PromptActivation | None:
    """Which activation decides for a call; None: what came with Tast1."""
    targets = {"number": number, "flow": flow, "set": ""}
    fitting = [
        each
        for each in activations
        if (each.prompt_set, each.role) == (prompt_set, role)
        and each.target == targets[each.scope]
        and each.begins_at <= at
        and (each.ended_at is None or each.ended_at > at)
    ]
    return min(fitting, key=lambda each: (SCOPES.index(each.scope), _youth(each)), default=None)


def name_of(row: PromptVersion) -> str:
    """What a version is called: da/consent/2."""
    return f"{row.prompt_set}/{row.role}/{row.number}"


def _open(session: Session, at: datetime) -> list[PromptActivation]:
    query = select(PromptActivation).where(
        (PromptActivation.ended_at.is_(None)) | (PromptActivation.ended_at > at)
    )
    return list(session.scalars(query.order_by(PromptActivation.id)))


def _place(row: PromptActivation) -> Place:
    return Place(row.prompt_set, row.role, row.scope, row.target)


def _age(row: PromptActivation) -> tuple[datetime, int]:
    return row.begins_at, row.id


def _youth(row: PromptActivation) -> tuple[float, int]:
    return -row.begins_at.timestamp(), -row.id


def _told(row: PromptVersion) -> dict[str, Any]:
    return {
        "prompt": name_of(row),
        "audio_sha256": row.audio_sha256,
        "text_sha256": row.text_sha256,
    }


def _where(row: PromptActivation) -> dict[str, Any]:
    """A place for the log: a dialled number is a number, so it is the activation that tells it."""
    told = {"activation": row.id, "prompt": f"{row.prompt_set}/{row.role}", "scope": row.scope}
    return {**told, "flow": row.target} if row.scope == "flow" else told
