"""What was compared on the dev set, one setting after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """The dev score of one setting of one step: as a rule its CCC."""

    step: str
    setting: str
    score: float
    measure: str = "CCC"


def choices_csv(choices: Sequence[Choice]) -> str:
    """choices.csv: one row for each setting in the order in which they were tried."""
    rows = [f"{choice.step},{choice.setting},{choice.measure},{choice.score:.6f}\n" for choice in choices]
    return "step,setting,measure,score\n" + "".join(rows)
