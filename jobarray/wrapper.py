"""Job selection, retries and failure reports shared by the wrappers.

Only its exit status decides whether a job succeeded; a program may print what it likes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from jobarray import JobArrayError
from jobarray.command_line import OPTIONS, Jobs, UsageError, parse_command_line, substitute
from jobarray.files import read_tail
from jobarray.processes import StoppedError, end_with_parent

Execute = Callable[[Jobs, Callable[[int, int], None]], None]

OPTIONS_OF_ALL = """\
Options of all wrappers:
  --pick WHICH       jobs to run, by their last result: all (default), failed (those that have not succeeded) or
                     incomplete (those that have not ended; of the others, failed ones still count as failed)
  --num-tries N      run a failed job again, at most N times in all (default 1); its log is continued

The exit status is 0 if every job succeeds, 1 if a job fails or none can be run, 2 for an invalid command line and
128 + n after signal n, which ends the jobs as well."""


def read_last_line(log: str) -> str:
    """Return the last line of a job's log before its foot, at most 300 characters; empty if there is none."""
    for line in reversed(read_tail(log, 16384).split("\n")):
        text = "".join(c for c in line.rstrip().rpartition("\r")[2] if c.isprintable()).strip()
        if text and not text.startswith("#"):
            return text if len(text) <= 300 else text[:297] + "..."
    return ""


class Record:
    """Exit codes of the jobs of an array, in a hidden file beside their logs, for `--pick`.

    Each job that ends adds a line `<number> <code>`. The file is locked while it is open. There is none if the log is a
    device such as /dev/null.

    Attributes:
        codes: exit code of each job that has ended

    Raises:
        JobArrayError: if another wrapper is at work on the same logs
    """

    def __init__(self, jobs: Jobs) -> None:
        self.codes: dict[int, int] = {}
        self._stream = None
        log = jobs.expand_log(jobs.numbers[0])
        if os.path.exists(log) and not os.path.isfile(log):
            return
        folder, name = jobs.locate_logs()
        os.makedirs(folder, exist_ok=True)
        self._stream = open(os.path.join(folder, f".{name}.status"), "a+")  # noqa: SIM115
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                self._stream.close()
                raise JobArrayError(f"{jobs.logs}: another call is at work on these logs; wait for it") from None
        self._stream.seek(0)
        for line in self._stream:
            if match := re.fullmatch(r"(\d+) (\d+)\n", line):
                self.codes[int(match[1])] = int(match[2])

    def begin(self, numbers: Collection[int]) -> None:
        """Forget the exit codes of jobs that are about to run."""
        self.codes = {number: code for number, code in self.codes.items() if number not in numbers}
        if self._stream:
            self._stream.truncate(0)
        self._write("".join(f"{number} {code}\n" for number, code in self.codes.items()))

    def end(self, number: int, code: int) -> None:
        """Record the exit code of a job."""
        self.codes[number] = code
        self._write(f"{number} {code}\n")

    def _write(self, text: str) -> None:
        if self._stream:
            with contextlib.suppress(OSError):  # on a full disk --pick counts the job as one that has not ended
                self._stream.write(text)
                self._stream.flush()

    def close(self) -> None:
        """Close the file and release its lock."""
        if self._stream:
            with contextlib.suppress(OSError):
                self._stream.close()


def pick_jobs(jobs: Jobs, codes: dict[int, int]) -> list[int]:
    """Return the jobs that `--pick` selects, as in Kaldi's run.pl.

    `failed` selects jobs that have not succeeded, whether they ended or not, `incomplete` those that have not ended.

    >>> jobs = parse_command_line("--pick failed JOB=1:3 x.JOB.log true".split())
    >>> pick_jobs(jobs, {1: 0, 2: 1})
    [2, 3]
    """
    pick = jobs.options.get("pick", "all")
    if pick == "all":
        return list(jobs.numbers)
    return [n for n in jobs.numbers if n not in codes or (pick == "failed" and codes[n])]


def run_jobs(program: str, jobs: Jobs, execute: Execute) -> dict[int, int]:
    """Run the jobs that `--pick` selects, and failed ones again as often as `--num-tries` allows.

    Returns:
        the exit code of each job, for jobs not selected that of the earlier call

    Raises:
        JobArrayError: if another wrapper is at work on the same logs, or from `execute`
        OSError: if a log cannot be written; then no job has run
    """
    with contextlib.closing(Record(jobs)) as record:
        numbers = pick_jobs(jobs, record.codes)
        if len(numbers) < len(jobs.numbers):
            say(program, f"--pick {jobs.options['pick']}: {len(numbers)} of {len(jobs.numbers)} jobs are to run")
        record.begin(numbers)
        for attempt in range(1, jobs.tries + 1):
            if numbers:
                execute(replace(jobs, numbers=numbers, attempt=attempt), record.end)
            numbers = [number for number in numbers if record.codes[number]]
            if numbers and attempt < jobs.tries:
                listed = ", ".join(jobs.expand_log(number) for number in numbers[:3]) + (", ..." if numbers[3:] else "")
                say(program, f"{len(numbers)} failed ({listed}), try {attempt + 1} of {jobs.tries}")
        return {number: record.codes[number] for number in jobs.numbers}


def report(program: str, jobs: Jobs, codes: dict[int, int]) -> int:
    """Print on stderr how many jobs failed and the last line of the first one's log; return the wrapper's status."""
    failed = [number for number in jobs.numbers if codes[number]]
    if not failed:
        return 0
    log = jobs.expand_log(failed[0])
    if len(jobs.numbers) == 1:
        say(program, f"job failed, log is in {log}")
    else:
        say(program, f"{len(failed)} / {len(jobs.numbers)} failed, log is in {jobs.logs}")
    cause = ": ".join(filter(None, [_name_signal(codes[failed[0]]), read_last_line(log)]))
    if cause:
        say(program, f"{os.path.basename(log)}: {cause}")
    if not jobs.variable and substitute(log, "JOB", 1) != log:
        say(program, "was JOB=1:N forgotten?")
    return 1


def run_wrapper(
    program: str, usage: str, execute: Execute, argv: Sequence[str], known: Collection[str] | None = OPTIONS
) -> int:
    """Run a wrapper's command line and return its exit status.

    Args:
        program: the wrapper's name in messages
        usage: text of --help before OPTIONS_OF_ALL
        execute: runs the jobs; it calls its second argument with the number and the exit code of each job that ends
        argv: the arguments without the program
        known: see `parse_command_line`
    """
    if argv and argv[0] in ("-h", "--help"):
        print(f"{usage.strip()}\n\n{OPTIONS_OF_ALL}")
        return 0
    end_with_parent()
    try:
        jobs = parse_command_line(argv, known)
        return report(program, jobs, run_jobs(program, jobs, execute))
    except UsageError as error:
        say(program, f"{error}; see --help")
        return 2
    except JobArrayError as error:
        say(program, str(error))
    except OSError as error:
        say(program, f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (StoppedError, KeyboardInterrupt) as error:
        number = error.args[0] if isinstance(error, StoppedError) else signal.SIGINT
        say(program, f"stopped by {signal.Signals(number).name}")
        return 128 + number
    return 1


def say(program: str, message: str) -> None:
    """Print a line on stderr; an error is ignored, because jobs go on after the terminal is closed."""
    with contextlib.suppress(OSError):
        print(f"{program}: {message}", file=sys.stderr, flush=True)


def _name_signal(code: int) -> str:
    """Return `ended by <signal>` for the exit code of a killed job; empty for any other code."""
    try:
        return f"ended by {signal.Signals(code - 128).name}"
    except ValueError:
        return ""
