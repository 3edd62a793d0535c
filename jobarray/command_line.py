"""Parse Kaldi's wrapper command line, `wrapper [opts] [JOB=1:N] [opts] LOG COMMAND...`, and lay out logs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from jobarray import JobArrayError

OPTIONS = frozenset({"mem", "num-threads", "gpu", "max-jobs-run", "time", "config", "pick", "num-tries"})

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

OPERATORS = frozenset({"|", ">", ">>", "<", "2>", "2>>", "2>&1", "&&", "||", ";"})

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*=)(.*)", re.ASCII | re.DOTALL)

_MINIMA = {"num-threads": 1, "max-jobs-run": 1, "gpu": 0, "num-tries": 1}

_PICKS = ("all", "failed", "incomplete")

_RANGE = re.compile(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?", re.ASCII)

_LIKE_A_RANGE = re.compile(r"[A-Za-z_]\w*=[-\d:,]*", re.ASCII)

_NATIVE_WORDS = {"-V": 1, "-pe": 3}  # of Grid Engine; any other option has one argument

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


class UsageError(ValueError):
    """Invalid command line."""


@dataclass(frozen=True)
class Jobs:
    """Jobs of one call of a wrapper.

    Attributes:
        options: values by name, without the leading dashes
        variable: name in place of which the number is put, such as JOB; empty if no range was given
        numbers: the jobs
        log: path of the logs, with the variable
        command: words of the command, with the variable
        native: options with one dash, for the scheduler
        attempt: 1 on the first run, 2 and more when failed jobs run again
    """

    options: dict[str, str]
    variable: str
    numbers: Sequence[int]
    log: str
    command: tuple[str, ...]
    native: tuple[str, ...] = ()
    attempt: int = 1

    def expand_log(self, number: int) -> str:
        """Return the path of a job's log."""
        return substitute(self.log, self.variable, number)

    def expand_command(self, number: int) -> list[str]:
        """Return the words of a job's command."""
        return [substitute(word, self.variable, number) for word in self.command]

    @property
    def threads(self) -> int:
        return int(self.options.get("num-threads", 1))

    @property
    def gpus(self) -> int:
        return int(self.options.get("gpu", 0))

    @property
    def tries(self) -> int:
        return int(self.options.get("num-tries", 1))

    @property
    def logs(self) -> str:
        """Pattern that matches all logs."""
        return substitute(self.log, self.variable, "*")

    def locate_logs(self) -> tuple[str, str]:
        """Return the deepest folder that contains all logs, and the rest of their path as one word.

        >>> parse_command_line("JOB=1:2 exp/log/JOB/train.log true".split()).locate_logs()
        ('exp/log', 'JOB+train')
        """
        parts = self.log.split("/")
        numbered = (i for i, part in enumerate(parts) if len(split_at(part, self.variable)) > 1)
        first = next(numbered, len(parts) - 1)
        folder = "/".join(parts[:first]) or ("/" if first else ".")
        return folder, "+".join(parts[first:]).removesuffix(".log")


def make_logs(jobs: Jobs) -> None:
    """Make empty logs in place of those of an earlier call; later attempts append to them.

    Raises:
        OSError: if a log cannot be written
    """
    for number in jobs.numbers if jobs.attempt == 1 else ():
        os.makedirs(os.path.dirname(jobs.expand_log(number)) or ".", exist_ok=True)
        open(jobs.expand_log(number), "wb").close()


def parse_command_line(argv: Sequence[str], known: Collection[str] | None = OPTIONS) -> Jobs:
    """Parse `[opts] [JOB=a:b | JOB=n] [opts] LOG COMMAND...`; each option takes one argument.

    The smallest of several `--max-jobs-run` applies, so that a step does not exceed the limit in cmd.sh.

    Args:
        argv: the words
        known: names of the options; None accepts any `--name value`, and `-x value` for the scheduler

    Raises:
        UsageError: if the line is invalid
        JobArrayError: if jobs would share a log
    """
    words = list(argv)
    options: dict[str, str] = {}
    native: list[str] = []
    variable, numbers = "", range(1, 2)
    while words:
        if known is None and re.match("-[^-]", words[0]):
            count = _NATIVE_WORDS.get(words[0], 2)
            if len(words) < count:
                raise UsageError(f"{words[0]} needs an argument")
            native, words = native + words[:count], words[count:]
        elif words[0].startswith("-"):
            name, equals, value = words.pop(0).removeprefix("--").partition("=")
            name = name[:1] + name[1:].replace("_", "-")
            if not (name in known if known is not None else re.match("[A-Za-z]", name)):
                raise UsageError(f"unknown option {'' if name.startswith('-') else '--'}{name}")
            if not equals:
                if not words:
                    raise UsageError(f"--{name} needs an argument")
                value = words.pop(0)
            check_option(name, value)
            if name == "max-jobs-run" and name in options:
                value = min(value, options[name], key=int)
            options[name] = value
        elif _LIKE_A_RANGE.fullmatch(words[0]):
            if variable:
                raise UsageError(f"{words[0]} is a second range of jobs; only one is allowed")
            variable, numbers = _parse_range(words.pop(0))
        else:
            break
    if len(words) < 2 or not words[0]:
        raise UsageError("a log file and a command are missing")
    jobs = Jobs(options, variable, numbers, words[0], tuple(words[1:]), tuple(native))
    if len(numbers) > 1 and jobs.expand_log(1) == jobs.expand_log(2):
        raise JobArrayError(f"{len(numbers)} jobs would share the log {jobs.log}; put {variable} into its name")
    return jobs


def check_option(name: str, value: str) -> None:
    """Check a value of an option of the wrappers, named with dashes.

    Raises:
        UsageError: if the option does not take it
    """
    if name in _MINIMA and not (re.fullmatch("[0-9]+", value) and int(value) >= _MINIMA[name]):
        raise UsageError(f"--{name} must be a number of at least {_MINIMA[name]}, not {value!r}")
    if name == "pick" and value not in _PICKS:
        raise UsageError(f"--pick must be {', '.join(_PICKS[:-1])} or {_PICKS[-1]}, not {value!r}")


def _parse_range(word: str) -> tuple[str, range]:
    match = _RANGE.fullmatch(word)
    if not match:
        raise UsageError(f"{word} is not a range such as JOB=1:4")
    first, last = int(match[2]), int(match[3] or match[2])
    if not 1 <= first <= last:
        raise UsageError(f"the range {word} must ascend from a number of at least 1")
    return match[1], range(first, last + 1)


def substitute(text: str, variable: str, number: int | str) -> str:
    """Replace a job's variable by its number wherever no letter or digit touches the variable.

    >>> substitute("exp/JOBS/x_JOB.ark", "JOB", 3)
    'exp/JOBS/x_3.ark'
    """
    return str(number).join(split_at(text, variable))


def split_at(text: str, variable: str) -> list[str]:
    """Split a text at the occurrences of a job's variable; see `substitute`."""
    return re.split(rf"(?<![^\W_]){variable}(?![^\W_])", text) if variable else [text]


def quote(word: str) -> str:
    """Quote a word for bash, on one line; a leading NAME= stays unquoted, so that bash reads an assignment.

    >>> print(quote("it's"), quote("A=b c"))
    'it'\\''s' A='b c'
    """
    name, rest = match.groups() if (match := ASSIGNMENT.fullmatch(word)) else ("", word)
    if _PLAIN.fullmatch(rest) or (name and not rest):
        return name + rest
    if rest.isprintable():
        return name + "'" + rest.replace("'", "'\\''") + "'"
    keep = set(range(32, 127)) - set(b"\\'")
    escaped = "".join(chr(byte) if byte in keep else f"\\x{byte:02x}" for byte in os.fsencode(rest))
    return name + "$'" + escaped.replace("\\x0a", "\\n") + "'"


def quote_command(words: Iterable[str]) -> str:
    """Quote a command for bash, on one line; operators that are words of their own stay operators."""
    return " ".join(word if word in OPERATORS else quote(word) for word in words)


def format_header(words: Iterable[str]) -> bytes:
    """Format the head of a log on this machine; on a cluster the job's script writes it."""
    return os.fsencode(f"# {quote_command(words)}\n# Started at {_format_date()}\n#\n")


def format_footer(code: int, seconds: float, threads: int, *, cluster: bool = False) -> bytes:
    """Format the foot of a log: exit code, wall time in seconds and number of threads."""
    ended = f"Finished at {_format_date()} with status {code}"
    if not cluster:
        ended = f"Ended (code {code}) at {_format_date()}, elapsed time {seconds:.0f} seconds"
    return f"# Accounting: time={seconds:.0f} threads={threads}\n# {ended}\n".encode()


def _format_date() -> str:
    return time.strftime("%a %b %e %H:%M:%S %Z %Y")
