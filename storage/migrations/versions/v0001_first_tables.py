"""Calls, consent, artifacts and their grounds, audit log, certificates"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_action", "audit_log", ["action"])
    op.create_index("ix_audit_log_subject", "audit_log", ["subject"])
    op.create_table(
        "calls",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("instance", sa.String(length=64), nullable=False),
        sa.Column("sip_call_ref", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("caller_pseudonym", sa.String(length=32), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent_answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agent_pseudonym", sa.String(length=32), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=32), nullable=True),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("caller_codec", sa.String(length=32), nullable=True),
        sa.Column("agent_codec", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
    )
    op.create_index("ix_calls_arrived_at", "calls", ["arrived_at"])
    op.create_index("ix_calls_caller_pseudonym", "calls", ["caller_pseudonym"])
    op.create_index("ix_calls_ended_at", "calls", ["ended_at"])
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_table(
        "tombstones",
        sa.Column("dc_id", sa.String(length=32), nullable=False),
        sa.Column("artifact_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("lapsed", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locations", sa.JSON(), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("dc_id", name="pk_tombstones"),
        sa.UniqueConstraint("artifact_pseudonym", name="uq_tombstones_artifact_pseudonym"),
    )
    op.create_index("ix_tombstones_purged_at", "tombstones", ["purged_at"])
    op.create_table(
        "caller_numbers",
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_caller_numbers_call_id_calls"),
        sa.PrimaryKeyConstraint("call_id", name="pk_caller_numbers"),
    )
    op.create_table(
        "consent_records",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("offer", sa.Integer(), nullable=False),
        sa.Column("caller_pseudonym", sa.String(length=32), nullable=False),
        sa.Column("agent_pseudonym", sa.String(length=32), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_local", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("prompt_id", sa.String(length=64), nullable=False),
        sa.Column("prompt_version", sa.String(length=32), nullable=False),
        sa.Column("prompt_text_sha256", sa.String(length=64), nullable=False),
        sa.Column("prompt_audio_sha256", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.String(length=64), nullable=False),
        sa.Column("played_ms", sa.Integer(), nullable=True),
        sa.Column("total_ms", sa.Integer(), nullable=True),
        sa.Column("marker", sa.String(length=32), nullable=True),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("decision_rule", sa.String(length=32), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recording_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_channel", sa.String(length=32), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=True),
        sa.Column("invalid_reason", sa.String(length=200), nullable=True),
        sa.Column("record_hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "recording_started_at IS NULL OR decision = 'accepted'",
            name=op.f("ck_consent_records_recording_after_consent"),
        ),
        sa.CheckConstraint(
            "recording_started_at IS NULL OR recording_started_at >= decided_at",
            name=op.f("ck_consent_records_recording_after_decision"),
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_consent_records_call_id_calls"),
        sa.PrimaryKeyConstraint("id", name="pk_consent_records"),
        sa.UniqueConstraint("call_id", "offer", name="uq_consent_records_call_id_offer"),
        sa.UniqueConstraint("id", "decision", name="uq_consent_records_id_decision"),
    )
    op.create_index("ix_consent_records_call_id", "consent_records", ["call_id"])
    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("call_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("consent_id", sa.String(length=32), nullable=True),
        sa.Column("consent_decision", sa.String(length=16), nullable=True),
        sa.Column("case_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("anchor", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("intervals", sa.JSON(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("sample_rate_hz", sa.Integer(), nullable=True),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("content_bytes", sa.Integer(), nullable=True),
        sa.Column("media_name", sa.String(length=80), nullable=True),
        sa.Column("incomplete_reason", sa.String(length=64), nullable=True),
        sa.Column("controller", sa.String(length=64), nullable=False),
        sa.Column("processor", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=16), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erasure", sa.JSON(none_as_null=True), nullable=True),
        sa.CheckConstraint(
            "kind NOT IN ('AUD', 'TRS', 'DER', 'INVR') OR state = 'erased' OR (kind <> 'AUD' "
            "AND case_id IS NOT NULL) OR (kind <> 'INVR' AND consent_id IS NOT NULL AND "
            "consent_decision IS NOT NULL AND consent_decision = 'accepted')",
            name=op.f("ck_artifacts_artifact_has_permission"),
        ),
        sa.CheckConstraint(
            "state <> 'erased' OR blocked_at IS NOT NULL", name=op.f("ck_artifacts_erased_is_blocked")
        ),
        sa.CheckConstraint("state IN ('capturing', 'sealed', 'erased')", name=op.f("ck_artifacts_state")),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_artifacts_call_id_calls"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_artifacts_case_id_cases"),
        sa.ForeignKeyConstraint(
            ["consent_id", "consent_decision"],
            ["consent_records.id", "consent_records.decision"],
            name="artifact_consent",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
    )
    op.create_index("ix_artifacts_call_id", "artifacts", ["call_id"])
    op.create_index("ix_artifacts_consent_id", "artifacts", ["consent_id"])
    op.create_index("ix_artifacts_state_blocked_at", "artifacts", ["state", "blocked_at"])
    begun = sa.text("blocked_at IS NOT NULL AND state <> 'erased'")
    op.create_index(
        "ix_artifacts_begun", "artifacts", ["blocked_at"], sqlite_where=begun, postgresql_where=begun
    )
    op.create_table(
        "data_keys",
        sa.Column("artifact_id", sa.String(length=32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name="fk_data_keys_artifact_id_artifacts"),
        sa.PrimaryKeyConstraint("artifact_id", name="pk_data_keys"),
    )
    op.create_table(
        "grounds",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("artifact_id", sa.String(length=32), nullable=False),
        sa.Column("ground", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("lawful_basis", sa.JSON(), nullable=False),
        sa.Column("purposes", sa.JSON(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("clock_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name="fk_grounds_artifact_id_artifacts"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_grounds_case_id_cases"),
        sa.PrimaryKeyConstraint("id", name="pk_grounds"),
    )
    op.create_index("ix_grounds_artifact_id", "grounds", ["artifact_id"])
    op.create_index("ix_grounds_case_id", "grounds", ["case_id"])
    op.create_index("ix_grounds_ended_at", "grounds", ["ended_at"])
    op.create_index("ix_grounds_expires_at", "grounds", ["expires_at"])
    op.create_table(
        "peaks",
        sa.Column("artifact_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name="fk_peaks_artifact_id_artifacts"),
        sa.PrimaryKeyConstraint("artifact_id", name="pk_peaks"),
    )
