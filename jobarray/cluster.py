"""Submit jobs as one array and monitor it until every task ends.

A task leaves its exit code in a file of its own, in a folder made for the submission; see `jobarray.watch`.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from jobarray import JobArrayError
from jobarray.command_line import Jobs, make_logs, substitute
from jobarray.connection import Connection, Pace
from jobarray.files import naming
from jobarray.processes import Wait, supervise
from jobarray.queue_conf import QueueConf, read_queue_conf
from jobarray.scheduler import Scheduler, State
from jobarray.script import format_log_line, format_script
from jobarray.watch import LOST, watch
from jobarray.wrapper import Execute

ROOT = Path(__file__).resolve().parent.parent

PACE = Pace()

_SCRIPT_NAME = "job.sh"  # in the folder of a submission


def run_on(scheduler: Scheduler, pace: Pace = PACE) -> Execute:
    """Return a function for `jobarray.wrapper.run_wrapper` that runs jobs on a scheduler.

    The function returns when every job has ended or is lost; a lost job gets the exit code LOST and the reason in its
    log. It raises

        JobArrayError: if the jobs cannot be submitted
        OSError: if a file cannot be written
        StoppedError: on SIGTERM, SIGINT or SIGHUP, after the array was cancelled
    """

    def end(names: Collection[str], wait: Wait) -> bool:
        connection = Connection(scheduler, pace, wait, submitted=True)
        left = [name for name in names if not connection.cancel(name)]
        return not left

    def execute(jobs: Jobs, done: Callable[[int, int], None]) -> None:
        conf = _read_conf(scheduler, jobs)
        jobs = replace(jobs, options=conf.fill_defaults(jobs.options))
        words = [*conf.command, *conf.expand_options(jobs.options)]
        numbering = scheduler.number_tasks(jobs.numbers)
        pattern, folder = _choose_folders(jobs)
        if forbidden := re.search(f"[{re.escape(scheduler.forbidden)}]", folder):
            raise JobArrayError(f"{folder}: {scheduler.title} takes no {forbidden[0]} in a path; put the log elsewhere")
        name = _name_array(folder)
        with supervise(end) as supervisor:
            connection = Connection(scheduler, pace, supervisor.wait)
            _remove_earlier(connection, pattern, jobs)
            make_logs(jobs)
            script = _write_script(format_script(scheduler, jobs, numbering, folder), folder)
            limit = int(jobs.options.get("max-jobs-run", 0))
            limit = limit if limit < len(jobs.numbers) else 0
            own = scheduler.submit_options(name, sorted(numbering.values()), limit, folder)
            supervisor.add(name, name)
            try:
                connection.submit([*words, *jobs.native, *own, script], name)
            except JobArrayError:
                supervisor.remove(name)
                _remove_folder(folder)
                raise
            codes = watch(connection, jobs, name, folder, numbering, done)
            if LOST not in codes:  # otherwise the array is cancelled: a lost task may run on
                supervisor.remove(name)
            if not any(codes):
                _remove_folder(folder)

    return execute


def _read_conf(scheduler: Scheduler, jobs: Jobs) -> QueueConf:
    """Read the file of --config, else conf/slurm.conf or conf/queue.conf of the current folder, else of the recipe."""
    path = jobs.options.get("config", f"conf/{scheduler.conf}")
    if "config" not in jobs.options and not os.path.exists(path):
        path = str(ROOT / "conf" / scheduler.conf)
    return read_queue_conf(path)


def _choose_folders(jobs: Jobs) -> tuple[str, str]:
    """Return a pattern for the folders of earlier submissions with the same logs, and a new folder.

    They are in q/ beside the logs, or beside their folder if that is called log, as in Kaldi.
    """
    folder, name = jobs.locate_logs()
    folder = os.path.abspath(folder)
    if os.path.basename(folder).lower() == "log":
        folder = os.path.dirname(folder)
    # Grid Engine takes no other characters in the name of an array.
    word = re.sub(r"[^\w.+-]", "", substitute(name, jobs.variable, ""), flags=re.ASCII).strip("._+") or "job"
    stem = os.path.join(folder, "q", word)
    return f"{glob.escape(stem)}-??????", f"{stem}-{secrets.token_hex(3)}"


def _name_array(folder: str) -> str:
    """Name an array after its submission's folder: the log's name for the user, and a token that makes it unique."""
    name = re.sub(r"\.+", ".", os.path.basename(folder))
    return name if name[0].isalpha() else f"j{name}"


def _remove_earlier(connection: Connection, pattern: str, jobs: Jobs) -> None:
    """Remove the folders of earlier submissions with the same logs.

    Raises:
        JobArrayError: if one of their arrays is still at work
    """
    for folder in sorted(glob.glob(pattern)):
        if not _has_same_logs(folder, jobs):
            continue
        name = _name_array(folder)
        deadline = time.monotonic() + connection.pace.cancel
        # Tasks that are being ended get some time, but not for ever: a host that is down never confirms their end.
        while (tasks := connection.query(name)) is None or (
            any(task.state is State.ENDING for task in tasks.values()) and time.monotonic() < deadline
        ):
            connection.wait(connection.pace.retry if tasks is None else 0.5)
        ended = {int(path.stem) for path in Path(folder).glob("*.status")}
        over = (State.ENDING, State.GONE)
        if alive := [task for number, task in tasks.items() if task.state not in over and number not in ended]:
            cancel = " ".join(connection.scheduler.cancel_command(name))
            raise JobArrayError(
                f"{jobs.logs}: {len(alive)} tasks of an earlier call ({alive[0].label} ...) are at work on these"
                f" logs; wait for them, or cancel them: {cancel}"
            )
        shutil.rmtree(folder, ignore_errors=True)


def _has_same_logs(folder: str, jobs: Jobs) -> bool:
    """Return true if a submission has these logs; the folders of x.log and x.JOB.log have the same name."""
    with contextlib.suppress(OSError), open(os.path.join(folder, _SCRIPT_NAME), errors="surrogateescape") as script:
        return format_log_line(jobs) in script.read().splitlines()
    return False


def _write_script(script: str, folder: str) -> str:
    """Make a submission's folder with its script and return the script's path; on an error make neither."""
    path = os.path.join(folder, _SCRIPT_NAME)
    os.makedirs(folder)
    try:
        with naming(path), open(path, "wb") as file:
            file.write(script.encode(errors="surrogateescape"))
    except OSError:
        _remove_folder(folder)
        raise
    return path


def _remove_folder(folder: str) -> None:
    """Remove a submission's folder in one step, so that a task which begins now sees all of it or nothing."""
    path, name = os.path.split(folder)
    hidden = os.path.join(path, f".{name}")
    with contextlib.suppress(OSError):
        os.rename(folder, hidden)
    shutil.rmtree(hidden, ignore_errors=True)
