"""Run a step only if it is out of date, and set its exit status."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator

from emoseq import DataError, MissingInputError
from emoseq.recipe.dry_run import VARIABLE, add_planned, find_planned
from emoseq.recipe.log import log
from emoseq.recipe.stamp import Stamp
from jobarray.processes import end_with_parent


def bring_up_to_date(stamp: Stamp, label: str, work: Callable[[], str], *, dry_run: bool) -> None:
    """Do a piece of work unless its stamp is current, and log which.

    Args:
        stamp: what the work reads, writes and depends on
        label: what the log calls it
        work: does it, and returns what to log
        dry_run: only log whether the work would be done, and why: `missing`, `options`, `code`, `inputs` or `outputs`

    Raises:
        DataError: as `work`, or if an input changes meanwhile
    """
    reason = stamp.find_reason()
    if dry_run:
        planned = find_planned(stamp.inputs)
        if reason or planned:
            add_planned(stamp.outputs)
        why = f"would run ({reason})" if reason else f"may run (inputs: {planned[0]})" if planned else "up to date"
        log(f"{label}: {why}")
    elif not reason:
        log(f"{label}: up to date")
    else:
        message = work()
        stamp.write()
        log(f"{label}: {message}")


@contextlib.contextmanager
def plan_without_input(label: str, *, dry_run: bool) -> Iterator[None]:
    """In a dry run, log that the work of the block would run where an input is missing, and go on after the block.

    Raises:
        MissingInputError: as in the block, unless this is a dry run
    """
    try:
        yield
    except MissingInputError as error:
        if not dry_run:
            raise
        log(f"{label}: would run (missing: {error})")


def run_step(main: Callable[[], int]) -> int:
    """Run a step's main function and return its exit status; a user's error becomes one line and status 1.

    In a dry run a missing input is one that an earlier step has yet to write: it is logged as that, with status 0.
    """
    end_with_parent()
    try:
        status = main()
        sys.stdout.flush()
        return status
    except MissingInputError as error:
        if "--dry-run" in sys.argv or VARIABLE in os.environ:
            log(f"would run (missing: {error})")
            return 0
        log(str(error))
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
