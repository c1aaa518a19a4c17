"""Jobs: what is still to be transcribed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "transcription_jobs",
        sa.Column("recording_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('live', 'waiting', 'running')", name=op.f("ck_transcription_jobs_state")
        ),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["artifacts.id"], name="fk_transcription_jobs_recording_id_artifacts"
        ),
        sa.PrimaryKeyConstraint("recording_id", name="pk_transcription_jobs"),
    )
