"""Jobs behind Kaldi's command line, `wrapper [opts] [JOB=1:N] [opts] LOG COMMAND...`.

What the wrappers in utils/ share: reading that line, putting job numbers in, the head and foot of
a log, status files and the report of failures. Whether a job succeeded is its exit status and nothing
else, so a program may print what it likes.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from emoseq import DataError

OPTIONS = frozenset({"mem", "num-threads", "gpu", "max-jobs-run", "time", "config"})
OPERATORS = frozenset({"|", ">", ">>", "<", "2>", "2>>", "2>&1", "&&", "||", ";"})

_LEAST = {"num-threads": 1, "max-jobs-run": 1, "gpu": 0}
_RANGE = re.compile(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?", re.ASCII)
_LIKE_A_RANGE = re.compile(r"[A-Za-z_]\w*=[-\d:,]*", re.ASCII)
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*=)(.*)", re.ASCII | re.DOTALL)
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


class UsageError(Exception):
    """A command line that cannot be understood."""


class StoppedError(Exception):
    """A signal asked the wrapper to end; its jobs are gone. The argument is the signal's number."""


@dataclass(frozen=True)
class Jobs:
    """What one call of a wrapper asks for; `variable` is empty where no range was given."""

    options: dict[str, str]
    variable: str
    numbers: range
    log: str
    command: tuple[str, ...]

    def log_of(self, number: int) -> str:
        return substitute(self.log, self.variable, number)

    def command_of(self, number: int) -> list[str]:
        return [substitute(word, self.variable, number) for word in self.command]

    @property
    def threads(self) -> int:
        return int(self.options.get("num-threads", 1))

    @property
    def gpus(self) -> int:
        return int(self.options.get("gpu", 0))


def parse_command_line(argv: Sequence[str], known: Collection[str] = OPTIONS) -> Jobs:
    """Read `[opts] [JOB=a:b | JOB=n] [opts] LOG COMMAND...`; each option takes one argument.

    Of several `--max-jobs-run` the smallest holds, so that a user's own limit in cmd.sh stands.

    Raises:
        UsageError: if the line has another form
        DataError: if jobs would share a log
    """
    words = list(argv)
    options: dict[str, str] = {}
    variable, numbers = "", range(1, 2)
    while words:
        if words[0].startswith("-"):
            name, equals, value = words.pop(0).removeprefix("--").partition("=")
            if name not in known:
                raise UsageError(f"unknown option {'' if name.startswith('-') else '--'}{name}")
            if not equals:
                if not words:
                    raise UsageError(f"--{name} wants an argument")
                value = words.pop(0)
            if name in _LEAST and not (re.fullmatch("[0-9]+", value) and int(value) >= _LEAST[name]):
                raise UsageError(f"--{name} wants a number of at least {_LEAST[name]}, not {value!r}")
            if name == "max-jobs-run" and name in options:
                value = min(value, options[name], key=int)
            options[name] = value
        elif _LIKE_A_RANGE.fullmatch(words[0]):
            if variable:
                raise UsageError(f"a second range of jobs, {words[0]}")
            variable, numbers = _parse_range(words.pop(0))
        else:
            break
    if len(words) < 2 or not words[0]:
        raise UsageError("wants a log file and a command")
    jobs = Jobs(options, variable, numbers, words[0], tuple(words[1:]))
    if len(numbers) > 1 and jobs.log_of(1) == jobs.log_of(2):
        raise DataError(f"{len(numbers)} jobs would share the log {jobs.log}; put {variable} into its name")
    return jobs


def _parse_range(word: str) -> tuple[str, range]:
    match = _RANGE.fullmatch(word)
    if not match:
        raise UsageError(f"{word} is not a range such as JOB=1:4")
    first, last = int(match[2]), int(match[3] or match[2])
    if not 1 <= first <= last:
        raise UsageError(f"the range {word} must start at 1 or above and ascend")
    return match[1], range(first, last + 1)


def substitute(text: str, variable: str, number: int) -> str:
    """Put the job's number for its variable, wherever no letter or digit touches that.

    >>> substitute("exp/JOBS/x_JOB.ark", "JOB", 3)
    'exp/JOBS/x_3.ark'
    """
    if not variable:
        return text
    return re.sub(rf"(?<![^\W_]){variable}(?![^\W_])", str(number), text)


def quote(word: str) -> str:
    """The word as bash reads it back, on one line; a leading NAME= stays bare, being an assignment there."""
    name, rest = match.groups() if (match := ASSIGNMENT.fullmatch(word)) else ("", word)
    if _PLAIN.fullmatch(rest) or (name and not rest):
        return name + rest
    if rest.isprintable():
        return name + "'" + rest.replace("'", "'\\''") + "'"
    keep = set(range(32, 127)) - set(b"\\'")
    escaped = "".join(chr(byte) if byte in keep else f"\\x{byte:02x}" for byte in os.fsencode(rest))
    return name + "$'" + escaped.replace("\\x0a", "\\n") + "'"


def command_line(words: Iterable[str]) -> str:
    """The command as one line of bash, in which operators that are words of their own stay operators."""
    return " ".join(word if word in OPERATORS else quote(word) for word in words)


def header(words: Iterable[str], *, host: str = "") -> bytes:
    """Head of a log; `host` is for jobs on a cluster."""
    running = f"# Running on {host}\n" if host else ""
    return os.fsencode(f"# {command_line(words)}\n{running}# Started at {_date()}\n#\n")


def footer(code: int, seconds: float, threads: int, *, cluster: bool = False) -> bytes:
    """Foot of a log."""
    ended = f"Finished at {_date()} with status {code}"
    if not cluster:
        ended = f"Ended (code {code}) at {_date()}, elapsed time {seconds:.0f} seconds"
    return f"# Accounting: time={seconds:.0f} threads={threads}\n# {ended}\n".encode()


def _date() -> str:
    return time.strftime("%a %b %e %H:%M:%S %Z %Y")


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


def write_status(path: str, code: int) -> None:
    """Leave a job's exit code in a file that is either whole or not there."""
    with open(f"{path}.{os.getpid()}.tmp", "w") as stream:
        stream.write(f"{code}\n")
    os.replace(stream.name, path)


def read_status(path: str) -> int | None:
    """The exit code that `write_status` left, or None as long as there is none."""
    try:
        with open(path) as stream:
            return int(stream.read())
    except (FileNotFoundError, ValueError):
        return None


def report(program: str, jobs: Jobs, codes: dict[int, int]) -> int:
    """Say on stderr how many jobs failed and what the first of them said; the wrapper's exit status."""
    failed = [number for number in jobs.numbers if codes[number]]
    if not failed:
        return 0
    log = jobs.log_of(failed[0])
    if len(jobs.numbers) == 1:
        _say(program, f"job failed, log is in {log}")
    else:
        every = re.sub(rf"(?<![^\W_]){jobs.variable}(?![^\W_])", "*", jobs.log)
        _say(program, f"{len(failed)} / {len(jobs.numbers)} failed, log is in {every}")
    cause = ": ".join(filter(None, [_killer(codes[failed[0]]), last_line(log)]))
    if cause:
        _say(program, f"{os.path.basename(log)}: {cause}")
    if not jobs.variable and substitute(log, "JOB", 1) != log:
        _say(program, "was JOB=1:N forgotten?")
    return 1


def run_wrapper(program: str, usage: str, execute: Callable[[Jobs], dict[int, int]], argv: Sequence[str]) -> int:
    """A wrapper's main function.

    Args:
        program: its name in messages
        usage: what --help prints
        execute: runs the jobs and returns the exit code of each number
        argv: the arguments without the program
    """
    if argv and argv[0] in ("-h", "--help"):
        print(usage.strip())
        return 0
    try:
        jobs = parse_command_line(argv)
        return report(program, jobs, execute(jobs))
    except UsageError as error:
        _say(program, f"{error}; --help shows how to call it")
        return 2
    except DataError as error:
        _say(program, str(error))
    except OSError as error:
        _say(program, f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (StoppedError, KeyboardInterrupt) as error:
        number = error.args[0] if isinstance(error, StoppedError) else signal.SIGINT
        _say(program, f"stopped by {signal.Signals(number).name}")
        return 128 + number
    return 1


def _say(program: str, message: str) -> None:
    print(f"{program}: {message}", file=sys.stderr, flush=True)


def _killer(code: int) -> str:
    """Name of the signal that an exit code stands for; empty if it stands for none."""
    try:
        return f"ended by {signal.Signals(code - 128).name}"
    except ValueError:
        return ""
