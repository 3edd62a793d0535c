"""The file delay.csv of a dimension: the delays of the raters that were tried, and the one that was chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from emoseq import DataError, MissingInputError
from emoseq.recipe.trial import Trial, choose_best


def format_delays(trials: Sequence[Trial[int]], frame_shift: float) -> str:
    """Format delay.csv: seconds, dev CCC (empty where the delay was given) and whether it was chosen, 1 or 0."""
    chosen = choose_best(trials)
    rows = [
        f"{trial.setting * frame_shift:.3f},{'' if math.isnan(trial.score) else f'{trial.score:.6f}'},"
        f"{int(trial is chosen)}\n"
        for trial in trials
    ]
    return "seconds,dev_ccc,chosen\n" + "".join(rows)


def read_delay(path: Path) -> float:
    """Read the delay in seconds that a file of `format_delays` has chosen.

    Raises:
        DataError: if the file is missing or malformed
    """
    try:
        rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        (seconds,) = (float(row[0]) for row in rows if row[2] == "1")
    except FileNotFoundError:
        raise MissingInputError(f"{path} does not exist, which stage 4 writes first") from None
    except (ValueError, IndexError):
        raise DataError(f"{path}: not what steps/find_delay.py writes; run stage 4 again") from None
    return seconds
