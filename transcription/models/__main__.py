"""Builds the demonstration model from nothing: `python -m transcription.models [FOLDER]`.

Speech from espeak-ng, a network trained on it, the graphs, and a folder that Vosk loads. Needs the extra
`model` and espeak-ng. Seeds are fixed; another processor may still round otherwise, so two builds agree in
what they hear, not in every byte.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from transcription.models import dataset, graph
from transcription.models.catalogue import BUILT_IN, folder_of
from transcription.models.corpus import Corpus
from transcription.models.espeak import EspeakError
from transcription.models.export import export_acoustic, export_graphs, phones_of, word_ids

SEED = 20261
EXAMPLES = 3_000
LANGUAGE_SENTENCES = 60_000


def main(arguments: list[str] | None = None) -> int:
    """Build; 0, or 2 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m transcription.models", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=folder_of(BUILT_IN[0]), help="where to write it"
    )
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="pieces of audio (%(default)s)")
    parser.add_argument("--epochs", type=int, default=8, help="times each is seen (%(default)s)")
    parser.add_argument("--width", type=int, default=112, help="of the network's layers (%(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="that make audio (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="that train; more than idle cores is slower")
    parser.add_argument(
        "--graphs",
        action="store_true",
        help="keep the network; take words and sentences anew",
    )
    options = parser.parse_args(arguments)
    try:
        if options.graphs:
            rebuild_graphs(options.folder, Corpus.load())
        else:
            build(options)
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing: the extra `model` has it (make model installs it)", file=sys.stderr)
        return 2
    except EspeakError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def build(options: argparse.Namespace) -> None:
    """Material, training, export."""
    from transcription.models.training import Plan, train  # PyTorch is there only where models are built

    began = time.monotonic()

    def tell(words: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {words}", flush=True)

    corpus = Corpus.load()
    tell(f"{len(corpus.vocabulary)} words; {options.examples} pieces of audio are made")
    features, names = [], []
    for number, example in enumerate(dataset.examples(options.examples, SEED, options.processes), 1):
        features.append(example.features)
        names.append(example.labels)
        if number % 1000 == 0:
            tell(f"{number} made")
    phones = sorted({name for labels in names for name in labels} - {dataset.SILENCE})
    number_of = {name: number for number, name in enumerate([dataset.SILENCE, *phones])}
    labels = [np.array([number_of[name] for name in part], dtype=np.int64) for part in names]
    hours = sum(map(len, features)) / 360_000
    tell(f"{hours:.1f} hours, {len(phones)} phones; training begins")
    plan = Plan(width=options.width, epochs=options.epochs, threads=options.threads)
    network = train(features, labels, len(number_of), plan, tell)
    shares = np.bincount(np.concatenate(labels), minlength=len(number_of)) / sum(map(len, labels))
    export_acoustic(options.folder, network.layers(), shares.astype(np.float32), phones)
    rebuild_graphs(options.folder, corpus)
    tell(f"written to {options.folder}")


def rebuild_graphs(folder: Path, corpus: Corpus) -> None:
    """Words and sentences for a network that knows their phones."""
    phones, words = phones_of(folder), word_ids(corpus.vocabulary)
    rng = np.random.default_rng(SEED)
    said = Counter(dataset.pronounced(corpus, LANGUAGE_SENTENCES // 10, SEED))
    known = {
        way: count for way, count in said.items() if way[0] in words and set(way[1]) <= set(phones)
    }  # neither foreign words nor phones that the network never heard
    lexicon = graph.lexicon_graph(dataset.pronunciations(Counter(known)), phones, words)
    language = graph.language_graph((corpus.draw(rng) for _ in range(LANGUAGE_SENTENCES)), words)
    export_graphs(folder, lexicon, language, words)


if __name__ == "__main__":
    sys.exit(main())
