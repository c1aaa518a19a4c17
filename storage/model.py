"""The words storage shares: artifact classes, lawful bases, grounds.

Pure: standard library only. A ground is the reason an artifact may exist (policy-rules R-10,
§1.2 of the policy's model): an artifact exists while it has at least one active ground, and may
be used only for the purposes, and by the roles, of its active grounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

CONSENT_PURPOSES = ("training", "analysis", "documentation")
"""What a caller may consent to (R-03), in the order in which the policy names them."""


class ArtifactKind(str, Enum):
    """What is kept. The codes are those of the retention schedule."""

    AUDIO = "AUD"  # the recording of a call
    TRANSCRIPT = "TRS"  # its transcript
    INVESTIGATION_AUDIO = "INVR"  # an investigator's own announced recording
    CONSENT_EVIDENCE = "CE"  # what was played, heard and pressed
    DECISION_LOG = "NL"  # the log of a call that was not recorded
    REQUEST_DOCUMENTATION = "RD"
    EXPORT = "DX"
    SAMPLE_RECORD = "SR"
    DERIVED = "DER"  # summary, search index, ... made from a recording or transcript


class CaseKind(str, Enum):
    """What people work on."""

    RIGHTS_REQUEST = "rights_request"  # access, erasure, ...; also the documentation of a withdrawal
    COMPLAINT = "complaint"
    INVESTIGATION = "investigation"
    AUTHORITY_ORDER = "authority_order"
    SAMPLE = "sample"


class GroundName(str, Enum):
    """The reasons an artifact may exist."""

    CONSENT = "G-CONSENT"
    RIGHTS_OPEN = "G-RIGHTS-OPEN"
    RIGHTS_DOC = "G-RIGHTS-DOC"
    COMPLAINT_FREEZE = "G-COMPLAINT-FREEZE"
    COMPLAINT = "G-COMPLAINT"
    INV_TRIAGE = "G-INV-TRIAGE"
    INV = "G-INV"
    INV_EXT = "G-INV-EXT"
    RESTRICT = "G-RESTRICT"
    AUTHORITY = "G-AUTHORITY"
    EVIDENCE = "G-EVIDENCE"
    DECLINED = "G-DECLINED"
    REQUEST_DOC = "G-REQUEST-DOC"
    EXPORT = "G-EXPORT"
    SAMPLE = "G-SAMPLE"


@dataclass(frozen=True)
class Ground:
    """One reason to keep one artifact.

    `until` is the last civil date in Europe/Copenhagen on which the ground holds, inclusive;
    `expires_at` the instant (UTC) at which it no longer does. Both are None while open-ended.
    """

    ground: GroundName
    rule: str  # rule id, such as "R-10"
    lawful_basis: tuple[str, ...]  # provisions, such as "6(1)(a)"
    purposes: tuple[str, ...]
    roles: tuple[str, ...]
    clock_start: datetime
    until: date | None
    expires_at: datetime | None
    decided_by: str = "policy"
    reason: str = ""
    case: str | None = None
    ended_at: datetime | None = None
    ended_by: str = ""  # what ended it before its time, with the rule, as part of a sentence

    def active(self, at: datetime) -> bool:
        """Whether the ground holds at the instant `at`."""
        if self.ended_at is not None and self.ended_at <= at:
            return False
        return self.expires_at is None or at < self.expires_at
