"""Models of an experiment: systems, hyper-parameters and seeds, and the jobs that train them.

exp/train.jobs lists one model per line; line N is JOB N of the job array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from emoseq.labels.kmeans import FIT_ON
from emoseq.recipe.job_list import Job, read_jobs
from emoseq.recipe.options import check_range, format_number, option

# The paper's name of each system's undecoded series; "cls-ce" is the classifier without the cost of Eq. 7.
RAW_SERIES = {"reg-mse": "REG-MSE", "reg-ccc": "REG-CCC", "cls-ce": "CLS-CE-Raw", "cls": "CLS-Raw"}

CONFS = ("train", "model", "fbank")  # files in conf/ of a model's folder: its settings
HMM_SERIES = "CLS-HMM"  # decoded with transitions and no language model, as Meng and Bianchi-Berthouze (2014)
DECODED_SERIES = "CLS-Decoded"


def name_smoothed(system: str, smoother: str) -> str:
    """Name the smoothed series of a system, such as CLS-Raw-Gaussian."""
    return f"{system}-{smoother.capitalize()}"


@dataclass(frozen=True)
class ExperimentOptions:
    """Systems, hyper-parameters and seeds (conf/train.conf): one model per combination and rated dimension.

    The chosen_ options name further models, trained only with the layers and the L2 weight that the dev set
    chose for the classifier.
    """

    systems: tuple[str, ...] = option(f"systems, from {', '.join(RAW_SERIES)}")
    layers: tuple[int, ...] = option("numbers of BLSTM layers")
    l2: tuple[float, ...] = option("weights of the L2 penalty")
    seeds: tuple[int, ...] = option("seeds, whose predictions are averaged")
    chosen_systems: tuple[str, ...] = option("further systems, only at the setting chosen for cls", default=())
    chosen_fit_on: tuple[str, ...] = option(
        "further values of --fit-on, such as train, for cls only at the setting chosen", default=()
    )

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            if len(set(values)) < len(values):
                raise ValueError(f"--{name.replace('_', '-')}={values}: a value is repeated; name it once")
            if not values and not name.startswith("chosen"):
                raise ValueError(f"--{name}= is empty")
        unknown = {*self.systems, *self.chosen_systems} - set(RAW_SERIES)
        if unknown:
            raise ValueError(f"--systems: unknown system {min(unknown)}; choose from {', '.join(RAW_SERIES)}")
        check_range(self, "layers", low=1, high=100)
        check_range(self, "l2", low=0, high=1e30)
        check_range(self, "seeds", low=0, high=2**63 - 1)
        if set(self.systems) & set(self.chosen_systems):
            raise ValueError("--chosen-systems repeats a system of --systems; name it once")
        if not set(self.chosen_fit_on) <= set(FIT_ON):
            raise ValueError(f"--chosen-fit-on: choose from {', '.join(FIT_ON)}")
        if (self.chosen_systems or self.chosen_fit_on) and "cls" not in self.systems:
            raise ValueError("--chosen-systems and --chosen-fit-on compare with cls; add cls to --systems")


@dataclass(frozen=True)
class ModelOptions:
    """Shape of the network (conf/model.conf); conf/train.conf has the number of layers."""

    hidden_size: int = option("LSTM cells per layer and direction", default=80)

    def __post_init__(self) -> None:
        check_range(self, "hidden_size", low=1, high=10**5)


@dataclass(frozen=True)
class TrainJob(Job):
    """One model: its setting and the folder that holds it."""

    layers: int
    l2: float
    seed: int
    folder: Path

    @property
    def is_classifier(self) -> bool:
        return self.system.startswith("cls")


def plan_jobs(options: ExperimentOptions, dimensions: Sequence[str], exp: Path) -> list[TrainJob]:
    """List the jobs of an experiment, the longest first, so that no long job starts last.

    Among jobs of equal length, every system of every dimension comes before a second seed or L2 weight.
    """
    combinations = product(sorted(options.layers, reverse=True), options.l2, options.seeds, dimensions, options.systems)
    return [_make_job(exp, dim, system, layers, l2, seed) for layers, l2, seed, dim, system in combinations]


def plan_chosen_jobs(
    systems: Sequence[str], chosen: Mapping[str, tuple[int, float]], seeds: Sequence[int], exp: Path
) -> list[TrainJob]:
    """List the jobs of systems at the setting (layers, L2) chosen for each dimension, the longest first."""
    deepest_first = sorted(chosen, key=lambda dim: -chosen[dim][0])
    runs = product(deepest_first, systems, seeds)
    return [_make_job(exp, dim, system, *chosen[dim], seed) for dim, system, seed in runs]


def _make_job(exp: Path, dim: str, system: str, layers: int, l2: float, seed: int) -> TrainJob:
    return TrainJob(dim, system, layers, l2, seed, exp / dim / f"{system}_l{layers}_r{format_number(l2)}_s{seed}")


def has_classifier(exp: Path) -> bool:
    """Return whether an experiment lists a model of system `cls`, the one that is decoded.

    Raises:
        DataError: as `emoseq.recipe.job_list.read_jobs`
    """
    return any(job.system == "cls" for job in read_jobs(exp / "train.jobs", TrainJob))


def group_by_setting(jobs: Sequence[TrainJob]) -> dict[tuple[str, str], dict[tuple[int, float], list[TrainJob]]]:
    """Group jobs by (dimension, system), then by setting (layers, L2): seeds to average, settings to choose from."""
    grouped: dict[tuple[str, str], dict[tuple[int, float], list[TrainJob]]] = {}
    for job in sorted(jobs, key=lambda job: (job.layers, job.l2, job.seed)):
        grouped.setdefault((job.dimension, job.system), {}).setdefault((job.layers, job.l2), []).append(job)
    return grouped
