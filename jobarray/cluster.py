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
from dataclasses import replace
from pathlib import Path

from jobarray import JobArrayError
from jobarray.command_line import Jobs, make_logs, substitute
from jobarray.connection import Connection, Pace, cancel_unattended
from jobarray.files import naming
from jobarray.processes import guard, signals
from jobarray.queue_conf import QueueConf, read_queue_conf
from jobarray.scheduler import Scheduler, State
from jobarray.script import job_script, log_line
from jobarray.watch import LOST, SCRIPT, array_name, watch
from jobarray.wrapper import Execute

ROOT = Path(__file__).resolve().parent.parent


PACE = Pace()


def run_on(scheduler: Scheduler, pace: Pace = PACE) -> Execute:
    """A function that runs jobs there, for `jobarray.wrapper.run_wrapper`.

    That function returns when all jobs have ended, or are lost: then their code is LOST and their log says why. It
    raises

        JobArrayError: if the jobs cannot be submitted as they are
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
            raise JobArrayError(f"{folder}: {scheduler.title} takes no {unfit[0]} in a path; put the log elsewhere")
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
                except JobArrayError:
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
        with naming(path), open(path, "wb") as file:
            file.write(script.encode(errors="surrogateescape"))
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


def clear_away(connection: Connection, pattern: str, jobs: Jobs) -> None:
    """Remove what earlier calls with the same logs have left.

    Raises:
        JobArrayError: if the array of one is still there
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
            raise JobArrayError(
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
