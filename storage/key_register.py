"""The register of key encryption keys: the keys of a node brought together with what the database says.

Promises:
1. A key file that is missing is not made anew where there is anything that the lost one opens.
2. The keys for names, signatures and words are wrapped in the database by the node's own key, so a wrong one
   is found when the archive is opened, before anything is written with it.
3. A key that is new is noted, with the audit log, by whoever comes first.
"""

from __future__ import annotations

import base64
import binascii
import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from storage import audit_log
from storage.custody import NUMBER_SEALED, WORDS, label_of, opened, require_usable, rows
from storage.database import Database
from storage.key_sources import KeyFile, KeySources, create_file, former_files, open_pair, open_source
from storage.keys import KEY_BYTES, Keys, Purposes, Ring
from storage.tables import AuditReason, Call, CallerNumber, CaseKey, DataKey, KeyEncryptionKey, PurposeKey
from storage.wrapping import PREFIX_BYTES, PUBLIC, PUBLIC_WORDS, SECRET, KeysError, SecretKey, Wrapper, named

_ORDER = ("pseudonym", "edge", "signing", WORDS)


def open_keys(db: Database, sources: KeySources, now: datetime) -> Keys:
    """The keys of a node, for its database; on the first run its key file is made.

    `KeysError` says what is missing or wrong; then nothing was changed.
    """
    own = sources.own
    if isinstance(own, KeyFile) and not own.path.exists() and not former_files(own.path):
        if db.read_sync(_is_used):
            raise KeysError(
                f"the key file {own.path} is missing; restore its backup "
                "(without it nothing recorded can be read)"
            )
        create_file(own.path)
    ring = _ring(sources)
    # Nearly always everything is as it was: then nothing is written.
    settled = db.read_sync(lambda s: _is_settled(s, ring))
    if not settled:
        db.write_sync(lambda s: _take_up(s, ring, now))
    purposes = db.read_sync(lambda s: _purposes(s, ring))
    return Keys(ring, purposes, lambda: _reopened(sources, ring))


def keys_meanwhile(sources: KeySources) -> Keys:
    """The keys while the database is away: nothing is stored or read with them, see `Keys.become`.

    `KeysError` when the key file is missing: whether another may be made, only the database can tell.
    """
    ring = _ring(sources)
    return Keys(ring, None if isinstance(ring.own, SecretKey) else Purposes.drawn())


# --- which keys there are -------------------------------------------------------------------------


@dataclass(frozen=True)
class Needed:
    """How much of each kind a key wraps."""

    data_keys: int = 0
    case_keys: int = 0
    purposes: int = 0
    words: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.data_keys + self.case_keys + self.purposes + self.words


def needed(session: Session) -> dict[str, Needed]:
    """By the id of a key (hex): what it wraps."""
    found: dict[str, dict[str, int]] = {}
    for field, column in (
        ("data_keys", DataKey.wrapped),
        ("case_keys", CaseKey.wrapped),
        ("purposes", PurposeKey.wrapped),
    ):
        start = start_of(column)
        for prefix, count in session.execute(select(start, func.count()).group_by(start)):
            found.setdefault(named(bytes(prefix)), {})[field] = count
    for key_id, count in _sealed_words(session).items():
        found.setdefault(key_id, {})["words"] = count
    return {key_id: Needed(**counts) for key_id, counts in found.items()}


def _sealed_words(session: Session) -> dict[str, int]:
    """How many words are sealed for a public key, by its id. Others name a key of `purpose_keys`."""
    start = start_of(AuditReason.sealed)
    prefixes = [
        (bytes(prefix), count)
        for prefix, count in session.execute(select(start, func.count()).group_by(start))
    ]
    numbers = start_of(CallerNumber.number, len(NUMBER_SEALED) + 12)  # 9 bytes are 12 characters
    for text, count in session.execute(select(numbers, func.count()).group_by(numbers)):
        prefixes.append((number_prefix(text), count))
    found: dict[str, int] = {}
    for prefix, count in prefixes:
        if prefix.startswith(PUBLIC_WORDS):
            found[named(prefix)] = found.get(named(prefix), 0) + count
    known = {row.key_id for row in session.scalars(select(KeyEncryptionKey))}
    return {key_id: count for key_id, count in found.items() if key_id in known}


def start_of(column: Any, length: int = PREFIX_BYTES) -> Any:
    """The first bytes (or characters) of a column: which key wrapped it."""
    return func.substr(column, literal_column("1"), literal_column(str(length)))


def number_prefix(stored: str) -> bytes:
    """How the sealed bytes begin that a stored number is; b"" for one that is not sealed."""
    if not stored.startswith(NUMBER_SEALED):
        return b""
    try:
        return base64.b64decode(stored.removeprefix(NUMBER_SEALED)[:12])
    except binascii.Error:
        return b""


def prefixes(session: Session, keys: Keys) -> set[bytes]:
    """How wrapped data keys may begin here: those of the keys at hand, and of all that ever wrapped."""
    known = {bytes.fromhex(key_id) for key_id in session.scalars(select(KeyEncryptionKey.key_id))}
    return {each.prefix for each in keys.ring.everyone()} | {
        version + key_id for version in (SECRET, PUBLIC) for key_id in known
    }


# --- the ring -------------------------------------------------------------------------------------


def _ring(sources: KeySources) -> Ring:
    own, *former = open_source(sources.own)
    others = [wrapper for source in sources.others for wrapper in open_source(source)]
    recipient, private = open_pair(sources)
    return Ring(own, (*former, *others, *([private] if private else [])), recipient)


def _reopened(sources: KeySources, ring: Ring) -> Ring:
    """The ring with its files read again; what comes from commands and tokens stays as it is."""
    if not isinstance(sources.own, KeyFile):
        return ring
    own, *former = open_source(sources.own)
    fresh = {own.key_id, *(each.key_id for each in former)}
    rest = [each for each in (ring.own, *ring.others) if each.key_id not in fresh]
    return Ring(own, (*former, *rest), ring.recipient)


def _is_used(session: Session) -> bool:
    tables: tuple[type[Any], ...] = (PurposeKey, DataKey, CaseKey, Call)
    return any(session.execute(select(table).limit(1)).first() is not None for table in tables)


def _in_use(ring: Ring) -> list[tuple[Wrapper, tuple[str, ...]]]:
    """The keys that wrap here, and the kinds of key that each takes the place of."""
    using: list[tuple[Wrapper, tuple[str, ...]]] = [(ring.own, ("file", "command", "pkcs11"))]
    if ring.recipient is not None:
        using.append((ring.recipient, ("public",)))
    return using


def _is_settled(session: Session, ring: Ring) -> bool:
    known = {
        wrapper.key_id.hex(): session.get(KeyEncryptionKey, wrapper.key_id.hex())
        for wrapper, _ in _in_use(ring)
    }
    for row in known.values():
        require_usable(row)
    return all(known.values()) and bool(rows(session))


def _take_up(session: Session, ring: Ring, now: datetime) -> None:
    """Note the keys that are new here, and wrap with them what the archive needs; once, by the first."""
    found = rows(session)
    if not found:
        purposes = _first(session, ring)
        for name in _ORDER[:-1]:
            _add(session, ring, name, getattr(purposes, name), now)
        for key in purposes.words:
            _add(session, ring, WORDS, key, now)
    changed = False
    for wrapper, kinds in _in_use(ring):
        key_id = wrapper.key_id.hex()
        if session.get(KeyEncryptionKey, key_id) is not None:
            continue
        before = session.scalars(
            select(KeyEncryptionKey).where(
                KeyEncryptionKey.kind.in_(kinds), KeyEncryptionKey.superseded_at.is_(None)
            )
        ).all()
        for row in before:
            row.superseded_at = now
        session.add(KeyEncryptionKey(key_id=key_id, kind=wrapper.kind, since=now))
        changed = changed or bool(found)
        detail = {"kind": wrapper.kind, "before": sorted(row.key_id for row in before)}
        audit_log.append(session, now, "keys.take_up", key_id, detail)
    if changed:
        for purpose_key in found:
            if not purpose_key.wrapped.startswith(ring.own.prefix):
                label = label_of(purpose_key.purpose, purpose_key.id)
                purpose_key.wrapped = ring.own.wrap(label, opened(ring, purpose_key))
        # Words from now on are out of reach for who had the key before.
        _add(session, ring, WORDS, os.urandom(KEY_BYTES), now)


def _first(session: Session, ring: Ring) -> Purposes:
    """Those of an archive that has none yet: derived from the key file it had from its first day, if any."""
    secrets = [each for each in (ring.own, *ring.others) if isinstance(each, SecretKey)]
    start = start_of(DataKey.wrapped)
    wrapped = [bytes(each) for each in session.scalars(select(start).distinct())]
    ours = [each for each in secrets if each.prefix in wrapped]
    if wrapped and not any(ring.find(each) for each in wrapped):
        raise KeysError(
            f"another key wrapped the data keys of this archive ({named(wrapped[0])}); restore the key file "
            "it was made with, or name that key in storage.key"
        )
    chosen = ours or secrets
    return Purposes.derived(chosen[0].secret) if chosen else Purposes.drawn()


def _add(session: Session, ring: Ring, purpose: str, key: bytes, now: datetime) -> None:
    row_id = uuid.uuid4().hex
    wrapped = ring.own.wrap(label_of(purpose, row_id), key)
    session.add(PurposeKey(id=row_id, purpose=purpose, made_at=now, wrapped=wrapped))


def _purposes(session: Session, ring: Ring) -> Purposes:
    found: dict[str, list[bytes]] = {name: [] for name in _ORDER}
    for row in rows(session):
        found[row.purpose].append(opened(ring, row))
    single = {name: found[name][0] for name in _ORDER[:-1]}
    return Purposes(words=tuple(found[WORDS]), **single)
