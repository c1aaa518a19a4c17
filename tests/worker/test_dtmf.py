"""One press is one press, however it is signalled."""

from __future__ import annotations

from gateway.callflow.messages import DtmfMethod
from gateway.worker.dtmf import LOST_END_S, DtmfReader, Press

RFC = DtmfMethod.RFC4733
INFO = DtmfMethod.INFO
INBAND = DtmfMethod.INBAND


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


def test_a_tone_alone_is_a_press_with_its_length() -> None:
    reader = DtmfReader()
    assert reader.hear_tone("1", 100, 70, 1.0) == [Press("1", INBAND, 100)]
    assert reader.last_at == 1.0


def test_a_key_by_events_and_tones_is_one_press_whichever_is_told_first() -> None:
    events_first = DtmfReader()
    assert key_down_and_up(events_first, "1", 800, 1.0) == [Press("1", RFC)]
    assert events_first.hear_tone("1", 100, 70, 1.35) == [], "through the jitter buffer"
    leaked = DtmfReader()
    assert leaked.hear_event("1", 800, ended=False, now=1.0) == []
    assert leaked.hear_tone("1", 42, 70, 1.1) == [], "its first part, before the gateway silences it"
    assert leaked.hear_event("1", 800, ended=True, now=2.4) == [Press("1", RFC)]
    tone_first = DtmfReader()
    assert tone_first.hear_tone("1", 42, 70, 1.0) == [Press("1", INBAND, 42)]
    assert key_down_and_up(tone_first, "1", 800, 1.05) == []


def test_a_key_by_all_three_methods_is_one_press_and_two_are_two() -> None:
    reader = DtmfReader()
    found = []
    for timestamp, start in ((800, 1.0), (4000, 1.4)):
        found += key_down_and_up(reader, "1", timestamp, start)
        found += reader.hear_info("1", start + 0.12)
        found += reader.hear_tone("1", 100, 70, start + 0.2)
    assert found == [Press("1", RFC), Press("1", RFC)]


def test_a_tone_of_another_key_is_another_press() -> None:
    reader = DtmfReader()
    assert key_down_and_up(reader, "1", 800, 1.0) == [Press("1", RFC)]
    assert reader.hear_tone("2", 100, 70, 1.2) == [Press("2", INBAND, 100)]
    assert reader.hear_tone("1", 100, 70, 2.5) == [Press("1", INBAND, 100)]


def test_events_and_info_tell_how_long_the_key_was_down() -> None:
    reader = DtmfReader()
    assert reader.hear_event("1", 800, ended=False, now=1.0, duration_ms=20) == []
    assert reader.hear_event("1", 800, ended=True, now=1.1, duration_ms=100) == [Press("1", RFC, 100)]
    assert reader.hear_info("2", 2.0, duration_ms=160) == [Press("2", INFO, 160)]
