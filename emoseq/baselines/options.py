"""The systems of others that the paper compares with (Table 2): their names, what they share, and their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoseq import DIMENSIONS
from emoseq.features.fbank import FRAME_SHIFT
from emoseq.recipe.job_list import Job
from emoseq.recipe.options import option

# Their rows in the tables, in the paper's order.
BASELINES = {"valstar": "Valstar-2016", "povolny": "Povolny-2016", "brady": "Brady-2016"}


USE_EGEMAPS = frozenset({"valstar", "povolny"})


USE_LOG_MEL = frozenset({"povolny", "brady"})


_LONGEST_FIRST = ("brady", "povolny", "valstar")


@dataclass(frozen=True)
class BaselineOptions:
    """Which baselines there are, and what all of them try on the dev set (conf/baselines.conf)."""

    baselines: tuple[str, ...] = option(f"systems, of {', '.join(BASELINES)}")
    train_frames: int = option("train linear regressors on every n-th frame; neighbours are alike", default=10)
    longest_delay: float = option("seconds by which ratings may lag the speech, tried in steps of 0.4", default=9.6)
    longest_median: float = option("seconds of the longest median filter, tried in steps of 0.4", default=20.0)
    longest_shift: float = option("seconds by which a series may be shifted, tried in steps of 0.04", default=10.0)

    def __post_init__(self) -> None:
        unknown = set(self.baselines) - set(BASELINES)
        if unknown:
            raise ValueError(f"--baselines: there is no {min(unknown)}; choose from {', '.join(BASELINES)}")
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError(f"--baselines={','.join(self.baselines)}: one comes twice")
        if self.train_frames < 1:
            raise ValueError(f"--train-frames={self.train_frames}: 1 or more")
        for name in ("longest_delay", "longest_median", "longest_shift"):
            if not 0 <= getattr(self, name) <= 60:
                raise ValueError(f"--{name.replace('_', '-')}={getattr(self, name):g}: from 0 to 60 seconds")

    @property
    def delays(self) -> list[int]:
        """Delays to try, in frames: those of the AVEC 2018 baseline by default."""
        return [round(seconds / FRAME_SHIFT) for seconds in _steps(0.4, self.longest_delay)]

    @property
    def medians(self) -> list[float]:
        """Widths of the median filter to try, in seconds."""
        return _steps(0.4, self.longest_median)[1:]

    @property
    def shifts(self) -> list[int]:
        """Shifts to try, in frames."""
        return list(range(1, round(self.longest_shift / FRAME_SHIFT) + 1))


def _steps(step: float, last: float) -> list[float]:
    """0, step, 2 step, ..., up to `last`.

    >>> _steps(0.4, 1.3)
    [0.0, 0.4, 0.8, 1.2]
    """
    return [round(i * step, 6) for i in range(int(last / step + 1e-9) + 1)]


@dataclass(frozen=True)
class ValstarOptions:
    """SVR on functionals of eGeMAPS (conf/valstar.conf)."""

    functional_windows: tuple[float, ...] = option("seconds of the functionals' windows", default=(2.0, 4.0, 6.0, 8.0))
    functional_complexities: tuple[float, ...] = option("C of the SVR", default=(1e-4, 1e-3, 1e-2, 1e-1, 1.0))

    def __post_init__(self) -> None:
        _check_positive(self, "functional_windows", "functional_complexities")


@dataclass(frozen=True)
class PovolnyOptions:
    """Ridge regression on eGeMAPS and bottleneck features with temporal context (conf/povolny.conf)."""

    context_reaches: tuple[float, ...] = option("seconds of context on either side", default=(2.4, 4.0, 5.6))
    context_step: float = option("seconds between what the context is made of, and of its means", default=0.8)
    ridge_penalties: tuple[float, ...] = option("of squared weights", default=(0.01, 0.1, 1.0, 10.0))
    bottleneck_size: int = option("units of the bottleneck", default=80)
    bottleneck_stacks: int = option("stacks of log-mel that the network sees, an odd number", default=11)
    bottleneck_hidden: int = option("units of the layers before and after the bottleneck", default=256)
    bottleneck_epochs: int = option("passes over the training set at most", default=12)
    bottleneck_patience: int = option("passes without a lower dev cross entropy after which training ends", default=2)
    bottleneck_rate: float = option("Adam's learning rate", default=0.0005)
    bottleneck_dropout: float = option("part of the units dropped in training", default=0.3)
    bottleneck_seed: int = option("of the first weights and of the order of frames", default=1)

    def __post_init__(self) -> None:
        names = ("size", "stacks", "hidden", "epochs", "patience", "rate")
        _check_positive(self, "context_reaches", "context_step", "ridge_penalties", *(f"bottleneck_{n}" for n in names))
        if self.bottleneck_stacks % 2 == 0:
            raise ValueError(f"--bottleneck-stacks={self.bottleneck_stacks}: an odd number")
        if round(self.context_step / FRAME_SHIFT) < 1:
            raise ValueError(f"--context-step={self.context_step:g}: a frame of {FRAME_SHIFT} s or more")
        if not 0 <= self.bottleneck_dropout < 1:
            raise ValueError(f"--bottleneck-dropout={self.bottleneck_dropout:g}: from 0 to below 1")


@dataclass(frozen=True)
class BradyOptions:
    """SVR on pooled sparse codes of log-mel (conf/brady.conf)."""

    atoms: int = option("size of the dictionary", default=200)
    atom_sparsity: float = option("weight of the codes' absolute values while the dictionary is learned", default=1.0)
    atom_patches: int = option("patches of 40 ms that it is learned from", default=8000)
    atom_seed: int = option("of the choice of patches and of the learning", default=1)
    code_atoms: int = option("atoms that a patch is made of", default=5)
    pooling_windows: tuple[float, ...] = option("seconds over which codes are pooled", default=(4.0, 6.0, 8.0))
    pooling_complexities: tuple[float, ...] = option("C of the SVR", default=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2))

    def __post_init__(self) -> None:
        _check_positive(self, "atoms", "atom_sparsity", "atom_patches", "code_atoms")
        _check_positive(self, "pooling_windows", "pooling_complexities")
        if self.code_atoms > self.atoms:
            raise ValueError(f"--code-atoms={self.code_atoms}: there are --atoms={self.atoms}")


def _check_positive(options: Any, *names: str) -> None:
    for name in names:
        value = getattr(options, name)
        values = value if isinstance(value, tuple) else (value,)
        if not values or not all(0 < number < float("inf") for number in values):
            raise ValueError(f"--{name.replace('_', '-')}: above 0")


@dataclass(frozen=True)
class BaselineJob(Job):
    """One baseline of one dimension and the folder that holds it."""

    folder: Path

    def __post_init__(self) -> None:
        if self.system not in BASELINES:
            raise ValueError(f"there is no baseline {self.system}")


def plan_baselines(systems: Sequence[str], exp: Path) -> list[BaselineJob]:
    """The jobs of these systems, those that take longest first."""
    return [
        BaselineJob(dimension, system, exp / dimension / system)
        for system in _LONGEST_FIRST
        if system in systems
        for dimension in DIMENSIONS
    ]


@dataclass(frozen=True)
class Choice:
    """The dev score of one setting of one step: as a rule its CCC."""

    step: str
    setting: str
    score: float
    measure: str = "CCC"


def format_choices(choices: Sequence[Choice]) -> str:
    """choices.csv: one row for each setting in the order in which they were tried."""
    rows = [f"{choice.step},{choice.setting},{choice.measure},{choice.score:.6f}\n" for choice in choices]
    return "step,setting,measure,score\n" + "".join(rows)
