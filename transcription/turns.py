"""Two legs' words as speaker turns, in the order in which a reader wants them.

Rules:
1. A phrase is what one speaker says without a pause longer than `PHRASE_PAUSE_S`.
2. An interjection is a short phrase ("ja", "nå ja") that begins while the other speaker's phrase is
   under way. It is a turn of its own, and the other's turn goes on around it.
3. Any other phrase takes the floor when it begins. A phrase of the other speaker that is under way
   then keeps the words it says until the newcomer has ended; what it says after that is a new turn.
4. What a speaker says is one turn as long as the other has not taken the floor since the turn began
   and no pause is longer than `TURN_PAUSE_S`.

So every word is in one turn, a speaker's turns follow each other in time, and turns are ordered by
start. A "nej" that answers a question is no interjection, for the question has ended when it begins.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from transcription.segments import Speaker, Transcript, Word

PHRASE_PAUSE_S = 1.0
TURN_PAUSE_S = 5.0
INTERJECTION_WORDS = 3
INTERJECTION_S = 1.5


@dataclass(frozen=True)
class Turn:
    """What one speaker says before the other has the floor. Never empty."""

    speaker: Speaker
    words: tuple[Word, ...]

    @property
    def start_s(self) -> float:
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        return max(word.end_s for word in self.words)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def turns(transcript: Transcript) -> tuple[Turn, ...]:
    """The turns of both speakers, ordered by start (customer first when both begin together)."""
    customer, agent = (_phrases(transcript.words_of(speaker.leg)) for speaker in Speaker)
    customer, agent = _marked(customer, agent), _marked(agent, customer)
    found: list[Turn] = []
    for speaker, phrases, others in (
        (Speaker.CUSTOMER, customer, agent),
        (Speaker.AGENT, agent, customer),
    ):
        found += _turns_of(speaker, phrases, [other for other in others if not other.interjected])
    return tuple(sorted(found, key=lambda turn: turn.start_s))


@dataclass(frozen=True)
class _Phrase:
    """Rule 1; `interjected` by rule 2."""

    words: tuple[Word, ...]
    start_s: float
    end_s: float
    interjected: bool = False


def _phrases(words: Sequence[Word]) -> list[_Phrase]:
    groups: list[list[Word]] = []
    end_s = 0.0
    for word in words:
        if not groups or word.start_s - end_s > PHRASE_PAUSE_S:
            groups.append([])
        groups[-1].append(word)
        end_s = max(end_s, word.end_s)
    return [_Phrase(tuple(g), g[0].start_s, max(word.end_s for word in g)) for g in groups]


def _marked(phrases: Sequence[_Phrase], others: Sequence[_Phrase]) -> list[_Phrase]:
    starts = [other.start_s for other in others]
    return [replace(phrase, interjected=_is_interjection(phrase, others, starts)) for phrase in phrases]


def _is_interjection(phrase: _Phrase, others: Sequence[_Phrase], starts: Sequence[float]) -> bool:
    """Rule 2. `starts` are those of `others`."""
    if len(phrase.words) > INTERJECTION_WORDS or phrase.end_s - phrase.start_s > INTERJECTION_S:
        return False
    # The last that began strictly earlier: of two that begin together neither interrupts.
    before = bisect_left(starts, phrase.start_s) - 1
    return before >= 0 and phrase.start_s < others[before].end_s


def _turns_of(speaker: Speaker, phrases: Sequence[_Phrase], floor: Sequence[_Phrase]) -> list[Turn]:
    """Rules 3 and 4 for one speaker; `floor` are the other's phrases that take the floor."""
    found: list[list[Word]] = []
    starts = [phrase.start_s for phrase in floor]
    end_s, alone = 0.0, True
    for phrase in phrases:
        apart = alone or phrase.interjected  # from what the same speaker said before
        alone = phrase.interjected
        for number, word in enumerate(phrase.words):
            taker = bisect_right(starts, found[-1][0].start_s) if found else 0
            if number == 0:
                lost = taker < len(floor) and starts[taker] <= word.start_s
                new = apart or lost or word.start_s - end_s > TURN_PAUSE_S
            else:
                new = not alone and taker < len(floor) and floor[taker].end_s <= word.start_s
            if new:
                found.append([])
            found[-1].append(word)
            end_s = max(end_s, word.end_s)
    return [Turn(speaker, tuple(words)) for words in found]
