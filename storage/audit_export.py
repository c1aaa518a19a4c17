"""The audit log as a file that anybody can check, without database, settings or key file.

Line 1 is the header: format, version, how many entries, the hash of the last, the public key, and an
Ed25519 signature over all of that. Every further line is one entry, or the gap that entries left which
were dropped on time (R-62), in the one spelling that `storage.audit_chain.canonical` gives it. A changed
byte, a dropped, swapped, added or missing line is found, and the place named. Who has the public key from
elsewhere also finds a file that was made anew, and who has an older export a log that was rewritten since.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit_log
from storage.audit_chain import GENESIS, Check, Entry, Gap, canonical
from storage.keys import Keys, is_signed
from storage.sealed import sync_folder, write_all
from storage.tables import AuditEntry

FORMAT = "tast1-audit"
VERSION = 2
PURPOSE = "audit export"
"""What the signature is for: a signature for another purpose does not fit."""

_LINE_BYTES = 1 << 20
_HEADER = {"format": str, "version": int, "count": int, "last_hash": str, "public_key": str, "signature": str}
_ENTRY = {each.name: int if each.name == "seq" else str for each in fields(Entry)}
_GAP = {each.name: int if each.name.endswith("seq") else str for each in fields(Gap)}


@dataclass(frozen=True)
class FileVerdict:
    """What a check of a file found.

    `fault` is "" when all is well, else `header` (cannot be read, or was altered), `signature` (does not
    fit the header), `key` (signed by somebody else), or at entry `broken_at` (the place in the chain
    where the file stops being the log): `altered`, `missing`, `unexpected`, `cut_short`, `undeclared` (gone
    without an entry that says so), `rewritten` (the log ends in another hash than the header says, so it was
    made anew from some entry on), `forked` (it is not the continuation of the older export).
    """

    entries: int  # that fit, the dropped ones too
    last_hash: str
    public_key: str = ""
    fault: str = ""
    broken_at: int | None = None
    dropped: int = 0  # of these, forgotten on time

    @property
    def intact(self) -> bool:
        """Whether the file is what was exported."""
        return not self.fault


def lines(session: Session, keys: Keys) -> Iterable[bytes]:
    """The file, line by line, as of the session's transaction."""
    count = audit_log.count(session)
    last = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)) or GENESIS
    yield _line(sealed_header(count, last, keys))
    for entry in audit_log.chain(session):
        yield _line(vars(entry))


def sealed_header(count: int, last_hash: str, keys: Keys) -> dict[str, Any]:
    """The header of an export of `count` entries that end in `last_hash`."""
    header = {
        "format": FORMAT,
        "version": VERSION,
        "count": count,
        "last_hash": last_hash,
        "public_key": keys.public_key,
    }
    return {**header, "signature": keys.sign(PURPOSE, canonical(header))}


def write(path: Path, content: Iterable[bytes]) -> None:
    """Write whole or not at all; `FileExistsError` rather than replace what is there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            for piece in content:
                write_all(fd, piece)
            os.fsync(fd)
        finally:
            os.close(fd)
        path.hardlink_to(temporary)  # unlike a rename, this refuses to replace a file
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def verify(file: BinaryIO, public_key: str | None = None, older: BinaryIO | None = None) -> FileVerdict:
    """Check an exported file; with `public_key` (hex) also who signed it.

    With an `older` export also that this one continues it: a log that was rewritten since, with every hash
    made anew, is found at the first entry that is another.
    """
    header = _read(file.readline(_LINE_BYTES), _HEADER)
    if header is None or header["format"] != FORMAT or header["version"] != VERSION:
        return FileVerdict(0, GENESIS, fault="header")
    signer = header["public_key"]
    unsigned = {name: value for name, value in header.items() if name != "signature"}
    if not is_signed(signer, PURPOSE, canonical(unsigned), header["signature"]):
        return FileVerdict(0, GENESIS, signer, "signature")
    if public_key is not None and public_key.strip().lower() != signer:
        return FileVerdict(0, GENESIS, signer, "key")
    earlier = _hashes(older) if older is not None else {}
    return _verify_entries(file, header["count"], header["last_hash"], signer, earlier)


def _hashes(file: BinaryIO) -> dict[int, str]:
    """The hash of every entry of an export, as far as it can be read."""
    found = {}
    file.readline(_LINE_BYTES)
    while line := file.readline(_LINE_BYTES):
        values = _read(line, _ENTRY) or _read(line, _GAP)
        if values is not None:
            found[values.get("last_seq", values["seq"])] = values["hash"]
    return found


def _verify_entries(
    file: BinaryIO, count: int, last_hash: str, signer: str, earlier: Mapping[int, str]
) -> FileVerdict:
    check = Check()

    def verdict(fault: str = "", at: int | None = None) -> FileVerdict:
        return FileVerdict(check.count, check.last, signer, fault, at, check.dropped)

    while check.seq < count:
        entry, fault = _entry(file.readline(_LINE_BYTES))
        if entry is None:
            return verdict(fault, check.seq + 1)
        if (broken := check.take(entry)) is not None:
            return verdict("missing" if broken.missing else "altered", broken.place)
        if earlier.get(check.seq, check.last) != check.last:
            return verdict("forked", check.seq)
    if file.read(1):
        return verdict("unexpected", count + 1)
    if check.last != last_hash or check.seq != count:
        return verdict("rewritten", count)
    if earlier and max(earlier) > count:
        return verdict("missing", count + 1)
    if (undeclared := check.undeclared()) is not None:
        return verdict("undeclared", undeclared.place)
    return verdict()


def _entry(line: bytes) -> tuple[Entry | Gap | None, str]:
    """The entry, or the gap, in a line; else what is wrong with it."""
    if not line:
        return None, "missing"
    if not line.endswith(b"\n"):
        return None, "cut_short"
    if (values := _read(line, _ENTRY)) is not None:
        return Entry(**values), ""
    if (values := _read(line, _GAP)) is not None:
        return Gap(**values), ""
    return None, "altered"


def _line(values: dict[str, Any]) -> bytes:
    return canonical(values).encode() + b"\n"


def _read(line: bytes, form: Mapping[str, type]) -> dict[str, Any] | None:
    """The values of a line, if it has exactly these fields in exactly the one spelling."""
    try:
        values = json.loads(line)
        if not isinstance(values, dict) or {name: type(value) for name, value in values.items()} != form:
            return None
        return values if _line(values) == line else None
    except (ValueError, RecursionError):
        return None
