"""Running jobs on this machine: processes, their signals and what is left when a wrapper is killed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from emoseq.jobs import ASSIGNMENT, OPERATORS, Jobs, StoppedError, command_line, footer, header

GRACE = 3.0  # seconds between SIGTERM and SIGKILL

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class _Running:
    number: int
    process: subprocess.Popen[bytes]
    began: float
    slot: int


def run_here(jobs: Jobs) -> dict[int, int]:
    """Run the jobs on this machine, as many at once as there is room for.

    Each job is a process group of its own with an empty stdin, so that none outlives this call.

    Returns:
        the exit code of each job, 128 + n for one that signal n killed

    Raises:
        OSError: if a log cannot be written; then no job has run
        StoppedError: if SIGTERM, SIGINT or SIGHUP came; the jobs were killed before
    """
    devices = _visible_gpus() if jobs.gpus else []
    free_slots = list(range(_room(jobs, devices)))
    for number in jobs.numbers:
        os.makedirs(os.path.dirname(jobs.log_of(number)) or ".", exist_ok=True)
        open(jobs.log_of(number), "wb").close()
    waiting = list(jobs.numbers)
    running: list[_Running] = []
    codes: dict[int, int] = {}
    with _guard() as note, _signals() as wait:
        try:
            while len(codes) < len(jobs.numbers):
                while waiting and free_slots:
                    number = waiting.pop(0)
                    started = _start(jobs, number, free_slots[0], devices, note)
                    if isinstance(started, int):
                        codes[number] = started
                    else:
                        running.append(started)
                        free_slots.pop(0)
                if running:
                    wait()
                for job in [job for job in running if job.process.poll() is not None]:
                    running.remove(job)
                    codes[job.number] = _finish(jobs, job)
                    note(f"-{job.process.pid}\n")
                    free_slots.append(job.slot)
        finally:
            if running:
                _kill([job.process.pid for job in running], [job.process for job in running])
                for job in running:
                    _finish(jobs, job)
                    note(f"-{job.process.pid}\n")
    return codes


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
    environment = os.environ | dict.fromkeys(_THREADS, str(jobs.threads))
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
    with open(jobs.log_of(number), "ab", buffering=0) as log:
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
                    preexec_fn=lambda: note(f"+{os.getpid()}\n"),  # before it can do anything
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


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], None]]:
    """Yields a function that waits for a child's end, and raises StoppedError for a signal to stop."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    every = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    stops = [number for number in every if signal.getsignal(number) != signal.SIG_IGN]  # nohup stays so
    previous = {s: signal.signal(s, lambda *_: None) for s in [signal.SIGCHLD, *stops]}
    # The numbers of signals come through the pipe: no handler can run between a fork and its record.
    previous_writer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait() -> None:
        select.select([reader], [], [])
        for number in os.read(reader, 4096):
            if number in stops:
                raise StoppedError(number)

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(previous_writer)
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _kill(groups: Iterable[int], processes: Sequence[subprocess.Popen[bytes]] = ()) -> None:
    """SIGTERM to process groups and, to what is left of them after a while, SIGKILL."""
    left = set(groups)
    _signal_groups(left, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while (left := left & _living_groups()) and time.monotonic() < deadline:
        time.sleep(0.02)
    _signal_groups(left, signal.SIGKILL)
    for process in processes:
        process.wait()


def _signal_groups(groups: Iterable[int], number: int) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _living_groups() -> set[int]:
    """All process groups but those of zombies, which stay for ever in a container without an init."""
    groups = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
            state, _, group = stat.read().rpartition(b")")[2].split()[:3]
            if state not in b"ZX":
                groups.add(int(group))
    return groups


@contextlib.contextmanager
def _guard() -> Iterator[Callable[[str], None]]:
    """A process that kills the jobs if this one dies of SIGKILL.

    Yields a function that tells it of a process group, `+<id>` for one to kill and `-<id>` for one
    that has ended. It sees this process end by the end of the pipe between them.
    """
    reader, writer = os.pipe()
    guard = os.fork()
    if not guard:
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            os.close(writer)
            groups: set[int] = set()
            with open(reader, "rb") as notes:
                for line in notes:
                    (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
            _kill(groups)
        finally:
            os._exit(0)
    os.close(reader)

    def note(text: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(writer, text.encode())

    try:
        yield note
    finally:
        os.close(writer)
        os.waitpid(guard, 0)
