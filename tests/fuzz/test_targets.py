"""Every target holds its promise on its seeds, on those that are kept, and on some thousand damaged ones."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.feed import Feed, damaged
from tests.fuzz.kept import HERE, TARGETS, distinct, kept, target

MOST_KEPT_BYTES = 300_000


def test_there_is_a_target_for_whatever_reads_what_others_wrote() -> None:
    assert len(TARGETS) >= 17
    assert {path.stem for path in (HERE / "seeds").glob("*.txt")} <= set(TARGETS)
    assert sum(path.stat().st_size for path in (HERE / "seeds").glob("*.txt")) < MOST_KEPT_BYTES


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_its_promise_on_its_seeds_and_on_damaged_ones(name: str) -> None:
    module = target(name)
    seeds = [*module.SEEDS, *kept(name)]
    for data in seeds:
        module.run(data)
    dice = random.Random(1)
    for _ in range(getattr(module, "DAMAGED", 150)):
        module.run(damaged(Feed(dice.randbytes(12)), dice.choice(seeds)))


def test_a_feed_reads_choices_and_gives_the_least_when_it_is_over() -> None:
    feed = Feed(b"\x02\x03abcde")
    assert (feed.pick("xyz"), feed.piece(), feed.left, feed.rest(), feed.left) == (
        "z",
        b"abc",
        True,
        b"de",
        False,
    )
    assert (feed.number(5, 9), feed.pick("xyz"), feed.piece(), feed.maybe()) == (5, "x", b"", False)


def test_of_the_inputs_those_are_kept_that_reach_something_new() -> None:
    run = target("fields").run
    same = [b"\x02sip:a@b", b"\x02sip:c@d"]
    assert distinct(run, [*same, b"\x02sip:a@b;x=1"]) == [same[0], b"\x02sip:a@b;x=1"]
