"""Linear regression from features to a rating that lags them, and the search for its settings on the dev set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from emoseq.baselines.options import Choice
from emoseq.features.fbank import FRAME_SHIFT
from emoseq.features.windows import delay
from emoseq.metrics import common_length, concordance

T = TypeVar("T")


U = TypeVar("U")


Series = Mapping[str, NDArray]


@dataclass(frozen=True)
class Linear:
    """A linear map of the features of `delay` frames ago."""

    weights: NDArray[np.float64]  # (dimensions,)
    intercept: float
    delay: int

    def __call__(self, features: NDArray) -> NDArray[np.float64]:
        """The series (frames,) for features (frames, dimensions)."""
        return delay(features @ self.weights.astype(features.dtype) + self.intercept, self.delay)


def fit_svr(features: NDArray, ratings: NDArray, complexity: float) -> tuple[NDArray, float]:
    """Weights (dimensions,) and intercept of a linear SVR with squared loss, solved in its primal form."""
    from sklearn.svm import LinearSVR

    svr = LinearSVR(C=complexity, loss="squared_epsilon_insensitive", dual=False, max_iter=5000, random_state=0)
    svr.fit(features, ratings)
    return svr.coef_.astype(np.float64), float(np.ravel(svr.intercept_)[0])


def fit_ridge(features: NDArray, ratings: NDArray, penalty: float) -> tuple[NDArray, float]:
    """Weights (dimensions,) and intercept of least squares with a penalty on squared weights, a frame's worth each."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=penalty * len(ratings), solver="cholesky").fit(features, ratings)
    return model.coef_.astype(np.float64), float(model.intercept_)


def align_to_delay(features: Series, ratings: Series, *, delay: int, every: int) -> tuple[NDArray, NDArray]:
    """Features, and what raters say of them `delay` frames later, of every n-th frame of all utterances.

    Args:
        features, ratings: (frames, dimensions) and (frames,) of each utterance of `ratings`
        delay: frames
        every: n

    Returns:
        shapes (examples, dimensions) and (examples,)

    Raises:
        ValueError: if an utterance has no features, or as `emoseq.metrics.common_length`, or no frame is left
    """
    inputs, targets = [], []
    for matrix, series in _aligned(features, ratings):
        inputs.append(matrix[: max(0, len(matrix) - delay) : every])
        targets.append(series[delay::every])
    if not sum(map(len, targets)):
        raise ValueError(f"no utterance is longer than the delay of {delay} frames")
    return np.concatenate(inputs), np.concatenate(targets)


def score_on_dev(linear: Linear, features: Series, ratings: Series) -> float:
    """CCC over all frames of the utterances of `ratings`."""
    pairs = [(linear(matrix), series) for matrix, series in _aligned(features, ratings)]
    return concordance(*(np.concatenate(side) for side in zip(*pairs, strict=True)))


@dataclass(frozen=True)
class Sets(Generic[T]):
    """What is known of each utterance, and its ratings (frames,): what a system learns, and what it is chosen by."""

    train: Mapping[str, T]
    train_ratings: Series
    dev: Mapping[str, T]
    dev_ratings: Series

    def map(self, function: Callable[[T], U]) -> Sets[U]:
        """The same with what a function makes of each utterance."""
        train, dev = ({utt: function(known) for utt, known in group.items()} for group in (self.train, self.dev))
        return Sets(train, self.train_ratings, dev, self.dev_ratings)


_Attempt = tuple[float, str, Linear, Sets[NDArray]]  # its dev CCC first


def search(
    kinds: Iterable[tuple[str, Sets[NDArray]]],
    fit: Callable[[NDArray, NDArray, float], tuple[NDArray, float]],
    *,
    strengths: Sequence[float],
    delays: Sequence[int],
    every: int,
) -> tuple[str, Linear, list[Choice]]:
    """The kind of features, delay and strength of regularisation with the highest dev CCC.

    Kinds and delays are searched at the strength in the middle of the list, then strengths at the best of them.

    Args:
        kinds: name and features (frames, dimensions) of each kind
        fit: weights and intercept for features, ratings and a strength
        strengths: of regularisation
        delays: in frames
        every: train on every n-th frame

    Returns:
        name of the kind, its regression, and all that was compared

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
        seconds = delay * FRAME_SHIFT
        choices.append(Choice("regression", f"{name}; delay {seconds:g} s; strength {strength:g}", ccc))
        return ccc, name, linear, sets

    middle = len(strengths) // 2
    best = max(
        (attempt(name, sets, delay, strengths[middle]) for name, sets in kinds for delay in delays),
        key=lambda found: found[0],
    )
    _, name, linear, sets = best
    others = [attempt(name, sets, linear.delay, s) for i, s in enumerate(strengths) if i != middle]
    _, name, linear, _ = max([best, *others], key=lambda found: found[0])
    return name, linear, choices


def _aligned(features: Series, ratings: Series) -> Iterator[tuple[NDArray, NDArray]]:
    for utt, series in ratings.items():
        if utt not in features:
            raise ValueError(f"{utt} has a gold standard and no features")
        frames = common_length(len(features[utt]), len(series), utt, ("the features", "the gold standard"))
        yield features[utt][:frames], series[:frames]
