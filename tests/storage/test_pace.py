"""A sweep takes more at once while it is quick, and fewer as soon as it is slow."""

from __future__ import annotations

from storage.pace import FIRST, LEAST, MOST, TURN_S, Pace


class Clock:
    """A clock that is moved."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def turn(pace: Pace, clock: Clock, taken: int, took_s: float) -> int:
    with pace.turn(taken):
        clock.s += took_s
    return pace.size


def test_it_grows_to_what_fits_and_shrinks_at_once() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.size == FIRST
    assert turn(pace, clock, FIRST, TURN_S / 10) == 2 * FIRST
    assert turn(pace, clock, 200, TURN_S / 1.5) == 300
    assert turn(pace, clock, 300, TURN_S) == 300
    assert turn(pace, clock, 300, 2 * TURN_S) == 150
    for _ in range(10):
        turn(pace, clock, pace.size, 0.0)
    assert pace.size == MOST
    for _ in range(20):
        turn(pace, clock, pace.size, 10.0)
    assert pace.size == LEAST


def test_the_rest_of_a_batch_says_nothing_about_a_whole_one() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert turn(pace, clock, 1, TURN_S / 2) == FIRST
    assert turn(pace, clock, FIRST - 1, 0.0) == FIRST
