"""End processes together: jobs with their wrapper, a wrapper or a step with the process that waits for it.

    error in the wrapper                             `supervise` ends everything still registered when its block is left
    signal to the wrapper (Ctrl-C, SIGTERM, SIGHUP)  `wait` of `supervise` raises StoppedError, which leaves the block
    SIGKILL to the wrapper                           a guard, forked by `supervise`, does the same in its place
    any death of the process that waits for it       `end_with_parent`: the kernel sends SIGTERM, see the second line

None replaces another. After SIGKILL no code of the wrapper runs; and the kernel's signal reaches only a direct child,
neither the processes that a job has started nor an array on a cluster.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

Wait = Callable[..., None]
End = Callable[[Collection[str], Wait], bool]

GRACE = 3.0  # seconds between SIGTERM and SIGKILL
GUARD_PATIENCE = 300.0  # seconds for which the guard tries to end what is registered
GUARD_PAUSE = 10.0  # seconds between its attempts

# Environment variable, `HOST PID`: the process whose children end when it dies.
PARENT = "EMOSEQ_PARENT"

_PR_SET_PDEATHSIG = 1  # of prctl(2)


class StoppedError(Exception):
    """Request to stop by a signal; the argument is the signal's number."""


class Supervisor:
    """Register of everything that must not outlive this process, with a copy in the guard.

    Attributes:
        wait: `wait(seconds=None)` returns when a child ends or the time is over; it raises StoppedError on a signal to
            stop, and nothing else does: between its calls signals are kept
    """

    def __init__(self, wait: Wait, writer: int) -> None:
        self.wait = wait
        self._writer = writer
        self.names: dict[str, str] = {}

    def add(self, key: str, name: str) -> None:
        """Register what has begun: `name` is passed to `end`, `key` is for `remove`. A forked child may call this."""
        self.names[key] = name
        self._tell_guard(f"{key} {name}\n")

    def remove(self, key: str) -> None:
        """Forget what is over."""
        self.names.pop(key, None)
        self._tell_guard(f"{key}\n")

    def _tell_guard(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writer, line.encode())


@contextlib.contextmanager
def supervise(end: End) -> Iterator[Supervisor]:
    """End what is still registered when the block is left or when this process is killed.

    Args:
        end: gets the registered names and `wait`, returns whether nothing of them is left. It is called once when the
            block is left; if it fails then, or if this process was killed, the guard repeats it for GUARD_PATIENCE

    Raises:
        StoppedError: from `wait`, on SIGTERM, SIGINT or SIGHUP
    """
    reader, writer = os.pipe()
    guard = os.fork()
    if not guard:
        try:
            os.close(writer)
            _run_guard(reader, end)
        finally:
            os._exit(0)
    os.close(reader)
    names: dict[str, str] = {}
    try:
        with _catch_signals() as wait:
            supervisor = Supervisor(wait, writer)
            names = supervisor.names
            try:
                yield supervisor
            finally:
                if names and end(list(names.values()), wait):
                    for key in list(names):
                        supervisor.remove(key)
    finally:
        os.close(writer)
        if not names:  # otherwise the guard has work for a while
            os.waitpid(guard, 0)


def _run_guard(reader: int, end: End) -> None:
    """Follow the register until its writer closes the pipe or dies, then end what it has left."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    names: dict[str, str] = {}
    with open(reader) as lines:
        for line in lines:
            key, _, name = line[:-1].partition(" ")
            if name:
                names[key] = name
            else:
                names.pop(key, None)
    deadline = time.monotonic() + GUARD_PATIENCE
    with _catch_signals() as wait:
        while names and not end(list(names.values()), wait) and time.monotonic() < deadline:
            wait(GUARD_PAUSE)


@contextlib.contextmanager
def _catch_signals() -> Iterator[Wait]:
    """Yield the `wait` of a Supervisor."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    candidates = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    stops = [number for number in candidates if signal.getsignal(number) != signal.SIG_IGN]  # nohup ignores SIGHUP
    previous = {s: signal.signal(s, lambda *_: None) for s in [signal.SIGCHLD, *stops]}
    # Signal numbers come through the pipe: no handler can run between a fork and its registration.
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


def kill_groups(groups: Collection[str], wait: Wait) -> bool:
    """Send SIGTERM to process groups and SIGKILL to those alive GRACE later; an `end` for `supervise`."""
    left = set(map(int, groups))
    _signal_groups(left, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while (left := left & _list_groups()) and time.monotonic() < deadline:
        time.sleep(0.02)  # not `wait`: a second Ctrl-C must not leave jobs behind
    _signal_groups(left, signal.SIGKILL)
    return True


def _signal_groups(groups: Iterable[int], number: int) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _list_groups() -> set[int]:
    """Return all process groups with a living process; zombies stay for ever in a container without an init."""
    groups = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
            state, _, group = stat.read().rpartition(b")")[2].split()[:3]
            if state not in b"ZX":
                groups.add(int(group))
    return groups


def this_process() -> str:
    """Return the value of PARENT for the environment of a child that is to call `end_with_parent`."""
    return f"{os.uname().nodename} {os.getpid()}"


def end_with_parent() -> None:
    """Exit when the parent process dies, if it is the one in PARENT; at once if that one is dead already.

    A shell that receives a signal exits without ending its children. PARENT is removed from the environment, because it
    does not concern the children of this process.
    """
    host, _, parent = os.environ.pop(PARENT, "").partition(" ")
    if host != os.uname().nodename:
        return
    direct = parent == str(os.getppid())
    if direct:
        with contextlib.suppress(OSError, AttributeError):  # only Linux has prctl
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # A parent that died before prctl may be a zombie still; its children have another parent at once.
    if (direct and parent != str(os.getppid())) or not _is_running(int(parent)):
        os.kill(os.getpid(), signal.SIGTERM)


def _is_running(pid: int) -> bool:
    """Return whether a process of this host exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):  # only Linux has /proc
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True
