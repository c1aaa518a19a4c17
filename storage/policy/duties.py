"""Who may make what happen: the roles, and the events each may bring about (§1.3, R-50). Pure.

Reading is decided in `access.py`; this is about acting. What is not listed is nobody's; what the gateway
does by itself is not asked here.
"""

from __future__ import annotations

from typing import Any

from storage.policy import events as e
from storage.policy.access import PROCESSOR

ROLES: dict[str, tuple[str, str]] = {  # role: Danish, English
    "QA": ("kvalitet og uddannelse", "quality and training"),
    "ANALYST": ("analyse", "analysis"),
    "CASEDOC": ("opslag i en konkret sag", "looking up what was agreed in a concrete case"),
    "RIGHTS": ("registreredes rettigheder", "data subjects' rights"),
    "COMPLAINT": ("klagebehandler i sagen", "handler of the complaint"),
    "INSPECTOR": ("skadeinspektør på sagen", "investigator assigned to the case"),
    "COMPLIANCE": ("compliance og risikostyring", "compliance and risk management"),
    "LEGAL": ("jurist", "legal: limitation dates, extensions"),
    "DPO": ("databeskyttelsesrådgiver", "data protection officer"),
    "AGENT": ("medarbejder i telefonen", "agent on the telephone; reads nothing"),
    "SYSADMIN": ("systemadministrator", "system administrator; reads no content"),
}
"""Beside these there are processors: a role PROCESSOR-NAME for each."""

PROCESSOR_MEANS = ("databehandler efter instruks", "processor on instruction")

_INTAKE = ("AGENT", "CASEDOC", "RIGHTS", "COMPLAINT", "QA", "LEGAL", "DPO", "SYSADMIN")
_CONTENT = ("QA", "ANALYST", "CASEDOC", "RIGHTS", "COMPLAINT", "INSPECTOR", "COMPLIANCE", "LEGAL", "DPO")

DUTIES: dict[type[Any], tuple[str, ...]] = {
    # Withdrawing must be as easy as consenting (art. 7(3)), and a hold must never wait for the right person.
    e.Withdrawn: (*_INTAKE, "INSPECTOR", "ANALYST", "COMPLIANCE"),
    e.ConsentInvalid: ("AGENT", "QA", "RIGHTS", "LEGAL", "DPO"),
    e.RightsRequest: _INTAKE,
    e.RequestScoped: ("RIGHTS", "DPO"),
    e.RightsExtended: ("RIGHTS", "DPO"),
    e.RightsAnswered: ("RIGHTS", "DPO"),
    e.DocumentationReleased: ("RIGHTS", "DPO"),
    e.ComplaintReceived: _INTAKE,
    e.FreezeExtended: ("COMPLAINT",),
    e.ComplaintDecided: ("COMPLAINT",),
    e.ComplaintClosed: ("COMPLAINT", "LEGAL"),
    e.LimitationFactsGiven: ("COMPLAINT", "INSPECTOR", "LEGAL"),
    e.LimitationConfirmed: ("LEGAL",),
    e.Forwarded: ("QA", "CASEDOC", "COMPLAINT", "COMPLIANCE"),
    e.InvestigatorRecording: ("INSPECTOR",),
    e.InvestigationDecided: ("INSPECTOR",),
    e.InvestigationExtended: ("LEGAL", "DPO"),  # who approves; an INSPECTOR proposes
    e.SpecialCategory: (*_CONTENT, "AGENT"),
    e.Sampled: ("COMPLIANCE",),
    e.SampleReplaced: ("COMPLIANCE",),
    e.Restated: ("DPO", "LEGAL"),
    e.AuthorityOrdered: ("LEGAL", "DPO"),
    e.AuthorityLifted: ("LEGAL", "DPO"),
}

# Who hands a copy to somebody outside: a board, a court, a lawyer, the police.
DISCLOSERS = ("RIGHTS", "COMPLAINT", "INSPECTOR", "LEGAL", "DPO")

# Who puts other settings in force in a gateway that runs; policies are among them.
CONFIGURERS = ("SYSADMIN",)

# Prompts: who makes a version, who approves it (never its maker), who has it played. The consent question is
# the published policy's, so its words are approved by those who answer for them.
PROMPT_MAKERS = ("SYSADMIN", "DPO", "LEGAL")
PROMPT_APPROVERS = ("SYSADMIN", "DPO", "LEGAL")
CONSENT_APPROVERS = ("DPO", "LEGAL")
PROMPT_ACTIVATORS = ("SYSADMIN", "DPO")

# Looking up the calls of a number is a search through everybody; who may, and whether for a case.
SEARCHERS: dict[str, bool] = {
    "RIGHTS": True,
    "COMPLAINT": True,
    "INSPECTOR": True,
    "CASEDOC": True,
    "LEGAL": True,
    "DPO": False,
    "AGENT": False,  # to withdraw for a caller who rings again
}


def may_do(role: str, event: type[Any]) -> bool:
    """Whether a role may bring an event about."""
    return role in DUTIES.get(event, ())


def is_role(name: str) -> bool:
    """Whether there is such a role."""
    return name in ROLES or (name.startswith(PROCESSOR) and len(name) > len(PROCESSOR))
