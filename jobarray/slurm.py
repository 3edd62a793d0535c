"""Slurm: sbatch, squeue and scancel."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from jobarray.scheduler import Reply, State, Task

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

# Reasons for waiting that pass by themselves; all others are reported.
_ORDINARY = re.compile(
    r"None|Resources|Priority|JobArrayTaskLimit|Dependency|BeginTime|Cleaning|Prolog|Licenses|Reservation|\(null\)|"
    r".*(Grp|PerUser|PerAccount|PerJobArray|MaxJobs).*"
)


class Slurm:
    """Slurm, 20.11 or newer. It does not requeue the arrays: --num-tries runs failed jobs again."""

    program = "slurm.py"
    conf = "slurm.conf"
    title = "Slurm"
    task_id = "SLURM_ARRAY_TASK_ID"
    separator = "_"
    messages: tuple[tuple[str, str], ...] = (
        ("memory limit|[Oo]ut [Oo]f [Mm]emory|oom-kill", "it ran out of memory; ask for more with --mem"),
        ("DUE TO TIME LIMIT", "it ran out of time; ask for more with --time"),
        ("DUE TO NODE FAILURE", "its node failed"),
        ("DUE TO PREEMPTION", "it was preempted"),
        (
            "Invalid job array specification",
            "an array must have fewer jobs than MaxArraySize in `scontrol show config`",
        ),
    )
    forbidden = "\\"
    gpus = ""  # Slurm sets CUDA_VISIBLE_DEVICES itself
    unreachable = re.compile(
        "Unable to contact|timed out|[Cc]onnection refused|Zero Bytes|standby mode|temporarily un"
        "|Communication connection failure|Slurm backup controller|Unexpected message"
    )

    def number_tasks(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the numbers themselves up to 1000, the last that MaxArraySize allows by default; else 1, 2, ..."""
        return {number: number if numbers[-1] <= 1000 else i for i, number in enumerate(numbers, 1)}

    def submit_options(self, name: str, tasks: Sequence[int], limit: int, folder: str) -> list[str]:
        throttle = f"%{limit}" if limit else ""
        return [
            "--parsable",
            "--no-requeue",
            f"--array={format_ranges(tasks)}{throttle}",
            f"--job-name={name}",
            f"--output={folder.replace('%', '%%')}/%a.out",
        ]

    def parse_submission(self, reply: Reply) -> str:
        return reply.output.strip().partition(";")[0]

    def query_command(self, name: str) -> list[str]:
        fields = "ArrayTaskID:|,JobArrayID:|,State:|,Reason:|,exit_code:|"
        return ["squeue", "-h", "-r", "-t", "all", "-u", str(os.getuid()), f"--name={name}", "-O", fields]

    def parse_tasks(self, reply: Reply, name: str) -> dict[int, Task] | None:
        if reply.code:
            return None
        tasks: dict[int, Task] = {}
        lines = [line.split("|") for line in reply.output.splitlines() if line.strip()]
        # Of an array whose waiting tasks were cancelled Slurm lists one line with the task number N/A.
        rows = [fields for fields in lines if len(fields) >= 5 and (fields[0].strip().isdigit() or fields[2] in _ENDS)]
        if lines and not rows:
            return None
        for number, label, state, reason, code, *_ in rows:
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
                exited = status >> 8 if os.WIFEXITED(status) else None  # squeue prints the status of wait(2)
                task = Task(label, State.GONE, f"{end} ({state})", exited)
            if int(number) not in tasks or task.state is not State.GONE:  # an array may have been submitted twice
                tasks[int(number)] = task
        return tasks

    def reason_command(self, name: str, state: State) -> list[str]:
        return []

    def parse_reason(self, reply: Reply, task: int) -> tuple[str, int | None]:
        return "", None

    def cancel_command(self, name: str) -> list[str]:
        return ["scancel", f"--name={name}", "-u", str(os.getuid())]


def format_ranges(numbers: Sequence[int]) -> str:
    """Format ascending numbers as a list of ranges.

    >>> format_ranges([1, 2, 3, 7, 9, 10])
    '1-3,7,9-10'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)
