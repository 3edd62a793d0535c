"""Options of decoding and of the sweep on the dev set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from emoseq.decode.score import Scoring
from emoseq.recipe.options import check_range, option

MAX_JOINT_ORDER = 3
DECODERS = ("viterbi", "posterior-mean", "joint", "semi-markov")


@dataclass(frozen=True)
class DecoderOptions:
    """Decoder of all models and tasks of one dimension (decode_dev/best.conf)."""

    order: int = option("n of the language models")
    lm_weight: float = option("weight of the language models")
    acoustic_scale: float = option("scale of the log posteriors", default=1.0)
    decoder: str = option(f"one of {', '.join(DECODERS)}", default=DECODERS[0])

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise ValueError(f"--decoder={self.decoder}: choose from {', '.join(DECODERS)}")
        Scoring(lm_weight=self.lm_weight, acoustic_scale=self.acoustic_scale)


@dataclass(frozen=True)
class SweepOptions:
    """Candidates of the sweep on the dev set (conf/decode.conf)."""

    lm_weights: tuple[float, ...] = option("weights of the language model")
    acoustic_scales: tuple[float, ...] = option("scales of the log posteriors", default=(1.0,))
    decoder: str = option(f"one of {', '.join(DECODERS)}", default=DECODERS[0])

    def __post_init__(self) -> None:
        check_range(self, "lm_weights", "acoustic_scales", low=0)
        self.settings((1,))

    def settings(self, orders: Sequence[int]) -> list[DecoderOptions]:
        """Return all combinations, the smaller models first."""
        combinations = product(orders, self.acoustic_scales, self.lm_weights)
        return [DecoderOptions(order, weight, scale, self.decoder) for order, scale, weight in combinations]
