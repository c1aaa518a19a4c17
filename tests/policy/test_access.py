"""Access: for every kind of ground and every role, only what the table of grounds opens."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from storage.model import ArtifactKind, GroundName
from storage.policy.access import (
    EEA,
    TRANSFER_TOOLS,
    UNREDACTED,
    WITHOUT_CONTENT,
    Access,
    may_read,
    may_read_unredacted,
)
from storage.policy.grounds import TABLE, ground

NOW = datetime(2025, 1, 20, 12, tzinfo=timezone.utc)
ROLES = (
    *("QA", "ANALYST", "CASEDOC", "RIGHTS", "COMPLAINT", "INSPECTOR", "COMPLIANCE", "LEGAL", "DPO"),
    *("SYSADMIN", "AGENT", "REQUESTER", "PROCESSOR-host", "", "qa"),
)
PURPOSES = sorted({purpose for row in TABLE.values() for purpose in row.purposes} | {"marketing"})
KINDS = tuple(ArtifactKind)


def allowed(kind: ArtifactKind, name: GroundName, access: Access) -> bool:
    return may_read(access, kind, (ground(name, NOW, case="case-1"),), NOW).allowed


@pytest.mark.parametrize("name", GroundName)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_for_a_purpose_only_what_a_ground_opens_to_it(name: GroundName, role: str) -> None:
    row = TABLE[name]
    for kind in KINDS:
        for purpose in PURPOSES:
            named = Access(role, "c1/audio", purpose=purpose, case="case-1")
            by_table = role in row.roles and purpose in row.purposes
            if role == "DPO" and kind not in WITHOUT_CONTENT:
                by_table = False  # without a reason
            assert allowed(kind, name, named) is by_table, (kind, purpose)


@pytest.mark.parametrize("role", ["COMPLAINT", "INSPECTOR"])
@pytest.mark.parametrize("case", [None, "", "case-2", " "])
def test_who_works_on_a_case_reads_only_what_is_kept_for_it(role: str, case: str | None) -> None:
    for name in (GroundName.COMPLAINT, GroundName.INV):
        assert not allowed(ArtifactKind.AUDIO, name, Access(role, "c1/audio", case=case))


def test_casedoc_names_a_case_and_any_will_do() -> None:
    assert not allowed(ArtifactKind.AUDIO, GroundName.CONSENT, Access("CASEDOC", "c1/audio"))
    assert allowed(ArtifactKind.AUDIO, GroundName.CONSENT, Access("CASEDOC", "c1/audio", case="other"))


def test_legal_need_not_name_a_case_but_not_a_wrong_one() -> None:
    assert allowed(ArtifactKind.AUDIO, GroundName.COMPLAINT, Access("LEGAL", "c1/audio"))
    assert not allowed(ArtifactKind.AUDIO, GroundName.COMPLAINT, Access("LEGAL", "c1/audio", case="case-2"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_dpo_reads_content_only_with_a_reason(kind: ArtifactKind) -> None:
    without, blank = Access("DPO", "x"), Access("DPO", "x", reason="  ")
    if kind not in WITHOUT_CONTENT:
        assert not allowed(kind, GroundName.CONSENT, without)
        assert not allowed(kind, GroundName.CONSENT, blank)
        assert allowed(kind, GroundName.CONSENT, Access("DPO", "x", reason="audit"))
        assert not allowed(kind, GroundName.CONSENT, Access("DPO", "x", reason="audit", purpose="marketing"))


def test_nobody_reads_what_is_only_stored() -> None:
    stored = (ground(GroundName.RESTRICT, NOW),)
    for role in ROLES:
        asked = Access(
            role,
            "x",
            reason="r",
            case="case-1",
            country="DK",
            dpa="d",
            ticket="t",
            expires=NOW + timedelta(1),
        )
        assert not may_read(asked, ArtifactKind.AUDIO, stored, NOW, sampled=True).allowed
        assert not may_read(asked, ArtifactKind.AUDIO, (), NOW, sampled=True).allowed


def processor(**said: object) -> Access:
    whole: dict[str, object] = {
        "country": "IN",
        "dpa": "d1",
        "ticket": "t1",
        "transfer_tool": "SCC+TIA",
        "expires": NOW + timedelta(hours=1),
    }
    return Access("PROCESSOR-host", "c1/audio", **{**whole, **said})  # type: ignore[arg-type]


def reads(access: Access) -> bool:
    return allowed(ArtifactKind.AUDIO, GroundName.CONSENT, access)


def test_a_processor_in_a_third_country_needs_everything() -> None:
    assert reads(processor())
    for key in ("country", "dpa", "ticket", "transfer_tool", "expires"):
        assert not reads(processor(**{key: None})), key
    assert not reads(processor(expires=NOW))
    assert not reads(processor(transfer_tool="SCC"))
    assert reads(processor(transfer_tool="adequacy"))
    assert {"adequacy", "SCC+TIA"} == TRANSFER_TOOLS


@pytest.mark.parametrize("country", sorted(EEA))
def test_a_processor_in_the_eea_needs_no_transfer_tool(country: str) -> None:
    assert reads(processor(country=country, transfer_tool=None))
    assert not reads(processor(country=country, transfer_tool=None, ticket=None))
    assert not reads(processor(country=country, transfer_tool=None, dpa=""))


def test_compliance_reads_what_is_drawn_and_for_compliance() -> None:
    consent = (ground(GroundName.CONSENT, NOW),)
    drawn = Access("COMPLIANCE", "c1/audio")
    assert may_read(drawn, ArtifactKind.AUDIO, consent, NOW, sampled=True).allowed
    assert not may_read(drawn, ArtifactKind.AUDIO, consent, NOW).allowed
    training = Access("COMPLIANCE", "c1/audio", purpose="training")
    assert not may_read(training, ArtifactKind.AUDIO, consent, NOW, sampled=True).allowed


def test_every_refusal_names_a_rule() -> None:
    for role in ROLES:
        verdict = may_read(Access(role, "x"), ArtifactKind.AUDIO, (ground(GroundName.RIGHTS_DOC, NOW),), NOW)
        assert "R-" in verdict.why


# By hand, beside `UNREDACTED`: who may have numbers that identify people, and for what.
WHOLE = {
    ("RIGHTS", "rights_request"),
    ("RIGHTS", "rights_documentation"),
    ("COMPLAINT", "complaint"),
    ("INSPECTOR", "investigation"),
    ("LEGAL", "complaint"),
    ("LEGAL", "investigation"),
    ("LEGAL", "authority_order"),
}


@pytest.mark.parametrize("role", ROLES)
def test_words_are_whole_for_the_roles_and_purposes_that_work_on_the_person_s_case(role: str) -> None:
    for purpose in (*PURPOSES, ""):
        verdict = may_read_unredacted(role, purpose)
        assert verdict.allowed is (role == "DPO" or (role, purpose) in WHOLE), purpose
        assert "R-50" in verdict.why


def test_no_role_has_whole_words_for_a_purpose_that_no_ground_opens_to_it() -> None:
    for role, purposes in UNREDACTED.items():
        opened = {p for row in TABLE.values() if role in row.roles for p in row.purposes}
        assert purposes is None or purposes <= opened
    for purpose in TABLE[GroundName.CONSENT].purposes:
        assert all(purpose not in (purposes or ()) for purposes in UNREDACTED.values())
