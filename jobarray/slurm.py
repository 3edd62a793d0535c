"""Slurm: sbatch, squeue and scancel."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from jobarray.scheduler import Answer, State, Task

_ENDS = {
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
_ORDINARY = re.compile(
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
    notes: tuple[tuple[str, str], ...] = (
        ("memory limit|[Oo]ut [Oo]f [Mm]emory|oom-kill", "it ran out of memory; ask for more with --mem"),
        ("DUE TO TIME LIMIT", "it ran out of time; ask for more with --time"),
        ("DUE TO NODE FAILURE", "its node failed"),
        ("DUE TO PREEMPTION", "it was preempted"),
        (
            "Invalid job array specification",
            "an array has at most as many jobs as `scontrol show config` says under MaxArraySize, less one",
        ),
    )
    unfit = "\\"
    gpus = ""  # it sets CUDA_VISIBLE_DEVICES itself
    away = re.compile(
        "Unable to contact|timed out|[Cc]onnection refused|Zero Bytes|standby mode|temporarily un"
        "|Communication connection failure|Slurm backup controller|Unexpected message"
    )

    def numbering(self, numbers: Sequence[int]) -> dict[int, int]:
        """Itself up to 1000, as far as Slurm counts where its site has not set MaxArraySize; otherwise 1, 2, ..."""
        return {number: number if numbers[-1] <= 1000 else i for i, number in enumerate(numbers, 1)}

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
        # What is left of an array whose waiting tasks were cancelled is a line of the task N/A.
        told = [of for of in lines if len(of) >= 5 and (of[0].strip().isdigit() or of[2] in _ENDS)]
        if lines and not told:
            return None
        for number, label, state, reason, code, *_ in told:
            if not number.strip().isdigit():
                continue
            end = _ENDS.get(state)
            if end is None:
                waits = state == "PENDING" and not _ORDINARY.fullmatch(reason)
                task = Task(label, State.ALIVE, f"waits for {reason}" if waits else "")
                if state == "COMPLETING":
                    task = Task(label, State.ENDING, "it was ended")
            else:
                status = int(code) if code.isdigit() else 1
                exited = status >> 8 if os.WIFEXITED(status) else None  # it prints what wait(2) returned
                task = Task(label, State.GONE, f"{end} ({state})", exited)
            if int(number) not in found or task.state is not State.GONE:  # of two submissions of one name
                found[int(number)] = task
        return found

    def asks_why(self, name: str, state: State) -> list[str]:
        return []

    def why(self, answer: Answer, task: int) -> tuple[str, int | None]:
        return "", None

    def cancels(self, name: str) -> list[str]:
        return ["scancel", f"--name={name}", "-u", str(os.getuid())]


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
