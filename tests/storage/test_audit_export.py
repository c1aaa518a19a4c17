"""An exported audit log: whole it passes, altered anywhere it is found, and the entry named."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from storage import audit_chain, audit_export
from storage.audit_chain import Entry, canonical
from storage.audit_export import FileVerdict
from storage.keys import Keys
from tests.storage.test_audit import AT, chain
from tests.storage.world import NUMBER, World, record_call

KEYS = Keys(bytes(range(32)))
LENGTH = 4


def exported(entries: list[Entry], keys: Keys = KEYS) -> list[bytes]:
    header = audit_export.sealed_header(len(entries), entries[-1].hash, keys)
    return [canonical(each).encode() + b"\n" for each in (header, *(vars(entry) for entry in entries))]


def check(lines: list[bytes] | bytes, public_key: str | None = None) -> FileVerdict:
    content = lines if isinstance(lines, bytes) else b"".join(lines)
    return audit_export.verify(io.BytesIO(content), public_key)


def found(lines: list[bytes] | bytes) -> tuple[str, int | None]:
    verdict = check(lines)
    assert not verdict.intact
    return verdict.fault, verdict.broken_at


def resealed(entries: list[Entry], start: int) -> list[Entry]:
    """The log made anew from entry `start` on: another history, every hash right."""
    made = entries[: start - 1]
    for old in entries[start - 1 :]:
        last = (made[-1].seq, made[-1].hash) if made else None
        made.append(audit_chain.seal(last, AT, {"id": "x"}, "read", f"other{old.seq}", {}))
    return made


def test_an_untouched_file_passes_and_says_who_signed_it() -> None:
    verdict = check(exported(chain(LENGTH)), KEYS.public_key)
    assert verdict == FileVerdict(LENGTH, chain(LENGTH)[-1].hash, KEYS.public_key)


def test_a_log_without_entries_passes() -> None:
    header = audit_export.sealed_header(0, audit_chain.GENESIS, KEYS)
    assert check([canonical(header).encode() + b"\n"]).intact


def test_every_single_byte_change_is_found_and_the_entry_named() -> None:
    lines = exported(chain(3))
    for number, line in enumerate(lines):
        for place, byte in enumerate(line):
            for changed in {*(byte ^ (1 << bit) for bit in range(8)), 0x0A, 0x20, 0x22, 0x30, 0xFF} - {byte}:
                altered = line[:place] + bytes([changed]) + line[place + 1 :]
                fault, at = found([*lines[:number], altered, *lines[number + 1 :]])
                if number == 0:
                    assert fault in ("header", "signature"), (place, changed)
                else:
                    assert at == number, (place, changed)


@pytest.mark.parametrize("at", range(1, LENGTH + 1))
def test_a_dropped_entry_is_named(at: int) -> None:
    lines = exported(chain(LENGTH))
    assert found(lines[:at] + lines[at + 1 :]) == ("missing", at)


@pytest.mark.parametrize("first", range(1, LENGTH))
@pytest.mark.parametrize("second", range(2, LENGTH + 1))
def test_swapped_entries_are_found_at_the_first_of_them(first: int, second: int) -> None:
    if first >= second:
        return
    lines = exported(chain(LENGTH))
    lines[first], lines[second] = lines[second], lines[first]
    assert found(lines) == ("missing", first)


def test_every_truncation_is_found_at_the_entry_that_is_cut() -> None:
    lines = exported(chain(LENGTH))
    whole = b"".join(lines)
    for length in range(len(whole)):
        number = next(n for n in range(len(lines)) if length < len(b"".join(lines[: n + 1])))
        fault, at = found(whole[:length])
        assert (fault, at) == ("header", None) if number == 0 else at == number
        assert number == 0 or fault in ("missing", "cut_short")


@pytest.mark.parametrize("at", range(1, LENGTH + 1))
def test_a_second_entry_of_the_same_number_is_found(at: int) -> None:
    entries = chain(LENGTH)
    lines, other = exported(entries), exported(resealed(entries, at))
    assert found([*lines[: at + 1], other[at], *lines[at + 1 :]])[1] == at + 1
    assert found([*lines[:at], other[at], *lines[at:]])[1] == at + 1


@pytest.mark.parametrize("at", range(1, LENGTH + 1))
def test_a_log_made_anew_from_an_entry_on_is_found_by_its_end(at: int) -> None:
    entries = chain(LENGTH)
    forged = exported(resealed(entries, at))
    assert found([exported(entries)[0], *forged[1:]]) == ("rewritten", LENGTH)


def test_a_forged_header_does_not_carry_the_right_signature() -> None:
    entries = chain(LENGTH)
    shorter = {**json.loads(exported(entries)[0]), "count": 3, "last_hash": entries[2].hash}
    assert found([canonical(shorter).encode() + b"\n", *exported(entries)[1:4]]) == ("signature", None)


def test_a_file_signed_by_somebody_else_is_found_with_the_public_key() -> None:
    forged = exported(resealed(chain(LENGTH), 2), Keys(b"f" * 32))
    assert check(forged).intact
    assert check(forged, KEYS.public_key).fault == "key"


def test_an_entry_from_the_end_of_another_log_is_more_than_was_exported() -> None:
    lines = exported(chain(LENGTH))
    assert found([*lines, exported(chain(LENGTH + 1))[-1]]) == ("unexpected", LENGTH + 1)
    assert found([*lines, b"\n"]) == ("unexpected", LENGTH + 1)


def test_another_spelling_of_the_same_entry_is_altered() -> None:
    lines = exported(chain(LENGTH))
    values = json.loads(lines[2])
    for spelled in (json.dumps(values), canonical({**values, "seq": 2.0}), canonical({**values, "more": ""})):
        assert found([*lines[:2], spelled.encode() + b"\n", *lines[3:]]) == ("altered", 2)
    assert found([*lines[:2], b"[" * 100_000 + b"\n", *lines[3:]]) == ("altered", 2)
    lone = canonical(vars(replace(chain(LENGTH)[1], subject="x"))).replace('"x"', '"\\ud800"').encode()
    assert found([*lines[:2], lone + b"\n", *lines[3:]]) == ("altered", 2)


def test_what_is_written_is_the_log_without_the_callers_number(world: World, tmp_path: Path) -> None:
    record_call(world)
    out = tmp_path / "audit.jsonl"
    world.db.read_sync(lambda s: audit_export.write(out, audit_export.lines(s, world.keys)))
    with out.open("rb") as file:
        verdict = audit_export.verify(file, world.keys.public_key)
    assert verdict.intact and verdict.entries > 3
    assert NUMBER[3:] not in out.read_text()
    assert out.stat().st_mode & 0o077 == 0


def test_an_export_never_replaces_a_file_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    out.write_text("mine")
    with pytest.raises(FileExistsError):
        audit_export.write(out, [b"x\n"])
    assert out.read_text() == "mine"

    def fails():  # type: ignore[no-untyped-def]
        yield b"x\n"
        raise KeyError("stop")

    with pytest.raises(KeyError):
        audit_export.write(tmp_path / "other", fails())
    assert [path.name for path in tmp_path.iterdir()] == ["audit.jsonl"]


def test_a_signature_has_one_spelling() -> None:
    header, *rest = exported(chain(2))
    signature = json.loads(header)["signature"]
    spaced = header.replace(signature.encode(), f"{signature[:2]} {signature[2:]}".encode())
    assert found([spaced, *rest]) == ("signature", None)


@pytest.mark.parametrize("detail", ['{"dropped":[[1e999,2]]}', "[" * 100_000, '{"dropped":[[null,1]]}'])
def test_an_entry_that_says_nonsense_of_what_was_dropped_says_nothing(detail: str) -> None:
    entry = Entry(1, "", "{}", audit_chain.DROP, "", detail, audit_chain.GENESIS, "")
    assert audit_chain.dropped_in(entry) == []
