"""May this role read this artifact, now, for this? Deny by default (R-50 to R-52). Pure.

Allowed is only what an active ground allows: the role is one of the ground's, the stated purpose is
one of the ground's, and a role that works on a case names it. The data protection officer reads
content with a reason; processors read on instruction, from outside the EU and EEA only with a
transfer tool; system administrators and agents never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.model import ArtifactKind, Ground
from storage.policy.book import Book, Holding
from storage.policy.recordings import may_be_sampled, opened_by_consent

PROCESSOR = "PROCESSOR-"
# These work on one case and see only what is kept for it.
CASE_ROLES = frozenset({"COMPLAINT", "INSPECTOR"})
# What the data protection officer reads without giving a reason: it holds no conversation.
WITHOUT_CONTENT = frozenset(
    {
        ArtifactKind.CONSENT_EVIDENCE,
        ArtifactKind.DECISION_LOG,
        ArtifactKind.REQUEST_DOCUMENTATION,
        ArtifactKind.SAMPLE_RECORD,
    }
)
COMPLIANCE_PURPOSES = frozenset({"compliance", "sampling", "control", "risk_management"})
# Who may read words whole, with CPR, card, account and telephone numbers in them, and for what: work on the
# claims and requests of the person that they identify (R-33, R-37, R-40; databeskyttelsesloven § 11(2) asks
# for a reason of its own for CPR numbers). Training, analysis and control are about the conversation and
# never need them. The DPO reads content with a reason, whatever the purpose.
UNREDACTED: dict[str, frozenset[str] | None] = {
    "RIGHTS": frozenset({"rights_request", "rights_documentation"}),
    "COMPLAINT": frozenset({"complaint"}),
    "INSPECTOR": frozenset({"investigation"}),
    "LEGAL": frozenset({"complaint", "investigation", "authority_order"}),
    "DPO": None,
}
TRANSFER_TOOLS = frozenset({"adequacy", "SCC+TIA"})
_EEA_CODES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
EEA = frozenset(_EEA_CODES.split())


@dataclass(frozen=True)
class Access:
    """Who wants to read what, and what they say about it."""

    role: str
    artifact: str
    purpose: str | None = None
    case: str | None = None
    reason: str | None = None
    # Of a processor only:
    country: str | None = None  # ISO 3166-1 alpha-2
    ticket: str | None = None  # the instruction
    transfer_tool: str | None = None
    dpa: str | None = None  # the data processing agreement
    expires: datetime | None = None  # the end of the time box


@dataclass(frozen=True)
class Verdict:
    """Whether it is allowed, and the rule in a sentence."""

    allowed: bool
    why: str


def decide(book: Book, access: Access, at: datetime) -> Verdict:
    """Whether `access` is allowed at `at`, from all that the book knows."""
    living = book.living(access.artifact, at)
    if not living:
        return Verdict(False, f"{access.artifact} does not exist (R-50).")
    verdict = Verdict(False, "")
    for holding in living:
        verdict = decide_for(book, holding, access, at)
        if verdict.allowed:
            break
    return verdict


def decide_for(book: Book, holding: Holding, access: Access, at: datetime) -> Verdict:
    """The same for one artifact of perhaps several with that name."""
    sampled = drawn(book, holding.call, at) and opened_by_consent(book, holding, at)
    return may_read(access, holding.kind, book.effective(holding, at), at, sampled=sampled)


def may_read_unredacted(role: str, purpose: str) -> Verdict:
    """Whether who may read an artifact's words may read them whole; asked after `decide`, never instead."""
    if role not in UNREDACTED:
        roles = ", ".join(UNREDACTED)
        return Verdict(False, f"Unredacted words are for {roles}, not for {role} (R-50).")
    purposes = UNREDACTED[role]
    if purposes is not None and purpose not in purposes:
        named = ", ".join(sorted(purposes))
        return Verdict(False, f"{role} reads unredacted words for {named} only (R-50).")
    return Verdict(True, f"{role} may read unredacted words (R-50).")


def drawn(book: Book, call: str | None, at: datetime) -> bool:
    """Whether a compliance sample holds the call, and it may still be read for it (R-55, R-57)."""
    if call is None or not any(call in sample.calls for sample in book.samples.values()):
        return False
    return may_be_sampled(book, call, at)


def may_read(
    access: Access, kind: ArtifactKind, grounds: Sequence[Ground], at: datetime, *, sampled: bool = False
) -> Verdict:
    """Whether the active `grounds` of an artifact of this kind allow `access` at `at`.

    `sampled`: the artifact is in a compliance sample and may be read for it.
    """
    usable = [g for g in grounds if g.roles]
    if not grounds:
        return Verdict(False, "It does not exist (R-50).")
    if not usable:
        return Verdict(False, "It is only stored: nobody may read it now (R-20, R-24, art. 18).")
    if access.role.startswith(PROCESSOR):
        return _processor(access, usable, at)
    if access.role == "COMPLIANCE" and sampled and kind is not ArtifactKind.SAMPLE_RECORD:
        if access.purpose is None or access.purpose in COMPLIANCE_PURPOSES:
            return Verdict(True, "A compliance sample holds it and it is kept on consent (R-55).")
        return Verdict(False, "A compliance sample is read for compliance and nothing else (R-55).")
    if access.role == "DPO" and kind not in WITHOUT_CONTENT:
        return _dpo(access, usable)
    return _by_role(access, usable)


def _by_role(access: Access, usable: Sequence[Ground]) -> Verdict:
    mine = [g for g in usable if access.role in g.roles]
    if not mine:
        return Verdict(False, f"No active ground is open to {access.role} (R-50).")
    fitting = [g for g in mine if access.purpose is None or access.purpose in g.purposes]
    if not fitting:
        return Verdict(False, f"No active ground open to {access.role} has that purpose (R-03, R-50).")
    for g in fitting:
        if _names_case(access, g):
            return Verdict(True, f"{g.ground.value} is open to {access.role} ({g.rule}, R-50).")
    return Verdict(False, f"{access.role} must name the case that it is kept for (R-50).")


def _names_case(access: Access, g: Ground) -> bool:
    case = (access.case or "").strip()
    if access.role == "CASEDOC":
        return bool(case)
    if access.role in CASE_ROLES:
        return case == g.case
    # Others need no case; a case that they do name must be the one.
    return access.role != "LEGAL" or not case or case == g.case


def _dpo(access: Access, usable: Sequence[Ground]) -> Verdict:
    if not (access.reason or "").strip():
        return Verdict(False, "The DPO reads content only with a reason (R-50).")
    if access.purpose is not None and not any(access.purpose in g.purposes for g in usable):
        return Verdict(False, "No active ground has that purpose (R-03, R-50).")
    return Verdict(True, "The DPO gave a reason (R-50).")


def _processor(access: Access, usable: Sequence[Ground], at: datetime) -> Verdict:
    country = (access.country or "").strip().upper()
    if not country:
        return Verdict(False, "A processor says from which country it reads (R-52).")
    if not (access.dpa or "").strip() or not (access.ticket or "").strip():
        return Verdict(False, "A processor needs a data processing agreement and an instruction (R-52).")
    if access.expires is None or access.expires <= at:
        return Verdict(False, "A processor reads until a set instant, and it must not have passed (R-52).")
    if country not in EEA and access.transfer_tool not in TRANSFER_TOOLS:
        return Verdict(
            False, "From outside the EU and EEA a transfer tool is needed: adequacy or SCC+TIA (R-52)."
        )
    if access.purpose is not None and not any(access.purpose in g.purposes for g in usable):
        return Verdict(False, "No active ground has that purpose (R-03, R-50).")
    return Verdict(True, "A processor reads it on instruction, for a limited time (R-52).")
