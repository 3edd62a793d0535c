"""Which tasks of an array will never leave a status, by what the scheduler says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from emoseq.connection import Pace
from emoseq.schedulers import State, Task


class Judge:
    """Which tasks will never leave a status."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.suspects: dict[int, float] = {}
        self.told: set[str] = set()

    def lost(self, found: Mapping[int, Task] | None, waiting: Collection[int], now: float) -> dict[int, Task | None]:
        """Tasks without a status that are lost, with the scheduler's last word on each.

        A task is lost if the scheduler says twice that it has ended, or does not know it, or that its host does not
        answer; at once if it is stuck. Where the scheduler does not answer, none is.
        """
        if found is None:
            self.suspects.clear()
            return {}
        lost: dict[int, Task | None] = {}
        suspects: dict[int, float] = {}
        for number in waiting:
            task = found.get(number)
            state = task.state if task else State.GONE
            if state is State.ALIVE:
                continue
            since = self.suspects.get(number, now)
            patience = {State.STUCK: 0.0, State.UNHEARD: self.pace.unheard}.get(state, 0.9 * self.pace.again)
            if now - since >= patience:
                lost[number] = task
            else:
                suspects[number] = since
        self.suspects = suspects
        return lost

    def remarks(self, found: Mapping[int, Task] | None, waiting: Collection[int]) -> list[str]:
        """What the scheduler remarks on tasks that it has not remarked before, once for all of them."""
        new: dict[str, str] = {}
        for number in waiting:
            task = (found or {}).get(number)
            if task and task.state in (State.ALIVE, State.UNHEARD) and task.remark and task.remark not in self.told:
                new.setdefault(task.remark, task.label)
        self.told |= new.keys()
        return [f"job {label}: {remark}" for remark, label in new.items()]
