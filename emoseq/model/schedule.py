"""Options of training, and the paper's two-stage early stopping (Sec. 4.2) as a state machine over epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from emoseq.recipe.options import check_range, option

AUTO = "auto"
LONGEST = 60.0  # seconds that a delay may have


@dataclass(frozen=True)
class TrainOptions:
    """Schedule of the learning rate, and delay of the raters (conf/train.conf)."""

    learning_rate: float = option("Adam's learning rate in the first stage", default=0.002)
    first_stage_epochs: int = option("epochs of the first stage", default=20)
    max_epochs: int = option("largest number of epochs of both stages", default=40)
    min_learning_rate: float = option("rate below which training ends", default=0.00001)
    rollback: bool = option(
        "whether an epoch of the second stage that does not raise the dev CCC is undone", default=True
    )
    delay: str = option(
        "seconds by which ratings lag behind the speech; auto searches it with a linear probe on dev", default="0"
    )

    def __post_init__(self) -> None:
        check_range(self, "learning_rate", low=0, high=1e30, above=True)  # the network is in single precision
        check_range(self, "min_learning_rate", low=0, high=1e30)
        check_range(self, "max_epochs", low=1, high=10**6)
        check_range(self, "first_stage_epochs", low=1, high=self.max_epochs)
        if self.delay != AUTO:
            try:
                seconds = float(self.delay)
            except ValueError:
                seconds = math.nan
            if not 0 <= seconds <= LONGEST:
                raise ValueError(f"--delay={self.delay}: auto, or seconds from 0 to {LONGEST:g}, are needed")


@dataclass(frozen=True)
class Schedule:
    """State of the two-stage early stopping; `after` returns the state one epoch later.

    The first stage runs at a constant rate and ends by going back to the best parameters. In the second
    stage each epoch whose dev CCC is not above the best so far halves the rate and, with rollback, goes
    back to the best parameters. Training ends when the rate falls below its minimum, or after the last
    epoch.

    `epoch` counts finished epochs, `learning_rate` is that of the next one; `improved` and `go_back` are
    about the last one: whether its parameters are the best so far, and whether to return to the best.
    """

    options: TrainOptions
    epoch: int = 0
    learning_rate: float = 0.0
    best_ccc: float = float("-inf")
    improved: bool = False
    go_back: bool = False
    done: bool = False

    @classmethod
    def start(cls, options: TrainOptions) -> Schedule:
        """Return the state before the first epoch."""
        return cls(options, learning_rate=options.learning_rate)

    def after(self, dev_ccc: float) -> Schedule:
        """Return the state after one more epoch, which reached this dev CCC."""
        options, epoch = self.options, self.epoch + 1
        improved = dev_ccc > self.best_ccc
        second_stage = epoch > options.first_stage_epochs
        halve = second_stage and not improved
        rate = self.learning_rate / 2 if halve else self.learning_rate
        return replace(
            self,
            epoch=epoch,
            learning_rate=rate,
            best_ccc=max(self.best_ccc, dev_ccc),
            improved=improved,
            go_back=epoch == options.first_stage_epochs or (halve and options.rollback),
            done=rate < options.min_learning_rate or epoch >= options.max_epochs,
        )
