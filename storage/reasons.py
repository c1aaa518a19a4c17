"""Why somebody may not: the role is not held or is another's, the case is not theirs, nothing was stated.

Each answers with a sentence that names its rule, or "" when they may. Nothing is logged here: the gate does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from storage import cases
from storage.model import CaseKind
from storage.policy.access import CASE_ROLES
from storage.policy.duties import SEARCHERS
from storage.tables import Case

if TYPE_CHECKING:
    from storage.gate import Asking


def why_not_in_role(asking: Asking, roles: Sequence[str]) -> str:
    """Why somebody may not do what is for these roles; "": they may."""
    if asking.person.role(asking.role) is None:
        return f"{asking.person.id} does not hold {asking.role} (R-50)"
    if asking.role not in roles:
        return f"that is for {', '.join(roles) or 'nobody'}, not for {asking.role} (R-50)"
    return ""


def why_no_notes(session: Session, asking: Asking, row: Case | None) -> str:
    """Why somebody may not read what was written about a case; "": they may."""
    if row is None:
        return "there is no such case (R-50)"
    if asking.person.role(asking.role) is None:
        return f"{asking.person.id} does not hold {asking.role} (R-50)"
    readers = {
        CaseKind.RIGHTS_REQUEST: ("RIGHTS", "DPO"),
        CaseKind.COMPLAINT: ("COMPLAINT", "LEGAL", "DPO"),
        CaseKind.INVESTIGATION: ("INSPECTOR", "LEGAL", "DPO"),
        CaseKind.AUTHORITY_ORDER: ("LEGAL", "DPO"),
        CaseKind.SAMPLE: ("COMPLIANCE", "DPO"),
    }[CaseKind(row.kind)]
    if asking.role not in readers:
        return f"what is written about it is for {', '.join(readers)} (R-50)"
    if asking.role in CASE_ROLES and not cases.is_member(session, row.id, asking.person.id):
        return f"{asking.person.id} is not assigned to {row.id} (R-50)"
    return ""


def why_no_search(asking: Asking) -> str:
    """Why somebody may not look up the calls of a number."""
    if asking.person.role(asking.role) is None:
        return f"{asking.person.id} does not hold {asking.role} (R-50)"
    if asking.role not in SEARCHERS:
        return f"the calls of a number are looked up by {', '.join(SEARCHERS)} only (R-50)"
    if SEARCHERS[asking.role] and not asking.case:
        return f"{asking.role} must name the case that it is for (R-50)"
    if not asking.purpose and not asking.reason:
        return "state the purpose (R-50)"
    return ""


def why_not_for_case(session: Session, asking: Asking) -> str:
    """A search for a request needs one that is open; other cases may be somebody else's files."""
    if asking.role != "RIGHTS":
        return ""
    row = session.get(Case, asking.case)
    if row is None or row.kind != CaseKind.RIGHTS_REQUEST.value or row.closed_at is not None:
        return "RIGHTS searches for an open request: register it first, without calls (R-50)"
    return ""
