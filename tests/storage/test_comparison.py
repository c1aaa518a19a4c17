"""A trunk's calls against stored ones: which are the same, and which only one side has."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.calls import caller_pseudonym
from storage.comparison import Comparison, Known, Tolerances, compare
from storage.keys import Keys
from storage.trunk_calls import TrunkCall

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
NUMBERS = ("12345678", "87654321", "anonymous")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("keys") / "key")


def ours(keys: Keys, name: str, at_s: float, length_s: float = 60, number: str = "12345678") -> Known:
    arrived = NOON + timedelta(seconds=at_s)
    answered = arrived + timedelta(seconds=0.1)
    ref = keys.pseudonym(f"call-id:{name}@host")
    pseudonym = caller_pseudonym(keys, number)
    return Known(name, ref, pseudonym, arrived, answered, answered + timedelta(seconds=length_s))


def theirs(
    line: int, at_s: float, length_s: float = 60, number: str | None = "+45 12 34 56 78", call_id: str = ""
) -> TrunkCall:
    return TrunkCall(line, (NOON + timedelta(seconds=at_s),), length_s, number, "70101010", call_id)


def found(result: Comparison) -> dict[str, list[object]]:
    return {
        "pairs": [(pair.trunk.line, pair.known.call_id) for pair in result.pairs],
        "missing": [call.line for call in result.missing],
        "surplus": [call.call_id for call in result.surplus],
        "differing": [pair.trunk.line for pair in result.differing],
    }


def test_a_call_id_is_enough_whatever_clock_and_number_say(keys: Keys) -> None:
    known = [ours(keys, "a", 0), ours(keys, "b", 0)]
    trunk = [theirs(2, 3600, number="70", call_id="b@host"), theirs(3, 0, call_id="a@host")]
    assert found(compare(trunk, known, keys))["pairs"] == [(2, "b"), (3, "a")]


def test_without_one_number_time_and_duration_tell(keys: Keys) -> None:
    known = [ours(keys, "a", 0), ours(keys, "b", 1, number="87654321"), ours(keys, "c", 4, 600)]
    trunk = [theirs(2, 4, 600), theirs(3, 1), theirs(4, 1, number="87654321")]
    assert found(compare(trunk, known, keys)) == {
        "pairs": [(2, "c"), (3, "a"), (4, "b")],
        "missing": [],
        "surplus": [],
        "differing": [],
    }


def test_what_only_one_side_has_and_what_differs_is_listed(keys: Keys) -> None:
    known = [ours(keys, "a", 0), ours(keys, "b", 100, 50), ours(keys, "c", 300)]
    trunk = [theirs(2, 0), theirs(3, 100, 60), theirs(4, 200), theirs(5, 250, 0)]
    result = compare(trunk, known, keys)
    assert found(result) == {
        "pairs": [(2, "a"), (3, "b")],
        "missing": [4],
        "surplus": ["c"],
        "differing": [3],
    }
    assert [call.line for call in result.unanswered] == [5]
    assert result.differing[0].apart_s == pytest.approx(10)
    assert result.differs


def test_the_same_number_at_another_time_is_another_call(keys: Keys) -> None:
    result = compare([theirs(2, 6)], [ours(keys, "a", 0)], keys)
    assert found(result)["missing"] == [2] and found(result)["surplus"] == ["a"]
    assert compare([theirs(2, 6)], [ours(keys, "a", 0)], keys, Tolerances(start_s=10)).pairs


def test_numbers_that_are_not_shown_match_each_other_only(keys: Keys) -> None:
    known = [ours(keys, "a", 0, number="anonymous"), ours(keys, "b", 0)]
    result = compare([theirs(2, 0, number="Withheld")], known, keys)
    assert found(result)["pairs"] == [(2, "a")]


def test_without_numbers_time_and_duration_must_both_fit(keys: Keys) -> None:
    known = [ours(keys, "a", 0, 10), ours(keys, "b", 1, 60)]
    assert found(compare([theirs(2, 0, number=None)], known, keys))["pairs"] == [(2, "b")]


def test_only_what_began_in_the_time_counts_as_alone(keys: Keys) -> None:
    known = [ours(keys, "a", -3), ours(keys, "b", 50)]
    within = (NOON, NOON + timedelta(seconds=100))
    assert found(compare([], known, keys, within=within))["surplus"] == ["b"]
    assert found(compare([theirs(2, 1)], known, keys, within=within))["pairs"] == [(2, "a")]
    assert found(compare([theirs(2, 101)], [], keys, within=within))["missing"] == []


@settings(max_examples=60, deadline=None)
@given(
    stored=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 90), st.sampled_from(NUMBERS)), max_size=12),
    sent=st.lists(
        st.tuples(
            st.integers(0, 60), st.integers(0, 90), st.sampled_from((*NUMBERS, None)), st.integers(0, 14)
        ),
        max_size=12,
    ),
)
def test_every_call_of_either_side_is_in_exactly_one_place(
    keys: Keys, stored: list[tuple[int, int, str]], sent: list[tuple[int, int, str | None, int]]
) -> None:
    known = [ours(keys, str(i), *told) for i, told in enumerate(stored)]
    trunk = [
        theirs(line, at, length, number, f"{named}@host" if named < 12 else "")
        for line, (at, length, number, named) in enumerate(sent, 2)
    ]
    result = compare(trunk, known, keys)
    lines = [pair.trunk.line for pair in result.pairs] + [c.line for c in result.missing + result.unanswered]
    assert sorted(lines) == [call.line for call in trunk]
    ids = [pair.known.call_id for pair in result.pairs] + [call.call_id for call in result.surplus]
    assert sorted(ids) == sorted(call.call_id for call in known)


def test_a_trunk_file_of_our_own_calls_has_no_differences(keys: Keys, tmp_path: Path) -> None:
    known = [ours(keys, str(i), 7 * i, 30 + i, NUMBERS[i % 2]) for i in range(200)]
    trunk = [theirs(i + 2, 7 * i + 1, 30 + i + 0.4, NUMBERS[i % 2]) for i in range(200)]
    result = compare(trunk, known, keys)
    assert not result.differs and len(result.pairs) == 200
