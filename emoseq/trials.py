"""What is tried on the dev set, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from emoseq import DataError
from emoseq.graph import Scoring
from emoseq.recipe.options import option

MAX_JOINT_ORDER = 3
DECODERS = ("viterbi", "posterior-mean", "joint", "semi-markov")


@dataclass(frozen=True)
class DecoderOptions:
    """How all models and tasks of one dimension are decoded (decode_dev/best.conf)."""

    order: int = option("n of the language models")
    lm_weight: float = option("of the language models")
    acoustic_scale: float = option("of the log posteriors", default=1.0)
    decoder: str = option(f"one of {', '.join(DECODERS)}", default=DECODERS[0])

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise ValueError(f"--decoder={self.decoder}: choose from {', '.join(DECODERS)}")
        Scoring(lm_weight=self.lm_weight, acoustic_scale=self.acoustic_scale)


@dataclass(frozen=True)
class SweepOptions:
    """What is tried on the dev set (conf/decode.conf)."""

    lm_weights: tuple[float, ...] = option("weights of the language model")
    acoustic_scales: tuple[float, ...] = option("scales of the log posteriors", default=(1.0,))
    decoder: str = option(f"one of {', '.join(DECODERS)}", default=DECODERS[0])

    def __post_init__(self) -> None:
        self.settings((1,))

    def settings(self, orders: Sequence[int]) -> list[DecoderOptions]:
        """All combinations, the smaller models first."""
        combinations = product(orders, self.acoustic_scales, self.lm_weights)
        return [DecoderOptions(order, weight, scale, self.decoder) for order, scale, weight in combinations]


@dataclass(frozen=True)
class Trial:
    """One row of a sweep over the dev set."""

    options: DecoderOptions
    ccc: float
    rmse: float


def sweep_csv(trials: Sequence[Trial]) -> str:
    """sweep.csv: one row a trial."""
    rows = [
        f"{o.order},{o.lm_weight:g},{o.acoustic_scale:g},{trial.ccc:.6f},{trial.rmse:.6f}\n"
        for trial in trials
        for o in [trial.options]
    ]
    return "order,weight,acoustic_scale,ccc,rmse\n" + "".join(rows)


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The highest dev CCC; of equals the first, which is the smaller model and the lower weight."""
    return max(trials, key=lambda trial: trial.ccc)


def parse_sweep(text: str, name: str, decoder: str) -> list[Trial]:
    """Trials from `sweep_csv`'s text, all of one decoder.

    Args:
        text: content of the file
        name: of the file, what messages begin with
        decoder: which `sweep_csv` leaves to best.conf

    Raises:
        DataError: if a line is malformed or there is no trial
    """
    trials = []
    for number, line in enumerate(text.splitlines()[1:], 2):
        try:
            order, weight, scale, ccc, rmse = line.split(",")
            options = DecoderOptions(int(order), float(weight), float(scale), decoder)
            trials.append(Trial(options, float(ccc), float(rmse)))
        except ValueError:
            raise DataError(f"{name}:{number}: not `order,weight,acoustic_scale,ccc,rmse`; run stage 6 again") from None
    if not trials:
        raise DataError(f"{name}: holds no trial; run stage 6 again")
    return trials
