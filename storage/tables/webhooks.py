"""What webhooks are still to be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table


class WebhookDelivery(Table):
    """An event that a webhook is to be told of. It names an entry of the audit log and nothing else."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    hook: Mapped[str] = mapped_column(String(16), index=True)
    event: Mapped[str] = mapped_column(String(32))
    seq: Mapped[int]  # of the audit log
    created_at: Mapped[datetime]
    run_after: Mapped[datetime]
    attempts: Mapped[int]
    outcome: Mapped[str | None] = mapped_column(String(32))  # of the last attempt


class WebhookCursor(Table):
    """Up to where the audit log was looked through for webhooks: a row, or none without hooks."""

    __tablename__ = "webhook_cursor"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
