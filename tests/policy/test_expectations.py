"""What an expectation compares, and how: instants as instants, grounds one by one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from storage.policy.expectations import failures, holds, parse_instant, same

ANSWER: dict[str, Any] = {
    "exists": True,
    "until": "2025-02-14",
    "expires_at": "2025-02-15T00:00:00+01:00",
    "grounds": [
        {
            "ground": "G-CONSENT",
            "lawful_basis": ["6(1)(a)", "9(2)(a)"],
            "roles": ["QA", "ANALYST"],
            "until": "2025-02-14",
        },
        {"ground": "G-RIGHTS-OPEN", "lawful_basis": ["6(1)(f)"], "roles": ["RIGHTS"], "until": None},
    ],
    "captured": [["2025-01-15T10:00:40+01:00", None]],
}

HOLD = [
    {"exists": True, "until": "2025-02-14"},
    {"expires_at": "2025-02-14T23:00:00Z"},
    {"captured": [["2025-01-15T09:00:40Z", None]]},
    {"grounds": [{"ground": "G-CONSENT", "lawful_basis": ["9(2)(a)"]}]},
    {"grounds": [{"roles": ["RIGHTS"], "until": None}]},
    {"grounds": [{"ground": "G-RIGHTS-OPEN"}, {"ground": "G-CONSENT"}]},
    {"no_grounds": ["G-INV", "G-COMPLAINT"]},
    {"grounds": []},  # expects nothing: more may always be there
    {"grounds": [{"ground": "G-CONSENT", "roles": []}]},
    {"lawful_basis": ["6(1)(a)", "6(1)(f)"]},
]
FAIL = [
    {"exists": False},
    {"until": None},
    {"until": "2025-02-15"},
    {"expires_at": "2025-02-15T00:00:00Z"},
    {"expires_at": None},
    {"captured": []},
    {"captured": [["2025-01-15T09:00:40Z", "2025-01-15T09:01:00Z"]]},
    {"grounds": [{"ground": "G-CONSENT", "lawful_basis": ["6(1)(f)"]}]},
    {"grounds": [{"ground": "G-CONSENT", "roles": ["RIGHTS"]}]},
    {"grounds": [{"ground": "G-CONSENT", "until": None}]},
    {"no_grounds": ["G-INV", "G-CONSENT"]},
    {"lawful_basis": ["6(4)"]},
    {"unknown": True},
]


@pytest.mark.parametrize("expected", HOLD, ids=str)
def test_what_is_there_holds(expected: dict[str, Any]) -> None:
    assert holds(expected, ANSWER)


@pytest.mark.parametrize("expected", FAIL, ids=str)
def test_what_is_not_there_does_not_hold(expected: dict[str, Any]) -> None:
    assert failures(expected, ANSWER) == list(expected)


REFUSED = {"refused": [{"at": "2025-01-15T10:00:00+01:00", "event": "transcribed", "why": "gone"}]}


@pytest.mark.parametrize(
    ("expected", "answer", "held"),
    [
        (True, REFUSED, True),
        (False, REFUSED, False),
        (["transcribed"], REFUSED, True),
        (["transcribed", "forwarded"], REFUSED, False),
        ([{"event": "transcribed", "at": "2025-01-15T09:00:00Z"}], REFUSED, True),
        (True, {"refused": []}, False),
        (False, {"refused": []}, True),
    ],
)
def test_refusals_are_expected_by_name_or_at_all(expected: Any, answer: dict[str, Any], held: bool) -> None:
    assert holds({"refused": expected}, answer) is held


def test_true_is_not_one_and_null_is_nothing_else() -> None:
    assert not same("true", True)
    assert not same(None, False)
    assert same(None, None)


@pytest.mark.parametrize(
    "text", ["", "soon", "2025-01-15T10:00:00", "2025-13-01", "2025-01-15T25:00:00Z", "10:00Z"]
)
def test_what_is_no_instant_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


def test_nanoseconds_are_cut_to_microseconds() -> None:
    assert parse_instant("2025-01-15T10:00:00.123456789Z") == datetime(
        2025, 1, 15, 10, 0, 0, 123456, tzinfo=timezone.utc
    )
