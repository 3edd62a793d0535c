"""Lists of jobs: one line a job in exp/*.jobs, line N being JOB N of an array."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from emoseq import DataError
from emoseq.io.archive import read_text
from emoseq.io.files import write_text
from emoseq.recipe.dry_run import add_planned, locate_copy
from emoseq.recipe.options import format_number


@dataclasses.dataclass(frozen=True)
class Job:
    """One job; a subclass adds what sets it apart, and last `folder`, which holds its result."""

    dimension: str
    system: str

    def line(self) -> str:
        """Return the job's line in the list."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return " ".join(format_number(value) if isinstance(value, float) else str(value) for value in values) + "\n"


J = TypeVar("J", bound=Job)


def parse_jobs(text: str, name: str, kind: type[J]) -> list[J]:
    """Parse a list of jobs.

    Args:
        text: its lines
        name: of the file, for messages
        kind: class of the jobs

    Raises:
        DataError: if a line is malformed
    """
    hints: dict[str, Any] = get_type_hints(kind)
    fields = [field.name for field in dataclasses.fields(kind)]
    jobs = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(maxsplit=len(fields) - 1)
        try:
            jobs.append(kind(**{field: hints[field](word) for field, word in zip(fields, words, strict=True)}))
        except ValueError:
            raise DataError(f"{name}:{number}: not `{' '.join(fields)}`; run the step that lists jobs again") from None
    return jobs


def read_jobs(path: Path, kind: type[J]) -> list[J]:
    """Read a list of jobs, which may be empty; in a dry run the list as it would be.

    Raises:
        DataError: as `parse_jobs`, or if the file is missing
    """
    copy = locate_copy(path)
    return parse_jobs(read_text(copy if copy and copy.exists() else path), str(path), kind)


def pick_jobs(path: Path, kind: type[J], numbers: range) -> list[J]:
    """Return jobs of a list by their numbers, counted from 1.

    Raises:
        DataError: as `read_jobs`, or if there are fewer jobs
    """
    jobs = read_jobs(path, kind)
    if not (numbers and numbers[0] >= 1 and numbers[-1] <= len(jobs)):
        raise DataError(f"{path}: there is no line {numbers[-1] if numbers else 0}; lines in the list: {len(jobs)}")
    return [jobs[number - 1] for number in numbers]


def write_jobs(path: Path, jobs: Sequence[Job], *, dry_run: bool) -> str:
    """Write a list of jobs, or say what would be written; return a message for the log."""
    text = "".join(job.line() for job in jobs)
    message = f"{path}: {len(jobs)} jobs"
    if not dry_run:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
        return message
    if copy := locate_copy(path):
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_text(copy, text)
    if path.exists() and path.read_text() == text:
        return f"{message}: up to date"
    add_planned([path])
    return f"{message}: would be written ({'inputs' if path.exists() else 'missing'})"


def parse_numbers(text: str) -> range:
    """Parse the number of a job, or a range of numbers such as 1:8.

    >>> parse_numbers("3"), parse_numbers("1:8")
    (range(3, 4), range(1, 9))
    """
    first, _, last = text.partition(":")
    return range(int(first), int(last or first) + 1)
