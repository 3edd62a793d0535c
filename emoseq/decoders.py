"""The ways to turn the posteriors of all tasks into one series; each is chosen by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from numpy.typing import NDArray

from emoseq import decoding
from emoseq.durations import DurationDecoder
from emoseq.graph import Scoring, log_posteriors, state_graph
from emoseq.joint import JointDecoder, JointTask
from emoseq.labels.kmeans import Labels, average, reconstruct
from emoseq.marginals import class_posteriors, expectation
from emoseq.trials import DecoderOptions


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


def raw_mean(tasks: Mapping[str, Task]) -> Decoder:
    """No decoding: the expected cluster means of the posteriors as they are, and the most probable classes."""

    def run(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        means = [expectation(posteriors[key], task.centers)[0] for key, task in tasks.items()]
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
    graph = state_graph(task.transitions, table, scoring)

    def run(posteriors: NDArray) -> tuple[Labels, NDArray]:
        smoothed = class_posteriors(log_posteriors(posteriors, len(task.centers), scoring), graph)
        return smoothed.argmax(axis=1).astype("int32"), expectation(smoothed, task.centers)[0]

    return run


def _joint(tasks: Mapping[str, Task], order: int, scoring: Scoring) -> Decoder:
    search = JointDecoder([JointTask(t.centers, t.transitions, t.tables[order]) for t in tasks.values()], scoring)

    def run(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        labels = dict(zip(tasks, search([posteriors[key] for key in tasks]), strict=True))
        return labels, average([reconstruct(labels[key], task.centers) for key, task in tasks.items()])

    return run
