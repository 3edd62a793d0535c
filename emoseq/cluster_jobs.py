"""Running jobs on a cluster: one array for all of them, and an eye on it until each has ended.

A task leaves its exit code in a file of its own, in a folder made for the submission, and these files alone say how
jobs went. The scheduler is asked now and then for the whole array, to notice tasks that will never leave one. As long
as it does not answer, nothing is concluded.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from emoseq import DataError
from emoseq.connection import Connection, Pace, cancel_unattended
from emoseq.files import write_bytes
from emoseq.job_script import SCRIPT_ENDS, job_script, log_line
from emoseq.jobs import Jobs, footer, make_logs, substitute
from emoseq.lost_tasks import Judge
from emoseq.processes import guard, signals
from emoseq.queue_conf import QueueConf, read_queue_conf
from emoseq.schedulers import Scheduler, State, Task, meanings
from emoseq.wrapper import Execute

LOST = 255  # in place of the exit code of a job that left none

SCRIPT = "job.sh"  # in the folder of a submission

ROOT = Path(__file__).resolve().parent.parent

PACE = Pace()


def run_on(scheduler: Scheduler, pace: Pace = PACE) -> Execute:
    """A function that runs jobs there, for `emoseq.wrapper.run_wrapper`.

    That function returns when all jobs have ended, or are lost: then their code is LOST and their log says why. It
    raises

        DataError: if the jobs cannot be submitted as they are
        OSError: if a file cannot be written
        StoppedError: if SIGTERM, SIGINT or SIGHUP came; the array was cancelled before
    """

    def execute(jobs: Jobs, done: Callable[[int, int], None]) -> None:
        conf = conf_of(scheduler, jobs)
        jobs = replace(jobs, options=conf.completed(jobs.options))
        words = [*conf.command, *conf.words(jobs.options)]
        numbering = scheduler.numbering(jobs.numbers)
        pattern, folder = folders(jobs)
        if unfit := re.search(f"[{re.escape(scheduler.unfit)}]", folder):
            raise DataError(f"{folder}: {scheduler.title} takes no {unfit[0]} in a path; put the log elsewhere")
        name = array_name(folder)
        with guard(lambda names: cancel_unattended(scheduler, pace, names)) as note, signals() as wait:
            connection = Connection(scheduler, pace, wait)
            clear_away(connection, pattern, jobs)
            make_logs(jobs)
            script = _written(job_script(scheduler, jobs, numbering, folder), folder)
            limit = int(jobs.options.get("max-jobs-run", 0))
            limit = limit if limit < len(jobs.numbers) else 0
            own = scheduler.submit(name, sorted(numbering.values()), limit, folder)
            note(f"+{name}")
            over = False
            try:
                try:
                    connection.submit([*words, *jobs.native, *own, script], name)
                except DataError:
                    over = True  # nothing is there to be cancelled
                    _remove(folder)
                    raise
                codes = watch(connection, jobs, numbering, folder, done)
                over = LOST not in codes  # a task that is lost may run on
            finally:
                if over or connection.cancel(name):
                    note(f"-{name}")
            if not any(codes):
                _remove(folder)

    return execute


def _written(script: str, folder: str) -> str:
    """The path of a script, once it and its folder are there; both are or none."""
    path = os.path.join(folder, SCRIPT)
    os.makedirs(folder)
    try:
        write_bytes(Path(path), script.encode(errors="surrogateescape"))
    except OSError:
        _remove(folder)
        raise
    return path


def conf_of(scheduler: Scheduler, jobs: Jobs) -> QueueConf:
    """What options become there.

    The file is that of --config, else conf/slurm.conf or conf/queue.conf of the current folder, else the recipe's own.
    """
    path = jobs.options.get("config", f"conf/{scheduler.conf}")
    if "config" not in jobs.options and not os.path.exists(path):
        path = str(ROOT / "conf" / scheduler.conf)
    return read_queue_conf(path)


def folders(jobs: Jobs) -> tuple[str, str]:
    """Where scripts and status files go, as Kaldi's q/: a pattern for those of earlier calls, and a new one."""
    folder, name = jobs.place
    folder = os.path.abspath(folder)
    if os.path.basename(folder).lower() == "log":
        folder = os.path.dirname(folder)
    # Grid Engine takes no other letters in a name.
    word = re.sub(r"[^\w.+-]", "", substitute(name, jobs.variable, ""), flags=re.ASCII).strip("._+") or "job"
    stem = os.path.join(folder, "q", word)
    return f"{glob.escape(stem)}-??????", f"{stem}-{secrets.token_hex(3)}"


def array_name(folder: str) -> str:
    """The name of a submission at the scheduler: what users know its log by, and a token that makes it the only one."""
    name = re.sub(r"\.+", ".", os.path.basename(folder))
    return name if name[0].isalpha() else f"j{name}"


def clear_away(connection: Connection, pattern: str, jobs: Jobs) -> None:
    """Remove what earlier calls with the same logs have left.

    Raises:
        DataError: if the array of one is still there
    """
    for folder in sorted(glob.glob(pattern)):
        if not _is_of_same_logs(folder, jobs):
            continue
        name = array_name(folder)
        deadline = time.monotonic() + connection.pace.cancel
        # What is being ended is given time, and no more: a host that is down never confirms it.
        while (found := connection.ask(name)) is None or (
            any(task.state is State.ENDING for task in found.values()) and time.monotonic() < deadline
        ):
            connection.wait(connection.pace.again if found is None else 0.5)
        ended = {int(path.stem) for path in Path(folder).glob("*.status")}
        over = (State.ENDING, State.GONE)
        if alive := [task for number, task in found.items() if task.state not in over and number not in ended]:
            cancel = " ".join(connection.scheduler.cancels(name))
            raise DataError(
                f"{jobs.logs}: {len(alive)} tasks of an earlier call ({alive[0].label} ...) are at work on these"
                f" logs; wait for them, or cancel them: {cancel}"
            )
        shutil.rmtree(folder, ignore_errors=True)


def _is_of_same_logs(folder: str, jobs: Jobs) -> bool:
    """Whether a submission's folder is of these logs; its name is that of x.log and x.JOB.log alike."""
    with contextlib.suppress(OSError), open(os.path.join(folder, SCRIPT), errors="surrogateescape") as script:
        return log_line(jobs) in script.read().splitlines()
    return False


def _remove(folder: str) -> None:
    """Remove a submission's folder at one stroke: a task that begins now finds all of it or nothing."""
    path, name = os.path.split(folder)
    hidden = os.path.join(path, f".{name}")
    with contextlib.suppress(OSError):
        os.rename(folder, hidden)
    shutil.rmtree(hidden, ignore_errors=True)


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
        raise DataError(f"{folder}: the folder of this submission was removed") from None
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
