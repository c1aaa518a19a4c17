"""Civil dates: periods end with a local day, whatever the clocks do."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.policy.clocks import (
    COPENHAGEN,
    add_months,
    add_years,
    days_from,
    expiry_of,
    first_within,
    from_local,
    local_date,
    local_midnight,
)
from storage.policy.settings import after_period, parse_period

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(timezone.utc))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2025-06-30T21:59:59", date(2025, 6, 30)),
        ("2025-06-30T22:00:00", date(2025, 7, 1)),
        ("2025-12-31T22:59:59", date(2025, 12, 31)),
        ("2025-12-31T23:00:00", date(2026, 1, 1)),
    ],
)
def test_the_date_is_the_one_in_copenhagen(instant: str, day: date) -> None:
    assert local_date(utc(instant)) == day


def test_an_instant_without_time_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="time zone"):
        local_date(datetime(2025, 1, 1))


@pytest.mark.parametrize(
    ("day", "midnight"),
    [
        (date(2025, 3, 30), "2025-03-29T23:00:00"),  # the clocks go forward on this day
        (date(2025, 3, 31), "2025-03-30T22:00:00"),
        (date(2025, 10, 26), "2025-10-25T22:00:00"),  # and back on this one
        (date(2025, 10, 27), "2025-10-26T23:00:00"),
    ],
)
def test_midnight_moves_with_the_clocks(day: date, midnight: str) -> None:
    assert local_midnight(day) == utc(midnight)


def test_thirty_days_from_a_wednesday_in_january() -> None:
    until, expires_at = days_from(utc("2025-01-15T09:00:00"), 30)
    assert (until, expires_at) == (date(2025, 2, 14), utc("2025-02-14T23:00:00"))


def test_exact_hours_do_not_care_about_the_clocks() -> None:
    until, expires_at = days_from(utc("2025-03-10T23:30:00"), 30, "exact_24h")
    assert (until, expires_at) == (date(2025, 4, 10), utc("2025-04-09T23:30:00"))


def test_an_unknown_way_of_counting_is_an_error() -> None:
    with pytest.raises(ValueError, match="day_count"):
        days_from(utc("2025-01-15T09:00:00"), 30, "working_days")


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2025, 12, 15), 1, date(2026, 1, 15)),
    ],
)
def test_a_month_that_is_too_short_ends_on_its_last_day(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


def test_years_from_a_leap_day_end_on_the_28th() -> None:
    assert add_years(date(2024, 2, 29), 1) == date(2025, 2, 28)
    assert add_years(date(2024, 2, 29), 4) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("period", "expected"), [("P1Y", (12, 0)), ("P13M", (13, 0)), ("P1Y6M10D", (18, 10)), ("P30D", (0, 30))]
)
def test_periods_are_years_months_and_days(period: str, expected: tuple[int, int]) -> None:
    assert parse_period(period) == expected


@pytest.mark.parametrize("text", ["", "P", "1Y", "P1H", "PT1H", "P-1Y", "P1.5Y", "P1Y "])
def test_what_is_no_period_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="P1Y"):
        parse_period(text)


def test_a_period_in_days_counts_days() -> None:
    assert after_period(date(2024, 2, 20), "P10D") == date(2024, 3, 1)


@given(INSTANTS, st.integers(0, 400))
def test_a_period_never_ends_before_its_hours_are_over_nor_a_day_later(anchor: datetime, days: int) -> None:
    until, expires_at = days_from(anchor, days)
    exact = anchor + timedelta(days=days)
    # The change of the clocks moves local midnight by an hour.
    assert exact - timedelta(hours=1) <= expires_at <= exact + timedelta(hours=25)
    assert until == local_date(anchor) + timedelta(days=days)


@given(INSTANTS)
def test_the_last_moment_of_a_day_is_in_it_and_the_next_is_not(instant: datetime) -> None:
    end = expiry_of(local_date(instant))
    assert instant < end
    assert local_date(end - timedelta(microseconds=1)) == local_date(instant)
    assert local_date(end) == local_date(instant) + timedelta(days=1)
    assert end.astimezone(COPENHAGEN).hour == 0


DATES = st.dates(date(2004, 1, 1), date(2060, 1, 1))


@given(DATES, st.integers(0, 60), st.integers(0, 40))
def test_what_is_within_a_period_is_counted_forward(today: date, months: int, days: int) -> None:
    first = first_within(today, months, days)
    assert add_months(first, months) + timedelta(days=days) >= today
    before = first - timedelta(days=1)
    assert add_months(before, months) + timedelta(days=days) < today


def test_on_29_february_what_is_of_28_february_three_years_before_is_over() -> None:
    assert first_within(date(2028, 2, 28), 36) == date(2025, 2, 28)
    assert first_within(date(2028, 2, 29), 36) == date(2025, 3, 1)


@pytest.mark.parametrize(
    ("clock", "instant"),
    [
        (datetime(2026, 1, 15, 8, 0), datetime(2026, 1, 15, 7, 0, tzinfo=timezone.utc)),
        (datetime(2026, 7, 1, 8, 0), datetime(2026, 7, 1, 6, 0, tzinfo=timezone.utc)),
        (
            datetime(2026, 10, 25, 2, 30),
            datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc),
        ),  # the first of two
    ],
)
def test_what_clocks_show_is_an_instant(clock: datetime, instant: datetime) -> None:
    assert from_local(clock) == instant


def test_an_hour_that_is_skipped_is_no_instant() -> None:
    with pytest.raises(ValueError, match="summer time"):
        from_local(datetime(2026, 3, 29, 2, 30))
