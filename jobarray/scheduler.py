"""What a batch system is to the wrappers: words of command lines, and what the answers to them mean.

Nothing in a scheduler calls a program. An array is asked after and cancelled by its name, which is made for one
submission and never used again: a submission may have been accepted though its answer got lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """What a command of the scheduler left: its exit code, stdout and stderr."""

    code: int
    output: str
    error: str

    @property
    def words(self) -> str:
        """Its complaint in one line."""
        lines = [line.strip() for line in (self.error or self.output).splitlines()]
        return " ".join(line for line in lines if line and line != "Exiting.") or f"exit code {self.code}"


class State(Enum):
    """What is to be expected of a task."""

    ALIVE = auto()  # it waits or runs
    UNHEARD = auto()  # its host does not answer the scheduler
    STUCK = auto()  # it will not go on by itself: an error state
    ENDING = auto()  # it is being ended
    GONE = auto()  # it has ended


@dataclass(frozen=True)
class Task:
    """One task of an array as the scheduler sees it.

    Attributes:
        label: what users call it there, as `12_3`
        state: what is to be expected of it
        remark: why it ended, is stuck or waits longer than usual; empty if there is nothing to say
        code: exit code of its script, where it has ended and that is known
    """

    label: str
    state: State
    remark: str = ""
    code: int | None = None


class Scheduler(Protocol):
    """A batch system; see jobarray.slurm and jobarray.grid_engine.

    Attributes:
        program: the wrapper's name
        conf: name of its file in conf/
        title: what the system is called
        task_id: environment variable with the number of a task
        joint: what stands between a job's number and its task's
        gpus: environment variable with the GPUs of a task, where CUDA_VISIBLE_DEVICES is not set; or empty
        away: what a command says that could not reach it
        notes: patterns of what it says of tasks that it ends or refuses, each with what that means
        unfit: characters that the path of a task's output cannot have
    """

    program: str
    conf: str
    title: str
    task_id: str
    joint: str
    gpus: str
    away: re.Pattern[str]
    notes: tuple[tuple[str, str], ...]
    unfit: str

    def numbering(self, numbers: Sequence[int]) -> dict[int, int]:
        """The task of each job number."""

    def submit(self, name: str, tasks: Sequence[int], limit: int, folder: str) -> list[str]:
        """Words that follow the conf file's command, before the script; output of task t goes to folder/t.out."""

    def accepted(self, answer: Answer) -> str:
        """The id of a submission, by its answer."""

    def asks(self, name: str) -> list[str]:
        """The command that tells of all tasks of an array."""

    def tasks(self, answer: Answer, name: str) -> dict[int, Task] | None:
        """The tasks it told of; None if it did not answer."""

    def asks_why(self, name: str, state: State) -> list[str]:
        """The command that may tell why tasks of an array are in this state; empty if there is none."""

    def why(self, answer: Answer, task: int) -> tuple[str, int | None]:
        """Why, by that command, a task is stuck or ended, and the exit code of its script; "" if it does not tell."""

    def cancels(self, name: str) -> list[str]:
        """The command that cancels an array."""


def meanings(scheduler: Scheduler, text: str) -> list[str]:
    """What it means that a scheduler has said this."""
    return [meaning for pattern, meaning in scheduler.notes if re.search(pattern, text)]
