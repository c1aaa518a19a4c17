"""Whatever happens to what is kept, at any dates: no error, and the promises of tests/policy."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from storage.policy import events as e
from storage.policy.apply import apply
from storage.policy.book import Book
from storage.policy.settings import (
    InvestigationSettings,
    PolicySettings,
    RetentionSettings,
    RightsSettings,
    WithdrawalSettings,
)
from tests.fuzz.feed import Feed
from tests.policy.test_invariants import (
    BEGIN,
    CALLS,
    CASES,
    COMPLAINTS,
    ENDS,
    HOLDS,
    RECORDED,
    REQUESTS,
    Account,
    check,
    life,
    longer,
)

KINDS = ("access", "erasure", "rectification", "restriction", "objection", "portability", "nothing")
DATES = (
    date(1, 1, 1),
    date(2025, 2, 28),
    date(2026, 1, 1),
    date(2028, 2, 29),
    date(2999, 12, 31),
    date(9999, 12, 31),
)
REASONS = ("because", "")
SEEDS = (
    bytes([0, 0, 9, 1, 3, 0, 14, 0, 1]),
    bytes([1, 0, 10, 0, 1, 1, 0, 30, 11, 0, 1]),
    bytes([2, 0, 17, 0, 3, 0, 1, 18, 0, 1, 0, 19, 0, 2, 3, 0]),
    bytes(range(64)),
)
MOST_BYTES = 400


def run(data: bytes) -> None:
    feed = Feed(data)
    book, account, at = Book(settings(feed)), Account(), BEGIN
    if feed.maybe():
        for _, event in RECORDED:
            apply(book, event, at)
    while feed.left:
        at += timedelta(days=feed.pick((0.0, 0.001, 1.0, 13.0, 30.0, 366.0, 4000.0)))
        if at.year > 2900:
            return
        event = happens(feed, at)
        before = life(book, at)
        refused = apply(book, event, at)
        assert all(isinstance(each, str) and each for each in refused)
        account.hear(book, event, bool(refused))
        check(book, account, at)
        after = life(book, at)
        for key, (holding, end) in before.items():
            now = after.get(key)
            if isinstance(event, HOLDS):
                assert now is not None and not longer(now[1], end), "a hold took life"
            elif isinstance(event, ENDS) and now is not None:
                assert not longer(end, now[1]), f"{type(event).__name__} prolonged {holding.part}"


def settings(feed: Feed) -> PolicySettings:
    """Readings of the policy."""
    choice = feed.number(0, 255)
    return PolicySettings(
        retention=RetentionSettings(
            day_count=("calendar", "exact_24h")[choice & 1],
            anchor=("recording_started_at", "ended_at")[choice >> 1 & 1],
        ),
        withdrawal=WithdrawalSettings(
            delete_existing=bool(choice & 4), midcall_delete_partial=bool(choice & 4)
        ),
        investigation=InvestigationSettings(
            no_action_scope=("all_copies", "inspector_copy_only")[choice >> 3 & 1]
        ),
        rights=RightsSettings(on_withdrawal=("release_after_fulfilment", "keep")[choice >> 4 & 1]),
    )


def happens(feed: Feed, at: datetime) -> Any:
    """The next event, about things that are there and things that are not."""
    some = tuple(call for call in (*CALLS, "nobody's") if feed.maybe())
    call = feed.pick(CALLS)
    case, request, complaint = feed.pick(CASES), feed.pick(REQUESTS), feed.pick(COMPLAINTS)
    parts, reason = feed.pick((("audio",), ("transcript",), e.PARTS, ())), feed.pick(REASONS)
    day = feed.pick((None, *DATES))
    yes = feed.maybe()
    options: tuple[Any, ...] = (
        e.CallArrived(call, feed.pick(("inbound", "outbound")), feed.pick((None, "a1"))),
        e.ConsentGiven(call),
        e.RecordingStarted(call),
        e.RecordingStopped(call),
        e.Declined(call),
        e.CallEnded(call),
        e.Transcribed(call),
        e.Derived(call, "summary"),
        e.SpecialCategory(call),
        e.Withdrawn(some, "agent", feed.pick((None, request))),
        e.ConsentInvalid(some, reason),
        e.RightsRequest(request, feed.pick(KINDS), some, feed.pick(("caller", "a1")), withdraws=yes),
        e.RequestScoped(request, some),
        e.RightsExtended(request),
        e.RightsAnswered(request, yes),
        e.DocumentationReleased(request),
        e.ComplaintReceived(complaint, some),
        e.FreezeExtended(complaint, reason),
        e.ComplaintDecided(complaint, yes, parts, reason),
        e.ComplaintClosed(complaint),
        e.LimitationFactsGiven(complaint, None, {"knowledge_on": day, "proceedings_pending": yes}),
        e.LimitationConfirmed(complaint, None, day),
        e.LimitationConfirmed(None, case, day),
        e.Forwarded(case, some, reason),
        e.InvestigatorRecording(call, feed.pick((None, case))),
        e.InvestigationDecided(case, yes),
        e.InvestigationExtended(
            case, parts, day or DATES[2], reason, "INSPECTOR", feed.pick((None, "LEGAL"))
        ),
        e.Sampled(feed.pick(("p1", "p2")), some),
        e.SampleReplaced(feed.pick(("p1", "p2")), call, feed.pick(CALLS)),
        e.Restored(min(at, datetime(2025, 6, 1, tzinfo=timezone.utc))),
        e.AuthorityOrdered("o1", some),
        e.AuthorityLifted("o1"),
    )
    return feed.pick(options)
