"""Choosing on the development set, and averaging tasks and models into one series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from numpy.typing import NDArray

from emoseq.archive import Scp, read_centers, read_matrix
from emoseq.decoding import decode, state_graph
from emoseq.labels import Labels, average, reconstruct
from emoseq.metrics import ccc_and_rmse
from emoseq.ngram import tabulate

Posteriors = Mapping[str, Mapping[str, NDArray]]  # of one model, by task (K4) and utterance


@dataclass(frozen=True)
class Task:
    """What decodes one resolution: cluster means (K,), transitions (K, K), an LM table per order."""

    centers: NDArray
    transitions: NDArray
    tables: Mapping[int, NDArray]


@dataclass(frozen=True)
class Trial:
    """One row of a sweep over the dev set."""

    order: int
    weight: float
    ccc: float
    rmse: float


def average_models(series: Sequence[Mapping[str, NDArray]]) -> dict[str, NDArray]:
    """Mean over models of the series of each utterance."""
    return {utt: average([model[utt] for model in series]) for utt in series[0]}


def decode_models(
    models: Sequence[Posteriors], tasks: Mapping[str, Task], *, order: int, lm_weight: float
) -> tuple[list[dict[str, dict[str, Labels]]], dict[str, NDArray]]:
    """Decode every model and task on its own; average the series over tasks, then over models.

    Returns:
        labels as [model][task][utterance], and the averaged series (frames,) of each utterance

    Raises:
        ValueError: as `emoseq.decoding.decode`, with the task and the utterance
    """
    labels: list[dict[str, dict[str, Labels]]] = [{key: {} for key in tasks} for _ in models]
    for key, task in tasks.items():
        graph = state_graph(task.transitions, task.tables[order], lm_weight=lm_weight)
        for found, posteriors in zip(labels, models, strict=True):
            for utt, matrix in posteriors[key].items():
                try:
                    best = decode(matrix, task.transitions, task.tables[order], lm_weight=lm_weight, graph=graph)
                except ValueError as error:
                    raise ValueError(f"{key}: {utt}: {error}") from None
                found[key][utt] = best.labels
    series = [
        {
            utt: average([reconstruct(found[key][utt], task.centers) for key, task in tasks.items()])
            for utt in next(iter(found.values()))
        }
        for found in labels
    ]
    return labels, average_models(series)


def sweep(
    models: Sequence[Posteriors],
    tasks: Mapping[str, Task],
    gold: Mapping[str, NDArray],
    lm_weights: Sequence[float],
) -> list[Trial]:
    """Score every n-gram order and LM weight on the dev set, in that order.

    Raises:
        ValueError: as `decode_models`
    """
    orders = list(next(iter(tasks.values())).tables)
    trials = []
    for order, weight in product(orders, lm_weights):
        _, series = decode_models(models, tasks, order=order, lm_weight=weight)
        trials.append(Trial(order, weight, *ccc_and_rmse(series, gold)))
    return trials


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The highest dev CCC; of equals the first, which is the smaller model and the lower weight."""
    return max(trials, key=lambda trial: trial.ccc)


def read_tasks(folder: Path, orders: Sequence[int]) -> dict[str, Task]:
    """The tasks of a dimension's folder, from its labels/ and lm/.

    Raises:
        DataError: if a file is missing or malformed
    """
    lm = folder / "lm"
    return {
        key: Task(
            centers,
            read_matrix(lm / f"{key}.trans"),
            {order: tabulate(lm / f"{key}.{order}gram.arpa", len(centers)) for order in orders},
        )
        for key, centers in read_centers(folder / "labels" / "centers").items()
    }


def read_posteriors(model: Path, name: str, tasks: Iterable[str]) -> dict[str, dict[str, NDArray]]:
    """Posteriors of one set from a model's folder, by task and utterance.

    Raises:
        DataError: if a file is missing or malformed
    """
    return {key: dict(Scp(model / f"posteriors_{name}.{key}.scp")) for key in tasks}
