"""File formats of traces, which annotation tools write while a rater follows a recording.

Each `parse_...` reads one file format and returns its traces together with all of its faults. Common to all formats:

- Times become seconds from the beginning of the recording. A time is the end of what it rates.
- A field that is empty, `NaN` or `NA` (as pandas, MATLAB and R write it) is an unrated row and becomes NaN. Infinity
  and any other text is a fault.
- A rater, or an axis, without a single rating makes no trace.
- Times must increase from 0 or more. Only event-driven logs, where the later row counts, and MSP-Conversation may
  repeat one, and only the latter may have negative ones.

`emoseq.labels.resampling` brings a trace to the frame rate of the labels.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from emoseq.labels.resampling import is_irregular, looks_event_driven
from emoseq.labels.trace_rows import (
    Fault,
    Faults,
    Row,
    check_times,
    find_repeated,
    find_time_unit,
    has_width,
    parse_number,
    parse_table,
    parse_time,
    parse_value,
    read_rows,
    shorten,
)
from emoseq.labels.traces import Trace

# Times beyond this many durations of the recording are milliseconds; a tool that runs on after the end stays below.
BEYOND = 10
METADATA = 9  # lines of MSP-Conversation
DARMA_BUTTONS = ("button", "b")  # the latter in exported means


class ParsedFile(NamedTuple):
    """Traces and faults of a file. With faults, the traces are incomplete.

    `looks_event_driven` says that a table seems to have rows only where a value changes.
    """

    traces: list[Trace]
    faults: list[Fault]
    looks_event_driven: bool = False


def recognise_format(content: str | bytes) -> str:
    """Recognise the format of a trace file by its content: one of FORMATS.

    A table whose first column is the time and whose header is no tool's is `csv`.

    Raises:
        ValueError: if the content is none of them; the message says what was looked for
    """
    text = content if isinstance(content, str) else content[:65536].decode("utf-8-sig", errors="replace")
    if text.lstrip().startswith("<") and "<scheme" in text:
        return "nova"
    rows = read_rows("".join(text.splitlines(keepends=True)[:40]))
    if not rows:
        raise ValueError("the file is empty; remove it or export it again")
    header = [field.lower() for field in rows[0][1]]
    if {"originalname", "videotime"} <= set(header):
        return "pagan"
    firsts = [fields[0].lower() for _, fields in rows]
    if "second" in firsts and any(set(first) == {"%"} for first in firsts):
        return "darma" if "magnitude" in firsts else "carma"
    if len(header) > 1 and header[0] == "timestamp":
        numbered = all(name.isdigit() for name in header[1:])
        if numbered or header[1:] == ["value", "segment_id"]:
            return "muse"
    if find_time_unit(header[0]) is not None and len(header) > 1:
        return "csv"
    raise ValueError(
        f"the first line is {shorten(','.join(rows[0][1]))}, which no known tool writes; a table needs a header: the "
        "column time (seconds), then one column per rater"
    )


def parse(
    name: str, content: str | bytes, *, samples: bytes | None = None, duration: float | None = None
) -> ParsedFile:
    """Parse a trace file.

    Args:
        name: one of FORMATS, or `msp-conversation`, which `recognise_format` never returns
        content: of the file; of `nova` that of the header
        samples: of `nova`, the content of the file with a `~` at the end of its name
        duration: of the recording in seconds, see `parse_csv`
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refuse(data[: error.start].count(b"\n") + 1, "the text is not UTF-8; export or save it as UTF-8")
    if name == "nova":
        return parse_nova(text, samples)
    if name == "csv":
        return parse_csv(text, duration=duration)
    parsers: dict[str, Callable[[str], ParsedFile]] = {
        "pagan": parse_pagan,
        "carma": parse_carma,
        "darma": parse_darma,
        "muse": parse_muse,
        "msp-conversation": parse_msp_conversation,
    }
    return parsers[name](text)


def parse_pagan(text: str) -> ParsedFile:
    """Parse the log of PAGAN (Melhart, Liapis and Yannakakis, ACII 2019), with one or many raters and recordings.

    CSV with the columns `OriginalName,DatabaseName,Participant,ExternalPID,SessionID,Timestamp,VideoTime,Value`.
    `OriginalName` is the recording's file name, its ending is dropped; `VideoTime` is in ms, `Value` from -100 to 100.
    There is a row only where the value changes. Rows of participants are interleaved: the first rows of several of them
    may stand together, so rows are grouped by recording and participant. The log does not name the dimension.
    """
    faults = Faults()
    rows = read_rows(text)
    header = [name.lower() for name in rows[0][1]] if rows else []
    needed = ("originalname", "participant", "videotime", "value")
    absent = [name for name in needed if name not in header]
    if absent:
        return _refuse(1, f"PAGAN's column {absent[0]} is missing; export the log from PAGAN again")
    if find_repeated(header):
        return _refuse(1, f"two columns are named {find_repeated(header)}; export the log from PAGAN again")
    name_at, rater_at, time_at, value_at = (header.index(name) for name in needed)
    session_at = header.index("sessionid") if "sessionid" in header else None
    groups: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    sessions: dict[tuple[str, str], str] = {}
    for line, fields in rows[1:]:
        if not has_width(line, fields, len(header), faults):
            continue
        key = (re.sub(r"\.[^./\\]*$", "", fields[name_at]), fields[rater_at])
        if not all(key):
            faults.add("name", line, "OriginalName or Participant is empty; name it or remove the row")
            continue
        session = fields[session_at] if session_at is not None else ""
        if sessions.setdefault(key, session) != session:
            faults.add(
                f"session {key}",
                line,
                f"participant {key[1]} rates {key[0]} in two sessions, {sessions[key]} and {session}; remove the rows "
                "of one of them",
            )
            continue
        time = parse_time(line, fields[time_at], faults)
        value = parse_value(line, fields[value_at], "Value", faults)
        if time is not None and value is not None:
            groups.setdefault(key, []).append((line, time / 1000, value))
    traces = []
    for (recording, rater), entries in groups.items():
        lines, times, values = (np.array(column) for column in zip(*entries, strict=True))
        last = np.append(times[1:] != times[:-1], True)  # of two rows at one time the later one counts
        lines, times, values = lines[last], times[last], values[last]
        check_times(lines, times, faults, f"participant {rater}")
        traces.append(Trace(recording, rater, "", times, values, lines, -100.0, 100.0, event_driven=True, unit=0.001))
    return _finish(traces, faults)


def parse_carma(text: str) -> ParsedFile:
    """Parse a file of CARMA (Girard, Journal of Open Research Software 2014): one rater, one dimension.

    CSV whose text is quoted: rows `Time of Rating` (in newer files a list of events), `Multimedia File`, `Lower Label`,
    `Upper Label`, `Minimum Value`, `Maximum Value`, `Number of Steps`, each with one value; then `Second,Rating`,
    `%%%%%%,%%%%%%`, and one row a bin: its end in seconds and the mean of its ratings. Bins without
    ratings are left out or NaN. The scale is that of minimum and maximum.
    """
    faults = Faults()
    parts = _divide(text)
    if parts is None:
        return _refuse(1, "CARMA's row Second,Rating is missing; export the file from CARMA again")
    metadata, (_, names), rows = parts
    if len(names) != 2:
        faults.add("names", parts.header[0], f"CARMA's row Second,Rating has {len(names)} fields; is this DARMA's?")
    ends = [_parse_metadata(metadata, name, faults, "CARMA") for name in ("minimum value", "maximum value")]
    _check_scale(metadata, ends[0], ends[1], faults)
    lines, times, values = parse_table(rows, names, faults)
    traces = [Trace("", "", "", times, column, lines, ends[0], ends[1]) for column in values.T[:1]]
    return _finish(traces, faults)


def parse_darma(text: str) -> ParsedFile:
    """Parse a file of DARMA (Girard and Wright, Behavior Research Methods 2018): one rater, two dimensions.

    CSV as CARMA's, with the rows `Time of Rating`, `Multimedia File` (name and duration in seconds), `Magnitude`,
    `Second,<label of x>,<label of y>,Button` and `%%%%%%`; then one row a bin: its end in seconds, the means of both
    axes, and whether the button was pressed, which is ignored. The scale is -magnitude to magnitude. The labels in
    lower case are the dimensions. Files that stop before the recording ends occur.
    """
    faults = Faults()
    parts = _divide(text)
    if parts is None:
        return _refuse(1, "DARMA's row Second,<x>,<y>,Button is missing; export the file from DARMA again")
    metadata, (line, names), rows = parts
    magnitude = _parse_metadata(metadata, "magnitude", faults, "DARMA")
    if len(names) != 4 or names[3].lower() not in DARMA_BUTTONS:
        faults.add("names", line, f"{shorten(','.join(names))}: DARMA's row Second,<x>,<y>,Button is expected")
        return _finish([], faults)
    if not magnitude or magnitude < 0:
        if magnitude is not None:
            faults.add("scale", metadata["magnitude"][0], f"Magnitude {magnitude:g}: a positive number is expected")
        magnitude = math.nan
    lines, times, values = parse_table([(at, fields[:3] + fields[4:]) for at, fields in rows], names[:3], faults)
    traces = [
        Trace("", "", name.lower(), times, column, lines, -magnitude, magnitude)
        for name, column in zip(names[1:3], values.T, strict=False)
    ]
    return _finish(traces, faults)


def parse_muse(text: str) -> ParsedFile:
    """Parse a file of MuSe-CaR (Stappen et al., IEEE Transactions on Affective Computing 2021).

    Raw: `timestamp,1,2,3` in seconds at 2 Hz, a column a rater. Processed: `Time,value` or `timestamp,value,segment_id`
    in milliseconds, one fused series. Neither names its scale.
    """
    faults = Faults()
    rows = read_rows(text)
    names = rows[0][1] if rows else []
    lower = [name.lower() for name in names]
    processed = lower[1:] in (["value"], ["value", "segment_id"])
    if not (
        len(names) > 1 and lower[0] in ("timestamp", "time") and (processed or all(n.isdigit() for n in names[1:]))
    ):
        return _refuse(
            rows[0][0] if rows else 1,
            f"the header is {shorten(','.join(names)) or 'empty'}; timestamp,1,2,... (raw) or Time,value (processed) "
            "is expected",
        )
    unit = 0.001 if processed else 1.0
    lines, times, values = parse_table(rows[1:], names, faults, seconds=unit)
    columns = zip(names[1:2] if processed else names[1:], values.T, strict=False)
    return _finish([Trace("", rater, "", times, column, lines, unit=unit) for rater, column in columns], faults)


def parse_msp_conversation(text: str) -> ParsedFile:
    """Parse a file of the MSP-Conversation corpus (Martinez-Lucas, Abdelwahab and Busso, Interspeech 2020).

    One rater, one dimension, one part of a conversation. CSV: METADATA lines, then a row a rating: its time in seconds
    and its value from -100 to 100. Rows come at irregular times, up to about 59 a second.

    Public readers of the corpus agree that the metadata have nine lines, and those that cut parts out of the audio that
    times count from the beginning of the part. One takes the first two columns of a file that has three, so further
    columns are ignored here. What the metadata say is assumed: CARMA's header has nine lines, too, and it is not read.
    That a time may come twice or be negative is a precaution, since the times are not known.
    """
    faults = Faults()
    rows = read_rows(text, delimiter=",")
    if len(rows) <= METADATA:
        return _refuse(
            0, f"it has {len(rows)} lines; {METADATA} of metadata, then one per rating, are expected; copy it again"
        )
    line, fields = rows[METADATA - 1]
    if len(fields) > 1 and parse_number(fields[0]) is not None and parse_number(fields[1]) is not None:
        return _refuse(line, f"this is a rating, but the first {METADATA} lines must be metadata; copy the file again")
    names = ("time", "the rating")
    lines, times, values = parse_table([(at, row[:2]) for at, row in rows[METADATA:]], names, faults, lenient=True)
    return _finish([Trace("", "", "", times, column, lines, -100.0, 100.0) for column in values.T], faults)


def parse_nova(header: str, samples: bytes | None) -> ParsedFile:
    """Parse a continuous annotation of NOVA or SSI (Wagner et al., ACM Multimedia 2013): one rater, one dimension.

    The XML file `x.annotation` holds `<info ftype="ASCII|BINARY" size="n"/>`, `<meta role="" annotator=""/>` and
    `<scheme name="" type="CONTINUOUS" sr="25" min="-1" max="1"/>`. `x.annotation~` holds n pairs of score and
    confidence, as lines `score;confidence` or as little-endian float32. Sample k, from 0, ends at (k + 1) / sr seconds.
    A score that is NaN is unrated; the confidence is ignored.
    """
    try:
        root = ElementTree.fromstring(header)
    except ElementTree.ParseError as error:
        return _refuse(error.position[0], f"not the XML of an annotation ({error}); export it from NOVA again")
    info, meta, scheme = ({} if node is None else node.attrib for node in map(root.find, ("info", "meta", "scheme")))
    faults = Faults()
    if scheme.get("type") != "CONTINUOUS":
        return _refuse(0, f"the scheme is {scheme.get('type', 'missing')}; only CONTINUOUS annotations are traces")
    rate, low, high = (_parse_attribute(scheme, name, faults) for name in ("sr", "min", "max"))
    if rate is not None and not rate > 0:
        faults.add("sr", 0, f"the scheme's sr is {rate:g}; a positive sampling rate in Hz is expected")
    if low is not None and high is not None and not low < high:
        faults.add("scale", 0, f"the scheme's min {low:g} is not below its max {high:g}; correct them")
    if samples is None:
        faults.add("samples", 0, "the file of the same name with ~ at its end is missing; copy it beside this one")
    if faults.list() or rate is None or samples is None:
        return _finish([], faults)
    if info.get("ftype") == "BINARY":
        if len(samples) % 8:
            return _refuse(0, f"the ~ file has {len(samples)} bytes, not pairs of float32; copy it again")
        scores = np.frombuffer(samples, dtype="<f4")[::2].astype(np.float64)
        lines = np.arange(len(scores)) + 1
        for k in np.flatnonzero(np.isinf(scores)):
            faults.add("value", 0, f"score {k + 1} of the ~ file is infinite; a number is expected")
    elif info.get("ftype") == "ASCII":
        rows = read_rows(samples.decode("utf-8-sig", errors="replace"), delimiter=";")
        pairs = []
        for line, fields in rows:
            if len(fields) == 2:
                value = parse_value(line, fields[0], "score (in the ~ file)", faults)
                pairs.append((line, math.nan if value is None else value))
            else:
                faults.add("fields", line, f"{len(fields)} fields in the ~ file; score;confidence is expected")
        lines, scores = np.array([line for line, _ in pairs], dtype=np.int64), np.array([value for _, value in pairs])
    else:
        return _refuse(0, f"ftype is {info.get('ftype', 'missing')}; save the annotation as ASCII or BINARY")
    size = info.get("size", "")
    if size.isdigit() and int(size) != len(scores) and not faults.list():
        faults.add("size", 0, f"the header announces {size} samples and the ~ file has {len(scores)}; copy both again")
    times = (np.arange(len(scores)) + 1) / rate
    name, annotator = scheme.get("name", "").strip().lower(), meta.get("annotator", "").strip()
    return _finish([Trace("", annotator, name, times, scores, lines, low, high)], faults)


def parse_csv(text: str, *, duration: float | None = None) -> ParsedFile:
    """Parse a table: a header, the column of times, then one column a rater or one a dimension.

    The separator is the comma, the semicolon or the tab, whichever the header has most of. The first column is named
    `time`, `timestamp` or `seconds` (in seconds) or, for example, `time(ms)` (in milliseconds). Each further column
    makes a trace whose rater is the column's name. The scale is not named. No trace is taken for
    event-driven, but it is said whether the table looks so.

    Args:
        duration: of the recording in seconds. Times that go beyond ten times that, and span more than it, are
            milliseconds, whatever the header says; MuSe's processed files are such.
    """
    faults = Faults()
    rows = read_rows(text)
    if not rows:
        return _refuse(1, "the file is empty; a header time,<rater>,... and one row per time are expected")
    line, names = rows[0]
    unit = find_time_unit(names[0])
    if unit is None:
        return _refuse(
            line,
            f"the first column is {shorten(names[0]) or 'nameless'}; the time in seconds, named time, is expected",
        )
    if len(names) < 2:
        return _refuse(line, "there is no column beside the time; one column per rater is expected")
    for number, name in enumerate(names[1:], 2):
        if not name:
            faults.add("empty", line, f"column {number} has no name; name its rater, or remove the column")
    lines, times, values = parse_table(rows[1:], names, faults, seconds=unit, header=line)
    if unit == 1 and duration is not None and len(times) and times[-1] > BEYOND * duration:
        # A part that is rated in the time of its audio goes as far beyond, but lasts no longer than the part.
        unit = 0.001 if times[-1] - times[0] > duration else 1.0
        times = times * unit
    irregular = is_irregular(times)
    traces = [
        Trace("", name, "", times, column, lines, irregular=irregular, unit=unit)
        for name, column in zip(names[1:], values.T, strict=False)
    ]
    return _finish(traces, faults)._replace(looks_event_driven=looks_event_driven(times, values))


class _Parts(NamedTuple):
    metadata: dict[str, Row]  # by the first field in lower case
    header: Row
    rows: list[Row]


def _divide(text: str) -> _Parts | None:
    """Divide a file of CARMA or DARMA at its row `Second`; None without one."""
    rows = read_rows(text, delimiter=",")
    for i, (_, fields) in enumerate(rows):
        if fields[0].lower() == "second":
            data = [row for row in rows[i + 1 :] if set(row[1][0]) != {"%"}]
            return _Parts({row[1][0].lower(): row for row in rows[:i]}, rows[i], data)
    return None


def _parse_metadata(metadata: dict[str, Row], name: str, faults: Faults, tool: str) -> float | None:
    if name not in metadata:
        faults.add(f"no {name}", 0, f"{tool}'s row {name.title()} is missing; export the file from {tool} again")
        return None
    line, fields = metadata[name]
    number = parse_number(fields[1]) if len(fields) > 1 else None
    if number is None or math.isnan(number):
        faults.add(name, line, f"{name.title()} is not a number; an end of the scale is expected")
        return None
    return number


def _parse_attribute(attributes: dict[str, str], name: str, faults: Faults) -> float | None:
    number = parse_number(attributes.get(name, ""))
    if number is None or math.isnan(number):
        faults.add(name, 0, f"the scheme's {name} is {attributes.get(name, 'missing')!r}; a number is expected")
        return None
    return number


def _check_scale(metadata: dict[str, Row], low: float | None, high: float | None, faults: Faults) -> None:
    if low is not None and high is not None and not low < high:
        line = metadata["maximum value"][0]
        faults.add("scale", line, f"Maximum Value {high:g} is not above Minimum Value {low:g}; correct them")


def _refuse(line: int, message: str) -> ParsedFile:
    return ParsedFile([], [Fault(line, message)])


def _finish(traces: list[Trace], faults: Faults) -> ParsedFile:
    """Return the traces that have a rating, and the faults; a file without any rating is one."""
    rated = [trace for trace in traces if np.isfinite(trace.values).any()]
    known = faults.list()
    if not known and not rated:
        known = [Fault(0, "there is no rating in the file; export it again or remove it")]
    return ParsedFile(rated, known)
