"""The paper's two-stage early stopping (Sec. 4.2) as a table of what happens after each epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emoseq.recipe.options import check_range, option


@dataclass(frozen=True)
class TrainOptions:
    """Schedule of the learning rate (conf/train.conf)."""

    learning_rate: float = option("Adam's learning rate in the first stage", default=0.002)
    first_stage_epochs: int = option("epochs at that rate", default=20)
    max_epochs: int = option("epochs of both stages", default=40)
    min_learning_rate: float = option("training ends below this rate", default=0.00001)
    rollback: bool = option(
        "in the second stage, go back to the best parameters when the dev CCC does not rise", default=True
    )

    def __post_init__(self) -> None:
        check_range(self, "learning_rate", low=0, above=True)
        check_range(self, "min_learning_rate", low=0)
        check_range(self, "max_epochs", low=1, high=10**6)
        check_range(self, "first_stage_epochs", low=1, high=self.max_epochs)


@dataclass(frozen=True)
class Schedule:
    """State of the two-stage early stopping after some epochs; `after` gives the next state.

    The first stage runs at a constant rate. It ends by going back to the best parameters. From there
    on every epoch whose dev CCC is no better than the best so far halves the rate and, with rollback,
    goes back to the best parameters; training ends when the rate falls below its minimum or at the
    last epoch.
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
        return cls(options, learning_rate=options.learning_rate)

    def after(self, dev_ccc: float) -> Schedule:
        """The schedule once one more epoch has reached this dev CCC."""
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
