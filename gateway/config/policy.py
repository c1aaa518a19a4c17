"""The retention policy of config.yaml: names, defaults and alternatives of its rules.

The defaults are the published policy's, or the cautious reading where it is silent. What the
values mean is said once, in `storage.policy`; here they are only checked.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.kinds import Period, Section, Whole, setting, to_dataclass
from storage.policy.settings import PolicySettings


class RetentionSection(Section):
    """Recordings made with consent (R-10, R-11)."""

    callcenter_days: Annotated[Whole, Field(ge=1, le=3650)] = setting(
        30, "Days a recording and its transcript are kept."
    )
    day_count: Literal["calendar", "exact_24h"] = setting(
        "calendar", "Whole local days, or days of exactly 24 hours."
    )
    anchor: Literal["recording_started_at", "ended_at"] = setting(
        "recording_started_at", "From when the days of a recording count."
    )
    transcript_anchor: Literal["source_recording"] = setting(
        "source_recording", "From when the days of a transcript count: its recording's."
    )


class PurgeSection(Section):
    """How soon what is past its date is gone (R-60)."""

    sla_hours: Annotated[Whole, Field(ge=1, le=168)] = setting(
        24, "Hours after which something not yet deleted is reported overdue."
    )
    straks_target_hours: Annotated[Whole, Field(ge=1, le=24)] = setting(
        1, 'Hours that "straks" (at once) may take.'
    )


class BackupSection(Section):
    """Deletion and backups (R-61)."""

    max_lag_days: Annotated[Whole, Field(ge=0, le=90)] = setting(
        14, "Days after which a deleted recording has aged out of every backup."
    )
    tombstones: bool = setting(True, "Whether deletions are repeated after a restore.")


class RightsSection(Section):
    """Requests of data subjects (R-30 to R-33)."""

    doc_hold_max: Period = setting("P1Y", "Longest time a reviewed recording may be kept for a request.")
    doc_hold_clock: Literal["request_received", "review_completed"] = setting(
        "request_received", "From when that time counts."
    )
    doc_ttl: Period = setting("P3Y", "How long the documentation of a request is kept.")
    doc_clock: Literal["request_closed"] = setting("request_closed", "From when that time counts.")
    doc_rounding: Literal["none", "calendar_year_end"] = setting(
        "none", "Whether the documentation is kept to the end of the calendar year."
    )
    export_payload_days: Annotated[Whole, Field(ge=1, le=90)] = setting(
        30, "Days a package made for a data subject is kept."
    )
    hold_on: tuple[Literal["access", "rectification", "restriction", "objection", "erasure"], ...] = setting(
        ("access", "rectification", "restriction", "objection"),
        "Kinds of request that hold the recordings they are about.",
    )
    on_withdrawal: Literal["release_after_fulfilment", "keep"] = setting(
        "release_after_fulfilment", "What becomes of a held recording when consent is withdrawn."
    )


class ComplaintSection(Section):
    """Complaints and disputes (R-35 to R-38)."""

    freeze_days: Annotated[Whole, Field(ge=1, le=90)] = setting(
        14, "Days a recording is kept until somebody decides whether the complaint needs it."
    )
    end_rule: Literal["max_closure_limitation", "at_final_closure", "closure_plus_3y"] = setting(
        "max_closure_limitation", "When a recording kept for a complaint goes."
    )
    knowledge_default: Literal["complaint_received"] = setting(
        "complaint_received", "When the claimant is taken to have known of the claim."
    )
    legal_confirm: Literal["required"] = setting(
        "required", "Whether a lawyer confirms a proposed limitation date."
    )


class ExtensionSection(Section):
    """Keeping an investigation's recording longer (R-43)."""

    four_eyes: bool = setting(True, "Whether a second person approves.")
    ceiling: Literal["limitation_date"] = setting("limitation_date", "The latest date of an extension.")
    per_artifact: bool = setting(True, "Whether recording and transcript are decided separately.")


class InvestigationSection(Section):
    """Recordings forwarded to, or made by, investigators (R-40 to R-46)."""

    triage_days: Annotated[Whole, Field(ge=1, le=90)] = setting(
        30, "Days in which a forwarded recording must be found relevant, or goes."
    )
    after_withdrawal_days: Annotated[Whole, Field(ge=1, le=30)] = setting(
        7, "The same, once consent was withdrawn."
    )
    no_action_scope: Literal["all_copies", "inspector_copy_only"] = setting(
        "all_copies", 'What goes "straks" when there is nothing to investigate.'
    )
    relevant_ttl: Period = setting("P1Y", "How long a relevant recording is kept.")
    clock: Literal["recording"] = setting("recording", "From when that time counts.")
    extension: ExtensionSection = setting(ExtensionSection(), "Keeping it longer.")
    covert: bool = setting(False, "Whether recording without announcing it is possible at all.")


class WithdrawalSection(Section):
    """Withdrawn consent (R-20 to R-22)."""

    delete_existing: bool = setting(True, "Whether what was recorded goes.")
    midcall_delete_partial: bool = setting(
        True, "Whether what was recorded before a withdrawal during the call goes."
    )


class ConsentEvidenceSection(Section):
    """Consent records (R-13)."""

    grace_days: Annotated[Whole, Field(ge=0, le=1095)] = setting(
        30, "Days a consent record is kept after what it allowed is gone."
    )


class SamplingSection(Section):
    """Samples for compliance (R-55 to R-57)."""

    extends_retention: Literal[False] = setting(False, "A sample never keeps a recording longer.")
    exclude_special_category: bool = setting(
        True, "Whether calls with health or other special data are left out of samples."
    )
    record_ttl: Period = setting("P1Y", "How long the record of a sample is kept.")


class LogKeepingSection(Section):
    """Records about calls and look-ups."""

    declined_days: Annotated[Whole, Field(ge=1, le=365)] = setting(
        30, "Days the log of an unrecorded call is kept."
    )
    access_ttl: Period = setting("P13M", "How long it is kept who looked at what.")
    deletion_certificate_ttl: Period = setting("P3Y", "How long a deletion certificate is kept.")


class LocationSection(Section):
    """Where content may be (R-51, R-52)."""

    storage: Literal["EU_EEA_only"] = setting("EU_EEA_only", "Where content is stored.")
    third_country_access: Literal["deny_unless_tool_and_ticket"] = setting(
        "deny_unless_tool_and_ticket", "Who outside the EU and EEA may look at content."
    )


class PolicySection(Section):
    """How long what is kept, and why."""

    tz: Literal["Europe/Copenhagen"] = setting("Europe/Copenhagen", "Time zone of all civil dates.")
    retention: RetentionSection = setting(RetentionSection(), "Recordings made with consent.")
    purge: PurgeSection = setting(PurgeSection(), "How soon what is past its date is gone.")
    backup: BackupSection = setting(BackupSection(), "Deletion and backups.")
    rights: RightsSection = setting(RightsSection(), "Requests of data subjects.")
    complaint: ComplaintSection = setting(ComplaintSection(), "Complaints and disputes.")
    investigation: InvestigationSection = setting(InvestigationSection(), "Investigations.")
    withdrawal: WithdrawalSection = setting(WithdrawalSection(), "Withdrawn consent.")
    consent_evidence: ConsentEvidenceSection = setting(ConsentEvidenceSection(), "Consent records.")
    sampling: SamplingSection = setting(SamplingSection(), "Samples for compliance.")
    logs: LogKeepingSection = setting(LogKeepingSection(), "Records about calls and look-ups.")
    location: LocationSection = setting(LocationSection(), "Where content may be.")

    def to_policy(self) -> PolicySettings:
        """The same as the storage knows it."""
        policy: PolicySettings = to_dataclass(PolicySettings, self)
        return policy
