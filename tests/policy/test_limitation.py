"""The proposal of a limitation date: each "not earlier than" of the statutes, and when it stays open."""

from __future__ import annotations

from datetime import date

import pytest

from storage.policy.limitation import LimitationFacts, beyond_absolute_limit, floor, proposal

RECEIVED = date(2025, 2, 1)


def facts(**known: object) -> LimitationFacts:
    return LimitationFacts().with_(**known)


def test_nothing_known_means_three_years_from_the_complaint() -> None:
    assert proposal(facts(), RECEIVED) == date(2028, 2, 1)


def test_knowledge_before_the_complaint_counts_from_its_day() -> None:
    assert proposal(facts(knowledge_on=date(2024, 2, 29)), RECEIVED) == date(2027, 2, 28)


def test_a_claim_notified_in_time_lives_a_year_from_its_rejection() -> None:
    known = facts(knowledge_on=date(2022, 3, 1), notified_on=date(2025, 3, 1), rejected_on=date(2025, 5, 1))
    assert proposal(known, RECEIVED) == date(2026, 5, 1)


def test_a_rejection_long_before_the_three_years_adds_nothing() -> None:
    known = facts(notified_on=date(2025, 2, 2), rejected_on=date(2025, 3, 1))
    assert proposal(known, RECEIVED) == date(2028, 2, 1)


def test_a_claim_notified_too_late_gets_no_year() -> None:
    known = facts(knowledge_on=date(2022, 3, 1), notified_on=date(2025, 3, 2), rejected_on=date(2025, 5, 1))
    assert proposal(known, RECEIVED) == date(2025, 3, 1)


def test_cover_acknowledged_means_three_years_from_then() -> None:
    known = facts(
        knowledge_on=date(2022, 3, 1), notified_on=date(2022, 4, 1), acknowledged_on=date(2024, 6, 1)
    )
    assert proposal(known, RECEIVED) == date(2027, 6, 1)


def test_proceedings_that_ended_mean_a_year_from_then() -> None:
    known = facts(knowledge_on=date(2022, 3, 1), proceedings_ended_on=date(2025, 6, 30))
    assert proposal(known, RECEIVED) == date(2026, 6, 30)


@pytest.mark.parametrize("pending", [facts(notified_on=date(2025, 2, 2)), facts(proceedings_pending=True)])
def test_while_an_answer_or_a_proceeding_is_pending_it_is_open(pending: LimitationFacts) -> None:
    assert proposal(pending, RECEIVED) is None
    assert floor(pending, RECEIVED) == date(2028, 2, 1)


def test_whether_an_unanswered_notification_came_too_late_is_not_for_the_proposal_to_say() -> None:
    known = facts(knowledge_on=date(2020, 1, 1), notified_on=date(2025, 1, 1))
    assert proposal(known, RECEIVED) is None
    assert floor(known, RECEIVED) == date(2023, 1, 1)


def test_later_facts_replace_those_before_key_by_key() -> None:
    known = facts(notified_on=date(2025, 2, 2), rejected_on=date(2026, 1, 1)).with_(
        rejected_on=date(2028, 1, 1)
    )
    assert known.notified_on == date(2025, 2, 2)
    assert proposal(known, RECEIVED) == date(2029, 1, 1)


def test_the_absolute_limit_is_ten_years_and_thirty_for_injury() -> None:
    assert not beyond_absolute_limit(date(2035, 2, 1), RECEIVED)
    assert beyond_absolute_limit(date(2035, 2, 2), RECEIVED)
    assert not beyond_absolute_limit(date(2055, 2, 1), RECEIVED, personal_injury=True)
