"""Bottleneck features: activations of a narrow layer of a frame classifier (Povolny et al. 2016)."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from emoseq.baselines.options import Choice, PovolnyOptions
from emoseq.features.windows import stack_context
from emoseq.labels.kmeans import UNRATED

BATCH = 256  # frames


@dataclass(frozen=True)
class Bottleneck:
    """The trained network up to the bottleneck: a layer of rectified units and a linear one."""

    hidden_weight: NDArray[np.float32]  # (hidden, stacks * dimensions)
    hidden_bias: NDArray[np.float32]
    bottleneck_weight: NDArray[np.float32]  # (size, hidden)
    bottleneck_bias: NDArray[np.float32]

    def __call__(self, log_mel: NDArray) -> NDArray[np.float32]:
        """Compute features (frames, size) of normalised log-mel stacks (frames, dimensions)."""
        stacks = self.hidden_weight.shape[1] // log_mel.shape[1]
        inputs = stack_context(log_mel, list_context(stacks))
        hidden = np.maximum(inputs @ self.hidden_weight.T + self.hidden_bias, 0)
        return hidden @ self.bottleneck_weight.T + self.bottleneck_bias


def list_context(stacks: int) -> range:
    """List the offsets of an odd number of frames from the middle one.

    >>> list(list_context(3))
    [-1, 0, 1]
    """
    return range(-(stacks // 2), stacks // 2 + 1)


def train_bottleneck(
    train: Sequence[tuple[NDArray, NDArray]],
    dev: Sequence[tuple[NDArray, NDArray]],
    *,
    num_classes: int,
    options: PovolnyOptions,
) -> tuple[Bottleneck, list[Choice]]:
    """Train the classifier with Adam and keep the epoch of the lowest dev cross entropy.

    Args:
        train, dev: normalised log-mel (frames, dimensions) and classes (frames,) of each utterance
        num_classes: K

    Returns:
        the network up to its bottleneck, and the dev cross entropy of each epoch

    Raises:
        ValueError: if the dev cross entropy of an epoch is not finite
    """
    torch.manual_seed(options.bottleneck_seed)
    shuffle = torch.Generator().manual_seed(options.bottleneck_seed)
    stacks, hidden = options.bottleneck_stacks, options.bottleneck_hidden
    train_frames, dev_frames = _Frames(train, stacks), _Frames(dev, stacks)
    network = nn.Sequential(
        nn.Linear(stacks * train[0][0].shape[1], hidden),
        nn.ReLU(),
        nn.Dropout(options.bottleneck_dropout),
        nn.Linear(hidden, options.bottleneck_size),
        nn.Linear(options.bottleneck_size, hidden),
        nn.ReLU(),
        nn.Dropout(options.bottleneck_dropout),
        nn.Linear(hidden, num_classes),
    )
    optimiser = torch.optim.Adam(network.parameters(), lr=options.bottleneck_rate)
    epochs: list[Choice] = []
    lowest, best, since = float("inf"), copy.deepcopy(network.state_dict()), 0
    for epoch in range(1, options.bottleneck_epochs + 1):
        network.train()
        for rows in torch.randperm(len(train_frames), generator=shuffle).split(BATCH):
            inputs, classes = train_frames[rows]
            loss = cross_entropy(network(inputs), classes)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        network.eval()
        with torch.inference_mode():
            total = sum(
                cross_entropy(network(inputs), classes, reduction="sum").item()
                for inputs, classes in map(dev_frames.__getitem__, torch.arange(len(dev_frames)).split(8 * BATCH))
            )
        entropy = total / len(dev_frames)
        if not math.isfinite(entropy):
            raise ValueError(f"bottleneck: epoch {epoch}: the dev cross entropy is {entropy}; lower --bottleneck-rate")
        epochs.append(Choice(("bottleneck", f"epoch {epoch}"), entropy, measure="cross entropy"))
        since += 1
        if entropy < lowest:
            lowest, best, since = entropy, copy.deepcopy(network.state_dict()), 0
        if since >= options.bottleneck_patience:
            break
    layers = (best[name].numpy() for name in ("0.weight", "0.bias", "3.weight", "3.bias"))
    return Bottleneck(*layers), epochs


class _Frames:
    """Rated frames of all utterances, joined with their context only when a batch is taken, to save memory."""

    def __init__(self, utterances: Sequence[tuple[NDArray, NDArray]], stacks: int) -> None:
        half = stacks // 2
        padded = [np.pad(log_mel, ((half, half), (0, 0)), mode="edge") for log_mel, _ in utterances]
        starts = np.cumsum([0, *map(len, padded)])
        rated = [np.flatnonzero(classes != UNRATED) for _, classes in utterances]
        rows = [start + frames for start, frames in zip(starts, rated, strict=False)]
        self._log_mel = torch.from_numpy(np.concatenate(padded))
        self._rows = torch.from_numpy(np.concatenate(rows))
        classes = [labels[frames] for (_, labels), frames in zip(utterances, rated, strict=True)]
        self._classes = torch.from_numpy(np.concatenate(classes).astype(np.int64))
        self._context = torch.arange(stacks)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = self._rows[frames][:, None] + self._context
        return self._log_mel[rows].flatten(1), self._classes[frames]
