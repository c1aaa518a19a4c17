"""The two graphs of a model: which phones make a word (HCLr), and which words follow each other (Gr).

libvosk composes them as it decodes, and puts another Gr in place when a stream asks for a few phrases only.

Phone ids: 1 is silence; phone k (from 0) at the begin, end, inside of a word, or alone in it is 2 + 4k and
the three after. Word ids are places in words.txt; 0 is epsilon.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from transcription.models.corpus import UNKNOWN, Sentence
from transcription.models.fst import Fst
from transcription.models.nnet3 import forward, stay

SILENCE_PHONE = 1
BEGIN, END, INTERNAL, ALONE = range(4)
BOUNDARY_NAMES = ("begin", "end", "internal", "singleton")

HALF = math.log(2)  # cost of a choice between two
BACK_OFF = 0.25  # share of the unigram in every place
UNIFORM = 0.3  # share of "any word" in the unigram
UNKNOWN_SHARE = 0.01  # of the unigram
UNKNOWN_BONUS = -1.0  # cost of each phone of [unk], besides the choice of it

Lexicon = dict[str, list[tuple[tuple[str, ...], float]]]


def phone_id(phone: int, place: int) -> int:
    """The id of the phone (a number from 0, silence not counted) at a place in a word."""
    return 2 + 4 * phone + place


def chain(phones: Sequence[int]) -> list[int]:
    """The ids of a word's phones."""
    if len(phones) == 1:
        return [phone_id(phones[0], ALONE)]
    places = [BEGIN, *[INTERNAL] * (len(phones) - 2), END]
    return [phone_id(phone, place) for phone, place in zip(phones, places, strict=True)]


def lexicon_graph(lexicon: Lexicon, phones: Sequence[str], word_ids: dict[str, int]) -> Fst:
    """HCLr: transition ids in, words out. Silence may stand at the start and after every word."""
    fst = Fst()
    start, words, after = fst.state(), fst.state(final=0.0), fst.state(final=0.0)
    _maybe_silence(fst, start, words)
    _maybe_silence(fst, after, words)
    number = {name: index for index, name in enumerate(phones)}
    for word, ways in sorted(lexicon.items()):
        for said, share in ways:
            at = fst.state()
            fst.arc(words, at, writes=word_ids[word], cost=-math.log(share))
            for phone in chain([number[name] for name in said]):
                at = _phone(fst, at, phone)
            fst.arc(at, after)
    _unknown(fst, words, after, len(phones), word_ids[UNKNOWN])
    fst.sort("write")
    return fst


def _phone(fst: Fst, start: int, phone: int, cost: float = 0.0) -> int:
    """The state after a phone of one frame or more."""
    at = fst.state()
    fst.arc(start, at, reads=forward(phone), cost=cost)
    fst.arc(at, at, reads=stay(phone))
    return at


def _maybe_silence(fst: Fst, start: int, to: int) -> None:
    fst.arc(start, to, cost=HALF)
    fst.arc(_phone(fst, start, SILENCE_PHONE, cost=HALF), to)


def _unknown(fst: Fst, words: int, after: int, phones: int, word: int) -> None:
    """[unk]: two phones or more, any of them."""
    cost = math.log(phones) + UNKNOWN_BONUS
    entry, inside = fst.state(), fst.state()
    fst.arc(words, entry, writes=word)
    for phone in range(phones):
        fst.arc(_phone(fst, entry, phone_id(phone, BEGIN), cost), inside)
        fst.arc(_phone(fst, inside, phone_id(phone, INTERNAL), cost), inside)
        fst.arc(_phone(fst, inside, phone_id(phone, END), cost), after)


def language_graph(sentences: Iterable[Sentence], word_ids: dict[str, int]) -> Fst:
    """Gr: a bigram of the sentences, each given as ids' words; words that have no id count as [unk].

    A state for each word, one for the start of a sentence, one to back off to. After the end of a sentence
    another may follow.
    """
    begin, end = "<s>", "</s>"
    pairs: dict[str, Counter[str]] = {begin: Counter()}
    single: Counter[str] = Counter()
    for sentence in sentences:
        known = [word if word in word_ids else UNKNOWN for word in sentence]
        single.update(known)
        for before, word in zip([begin, *known], [*known, end], strict=True):
            pairs.setdefault(before, Counter())[word] += 1
    unigram = _unigram(single, [word for word in word_ids if word != "<eps>"])
    fst = Fst()
    states = {begin: fst.state(), **{word: fst.state() for word in unigram}}
    back = fst.state()
    for word, share in unigram.items():
        fst.arc(back, states[word], word_ids[word], word_ids[word], -math.log(share))
    for before, state in states.items():
        following = pairs.get(before, Counter())
        total = sum(following.values())
        fst.arc(state, back, cost=-math.log(BACK_OFF) if total else 0.0)
        for word, count in following.items():
            share = (1 - BACK_OFF) * count / total
            if word == end:
                fst.final[state] = -math.log(share)
                fst.arc(state, states[begin], cost=-math.log(share))
            else:
                share += BACK_OFF * unigram[word]
                fst.arc(state, states[word], word_ids[word], word_ids[word], -math.log(share))
        if math.isinf(fst.final[state]):
            fst.final[state] = -math.log(0.01)
    fst.sort("read")
    return fst


def _unigram(single: Counter[str], words: Sequence[str]) -> dict[str, float]:
    """How likely each word is wherever it stands."""
    total = sum(count for word, count in single.items() if word != UNKNOWN)
    known = [word for word in words if word != UNKNOWN]
    share = {word: (1 - UNIFORM) * single[word] / total + UNIFORM / len(known) for word in known}
    return {UNKNOWN: UNKNOWN_SHARE, **{word: (1 - UNKNOWN_SHARE) * value for word, value in share.items()}}
