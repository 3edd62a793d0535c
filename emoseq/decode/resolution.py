"""One resolution of the labels, and the parameters that decode it.

The network has a task for each resolution, 4, 6, 8 and 10 classes in the paper (Sec. 4.1 and 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.typing import NDArray


@dataclass(frozen=True)
class Resolution:
    """Parameters of a resolution with K classes.

    Args:
        centers: cluster means in ascending order, shape (K,)
        transitions: P(next class | class), shape (K, K)
        tables: language model of each order n, a table of shape (K + 1,) * n as in `emoseq.lm.table`
        hazards: P(a region ends at an age), shape (K, ages), as `emoseq.lm.regions.estimate_hazards`
    """

    centers: NDArray
    transitions: NDArray
    tables: Mapping[int, NDArray]
    hazards: NDArray
