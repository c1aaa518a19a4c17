"""Every state that an artifact can be in, and who may read it then, for what: read off the rules by hand.

A state is a story about call `c1` (recorded at `AT`) and what may be read at its end. The table is the rules'
(§1.3, §3, R-24, R-31 to R-43, R-50): a role or a purpose that does not stand there is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from storage.policy import events as e

AT = datetime(2025, 1, 15, 11, 0, tzinfo=timezone.utc)
CASES = {"COMPLAINT": "K-1", "INSPECTOR": "S-1"}  # what these roles name; CASEDOC names its own

ROLES = (
    *("QA", "ANALYST", "CASEDOC", "RIGHTS", "COMPLAINT", "INSPECTOR", "COMPLIANCE", "LEGAL", "DPO"),
    *("AGENT", "SYSADMIN", "PROCESSOR-host"),
)
PURPOSES = (
    *("training", "analysis", "documentation", "rights_request", "rights_documentation", "complaint"),
    *("complaint_archive", "investigation", "authority_order", "proof_of_consent", "proof_of_no_recording"),
    *("accountability", "access_package", "compliance", "marketing"),
)
WORK = ("training", "analysis", "documentation")
CONSENT = {"QA": WORK, "ANALYST": WORK, "CASEDOC": WORK}

Table = Mapping[str, tuple[str, ...]]
Story = tuple[tuple[float, e.PolicyEvent], ...]  # days after AT, event


@dataclass(frozen=True)
class State:
    """A story, the artifact that is asked about, when, and who may read it for what."""

    name: str
    story: Story
    days: float  # after AT, when it is asked
    readers: Table
    artifact: str = "c1/audio"

    @property
    def may(self) -> dict[str, frozenset[str]]:
        """The purposes for which each role may read; none for who does not stand in the table.

        Content may be read by the DPO (with a reason) and by processors (on instruction) for every purpose
        that somebody may read it for; what holds no conversation by the DPO without one.
        """
        open_to = frozenset(purpose for purposes in self.readers.values() for purpose in purposes)
        may = {role: frozenset(self.readers.get(role, ())) for role in ROLES}
        content = self.artifact.rpartition("/")[2] in ("audio", "transcript", "summary", "export")
        # A sample is no ground: it opens content to compliance alone.
        others = open_to - {"compliance"} if content else open_to
        if content:
            may["DPO"] = others
        may["PROCESSOR-host"] = others
        return may


def _request(kind: str, days: float = 1.0) -> tuple[float, e.PolicyEvent]:
    return days, e.RightsRequest("R-1", kind, ("c1",))


def _answer(days: float, keep: bool = False) -> tuple[float, e.PolicyEvent]:
    return days, e.RightsAnswered("R-1", keep)


_COMPLAINT: tuple[float, e.PolicyEvent] = (5.0, e.ComplaintReceived("K-1", ("c1",)))
_KEPT: tuple[float, e.PolicyEvent] = (6.0, e.ComplaintDecided("K-1", True, reason="what was agreed"))
_FORWARDED: tuple[float, e.PolicyEvent] = (5.0, e.Forwarded("S-1", ("c1",), "two versions"))
_RELEVANT: tuple[float, e.PolicyEvent] = (6.0, e.InvestigationDecided("S-1", True))
_EXTENDED = e.InvestigationExtended("S-1", ("audio",), date(2026, 6, 1), "trial", "INSPECTOR", "LEGAL")
_OPEN = {"RIGHTS": ("rights_request",)}
_FREEZE = {"COMPLAINT": ("complaint",)}
_KEEP = {"COMPLAINT": ("complaint",), "LEGAL": ("complaint",)}
_TRIAGE = {"INSPECTOR": ("investigation",)}
_CASE = {"INSPECTOR": ("investigation",), "LEGAL": ("investigation",)}

STATES = (
    State("kept on consent", (), 1, CONSENT),
    State("its transcript", (), 1, CONSENT, "c1/transcript"),
    State("what was derived", ((0.5, e.Derived("c1", "summary")),), 1, CONSENT, "c1/summary"),
    State("on its thirtieth day", (), 30.4, CONSENT),
    State("after the thirtieth day", (), 31, {}),
    State("withdrawn", ((2, e.Withdrawn(("c1",))),), 3, {}),
    State("asked about within the days", (_request("access"),), 2, {**CONSENT, **_OPEN}),
    State("asked about, the days are over", (_request("access"),), 31, _OPEN),
    State("restricted", (_request("restriction"),), 2, _OPEN),
    State("objected to", (_request("objection"),), 2, {**CONSENT, **_OPEN}),
    State(
        "kept as documentation of a request",
        (_request("access"), _answer(3, keep=True)),
        40,
        {"RIGHTS": ("rights_documentation",)},
    ),
    State(
        "the documentation is objected to",
        (
            _request("access"),
            _answer(3, keep=True),
            (40, e.RightsRequest("R-2", "objection", ("c1",))),
        ),
        41,
        _OPEN,
    ),
    State("frozen for a complaint", (_COMPLAINT,), 6, {**CONSENT, **_FREEZE}),
    State("frozen, the days are over", ((29.0, e.ComplaintReceived("K-1", ("c1",))),), 35, _FREEZE),
    State("kept for a complaint", (_COMPLAINT, _KEPT), 40, _KEEP),
    State(
        "an archive after the closing",
        (_COMPLAINT, _KEPT, (50, e.ComplaintClosed("K-1"))),
        60,
        {"COMPLAINT": ("complaint_archive",), "LEGAL": ("complaint_archive",)},
    ),
    State(
        "the complaint is objected to",
        (_COMPLAINT, _KEPT, (40, e.RightsRequest("R-2", "objection", ("c1",)))),
        41,
        _OPEN,
    ),
    State("forwarded", (_FORWARDED,), 6, {**CONSENT, **_TRIAGE}),
    State("forwarded and withdrawn", (_FORWARDED, (7, e.Withdrawn(("c1",)))), 8, _TRIAGE),
    State("relevant to a case", (_FORWARDED, _RELEVANT), 40, _CASE),
    State("its year is over", (_FORWARDED, _RELEVANT), 366, {}),
    State("extended", (_FORWARDED, _RELEVANT, (200, _EXTENDED)), 400, _CASE),
    State(
        "extended for the recording alone",
        (_FORWARDED, _RELEVANT, (200, _EXTENDED)),
        400,
        {},
        "c1/transcript",
    ),
    State("nothing to investigate", (_FORWARDED, (6, e.InvestigationDecided("S-1", False))), 7, {}),
    State(
        "ordered kept by a court",
        ((5, e.AuthorityOrdered("M-1", ("c1",))), (6, e.Withdrawn(("c1",)))),
        40,
        {"LEGAL": ("authority_order",)},
    ),
    State(
        "drawn for compliance",
        ((5, e.Sampled("P-1", ("c1",))),),
        6,
        {**CONSENT, "COMPLIANCE": ("compliance",)},
    ),
    State(
        "drawn, then found to hold health data",
        ((5, e.Sampled("P-1", ("c1",))), (5.5, e.SpecialCategory("c1"))),
        6,
        CONSENT,
    ),
    State("drawn, the days are over", ((5, e.Sampled("P-1", ("c1",))), _COMPLAINT, _KEPT), 40, _KEEP),
    State(
        "proof of a consent",
        (),
        40,
        {"RIGHTS": ("proof_of_consent",), "DPO": ("proof_of_consent",)},
        "c1/consent",
    ),
    State(
        "documentation of a request",
        (_request("access"), _answer(3)),
        400,
        {"RIGHTS": ("accountability",), "DPO": ("accountability",)},
        "R-1/documentation",
    ),
    State(
        "a package",
        (_request("access"), _answer(3)),
        20,
        {"RIGHTS": ("access_package",)},
        "R-1/export",
    ),
    State("a package past its days", (_request("access"), _answer(3)), 34, {}, "R-1/export"),
    State(
        "the record of a sample",
        ((5, e.Sampled("P-1", ("c1",))),),
        100,
        {"COMPLIANCE": ("compliance",), "DPO": ("compliance",)},
        "P-1/record",
    ),
)


def at(days: float) -> datetime:
    """An instant of the story."""
    return AT + timedelta(days=days)
