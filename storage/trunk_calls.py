"""A trunk's call detail records: a CSV file, read into calls whatever its columns are called.

Nothing in an error is from the file but the number of a line and the name of a column: the rest may be a
telephone number.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path

from storage.policy.clocks import COPENHAGEN

FIELDS = ("start", "duration", "calling", "called", "call_id")
REQUIRED = ("start", "duration")

GUESSES: dict[str, tuple[str, ...]] = {
    "start": (
        *(
            "start",
            "starttime",
            "starttidspunkt",
            "calldate",
            "callstart",
            "calltime",
            "datetime",
            "timestamp",
        ),
        *("setuptime", "connecttime", "answertime", "begin", "begintime", "startet", "tidspunkt", "dato+tid"),
        *("date+time", "startdate+starttime", "calldate+calltime", "datotid", "dato", "date"),
    ),
    "duration": (
        *("billsec", "billseconds", "billedduration", "chargeableduration", "talktime", "callduration"),
        *("duration", "durationseconds", "durations", "durationsec", "seconds", "secs", "length"),
        *("varighed", "varighedsek", "samtaletid", "sekunder"),
    ),
    "calling": (
        *(
            "calling",
            "callingnumber",
            "callingparty",
            "callingpartynumber",
            "caller",
            "callerid",
            "callernumber",
        ),
        *("from", "fromnumber", "src", "source", "sourcenumber", "anumber", "ano", "ani", "cli", "origin"),
        *("anummer", "fra", "franummer", "opkaldende"),
    ),
    "called": (
        *("called", "callednumber", "calledparty", "calledpartynumber", "callee", "to", "tonumber", "dst"),
        *("destination", "destinationnumber", "bnumber", "bno", "dnis", "dialled", "dialed", "dialednumber"),
        *("bnummer", "til", "tilnummer"),
    ),
    "call_id": ("callid", "sipcallid", "sipid", "sipcallidentifier", "callidheader"),
}
"""Headers by field, without blanks and signs and in lower case, the likeliest first; `a+b`: two columns."""

_FORMATS = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y%m%d%H%M%S", "%Y%m%d %H%M%S", "%Y/%m/%d %H:%M:%S"),
    *("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"),
    *("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d-%m-%y %H:%M:%S"),
)
_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024


class TrunkFileError(Exception):
    """The file cannot be read. `code` names a text of the command line, `values` fill it."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True)
class TrunkCall:
    """A call as the trunk has it. `starts`: its instant (UTC); two in an hour that came twice."""

    line: int
    starts: tuple[datetime, ...]
    duration_s: float
    calling: str | None = field(default=None, repr=False)  # None: the file does not tell
    called: str = field(default="", repr=False)
    call_id: str = ""


def columns_of(header: Sequence[str], given: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """The columns of each field: as given, else guessed by their names.

    `TrunkFileError` no_column: one that was given is not there; unknown_start, unknown_duration: none.
    """
    names = [_bare(name) for name in header]
    found: dict[str, tuple[int, ...]] = {}
    for wanted in FIELDS:
        choices = (given[wanted],) if given.get(wanted) else GUESSES[wanted]
        for choice in choices:
            parts = [_bare(part) for part in choice.split("+")]
            if all(part in names for part in parts):
                found[wanted] = tuple(names.index(part) for part in parts)
                break
        if given.get(wanted) and wanted not in found:
            raise TrunkFileError("no_column", column=given[wanted], columns=_shown(header))
        if wanted in REQUIRED and wanted not in found:
            raise TrunkFileError(f"unknown_{wanted}", columns=_shown(header))
    return found


def read(path: Path, given: Mapping[str, str], zone: tzinfo = COPENHAGEN) -> Iterator[TrunkCall]:
    """The calls of a file, one by one. Instants without a zone are in `zone`.

    Raises `TrunkFileError`: not_there, empty, no_table, and what `columns_of` and single lines raise.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TrunkFileError("not_there", path=path, why=error.strerror or type(error).__name__) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    if not text.strip():
        raise TrunkFileError("empty", path=path)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        columns = columns_of([name.strip() for name in next(lines)], given)
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield _call(lines.line_num, cells, columns, zone)
    except csv.Error:
        raise TrunkFileError("no_table", line=lines.line_num + 1) from None


def _shown(header: Sequence[str]) -> str:
    """The names of the columns; where they are missing, the first call stands there, with its numbers."""
    bare = [name.isprintable() and not re.search(r"\d{3}|(\d\D*){5}", name) for name in header]
    return ", ".join(name if shown else "…" for name, shown in zip(header, bare, strict=True))


def _delimiter(text: str) -> str:
    first = text[:_SAMPLE].splitlines()[0]
    return max(_DELIMITERS, key=first.count)


def _bare(name: str) -> str:
    return re.sub(r"[^0-9a-zæøå+]", "", name.lower())


def _call(line: int, cells: Sequence[str], columns: Mapping[str, tuple[int, ...]], zone: tzinfo) -> TrunkCall:
    def cell(name: str) -> str | None:
        if name not in columns:
            return None
        try:
            return " ".join(cells[at].strip() for at in columns[name])
        except IndexError:
            raise TrunkFileError("short_line", line=line) from None

    start, duration = cell("start") or "", cell("duration") or ""
    try:
        starts = instants(start, zone)
    except ValueError:
        raise TrunkFileError("no_time", line=line) from None
    try:
        duration_s = seconds(duration)
    except ValueError:
        raise TrunkFileError("no_duration", line=line) from None
    return TrunkCall(
        line, starts, duration_s, cell("calling"), cell("called") or "", (cell("call_id") or "").strip("<>")
    )


def instants(text: str, zone: tzinfo = COPENHAGEN) -> tuple[datetime, ...]:
    """The instants (UTC) that a time may mean: ISO 8601, seconds since 1970, or a usual written form.

    Two in the hour that comes twice when summer time ends. `ValueError` for anything else.
    """
    text = text.strip()
    if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
        return (datetime.fromtimestamp(float(text), timezone.utc),)
    at = _written(text)
    if not 1970 <= at.year < 3000:  # beyond, an instant in another zone may be none
        raise ValueError("not a time of a call")
    if at.tzinfo is not None:
        return (at.astimezone(timezone.utc),)
    meant = {at.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1)}
    return tuple(sorted(meant))


def _written(text: str) -> datetime:
    try:
        return datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text))
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text.replace("T", " "), form)
        except ValueError:
            continue
    raise ValueError("not a time")


def seconds(text: str) -> float:
    """A length in seconds: a number, MM:SS or HH:MM:SS. `ValueError` for anything else."""
    text = text.strip().lower().removesuffix("sek").removesuffix("sec").removesuffix("s").strip()
    if re.fullmatch(r"\d{1,9}([.,]\d+)?", text):
        return float(text.replace(",", "."))
    parts = re.fullmatch(r"(?:(\d{1,5}):)?(\d{1,7}):(\d\d(?:[.,]\d+)?)", text)
    if parts is None:
        raise ValueError("not a length")
    hours, minutes, rest = parts.groups()
    whole = timedelta(hours=int(hours or 0), minutes=int(minutes), seconds=float(rest.replace(",", ".")))
    return whole.total_seconds()
