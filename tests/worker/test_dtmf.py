"""One press is one press, however it is signalled."""

from __future__ import annotations

from gateway.callflow.messages import DtmfMethod
from gateway.worker.dtmf import LOST_END_S, DtmfReader, Press

RFC = DtmfMethod.RFC4733
INFO = DtmfMethod.INFO


def key_down_and_up(reader: DtmfReader, digit: str, timestamp: int, start: float) -> list[Press]:
    presses = []
    for packet in range(5):
        presses += reader.hear_event(digit, timestamp, ended=False, now=start + packet * 0.02)
    for _ in range(3):
        presses += reader.hear_event(digit, timestamp, ended=True, now=start + 0.1)
    return presses


def test_a_key_counts_once_and_at_its_end() -> None:
    reader = DtmfReader()
    assert reader.hear_event("1", 800, ended=False, now=1.0) == []
    assert reader.hear_event("1", 800, ended=True, now=1.1) == [Press("1", RFC)]
    assert reader.hear_event("1", 800, ended=True, now=1.12) == []
    assert reader.last_at == 1.1


def test_the_same_key_twice_is_two_presses() -> None:
    reader = DtmfReader()
    assert key_down_and_up(reader, "1", 800, 1.0) == [Press("1", RFC)]
    assert key_down_and_up(reader, "1", 2400, 1.3) == [Press("1", RFC)]


def test_info_alone_is_a_press() -> None:
    reader = DtmfReader()
    assert reader.hear_info("1", 1.0) == [Press("1", INFO)]
    assert reader.hear_info("1", 1.2) == [Press("1", INFO)]


def test_both_methods_are_one_press_whichever_comes_first() -> None:
    info_last = DtmfReader()
    assert key_down_and_up(info_last, "1", 800, 1.0) == [Press("1", RFC)]
    assert info_last.hear_info("1", 1.2) == []
    info_first = DtmfReader()
    assert info_first.hear_info("1", 1.0) == [Press("1", INFO)]
    assert key_down_and_up(info_first, "1", 800, 1.05) == []
    in_between = DtmfReader()
    assert in_between.hear_event("1", 800, ended=False, now=1.0) == []
    assert in_between.hear_info("1", 1.05) == []
    assert in_between.hear_event("1", 800, ended=True, now=1.1) == [Press("1", RFC)]
    assert in_between.hear_info("1", 1.2) == [Press("1", INFO)], "the first INFO was used up"


def test_two_presses_by_both_methods_stay_two() -> None:
    reader = DtmfReader()
    presses = key_down_and_up(reader, "1", 800, 1.0) + reader.hear_info("1", 1.1)
    presses += key_down_and_up(reader, "1", 2400, 1.2) + reader.hear_info("1", 1.3)
    assert presses == [Press("1", RFC), Press("1", RFC)]


def test_another_digit_or_a_later_one_is_another_press() -> None:
    reader = DtmfReader()
    assert key_down_and_up(reader, "1", 800, 1.0) == [Press("1", RFC)]
    assert reader.hear_info("2", 1.2) == [Press("2", INFO)]
    assert reader.hear_info("1", 2.0) == [Press("1", INFO)]


def test_a_lost_end_is_found_by_time_or_by_the_next_key() -> None:
    by_time = DtmfReader()
    assert by_time.hear_event("1", 800, ended=False, now=1.0) == []
    assert by_time.due() == 1.0 + LOST_END_S
    assert by_time.pass_time(1.0 + LOST_END_S / 2) == []
    assert by_time.pass_time(1.0 + LOST_END_S) == [Press("1", RFC)]
    assert by_time.due() is None
    assert by_time.hear_event("1", 800, ended=True, now=1.4) == [], "its end came late"
    by_next = DtmfReader()
    assert by_next.hear_event("1", 800, ended=False, now=1.0) == []
    assert key_down_and_up(by_next, "2", 2400, 1.1) == [Press("1", RFC), Press("2", RFC)]


def test_what_is_no_digit_is_nothing() -> None:
    reader = DtmfReader()
    assert reader.hear_info("!", 1.0) == []
    assert reader.hear_event("R", 800, ended=True, now=1.0) == []
    assert reader.last_at is None
