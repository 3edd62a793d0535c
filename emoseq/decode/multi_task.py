"""Choosing on the development set, and averaging models into one series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import NDArray

from emoseq.decode import decoder as decoding
from emoseq.decode.forward_backward import compute_class_posteriors, compute_expectation
from emoseq.decode.graph import build_graph
from emoseq.decode.joint import JointDecoder, JointTask
from emoseq.decode.options import DecoderOptions
from emoseq.decode.score import Scoring, scale_log_posteriors
from emoseq.decode.semi_markov import DurationDecoder
from emoseq.labels.kmeans import Labels, average, reconstruct

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


@dataclass(frozen=True)
class Task:
    """What decodes one resolution: cluster means (K,), transitions (K, K), an LM table per order, hazards (K, ages)."""

    centers: NDArray
    transitions: NDArray
    tables: Mapping[int, NDArray]
    hazards: NDArray


Utterance = Mapping[str, NDArray]  # posteriors (frames, K) by task


Decoder = Callable[[Utterance], tuple[dict[str, Labels], NDArray]]  # labels by task, series averaged over tasks


def make_decoder(tasks: Mapping[str, Task], options: DecoderOptions) -> Decoder:
    """The decoder that `options` name, ready for any number of utterances.

    "viterbi" finds the best label sequence of each task and averages the series of their cluster means;
    "semi-markov" does so with explicit durations; "posterior-mean" averages the tasks' expected cluster
    means, and its labels are the most probable class of each frame; "joint" decodes all tasks at once.

    Raises:
        ValueError: as the decoders when they are made and, with the task, when they are called
    """
    scoring = Scoring(lm_weight=options.lm_weight, acoustic_scale=options.acoustic_scale)
    if options.decoder == "joint":
        return _joint(tasks, options.order, scoring)
    make = {"viterbi": _viterbi, "semi-markov": _semi_markov, "posterior-mean": _posterior_mean}[options.decoder]
    decoders = {key: make(task, task.tables[options.order], scoring) for key, task in tasks.items()}

    def each_task(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        labels, series = {}, []
        for key, run in decoders.items():
            try:
                labels[key], of_task = run(posteriors[key])
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
            series.append(of_task)
        return labels, average(series)

    return each_task


def make_raw_mean_decoder(tasks: Mapping[str, Task]) -> Decoder:
    """No decoding: the expected cluster means of the posteriors as they are, and the most probable classes."""

    def run(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        means = [compute_expectation(posteriors[key], task.centers)[0] for key, task in tasks.items()]
        return {key: posteriors[key].argmax(axis=1).astype("int32") for key in tasks}, average(means)

    return run


OneTask = Callable[[NDArray], tuple[Labels, NDArray]]


def _viterbi(task: Task, table: NDArray, scoring: Scoring) -> OneTask:
    return _rebuilt(decoding.Decoder(task.transitions, table, scoring), task)


def _semi_markov(task: Task, table: NDArray, scoring: Scoring) -> OneTask:
    return _rebuilt(DurationDecoder(task.transitions, table, task.hazards, scoring), task)


def _rebuilt(search: Callable[[NDArray], decoding.Decoded], task: Task) -> OneTask:
    def run(posteriors: NDArray) -> tuple[Labels, NDArray]:
        labels = search(posteriors).labels
        return labels, reconstruct(labels, task.centers)

    return run


def _posterior_mean(task: Task, table: NDArray, scoring: Scoring) -> OneTask:
    graph = build_graph(task.transitions, table, scoring)

    def run(posteriors: NDArray) -> tuple[Labels, NDArray]:
        smoothed = compute_class_posteriors(scale_log_posteriors(posteriors, len(task.centers), scoring), graph)
        return smoothed.argmax(axis=1).astype("int32"), compute_expectation(smoothed, task.centers)[0]

    return run


def _joint(tasks: Mapping[str, Task], order: int, scoring: Scoring) -> Decoder:
    search = JointDecoder([JointTask(t.centers, t.transitions, t.tables[order]) for t in tasks.values()], scoring)

    def run(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        labels = dict(zip(tasks, search([posteriors[key] for key in tasks]), strict=True))
        return labels, average([reconstruct(labels[key], task.centers) for key, task in tasks.items()])

    return run
