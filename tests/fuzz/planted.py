"""A target that breaks its promise on purpose, three comparisons deep: what the fuzzer must find."""

from __future__ import annotations

SEEDS = (b"aaaa",)
MOST_BYTES = 8


def run(data: bytes) -> None:
    if len(data) > 2 and data[0] == ord("t") and data[1] == ord("a"):
        assert data[2] != ord("s"), "planted"
