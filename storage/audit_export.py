"""The audit log as a file that anybody can check, without database, settings or key file.

Line 1 is the header: format, version, how many entries, the hash of the last, the public key, and an
Ed25519 signature over all of that. Every further line is one entry, in the one spelling that
`storage.audit_chain.canonical` gives it. A changed byte, a dropped, swapped, added or missing line is
found, and the place named. Who has the public key from elsewhere also finds a file that was made anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import audit_chain, audit_log
from storage.audit_chain import GENESIS, Entry, canonical
from storage.keys import Keys, is_signed
from storage.sealed import sync_folder, write_all
from storage.tables import AuditEntry

FORMAT = "tast1-audit"
VERSION = 1
PURPOSE = "audit export"
"""What the signature is for: a signature for another purpose does not fit."""

_LINE_BYTES = 1 << 20
_HEADER = {"format": str, "version": int, "count": int, "last_hash": str, "public_key": str, "signature": str}
_ENTRY = {each.name: int if each.name == "seq" else str for each in fields(Entry)}


@dataclass(frozen=True)
class FileVerdict:
    """What a check of a file found.

    `fault` is "" when all is well, else `header` (cannot be read, or was altered), `signature` (does not
    fit the header), `key` (signed by somebody else), or at entry `broken_at` (the place in the chain
    where the file stops being the log): `altered`, `missing`, `unexpected`, `cut_short`, `rewritten` (the
    log ends in another hash than the header says, so it was made anew from some entry on).
    """

    entries: int  # that fit
    last_hash: str
    public_key: str = ""
    fault: str = ""
    broken_at: int | None = None

    @property
    def intact(self) -> bool:
        """Whether the file is what was exported."""
        return not self.fault


def lines(session: Session, keys: Keys) -> Iterable[bytes]:
    """The file, line by line, as of the session's transaction."""
    count = session.scalar(select(func.count()).select_from(AuditEntry)) or 0
    last = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)) or GENESIS
    yield _line(sealed_header(count, last, keys))
    for entry in audit_log.entries(session):
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


def verify(file: BinaryIO, public_key: str | None = None) -> FileVerdict:
    """Check an exported file; with `public_key` (hex) also who signed it."""
    header = _read(file.readline(_LINE_BYTES), _HEADER)
    if header is None or header["format"] != FORMAT or header["version"] != VERSION:
        return FileVerdict(0, GENESIS, fault="header")
    signer = header["public_key"]
    unsigned = {name: value for name, value in header.items() if name != "signature"}
    if not is_signed(signer, PURPOSE, canonical(unsigned), header["signature"]):
        return FileVerdict(0, GENESIS, signer, "signature")
    if public_key is not None and public_key.strip().lower() != signer:
        return FileVerdict(0, GENESIS, signer, "key")
    return _verify_entries(file, header["count"], header["last_hash"], signer)


def _verify_entries(file: BinaryIO, count: int, last_hash: str, signer: str) -> FileVerdict:
    last = GENESIS
    for seq in range(1, count + 1):
        entry, fault = _entry(file.readline(_LINE_BYTES), seq, last)
        if entry is None:
            return FileVerdict(seq - 1, last, signer, fault, seq)
        last = entry.hash
    if file.read(1):
        return FileVerdict(count, last, signer, "unexpected", count + 1)
    if last != last_hash:
        return FileVerdict(count, last, signer, "rewritten", count)
    return FileVerdict(count, last, signer)


def _entry(line: bytes, seq: int, last: str) -> tuple[Entry | None, str]:
    """The entry in a line, if it is number `seq` and follows `last`; else what is wrong with it."""
    if not line:
        return None, "missing"
    if not line.endswith(b"\n"):
        return None, "cut_short"
    values = _read(line, _ENTRY)
    if values is None:
        return None, "altered"
    entry = Entry(**values)
    if audit_chain.verify([entry], start=(seq - 1, last)).intact:
        return entry, ""
    whole = audit_chain.verify([entry], start=(entry.seq - 1, entry.prev_hash)).intact
    return None, "missing" if whole and entry.seq > seq else "altered"


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
