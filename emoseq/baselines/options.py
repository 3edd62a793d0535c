"""Baselines, the systems that the paper compares with (Table 2): names, options, jobs and dev scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emoseq.recipe.job_list import Job
from emoseq.recipe.options import check_range, option
from emoseq.recipe.trial import Trial

# Name of each system's row in the tables, in the paper's order.
BASELINES = {"valstar": "Valstar-2016", "povolny": "Povolny-2016", "brady": "Brady-2016"}

USE_EGEMAPS = frozenset({"valstar", "povolny"})
USE_LOG_MEL = frozenset({"povolny", "brady"})
_LONGEST_FIRST = ("brady", "povolny", "valstar")  # by training time

LONGEST_WINDOW = 3600.0  # seconds; bound of the windows of features and smoothers


@dataclass(frozen=True)
class BaselineOptions:
    """Baselines to train, and the settings that all of them compare on the dev set (conf/baselines.conf)."""

    baselines: tuple[str, ...] = option(f"systems, from {', '.join(BASELINES)}")
    train_frames: int = option("train linear regressions on every n-th frame, since neighbours are alike", default=10)
    longest_delay: float = option("longest delay of the ratings in seconds, tried in steps of 0.4", default=9.6)
    longest_median: float = option(
        "longest window of the median filter in seconds, tried in steps of 0.4", default=20.0
    )
    longest_shift: float = option("longest shift of a series in seconds, tried in steps of a frame", default=10.0)

    def __post_init__(self) -> None:
        unknown = set(self.baselines) - set(BASELINES)
        if unknown:
            raise ValueError(f"--baselines: unknown system {min(unknown)}; choose from {', '.join(BASELINES)}")
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError(f"--baselines={','.join(self.baselines)}: a system is repeated; name it once")
        check_range(self, "train_frames", low=1, high=10**6)
        check_range(self, "longest_delay", "longest_median", "longest_shift", low=0, high=60)

    def list_delays(self, frame_shift: float) -> list[int]:
        """List the delays to try, in frames of `frame_shift` seconds; by default those of the AVEC 2018 baseline."""
        return [round(seconds / frame_shift) for seconds in _list_steps(0.4, self.longest_delay)]

    @property
    def medians(self) -> list[float]:
        """Widths of the median filter to try, in seconds."""
        return _list_steps(0.4, self.longest_median)[1:]

    def list_shifts(self, frame_shift: float) -> list[int]:
        """List the shifts to try, in frames of `frame_shift` seconds."""
        return list(range(1, round(self.longest_shift / frame_shift) + 1))


def _list_steps(step: float, last: float) -> list[float]:
    """List 0, step, 2 * step, ..., up to `last`.

    >>> _list_steps(0.4, 1.3)
    [0.0, 0.4, 0.8, 1.2]
    """
    return [round(i * step, 6) for i in range(int(last / step + 1e-9) + 1)]


@dataclass(frozen=True)
class ValstarOptions:
    """SVR on functionals of eGeMAPS (conf/valstar.conf)."""

    functional_windows: tuple[float, ...] = option(
        "windows of the functionals in seconds", default=(2.0, 4.0, 6.0, 8.0)
    )
    functional_complexities: tuple[float, ...] = option("C of the SVR", default=(1e-4, 1e-3, 1e-2, 1e-1, 1.0))

    def __post_init__(self) -> None:
        check_range(self, "functional_windows", low=0, high=LONGEST_WINDOW, above=True)
        check_range(self, "functional_complexities", low=0, above=True)


@dataclass(frozen=True)
class PovolnyOptions:
    """Ridge regression on eGeMAPS and bottleneck features with temporal context (conf/povolny.conf)."""

    context_reaches: tuple[float, ...] = option("context on either side in seconds", default=(2.4, 4.0, 5.6))
    context_step: float = option("seconds between the vectors of the context, each a mean over as long", default=0.8)
    ridge_penalties: tuple[float, ...] = option(
        "weights of the squared regression weights", default=(0.01, 0.1, 1.0, 10.0)
    )
    bottleneck_size: int = option("units of the bottleneck", default=80)
    bottleneck_stacks: int = option("input of the network in stacks of log-mel, an odd number", default=11)
    bottleneck_hidden: int = option("units of the layers before and after the bottleneck", default=256)
    bottleneck_epochs: int = option("largest number of epochs", default=12)
    bottleneck_patience: int = option("epochs without a lower dev cross entropy after which training ends", default=2)
    bottleneck_rate: float = option("Adam's learning rate", default=0.0005)
    bottleneck_dropout: float = option("share of the units dropped in training", default=0.3)
    bottleneck_seed: int = option("seed of the initial weights and of the order of frames", default=1)

    def __post_init__(self) -> None:
        check_range(self, "context_reaches", low=0, high=LONGEST_WINDOW, above=True)
        check_range(self, "context_step", low=0.01, high=LONGEST_WINDOW)
        check_range(self, "ridge_penalties", "bottleneck_rate", low=0, above=True)
        check_range(self, "bottleneck_size", "bottleneck_hidden", low=1, high=10**5)
        check_range(self, "bottleneck_stacks", low=1, high=1001)
        check_range(self, "bottleneck_epochs", "bottleneck_patience", low=1, high=10**6)
        check_range(self, "bottleneck_dropout", low=0, high=0.99)
        check_range(self, "bottleneck_seed", low=0, high=2**63 - 1)
        if self.bottleneck_stacks % 2 == 0:
            raise ValueError(f"--bottleneck-stacks={self.bottleneck_stacks}: an odd number is needed")


@dataclass(frozen=True)
class BradyOptions:
    """SVR on pooled sparse codes of log-mel (conf/brady.conf)."""

    atoms: int = option("size of the dictionary", default=200)
    atom_sparsity: float = option("weight of the L1 penalty on codes while the dictionary is learned", default=1.0)
    atom_patches: int = option("patches of 40 ms from which the dictionary is learned", default=8000)
    atom_seed: int = option("seed of the choice of patches and of the learning", default=1)
    code_atoms: int = option("atoms in the code of a patch", default=5)
    pooling_windows: tuple[float, ...] = option(
        "windows over which codes are pooled, in seconds", default=(4.0, 6.0, 8.0)
    )
    pooling_complexities: tuple[float, ...] = option("C of the SVR", default=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2))

    def __post_init__(self) -> None:
        check_range(self, "atoms", low=1, high=10**5)
        check_range(self, "atom_patches", low=1, high=10**9)
        check_range(self, "atom_sparsity", "pooling_complexities", low=0, above=True)
        check_range(self, "atom_seed", low=0, high=2**32 - 1)  # as scikit-learn's seeds
        check_range(self, "pooling_windows", low=0, high=LONGEST_WINDOW, above=True)
        if not 1 <= self.code_atoms <= self.atoms:
            raise ValueError(f"--code-atoms={self.code_atoms}: a whole number from 1 to --atoms={self.atoms} is needed")


@dataclass(frozen=True)
class BaselineJob(Job):
    """One baseline of one dimension and the folder that holds it."""

    folder: Path

    def __post_init__(self) -> None:
        if self.system not in BASELINES:
            raise ValueError(f"there is no baseline {self.system}")


def plan_baselines(systems: Sequence[str], dimensions: Sequence[str], exp: Path) -> list[BaselineJob]:
    """List the jobs of these systems, the longest first."""
    return [
        BaselineJob(dimension, system, exp / dimension / system)
        for system in _LONGEST_FIRST
        if system in systems
        for dimension in dimensions
    ]


Choice = Trial[tuple[str, str]]  # its setting is the step in which it was tried, and what was tried


def format_choices(choices: Sequence[Choice]) -> str:
    """Return the text of choices.csv: one row for each setting, in the order in which they were tried."""
    rows = [f"{','.join(choice.setting)},{choice.measure},{choice.score:.6f}\n" for choice in choices]
    return "step,setting,measure,score\n" + "".join(rows)
