"""Which key encryption keys there are and were, and the keys of the archive that are no artifact's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Id, Table


class KeyEncryptionKey(Table):
    """A key encryption key that wraps here, or did. The key is elsewhere: see `storage.key_sources`."""

    __tablename__ = "key_encryption_keys"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)  # hex
    kind: Mapped[str] = mapped_column(String(16))  # file, command, pkcs11, public
    since: Mapped[datetime]
    superseded_at: Mapped[datetime | None]  # another one wraps from then on
    retired_at: Mapped[datetime | None]  # nothing needs it, and nothing is wrapped with it any more
    destroyed_at: Mapped[datetime | None]


class PurposeKey(Table):
    """A key for names, signatures or words (`storage.keys.Purposes`), wrapped."""

    __tablename__ = "purpose_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[datetime]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
