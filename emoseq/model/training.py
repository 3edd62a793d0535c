"""Training one model: the paper's losses (Secs. 4.2 and 4.4) and two-stage schedule."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from emoseq.metrics import common_length, concordance
from emoseq.model.blstm import Blstm, Classifier, Model, Regressor
from emoseq.model.experiment import ModelOptions
from emoseq.model.losses import LOSSES, l2_penalty
from emoseq.model.schedule import Schedule, TrainOptions
from emoseq.recipe.options import format_number


@dataclass(frozen=True)
class Example:
    """One utterance: normalised features (frames, dimensions) and what they are trained on or judged by.

    A classifier's training example has labels (frames,) for each task, a regressor's and any development
    example a gold standard (frames,).
    """

    features: NDArray[np.float32]
    labels: Sequence[NDArray[np.int32]] = ()
    gold: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Epoch:
    """What became of one epoch: mean training loss, dev CCC, and whether its parameters are the best so far."""

    epoch: int
    learning_rate: float
    loss: float
    dev_ccc: float
    best: bool

    def __str__(self) -> str:
        best = " (best)" if self.best else ""
        rate = format_number(self.learning_rate)
        return f"epoch {self.epoch} rate {rate} loss {self.loss:.4f} dev CCC {self.dev_ccc:.4f}{best}"


def make_examples(
    features: Mapping[str, NDArray],
    *,
    labels: Sequence[Mapping[str, NDArray]] = (),
    gold: Mapping[str, NDArray] | None = None,
) -> list[Example]:
    """Examples of all utterances, each cut to the length that its features and targets share.

    Raises:
        ValueError: if an utterance has no target, or as `emoseq.metrics.common_length`
    """
    made = []
    for utt, matrix in features.items():
        sources = [*labels, *([gold] if gold is not None else [])]
        if any(utt not in source for source in sources):
            raise ValueError(f"{utt} has features and no labels")
        targets = [source[utt] for source in sources]
        frames = common_length(len(matrix), len(targets[0]), utt, ("the features", "the gold standard"))
        targets = [target[:frames] for target in targets]
        made.append(Example(matrix[:frames], targets[: len(labels)], targets[-1] if gold is not None else None))
    return made


def format_epochs(epochs: Sequence[Epoch]) -> str:
    """epochs.csv: one row an epoch."""
    rows = [f"{e.epoch},{format_number(e.learning_rate)},{e.loss:.6f},{e.dev_ccc:.6f},{int(e.best)}\n" for e in epochs]
    return "epoch,learning_rate,loss,dev_ccc,best\n" + "".join(rows)


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
    model_options: ModelOptions,
    options: TrainOptions,
) -> Iterator[tuple[Epoch, Model]]:
    """Train a model with Adam, one utterance a minibatch, full back-propagation through time.

    `system` names the loss; a classifier has `centers` and `priors` of each task, a regressor has none.
    Yields after every epoch what became of it and the model with the best parameters so far. The
    order of the utterances and the first parameters follow from the seed alone.
    """
    torch.manual_seed(seed)
    shuffle = torch.Generator().manual_seed(seed)
    tasks = [len(means) for means in centers] or [1]
    network = Blstm(train_set[0].features.shape[1], layers, model_options.hidden_size, tasks)
    model: Model = Classifier(network, tuple(centers), tuple(priors)) if centers else Regressor(network)
    loss_of = LOSSES[system]
    best = copy.deepcopy(model)
    optimiser = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    batches = [
        (
            torch.from_numpy(example.features),
            [torch.from_numpy(task.astype(np.int64)) for task in example.labels]
            if centers
            else [torch.from_numpy(example.gold)],
        )
        for example in train_set
    ]
    dev_gold = np.concatenate([example.gold for example in dev_set if example.gold is not None])

    schedule = Schedule.start(options)
    while not schedule.done:
        for group in optimiser.param_groups:
            group["lr"] = schedule.learning_rate
        losses = []
        for i in torch.randperm(len(batches), generator=shuffle).tolist():
            features, targets = batches[i]
            loss = loss_of(network(features), targets)
            losses.append(loss.item())
            if l2:
                loss = loss + l2 * l2_penalty(network)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

        dev_series = [model.predict(example.features).series for example in dev_set]
        dev_ccc = concordance(np.concatenate(dev_series), dev_gold)
        rate = schedule.learning_rate
        schedule = schedule.after(dev_ccc)
        if schedule.improved:
            best.network.load_state_dict(network.state_dict())
        elif schedule.go_back:
            network.load_state_dict(best.network.state_dict())
        yield Epoch(schedule.epoch, rate, float(np.mean(losses)), dev_ccc, schedule.improved), best
