"""The multi-task deep BLSTM (paper, Fig. 2): network, classifier and regressor (Sec. 4.4), and model files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emoseq import DataError
from emoseq.io.files import write_bytes
from emoseq.labels.delay import delay
from emoseq.labels.kmeans import average, reconstruct


class Blstm(nn.Module):
    """Stacked bidirectional LSTM layers (Eqs. 1 to 3) under one linear output layer per task (Eq. 4).

    A task is a number of outputs: the classes of one resolution, or 1 for the rating of a regressor.
    """

    def __init__(self, input_size: int, layers: int, hidden_size: int, tasks: Sequence[int]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.blstm = nn.LSTM(input_size, hidden_size, layers, bidirectional=True)
        self.output = nn.Linear(2 * hidden_size, sum(tasks))

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of one utterance, (frames, K) for each task, from features (frames, dimensions)."""
        hidden, _ = self.blstm(features)
        return self.output(hidden).split(self.tasks, dim=-1)


@dataclass(frozen=True)
class Prediction:
    """A time series (frames,) and, from a classifier, the prior-scaled posteriors (frames, K) of each task."""

    series: NDArray[np.float32]
    posteriors: Sequence[NDArray[np.float32]] = ()


@dataclass(frozen=True)
class Classifier:
    """A network with the cluster means and class priors that turn its output into a time series (paper, Sec. 4.2).

    `centers` and `priors` hold one array of shape (K,) per task, in the network's order. The network was trained on
    ratings advanced by `delay` frames, and its output is delayed by as many.
    """

    network: Blstm
    centers: tuple[NDArray, ...]
    priors: tuple[NDArray, ...]
    delay: int = 0

    def posteriors(self, features: NDArray) -> list[NDArray[np.float32]]:
        """Return the prior-scaled posteriors (frames, K) of each task for normalised features (frames, dimensions)."""
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(features))
        scaled = [scale_by_priors(task.numpy(), prior) for task, prior in zip(logits, self.priors, strict=True)]
        return [delay(task, self.delay) for task in scaled]

    def series(self, posteriors: Sequence[NDArray]) -> NDArray[np.float32]:
        """Return the raw time series (frames,): each task's most probable cluster mean, averaged over the tasks."""
        labels = [task.argmax(axis=1) for task in posteriors]
        return average([reconstruct(path, means) for path, means in zip(labels, self.centers, strict=True)])

    def predict(self, features: NDArray) -> Prediction:
        """Predict an utterance from its normalised features (frames, dimensions)."""
        posteriors = self.posteriors(features)
        return Prediction(self.series(posteriors), posteriors)


@dataclass(frozen=True)
class Regressor:
    """The same network with one linear output, the rating (paper, Sec. 4.4); `delay` as in `Classifier`."""

    network: Blstm
    delay: int = 0

    def predict(self, features: NDArray) -> Prediction:
        """Predict an utterance from its normalised features (frames, dimensions)."""
        with torch.inference_mode():
            (series,) = self.network(torch.from_numpy(features))
        return Prediction(delay(series[:, 0].numpy(), self.delay))


Model = Classifier | Regressor


def scale_by_priors(logits: NDArray, priors: NDArray) -> NDArray[np.float32]:
    """Divide the softmax by the class priors and renormalise it (paper, Sec. 4.2), in logarithms.

    Args:
        logits: shape (frames, K)
        priors: shape (K,), positive

    Returns:
        shape (frames, K), at least the smallest normal float32, so that a logarithm stays finite
    """
    scaled = logits.astype(np.float64) - np.log(priors)
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    scaled /= scaled.sum(axis=1, keepdims=True)
    return np.maximum(scaled, np.finfo(np.float32).tiny).astype(np.float32)


def save_model(path: Path, model: Model) -> None:
    """Write a model to one file of tensors and plain numbers; on an error the old file stays."""
    network = model.network
    content = {
        "input_size": network.blstm.input_size,
        "layers": network.blstm.num_layers,
        "hidden_size": network.blstm.hidden_size,
        "tasks": list(network.tasks),
        "delay": model.delay,
        "centers": [],
        "priors": [],
        "parameters": network.state_dict(),
    }
    if isinstance(model, Classifier):
        content["centers"] = [torch.from_numpy(means) for means in model.centers]
        content["priors"] = [torch.from_numpy(prior) for prior in model.priors]
    stream = io.BytesIO()
    torch.save(content, stream)
    write_bytes(path, stream.getbuffer())


def load_model(path: Path) -> Model:
    """Read a model that `save_model` wrote; no code in the file is run.

    Raises:
        DataError: if the file is missing or does not hold such a model
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        shape = (content[key] for key in ("input_size", "layers", "hidden_size", "tasks"))
        network = Blstm(*shape)
        network.load_state_dict(content["parameters"])
        centers, priors = (tuple(tensor.numpy() for tensor in content[key]) for key in ("centers", "priors"))
        frames = content["delay"]
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; train the model first") from None
    except Exception as error:  # torch's unpickler has no error type of its own
        raise DataError(
            f"{path}: not a model that steps/train.py wrote ({' '.join(str(error).split())[:120]})"
        ) from None
    return Classifier(network.eval(), centers, priors, frames) if centers else Regressor(network.eval(), frames)
