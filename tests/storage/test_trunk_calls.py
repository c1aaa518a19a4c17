"""A trunk's file: columns, times and durations as trunks write them, and mistakes told without a number."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.texts import TEXTS
from storage.trunk_calls import TrunkCall, TrunkFileError, instants, read, seconds

NUMBER = "+4587654321"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)


def calls(folder: Path, text: str | bytes, **given: str) -> list[TrunkCall]:
    file = folder / "trunk.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read(file, given))


@pytest.mark.parametrize(
    "header",
    [
        "calldate,src,dst,duration,billsec",
        "Start Time,From,To,Total,Duration (s)",
        "start_time,caller_id,destination,x,duration_seconds",
        "Starttidspunkt,A-nummer,B-nummer,x,Varighed",
        "Call Start,Calling Number,Called Number,x,Call Duration",
        '"Date/Time","Calling Party","Called Party","x","Seconds"',
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_usual_headers_are_known(tmp_path: Path, header: str, delimiter: str) -> None:
    text = f"{header}\n2026-03-02 13:00:00,{NUMBER},70101010,99,65\n\n".replace(",", delimiter)
    (call,) = calls(tmp_path, text)
    assert call == TrunkCall(2, (NOON,), 65.0, NUMBER, "70101010", "")
    assert NUMBER not in repr(call)


def test_a_call_id_is_read_and_two_columns_may_make_a_start(tmp_path: Path) -> None:
    text = "Dato;Klokken;Varighed;SIP Call-ID\n02-03-2026;13:00:00;1:05;<abc@host>\n"
    (call,) = calls(tmp_path, text, start="Dato+Klokken")
    assert (call.starts, call.duration_s, call.call_id, call.calling) == ((NOON,), 65.0, "abc@host", None)


def test_columns_that_are_named_come_before_guesses(tmp_path: Path) -> None:
    text = "start,duration,billed\n2026-03-02T12:00:00Z,65,60\n"
    assert calls(tmp_path, text)[0].duration_s == 65
    assert calls(tmp_path, text, duration="Billed")[0].duration_s == 60


def test_a_file_of_an_old_program_can_be_read(tmp_path: Path) -> None:
    text = "\ufeffstart,varighed,fra\n2026-03-02T12:00:00Z,65,Søren\n"
    assert calls(tmp_path, text)[0].calling == "Søren"
    assert calls(tmp_path, text.lstrip("\ufeff").encode("cp1252"))[0].calling == "Søren"


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-02T12:00:00Z", "2026-03-02T13:00:00+01:00", "2026-03-02 13:00:00", "1772452800"),
        *("02-03-2026 13:00:00", "02.03.2026 13:00", "02/03/2026 13:00:00", "20260302130000", "1772452800.0"),
        *("2026-03-02 13:00:00.000", "2026/03/02 13:00:00"),
    ],
)
def test_a_start_is_read_as_trunks_write_it(text: str) -> None:
    assert instants(text) == (NOON,)


def test_an_hour_that_comes_twice_means_two_instants() -> None:
    assert [at.hour for at in instants("2026-10-25 02:30:00")] == [0, 1]
    assert instants("2026-10-25 02:30:00", ZoneInfo("UTC")) == (
        datetime(2026, 10, 25, 2, 30, tzinfo=timezone.utc),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("65", 65),
        ("65.5", 65.5),
        ("65,5", 65.5),
        ("1:05", 65),
        ("0:01:05", 65),
        ("01:01:05", 3665),
        ("65 s", 65),
    ],
)
def test_a_duration_is_read_as_trunks_write_it(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "given", "code"),
    [
        ("", {}, "empty"),
        ("a,b\n1,2\n", {}, "unknown_start"),
        ("start,b\n1,2\n", {}, "unknown_duration"),
        ("start,duration\n", {"calling": "who"}, "no_column"),
        (f"start,duration\n{NUMBER},2\n", {}, "no_time"),
        (f"start,duration\n2026-03-02 12:00,{NUMBER}\n", {}, "no_duration"),
        ("start,duration\n2026-03-02 12:00\n", {}, "short_line"),
        (f"{NUMBER},65\n{NUMBER},65\n", {}, "unknown_start"),
    ],
)
def test_what_is_wrong_is_told_without_what_stands_there(
    tmp_path: Path, text: str, given: dict[str, str], code: str
) -> None:
    with pytest.raises(TrunkFileError) as caught:
        calls(tmp_path, text, **given)
    assert caught.value.code == code
    for told in TEXTS[f"trunk_file.{code}"]:
        assert NUMBER not in told.format(**caught.value.values)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrunkFileError) as caught:
        list(read(tmp_path / "nowhere.csv", {}))
    assert caught.value.code == "not_there"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("start,duration\n0001-01-01,1\n", "no_time"),
        ("start,duration\n9999-12-31T23:59:59-12:00,1\n", "no_time"),
        (f"start,duration\n2026-03-02 12:00,{'9' * 40}:00:00\n", "no_duration"),
        (f"start,duration\n2026-03-02 12:00,{'9' * 400}\n", "no_duration"),
        ("start,duration\n2026-03-02 12:00,1,a\rb\n", "short_line"),
        (f'start,duration\n"{"x" * 140_000}",1\n', "no_table"),
    ],
)
def test_what_no_call_can_have_is_told_with_its_line(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(TrunkFileError) as caught:
        calls(tmp_path, text)
    assert (caught.value.code, caught.value.values["line"] > 1) == (code, True)
    assert all(told.format(**caught.value.values) for told in TEXTS[f"trunk_file.{code}"])


def test_a_number_written_in_pairs_is_not_told_either(tmp_path: Path) -> None:
    with pytest.raises(TrunkFileError) as caught:
        calls(tmp_path, "20 12 34 56,65\n1,2\n")
    assert "12" not in str(caught.value.values)


def test_what_no_terminal_shows_is_not_told_either(tmp_path: Path) -> None:
    with pytest.raises(TrunkFileError) as caught:
        calls(tmp_path, "a,\x1b[2J\n1,2\n")
    assert caught.value.values["columns"] == "a, …"
