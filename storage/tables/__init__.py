"""The tables, as SQLAlchemy 2 sees them. `storage/migrations` makes them; a test keeps the two the same.

Promises the database keeps by itself, whatever the program does:
1. Audio, transcripts and what is derived from them need a consent record whose decision is
   "accepted", or a stored investigation (`artifact_has_permission`, `artifact_consent`, `artifact_case`).
2. Recording never began before the decision (`recording_after_decision`).
3. One certificate per erased artifact (unique `artifact_pseudonym`).
4. An artifact belongs to a call or to a case (`artifact_belongs`).
5. Nobody approves a prompt that they made themselves (`four_eyes`).

An artifact has no expiry: it has rows in `grounds`, and exists while one of them is active.
"""

from storage.tables.artifacts import (
    BEGUN,
    Artifact,
    ArtifactSource,
    DataKey,
    Disclosure,
    Document,
    GroundRow,
    Peaks,
    Tombstone,
)
from storage.tables.audit import AuditEntry, AuditReason, WritingTurn
from storage.tables.base import Instant, Table
from storage.tables.calls import Call, CallerNumber, Consent, EdgeRefusal
from storage.tables.cases import Case, CaseCall, CaseKey, CaseMember, CaseNote, Proposal
from storage.tables.cluster import Duty, GatewayRow, HeldFile
from storage.tables.jobs import TranscriptionJob
from storage.tables.keys import KeyEncryptionKey, PurposeKey
from storage.tables.people import Grant, User
from storage.tables.prompts import PromptActivation, PromptVersion
from storage.tables.webhooks import WebhookCursor, WebhookDelivery

__all__ = [
    "BEGUN",
    "Artifact",
    "ArtifactSource",
    "AuditEntry",
    "AuditReason",
    "Call",
    "CallerNumber",
    "Case",
    "CaseCall",
    "CaseKey",
    "CaseMember",
    "CaseNote",
    "Consent",
    "DataKey",
    "Disclosure",
    "Document",
    "Duty",
    "EdgeRefusal",
    "GatewayRow",
    "Grant",
    "GroundRow",
    "HeldFile",
    "Instant",
    "KeyEncryptionKey",
    "Peaks",
    "PromptActivation",
    "PromptVersion",
    "Proposal",
    "PurposeKey",
    "Table",
    "Tombstone",
    "TranscriptionJob",
    "User",
    "WebhookCursor",
    "WebhookDelivery",
    "WritingTurn",
]
