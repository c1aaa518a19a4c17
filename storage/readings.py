"""Reading a recording: the policy is asked, the reading is logged, then the file is opened.

A refusal is logged as well.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from storage import artifacts, audit_log
from storage.artifacts import NotReadable
from storage.database import Database
from storage.keys import Keys
from storage.media import MediaStore
from storage.sealed import SealedReader


def open_recording(
    db: Database,
    store: MediaStore,
    keys: Keys,
    artifact_id: str,
    at: datetime,
    actor: dict[str, Any],
    action: str = "play",
    purpose: str = "",
) -> SealedReader:
    """The FLAC of a recording as a file object (caller left, agent right).

    Raises `NotReadable` when no ground permits it at `at`, `MediaError` when the file is damaged.
    """
    try:
        key = db.write_sync(lambda s: artifacts.unlock(s, keys, artifact_id, at, actor, action, purpose))
    except NotReadable as refusal:
        detail = {"action": action, "rule": refusal.rule, "purpose": purpose}
        db.write_sync(lambda s: audit_log.append(s, at, "deny", artifact_id, detail, actor))
        raise
    return store.open(artifact_id, key)
