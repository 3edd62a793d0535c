"""Settings tried on the dev set, each with its score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")


@dataclass(frozen=True)
class Trial(Generic[S]):
    """One setting and its score on the dev set, as a rule the CCC; `rmse` is NaN where it was not computed."""

    setting: S
    score: float
    rmse: float = math.nan
    measure: str = "CCC"


def choose_best(trials: Sequence[Trial[S]]) -> Trial[S]:
    """Return the trial of the highest score; of equals the first, which should be the smaller model."""
    return max(trials, key=lambda trial: trial.score)
