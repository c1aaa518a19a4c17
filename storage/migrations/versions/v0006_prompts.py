"""Prompts: versions made by the operator, and where each is played"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "prompt_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("prompt_set", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("audio_sha256", sa.String(length=64), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("markers", sa.JSON(), nullable=False),
        sa.Column("loudness_lufs", sa.Float(), nullable=True),
        sa.Column("peak_dbtp", sa.Float(), nullable=True),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("accepted_warnings", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> made_by", name=op.f("ck_prompt_versions_four_eyes")
        ),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_prompt_versions_approved_whole")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_versions"),
        sa.UniqueConstraint(
            "prompt_set", "role", "number", name=op.f("uq_prompt_versions_prompt_set_role_number")
        ),
    )
    op.create_index("ix_prompt_versions_audio_sha256", "prompt_versions", ["audio_sha256"])
    op.create_table(
        "prompt_activations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=True),
        sa.Column("prompt_set", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint("scope IN ('set', 'flow', 'number')", name=op.f("ck_prompt_activations_scope")),
        sa.CheckConstraint("(scope = 'set') = (target = '')", name=op.f("ck_prompt_activations_target")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["prompt_versions.id"], name="fk_prompt_activations_version_id_prompt_versions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_activations"),
    )
    op.create_index("ix_prompt_activations_ended_at", "prompt_activations", ["ended_at"])
