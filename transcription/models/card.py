"""The card of a model: what it is for, what not, how it was made and how well it hears, from its figures."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CARD = """\
# da-demo: Danish for demonstrations and tests

A small acoustic and language model that libvosk loads like any other. It knows {count} words of calls to
an insurance company and was trained on synthetic speech alone (espeak-ng), as it sounds on a telephone line.

**For:** the demonstration, tests and trying out, without a download; a few hundred words said by espeak-ng.
**Not for:** people. It was never trained on, nor measured with, human voices; expect it to understand
hardly anything of them. For people, use a real Danish model, or another transcriber of the vosk-server
protocol.

## Measured

`make model-eval`, espeak-ng {espeak_ng}. Sentences are of templates, voices of espeak-ng variants, that
training does not use; random speed, pitch, telephone band, level, noise, G.711 and lost packets.

| What | Figure |
|---|---|
| Word error rate, {sentences} sentences, {words} words, noise 10 to 40 dB below speech or none | {wer:.1%} |
| The same, {noisy_sentences} sentences, noise 8 to 20 dB below | {noisy:.1%} |
| Foreign words ({foreign_words}, never heard in training) written as words of the vocabulary | {forced:.1%} |
| Foreign words written as `[unk]` | {unk:.1%} |

The last two rows count words written for each foreign word said; one that is left out is in neither.
What is said outside the vocabulary is thus partly turned into words that were not said: no transcript of
this model is evidence of anything.

## Made

`make model` (PyTorch on the processor, espeak-ng; seeds are fixed): 3,000 pieces of audio, 2.9 hours, heard
eight times; 14 minutes on two busy cores. A time-delay network on 30 cepstra at 8 kHz, trained on the phone
times that espeak-ng tells; a bigram of the training templates, sixteen of which (the last ones before
`klokken`) were added to it after the network was trained. Built anew with them from nothing, in 7 minutes,
it had 4.0 % and 7.4 % word errors in place of 3.5 % and 6.6 % (both with a wider search, a beam of 13).
`HCLr.fst` and `Gr.fst` are kept apart, so that a
stream may be restricted to phrases (`transcription.phrases`). The sentences are in
`transcription/models/corpus/da.yaml`. espeak-ng is under the GPL, version 3; of it the model holds what was
learned from its output, neither program nor data.

## Vocabulary

{vocabulary}
"""


def vocabulary_of(folder: Path) -> list[str]:
    """The words of a model's words.txt, without the marks `<eps>` and `[unk]`."""
    lines = (folder / "graph" / "words.txt").read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line[0] not in "<[#"]


def write(folder: Path, figures: dict[str, Any]) -> None:
    """Put the card and its figures into the folder."""
    (folder / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (folder / "CARD.md").write_text(card_text(figures, vocabulary_of(folder)), encoding="utf-8")


def card_text(figures: dict[str, Any], vocabulary: Sequence[str]) -> str:
    """The card, as Markdown."""
    return CARD.format(
        count=len(vocabulary),
        espeak_ng=figures["espeak_ng"],
        sentences=figures["sentences"],
        words=figures["words"],
        noisy_sentences=figures["sentences_noisy"],
        wer=figures["word_error_rate"],
        noisy=figures["word_error_rate_noisy"],
        foreign_words=figures["foreign_words"],
        forced=figures["forced_into_vocabulary"],
        unk=figures["written_unk"],
        vocabulary=textwrap.fill(", ".join(vocabulary), 110, break_on_hyphens=False),
    )
