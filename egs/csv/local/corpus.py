"""Corpus of a user's own recordings: recordings.csv and the traces below ratings/, checked as a whole.

The name of a trace file, `<id>[.<rater>]`, begins with the id of its recording; the rows of PAGAN's log name theirs.
The folder below ratings/, in lower case, names the dimension. DARMA's dimensions are always its axes. Directly in
ratings/, the dimension is NOVA's scheme, else `--dimension`; without it, each column of a table is a dimension.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from recordings import TABLE, Table, describe_draw, draw_sets

from emoseq import DataError
from emoseq.io.datadir import is_id
from emoseq.labels.joining import Raters, count_pauses, describe_unknown_raters, join_traces
from emoseq.labels.resampling import ResamplingOptions
from emoseq.labels.trace_formats import parse, recognise_format
from emoseq.labels.traces import DEFAULT_SCALE, Trace, TraceOptions, find_values_outside
from emoseq.recipe.corpus import check_dimension
from emoseq.recipe.recordings import Corpus, RecordingRatings, count, divide_into_sets, format_faults

RATINGS = "ratings"
UNNAMED = "rater"  # of a file that names no rater
FUSED = {"value", "rating", "score"}  # names of a column that are no rater's


def list_trace_files(folder: Path) -> list[Path]:
    """List the files below ratings/ in a fixed order, hidden ones left out; NOVA's data files, `x~`, are among them."""
    files = (path for path in sorted((folder / RATINGS).rglob("*")) if path.is_file())
    return [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def find_fault_of_dimension(name: str) -> str:
    """Return what is wrong with the name of a dimension, empty if nothing is."""
    try:
        check_dimension(name)
    except ValueError as error:
        return str(error)
    return ""


def load_corpus(
    folder: Path, table: Table, options: TraceOptions, resampling: ResamplingOptions, shift: float
) -> Corpus:
    """Read the ratings of a corpus and divide the recordings into sets.

    Args:
        folder: of recordings.csv and ratings/
        table: of `read_table`
        options: see `TraceOptions`
        resampling: see `ResamplingOptions`
        shift: seconds between labels

    Raises:
        DataError: with all faults of the corpus, one a line, if there are any
    """
    faults, notes = list(table.faults), list[str]()
    if options.dimension and (problem := find_fault_of_dimension(options.dimension)):
        faults.append(f"--dimension: {problem}")
    traces: dict[str, dict[str, Raters]] = {}  # by dimension and recording
    damaged: set[tuple[str, str]] = set()
    logs: dict[str, list[Trace]] = {}
    for where, trace in _read_traces(folder, table, options, faults, damaged, logs):
        raters = traces.setdefault(trace.dimension, {}).setdefault(trace.recording, {})
        if trace.rater in raters:
            clash = _describe_clash(trace, where, raters[trace.rater][0])
            faults += [clash] if clash not in faults else []
        else:
            raters[trace.rater] = (where, trace)
    ratings: dict[str, dict[str, RecordingRatings]] = {}
    for dimension, recordings in sorted(traces.items()):
        ratings[dimension] = {}
        if not options.scale and _lie_above_zero(recordings):
            notes.append(f"{dimension}: no rating is below 0; if its scale is 0 to 1, say so with --scale=0,1")
        for key, raters in recordings.items():
            if key in table.recordings:
                ratings[dimension][key] = join_traces(
                    table.recordings[key], dimension, raters, resampling, shift, faults=faults, notes=notes
                )
    if resampling.resample == "auto":
        notes += _describe_logs(logs, table, shift)
    if not traces and not faults:
        faults.append(f"{RATINGS}/ holds no file; add {RATINGS}/<dimension>/<id>.csv for each recording")
    unrated = {
        key: [dim for dim in ratings if key not in traces[dim] and not {("", key), (dim, key)} & damaged]
        for key in table.recordings
    }
    if not faults and any(not recording.set for recording in table.recordings.values()):
        try:
            drawn = draw_sets(table.recordings, {key for key, lacking in unrated.items() if lacking}, options.seed)
            notes += describe_draw(table.recordings, drawn)
        except DataError as error:
            faults.append(str(error))
            drawn = {}
        recordings_in_sets = {
            key: replace(recording, set=drawn.get(recording.speaker, "")) for key, recording in table.recordings.items()
        }
    else:
        recordings_in_sets = table.recordings
    for key, recording in recordings_in_sets.items():
        for dimension in unrated[key]:
            if recording.set == "test":
                notes.append(f"{key}: no ratings of {dimension}; predicted but not scored")
            elif recording.set:
                faults.append(
                    f"{recording.where}: {key}: no ratings of {dimension}, which {recording.set} needs; add "
                    f"{RATINGS}/{dimension}/{key}.csv or move the recording to test"
                )
    if faults:
        raise DataError(format_faults(folder, faults))
    notes += describe_unknown_raters(resampling, ratings)
    return Corpus(tuple(ratings), divide_into_sets(recordings_in_sets), ratings, table.segmented, notes)


def _read_traces(
    folder: Path,
    table: Table,
    options: TraceOptions,
    faults: list[str],
    damaged: set[tuple[str, str]],
    logs: dict[str, list[Trace]],
) -> Iterator[tuple[str, Trace]]:
    """Yield each trace, its recording, rater, dimension and scale complete, with the name of its file.

    Faults are added to `faults`; folder and recording of a file with faults to `damaged`, since it is not missing; the
    traces of tables that look event-driven to `logs`, by file.
    """
    files = list_trace_files(folder)
    misnamed: set[tuple[str, str]] = set()  # folders and dimensions
    for path in files:
        name = str(path.relative_to(folder))
        parts = path.relative_to(folder / RATINGS).parts
        folder_name = parts[0].lower() if len(parts) > 1 else ""
        subject, rater = _divide_stem(path.stem, table.ids)
        if path.name.endswith("~"):
            if path.with_name(path.name[:-1]) not in files:
                faults.append(f"{name}: NOVA's header {path.name[:-1]} is missing; copy it beside this file")
            continue
        content = path.read_bytes()
        try:
            kind = recognise_format(content) if options.format == "auto" else options.format
        except ValueError as error:
            faults.append(f"{name}: {error}")
            damaged.add((folder_name, subject))
            continue
        if kind != "pagan" and subject not in table.ids and table.complete:
            faults.append(f"{name}: there is no recording {subject} in {TABLE}; add it there or remove this file")
            continue
        samples = path.with_name(path.name + "~")
        parsed = parse(
            kind,
            content,
            samples=samples.read_bytes() if kind == "nova" and samples.is_file() else None,
            duration=table.recordings[subject].duration if subject in table.recordings else None,
        )
        for line, message in parsed.faults:
            faults.append(f"{name}:{line}: {message}" if line else f"{name}: {message}")
        if parsed.faults:
            damaged |= {(folder_name, key) for key in ([subject] if kind != "pagan" else table.ids)}
            continue
        unknown: set[str] = set()
        names: dict[tuple[str, str, str], str] = {}  # of raters or axes in the file
        for trace in parsed.traces:
            complete = _complete(trace, kind, subject, rater, folder_name, len(parsed.traces), options)
            if complete.recording not in table.ids and table.complete:
                if complete.recording not in unknown:
                    faults.append(
                        f"{name}:{trace.lines[0]}: there is no recording {complete.recording} in {TABLE}; add it there "
                        "or remove its rows"
                    )
                unknown.add(complete.recording)
                continue
            if complete.dimension and (misnomer := find_fault_of_dimension(complete.dimension)):
                in_folder = complete.dimension == folder_name
                reported = (folder_name, complete.dimension) if in_folder else ("", complete.dimension)
                if reported not in misnamed and (in_folder or complete.dimension != options.dimension):
                    where, places = (f"{RATINGS}/{parts[0]}/", "") if in_folder else (name, " in all files")
                    faults.append(f"{where}: {misnomer}{places}")
                misnamed.add(reported)
                damaged.add((folder_name, complete.recording))
                continue
            problem = _find_problem(complete, rater, len(parsed.traces), kind, folder_name)
            key = (complete.recording, complete.dimension, complete.rater)
            if not problem and key in names:
                problem = _describe_namesakes(complete, names[key], trace.rater, kind, folder_name)
            names.setdefault(key, trace.rater)
            if not problem and (fault := find_values_outside(complete, complete.low or 0.0, complete.high or 0.0)):
                problem = f"{fault.line}: {fault.message}"
            if problem:
                faults += [f"{name}:{problem}"] if f"{name}:{problem}" not in faults else []
                damaged.add((folder_name, complete.recording))
            elif complete.recording in table.ids:
                if parsed.looks_event_driven:
                    logs.setdefault(name, []).append(complete)
                yield name, complete


def _divide_stem(stem: str, ids: frozenset[str]) -> tuple[str, str]:
    """Divide `<id>[.<rater>]`; ids may have dots themselves, so the longest id counts."""
    parts = stem.split(".")
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        if key in ids:
            return key, ".".join(parts[length:])
    return stem, ""


def _complete(
    trace: Trace, kind: str, subject: str, rater: str, folder_name: str, count: int, options: TraceOptions
) -> Trace:
    """Return a trace with what its path and the options say where the file itself does not."""
    column, dimension = trace.rater, folder_name or trace.dimension or options.dimension
    if kind == "darma":
        dimension = trace.dimension
    elif kind == "csv" and not dimension:
        dimension, column = trace.rater.lower(), ""
    if count == 1 and kind != "pagan" and (rater or column.lower() in FUSED):
        column = rater
    name = "_".join((column or rater or UNNAMED).split())
    low, high = options.scale or (
        (trace.low, trace.high) if trace.low is not None and trace.high is not None else DEFAULT_SCALE
    )
    return replace(trace, recording=trace.recording or subject, rater=name, dimension=dimension, low=low, high=high)


def _find_problem(trace: Trace, rater: str, count: int, kind: str, folder_name: str) -> str:
    """Return what is wrong with the names of a trace, after the colon that follows the file's; empty if nothing is."""
    if not trace.dimension:
        return (
            f" nothing names its dimension; move it to {RATINGS}/<dimension>/, or name the dimension of all such files "
            "with --dimension=NAME"
        )
    if not is_id(trace.rater):
        return f" {trace.rater!r} is not a rater's name; use printable characters"
    if rater and count > 1 and folder_name and kind in ("csv", "muse"):
        return f" the file name is of rater {rater}, but the file has {count} columns; name it <id>.csv"
    return ""


def _describe_logs(logs: Mapping[str, list[Trace]], table: Table, shift: float) -> list[str]:
    """Describe in a note the tables that look event-driven, and the seconds that are unrated because `hold` is not set.

    Args:
        logs: traces by file
        table: of the recordings
        shift: seconds between labels
    """
    seconds = {
        name: count_pauses(table.recordings[traces[0].recording], traces, shift)
        for name, traces in logs.items()
        if traces[0].recording in table.recordings
    }
    if not seconds:
        return []
    first, *others = seconds
    files = f" (and {count(len(others), 'more file')})" if others else ""
    return [
        f"{first}{files}: rows come only where the value changes, it seems; --resample=hold holds values in between, "
        f"of which {sum(seconds.values()):.2f} s are unrated now"
    ]


def _describe_namesakes(trace: Trace, first: str, second: str, kind: str, folder_name: str) -> str:
    """Describe two names in a file that become one, after the colon that follows the file's."""
    if kind == "darma":
        return f" both axes are named {trace.dimension} in lower case; give them different labels"
    if kind == "csv" and not folder_name and trace.dimension == second.lower():
        return f" the columns {first!r} and {second!r} are one dimension, {trace.dimension}, in lower case; rename one"
    return f" {first!r} and {second!r} are one rater, {trace.rater}, since blanks become _; rename one"


def _describe_clash(trace: Trace, where: str, other: str) -> str:
    """Describe two files of one rater, recording and dimension."""
    ours, theirs = (Path(name).parts[1] for name in (where, other))
    if ours != theirs and ours.lower() == theirs.lower() == trace.dimension:
        return (
            f"{RATINGS}/{theirs}/ and {RATINGS}/{ours}/ are one dimension, {trace.dimension}, since names are taken in "
            "lower case; rename or remove one of them"
        )
    return (
        f"{where}: rater {trace.rater} rates {trace.recording} in {other} too; remove the ratings from one of the two "
        "files, or rename the rater in it"
    )


def _lie_above_zero(recordings: dict[str, Raters]) -> bool:
    """Return whether all ratings, on a scale that no file names, are 0 or more."""
    traces = [trace for raters in recordings.values() for _, trace in raters.values()]
    return all((trace.low, trace.high) == DEFAULT_SCALE and not np.any(trace.values < 0) for trace in traces)
