"""Grid Engine: qsub, qstat, qacct and qdel."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from jobarray.scheduler import Reply, State, Task


class GridEngine:
    """Grid Engine 6.2 or newer under any name (Sun's, Son of, Open, Altair). It does not rerun the tasks."""

    program = "queue.py"
    conf = "queue.conf"
    title = "Grid Engine"
    task_id = "SGE_TASK_ID"
    separator = "."
    messages: tuple[tuple[str, str], ...] = ()  # it writes none to a task's output; qacct has the reasons
    forbidden = ":,$"
    gpus = "SGE_HGR_gpu"  # set where the complex `gpu` is a resource map
    unreachable = re.compile(
        "unable to (send message to|contact) qmaster|commlib error|failed receiving gdi|can't connect"
        "|connection refused|timed? ?out"
    )

    def number_tasks(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the numbers themselves if they have no gap, as an array of Grid Engine must; else 1, 2, ..."""
        if numbers[-1] - numbers[0] + 1 == len(numbers):
            return {number: number for number in numbers}
        return {number: i for i, number in enumerate(numbers, 1)}

    def submit_options(self, name: str, tasks: Sequence[int], limit: int, folder: str) -> list[str]:
        throttle = ["-tc", str(limit)] if limit else []
        span = f"{tasks[0]}-{tasks[-1]}"
        out = f"{folder}/$TASK_ID.out"
        own = ["-terse", "-sync", "n", "-S", "/bin/bash", "-r", "n", "-N", name, "-j", "y"]
        return [*own, "-o", out, "-t", span, *throttle]

    def parse_submission(self, reply: Reply) -> str:
        return (reply.output.split() or [""])[-1].partition(".")[0]

    def query_command(self, name: str) -> list[str]:
        return ["qstat", "-f", "-ne", "-xml", "-u", _get_user()]

    def parse_tasks(self, reply: Reply, name: str) -> dict[int, Task] | None:
        if reply.code:
            return None
        try:
            root = ElementTree.fromstring(reply.output)
        except ElementTree.ParseError:
            return None
        queues = {job: queue for queue in root.iter("Queue-List") for job in queue.iter("job_list")}
        tasks = {}
        for job in root.iter("job_list"):
            if job.findtext("JB_name") != name:
                continue
            state, remark = _parse_state(job.findtext("state") or "", queues.get(job))
            for number in _parse_ranges(job.findtext("tasks") or "1"):
                tasks[number] = Task(f"{job.findtext('JB_job_number')}.{number}", state, remark)
        return tasks

    def reason_command(self, name: str, state: State) -> list[str]:
        program = {State.STUCK: "qstat", State.ENDING: "qacct", State.GONE: "qacct"}.get(state)
        return [program, "-j", name] if program else []

    def parse_reason(self, reply: Reply, task: int) -> tuple[str, int | None]:
        if stuck := re.search(rf"^error reason +{task}: *(.*\S)", reply.output, re.MULTILINE):
            return stuck[1], None
        accounts = re.split(r"^=+$", reply.output, flags=re.MULTILINE)
        account = next((a for a in reversed(accounts) if re.search(rf"^taskid +{task} *$", a, re.MULTILINE)), "")
        failed = re.search(r"^failed +(\d+) *(?:: *(.*\S))?", account, re.MULTILINE)
        status = re.search(r"^exit_status +(\d+)", account, re.MULTILINE)
        if not (failed and status):
            return "", None
        number, text = failed.groups()
        code = int(status[1])
        if number == "0":
            return f"its script ended with code {code}", code
        hint = "; if it ran out of time or memory, ask for more with --time or --mem" if code == 137 else ""
        return f"failed {number}: {text}, exit status {code}{hint}", None

    def cancel_command(self, name: str) -> list[str]:
        return ["qdel", name]


def _parse_state(letters: str, queue: ElementTree.Element | None) -> tuple[State, str]:
    """Return the state and the remark for qstat's letters of a task and its queue."""
    if "E" in letters:
        return State.STUCK, f"it is in the error state {letters}"
    deleted = "d" in letters
    if queue is not None and "u" in (queue.findtext("state") or "") and not _has_just_started():
        # A host that is down never confirms that a deleted task has ended.
        host = (queue.findtext("name") or "").partition("@")[2]
        return State.GONE if deleted else State.UNREACHABLE, f"its host does not answer ({host})"
    if deleted:
        return State.ENDING, "it was deleted"
    return State.ALIVE, "it is held" if "h" in letters else ""


def _parse_ranges(text: str) -> list[int]:
    """Return the task numbers of `3`, or of `1-7:2,9`, with which qstat may sum up waiting tasks."""
    numbers: list[int] = []
    for first, last, step in re.findall(r"(\d+)(?:-(\d+)(?::(\d+))?)?", text):
        numbers += range(int(first), int(last or first) + 1, int(step or 1))
    return numbers


def _has_just_started() -> bool:
    """Return true if qmaster is younger than two minutes: hosts in good order may not have reported yet."""
    cell = os.path.join(os.environ.get("SGE_ROOT", ""), os.environ.get("SGE_CELL", "default"))
    with contextlib.suppress(OSError):
        return time.time() - os.path.getmtime(os.path.join(cell, "common", "act_qmaster")) < 120
    return False


def _get_user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name
