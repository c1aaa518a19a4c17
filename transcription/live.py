"""What a watcher of a live call may read: the words as they are spoken, with every number masked.

Whether a number identifies somebody shows only when it has been said to its end; what is read aloud half
cannot be taken back. So live words show no number at all, to nobody; the stored transcript shows those
that identify nobody, and all of them to the few who may see it unredacted.
"""

from __future__ import annotations

from transcription.numbers_da import ARTICLES, Role, Said

MASK = "•"


def masked(text: str) -> str:
    """The text with `MASK` for each word of a number; "en" and "et" stay where no number stands beside."""
    words = text.split()
    said = Said(words)
    numbers = [role is Role.NUMBER for role in said.roles]
    return " ".join(
        MASK if _goes(said.words[place], numbers, place) else word for place, word in enumerate(words)
    )


def _goes(word: str, numbers: list[bool], place: int) -> bool:
    beside = numbers[max(0, place - 1) : place] + numbers[place + 1 : place + 2]
    return numbers[place] and (word not in ARTICLES or any(beside))
