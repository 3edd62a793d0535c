"""Not outliving the process that waits for this one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

PARENT = "EMOSEQ_PARENT"  # environment variable: process that takes with it those it starts, when it dies

_PR_SET_PDEATHSIG = 1  # of prctl(2)


def end_with_parent() -> None:
    """Have SIGTERM come when the process dies that started this one, if that has put its number into PARENT.

    A shell that is told to end does so at once, and what it was waiting for would go on.
    """
    parent = os.environ.get(PARENT)
    if parent != str(os.getppid()):
        return
    with contextlib.suppress(OSError, AttributeError):  # of a system that is not Linux
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent != str(os.getppid()):  # it has just died
        os.kill(os.getpid(), signal.SIGTERM)
