"""Jobs behind Kaldi's command line, `wrapper [opts] [JOB=1:N] [opts] LOG COMMAND...`.

What the wrappers in utils/ share: reading that line, putting job numbers in, and the head and foot of a log.
"""

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


_LEAST = {"num-threads": 1, "max-jobs-run": 1, "gpu": 0, "num-tries": 1}


_PICKS = ("all", "failed", "incomplete")


_RANGE = re.compile(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?", re.ASCII)


_LIKE_A_RANGE = re.compile(r"[A-Za-z_]\w*=[-\d:,]*", re.ASCII)


ASSIGNMENT = re.compile(r"([A-Za-z_]\w*=)(.*)", re.ASCII | re.DOTALL)


_NATIVE_WORDS = {"-V": 1, "-pe": 3}  # Grid Engine's; all others are an option and its argument


_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


class UsageError(ValueError):
    """A command line that cannot be understood."""


@dataclass(frozen=True)
class Jobs:
    """What one call of a wrapper asks for.

    Attributes:
        options: by name, without the dashes before it
        variable: what stands for the number, or empty where no range was given
        numbers: the jobs
        log: name of the logs, with the variable
        command: words, with the variable
        native: options with one dash, which are a scheduler's own
        attempt: 1 at first, more where what failed is run again
    """

    options: dict[str, str]
    variable: str
    numbers: Sequence[int]
    log: str
    command: tuple[str, ...]
    native: tuple[str, ...] = ()
    attempt: int = 1

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

    @property
    def tries(self) -> int:
        return int(self.options.get("num-tries", 1))

    @property
    def logs(self) -> str:
        """All logs as a shell's pattern."""
        return substitute(self.log, self.variable, "*")

    @property
    def place(self) -> tuple[str, str]:
        """The deepest folder that all logs are in, whatever their numbers, and their name from there as one word."""
        parts = self.log.split("/")
        numbered = (i for i, part in enumerate(parts) if len(split_at(part, self.variable)) > 1)
        first = next(numbered, len(parts) - 1)
        folder = "/".join(parts[:first]) or ("/" if first else ".")
        return folder, "+".join(parts[first:]).removesuffix(".log")


def make_logs(jobs: Jobs) -> None:
    """Empty the logs, as what an earlier call left there says nothing of this one; a further try appends to them.

    Raises:
        OSError: if one cannot be written
    """
    for number in jobs.numbers if jobs.attempt == 1 else ():
        os.makedirs(os.path.dirname(jobs.log_of(number)) or ".", exist_ok=True)
        open(jobs.log_of(number), "wb").close()


def parse_command_line(argv: Sequence[str], known: Collection[str] | None = OPTIONS) -> Jobs:
    """Read `[opts] [JOB=a:b | JOB=n] [opts] LOG COMMAND...`; each option takes one argument.

    Of several `--max-jobs-run` the smallest holds, so that a user's own limit in cmd.sh stands.

    Args:
        argv: the words
        known: the options there are; None lets any `--name value` pass, and `-x value` as the scheduler's own

    Raises:
        UsageError: if the line has another form
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
                raise UsageError(f"{words[0]} wants an argument")
            native, words = native + words[:count], words[count:]
        elif words[0].startswith("-"):
            name, equals, value = words.pop(0).removeprefix("--").partition("=")
            name = name[:1] + name[1:].replace("_", "-")
            if not (name in known if known is not None else re.match("[A-Za-z]", name)):
                raise UsageError(f"unknown option {'' if name.startswith('-') else '--'}{name}")
            if not equals:
                if not words:
                    raise UsageError(f"--{name} wants an argument")
                value = words.pop(0)
            check_option(name, value)
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
    jobs = Jobs(options, variable, numbers, words[0], tuple(words[1:]), tuple(native))
    if len(numbers) > 1 and jobs.log_of(1) == jobs.log_of(2):
        raise JobArrayError(f"{len(numbers)} jobs would share the log {jobs.log}; put {variable} into its name")
    return jobs


def check_option(name: str, value: str) -> None:
    """Raises UsageError for a value that an option of the wrappers, by its name with dashes, does not take."""
    if name in _LEAST and not (re.fullmatch("[0-9]+", value) and int(value) >= _LEAST[name]):
        raise UsageError(f"--{name} wants a number of at least {_LEAST[name]}, not {value!r}")
    if name == "pick" and value not in _PICKS:
        raise UsageError(f"--pick wants {', '.join(_PICKS[:-1])} or {_PICKS[-1]}, not {value!r}")


def _parse_range(word: str) -> tuple[str, range]:
    match = _RANGE.fullmatch(word)
    if not match:
        raise UsageError(f"{word} is not a range such as JOB=1:4")
    first, last = int(match[2]), int(match[3] or match[2])
    if not 1 <= first <= last:
        raise UsageError(f"the range {word} must start at 1 or above and ascend")
    return match[1], range(first, last + 1)


def substitute(text: str, variable: str, number: int | str) -> str:
    """Put the job's number for its variable, wherever no letter or digit touches that.

    >>> substitute("exp/JOBS/x_JOB.ark", "JOB", 3)
    'exp/JOBS/x_3.ark'
    """
    return str(number).join(split_at(text, variable))


def split_at(text: str, variable: str) -> list[str]:
    """What is before, between and after the places where a job's number stands for its variable."""
    return re.split(rf"(?<![^\W_]){variable}(?![^\W_])", text) if variable else [text]


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


def header(words: Iterable[str]) -> bytes:
    """Head of a log on this machine; on a cluster the job's script writes it."""
    return os.fsencode(f"# {command_line(words)}\n# Started at {_date()}\n#\n")


def footer(code: int, seconds: float, threads: int, *, cluster: bool = False) -> bytes:
    """Foot of a log."""
    ended = f"Finished at {_date()} with status {code}"
    if not cluster:
        ended = f"Ended (code {code}) at {_date()}, elapsed time {seconds:.0f} seconds"
    return f"# Accounting: time={seconds:.0f} threads={threads}\n# {ended}\n".encode()


def _date() -> str:
    return time.strftime("%a %b %e %H:%M:%S %Z %Y")
