"""The acoustic model as bytes: what is written is what Kaldi reads."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np

from transcription.models.catalogue import folder_of
from transcription.models.nnet3 import AcousticModel, Layer, forward, stay


def model() -> AcousticModel:
    rng = np.random.default_rng(1)
    first = Layer(rng.normal(size=(4, 6)).astype(np.float32), np.zeros(4, np.float32), (-1, 0, 1))
    last = Layer(rng.normal(size=(2, 4)).astype(np.float32), np.array([1, 2], np.float32), (0,))
    return AcousticModel((0, 1, 1, 1, 1), (first, last), np.array([0.6, 0.4], np.float32))


def test_the_network_is_described_with_its_offsets(tmp_path: Path) -> None:
    model().write(tmp_path / "final.mdl")
    data = (tmp_path / "final.mdl").read_bytes()
    assert data.startswith(b"\0B<TransitionModel> <Topology> ")
    assert b"input-node name=input dim=2\n" in data
    assert b"input=Append(Offset(input, -1), input, Offset(input, 1))\n" in data
    assert b"output-node name=output input=bend1 objective=linear\n\n" in data
    assert data.endswith(b"<Priors> FV \x04" + struct.pack("<iff", 2, 0.6, 0.4))


def test_weights_keep_sixteen_bits(tmp_path: Path) -> None:
    made = model()
    made.write(tmp_path / "final.mdl")
    data = (tmp_path / "final.mdl").read_bytes()
    at = data.index(b"CM2 ") + 4
    least, spread, rows, columns = struct.unpack_from("<ffii", data, at)
    levels = np.frombuffer(data, "<u2", rows * columns, at + 16).reshape(rows, columns)
    weights = made.layers[0].weights
    assert (rows, columns) == weights.shape
    assert np.abs(least + spread * levels / 65535 - weights).max() <= spread / 65535


def test_a_first_frame_and_a_further_one_have_different_transitions() -> None:
    ids = [label for phone in (1, 2, 3) for label in (stay(phone), forward(phone))]
    assert ids == [1, 2, 3, 4, 5, 6]


def test_the_model_that_comes_with_tast1_has_an_output_for_every_phone() -> None:
    folder = folder_of("da-demo")
    data = (folder / "am" / "final.mdl").read_bytes()
    boundaries = (folder / "graph/phones/word_boundary.int").read_text().split("\n")[:-1]
    at = data.index(b"<Triples> ") + len(b"<Triples> ") + 1
    (count,) = struct.unpack_from("<i", data, at)
    assert count == len(boundaries)
    outputs = {struct.unpack_from("<i", data, at + 4 + 15 * i + 11)[0] for i in range(count)}
    assert outputs == set(range(len(outputs)))
    assert len(re.findall(rb"<ComponentName> ", data)) == 12
