"""What to say to Slurm and to Grid Engine, and what their answers mean.

Nothing here calls them: functions make words of a command line, or read what a command printed. An array is asked after
and cancelled by its name, which is made for one submission and never used again: a submission may have been accepted
though its answer got lost.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Task:
    """One task of an array as the scheduler sees it.

    Attributes:
        label: what users call it there, as `12_3`
        alive: it waits or runs
        ending: it is being ended, which a host that does not answer never confirms
        stuck: it will not go on by itself: an error state
        unheard: its host does not answer the scheduler
        remark: why it ended, waits longer than usual or is stuck; empty if there is nothing to say
        code: exit code of its script, where it has ended and that is known
    """

    label: str
    alive: bool
    ending: bool = False
    stuck: bool = False
    unheard: bool = False
    remark: str = ""
    code: int | None = None


class Scheduler(Protocol):
    """A batch system; see Slurm and GridEngine.

    Attributes:
        program: the wrapper's name
        conf: name of its file in conf/
        title: what the system is called
        task_id: environment variable with the number of a task
        joint: what stands between a job's number and its task's
        exclusive_gpus: environment variable with the GPUs given to a task, where CUDA_VISIBLE_DEVICES is not set
    """

    program: str
    conf: str
    title: str
    task_id: str
    joint: str
    exclusive_gpus: str

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

    def is_away(self, answer: Answer) -> bool:
        """Whether a command failed because the scheduler could not be reached."""

    def asks_why(self, label: str) -> list[str]:
        """The command that may tell how a task that is gone ended; empty if there is none."""

    def why(self, answer: Answer) -> tuple[str, int | None]:
        """How a task that is gone ended, by that command, and the exit code of its script."""

    def cancels(self, name: str) -> list[str]:
        """The command that cancels an array."""


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as a list of ranges.

    >>> ranges([1, 2, 3, 7, 9, 10])
    '1-3,7,9-10'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


_SLURM_ENDS = {
    "BOOT_FAIL": "its node did not boot",
    "CANCELLED": "it was cancelled",
    "COMPLETED": "its script ended",
    "DEADLINE": "its deadline passed",
    "FAILED": "its script failed",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it ran out of memory; ask for more with --mem",
    "PREEMPTED": "it was preempted",
    "REVOKED": "it was revoked",
    "TIMEOUT": "it ran out of time; ask for more with --time",
}
# Reasons that pass by themselves; any other is worth a word.
_SLURM_ORDINARY = re.compile(
    r"None|Resources|Priority|JobArrayTaskLimit|Dependency|BeginTime|Cleaning|Prolog|Licenses|Reservation|\(null\)|"
    r".*(Grp|PerUser|PerAccount|PerJobArray|MaxJobs).*"
)


class Slurm:
    """Slurm, 20.11 or newer. Arrays are not requeued by it: --num-tries does that."""

    program = "slurm.py"
    conf = "slurm.conf"
    title = "Slurm"
    task_id = "SLURM_ARRAY_TASK_ID"
    joint = "_"  # of a job and its task
    exclusive_gpus = ""  # it sets CUDA_VISIBLE_DEVICES itself

    def numbering(self, numbers: Sequence[int]) -> dict[int, int]:
        return {number: number for number in numbers}

    def submit(self, name: str, tasks: Sequence[int], limit: int, folder: str) -> list[str]:
        throttle = f"%{limit}" if limit else ""
        return [
            "--parsable",
            "--no-requeue",
            f"--array={ranges(tasks)}{throttle}",
            f"--job-name={name}",
            f"--output={folder.replace('%', '%%')}/%a.out",
        ]

    def accepted(self, answer: Answer) -> str:
        return answer.output.strip().partition(";")[0]

    def asks(self, name: str) -> list[str]:
        fields = "ArrayTaskID:|,JobArrayID:|,State:|,Reason:|,exit_code:|"
        return ["squeue", "-h", "-r", "-t", "all", "-u", str(os.getuid()), f"--name={name}", "-O", fields]

    def tasks(self, answer: Answer, name: str) -> dict[int, Task] | None:
        if answer.code:
            return None
        found: dict[int, Task] = {}
        lines = [line.split("|") for line in answer.output.splitlines() if line.strip()]
        told = [fields for fields in lines if len(fields) >= 5 and fields[0].strip().isdigit()]
        if lines and not told:
            return None
        for number, label, state, reason, code, *_ in told:
            end = _SLURM_ENDS.get(state)
            if end is None:
                waits = state == "PENDING" and not _SLURM_ORDINARY.fullmatch(reason)
                ending = state == "COMPLETING"
                remark = f"waits for {reason}" if waits else "it was ended" if ending else ""
                task = Task(label, True, ending=ending, remark=remark)
            else:
                status = int(code) if code.isdigit() else 1
                exited = status >> 8 if os.WIFEXITED(status) else None  # it prints what wait(2) returned
                task = Task(label, False, remark=f"{end} ({state})", code=exited)
            if int(number) not in found or task.alive:  # of two submissions of one name
                found[int(number)] = task
        return found

    def is_away(self, answer: Answer) -> bool:
        return bool(
            re.search(
                "Unable to contact|timed out|[Cc]onnection refused|Zero Bytes|standby mode|temporarily un"
                "|Communication connection failure|Slurm backup controller|Unexpected message",
                answer.error,
            )
        )

    def asks_why(self, label: str) -> list[str]:
        return []

    def why(self, answer: Answer) -> tuple[str, int | None]:
        return "", None

    def cancels(self, name: str) -> list[str]:
        return ["scancel", f"--name={name}", "-u", str(os.getuid())]


class GridEngine:
    """Grid Engine 6.2 or newer, by any name (Sun's, Son of, Open, Altair). Tasks are not rerun by it."""

    program = "queue.py"
    conf = "queue.conf"
    title = "Grid Engine"
    task_id = "SGE_TASK_ID"
    joint = "."
    exclusive_gpus = "SGE_HGR_gpu"  # where complex gpu is a map of resources

    def numbering(self, numbers: Sequence[int]) -> dict[int, int]:
        """Itself for numbers without a gap, which is the only kind of array there is; otherwise 1, 2, ..."""
        if numbers[-1] - numbers[0] + 1 == len(numbers):
            return {number: number for number in numbers}
        return {number: i for i, number in enumerate(numbers, 1)}

    def submit(self, name: str, tasks: Sequence[int], limit: int, folder: str) -> list[str]:
        throttle = ["-tc", str(limit)] if limit else []
        span = f"{tasks[0]}-{tasks[-1]}"
        out = f"{folder}/$TASK_ID.out"
        return ["-terse", "-cwd", "-S", "/bin/bash", "-r", "n", "-N", name, "-j", "y", "-o", out, "-t", span, *throttle]

    def accepted(self, answer: Answer) -> str:
        return (answer.output.split() or [""])[-1].partition(".")[0]

    def asks(self, name: str) -> list[str]:
        return ["qstat", "-f", "-ne", "-xml", "-g", "d", "-u", _user()]

    def tasks(self, answer: Answer, name: str) -> dict[int, Task] | None:
        if answer.code:
            return None
        try:
            root = ElementTree.fromstring(answer.output)
        except ElementTree.ParseError:
            return None
        queues = {job: queue for queue in root.iter("Queue-List") for job in queue.iter("job_list")}
        found = {}
        for job in root.iter("job_list"):
            if job.findtext("JB_name") != name:
                continue
            state = job.findtext("state") or ""
            queue = queues.get(job)
            instance = (queue.findtext("name") or "") if queue is not None else ""
            unheard = queue is not None and "u" in (queue.findtext("state") or "") and not _just_started()
            remark = ""
            if "E" in state:
                remark = f"it is in the error state {state}"
            elif "d" in state:
                remark = "it was deleted"
            elif unheard:
                remark = f"its host does not answer ({instance.partition('@')[2]})"
            elif "h" in state:
                remark = "it is held"
            for number in _numbers(job.findtext("tasks") or "1"):
                label = f"{job.findtext('JB_job_number')}.{number}"
                found[number] = Task(
                    label, True, ending="d" in state, stuck="E" in state, unheard=unheard, remark=remark
                )
        return found

    def is_away(self, answer: Answer) -> bool:
        return bool(
            re.search(
                "unable to (send message to|contact) qmaster|commlib error|failed receiving gdi|can't connect"
                "|connection refused|timed? ?out",
                answer.error,
            )
        )

    def asks_why(self, label: str) -> list[str]:
        job, _, task = label.partition(".")
        return ["qacct", "-j", job, "-t", task]

    def why(self, answer: Answer) -> tuple[str, int | None]:
        failed = re.findall(r"^failed +(\d+) *(?:: *(.*\S))?", answer.output, re.MULTILINE)
        status = re.findall(r"^exit_status +(\d+)", answer.output, re.MULTILINE)
        if not (failed and status):
            return "", None
        number, text = failed[-1]
        code = int(status[-1])
        if number == "0":
            return f"its script ended with code {code}", code
        hint = "; if it ran out of time or memory, ask for more with --time or --mem" if code == 137 else ""
        return f"failed {number}: {text}, exit status {code}{hint}", None

    def cancels(self, name: str) -> list[str]:
        return ["qdel", name]


def _numbers(text: str) -> list[int]:
    """The tasks of `3`, or of `1-7:2,9` as qstat may sum them up."""
    numbers: list[int] = []
    for first, last, step in re.findall(r"(\d+)(?:-(\d+)(?::(\d+))?)?", text):
        numbers += range(int(first), int(last or first) + 1, int(step or 1))
    return numbers


def _just_started() -> bool:
    """Whether qmaster started a short time ago; then it has not heard of hosts that are well."""
    cell = os.path.join(os.environ.get("SGE_ROOT", ""), os.environ.get("SGE_CELL", "default"))
    with contextlib.suppress(OSError):
        return time.time() - os.path.getmtime(os.path.join(cell, "common", "act_qmaster")) < 120
    return False


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name
