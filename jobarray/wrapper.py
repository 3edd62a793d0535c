"""What a wrapper in utils/ does around the running of its jobs: which ones, how often, and what it says of them.

Whether a job succeeded is its exit status and nothing else, so a program may print what it likes.
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
from jobarray.processes import StoppedError, end_with_parent

Execute = Callable[[Jobs, Callable[[int, int], None]], None]


OPTIONS_OF_ALL = """\
Options of all wrappers:
  --pick WHICH       of the jobs, as they ended last time: failed (and those that did not end), incomplete
                     (only those that did not end; any that failed counts as failed) or all (default)
  --num-tries N      times in all that a job is run until it succeeds (default 1); its log is continued

The exit status is 0 if every job's is, 1 if one failed or none could be run, 2 for a command line in another form,
and 128 + n after signal n, which ends the jobs as well."""


def last_line(log: str) -> str:
    """What a job's log says last before its foot, shortened; empty if it says nothing."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, os.path.getsize(log) - 16384))
            tail = stream.read().decode(errors="replace")
    except OSError:
        return ""
    for line in reversed(tail.split("\n")):
        text = "".join(c for c in line.rstrip().rpartition("\r")[2] if c.isprintable()).strip()
        if text and not text.startswith("#"):
            return text if len(text) <= 300 else text[:297] + "..."
    return ""


class Record:
    """Which jobs of an array have ended, and how: a hidden file beside their logs, for `--pick`.

    A line `<number> <code>` is written as a job ends. The file is locked as long as it is open. Where logs are no
    files of their own, /dev/null say, nothing is kept.

    Raises:
        JobArrayError: if another wrapper is at work on the same logs
    """

    def __init__(self, jobs: Jobs) -> None:
        self.codes: dict[int, int] = {}
        self._stream = None
        log = jobs.log_of(jobs.numbers[0])
        if os.path.exists(log) and not os.path.isfile(log):
            return
        folder, name = jobs.place
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
        """These jobs are about to run: how they ended before is forgotten."""
        self.codes = {number: code for number, code in self.codes.items() if number not in numbers}
        if self._stream:
            self._stream.truncate(0)
        self._write("".join(f"{number} {code}\n" for number, code in self.codes.items()))

    def end(self, number: int, code: int) -> None:
        self.codes[number] = code
        self._write(f"{number} {code}\n")

    def _write(self, text: str) -> None:
        if self._stream:
            with contextlib.suppress(OSError):  # a full disk; then --pick takes the job for one that has not ended
                self._stream.write(text)
                self._stream.flush()

    def close(self) -> None:
        if self._stream:
            with contextlib.suppress(OSError):
                self._stream.close()


def picked(jobs: Jobs, codes: dict[int, int]) -> list[int]:
    """The jobs that `--pick` names, as in Kaldi's run.pl.

    `failed` are those that have not succeeded, whether they ended or not, `incomplete` those that have not ended.
    """
    pick = jobs.options.get("pick", "all")
    if pick == "all":
        return list(jobs.numbers)
    return [n for n in jobs.numbers if n not in codes or (pick == "failed" and codes[n])]


def run_jobs(program: str, jobs: Jobs, execute: Execute) -> dict[int, int]:
    """Run those that are picked, and what fails again as often as `--num-tries` allows.

    Returns:
        the exit code of each job, of those not picked the one from before

    Raises:
        JobArrayError: if another wrapper is at work on the same logs
        OSError: if a log cannot be written; then no job has run
    """
    with contextlib.closing(Record(jobs)) as record:
        numbers = picked(jobs, record.codes)
        if len(numbers) < len(jobs.numbers):
            say(program, f"--pick {jobs.options['pick']}: {len(numbers)} of {len(jobs.numbers)} jobs are to run")
        record.begin(numbers)
        for attempt in range(1, jobs.tries + 1):
            if numbers:
                execute(replace(jobs, numbers=numbers, attempt=attempt), record.end)
            numbers = [number for number in numbers if record.codes[number]]
            if numbers and attempt < jobs.tries:
                listed = ", ".join(jobs.log_of(number) for number in numbers[:3]) + (", ..." if numbers[3:] else "")
                say(program, f"{len(numbers)} failed ({listed}), try {attempt + 1} of {jobs.tries}")
        return {number: record.codes[number] for number in jobs.numbers}


def report(program: str, jobs: Jobs, codes: dict[int, int]) -> int:
    """Say on stderr how many jobs failed and what the first of them said; the wrapper's exit status."""
    failed = [number for number in jobs.numbers if codes[number]]
    if not failed:
        return 0
    log = jobs.log_of(failed[0])
    if len(jobs.numbers) == 1:
        say(program, f"job failed, log is in {log}")
    else:
        say(program, f"{len(failed)} / {len(jobs.numbers)} failed, log is in {jobs.logs}")
    cause = ": ".join(filter(None, [_killer(codes[failed[0]]), last_line(log)]))
    if cause:
        say(program, f"{os.path.basename(log)}: {cause}")
    if not jobs.variable and substitute(log, "JOB", 1) != log:
        say(program, "was JOB=1:N forgotten?")
    return 1


def run_wrapper(
    program: str, usage: str, execute: Execute, argv: Sequence[str], known: Collection[str] | None = OPTIONS
) -> int:
    """A wrapper's main function.

    Args:
        program: its name in messages
        usage: what --help prints before OPTIONS_OF_ALL
        execute: runs the jobs, and calls its second argument with the number and the exit code of each as it ends
        argv: the arguments without the program
        known: see parse_command_line
    """
    if argv and argv[0] in ("-h", "--help"):
        print(f"{usage.strip()}\n\n{OPTIONS_OF_ALL}")
        return 0
    end_with_parent()
    try:
        jobs = parse_command_line(argv, known)
        return report(program, jobs, run_jobs(program, jobs, execute))
    except UsageError as error:
        say(program, f"{error}; --help shows how to call it")
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
    """One line on stderr, which may be gone: jobs go on without it."""
    with contextlib.suppress(OSError):
        print(f"{program}: {message}", file=sys.stderr, flush=True)


def _killer(code: int) -> str:
    """Name of the signal that an exit code stands for; empty if it stands for none."""
    try:
        return f"ended by {signal.Signals(code - 128).name}"
    except ValueError:
        return ""
