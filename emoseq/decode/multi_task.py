"""Decoding of all tasks of a model, and the average over models.

A model has a task for each resolution. In the paper each task is decoded by itself, its classes are replaced by their
cluster means, and the series are averaged over the tasks and then over the models (Sec. 4.2). `make_decoder` gives
that decoder, or one of those that go beyond the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from numpy.typing import NDArray

from emoseq.decode.decoder import Decoded, Decoder
from emoseq.decode.forward_backward import compute_class_posteriors, compute_expectation
from emoseq.decode.graph import build_graph
from emoseq.decode.joint import JointDecoder
from emoseq.decode.options import DecoderOptions
from emoseq.decode.resolution import Resolution
from emoseq.decode.score import Scoring, scale_log_posteriors
from emoseq.decode.semi_markov import DurationDecoder
from emoseq.labels.kmeans import Labels, average, average_models, reconstruct

Posteriors = Mapping[str, Mapping[str, NDArray]]  # of one model, (frames, K) by task (K4) and utterance
Utterance = Mapping[str, NDArray]  # posteriors (frames, K) by task
DecodeUtterance = Callable[[Utterance], tuple[dict[str, Labels], NDArray]]  # labels by task, series averaged over tasks
DecodeTask = Callable[[NDArray], tuple[Labels, NDArray]]  # posteriors (frames, K) to labels and series, each (frames,)


def decode_models(
    models: Sequence[Posteriors], decode: DecodeUtterance
) -> tuple[list[dict[str, dict[str, Labels]]], dict[str, NDArray]]:
    """Decode every model on its own and average the series over models.

    Returns:
        labels as [model][task][utterance], and the averaged series (frames,) of each utterance

    Raises:
        ValueError: as the decoder, with the utterance
    """
    labels: list[dict[str, dict[str, Labels]]] = [{key: {} for key in posteriors} for posteriors in models]
    series: list[dict[str, NDArray]] = [{} for _ in models]
    for model_labels, model_series, posteriors in zip(labels, series, models, strict=True):
        for utt in next(iter(posteriors.values())):
            try:
                by_task, model_series[utt] = decode({key: matrices[utt] for key, matrices in posteriors.items()})
            except ValueError as error:
                raise ValueError(f"{utt}: {error}") from None
            for key, path in by_task.items():
                model_labels[key][utt] = path
    return labels, average_models(series)


def make_decoder(resolutions: Mapping[str, Resolution], options: DecoderOptions) -> DecodeUtterance:
    """Return the decoder that `options` name, ready for any number of utterances.

    "viterbi" finds the best label sequence of each task and averages the series of their cluster means;
    "semi-markov" does so with explicit durations; "posterior-mean" averages the tasks' expected cluster
    means, and its labels are the most probable class of each frame; "joint" decodes all tasks at once.

    Raises:
        ValueError: as the decoders when they are made and, with the task, when they are called
    """
    scoring = Scoring(lm_weight=options.lm_weight, acoustic_scale=options.acoustic_scale)
    if options.decoder == "joint":
        return _make_joint(resolutions, options.order, scoring)
    make = {"viterbi": _make_viterbi, "semi-markov": _make_semi_markov, "posterior-mean": _make_posterior_mean}
    decoders = {key: make[options.decoder](each, options.order, scoring) for key, each in resolutions.items()}

    def decode_each_task(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        labels, series = {}, []
        for key, decode_task in decoders.items():
            try:
                labels[key], task_series = decode_task(posteriors[key])
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
            series.append(task_series)
        return labels, average(series)

    return decode_each_task


def make_raw_mean_decoder(resolutions: Mapping[str, Resolution]) -> DecodeUtterance:
    """Return a baseline that does not decode: expected cluster means of the raw posteriors, and their best classes."""

    def decode(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        means = [compute_expectation(posteriors[key], each.centers)[0] for key, each in resolutions.items()]
        return {key: posteriors[key].argmax(axis=1).astype("int32") for key in resolutions}, average(means)

    return decode


def _make_viterbi(resolution: Resolution, order: int, scoring: Scoring) -> DecodeTask:
    return _reconstruct_series(Decoder(resolution.transitions, resolution.tables[order], scoring), resolution)


def _make_semi_markov(resolution: Resolution, order: int, scoring: Scoring) -> DecodeTask:
    decoder = DurationDecoder(resolution.transitions, resolution.tables[order], resolution.hazards, scoring)
    return _reconstruct_series(decoder, resolution)


def _reconstruct_series(search: Callable[[NDArray], Decoded], resolution: Resolution) -> DecodeTask:
    def decode(posteriors: NDArray) -> tuple[Labels, NDArray]:
        labels = search(posteriors).labels
        return labels, reconstruct(labels, resolution.centers)

    return decode


def _make_posterior_mean(resolution: Resolution, order: int, scoring: Scoring) -> DecodeTask:
    centers = resolution.centers
    graph = build_graph(resolution.transitions, resolution.tables[order], scoring)

    def decode(posteriors: NDArray) -> tuple[Labels, NDArray]:
        smoothed = compute_class_posteriors(scale_log_posteriors(posteriors, len(centers), scoring), graph)
        return smoothed.argmax(axis=1).astype("int32"), compute_expectation(smoothed, centers)[0]

    return decode


def _make_joint(resolutions: Mapping[str, Resolution], order: int, scoring: Scoring) -> DecodeUtterance:
    search = JointDecoder(list(resolutions.values()), order, scoring)

    def decode(posteriors: Utterance) -> tuple[dict[str, Labels], NDArray]:
        labels = dict(zip(resolutions, search([posteriors[key] for key in resolutions]), strict=True))
        return labels, average([reconstruct(labels[key], each.centers) for key, each in resolutions.items()])

    return decode
