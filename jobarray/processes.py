"""Processes of a wrapper: its signals, its children's groups, and a guard for when it is killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

GRACE = 3.0  # seconds between SIGTERM and SIGKILL


class StoppedError(Exception):
    """A signal asked the wrapper to end; its jobs are gone. The argument is the signal's number."""


@contextlib.contextmanager
def signals() -> Iterator[Callable[..., None]]:
    """Yields `wait(seconds=None)`, which returns at a child's end or after that time.

    `wait` raises StoppedError for a signal to stop, and it alone: between its calls signals are kept.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    every = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    stops = [number for number in every if signal.getsignal(number) != signal.SIG_IGN]  # nohup stays so
    previous = {s: signal.signal(s, lambda *_: None) for s in [signal.SIGCHLD, *stops]}
    # The numbers of signals come through the pipe: no handler can run between a fork and its record.
    previous_writer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait(seconds: float | None = None) -> None:
        if not select.select([reader], [], [], seconds)[0]:
            return
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


def kill(groups: Iterable[int], processes: Sequence[subprocess.Popen[bytes]] = ()) -> None:
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
def guard(end: Callable[[set[str]], None]) -> Iterator[Callable[[str], None]]:
    """A process that calls `end` if this one dies of SIGKILL.

    Yields a function that tells it what there would be to end: `+<name>` for something that has begun and
    `-<name>` for something that is over. It sees this process die by the end of the pipe between them.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            os.close(writer)
            names: set[str] = set()
            with open(reader) as notes:
                for line in notes:
                    (names.add if line[0] == "+" else names.discard)(line[1:-1])
            if names:
                end(names)
        finally:
            os._exit(0)
    os.close(reader)

    left: set[str] = set()

    def note(text: str) -> None:
        (left.add if text[0] == "+" else left.discard)(text[1:])
        with contextlib.suppress(BrokenPipeError):
            os.write(writer, f"{text}\n".encode())

    try:
        yield note
    finally:
        os.close(writer)
        if not left:  # otherwise it has something to do for a while
            os.waitpid(process, 0)


# Environment variable, `HOST PID`: the process without which those that it has started are to end.
PARENT = "EMOSEQ_PARENT"


_PR_SET_PDEATHSIG = 1  # of prctl(2)


def this_process() -> str:
    """What goes into PARENT of a child's environment."""
    return f"{os.uname().nodename} {os.getpid()}"


def end_with_parent() -> None:
    """Have SIGTERM come when the parent dies, if it is the process in PARENT; at once, if that is dead already.

    A shell that is told to end does so without waiting for what it has started, which would go on. What this process
    starts is its own matter, so PARENT is taken out of its environment.
    """
    host, _, parent = os.environ.pop(PARENT, "").partition(" ")
    if host != os.uname().nodename:
        return
    if parent == str(os.getppid()):
        with contextlib.suppress(OSError, AttributeError):  # of a system that is not Linux
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    with contextlib.suppress(PermissionError):
        try:
            os.kill(int(parent), 0)
        except ProcessLookupError:
            os.kill(os.getpid(), signal.SIGTERM)
