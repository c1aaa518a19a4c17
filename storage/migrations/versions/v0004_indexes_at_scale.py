"""Indices that keep sweep, lookup and lists independent of how large the archive is"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change the tables."""
    # A sweep walks through lapsed grounds in this order, page by page, without touching the table.
    op.drop_index("ix_grounds_expires_at", "grounds")
    op.create_index("ix_grounds_expires_at_artifact_id", "grounds", ["expires_at", "artifact_id"])
    op.drop_index("ix_grounds_ended_at", "grounds")
    op.create_index(
        "ix_grounds_ended_at_artifact_id",
        "grounds",
        ["ended_at", "artifact_id"],
        sqlite_where=sa.text("ended_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    # A preview reads the archive call by call.
    op.drop_index("ix_artifacts_call_id", "artifacts")
    op.create_index("ix_artifacts_call_id_id", "artifacts", ["call_id", "id"])
    op.create_index("ix_artifacts_created_at", "artifacts", ["created_at"])
    op.drop_index("ix_calls_caller_pseudonym", "calls")
    op.create_index("ix_calls_caller_pseudonym_arrived_at", "calls", ["caller_pseudonym", "arrived_at"])
