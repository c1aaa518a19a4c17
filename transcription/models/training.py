"""The network, and its training with PyTorch on the processor (extra `model`).

A time-delay network: each layer looks at three outputs of the one below, 30 ms apart; the whole sees 150 ms
to either side. Trained frame by frame with cross entropy: espeak-ng said when each phone begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from transcription.models.features import CEPSTRA
from transcription.models.nnet3 import Layer

EVERY = 3
FIRST_OFFSETS = (-3, -2, -1, 0, 1, 2, 3)
OFFSETS = (-3, 0, 3)
HIDDEN_LAYERS = 4
CONTEXT = 3 + 3 * HIDDEN_LAYERS  # input frames to either side
DROPOUT = 0.1
WINDOW = 50  # output frames of a training piece


@dataclass(frozen=True)
class Plan:
    """How much training."""

    width: int = 112
    epochs: int = 8
    batch: int = 32
    rate: float = 3e-3
    smoothing: float = 0.05
    threads: int = 1
    seed: int = 7


class Network(nn.Module):
    """Features (batch, 30, frames) to scores (batch, phones, frames / 3)."""

    def __init__(
        self, width: int, phones: int, mean: NDArray[np.float32], spread: NDArray[np.float32]
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean)[None, :, None])
        self.register_buffer("spread", torch.from_numpy(spread)[None, :, None])
        first = nn.Conv1d(CEPSTRA, width, len(FIRST_OFFSETS), stride=EVERY)
        rest = [nn.Conv1d(width, width, len(OFFSETS)) for _ in range(HIDDEN_LAYERS)]
        self.hidden = nn.ModuleList([first, *rest])
        self.norms = nn.ModuleList([nn.BatchNorm1d(width) for _ in self.hidden])
        self.drop = nn.Dropout(DROPOUT)
        self.out = nn.Conv1d(width, phones, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores before the softmax."""
        x = (features - self.mean) / self.spread
        for layer, norm in zip(self.hidden, self.norms, strict=True):
            x = self.drop(norm(torch.relu(layer(x))))
        return self.out(x)

    def layers(self) -> tuple[Layer, ...]:
        """The same function as plain affine layers: normalisation is multiplied into the weights."""
        scale = (1 / self.spread[0, :, 0]).double()
        shift = (-self.mean[0, :, 0]).double() * scale
        out = []
        for index, (layer, norm) in enumerate(zip(self.hidden, self.norms, strict=True)):
            out.append(_folded(layer, scale, shift, FIRST_OFFSETS if index == 0 else OFFSETS))
            scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            shift = norm.bias.double() - norm.running_mean.double() * scale
        return (*out, _folded(self.out, scale, shift, (0,)))


def _folded(layer: nn.Conv1d, scale: torch.Tensor, shift: torch.Tensor, offsets: tuple[int, ...]) -> Layer:
    """The layer for inputs that are still to be scaled and shifted."""
    weights = layer.weight.detach().double()  # (out, in, offset)
    assert layer.bias is not None
    bias = layer.bias.detach().double() + (weights * shift.detach()[None, :, None]).sum((1, 2))
    scaled = (weights * scale.detach()[None, :, None]).permute(0, 2, 1).reshape(weights.shape[0], -1)
    return Layer(scaled.float().numpy(), bias.float().numpy(), offsets)


def train(
    features: list[NDArray[np.float32]],
    labels: list[NDArray[np.int64]],
    phones: int,
    plan: Plan,
    tell: Callable[[str], None],
) -> Network:
    """A network that names the phone of every third frame. Features are (frames, 30)."""
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads)
    rng = np.random.default_rng(plan.seed)
    every = np.concatenate(features[::10]).astype(np.float32)
    network = Network(plan.width, phones, every.mean(0), every.std(0))
    padded = [np.pad(f, ((CONTEXT, CONTEXT + EVERY * WINDOW), (0, 0)), mode="edge") for f in features]
    pieces = [
        (i, k) for i, names in enumerate(labels) for k in range(0, max(len(names) - WINDOW // 2, 1), WINDOW)
    ]
    steps = plan.epochs * (len(pieces) // plan.batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, total_steps=steps, pct_start=0.15)
    loss_of = nn.CrossEntropyLoss(label_smoothing=plan.smoothing, ignore_index=-1)
    began = time.monotonic()
    for epoch in range(plan.epochs):
        network.train()
        order = rng.permutation(len(pieces))
        total = right = seen = 0.0
        for step in range(len(pieces) // plan.batch):
            chosen = [pieces[i] for i in order[step * plan.batch : (step + 1) * plan.batch]]
            x, y = _batch(padded, labels, chosen, rng)
            scores = network(x)
            loss = loss_of(scores, y)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                counted = y >= 0
                right += float(((scores.argmax(1) == y) & counted).sum())
                seen += float(counted.sum())
                total += float(loss) * float(counted.sum())
        tell(
            f"epoch {epoch + 1} of {plan.epochs}: loss {total / seen:.3f}, "
            f"frames right {right / seen:.1%}, {time.monotonic() - began:.0f} s"
        )
    return network.eval()


def _batch(
    padded: list[NDArray[np.float32]],
    labels: list[NDArray[np.int64]],
    chosen: list[tuple[int, int]],
    rng: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces of 50 output frames, a little moved each time. Labels past the end are -1: not counted."""
    width = EVERY * (WINDOW - 1) + 2 * CONTEXT + 1
    x = np.zeros((len(chosen), CEPSTRA, width), dtype=np.float32)
    y = np.full((len(chosen), WINDOW), -1, dtype=np.int64)
    for row, (index, at) in enumerate(chosen):
        at = min(max(at + int(rng.integers(-10, 11)), 0), max(len(labels[index]) - WINDOW, 0))
        x[row] = padded[index][EVERY * at : EVERY * at + width].T
        part = labels[index][at : at + WINDOW]
        y[row, : len(part)] = part
    return torch.from_numpy(x), torch.from_numpy(y)
