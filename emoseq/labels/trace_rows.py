"""Rows of trace files: tables of text with their faults, times and values."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNRATED = {"", "na"}  # besides what Python reads as NaN
SECONDS = {"time", "timestamp", "second", "seconds", "sec", "time(s)", "time_s", "timestamp(s)", "timestamp_s"}
MILLISECONDS = {"time(ms)", "time_ms", "timestamp(ms)", "timestamp_ms", "millisecond", "milliseconds", "ms"}

Row = tuple[int, list[str]]  # line and fields


class Fault(NamedTuple):
    """Fault of a file: line (from 1, 0 for the file as a whole), and what is wrong, expected and to be done."""

    line: int
    message: str


class Faults:
    """Faults by kind: the first line of a kind is reported, the others are counted."""

    def __init__(self) -> None:
        self._first: dict[str, Fault] = {}
        self._counts: dict[str, int] = {}

    def add(self, kind: str, line: int, message: str, count: int = 1) -> None:
        self._first.setdefault(kind, Fault(line, message))
        self._counts[kind] = self._counts.get(kind, 0) + count

    def list(self) -> list[Fault]:
        return [
            Fault(line, message + (f" ({self._counts[kind]} lines in all)" if self._counts[kind] > 1 else ""))
            for kind, (line, message) in self._first.items()
        ]


def read_rows(text: str, delimiter: str | None = None) -> list[Row]:
    """Read the non-blank rows of a table; without a delimiter, take the one that gives the first row most fields."""
    if delimiter is None:
        first = next((line for line in text.splitlines() if line.strip()), "")[:10000].replace("\0", " ")
        delimiter = max(",;\t", key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[Row] = []
    while True:
        try:
            fields = next(reader, None)
        except csv.Error:  # a NUL, or a field of more than 128 kB: an unclosed quotation mark
            fields = ["\ufffd"]
        if fields is None:
            return rows
        stripped = [field.strip() for field in fields]
        if any(stripped):
            rows.append((reader.line_num, stripped))


def find_time_unit(name: str) -> float | None:
    """Return the unit of a time column in seconds from the column's name; None if the name is unknown."""
    compact = "".join(name.lower().split()).replace("[", "(").replace("]", ")")
    return 1.0 if compact in SECONDS else 0.001 if compact in MILLISECONDS else None


def parse_table(
    rows: Sequence[Row],
    names: Sequence[str],
    faults: Faults,
    *,
    seconds: float = 1.0,
    header: int = 1,
    lenient: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Parse rows of a time and values.

    Args:
        rows: rows after the header
        names: of the columns, that of the time first
        seconds: unit of the times
        header: line of the names
        lenient: let a time come twice or be negative

    Returns:
        lines (n,), times (n,) in seconds and values (n, columns - 1) of the rows without a fault
    """
    repeated = find_repeated(names)
    if repeated:
        faults.add("names", header, f"two columns are named {repeated}; give each rater a name of its own")
    table = _convert_table(rows, len(names))
    if table is not None:
        at = np.array([line for line, _ in rows], dtype=np.int64)
        check_times(at, table[:, 0] * seconds, faults, lenient=lenient)
        return at, table[:, 0] * seconds, table[:, 1:]
    lines, times, values = [], [], []
    for line, fields in rows:
        if not has_width(line, fields, len(names), faults):
            continue
        time = parse_time(line, fields[0], faults)
        row = [parse_value(line, text, name, faults) for text, name in zip(fields[1:], names[1:], strict=True)]
        if time is not None and None not in row:
            lines.append(line)
            times.append(time * seconds)
            values.append(row)
    at = np.array(lines, dtype=np.int64)
    seconds_at = np.array(times, dtype=np.float64)
    check_times(at, seconds_at, faults, lenient=lenient)
    return at, seconds_at, np.array(values, dtype=np.float64).reshape(len(lines), len(names) - 1)


def _convert_table(rows: Sequence[Row], width: int) -> NDArray[np.float64] | None:
    """Convert rows that hold nothing but finite numbers, as most files do; None for any other."""
    if any("_" in field for _, fields in rows for field in fields):
        return None
    try:
        table = np.array([fields for _, fields in rows], dtype=np.float64)
    except ValueError:
        return None
    return table if table.shape == (len(rows), width) and np.isfinite(table).all() else None


def has_width(line: int, fields: Sequence[str], width: int, faults: Faults) -> bool:
    """Return whether a row has the header's number of fields; record a fault if not."""
    if len(fields) != width:
        faults.add("fields", line, f"{len(fields)} field(s), where the header has {width}; complete or remove the row")
    return len(fields) == width


def check_times(lines: NDArray, times: NDArray, faults: Faults, of_whom: str = "", *, lenient: bool = False) -> None:
    """Record where times go back and, unless lenient, where they repeat or are negative."""
    prefix = f"{of_whom}: " if of_whom else ""
    steps = np.diff(times)
    back, equal = np.flatnonzero(steps < 0) + 1, np.flatnonzero((steps == 0) & (not lenient)) + 1
    for rows, kind in ((back, "goes back"), (equal, "comes twice")):
        if len(rows):
            row = rows[0]
            before = f" after {times[row - 1]:g} s" if kind == "goes back" else ""
            fix = "sort the rows by time" if kind == "goes back" else "keep one row per time"
            message = f"{prefix}the time {kind} ({times[row]:g} s{before}); {fix}"
            faults.add(kind + prefix, int(lines[row]), message, len(rows))
    early = np.flatnonzero((times < 0) & (not lenient))
    if len(early):
        message = (
            f"{prefix}the time is negative ({times[early[0]]:g} s); let times count from the beginning of the "
            "recording, and remove rows before it"
        )
        faults.add("negative" + prefix, int(lines[early[0]]), message, len(early))


def parse_time(line: int, text: str, faults: Faults) -> float | None:
    """Return a time; record a fault and return None if it is not a number."""
    number = parse_number(text)
    if number is None or math.isnan(number):
        faults.add("time", line, f"the time is {shorten(text)!r}; a number with a decimal point is expected")
        return None
    return number


def parse_value(line: int, text: str, name: str, faults: Faults) -> float | None:
    """Return a rating, NaN if unrated; record a fault and return None if it is not a number."""
    number = parse_number(text)
    if number is None:
        faults.add(
            "value",
            line,
            f"{shorten(name)} is {shorten(text)!r}; a number with a decimal point is expected, or an empty field "
            "where there is no rating",
        )
    return number


def parse_number(text: str) -> float | None:
    """Return a finite number, NaN for an unrated field, None for any other text.

    >>> parse_number("1e-1"), parse_number("NA"), parse_number("0_1"), parse_number("inf")
    (0.1, nan, None, None)
    """
    try:
        number = float(text.replace("_", "x"))  # Python would take 0_1 for 1
    except ValueError:
        return math.nan if text.lower() in UNRATED else None
    return None if math.isinf(number) else number


def find_repeated(names: Sequence[str]) -> str:
    """Return the first name that comes twice, empty if none does."""
    return next((name for i, name in enumerate(names) if name and name in names[:i]), "")


def shorten(text: str) -> str:
    """Shorten a text from a file to fit into a message."""
    return text if len(text) <= 40 else text[:37] + "..."
