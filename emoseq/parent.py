"""Not outliving the process that waits for this one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

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
