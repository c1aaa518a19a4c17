"""Several gateways on one database: which there are, who does what only one may, whose files are where."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table


class GatewayRow(Table):
    """A gateway, as it told of itself at its last sign of life."""

    __tablename__ = "gateways"

    instance: Mapped[str] = mapped_column(String(64), primary_key=True)
    boot: Mapped[str] = mapped_column(Id)  # of this run of the process
    version: Mapped[str] = mapped_column(String(32))
    settings: Mapped[str] = mapped_column(String(16))  # hash of what all gateways must agree on
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    calls_up: Mapped[int]
    draining: Mapped[bool]


class Duty(Table):
    """What one gateway does for all, and until when it has it without another sign of life."""

    __tablename__ = "duties"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    instance: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]


class HeldFile(Table):
    """A sealed file (or a spool) that is in the folder of one gateway and not, or not only, in the bucket."""

    __tablename__ = "held_files"

    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifacts.id"), primary_key=True)
    instance: Mapped[str] = mapped_column(String(64), index=True)
    going: Mapped[bool] = mapped_column(default=False)  # it is being sent to the bucket just now
