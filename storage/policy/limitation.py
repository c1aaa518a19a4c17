"""The date on which a claim is time-barred, as a proposal for the legal role to confirm (§6). Pure.

It is the ceiling for keeping a recording in a complaint (R-38) and in an investigation (R-45). The
statutes leave room for judgement, so this proposes and never decides.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from storage.policy.clocks import add_years


@dataclass(frozen=True)
class LimitationFacts:
    """What is known about the claim. Civil dates; None: not known, or has not happened."""

    knowledge_on: date | None = None  # the creditor knew, or ought to have known (F-2)
    notified_on: date | None = None  # the damage was notified to the company (F-8)
    rejected_on: date | None = None  # the company finally rejected the claim (F-8)
    acknowledged_on: date | None = None  # the company acknowledged cover (F-9)
    proceedings_ended_on: date | None = None  # negotiations, board, authority or court ended (F-4, F-5)
    proceedings_pending: bool = False

    def with_(self, **later: Any) -> LimitationFacts:
        """These facts, with those given later in their place, key by key."""
        return replace(self, **later)


FACT_KEYS = tuple(field.name for field in fields(LimitationFacts))


def proposal(facts: LimitationFacts, knowledge_default: date) -> date | None:
    """The proposed limitation date; None while it is open.

    Open while the company owes an answer (F-10), or a board or court has the case. Whether a claim
    without an answer was notified too late is for the legal role to say, with a date.
    """
    if facts.proceedings_pending or (facts.notified_on is not None and not answered(facts)):
        return None
    return floor(facts, knowledge_default)


def floor(facts: LimitationFacts, knowledge_default: date) -> date:
    """The earliest date that the known facts allow: the claim is not time-barred before it.

    Each of F-2 (three years), F-4, F-5 and F-8 (one year) and F-9 (three years) says "not earlier
    than", so the latest of them counts.
    """
    dates = [add_years(facts.knowledge_on or knowledge_default, 3)]
    if facts.rejected_on is not None and notified_in_time(facts, knowledge_default):
        dates.append(add_years(facts.rejected_on, 1))
    if facts.acknowledged_on is not None:
        dates.append(add_years(facts.acknowledged_on, 3))
    if facts.proceedings_ended_on is not None:
        dates.append(add_years(facts.proceedings_ended_on, 1))
    return max(dates)


def notified_in_time(facts: LimitationFacts, knowledge_default: date) -> bool:
    """Whether the damage was notified before the three years were over (F-8)."""
    expires = add_years(facts.knowledge_on or knowledge_default, 3)
    return facts.notified_on is not None and facts.notified_on <= expires


def answered(facts: LimitationFacts) -> bool:
    """Whether the company has rejected the claim or acknowledged cover (F-10)."""
    return facts.rejected_on is not None or facts.acknowledged_on is not None


def beyond_absolute_limit(day: date, claim_began: date, personal_injury: bool = False) -> bool:
    """Whether a date lies beyond the absolute limit of 10 (personal injury: 30) years (F-3).

    The "not earlier than" rules can pass it, so this is a warning to the legal role, not a refusal.
    """
    return day > add_years(claim_began, 30 if personal_injury else 10)
