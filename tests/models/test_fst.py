"""Transducers as bytes, and the graphs made of them."""

from __future__ import annotations

import math
import struct

import pytest

from transcription.models.catalogue import folder_of
from transcription.models.fst import Arc, Fst, FstError
from transcription.models.graph import chain, language_graph, lexicon_graph
from transcription.models.nnet3 import forward, stay

WORDS = {"<eps>": 0, "[unk]": 1, "ja": 2, "tak": 3}


def small() -> Fst:
    fst = Fst()
    a, b = fst.state(), fst.state(final=0.5)
    fst.arc(a, b, reads=3, writes=1, cost=0.25)
    fst.arc(a, a, reads=2)
    return fst


def test_what_is_written_is_read_back() -> None:
    fst = small()
    again = Fst.from_bytes(fst.to_bytes())
    assert again == fst
    assert again.arcs[0][0] == Arc(reads=3, writes=1, cost=0.25, to=1)
    assert math.isinf(again.final[0])


def test_the_bytes_are_those_of_openfst() -> None:
    data = small().to_bytes()
    head = struct.pack("<ii6si8siiQqqq", 2125659606, 6, b"vector", 8, b"standard", 2, 0, 3, 0, 2, 2)
    # struct aligns nothing with "<", as OpenFst writes it
    assert data.startswith(head)
    assert data[len(head) :] == (
        struct.pack("<fq", math.inf, 2)
        + struct.pack("<iifi", 3, 1, 0.25, 1)
        + struct.pack("<iifi", 2, 0, 0.0, 0)
        + struct.pack("<fq", 0.5, 0)
    )


@pytest.mark.parametrize("data", [b"", b"no transducer", small().to_bytes()[:-3]])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FstError):
        Fst.from_bytes(data)


def test_arcs_are_sorted_as_composition_needs_them() -> None:
    fst = small()
    fst.sort("read")
    assert [arc.reads for arc in fst.arcs[0]] == [2, 3]
    fst.sort("write")
    assert [arc.writes for arc in fst.arcs[0]] == [0, 1]


def test_a_word_is_its_phones_by_place() -> None:
    assert chain([0, 1, 0]) == [2, 8, 3]  # begin, internal, end
    assert chain([1]) == [9]  # alone


def walk(fst: Fst, reads: list[int]) -> set[tuple[int, ...]]:
    """Everything that may be written for a sequence of labels."""
    found = set()
    todo: list[tuple[int, int, tuple[int, ...]]] = [(0, 0, ())]
    while todo:
        state, at, written = todo.pop()
        if at == len(reads) and not math.isinf(fst.final[state]):
            found.add(written)
        for arc in fst.arcs[state]:
            further = written + ((arc.writes,) if arc.writes else ())
            if arc.reads == 0:
                todo.append((arc.to, at, further))
            elif at < len(reads) and arc.reads == reads[at]:
                todo.append((arc.to, at + 1, further))
    return found


def test_the_phones_of_a_word_and_silence_around_it_give_the_word() -> None:
    fst = lexicon_graph({"ja": [(("j", "a"), 1.0)], "tak": [(("a",), 1.0)]}, ("a", "j"), WORDS)
    j, a = chain([1, 0])
    said = [forward(1), stay(1), forward(j), stay(j), forward(a), forward(1)]
    assert walk(fst, said) == {(2,), (1,)}  # the word, or something unknown
    alone = chain([0])
    assert walk(fst, [forward(alone[0])]) == {(3,)}


def test_a_sentence_seen_is_cheaper_than_one_unseen() -> None:
    fst = language_graph([("ja", "tak")] * 5, WORDS)

    def cost(words: list[int]) -> float:
        best = {0: 0.0}
        for word in words:
            best = _step(fst, _closed(fst, best), word)
        return min(value + fst.final[state] for state, value in _closed(fst, best).items())

    assert cost([2, 3]) < cost([3, 2]) < math.inf
    assert cost([1, 1, 1]) < math.inf  # anything may be said


def _closed(fst: Fst, costs: dict[int, float]) -> dict[int, float]:
    out, todo = dict(costs), list(costs)
    while todo:
        state = todo.pop()
        for arc in fst.arcs[state]:
            if arc.reads == 0 and out[state] + arc.cost < out.get(arc.to, math.inf):
                out[arc.to] = out[state] + arc.cost
                todo.append(arc.to)
    return out


def _step(fst: Fst, costs: dict[int, float], word: int) -> dict[int, float]:
    out: dict[int, float] = {}
    for state, value in costs.items():
        for arc in fst.arcs[state]:
            if arc.reads == word:
                out[arc.to] = min(out.get(arc.to, math.inf), value + arc.cost)
    return out


@pytest.mark.parametrize(("name", "by"), [("HCLr.fst", "writes"), ("Gr.fst", "reads")])
def test_the_graphs_that_come_with_tast1_are_such_transducers(name: str, by: str) -> None:
    data = (folder_of("da-demo") / "graph" / name).read_bytes()
    fst = Fst.from_bytes(data)
    assert fst.to_bytes() == data
    for arcs in fst.arcs:
        labels = [getattr(arc, by) for arc in arcs]
        assert labels == sorted(labels)
