"""Orders of a court, the police or a supervisor to keep calls (§4, priority 0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from storage import cases
from storage.desk import Desk, Done
from storage.gate import Asking
from storage.model import CaseKind
from storage.policy import events as e
from storage.policy.book import Refused


def receive(
    desk: Desk,
    asking: Asking,
    calls: Sequence[str],
    words: Mapping[str, str],
    at: datetime,
    order_id: str | None = None,
) -> tuple[str, Done]:
    """An order to keep these calls; it says whose, and by which document."""
    if not words.get("reason", "").strip():
        raise Refused("say whose order it is, and its reference")
    order = cases.checked_id(order_id) if order_id else cases.new_id(CaseKind.AUTHORITY_ORDER, at)
    return order, desk.do(asking, e.AuthorityOrdered(order, tuple(calls)), at, words)


def lift(desk: Desk, asking: Asking, order: str, words: Mapping[str, str], at: datetime) -> Done:
    """The order no longer holds."""
    return desk.do(asking, e.AuthorityLifted(order), at, words)
