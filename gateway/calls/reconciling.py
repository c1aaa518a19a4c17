"""Reconciling a live call at its end: what was seen of it, read from its timeline, and its outcome stored."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from gateway.calls.backlog import Backlog, may_pass
from gateway.calls.counts import Counts
from gateway.calls.records import CallRecords
from gateway.calls.timeline import Entry
from storage.outcomes import Answer, Outcome
from storage.reconciliation import Seen

log = logging.getLogger(__name__)


async def reconcile(
    call_id: str,
    timeline: Sequence[Entry],
    asks: bool,
    records: CallRecords,
    counts: Counts,
    backlog: Backlog | None = None,
) -> Outcome:
    """Judge a call that is over, store what it came to, and count it; never raises for a dead database.

    Of a call whose records wait, the outcome waits behind them, and what is counted is `CALL_NOT_STORED`.
    """
    at, seen = timeline[-1].at, seen_in(timeline, asks)

    async def store() -> Outcome:
        return await records.reconcile(call_id, at, seen)

    judged = Outcome.CALL_NOT_STORED
    if backlog is not None and backlog.holds(call_id):
        backlog.add(call_id, "outcome", store)
    else:
        try:
            judged = await store()
        except Exception as error:
            counts.storage_failures["outcome"] += 1
            log.exception("the outcome of a call could not be stored")
            if backlog is not None and may_pass(error):
                backlog.add(call_id, "outcome", store)
    counts.outcomes[judged.value] += 1
    return judged


def seen_in(timeline: Sequence[Entry], asks: bool = True) -> Seen:
    """What a timeline tells. `asks`: whether the consent question belongs to the call's flow."""
    decisions = [entry.detail["decision"] for entry in timeline if entry.name == "decision"]
    names = [entry.name for entry in timeline]
    stored = [name for name in names if name in ("consent_stored", "consent_not_stored")]
    closed = next((entry.detail.get("reason") for entry in timeline if entry.name == "closed"), None)
    heard = Answer.NONE if not decisions else Answer.YES if decisions[-1] == "accepted" else Answer.NO
    return Seen(
        asks=asks,
        asked="prompt_started" in names,
        talked="agent_answered" in names,
        heard=heard,
        unstored=heard is Answer.YES and stored[-1:] != ["consent_stored"],
        captured="capture_started" in names,
        failed=any(e.name == "capture_stopped" and e.detail.get("reason") == "failed" for e in timeline),
        worker_died=closed == "worker_died",
        recordable_ms=_recordable_ms(timeline),
    )


def _recordable_ms(timeline: Sequence[Entry]) -> int:
    """How long the call might be recorded and there was sound to record.

    From when the record is stored (or a case named) and somebody is there, to the first end of either. On
    hold a recording goes on in silence, and does not begin. What was recorded before a withdrawal is gone.
    """
    permitted = there = capturing = dials = False
    held: set[str] = set()
    total_s, since = 0.0, timeline[0].at if timeline else datetime.min
    for entry in timeline:
        if permitted and (there or not dials) and (capturing or not held):
            total_s += (entry.at - since).total_seconds()
        since = entry.at
        match entry.name:
            case "agent_dialled":
                dials = True
            case "agent_answered":
                there = True
            case "consent_stored" | "case_named":
                permitted = True
            case "held":
                held.add(str(entry.detail.get("leg")))
            case "resumed":
                held.discard(str(entry.detail.get("leg")))
            case "capture_started":
                capturing = True
            case "capture_stopped":
                capturing = False
                # A failed recorder is no end of what might have been recorded; everything else is.
                permitted = permitted and entry.detail.get("reason") == "failed"
            case "withdrawn":
                permitted, total_s = False, 0.0
            case "hung_up" | "closed":
                permitted = there = False
    return round(total_s * 1000)
