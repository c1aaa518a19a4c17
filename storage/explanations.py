"""Why an artifact still exists, or why it is gone, with the rule."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from storage import artifacts, books, certificates
from storage.policy import grounds
from storage.policy.answers import ground_answer
from storage.policy.settings import PolicySettings


def explain(session: Session, settings: PolicySettings, prefix: str, at: datetime) -> dict[str, Any] | None:
    """About the one artifact whose id begins so, as at `at`: plain values, ready for JSON.

    None when there is no such artifact, or more than one.
    """
    found = artifacts.beginning(session, prefix)
    if len(found) != 1:
        return None
    row = artifacts.required(session, found[0])
    told = {"artifact": row.id, "kind": row.kind}
    certificate = certificates.of_artifact(session, row.id)
    if certificate is not None:
        because = "nothing permitted keeping it (R-01)"
        if certificate.lapsed:
            last = certificate.lapsed[-1]
            because = last["ended_by"] or f"{last['ground']} held through {last['until']} ({last['rule']})"
        why = f"It was erased: {because}. Certificate {certificate.dc_id} (R-60)."
        return {**told, "why": why, "grounds": []}
    held = artifacts.grounds_of(session, row.id)
    if row.blocked_at is not None:
        return {**told, "why": grounds.why(held, at), "grounds": []}
    excerpt = books.look(session, settings, [row.call_id] if row.call_id else [], [row.case_id or ""])
    # What an open request closes for a while is shown as closed: the stored ground alone does not say it.
    active = excerpt.book.effective(excerpt.holding(row.id), at)
    why = grounds.why(active or held, at)
    return {**told, "why": why, "grounds": [ground_answer(ground) for ground in active]}
