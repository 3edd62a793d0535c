"""Running jobs on this machine, each a process group of its own."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from jobarray.command_line import ASSIGNMENT, OPERATORS, THREADS, Jobs, command_line, footer, header, make_logs
from jobarray.files import naming
from jobarray.processes import guard, kill, signals


@dataclass
class _Running:
    number: int
    process: subprocess.Popen[bytes]
    began: float
    slot: int


def run_here(jobs: Jobs, done: Callable[[int, int], None]) -> None:
    """Run the jobs on this machine, as many at once as there is room for.

    Each job is a process group of its own with an empty stdin, so that none outlives this call.

    Args:
        jobs: what to run
        done: called with the number and the exit code of each job as it ends, 128 + n for one that signal n killed

    Raises:
        OSError: if a log cannot be written; then no job has run
        StoppedError: if SIGTERM, SIGINT or SIGHUP came; the jobs were killed before
    """
    devices = _visible_gpus() if jobs.gpus else []
    free_slots = list(range(_room(jobs, devices)))
    make_logs(jobs)
    waiting = list(jobs.numbers)
    running: list[_Running] = []
    with guard(lambda groups: kill(map(int, groups))) as note, signals() as wait:
        try:
            while waiting or running:
                while waiting and free_slots:
                    number = waiting.pop(0)
                    started = _start(jobs, number, free_slots[0], devices, note)
                    if isinstance(started, int):
                        done(number, started)
                    else:
                        running.append(started)
                        free_slots.pop(0)
                if running:
                    wait()
                for job in [job for job in running if job.process.poll() is not None]:
                    running.remove(job)
                    note(f"-{job.process.pid}")
                    free_slots.append(job.slot)
                    done(job.number, _finish(jobs, job))
        finally:
            if running:
                kill([job.process.pid for job in running], [job.process for job in running])
                for job in running:
                    _finish(jobs, job)
                    note(f"-{job.process.pid}")


def _room(jobs: Jobs, devices: list[str]) -> int:
    """How many jobs run at once."""
    if "max-jobs-run" in jobs.options:
        room = int(jobs.options["max-jobs-run"])
    elif devices:
        room = len(devices) // jobs.gpus
    else:
        room = len(os.sched_getaffinity(0)) // jobs.threads
    return min(max(1, room), len(jobs.numbers))


def _visible_gpus() -> list[str]:
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return [device for device in listed.split(",") if device not in ("", "-1")]
    return [str(i) for i in range(sum(bool(re.fullmatch(r"nvidia\d+", name)) for name in os.listdir("/dev")))]


def _environment(jobs: Jobs, slot: int, devices: list[str]) -> dict[str, str]:
    environment = os.environ | dict.fromkeys(THREADS, str(jobs.threads))
    if devices:
        mine = {devices[(slot * jobs.gpus + i) % len(devices)]: None for i in range(jobs.gpus)}
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
    return environment


def _start(jobs: Jobs, number: int, slot: int, devices: list[str], note: Callable[[str], None]) -> _Running | int:
    """A running job, or the exit code of one that could not be started."""
    words = jobs.command_of(number)
    in_shell = any(word in OPERATORS for word in words) or ASSIGNMENT.fullmatch(words[0])
    command = ["bash", "-o", "pipefail", "-c", command_line(words)] if in_shell else words
    began = time.monotonic()
    with naming(jobs.log_of(number)), open(jobs.log_of(number), "ab", buffering=0) as log:
        log.write(header(words))
        for attempt in (command, ["bash", *command]):
            try:
                process = subprocess.Popen(
                    attempt,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_environment(jobs, slot, devices),
                    start_new_session=True,
                    preexec_fn=lambda: note(f"+{os.getpid()}"),  # before it can do anything
                )
                return _Running(number, process, began, slot)
            except OSError as error:
                if error.errno == errno.ENOEXEC:  # a script without #! is one for the shell
                    continue
                code, reason = 126, str(error.strerror)
                if error.errno == errno.ENOENT:
                    there = os.path.exists(command[0])
                    code, reason = 127, "its interpreter is missing" if there else "command not found"
                break
        log.write(os.fsencode(f"{command[0]}: {reason}\n") + footer(code, 0, jobs.threads))
    return code


def _finish(jobs: Jobs, job: _Running) -> int:
    """End the log of a job that is over."""
    code = job.process.returncode
    code = 128 - code if code < 0 else code
    log = jobs.log_of(job.number)
    try:
        with open(log, "ab+") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 1))
            newline = b"" if stream.read(1) in (b"\n", b"") else b"\n"
            stream.write(newline + footer(code, time.monotonic() - job.began, jobs.threads))
    except OSError as error:  # a full disk or a log that the job removed says nothing about the job
        print(f"{log}: {error.strerror}", file=sys.stderr)
    return code
