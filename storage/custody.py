"""Custody: data keys and words as they are stored, wrapped and opened in the transaction that has them.

Promises:
1. What is wrapped asks in its transaction whether its key still may: no data key is wrapped by a retired key,
   so a retired key can be destroyed.
2. A key that another process put in use is taken up by those that run: key files are read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.keys import Keys, Ring
from storage.tables import KeyEncryptionKey, PurposeKey
from storage.wrapping import KeysError, named

WORDS = "words"
"""The purpose of the keys under which words are sealed."""
NUMBER_SEALED = "sealed:"
"""How a caller's number begins that is stored sealed; Base64 follows."""


def wrap(session: Session, keys: Keys, label: str, data_key: bytes) -> bytes:
    """A data key, wrapped to be stored in this transaction; `KeysError` when no key may that is at hand."""
    row = session.get(KeyEncryptionKey, keys.key_id.hex())
    if row is not None and row.superseded_at is not None:
        with contextlib.suppress(KeysError):  # then it goes on with the one it has, while that may wrap
            renew(session, keys)
        row = session.get(KeyEncryptionKey, keys.key_id.hex())
    require_usable(row)
    return keys.wrap(label, data_key)


def unwrap(session: Session, keys: Keys, label: str, wrapped: bytes) -> bytes:
    """A stored data key; see `Keys.unwrap` for what is raised."""
    if not keys.knows(wrapped):
        renew(session, keys)
    return keys.unwrap(label, wrapped)


def open_words(session: Session, keys: Keys, label: str, sealed: bytes) -> str:
    """Stored words; see `Keys.open_words` for what is raised."""
    if not keys.knows_words(sealed):
        renew(session, keys)
    return keys.open_words(label, sealed)


def renew(session: Session, keys: Keys) -> None:
    """Take up what another process put in use."""
    ring = keys.reopen()
    if found := rows(session):
        keys.renew(ring, [opened(ring, row) for row in found if row.purpose == WORDS])


def require_usable(row: KeyEncryptionKey | None) -> None:
    """That a key may wrap; `KeysError` when it is retired."""
    if row is not None and row.retired_at is not None:
        raise KeysError(
            f"the key {row.key_id} is retired and wraps nothing any more; "
            "start this gateway with the one that took its place"
        )


def rows(session: Session) -> Sequence[PurposeKey]:
    """The keys for names, signatures and words, oldest first."""
    return session.scalars(select(PurposeKey).order_by(PurposeKey.made_at, PurposeKey.id)).all()


def opened(ring: Ring, row: PurposeKey) -> bytes:
    """One of them, unwrapped; `KeysError` when the key that wrapped it is not at hand."""
    wrapper = ring.find(row.wrapped)
    if wrapper is None:
        raise KeysError(
            f"another key wrapped the keys of this archive ({named(row.wrapped)}); restore the key file it "
            "was made with, or name that key in storage.key"
        )
    return wrapper.unwrap(label_of(row.purpose, row.id), row.wrapped)


def label_of(purpose: str, row_id: str) -> str:
    """What one of them is bound to."""
    return f"purpose {purpose} {row_id}"
