"""Outcomes of calls, calls refused at the edge, and an index that counts artifacts without reading them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("calls", sa.Column("outcome", sa.String(length=32), nullable=True))
    op.create_table(
        "edge_refusals",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "reason", name="pk_edge_refusals"),
    )
    op.create_index("ix_artifacts_kind_state_blocked_at", "artifacts", ["kind", "state", "blocked_at"])
