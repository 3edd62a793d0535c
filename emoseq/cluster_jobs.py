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
from collections.abc import Callable
from pathlib import Path

from emoseq import DataError
from emoseq.connection import Connection, Pace, cancel_unattended
from emoseq.job_script import SCRIPT_ENDS, job_script, log_line
from emoseq.jobs import Jobs, footer, make_logs
from emoseq.lost_tasks import Judge
from emoseq.processes import guard, signals
from emoseq.queue_conf import read_queue_conf
from emoseq.schedulers import Scheduler, State, Task
from emoseq.wrapper import Execute

LOST = 255  # in place of the exit code of a job that left none

SCRIPT = "job.sh"  # in the folder of a submission

ROOT = Path(__file__).resolve().parent.parent


def run_on(scheduler: Scheduler, pace: Pace | None = None) -> Execute:
    """A function that runs jobs there, for `emoseq.wrapper.run_wrapper`.

    That function returns when all jobs have ended, or are lost: then their code is LOST and their log says why. It
    raises

        DataError: if the jobs cannot be submitted as they are
        OSError: if a file cannot be written
        StoppedError: if SIGTERM, SIGINT or SIGHUP came; the array was cancelled before
    """

    def execute(jobs: Jobs, done: Callable[[int, int], None]) -> None:
        words = submission_words(scheduler, jobs)
        numbering = scheduler.numbering(jobs.numbers)
        pattern, folder = folders(jobs)
        name = array_name(folder)
        with guard(lambda names: cancel_unattended(scheduler, names)) as note, signals() as wait:
            connection = Connection(scheduler, pace or Pace(), wait)
            clear_away(connection, pattern, jobs)
            make_logs(jobs)
            os.makedirs(folder)
            script = os.path.join(folder, SCRIPT)
            with open(script, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(job_script(scheduler, jobs, numbering, folder))
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
                    raise
                codes = watch(connection, jobs, numbering, folder, done)
                over = LOST not in codes  # a task that is lost may run on
            finally:
                if over or connection.cancel(name):
                    note(f"-{name}")
            if not any(codes):
                shutil.rmtree(folder, ignore_errors=True)

    return execute


def submission_words(scheduler: Scheduler, jobs: Jobs) -> list[str]:
    """The command that submits, with what the conf file has for the options given.

    The file is that of --config, else conf/slurm.conf or conf/queue.conf of the current folder, else the recipe's own.
    """
    path = jobs.options.get("config", f"conf/{scheduler.conf}")
    if "config" not in jobs.options and not os.path.exists(path):
        path = str(ROOT / "conf" / scheduler.conf)
    conf = read_queue_conf(path)
    return [*conf.command, *conf.words(jobs.options)]


def folders(jobs: Jobs) -> tuple[str, str]:
    """Where scripts and status files go, as Kaldi's q/: a pattern for those of earlier calls, and a new one."""
    folder, name = os.path.split(jobs.logs if jobs.variable else jobs.log)
    folder = os.path.abspath(folder.replace("*", "_"))
    if os.path.basename(folder).lower() == "log":
        folder = os.path.dirname(folder)
    stem = os.path.join(folder, "q", re.sub(r"[^\w.+-]", "", name.removesuffix(".log")).strip(".") or "job")
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


def watch(
    connection: Connection, jobs: Jobs, numbering: dict[int, int], folder: str, done: Callable[[int, int], None]
) -> list[int]:
    """Wait for the end of all jobs; their codes, in the order of their ends."""
    pace, name = connection.pace, array_name(folder)
    waiting = {task: number for number, task in numbering.items()}
    codes: list[int] = []
    judge = Judge(pace)
    began = time.monotonic()
    due = began + pace.ask
    while True:
        for task, code in _statuses(folder, waiting):
            number = waiting.pop(task)
            if code:
                output = _read(f"{folder}/{task}.out")
                reasons = [f"{connection.scheduler.program}: {why}\n" for why in _reasons(connection.scheduler, output)]
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
            for task, said in lost.items():
                number = waiting.pop(task)
                _tell_lost(connection, jobs, number, task, said, folder)
                codes.append(LOST)
                done(number, LOST)
            for remark in judge.remarks(found, waiting):
                connection.say(f"{jobs.logs}: {remark}")
            due = now + (pace.again if judge.suspects else pace.ask)
            continue
        # Short jobs are noticed at once, long ones need not be looked after as often.
        connection.wait(min(2.0, max(0.1, (now - began) / 50), due - now))


def _reasons(scheduler: Scheduler, output: str) -> list[str]:
    """Why a task ended, by what the scheduler has written into its output."""
    return [reason for pattern, reason in scheduler.notes if re.search(pattern, output)]


def _tell_lost(connection: Connection, jobs: Jobs, number: int, task: int, said: Task | None, folder: str) -> None:
    """Say in the log and on stderr what became of a job without a status."""
    scheduler = connection.scheduler
    said = said or Task(f"{connection.job}{scheduler.joint}{task}", State.GONE)
    remark, code = said.remark, said.code
    if said.state in (State.ENDING, State.GONE) and (why := scheduler.asks_why(said.label)):
        words, script = scheduler.why(connection.call(why))
        remark, code = words or remark, code if script is None else script
    output = _read(f"{folder}/{task}.out")
    unknown = f"{scheduler.title} does not know it any more"
    remark = next(filter(None, [*_reasons(scheduler, output), SCRIPT_ENDS.get(code or 0, remark), unknown]))
    _append(jobs, number, f"{output}{scheduler.program}: job {said.label} was lost: {remark}\n", foot=True)
    last = output.strip().splitlines()[-1:]
    connection.say(f"{jobs.log_of(number)}: job {said.label} was lost: {': '.join([remark, *last])}")


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
