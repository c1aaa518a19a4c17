"""Consent records are signed; those from before have no signature"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("consent_records", sa.Column("signature", sa.String(length=128), nullable=True))
