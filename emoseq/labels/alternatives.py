"""Discretisation techniques to compare with k-means (paper, Sec. 4.1).

The paper found that equal segments leave classes extremely unbalanced, and left other techniques to future work. Here
each technique is fitted to ratings and measured by how well its class means reconstruct them and how evenly it uses its
classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.labels.kmeans import Labels, cluster, quantise
from emoseq.metrics import concordance, rmse

Assign = Callable[[NDArray], Labels]


def fit_k_means(values: NDArray, num_classes: int) -> Assign:
    """Fit k-means: a rating belongs to the nearest cluster mean."""
    means = cluster(values, num_classes)
    return lambda series: quantise(series, means)


def fit_equal_width(values: NDArray, num_classes: int) -> Assign:
    """Fit segments of equal length between the smallest and the largest rating."""
    boundaries = np.linspace(values.min(), values.max(), num_classes + 1)[1:-1]
    return lambda series: np.searchsorted(boundaries, series).astype(np.int32)


def fit_quantiles(values: NDArray, num_classes: int) -> Assign:
    """Fit segments that hold equally many ratings."""
    boundaries = np.quantile(values, np.arange(1, num_classes) / num_classes)
    return lambda series: np.searchsorted(boundaries, series).astype(np.int32)


def fit_gaussian_mixture(values: NDArray, num_classes: int) -> Assign:
    """Fit a Gaussian mixture: a rating belongs to the most probable component; components are sorted by their means."""
    from sklearn.mixture import GaussianMixture  # a second to import

    mixture = GaussianMixture(num_classes, random_state=0, max_iter=500).fit(values[:, None])
    rank = np.empty(num_classes, np.int32)
    rank[np.argsort(mixture.means_[:, 0])] = np.arange(num_classes)
    return lambda series: rank[mixture.predict(np.asarray(series, dtype=np.float64)[:, None])]


DISCRETISATIONS: dict[str, Callable[[NDArray, int], Assign]] = {
    "k-means": fit_k_means,
    "equal-width": fit_equal_width,
    "quantiles": fit_quantiles,
    "gaussian-mixture": fit_gaussian_mixture,
}


@dataclass(frozen=True)
class Discretised:
    """One series of ratings in K classes.

    `rebuilt` has each rating replaced by the mean of its class, `ccc` and `rmse` compare it with the ratings. `entropy`
    is the entropy of the classes in bits, at most log2 K; `smallest` and `largest` are the shares of the rarest and the
    most frequent class.
    """

    rebuilt: NDArray[np.float64]
    ccc: float
    rmse: float
    entropy: float
    smallest: float
    largest: float


def discretise(ratings: ArrayLike, technique: str, num_classes: int) -> Discretised:
    """Fit a technique to pooled ratings and reconstruct them.

    Args:
        ratings: shape (frames,)
        technique: a key of `DISCRETISATIONS`
        num_classes: K

    Raises:
        ValueError: if there are fewer than K distinct ratings
    """
    values = np.asarray(ratings, dtype=np.float64)
    labels = DISCRETISATIONS[technique](values, num_classes)(values)
    counts = np.bincount(labels, minlength=num_classes)
    sums = np.bincount(labels, weights=values, minlength=num_classes)
    rebuilt = np.divide(sums, counts, out=np.zeros(num_classes), where=counts > 0)[labels]
    shares = counts / len(values)
    entropy = -sum(share * np.log2(share) for share in shares if share > 0)
    return Discretised(
        rebuilt, concordance(rebuilt, values), rmse(rebuilt, values), float(entropy), shares.min(), shares.max()
    )
