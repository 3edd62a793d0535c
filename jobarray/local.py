"""Run jobs on this machine, each in a process group of its own."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from jobarray.command_line import (
    ASSIGNMENT,
    OPERATORS,
    THREADS,
    Jobs,
    format_footer,
    format_header,
    make_logs,
    quote_command,
)
from jobarray.files import naming
from jobarray.processes import Supervisor, kill_groups, supervise


@dataclass
class _Running:
    number: int
    process: subprocess.Popen[bytes]
    began: float
    slot: int


def run_here(jobs: Jobs, done: Callable[[int, int], None]) -> None:
    """Run the jobs on this machine, as many at once as it has cores or GPUs for.

    Each job has an empty stdin and is a process group of its own, so that no process of it outlives this call.

    Args:
        jobs: the jobs
        done: called with the number and the exit code of each job that ends, 128 + n if signal n killed it

    Raises:
        OSError: if a log cannot be written; then no job has run
        StoppedError: on SIGTERM, SIGINT or SIGHUP, after the jobs were killed
    """
    devices = _list_gpus() if jobs.gpus else []
    free_slots = list(range(_count_slots(jobs, devices)))
    make_logs(jobs)
    waiting = list(jobs.numbers)
    running: list[_Running] = []
    try:
        with supervise(kill_groups) as supervisor:
            while waiting or running:
                while waiting and free_slots:
                    number = waiting.pop(0)
                    started = _start_job(jobs, number, free_slots[0], devices, supervisor)
                    if isinstance(started, int):
                        done(number, started)
                    else:
                        running.append(started)
                        free_slots.pop(0)
                if running:
                    supervisor.wait()
                for job in [job for job in running if job.process.poll() is not None]:
                    running.remove(job)
                    supervisor.remove(str(job.number))
                    free_slots.append(job.slot)
                    done(job.number, _finish_log(jobs, job))
    finally:
        for job in running:
            job.process.wait()
            _finish_log(jobs, job)


def _count_slots(jobs: Jobs, devices: list[str]) -> int:
    """Return the number of jobs that run at once."""
    if "max-jobs-run" in jobs.options:
        slots = int(jobs.options["max-jobs-run"])
    elif devices:
        slots = len(devices) // jobs.gpus
    else:
        slots = len(os.sched_getaffinity(0)) // jobs.threads
    return min(max(1, slots), len(jobs.numbers))


def _list_gpus() -> list[str]:
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return [device for device in listed.split(",") if device not in ("", "-1")]
    return [str(i) for i in range(sum(bool(re.fullmatch(r"nvidia\d+", name)) for name in os.listdir("/dev")))]


def _make_environment(jobs: Jobs, slot: int, devices: list[str]) -> dict[str, str]:
    environment = os.environ | dict.fromkeys(THREADS, str(jobs.threads))
    if devices:
        mine = {devices[(slot * jobs.gpus + i) % len(devices)]: None for i in range(jobs.gpus)}
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
    return environment


def _start_job(jobs: Jobs, number: int, slot: int, devices: list[str], supervisor: Supervisor) -> _Running | int:
    """Start a job and return it, or the exit code if it cannot be started."""
    words = jobs.expand_command(number)
    in_shell = any(word in OPERATORS for word in words) or ASSIGNMENT.fullmatch(words[0])
    command = ["bash", "-o", "pipefail", "-c", quote_command(words)] if in_shell else words
    began = time.monotonic()
    with naming(jobs.expand_log(number)), open(jobs.expand_log(number), "ab", buffering=0) as log:
        log.write(format_header(words))
        for attempt in (command, ["bash", *command]):
            try:
                process = subprocess.Popen(
                    attempt,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_make_environment(jobs, slot, devices),
                    start_new_session=True,
                    preexec_fn=lambda: supervisor.add(str(number), str(os.getpid())),  # before the job can do anything
                )
                supervisor.add(str(number), str(process.pid))
                return _Running(number, process, began, slot)
            except OSError as error:
                if error.errno == errno.ENOEXEC:  # a script without #! runs in bash, as from a shell
                    continue
                code, reason = 126, str(error.strerror)
                if error.errno == errno.ENOENT:
                    exists = os.path.exists(command[0])
                    code, reason = 127, "its interpreter is missing" if exists else "command not found"
                break
        supervisor.remove(str(number))
        log.write(os.fsencode(f"{command[0]}: {reason}\n") + format_footer(code, 0, jobs.threads))
    return code


def _finish_log(jobs: Jobs, job: _Running) -> int:
    """Write the foot of the log of a job that has ended and return its exit code."""
    code = job.process.returncode
    code = 128 - code if code < 0 else code
    log = jobs.expand_log(job.number)
    try:
        with open(log, "ab+") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 1))
            newline = b"" if stream.read(1) in (b"\n", b"") else b"\n"
            stream.write(newline + format_footer(code, time.monotonic() - job.began, jobs.threads))
    except OSError as error:  # a full disk, or the job removed its log: neither changes its exit code
        print(f"{log}: {error.strerror}", file=sys.stderr)
    return code
