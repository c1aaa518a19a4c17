"""Cases with their calls, keys and notes; people and roles; documents; gaps in the audit log"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_INSTANT = sa.DateTime(timezone=True)
_CASE = sa.String(length=64)
_ARTIFACT = sa.String(length=32)
_PARTS = (
    "UPDATE artifacts SET part = CASE kind WHEN 'CE' THEN 'consent' WHEN 'NL' THEN 'decision' "
    "WHEN 'TRS' THEN 'transcript' ELSE 'audio' END"
)


def upgrade() -> None:
    """Change the tables."""
    _cases()
    _people()
    _artifacts()
    _audit()


def _cases() -> None:
    with op.batch_alter_table("cases") as cases:
        cases.add_column(sa.Column("right", sa.String(length=16), nullable=True))
        cases.add_column(sa.Column("requester", sa.String(length=32), nullable=True))
        cases.add_column(sa.Column("extended_at", _INSTANT, nullable=True))
        cases.add_column(sa.Column("kept_parts", sa.JSON(none_as_null=True), nullable=True))
        cases.add_column(sa.Column("facts", sa.JSON(none_as_null=True), nullable=True))
        cases.add_column(sa.Column("confirmed", sa.Date(), nullable=True))
        cases.create_unique_constraint("uq_cases_id_kind", ["id", "kind"])
        cases.create_index("ix_cases_kind", ["kind"])
    op.create_table(
        "case_calls",
        sa.Column("case_id", _CASE, nullable=False),
        sa.Column("call_id", _ARTIFACT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_calls_case_id_cases"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_case_calls_call_id_calls"),
        sa.PrimaryKeyConstraint("case_id", "call_id", name="pk_case_calls"),
    )
    op.create_index("ix_case_calls_call_id", "case_calls", ["call_id"])
    op.create_table(
        "case_keys",
        sa.Column("case_id", _CASE, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_keys_case_id_cases"),
        sa.PrimaryKeyConstraint("case_id", name="pk_case_keys"),
    )
    op.create_table(
        "case_notes",
        sa.Column("id", _ARTIFACT, nullable=False),
        sa.Column("case_id", _CASE, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_notes_case_id_cases"),
        sa.PrimaryKeyConstraint("id", name="pk_case_notes"),
    )
    op.create_index("ix_case_notes_case_id", "case_notes", ["case_id"])
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("case_id", _CASE, nullable=False),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("note_id", _ARTIFACT, nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_proposals_case_id_cases"),
        sa.ForeignKeyConstraint(["note_id"], ["case_notes.id"], name="fk_proposals_note_id_case_notes"),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )
    op.create_index("ix_proposals_case_id", "proposals", ["case_id"])


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("trained_on", sa.Date(), nullable=True),
        sa.Column("disabled_at", _INSTANT, nullable=True),
        sa.Column("last_used_at", _INSTANT, nullable=True),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("token_expires_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("token_hash", name="uq_users_token_hash"),
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("granted_at", _INSTANT, nullable=False),
        sa.Column("granted_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=True),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("dpa", sa.String(length=64), nullable=True),
        sa.Column("ticket", sa.String(length=64), nullable=True),
        sa.Column("transfer_tool", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_grants_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
    )
    op.create_index("ix_grants_user_id", "grants", ["user_id"])
    op.create_table(
        "case_members",
        sa.Column("case_id", _CASE, nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("since", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_members_case_id_cases"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_case_members_user_id_users"),
        sa.PrimaryKeyConstraint("case_id", "user_id", name="pk_case_members"),
    )
    op.create_index("ix_case_members_user_id", "case_members", ["user_id"])


def _artifacts() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(
            sa.Column("special_category", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("special_category", server_default=None)
    op.add_column("artifacts", sa.Column("part", sa.String(length=32), nullable=True))
    op.execute(_PARTS)
    with op.batch_alter_table("artifacts") as artifacts:
        artifacts.drop_constraint(op.f("ck_artifacts_artifact_has_permission"), type_="check")
        artifacts.drop_constraint("fk_artifacts_case_id_cases", type_="foreignkey")
        artifacts.alter_column("part", existing_type=sa.String(length=32), nullable=False)
        artifacts.alter_column("call_id", existing_type=_ARTIFACT, nullable=True)
        artifacts.add_column(sa.Column("case_kind", sa.String(length=32), nullable=True))
        artifacts.add_column(sa.Column("condemned", sa.String(length=16), nullable=True))
        artifacts.add_column(sa.Column("lived_until", sa.Date(), nullable=True))
        artifacts.add_column(sa.Column("lived_to", _INSTANT, nullable=True))
        artifacts.create_foreign_key("artifact_case", "cases", ["case_id", "case_kind"], ["id", "kind"])
        artifacts.create_check_constraint(
            op.f("ck_artifacts_artifact_has_permission"),
            "kind NOT IN ('AUD', 'TRS', 'DER', 'INVR') OR state = 'erased' OR (kind <> 'AUD' AND case_id IS "
            "NOT NULL AND case_kind IS NOT NULL AND case_kind = 'investigation') OR (kind <> 'INVR' AND "
            "consent_id IS NOT NULL AND consent_decision IS NOT NULL AND consent_decision = 'accepted')",
        )
        artifacts.create_check_constraint(
            op.f("ck_artifacts_artifact_belongs"),
            "call_id IS NOT NULL OR case_id IS NOT NULL OR state = 'erased'",
        )
        artifacts.create_index("ix_artifacts_case_id", ["case_id"])
    op.create_table(
        "documents",
        sa.Column("artifact_id", _ARTIFACT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name="fk_documents_artifact_id_artifacts"),
        sa.PrimaryKeyConstraint("artifact_id", name="pk_documents"),
    )
    op.create_table(
        "artifact_sources",
        sa.Column("artifact_id", _ARTIFACT, nullable=False),
        sa.Column("source_id", _ARTIFACT, nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name="fk_artifact_sources_artifact_id_artifacts"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["artifacts.id"], name="fk_artifact_sources_source_id_artifacts"
        ),
        sa.PrimaryKeyConstraint("artifact_id", "source_id", name="pk_artifact_sources"),
    )
    op.create_index("ix_artifact_sources_source_id", "artifact_sources", ["source_id"])
    op.add_column(
        "tombstones", sa.Column("verifier", sa.String(length=64), nullable=False, server_default="sweep")
    )
    with op.batch_alter_table("tombstones") as tombstones:
        tombstones.alter_column("verifier", server_default=None)
        tombstones.add_column(sa.Column("backups_out_on", sa.Date(), nullable=True))
    op.create_table(
        "disclosures",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("artifact_pseudonym", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("erased_at", _INSTANT, nullable=True),
        sa.Column("erased_by", sa.String(length=16), nullable=True),
        sa.Column("notified_at", _INSTANT, nullable=True),
        sa.Column("acknowledged_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_disclosures"),
    )
    op.create_index("ix_disclosures_artifact_pseudonym", "disclosures", ["artifact_pseudonym"])


def _audit() -> None:
    op.add_column("audit_log", sa.Column("last_seq", sa.Integer(), nullable=True))
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_index("ix_audit_log_last_seq", "audit_log", ["last_seq"])
    op.create_table(
        "audit_reasons",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["audit_log.seq"], name="fk_audit_reasons_seq_audit_log"),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_reasons"),
    )
    op.create_table(
        "writing_turn",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_writing_turn"),
    )
