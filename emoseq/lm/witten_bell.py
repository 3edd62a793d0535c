"""Interpolated Witten-Bell estimates of n-grams over regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emoseq.lm.table import check_table

SMOOTHINGS = ("witten-bell",)


def witten_bell(sequences: Sequence[Sequence[int]], num_classes: int, order: int) -> list[NDArray[np.float64]]:
    """Return interpolated Witten-Bell estimates in which no region follows itself.

    With h a history and h' the same without its first region, c counts, T(h) the number of distinct
    successors of h, and every estimate given a history renormalised over what may follow its last
    region: P(w | h) = (c(h w) + T(h) P(w | h')) / (c(h) + T(h)). The recursion ends in 1 / (K + 1).
    (Chen and Goodman 1999, Sec. 2.5.)

    Args:
        sequences: collapsed region sequences, one per utterance
        num_classes: K
        order: n, 1 or above

    Returns:
        for each order up to n the probabilities, a table as in `emoseq.lm.table`

    Raises:
        ValueError: as `check_table`
    """
    check_table(order, num_classes)
    size = num_classes + 1
    lower = np.full(size, 1 / size)
    tables: list[NDArray[np.float64]] = []
    for length in range(order):
        counts = np.zeros((size,) * (length + 1))
        for sequence in sequences:
            padded = [*[num_classes] * min(length, 1), *sequence, num_classes]
            for end in range(length, len(padded)):
                counts[tuple(padded[end - length : end + 1])] += 1
        if length == 1:  # higher orders inherit the zeros
            lower = np.tile(lower, (size, 1))
            lower[np.arange(num_classes), np.arange(num_classes)] = 0
            lower /= lower.sum(axis=1, keepdims=True)
        types = np.count_nonzero(counts, axis=-1)[..., None]
        total = counts.sum(axis=-1, keepdims=True)
        inherited = np.broadcast_to(lower, counts.shape)
        seen = total > 0
        lower = np.where(seen, (counts + types * inherited) / np.where(seen, total + types, 1), inherited)
        tables.append(lower)
    return tables
