"""Readings for the metrics page: how much is kept, what is late, and how much room there is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import case, func, select, text
from sqlalchemy.orm import Session

from storage.due import lapsed
from storage.policy.settings import PolicySettings
from storage.tables import BEGUN, Artifact


@dataclass(frozen=True)
class ArchiveReading:
    """What is kept, by kind and state (capturing, sealed, erasing, erased); what is late."""

    artifacts: Mapping[tuple[str, str], int]
    overdue: int  # should have been erased so many hours ago as `policy.purge.sla_hours` allows
    begun: int  # erasures that were begun and are not complete


@dataclass(frozen=True)
class VolumeReading:
    """The room where something is written: `data` (the storage folder), `memory` (sound not yet sealed)."""

    name: str
    free_bytes: int
    size_bytes: int


def read_archive(session: Session, at: datetime, settings: PolicySettings) -> ArchiveReading:
    """Count what is kept and what is late at `at`."""
    state = case(
        ((Artifact.state != "erased") & Artifact.blocked_at.is_not(None), "erasing"), else_=Artifact.state
    )
    kept = session.execute(select(Artifact.kind, state, func.count()).group_by(Artifact.kind, state))
    latest = at - timedelta(hours=settings.purge.sla_hours)
    begun = select(func.count()).select_from(Artifact).where(text(BEGUN))
    late = session.scalar(begun.where(Artifact.lived_to <= latest)) or 0
    return ArchiveReading(
        {(kind, state): count for kind, state, count in kept},
        late + len(lapsed(session, latest)),
        session.scalar(begun) or 0,
    )


def read_volumes(folders: Mapping[str, Path]) -> tuple[VolumeReading, ...]:
    """The room in each folder that is there, by name."""
    found = []
    for name, folder in folders.items():
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue  # a memory folder is not made before it is used
        found.append(VolumeReading(name, usage.free, usage.total))
    return tuple(found)


def bytes_below(*folders: Path) -> int:
    """Bytes on disk of the files in these folders and below; what goes meanwhile is not counted."""
    total = 0
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                total += path.stat().st_blocks * 512  # given-back memory of a growing file is not used
            except OSError:
                continue
    return total
