"""Writes a model folder that `vosk.Model` loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from transcription.models import features
from transcription.models.corpus import UNKNOWN
from transcription.models.fst import Fst
from transcription.models.graph import BOUNDARY_NAMES, SILENCE_PHONE
from transcription.models.nnet3 import AcousticModel, Layer, Matrix

PRIOR_FLOOR = 3e-3  # rarer phones would win wherever nothing fits well

DECODER = f"""\
--min-active=200
--max-active=700
--beam=10.0
--lattice-beam=4.0
--acoustic-scale=0.7
--frame-subsampling-factor=3
--frames-per-chunk=12
--endpoint.silence-phones={SILENCE_PHONE}
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule2.max-relative-cost=8
--endpoint.rule3.min-trailing-silence=1.0
--endpoint.rule3.max-relative-cost=100
--endpoint.rule4.min-trailing-silence=2.0
"""
"""conf/model.conf. Without silence phones libvosk aborts the process at the first words."""


def word_ids(vocabulary: Sequence[str]) -> dict[str, int]:
    """The numbers of words.txt."""
    return {word: number for number, word in enumerate(["<eps>", UNKNOWN, *vocabulary])}


def export_acoustic(folder: Path, layers: tuple[Layer, ...], shares: Matrix, phones: Sequence[str]) -> None:
    """Write the network and how it is to be run.

    `shares`: of the training frames, by output; the first output is silence, the others are `phones`.
    """
    for part in ("am", "conf", "graph/phones"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    pdfs = (0, *[pdf for pdf in range(1, len(shares)) for _ in BOUNDARY_NAMES])
    priors = np.maximum(shares, PRIOR_FLOOR).astype(np.float32)
    AcousticModel(pdfs, layers, priors / priors.sum()).write(folder / "am" / "final.mdl")
    (folder / "conf" / "mfcc.conf").write_text(features.CONFIG)
    (folder / "conf" / "model.conf").write_text(DECODER)
    places = ["1 nonword\n"]
    places += [f"{phone + 1} {BOUNDARY_NAMES[(phone - 1) % 4]}\n" for phone in range(1, len(pdfs))]
    (folder / "graph" / "phones" / "word_boundary.int").write_text("".join(places))
    (folder / "graph" / "phones" / "base.txt").write_text("".join(f"{phone}\n" for phone in phones))


def phones_of(folder: Path) -> list[str]:
    """The phones of a model that was written here, in the order of the network's outputs, without silence."""
    return (folder / "graph" / "phones" / "base.txt").read_text().splitlines()


def export_graphs(folder: Path, lexicon: Fst, language: Fst, words: dict[str, int]) -> None:
    """Write which phones make a word and which words follow each other."""
    lexicon.write(folder / "graph" / "HCLr.fst")
    language.write(folder / "graph" / "Gr.fst")
    (folder / "graph" / "disambig_tid.int").write_text("")  # must be there
    (folder / "graph" / "words.txt").write_text(
        "".join(f"{word} {number}\n" for word, number in words.items()), encoding="utf-8"
    )
