"""Search of the raters' delay by a linear probe: ridge regression from pooled filterbanks to advanced ratings.

Neither the paper nor its network knows of a delay; linear systems of the AVEC challenges search it (Valstar et al.
2016). For each delay the probe is fitted on train and judged on dev.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from emoseq.features.windows import pool_moments
from emoseq.labels.delay import advance, delay
from emoseq.metrics import common_length, concordance
from emoseq.recipe.trial import Trial

Arrays = Mapping[str, NDArray]  # by utterance

WINDOW = 4.0  # seconds that are pooled around each frame
PENALTY = 0.01  # of the regression, per frame and standardised feature
STEP = 0.2  # seconds between the delays that are tried,
LONGEST = 6.0  # and the last of them


def list_delays(frame_shift: float) -> list[int]:
    """List the delays that are tried, in frames."""
    return sorted({round(i * STEP / frame_shift) for i in range(round(LONGEST / STEP) + 1)})


def probe_delays(features: Sequence[Arrays], ratings: Sequence[Arrays], frame_shift: float) -> list[Trial[int]]:
    """Score the delays of `list_delays` by the dev CCC of a linear probe.

    Mean and standard deviation of each feature within WINDOW predict the rating by ridge regression. Ratings of train
    are advanced by the delay, predictions on dev delayed by it. Of train every frame at a distance of STEP is used.

    Args:
        features: of train and of dev, (frames, dimensions) by utterance
        ratings: of train and of dev, (frames,) by utterance, NaN where unrated
        frame_shift: seconds

    Returns:
        the delays in frames, each with its dev CCC

    Raises:
        ValueError: if an utterance of the ratings has no features, nothing is rated, or as
            `emoseq.metrics.common_length`
    """
    train, dev = (list(_pool(*pair, frame_shift)) for pair in zip(features, ratings, strict=True))
    every = max(1, round(STEP / frame_shift))
    inputs = np.concatenate([matrix[::every] for matrix, _ in train])
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    deviation[deviation == 0] = 1
    inputs = (inputs - mean) / deviation
    dev_inputs = [(matrix - mean) / deviation for matrix, _ in dev]
    gold = np.concatenate([series for _, series in dev])
    trials = []
    for frames in list_delays(frame_shift):
        targets = np.concatenate([advance(series, frames)[::every] for _, series in train])
        slope, intercept = _fit_ridge(inputs[np.isfinite(targets)], targets[np.isfinite(targets)])
        predicted = np.concatenate([delay(matrix @ slope + intercept, frames) for matrix in dev_inputs])
        trials.append(Trial(frames, concordance(predicted[np.isfinite(gold)], gold[np.isfinite(gold)])))
    return trials


def _pool(features: Arrays, ratings: Arrays, frame_shift: float) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield the pooled features (frames, 2 * dimensions) and the ratings (frames,) of each utterance."""
    for utt, series in ratings.items():
        if utt not in features:
            raise ValueError(f"{utt} has a gold standard and no features")
        frames = common_length(len(features[utt]), len(series), utt, ("the features", "the gold standard"))
        mean, deviation, _ = pool_moments(features[utt][:frames], WINDOW, frame_shift=frame_shift)
        yield np.concatenate([mean, deviation], axis=1), series[:frames]


def _fit_ridge(inputs: NDArray, targets: NDArray) -> tuple[NDArray, float]:
    """Fit slopes and intercept; inputs are nearly standardised, the penalty is per example."""
    if not len(targets):
        raise ValueError("no frame of the training set is rated")
    centre, level = inputs.mean(axis=0), targets.mean()
    centred = inputs - centre
    penalty = PENALTY * len(targets) * np.eye(inputs.shape[1])
    slope = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (targets - level))
    return slope, float(level - centre @ slope)
