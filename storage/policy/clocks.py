"""Civil dates in Europe/Copenhagen: the one place where a period becomes a date and an instant.

Instants are stored in UTC; every period is counted on the local civil date. The day of the event
is not counted and the last day counts to its end, so a period of N days from an anchor holds
through `local_date(anchor) + N` and has expired at the next local midnight (Regulation
(EEC, Euratom) 1182/71 art. 3(1)-(2), by analogy; A-01).
"""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

COPENHAGEN = ZoneInfo("Europe/Copenhagen")


def local_date(instant: datetime) -> date:
    """The civil date in Copenhagen of an aware instant."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(COPENHAGEN).date()


@lru_cache(maxsize=4096)
def local_midnight(day: date) -> datetime:
    """The instant (UTC) at which the civil date `day` begins in Copenhagen."""
    return datetime.combine(day, time(), COPENHAGEN).astimezone(timezone.utc)


def from_local(clock: datetime) -> datetime:
    """The instant (UTC) at which clocks in Copenhagen show this (naive) time; the first, if it comes twice.

    `ValueError` for a time that is skipped when the clocks go forward.
    """
    instant = clock.replace(tzinfo=COPENHAGEN, fold=0).astimezone(timezone.utc)
    if instant.astimezone(COPENHAGEN).replace(tzinfo=None) != clock:
        raise ValueError("no clock shows that time: it is skipped when summer time begins")
    return instant


def expiry_of(until: date) -> datetime:
    """The instant (UTC) at which something kept through `until` is out of time."""
    return local_midnight(until + timedelta(days=1))


def add_months(day: date, months: int) -> date:
    """The same day of a later month; its last day when the month is too short."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_years(day: date, years: int) -> date:
    """The same calendar date in a later year; 29 February becomes 28 February (A-09)."""
    return add_months(day, 12 * years)


def first_within(today: date, months: int, days: int = 0) -> date:
    """The first date of which a period of so many months and days is not over before `today`.

    Counted forward, as every period is: counting back from 29 February or the 31st would keep a day longer.
    """
    first = add_months(today - timedelta(days=days), -months)
    while add_months(first, months) + timedelta(days=days) < today:
        first += timedelta(days=1)
    return first


def days_from(anchor: datetime, days: int, day_count: str = "calendar") -> tuple[date, datetime]:
    """`(until, expires_at)` of a period of `days` from `anchor`.

    `day_count` is "calendar" (through the end of the last local day) or "exact_24h" (anchor plus
    N times 24 hours; `until` is then the local date of that instant).
    """
    if day_count == "exact_24h":
        expires_at = anchor.astimezone(timezone.utc) + timedelta(hours=24 * days)
        return local_date(expires_at), expires_at
    if day_count != "calendar":
        raise ValueError(f"unknown day_count {day_count!r}")
    until = local_date(anchor) + timedelta(days=days)
    return until, expiry_of(until)
