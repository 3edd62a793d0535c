"""Scheduler interface: build commands, parse replies.

A scheduler runs no command itself. An array is queried and cancelled by its name, which is made for one submission and
never used again, because a submission may be accepted although its reply gets lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


@dataclass(frozen=True)
class Reply:
    """Result of a scheduler's command: exit code, stdout and stderr."""

    code: int
    output: str
    error: str

    @property
    def message(self) -> str:
        """Error message in one line."""
        lines = [line.strip() for line in (self.error or self.output).splitlines()]
        return " ".join(line for line in lines if line and line != "Exiting.") or f"exit code {self.code}"


class State(Enum):
    """State of a task, as far as it decides between waiting and giving up."""

    ALIVE = auto()  # it waits or runs
    UNREACHABLE = auto()  # its host does not answer the scheduler
    STUCK = auto()  # an error state that it does not leave by itself
    ENDING = auto()  # it is being ended
    GONE = auto()  # it has ended


@dataclass(frozen=True)
class Task:
    """One task of an array as the scheduler reports it.

    Attributes:
        label: the task's name at the scheduler, such as `12_3`
        state: state
        remark: why it has ended, is stuck or waits longer than usual; empty otherwise
        code: exit code of its script, if it has ended and the scheduler reports one
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
        title: name of the batch system
        task_id: environment variable with a task's number
        separator: text between the number of an array and that of a task
        gpus: environment variable with a task's GPUs, where CUDA_VISIBLE_DEVICES is not set; or empty
        unreachable: pattern of the error messages of a command that could not reach the scheduler
        messages: patterns of messages about tasks that were ended or refused, each with its explanation
        forbidden: characters that the path of a task's output must not contain
    """

    program: str
    conf: str
    title: str
    task_id: str
    separator: str
    gpus: str
    unreachable: re.Pattern[str]
    messages: tuple[tuple[str, str], ...]
    forbidden: str

    def number_tasks(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the task number of each job number."""

    def submit_options(self, name: str, tasks: Sequence[int], limit: int, folder: str) -> list[str]:
        """Build the words between the conf file's command and the script; output of task t goes to folder/t.out."""

    def parse_submission(self, reply: Reply) -> str:
        """Return the number of the submitted array; empty if the reply has none."""

    def query_command(self, name: str) -> list[str]:
        """Build the command that lists all tasks of an array."""

    def parse_tasks(self, reply: Reply, name: str) -> dict[int, Task] | None:
        """Return the tasks in the reply to `query_command`, by number; None if it is no answer."""

    def reason_command(self, name: str, state: State) -> list[str]:
        """Build the command that may explain why tasks of an array are in this state; empty if there is none."""

    def parse_reason(self, reply: Reply, task: int) -> tuple[str, int | None]:
        """Return, from the reply to `reason_command`, why a task is stuck or has ended and its script's exit code.

        The reason is empty and the code None if the reply has none.
        """

    def cancel_command(self, name: str) -> list[str]:
        """Build the command that cancels an array."""


def explain(scheduler: Scheduler, text: str) -> list[str]:
    """Return the explanations of the scheduler's messages in a text."""
    return [explanation for pattern, explanation in scheduler.messages if re.search(pattern, text)]
