"""Training of one model with the paper's losses (Secs. 4.2 and 4.4) and two-stage schedule."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.adam import adam

from emoseq.labels.delay import advance
from emoseq.labels.kmeans import UNRATED
from emoseq.metrics import common_length, concordance
from emoseq.model.blstm import Blstm, Classifier, Model, Regressor
from emoseq.model.experiment import ModelOptions
from emoseq.model.losses import LOSSES, l2_penalty
from emoseq.model.schedule import Schedule, TrainOptions
from emoseq.recipe.options import format_number

_FIX = "lower --learning-rate or --l2, and check the utterance's features and labels for values that are not finite"


@dataclass(frozen=True)
class Example:
    """One utterance: normalised features (frames, dimensions) and their targets.

    A classifier's training example has labels (frames,) for each task; a regressor's training example and
    every development example have a gold standard (frames,). Frames that nobody has rated are UNRATED in the labels and
    NaN in the gold standard.
    """

    utterance: str
    features: NDArray[np.float32]
    labels: Sequence[NDArray[np.int32]] = ()
    gold: NDArray[np.float32] | None = None

    @property
    def rated(self) -> NDArray[np.bool_]:
        """Frames that have a target, shape (frames,)."""
        return np.isfinite(self.gold) if self.gold is not None else np.asarray(self.labels[0]) != UNRATED

    def advance(self, frames: int) -> Example:
        """Return the example with its targets that many frames earlier."""
        gold = None if self.gold is None else advance(self.gold, frames)
        return replace(self, labels=[advance(task, frames) for task in self.labels], gold=gold)


@dataclass(frozen=True)
class Epoch:
    """Result of one epoch: mean training loss, dev CCC, and whether its parameters are the best so far."""

    epoch: int
    learning_rate: float
    loss: float
    dev_ccc: float
    best: bool

    def __str__(self) -> str:
        best = " (best)" if self.best else ""
        rate = format_number(self.learning_rate)
        return f"epoch {self.epoch} rate {rate} loss {self.loss:.4f} dev CCC {self.dev_ccc:.4f}{best}"


def format_epochs(epochs: Sequence[Epoch]) -> str:
    """Format epochs.csv, one row per epoch."""
    rows = [f"{e.epoch},{format_number(e.learning_rate)},{e.loss:.6f},{e.dev_ccc:.6f},{int(e.best)}\n" for e in epochs]
    return "epoch,learning_rate,loss,dev_ccc,best\n" + "".join(rows)


def make_examples(
    features: Mapping[str, NDArray],
    *,
    labels: Sequence[Mapping[str, NDArray]] = (),
    gold: Mapping[str, NDArray] | None = None,
) -> list[Example]:
    """Pair the features of each utterance with its targets, cut to their common length.

    Raises:
        ValueError: if an utterance has no target, or as `emoseq.metrics.common_length`
    """
    examples = []
    for utt, matrix in features.items():
        sources = [*labels, *([gold] if gold is not None else [])]
        if any(utt not in source for source in sources):
            raise ValueError(f"{utt} has features and no labels")
        targets = [source[utt] for source in sources]
        frames = common_length(len(matrix), len(targets[0]), utt, ("the features", "the gold standard"))
        targets = [target[:frames] for target in targets]
        examples.append(
            Example(utt, matrix[:frames], targets[: len(labels)], targets[-1] if gold is not None else None)
        )
    return examples


class Adam:
    """torch.optim.Adam as it is by default, through the function that it calls.

    The class imports torch's compiler for nothing, which takes as long as torch itself.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parameters = list(parameters)
        self._means, self._squares = ([torch.zeros_like(p) for p in self._parameters] for _ in range(2))
        self._steps = [torch.zeros(()) for _ in self._parameters]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move the parameters, all of which have a gradient."""
        adam(
            list(self._parameters),
            [parameter.grad for parameter in self._parameters if parameter.grad is not None],
            self._means,
            self._squares,
            [],
            self._steps,
            foreach=False,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=learning_rate,
            weight_decay=0,
            eps=1e-8,
            maximize=False,
        )


def train(
    train_set: Sequence[Example],
    dev_set: Sequence[Example],
    *,
    system: str,
    centers: Sequence[NDArray] = (),
    priors: Sequence[NDArray] = (),
    layers: int,
    l2: float,
    seed: int,
    delay: int = 0,
    model_options: ModelOptions,
    options: TrainOptions,
) -> Iterator[tuple[Epoch, Model]]:
    """Train a model with Adam, one utterance per minibatch and full back-propagation through time (paper, Sec. 4.2).

    The network sees every frame; the loss and the dev CCC are those of the rated ones. Training targets are advanced by
    the delay, and the model delays its output by as much, before its dev CCC is computed. The seed alone decides the
    initial parameters and the order of the utterances.

    Args:
        system: key of LOSSES
        centers, priors: cluster means and class priors (K,) of each task of a classifier; a regressor has none
        l2: weight of the L2 penalty
        delay: frames that ratings lag behind the speech

    Yields:
        after each epoch its result, and the model with the best parameters so far

    Raises:
        ValueError: if no frame is rated, or a loss, its gradient or a dev series is not finite, with epoch and
            utterance
    """
    torch.manual_seed(seed)
    shuffle = torch.Generator().manual_seed(seed)
    tasks = [len(means) for means in centers] or [1]
    network = Blstm(train_set[0].features.shape[1], layers, model_options.hidden_size, tasks)
    model: Model = Classifier(network, tuple(centers), tuple(priors), delay) if centers else Regressor(network, delay)
    best = copy.deepcopy(model)
    compute_loss = LOSSES[system]
    optimiser = Adam(network.parameters())
    minibatches = [
        (
            example.utterance,
            torch.from_numpy(example.features),
            [torch.from_numpy(task.astype(np.int64)) for task in example.labels]
            if centers
            else [torch.tensor(example.gold)],
            torch.from_numpy(example.rated),
        )
        for example in (example.advance(delay) for example in train_set)
        if example.rated.any()
    ]
    if not minibatches:
        raise ValueError("no frame of the training set is rated")
    dev_gold = np.concatenate([example.gold for example in dev_set if example.gold is not None])
    dev_rated = np.concatenate([example.rated for example in dev_set])

    schedule = Schedule.start(options)
    while not schedule.done:
        number, rate = schedule.epoch + 1, schedule.learning_rate
        losses = []
        for i in torch.randperm(len(minibatches), generator=shuffle).tolist():
            utterance, features, targets, rated = minibatches[i]
            outputs = network(features)
            if not rated.all():
                outputs, targets = [output[rated] for output in outputs], [target[rated] for target in targets]
            loss = compute_loss(outputs, targets)
            losses.append(loss.item())  # without the penalty, so that losses compare across --l2
            if l2:
                loss = loss + l2 * l2_penalty(network)
            if not loss.isfinite():
                raise ValueError(f"epoch {number}: {utterance}: the loss is {loss.item()}; {_FIX}")
            network.zero_grad()
            loss.backward()
            # Checked before the step: after it the loss of the next utterance would be reported.
            gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
            if not all(gradient.isfinite().all() for gradient in gradients):
                raise ValueError(f"epoch {number}: {utterance}: the gradient of the loss is not finite; {_FIX}")
            optimiser.step(rate)

        predictions = [model.predict(example.features) for example in dev_set]
        for example, prediction in zip(dev_set, predictions, strict=True):
            # The posteriors too: the argmax of NaN is a class, and its cluster mean is finite.
            if not all(np.isfinite(array).all() for array in (prediction.series, *prediction.posteriors)):
                raise ValueError(f"epoch {number}: {example.utterance}: the predicted series is not finite; {_FIX}")
        dev_series = np.concatenate([prediction.series for prediction in predictions])
        dev_ccc = concordance(dev_series[dev_rated], dev_gold[dev_rated])
        schedule = schedule.after(dev_ccc)
        if schedule.improved:
            best.network.load_state_dict(network.state_dict())
        elif schedule.go_back:
            network.load_state_dict(best.network.state_dict())
        yield Epoch(number, rate, float(np.mean(losses)), dev_ccc, schedule.improved), best
