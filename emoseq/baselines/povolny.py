"""Povolny et al. (2016): ridge regression on eGeMAPS and bottleneck features with temporal context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from emoseq.baselines.bottleneck import Bottleneck, train_bottleneck
from emoseq.baselines.options import BaselineOptions, Choice, PovolnyOptions
from emoseq.baselines.recording import Recording
from emoseq.baselines.regression import Linear, Series, Sets, fit_ridge, search
from emoseq.features.egemaps import compute_functionals
from emoseq.features.windows import list_offsets, normalise, pool_moments, stack_context
from emoseq.metrics import common_length

NUM_CLASSES = 10  # of the bottleneck's classifier: the finest of the paper's resolutions

Classes = tuple[Series, Series]  # class of each frame of train and of dev


@dataclass(frozen=True)
class Context:
    """Front end: means of eGeMAPS and of bottleneck features over `step` seconds, at times around each frame.

    The times are `step` seconds apart and reach `reach` seconds to either side.
    """

    reach: float
    step: float
    bottleneck: Bottleneck

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        """Compute features (frames, times * dimensions)."""
        egemaps = compute_step_functionals(recording, self.step)
        means, _, _ = pool_moments(self.bottleneck(recording.log_mel), self.step, frame_shift=recording.frame_shift)
        frames = min(len(egemaps), len(means))
        both = np.concatenate([egemaps[:frames], normalise(means)[:frames]], axis=1)
        return stack_context(both, list_offsets(self.reach, self.step, frame_shift=recording.frame_shift))


def compute_step_functionals(recording: Recording, step: float) -> NDArray[np.float32]:
    """Compute normalised functionals of eGeMAPS in windows of `step` seconds, shape (frames, 51)."""
    return normalise(compute_functionals(recording.descriptors, step, frame_shift=recording.frame_shift))


def train_povolny(
    recordings: Sets[Recording], shared: BaselineOptions, options: PovolnyOptions, classes: Classes
) -> tuple[Context, Linear, list[Choice]]:
    """Choose reach and delay with eGeMAPS alone, train the bottleneck at this delay, then choose the penalty.

    The delay comes first because the bottleneck's classes are labels, which lag the speech as ratings do.
    """
    step = options.context_step
    egemaps = recordings.map(lambda recording: compute_step_functionals(recording, step))
    reaches = {f"eGeMAPS; context {reach:g} s": reach for reach in options.context_reaches}
    name, linear, choices = search(
        (
            (
                name,
                egemaps.map(
                    partial(stack_context, offsets=list_offsets(reach, step, frame_shift=recordings.frame_shift))
                ),
            )
            for name, reach in reaches.items()
        ),
        fit_ridge,
        strengths=options.ridge_penalties,
        delays=shared.list_delays(recordings.frame_shift),
        every=shared.train_frames,
    )
    train, dev = (
        _pair_with_classes(group, labels, linear.delay)
        for group, labels in zip((recordings.train, recordings.dev), classes, strict=True)
    )
    bottleneck, epochs = train_bottleneck(train, dev, num_classes=NUM_CLASSES, options=options)
    front = Context(reaches[name], step, bottleneck)
    _, linear, more = search(
        [(f"{name}; bottleneck", recordings.map(front))],
        fit_ridge,
        strengths=options.ridge_penalties,
        delays=[linear.delay],
        every=shared.train_frames,
    )
    return front, linear, [*choices, *epochs, *more]


def _pair_with_classes(
    recordings: Mapping[str, Recording], classes: Series, delay: int
) -> list[tuple[NDArray, NDArray]]:
    """Pair the log-mel of each utterance with its classes `delay` frames later."""
    pairs = []
    for utt, labels in classes.items():
        if utt not in recordings:
            raise ValueError(f"{utt} has labels and no features")
        log_mel = recordings[utt].log_mel
        frames = common_length(len(log_mel), len(labels), utt, ("the features", "the labels"))
        if frames > delay:
            pairs.append((log_mel[: frames - delay], labels[delay:frames]))
    return pairs
