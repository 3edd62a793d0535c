"""Log lines and exit status of a step."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from emoseq import DataError
from jobarray.processes import end_with_parent


def log(message: str) -> None:
    """One line about the running step on stderr, which begins with its name as the user typed it."""
    try:
        print(f"{_step_name()}: {message}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:  # a full disk: what is done matters more than that it is said
        pass


def run_step(main: Callable[[], int]) -> int:
    """Run a step's main function; what a user can get wrong becomes one line and status 1."""
    end_with_parent()
    try:
        status = main()
        sys.stdout.flush()
        return status
    except DataError as error:
        log(str(error))
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        # Of a copy or a renaming the second name is what was to be written; emoseq.io.files names what it writes.
        file = error.filename2 or error.filename
        if not file and error.errno in (errno.ENOSPC, errno.EDQUOT):
            file = "standard output"
        log(f"{file}: {error.strerror}" if file else str(error))
        if file == "standard output":
            _discard_output()
    except MemoryError as error:
        log(f"out of memory: {error}; take shorter recordings, fewer hypotheses or a lower order")
    except KeyboardInterrupt:
        return 130
    return 1


def _discard_output() -> None:
    """Let what is left in the buffer of standard output go nowhere: Python would try again to write it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _step_name() -> str:
    script = Path(sys.argv[0])
    return f"{script.absolute().parent.name}/{script.name}"
