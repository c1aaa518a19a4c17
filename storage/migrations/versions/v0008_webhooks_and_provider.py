"""Who is whom at the identity provider"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("users", sa.Column("subject_hash", sa.String(length=64), nullable=True))
    op.create_index("ix_users_subject_hash", "users", ["subject_hash"], unique=True)
