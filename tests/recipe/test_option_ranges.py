"""Numeric options of every concern: values that are NaN, infinite, negative or huge are refused by name."""

import math
from dataclasses import dataclass

import pytest

from emoseq.baselines.options import BaselineOptions, BradyOptions, PovolnyOptions, ValstarOptions
from emoseq.baselines.smoothing import SmoothOptions
from emoseq.decode.options import DecoderOptions, SweepOptions
from emoseq.decode.score import Scoring
from emoseq.labels.gold_standard import GoldOptions
from emoseq.lm.regions import LmOptions
from emoseq.model.experiment import ExperimentOptions, ModelOptions
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.options import check_range
from emoseq.report.intervals import ScoreOptions

NEEDED = {
    ExperimentOptions: {"systems": ("cls",), "layers": (3,), "l2": (0.0,), "seeds": (1,)},
    BaselineOptions: {"baselines": ()},
    GoldOptions: {"gold_from": "auto"},
    ScoreOptions: {"bootstrap_samples": 10},
    LmOptions: {"orders": (2,)},
    SweepOptions: {"lm_weights": (0.0,)},
    DecoderOptions: {"order": 2, "lm_weight": 0.0},
}
HUGE = 10**30
NUMBERS = [
    (TrainOptions, "learning_rate min_learning_rate"),
    (BaselineOptions, "longest_delay longest_median longest_shift"),
    (PovolnyOptions, "context_step bottleneck_rate bottleneck_dropout"),
    (BradyOptions, "atom_sparsity"),
    (GoldOptions, "align_raters"),
    (LmOptions, "transition_smoothing"),
    (Scoring, "lm_weight acoustic_scale"),
    (DecoderOptions, "lm_weight acoustic_scale"),
]
LISTS = [
    (ExperimentOptions, "l2"),
    (ValstarOptions, "functional_windows functional_complexities"),
    (PovolnyOptions, "context_reaches ridge_penalties"),
    (BradyOptions, "pooling_windows pooling_complexities"),
    (SmoothOptions, "widths"),
]
WHOLE_NUMBERS = [
    (TrainOptions, "first_stage_epochs max_epochs"),
    (ModelOptions, "hidden_size"),
    (BaselineOptions, "train_frames"),
    (PovolnyOptions, "bottleneck_size bottleneck_stacks bottleneck_hidden bottleneck_epochs bottleneck_patience"),
    (PovolnyOptions, "bottleneck_seed"),
    (BradyOptions, "atoms atom_patches atom_seed code_atoms"),
    (ScoreOptions, "bootstrap_samples bootstrap_seed"),
    (LmOptions, "longest_duration"),
]
LISTS_OF_WHOLE_NUMBERS = [(ExperimentOptions, "layers seeds"), (LmOptions, "orders")]


def list_cases(groups, values, *, wrap=False):
    return [
        pytest.param(cls, name, (value,) if wrap else value, id=f"{cls.__name__}-{name}-{value:g}")
        for cls, names in groups
        for name in names.split()
        for value in values
    ]


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        *list_cases(NUMBERS, (math.nan, math.inf, -math.inf, -1.0)),
        *list_cases(LISTS, (math.nan, math.inf, -math.inf, -1.0), wrap=True),
        *list_cases(WHOLE_NUMBERS, (-1, HUGE)),
        *list_cases(LISTS_OF_WHOLE_NUMBERS, (-1, HUGE), wrap=True),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(cls, name, value):
    with pytest.raises(ValueError, match=f"^--{name.replace('_', '-')}.*needed$"):
        cls(**NEEDED.get(cls, {}) | {name: value})


@dataclass
class Example:
    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"low": 1}, "--rate=0.5: a finite number of 1 or more is needed"),
        ({"low": 0.5, "above": True}, "--rate=0.5: a finite number above 0.5 is needed"),
        ({"low": 0, "high": 0.25}, "--rate=0.5: a finite number from 0 to 0.25 is needed"),
        ({"low": 1, "high": 2, "above": True}, "--rate=0.5: a finite number above 1, up to 2, is needed"),
    ],
)
def test_the_message_has_the_range(bounds, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_range(Example(), "rate", **bounds)


def test_every_item_of_a_list_is_checked():
    with pytest.raises(ValueError, match=r"^--sizes=2: a whole number from 0\.1 to 1 is needed$"):
        check_range(Example(), "rate", "sizes", low=0.1, high=1)


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match=r"^--sizes= is empty"):
        check_range(Example(sizes=()), "sizes", low=0)


def test_bounds_themselves_are_in_range():
    check_range(Example(rate=1.0), "rate", low=1, high=1)


def test_a_whole_number_beyond_the_largest_float_is_compared():
    with pytest.raises(ValueError, match="a whole number from 0 to 9223372036854775807 is needed"):
        check_range(Example(sizes=(10**400,)), "sizes", low=0, high=2**63 - 1)
