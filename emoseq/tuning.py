"""Choosing on the development set, and averaging models into one series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from numpy.typing import NDArray

from emoseq.decoders import Decoder, Task, make_decoder
from emoseq.io.archive import Scp
from emoseq.labels.kmeans import Labels, average, read_centers
from emoseq.lm.regions import read_hazards, read_transitions
from emoseq.lm.table import tabulate
from emoseq.metrics import ccc_and_rmse
from emoseq.trials import DecoderOptions, Trial, best_trial

Posteriors = Mapping[str, Mapping[str, NDArray]]  # of one model, by task (K4) and utterance


def average_models(series: Sequence[Mapping[str, NDArray]]) -> dict[str, NDArray]:
    """Mean over models of the series of each utterance."""
    return {utt: average([model[utt] for model in series]) for utt in series[0]}


def decode_models(
    models: Sequence[Posteriors], decode: Decoder
) -> tuple[list[dict[str, dict[str, Labels]]], dict[str, NDArray]]:
    """Decode every model on its own and average the series over models.

    Returns:
        labels as [model][task][utterance], and the averaged series (frames,) of each utterance

    Raises:
        ValueError: as the decoder, with the utterance
    """
    labels: list[dict[str, dict[str, Labels]]] = [{key: {} for key in posteriors} for posteriors in models]
    series: list[dict[str, NDArray]] = [{} for _ in models]
    for found, averaged, posteriors in zip(labels, series, models, strict=True):
        for utt in next(iter(posteriors.values())):
            try:
                by_task, averaged[utt] = decode({key: matrices[utt] for key, matrices in posteriors.items()})
            except ValueError as error:
                raise ValueError(f"{utt}: {error}") from None
            for key, path in by_task.items():
                found[key][utt] = path
    return labels, average_models(series)


def sweep(
    models: Sequence[Posteriors],
    tasks: Mapping[str, Task],
    gold: Mapping[str, NDArray],
    settings: Sequence[DecoderOptions],
) -> list[Trial]:
    """Score every setting on the dev set.

    Raises:
        ValueError: as `decode_models` and `emoseq.decoders.make_decoder`
    """
    trials = []
    for options in settings:
        _, series = decode_models(models, make_decoder(tasks, options))
        trials.append(Trial(options, *ccc_and_rmse(series, gold)))
    return trials


def tune(
    models: Mapping[str, Sequence[Posteriors]],
    tasks: Mapping[str, Task],
    gold: Mapping[str, Mapping[str, NDArray]],
    settings: Sequence[DecoderOptions],
) -> tuple[DecoderOptions, dict[str, tuple[float, float]]]:
    """The setting of the highest dev CCC, and the CCC and RMSE that it has on each set.

    Args:
        models: posteriors of each model by set, one of which is "dev"
        tasks: what decodes them
        gold: gold standard by set and utterance
        settings: candidates

    Raises:
        ValueError: as `sweep`
    """
    best = best_trial(sweep(models["dev"], tasks, gold["dev"], settings)).options
    decode = make_decoder(tasks, best)
    return best, {name: ccc_and_rmse(decode_models(models[name], decode)[1], gold[name]) for name in gold}


def read_tasks(folder: Path, orders: Iterable[int]) -> dict[str, Task]:
    """The tasks of a dimension's folder, from its labels/ and lm/.

    Raises:
        DataError: if a file is missing or malformed
    """
    lm = folder / "lm"
    return {
        key: Task(
            centers,
            read_transitions(lm / f"{key}.trans"),
            {order: tabulate(lm / f"{key}.{order}gram.arpa", len(centers)) for order in orders},
            read_hazards(lm / f"{key}.hazards", len(centers)),
        )
        for key, centers in read_centers(folder / "labels" / "centers").items()
    }


def read_posteriors(model: Path, name: str, tasks: Iterable[str]) -> dict[str, dict[str, NDArray]]:
    """Posteriors of one set from a model's folder, by task and utterance.

    Raises:
        DataError: if a file is missing or malformed
    """
    return {key: dict(Scp(model / f"posteriors_{name}.{key}.scp")) for key in tasks}
