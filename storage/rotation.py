"""Rotation: another key encryption key takes over, and all is wrapped anew with it. No sound is touched.

Promises:
1. It may be killed at any line, and begun again goes on where it was: what is wrapped with the key that is in
   use is left alone, and no further key is made before the one before is retired.
2. Gateways may run, calls be up and sweeps erase meanwhile: a row is changed only where it is still what was
   read, so nothing that was erased comes back.
3. A key is retired when nothing needs it, seen in the transaction that retires it. From then on nothing is
   wrapped with it (`storage.custody`). Its file stays until somebody destroys it: backups may need it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Column, Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from storage import audit_log, calls
from storage.custody import NUMBER_SEALED, open_words
from storage.database import Database
from storage.key_register import Needed, needed, open_keys, start_of
from storage.key_sources import KeyFile, KeySources, former_file, replace_file
from storage.keys import Keys
from storage.many import plain
from storage.pace import Pace
from storage.policy.clocks import local_date
from storage.sealed import MediaError, sync_folder
from storage.tables import AuditReason, CallerNumber, CaseKey, DataKey, KeyEncryptionKey
from storage.wrapping import KeysError

Told = Callable[[int, int], None]
"""(wrapped anew so far, how many there were to do)"""

log_nothing: Told = lambda done, total: None  # noqa: E731


@dataclass(frozen=True)
class Rotated:
    """What a rotation came to. Ids of keys are hex."""

    key_id: str  # the key that wraps now
    is_new: bool  # whether it was made or taken up by this rotation
    rewrapped: int
    failed: tuple[str, ...]  # ids of artifacts, cases and calls whose keys or words do not open
    retired: tuple[str, ...]
    waiting: tuple[str, ...]  # keys that are superseded and not retired


@dataclass(frozen=True)
class Known:
    """A key encryption key, as it is listed."""

    key_id: str
    kind: str
    since: datetime | None  # None: it never wrapped here
    superseded_at: datetime | None
    retired_at: datetime | None
    destroyed_at: datetime | None
    at_hand: bool
    wraps: bool
    needed: Needed
    backups_until: date | None  # of a retired one: the last day on which a backup may need it


def rotate(
    db: Database,
    sources: KeySources,
    now: datetime,
    actor: dict[str, Any],
    retire_too: bool = False,
    told: Told = log_nothing,
) -> Rotated:
    """Wrap everything with the key that is in use; a key file is replaced by a fresh one first.

    With `retire_too` what nothing needs any more is retired at once: right where every gateway reads the same
    key file. `KeysError` when there is no other key to go on to.
    """
    keys = open_keys(db, sources, now)
    is_new = not db.read_sync(_superseded) and not db.read_sync(lambda s: _left(s, keys))
    if is_new:
        if not isinstance(sources.own, KeyFile) or keys.ring.recipient is not None:
            raise KeysError(
                "there is no other key to go on to: name a new one in storage.key, and the one before under "
                "storage.key.others"
            )
        replace_file(sources.own.path)
        keys = open_keys(db, sources, now)
    key_id = keys.key_id.hex()
    db.write_sync(lambda s: audit_log.append(s, now, "keys.rotate", key_id, {"new": is_new}, actor))
    rewrapped, failed = _rewrap(db, keys, told)
    retired: list[str] = []
    for each in db.read_sync(_superseded):
        if retire_too and not db.read_sync(needed).get(each, Needed()).total:
            retire(db, each, now, actor)
            retired.append(each)
    done = {"rewrapped": rewrapped, "failed": len(failed)}
    db.write_sync(lambda s: audit_log.append(s, now, "keys.rewrap", key_id, done, actor))
    db.scrub()
    return Rotated(key_id, is_new, rewrapped, tuple(failed), tuple(retired), tuple(db.read_sync(_superseded)))


def retire(db: Database, key_id: str, now: datetime, actor: dict[str, Any]) -> None:
    """Nothing is wrapped with that key from now on. `KeysError` when it is needed still."""

    def write(session: Session) -> None:
        row = _row(session, key_id)
        if row.retired_at is not None:
            return
        if row.superseded_at is None:
            raise KeysError(f"the key {key_id} is in use; no other one has taken its place")
        if count := needed(session).get(key_id, Needed()).total:
            raise KeysError(f"the key {key_id} is needed still, by {count}; run `tast1 keys rotate`")
        row.retired_at = now
        audit_log.append(session, now, "keys.retire", key_id, {}, actor)

    db.write_sync(write)


def destroy(
    db: Database,
    sources: KeySources,
    key_id: str,
    now: datetime,
    backup_days: int,
    actor: dict[str, Any],
    despite_backups: bool = False,
) -> None:
    """Remove the file of a retired key; with it every backup from before the rotation is unreadable.

    `KeysError` when it is not retired, when a backup may still need it, or when it has no file here.
    """
    row = db.read_sync(lambda s: _row(s, key_id))
    if row.retired_at is None:
        raise KeysError(f"the key {key_id} is not retired; run `tast1 keys retire` first")
    until = _backups_until(row.retired_at, backup_days)
    if local_date(now) <= until and not despite_backups:
        raise KeysError(
            f"backups that need the key {key_id} may exist until {until}; wait, or give --despite-backups"
        )
    own = sources.own
    path = former_file(own.path, key_id) if isinstance(own, KeyFile) else None
    if path is None or not path.exists():
        raise KeysError(f"the key {key_id} has no file here; destroy it where it is kept")
    # Noted first: a file that is gone unnoted would be looked for.
    db.write_sync(lambda s: _note_destroyed(s, key_id, now, actor))
    path.unlink()
    sync_folder(path.parent)


def listing(db: Database, keys: Keys, backup_days: int) -> list[Known]:
    """The keys that wrap or wrapped here, and those at hand, oldest first."""

    def look(session: Session) -> list[Known]:
        counts = needed(session)
        rows = {row.key_id: row for row in session.scalars(select(KeyEncryptionKey))}
        at_hand = {each.key_id.hex(): each for each in keys.ring.everyone()}
        using = {keys.ring.own.key_id.hex(), keys.key_id.hex()}
        found = []
        for key_id in {**rows, **at_hand, **counts}:
            row, wrapper = rows.get(key_id), at_hand.get(key_id)
            retired_at = row.retired_at if row else None
            found.append(
                Known(
                    key_id,
                    wrapper.kind if wrapper else row.kind if row else "",
                    row.since if row else None,
                    row.superseded_at if row else None,
                    retired_at,
                    row.destroyed_at if row else None,
                    wrapper is not None,
                    key_id in using and retired_at is None,
                    counts.get(key_id, Needed()),
                    _backups_until(retired_at, backup_days) if retired_at else None,
                )
            )
        return sorted(found, key=lambda known: (known.since is None, known.since or 0, known.key_id))

    return db.read_sync(look)


def check(
    db: Database, keys: Keys, everything: bool = False, told: Told = log_nothing
) -> list[tuple[str, str]]:
    """What is wrong with the keys: (what, of which). An empty list is what one wants.

    missing: a key that something needs is not at hand; broken: a key does not open what it wraps; with
    `everything` each stored key is opened (not on a node that only seals): altered.
    """
    found: list[tuple[str, str]] = []
    at_hand = {each.key_id.hex() for each in keys.ring.everyone()}
    found += [("missing", key_id) for key_id in sorted(db.read_sync(needed)) if key_id not in at_hand]
    for wrapper in (keys.ring.own, *keys.ring.others):
        try:
            whole = wrapper.unwrap("check", wrapper.wrap("check", b"c" * 32)) == b"c" * 32
        except KeysError:
            whole = False
        if not whole:
            found.append(("broken", wrapper.key_id.hex()))
    if everything and keys.opens:
        total = db.read_sync(
            lambda s: sum(s.scalar(select(func.count()).select_from(t)) or 0 for t in _WRAPPED)
        )
        done = 0
        for table, label in _WRAPPED.items():
            for batch in _batches(db, table, b"", Pace()):
                for row_id, wrapped in batch:
                    if not _opens(keys, label(row_id), wrapped):
                        found.append(("altered", row_id))
                done += len(batch)
                told(done, total)
    return found


# --- wrapping anew --------------------------------------------------------------------------------

_WRAPPED: dict[Table, Callable[[str], str]] = {
    plain(DataKey): lambda row_id: row_id,
    plain(CaseKey): lambda row_id: f"case {row_id}",
}
"""Tables of wrapped keys, and what a row's is bound to."""


def _rewrap(db: Database, keys: Keys, told: Told) -> tuple[int, list[str]]:
    total, done, failed = db.read_sync(lambda s: _left(s, keys)), 0, []
    told(0, total)
    for table, label in _WRAPPED.items():
        pace = Pace()
        for batch in _batches(db, table, keys.wrapped_prefix, pace):
            changes = []
            for row_id, wrapped in batch:
                try:
                    # Not in a transaction: a token may take its time, and calls wait for the one writer.
                    data_key = keys.unwrap(label(row_id), wrapped)
                    changes.append((row_id, wrapped, keys.wrap(label(row_id), data_key)))
                except KeysError:
                    failed.append(row_id)
            with pace.turn(len(batch)):
                done += db.write_sync(lambda s, t=table, c=changes: _swap(s, t, t.c.wrapped, c))  # type: ignore[misc]
            told(done, total)
    done += _reseal_words(db, keys, failed)
    return done, failed


def _reseal_words(db: Database, keys: Keys, failed: list[str]) -> int:
    numbers, reasons = plain(CallerNumber), plain(AuditReason)
    done, wanted = 0, keys.words_prefix
    as_text = NUMBER_SEALED + base64.b64encode(wanted).decode()
    for call_batch in _walk(
        db, numbers, numbers.c.number, ~numbers.c.number.startswith(as_text, autoescape=True)
    ):
        changes = []
        for call_id, stored in call_batch:
            if not stored.startswith(NUMBER_SEALED):
                continue  # from before numbers were sealed
            label, sealed = (
                calls.label_of_number(call_id),
                base64.b64decode(stored.removeprefix(NUMBER_SEALED)),
            )
            if (words := _words(db, keys, label, sealed)) is None:
                failed.append(call_id)
            else:
                changes.append((call_id, stored, calls.sealed_number(keys, call_id, words)))
        done += db.write_sync(lambda s, c=changes: _swap(s, numbers, numbers.c.number, c))  # type: ignore[misc]
    for batch in _walk(db, reasons, reasons.c.sealed, start_of(reasons.c.sealed) != wanted):
        resealed = []
        for seq, sealed in batch:
            label = audit_log.label_of_reason(seq)
            if (words := _words(db, keys, label, sealed)) is None:
                failed.append(f"audit {seq}")
            else:
                resealed.append((seq, sealed, keys.seal_words(label, words)))
        done += db.write_sync(lambda s, c=resealed: _swap(s, reasons, reasons.c.sealed, c))  # type: ignore[misc]
    return done


def _words(db: Database, keys: Keys, label: str, sealed: bytes) -> str | None:
    try:
        return db.read_sync(lambda s: open_words(s, keys, label, sealed))
    except MediaError:
        return None


def _swap(session: Session, table: Table, column: Column[Any], changes: list[tuple[Any, Any, Any]]) -> int:
    """Put new values where the old ones still are; how many that was."""
    if not changes:
        return 0
    (key,) = table.primary_key.columns
    statement = update(table).where(key == bindparam("of"), column == bindparam("before"))
    statement = statement.values({column: bindparam("after")})
    rows = [{"of": of, "before": before, "after": after} for of, before, after in changes]
    session.connection().execute(statement, rows)
    return len(rows)


def _batches(db: Database, table: Table, wanted: bytes, pace: Pace) -> Iterator[list[tuple[str, bytes]]]:
    """The rows of a table of wrapped keys that do not begin so."""
    column = table.c.wrapped
    for batch in _walk(db, table, column, start_of(column) != wanted, pace):
        yield [(row_id, bytes(wrapped)) for row_id, wrapped in batch]


def _walk(
    db: Database, table: Table, column: Column[Any], where: Any, pace: Pace | None = None
) -> Iterator[list[tuple[Any, Any]]]:
    """Rows (key, value) in the order of their keys, in batches; each is read when the one before is done."""
    (key,) = table.primary_key.columns
    query, pace, after = select(key, column).where(where).order_by(key), pace or Pace(), None
    while True:
        page = query if after is None else query.where(key > after)
        batch = db.read_sync(lambda s, q=page, n=pace.size: [tuple(row) for row in s.execute(q.limit(n))])  # type: ignore[misc]
        if not batch:
            return
        after = batch[-1][0]
        yield batch


def _opens(keys: Keys, label: str, wrapped: bytes) -> bool:
    try:
        keys.unwrap(label, wrapped)
    except KeysError:
        return False
    return True


def _left(session: Session, keys: Keys) -> int:
    """How many keys are wrapped with another key that is at hand than the one in use."""
    others = {each.key_id.hex() for each in keys.ring.everyone()} - {keys.key_id.hex()}
    counts = [count for key_id, count in needed(session).items() if key_id in others]
    return sum(count.data_keys + count.case_keys for count in counts)


def _superseded(session: Session) -> list[str]:
    query = select(KeyEncryptionKey.key_id).where(
        KeyEncryptionKey.superseded_at.is_not(None), KeyEncryptionKey.retired_at.is_(None)
    )
    return list(session.scalars(query.order_by(KeyEncryptionKey.since, KeyEncryptionKey.key_id)))


def _row(session: Session, key_id: str) -> KeyEncryptionKey:
    row = session.get(KeyEncryptionKey, key_id)
    if row is None:
        raise KeysError(f"there is no key {key_id}; see `tast1 keys list`")
    return row


def _note_destroyed(session: Session, key_id: str, now: datetime, actor: dict[str, Any]) -> None:
    row = _row(session, key_id)
    row.destroyed_at = row.destroyed_at or now
    audit_log.append(session, now, "keys.destroy", key_id, {}, actor)


def _backups_until(retired_at: datetime, backup_days: int) -> date:
    """The last civil day on which a backup from before the retirement may exist (R-61)."""
    return local_date(retired_at) + timedelta(days=backup_days)
