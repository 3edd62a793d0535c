"""Traces of raters: their options, their scale, and the recording that they belong to.

`emoseq.labels.trace_formats` reads them from files, `emoseq.labels.resampling` brings them to the rate of the labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoseq.labels.trace_rows import Fault
from emoseq.recipe.options import check_range, option

FORMATS = ("pagan", "carma", "darma", "muse", "nova", "csv")
DEFAULT_SCALE = (-1.0, 1.0)  # of files that do not name theirs


@dataclass(frozen=True)
class TraceOptions:
    """Reading of traces and drawing of sets (conf/traces.conf).

    Raises:
        ValueError: if a value is unknown or out of range
    """

    format: str = option(f"auto: recognise each file by its content; or {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    scale: tuple[float, ...] = option(
        "LOW,HIGH of the ratings, which become -1 and 1; empty: as the file says, and -1,1 if it does not"
    )
    dimension: str = option("dimension of files that neither name it nor lie in a folder of its name")
    seed: int = option("of the draw of speakers into train, dev and test, where recordings.csv names no sets")

    def __post_init__(self) -> None:
        if self.format not in ("auto", *FORMATS):
            raise ValueError(f"--format={self.format}: choose auto, {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
        if self.scale and not (
            len(self.scale) == 2 and all(map(math.isfinite, self.scale)) and self.scale[0] < self.scale[1]
        ):
            raise ValueError(
                f"--scale={','.join(f'{value:g}' for value in self.scale)}: two numbers, the lower one first, are "
                "needed, for example --scale=-100,100"
            )
        check_range(self, "seed", low=0, high=2**32 - 1)


@dataclass(frozen=True, eq=False)
class Trace:
    """Ratings of one recording in one dimension by one rater.

    `recording`, `rater` and `dimension` are empty where the file does not name them.
    """

    recording: str
    rater: str
    dimension: str
    times: NDArray[np.float64]  # (n,), seconds, increasing
    values: NDArray[np.float64]  # (n,), on the file's scale; NaN where unrated
    lines: NDArray[np.int64]  # (n,), lines of the file, from 1; sample numbers in binary files
    low: float | None = None  # ends of the scale, None where the file does not name them
    high: float | None = None
    event_driven: bool = False  # a row only where the value changes, as the tool's format says
    irregular: bool = False  # rows of a table at irregular times, which `hold` holds through pauses
    unit: float = 1.0  # seconds in a unit of the file's times, for messages


def find_values_outside(
    trace: Trace, low: float, high: float, remedy: str = "correct it, or name the scale with --scale=LOW,HIGH"
) -> Fault | None:
    """Return the fault of a trace whose ratings leave the scale from `low` to `high`, None if all lie on it."""
    slack = 1e-6 * (high - low)  # of single precision and of printed decimals
    outside = np.flatnonzero((trace.values < low - slack) | (trace.values > high + slack))
    if not len(outside):
        return None
    value, line = trace.values[outside[0]], int(trace.lines[outside[0]])
    of_rater = f" of {trace.rater}" if trace.rater else ""
    return Fault(
        line,
        f"the rating {value:g}{of_rater} is outside the scale from {low:g} to {high:g}"
        + (f" ({len(outside)} ratings in all)" if len(outside) > 1 else "")
        + f"; {remedy}",
    )


def scale_values(values: NDArray, low: float, high: float) -> NDArray[np.float64]:
    """Map a scale from `low` to `high` to -1 to 1; NaN stays.

    >>> scale_values(np.array([0, 25, 100]), 0, 100).tolist()
    [-1.0, -0.5, 1.0]
    """
    return 2 * (np.asarray(values, dtype=np.float64) - low) / (high - low) - 1
