"""Grid Engine: qsub, qstat, qacct and qdel."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

from jobarray.scheduler import Answer, State, Task


class GridEngine:
    """Grid Engine 6.2 or newer, by any name (Sun's, Son of, Open, Altair). Tasks are not rerun by it."""

    program = "queue.py"
    conf = "queue.conf"
    title = "Grid Engine"
    task_id = "SGE_TASK_ID"
    joint = "."
    notes: tuple[tuple[str, str], ...] = ()  # it writes none; qacct knows
    unfit = ":,$"
    gpus = "SGE_HGR_gpu"  # where complex gpu is a map of resources
    away = re.compile(
        "unable to (send message to|contact) qmaster|commlib error|failed receiving gdi|can't connect"
        "|connection refused|timed? ?out"
    )

    def numbering(self, numbers: Sequence[int]) -> dict[int, int]:
        """Itself for numbers without a gap, which is the only kind of array there is; otherwise 1, 2, ..."""
        if numbers[-1] - numbers[0] + 1 == len(numbers):
            return {number: number for number in numbers}
        return {number: i for i, number in enumerate(numbers, 1)}

    def submit(self, name: str, tasks: Sequence[int], limit: int, folder: str) -> list[str]:
        throttle = ["-tc", str(limit)] if limit else []
        span = f"{tasks[0]}-{tasks[-1]}"
        out = f"{folder}/$TASK_ID.out"
        own = ["-terse", "-sync", "n", "-S", "/bin/bash", "-r", "n", "-N", name, "-j", "y"]
        return [*own, "-o", out, "-t", span, *throttle]

    def accepted(self, answer: Answer) -> str:
        return (answer.output.split() or [""])[-1].partition(".")[0]

    def asks(self, name: str) -> list[str]:
        return ["qstat", "-f", "-ne", "-xml", "-u", _user()]

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
            state, remark = _state(job.findtext("state") or "", queues.get(job))
            for number in _numbers(job.findtext("tasks") or "1"):
                found[number] = Task(f"{job.findtext('JB_job_number')}.{number}", state, remark)
        return found

    def asks_why(self, name: str, state: State) -> list[str]:
        program = {State.STUCK: "qstat", State.ENDING: "qacct", State.GONE: "qacct"}.get(state)
        return [program, "-j", name] if program else []

    def why(self, answer: Answer, task: int) -> tuple[str, int | None]:
        if stuck := re.search(rf"^error reason +{task}: *(.*\S)", answer.output, re.MULTILINE):
            return stuck[1], None
        accounts = re.split(r"^=+$", answer.output, flags=re.MULTILINE)
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

    def cancels(self, name: str) -> list[str]:
        return ["qdel", name]


def _state(letters: str, queue: ElementTree.Element | None) -> tuple[State, str]:
    """What qstat's letters for a task and for its queue come to."""
    if "E" in letters:
        return State.STUCK, f"it is in the error state {letters}"
    deleted = "d" in letters
    if queue is not None and "u" in (queue.findtext("state") or "") and not _just_started():
        # A host that is down never confirms the end of what was deleted.
        host = (queue.findtext("name") or "").partition("@")[2]
        return State.GONE if deleted else State.UNHEARD, f"its host does not answer ({host})"
    if deleted:
        return State.ENDING, "it was deleted"
    return State.ALIVE, "it is held" if "h" in letters else ""


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
