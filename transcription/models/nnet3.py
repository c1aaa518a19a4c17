"""Kaldi's binary file of an acoustic model, am/final.mdl: a transition model and an nnet3 network.

Only what these models use: one topology of a single state with a self loop for every phone, and a network
of affine layers over time, rectifiers and a log softmax. The source of the format is Kaldi's own code
(hmm/transition-model.cc, hmm/hmm-topology.cc, nnet3/nnet-nnet.cc, matrix/compressed-matrix.cc).

A phone id stands for a base phone at a place in a word; all places of a phone share its output (`pdf`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

LEVELS = 65535  # of a compressed matrix: 16 bits


@dataclass(frozen=True)
class Layer:
    """y(t) = W [x(t+o) for o in offsets] + b, then a rectifier, or the log softmax in the last layer.

    `weights` has a row for each output; its columns are the inputs at the first offset, at the second, ...
    Offsets are in input frames of 10 ms.
    """

    weights: Matrix
    bias: Matrix
    offsets: tuple[int, ...]


@dataclass(frozen=True)
class AcousticModel:
    """What a frame sounds like. `pdf_of_phone[i]` is the output of phone id i + 1."""

    pdf_of_phone: tuple[int, ...]
    layers: tuple[Layer, ...]
    priors: Matrix

    def write(self, path: Path) -> None:
        """The file, weights in 16 bits."""
        path.write_bytes(
            b"\0B" + _transitions(self.pdf_of_phone) + _network(self.layers) + _tail(self.priors)
        )


def forward(phone: int) -> int:
    """The transition id of entering a phone id: its first frame."""
    return 2 * phone


def stay(phone: int) -> int:
    """The transition id of a further frame of a phone id."""
    return 2 * phone - 1


# --- primitives -----------------------------------------------------------------------------------


def _int(value: int) -> bytes:
    return b"\x04" + struct.pack("<i", value)


def _float(value: float) -> bytes:
    return b"\x04" + struct.pack("<f", value)


def _ints(values: list[int]) -> bytes:
    return b"\x04" + struct.pack(f"<i{len(values)}i", len(values), *values)


def _vector(values: Matrix) -> bytes:
    return b"FV " + _int(len(values)) + values.astype("<f4").tobytes()


def _matrix(values: Matrix) -> bytes:
    """Compressed, format "CM2": value = least + range * level / 65535."""
    least, spread = float(values.min()), float(np.ptp(values)) or 1.0
    levels = np.round((values.astype(np.float64) - least) / spread * LEVELS).clip(0, LEVELS)
    return b"CM2 " + struct.pack("<ffii", least, spread, *values.shape) + levels.astype("<u2").tobytes()


# --- parts ----------------------------------------------------------------------------------------


def _transitions(pdf_of_phone: tuple[int, ...]) -> bytes:
    phones = list(range(1, len(pdf_of_phone) + 1))
    entry = b"".join([_int(0), _int(2), _int(0), _float(0.5), _int(1), _float(0.5)])
    topology = (
        _ints(phones) + _ints([-1] + [0] * len(phones)) + _int(1) + _int(2) + entry + _int(-1) + _int(0)
    )
    triples = b"".join(_int(phone) + _int(0) + _int(pdf_of_phone[phone - 1]) for phone in phones)
    logs = np.full(1 + 2 * len(phones), np.log(0.5), dtype=np.float32)
    logs[0] = 0
    return b"".join(
        [
            b"<TransitionModel> <Topology> " + topology + b"</Topology> ",
            b"<Triples> " + _int(len(phones)) + triples + b"</Triples> ",
            b"<LogProbs> " + _vector(logs) + b"</LogProbs> </TransitionModel> ",
        ]
    )


def _network(layers: tuple[Layer, ...]) -> bytes:
    components: list[tuple[str, bytes]] = []
    lines = [f"input-node name=input dim={layers[0].weights.shape[1] // len(layers[0].offsets)}"]
    before = "input"
    for index, layer in enumerate(layers):
        affine, bend = f"affine{index}", f"bend{index}"
        last = index == len(layers) - 1
        lines.append(
            f"component-node name={affine} component={affine} input={_spliced(before, layer.offsets)}"
        )
        lines.append(f"component-node name={bend} component={bend} input={affine}")
        components.append((affine, _affine(layer)))
        components.append((bend, _nonlinear("LogSoftmax" if last else "RectifiedLinear", len(layer.bias))))
        before = bend
    lines.append(f"output-node name=output input={before} objective=linear")
    config = "".join(f"{line}\n" for line in lines).encode()
    body = b"".join(b"<ComponentName> " + name.encode() + b" " + data for name, data in components)
    return b"<Nnet3> \n" + config + b"\n<NumComponents> " + _int(len(components)) + body + b"</Nnet3> "


def _spliced(node: str, offsets: tuple[int, ...]) -> str:
    parts = [f"Offset({node}, {offset})" if offset else node for offset in offsets]
    return f"Append({', '.join(parts)})" if len(parts) > 1 else parts[0]


def _affine(layer: Layer) -> bytes:
    parameters = b"<LinearParams> " + _matrix(layer.weights) + b"<BiasParams> " + _vector(layer.bias)
    return b"<FixedAffineComponent> " + parameters + b"</FixedAffineComponent> "


def _nonlinear(kind: str, dim: int) -> bytes:
    nothing = _vector(np.zeros(0, np.float32))
    statistics = (
        b"<ValueAvg> " + nothing + b"<DerivAvg> " + nothing + b"<Count> \x08" + struct.pack("<d", 0.0)
    )
    name = f"{kind}Component> ".encode()
    return b"<" + name + b"<Dim> " + _int(dim) + statistics + b"</" + name


def _tail(priors: Matrix) -> bytes:
    return b"<LeftContext> " + _int(0) + b"<RightContext> " + _int(0) + b"<Priors> " + _vector(priors)
