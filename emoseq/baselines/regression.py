"""Linear regression of ratings that lag the speech, and the search for its settings on the dev set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from emoseq.baselines.options import Choice
from emoseq.labels.delay import delay
from emoseq.metrics import common_length, concordance

T = TypeVar("T")
U = TypeVar("U")

Series = Mapping[str, NDArray]  # an array of each utterance


@dataclass(frozen=True)
class Linear:
    """A linear map of the features of `delay` frames ago."""

    weights: NDArray[np.float64]  # (dimensions,)
    intercept: float
    delay: int

    def __call__(self, features: NDArray) -> NDArray[np.float64]:
        """Predict the series (frames,) from features (frames, dimensions)."""
        return delay(features @ self.weights.astype(features.dtype) + self.intercept, self.delay)


def fit_svr(features: NDArray, ratings: NDArray, complexity: float) -> tuple[NDArray, float]:
    """Fit weights (dimensions,) and intercept of a linear SVR with squared loss, solved in its primal form."""
    from sklearn.svm import LinearSVR

    svr = LinearSVR(C=complexity, loss="squared_epsilon_insensitive", dual=False, max_iter=5000, random_state=0)
    svr.fit(features, ratings)
    return svr.coef_.astype(np.float64), float(np.ravel(svr.intercept_)[0])


def fit_ridge(features: NDArray, ratings: NDArray, penalty: float) -> tuple[NDArray, float]:
    """Fit weights (dimensions,) and intercept by ridge regression; the penalty is per frame."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=penalty * len(ratings), solver="cholesky").fit(features, ratings)
    return model.coef_.astype(np.float64), float(model.intercept_)


def align_to_delay(features: Series, ratings: Series, *, delay: int, every: int) -> tuple[NDArray, NDArray]:
    """Pair the features of every n-th frame with the ratings `delay` frames later, over all rated frames.

    Args:
        features, ratings: (frames, dimensions) and (frames,) of each utterance of `ratings`
        delay: frames
        every: n

    Returns:
        shapes (examples, dimensions) and (examples,)

    Raises:
        ValueError: if an utterance has no features, no frame is left, or as `emoseq.metrics.common_length`
    """
    inputs, targets = [], []
    for matrix, series in _pair_with_ratings(features, ratings):
        later = series[delay::every]
        inputs.append(matrix[: max(0, len(matrix) - delay) : every][~np.isnan(later)])
        targets.append(later[~np.isnan(later)])
    if not sum(map(len, targets)):
        raise ValueError(f"no utterance has a rating after the delay of {delay} frames")
    return np.concatenate(inputs), np.concatenate(targets)


def score_on_dev(linear: Linear, features: Series, ratings: Series) -> float:
    """Return the CCC over all rated frames of the utterances of `ratings`."""
    pairs = [(linear(matrix), series) for matrix, series in _pair_with_ratings(features, ratings)]
    predicted, true = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return concordance(predicted[~np.isnan(true)], true[~np.isnan(true)])


@dataclass(frozen=True)
class Sets(Generic[T]):
    """Input and ratings (frames,) of each utterance: train to learn from, dev to choose by; frame shift in seconds."""

    train: Mapping[str, T]
    train_ratings: Series
    dev: Mapping[str, T]
    dev_ratings: Series
    frame_shift: float

    def map(self, function: Callable[[T], U]) -> Sets[U]:
        """Return the sets with a function applied to the input of each utterance."""
        train, dev = ({utt: function(item) for utt, item in group.items()} for group in (self.train, self.dev))
        return Sets(train, self.train_ratings, dev, self.dev_ratings, self.frame_shift)


def search(
    kinds: Iterable[tuple[str, Sets[NDArray]]],
    fit: Callable[[NDArray, NDArray, float], tuple[NDArray, float]],
    *,
    strengths: Sequence[float],
    delays: Sequence[int],
    every: int,
) -> tuple[str, Linear, list[Choice]]:
    """Search the kind of features, delay and strength of regularisation with the highest dev CCC.

    Kinds and delays are searched at the middle strength of the list, then strengths at the best kind and delay.

    Args:
        kinds: name and features (frames, dimensions) of each kind
        fit: returns weights and intercept for features, ratings and a strength
        strengths: of the regularisation, in the unit of `fit`
        delays: in frames
        every: train on every n-th frame

    Returns:
        name of the best kind, its regression, and the dev CCC of all that was compared

    Raises:
        ValueError: as `align_to_delay`
    """
    choices: list[Choice] = []

    def attempt(
        name: str, sets: Sets[NDArray], delay: int, strength: float
    ) -> tuple[float, str, Linear, Sets[NDArray]]:
        examples = align_to_delay(sets.train, sets.train_ratings, delay=delay, every=every)
        linear = Linear(*fit(*examples, strength), delay)
        ccc = score_on_dev(linear, sets.dev, sets.dev_ratings)
        seconds = delay * sets.frame_shift
        choices.append(Choice(("regression", f"{name}; delay {seconds:g} s; strength {strength:g}"), ccc))
        return ccc, name, linear, sets

    middle = len(strengths) // 2
    best = max(
        (attempt(name, sets, delay, strengths[middle]) for name, sets in kinds for delay in delays),
        key=lambda result: result[0],
    )
    _, name, linear, sets = best
    others = [attempt(name, sets, linear.delay, s) for i, s in enumerate(strengths) if i != middle]
    _, name, linear, _ = max([best, *others], key=lambda result: result[0])
    return name, linear, choices


def _pair_with_ratings(features: Series, ratings: Series) -> Iterator[tuple[NDArray, NDArray]]:
    for utt, series in ratings.items():
        if utt not in features:
            raise ValueError(f"{utt} has a gold standard and no features")
        frames = common_length(len(features[utt]), len(series), utt, ("the features", "the gold standard"))
        yield features[utt][:frames], series[:frames]
