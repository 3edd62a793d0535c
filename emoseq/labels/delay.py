"""Delay of the raters: a rating is about speech some seconds earlier.

A system that is trained on ratings advanced by the delay, and whose output is delayed again, sees speech and rating
side by side. Series keep their length: at one end a value is repeated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def advance(series: NDArray, frames: int) -> NDArray:
    """Advance a series by `frames` and keep its length; its last value is repeated at the end.

    Args:
        series: shape (frames, ...)
        frames: 0 or more

    >>> advance(np.array([1, 2, 3, 4]), 1).tolist()
    [2, 3, 4, 4]
    """
    return np.concatenate([series[frames:], np.repeat(series[-1:], frames, axis=0)])[: len(series)]


def delay(series: NDArray, frames: int) -> NDArray:
    """Delay a series by `frames` and keep its length; its first value is repeated at the start.

    Args:
        series: shape (frames, ...)
        frames: 0 or more

    >>> delay(np.array([1, 2, 3, 4]), 2).tolist()
    [1, 1, 1, 2]
    """
    return np.concatenate([np.repeat(series[:1], frames, axis=0), series])[: len(series)]
