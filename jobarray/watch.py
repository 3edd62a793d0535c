"""Monitor an array until every task ends."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from jobarray import JobArrayError
from jobarray.command_line import Jobs, footer
from jobarray.connection import Connection, Pace
from jobarray.scheduler import State, Task, meanings
from jobarray.script import SCRIPT_ENDS


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


LOST = 255  # in place of the exit code of a job that left none


SCRIPT = "job.sh"  # in the folder of a submission


def array_name(folder: str) -> str:
    """The name of a submission at the scheduler: what users know its log by, and a token that makes it the only one."""
    name = re.sub(r"\.+", ".", os.path.basename(folder))
    return name if name[0].isalpha() else f"j{name}"


def watch(
    connection: Connection, jobs: Jobs, numbering: dict[int, int], folder: str, done: Callable[[int, int], None]
) -> list[int]:
    """Wait for the end of all jobs; their codes, in the order of their ends."""
    pace, name, scheduler = connection.pace, array_name(folder), connection.scheduler
    waiting = {task: number for number, task in numbering.items()}
    codes: list[int] = []
    judge = Judge(pace)
    seen: dict[int, float] = {}  # when a status was; of what was killed the scheduler may have a word to say yet
    began = time.monotonic()
    due = began + pace.ask
    while True:
        for task, code in _statuses(folder, waiting):
            first = seen.setdefault(task, time.monotonic())
            if code > 128 and scheduler.notes and time.monotonic() < first + pace.note:
                continue
            number = waiting.pop(task)
            if code:
                output = _read(f"{folder}/{task}.out")
                reasons = [f"{scheduler.program}: {why}\n" for why in meanings(scheduler, output)]
                _append(jobs, number, output + "".join(reasons))
            codes.append(code)
            done(number, code)
        if not waiting:
            return codes
        now = time.monotonic()
        if now >= due:
            found = connection.ask(name)
            now = time.monotonic()
            _refresh(folder)
            ended = dict(_statuses(folder, waiting))
            lost = judge.lost(found, [task for task in waiting if task not in ended], now)
            for task, label, why in _reasons(connection, lost, folder):
                number = waiting.pop(task)
                output = _read(f"{folder}/{task}.out")
                _append(jobs, number, f"{output}{scheduler.program}: job {label} was lost: {why}\n", foot=True)
                last = output.strip().splitlines()[-1:]
                connection.say(f"{jobs.log_of(number)}: job {label} was lost: {': '.join([why, *last])}")
                codes.append(LOST)
                done(number, LOST)
            for remark in judge.remarks(found, waiting):
                connection.say(f"{jobs.logs}: {remark}")
            due = now + (pace.again if judge.suspects else pace.ask)
            continue
        # Short jobs are noticed at once, long ones need not be looked after as often.
        connection.wait(min(2.0, max(0.1, (now - began) / 50), due - now))


def _reasons(connection: Connection, lost: Mapping[int, Task | None], folder: str) -> Iterator[tuple[int, str, str]]:
    """Tasks without a status, what the scheduler calls them, and what became of them."""
    scheduler, name = connection.scheduler, array_name(folder)
    tasks = {task: said or Task(f"{connection.job}{scheduler.joint}{task}", State.GONE) for task, said in lost.items()}
    asked = {state: scheduler.asks_why(name, state) for state in {said.state for said in tasks.values()}}
    answers = {state: connection.call(words, patience=connection.pace.why) for state, words in asked.items() if words}
    for task, said in tasks.items():
        remark, code = said.remark, said.code
        if said.state in answers:
            words, script = scheduler.why(answers[said.state], task)
            remark, code = ": ".join(filter(None, [remark, words])), code if script is None else script
        unknown = f"{scheduler.title} does not know it any more"
        told = [*meanings(scheduler, _read(f"{folder}/{task}.out")), SCRIPT_ENDS.get(code or 0, remark), unknown]
        yield task, said.label, next(filter(None, told))


def _statuses(folder: str, waiting: dict[int, int]) -> list[tuple[int, int]]:
    """Tasks that have left a status by now, and their codes."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        raise JobArrayError(f"{folder}: the folder of this submission was removed") from None
    except OSError:  # of a network file system, for a while
        return []
    found = []
    for name in names:
        task, _, kind = name.partition(".")
        if kind == "status" and task.isdigit() and int(task) in waiting:
            with contextlib.suppress(OSError, ValueError):
                found.append((int(task), int(_read(f"{folder}/{name}"))))
    return found


def _refresh(folder: str) -> None:
    """Have a network file system look at a folder again, whose content it believes to know."""
    with contextlib.suppress(OSError):
        path = os.path.join(folder, ".refresh")
        open(path, "w").close()
        os.remove(path)


def _read(path: str) -> str:
    """The end of a small file, with a newline at its end; empty if there is none."""
    with contextlib.suppress(OSError), open(path, errors="replace") as stream:
        text = stream.read()[-4096:]
        return text if text.endswith("\n") or not text else text + "\n"
    return ""


def _append(jobs: Jobs, number: int, text: str, *, foot: bool = False) -> None:
    """Add what the scheduler says of a job to its log."""
    with contextlib.suppress(OSError), open(jobs.log_of(number), "ab") as log:
        log.write(text.encode() + (footer(LOST, 0, jobs.threads, cluster=True) if foot else b""))
