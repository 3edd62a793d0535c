"""Detect tasks that died without reporting an exit status, while waiting for the status files of all others."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from jobarray import JobArrayError
from jobarray.command_line import Jobs, format_footer
from jobarray.connection import Connection, Pace
from jobarray.files import append_if_possible, read_tail
from jobarray.scheduler import State, Task, explain
from jobarray.script import SCRIPT_ENDS

LOST = 255  # takes the place of the exit code of a lost job


def watch(
    connection: Connection,
    jobs: Jobs,
    name: str,
    folder: str,
    numbering: Mapping[int, int],
    done: Callable[[int, int], None],
) -> list[int]:
    """Wait until every task of an array has left its status or is lost.

    Status files alone say how jobs ended. The scheduler is queried now and then, to notice tasks that will never leave
    one; as long as it does not answer, no task counts as lost.

    Args:
        connection: to the scheduler
        jobs: the jobs
        name: the array's name
        folder: folder of its status files
        numbering: the task of each job
        done: called with the number and the exit code of each job, LOST for a lost one

    Returns:
        the exit codes in the order in which the jobs ended

    Raises:
        JobArrayError: if the folder was removed
        StoppedError: on a signal to stop
    """
    pace, scheduler = connection.pace, connection.scheduler
    waiting = {task: number for number, task in numbering.items()}
    codes: list[int] = []
    judge = Judge(pace)
    seen: dict[int, float] = {}  # time of each status: the scheduler may still write about a task that was killed
    began = time.monotonic()
    due = began + pace.query
    while True:
        for task, code in _read_statuses(folder, waiting):
            first = seen.setdefault(task, time.monotonic())
            if code > 128 and scheduler.messages and time.monotonic() < first + pace.late_output:
                continue
            number = waiting.pop(task)
            if code:
                output = _read_output(folder, task)
                reasons = [f"{scheduler.program}: {reason}\n" for reason in explain(scheduler, output)]
                append_if_possible(jobs.expand_log(number), (output + "".join(reasons)).encode())
            codes.append(code)
            done(number, code)
        if not waiting:
            return codes
        now = time.monotonic()
        if now >= due:
            tasks = connection.query(name)
            now = time.monotonic()
            _refresh_folder(folder)
            ended = dict(_read_statuses(folder, waiting))
            lost = judge.find_lost(tasks, [task for task in waiting if task not in ended], now)
            for task, label, reason in _explain_losses(connection, name, folder, lost):
                number = waiting.pop(task)
                output = _read_output(folder, task)
                text = f"{output}{scheduler.program}: job {label} was lost: {reason}\n"
                foot = format_footer(LOST, 0, jobs.threads, cluster=True)
                append_if_possible(jobs.expand_log(number), text.encode() + foot)
                last = output.strip().splitlines()[-1:]
                connection.say(f"{jobs.expand_log(number)}: job {label} was lost: {': '.join([reason, *last])}")
                codes.append(LOST)
                done(number, LOST)
            for remark in judge.collect_remarks(tasks, waiting):
                connection.say(f"{jobs.logs}: {remark}")
            due = now + (pace.retry if judge.suspects else pace.query)
            continue
        # The end of short jobs is noticed at once; long ones are looked at less often.
        connection.wait(min(2.0, max(0.1, (now - began) / 50), due - now))


class Judge:
    """Decide between two queries which tasks are lost.

    Attributes:
        suspects: time at which the scheduler first reported a task as gone or unreachable, by task
    """

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.suspects: dict[int, float] = {}
        self._remarked: set[str] = set()

    def find_lost(
        self, tasks: Mapping[int, Task] | None, waiting: Collection[int], now: float
    ) -> dict[int, Task | None]:
        """Return the tasks that will never leave a status, with the scheduler's last report on each.

        A task is lost if two queries report that it has ended, is unknown or has an unreachable host, or if one reports
        that it is stuck.

        Args:
            tasks: the reply to a query; None, if the scheduler does not answer, makes no task lost
            waiting: tasks without a status
            now: time of the query in seconds
        """
        if tasks is None:
            self.suspects.clear()
            return {}
        lost: dict[int, Task | None] = {}
        suspects: dict[int, float] = {}
        for number in waiting:
            task = tasks.get(number)
            state = task.state if task else State.GONE
            if state is State.ALIVE:
                continue
            since = self.suspects.get(number, now)
            patience = {State.STUCK: 0.0, State.UNREACHABLE: self.pace.unreachable}.get(state, 0.9 * self.pace.retry)
            if now - since >= patience:
                lost[number] = task
            else:
                suspects[number] = since
        self.suspects = suspects
        return lost

    def collect_remarks(self, tasks: Mapping[int, Task] | None, waiting: Collection[int]) -> list[str]:
        """Return the scheduler's remarks on waiting tasks, each once for all tasks and all queries."""
        new: dict[str, str] = {}
        for number in waiting:
            task = (tasks or {}).get(number)
            if task and task.state in (State.ALIVE, State.UNREACHABLE) and task.remark not in {"", *self._remarked}:
                new.setdefault(task.remark, task.label)
        self._remarked |= new.keys()
        return [f"job {label}: {remark}" for remark, label in new.items()]


def _explain_losses(
    connection: Connection, name: str, folder: str, lost: Mapping[int, Task | None]
) -> Iterator[tuple[int, str, str]]:
    """Yield each lost task with its label and the reason."""
    scheduler = connection.scheduler
    tasks = {
        number: task or Task(f"{connection.job}{scheduler.separator}{number}", State.GONE)
        for number, task in lost.items()
    }
    commands = {state: scheduler.reason_command(name, state) for state in {task.state for task in tasks.values()}}
    timeout = connection.pace.reason_timeout
    replies = {state: connection.call(words, timeout=timeout) for state, words in commands.items() if words}
    for number, task in tasks.items():
        remark, code = task.remark, task.code
        if task.state in replies:
            reason, script_code = scheduler.parse_reason(replies[task.state], number)
            remark = ": ".join(filter(None, [remark, reason]))
            code = code if script_code is None else script_code
        unknown = f"{scheduler.title} does not know it any more"
        candidates = [*explain(scheduler, _read_output(folder, number)), SCRIPT_ENDS.get(code or 0, remark), unknown]
        yield number, task.label, next(filter(None, candidates))


def _read_statuses(folder: str, waiting: Collection[int]) -> list[tuple[int, int]]:
    """Return the tasks that have left a status, and their exit codes."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        raise JobArrayError(f"{folder}: the folder of this submission was removed") from None
    except OSError:  # a network file system may fail for a while
        return []
    statuses = []
    for name in names:
        task, _, kind = name.partition(".")
        if kind == "status" and task.isdigit() and int(task) in waiting:
            with contextlib.suppress(ValueError):
                statuses.append((int(task), int(read_tail(f"{folder}/{name}", 16))))
    return statuses


def _refresh_folder(folder: str) -> None:
    """Write to a folder, so that a network file system discards its cached listing."""
    with contextlib.suppress(OSError):
        path = os.path.join(folder, ".refresh")
        open(path, "w").close()
        os.remove(path)


def _read_output(folder: str, task: int) -> str:
    """Return the end of the output of a task's script, closed with a newline; empty if there is none."""
    text = read_tail(f"{folder}/{task}.out", 4096)
    return text if text.endswith("\n") or not text else text + "\n"
