"""Checks of raters' traces: measures of each, and those that look wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq.labels.agreement import average_finite, compute_alpha, correlate_raters, estimate_ceiling
from emoseq.labels.gold_standard import average_raters, check_traces, compare_raters
from emoseq.labels.rater_courses import ORDINARY_DELAY, Course, follow_raters
from emoseq.metrics import concordance

# Limits beyond which a trace looks wrong. Normal traces stand still for 80 % of the frames, one in ten holds is longer
# than 4.3 s, they begin some seconds late and lag behind the speech by 1 to 4 s: none of that may be reported.
SHORTEST = 30.0  # s; in shorter recordings only missing ratings and jumps are reported
LATEST_START = 20.0  # s without a movement, or unrated, at the start,
EARLIEST_STOP = 40.0  # s without a movement at the end,
LONGEST_HOLD = 40.0  # s at one value between them, and this share of the recording:
LONGEST_HOLD_SHARE = 0.4
LEAST_MOVEMENT = 0.5  # of its range that the others' mean covers meanwhile; else nothing may have happened
LONGEST_GAP = 10.0  # s unrated at the end
LARGEST_STEP = 0.5  # of the range of all ratings, within one frame
MOST_JUMPS = 2
MOST_CLIPPED = 0.25  # of the frames, and as many seconds as a hold
LARGEST_RATIO = 10.0  # between the ranges of a rater and of the others,
SHORTEST_FOR_SCALE = 90.0  # s; in a minute a rater may hardly move
LEAST_CORRELATION = 0.4  # of a rater with the mean of the others, moved or turned as found,
# Least seconds compared, evidence and delay in seconds, over all recordings, and in one of them
OVERALL, ALONE = (90.0, 5.0, 3.6), (150.0, 8.0, 4.5)


@dataclass(frozen=True)
class CheckedTrace:
    """Measures of one rater's trace of one recording, times in seconds; NaN where there is nothing to compare with.

    Attributes:
        unrated: frames without a rating
        late_start: time before the first movement, unrated or at the first value
        early_stop: time after the last movement
        longest_hold: longest time at one value between them
        jumps: steps of more than half of the range of all ratings within one frame
        clipped: share of the rated frames at the ends of the scale
        range_ratio: range (1st to 99th percentile) over the median of the others' ranges
        agreement: mean CCC with each other rater
        correlation: mean Pearson correlation with each other rater
        ccc_with_rest: CCC with the mean of the others
        delay: as `emoseq.labels.rater_courses.Course`, in this recording
        findings: what looks wrong, in words
    """

    recording: str
    rater: str
    seconds: float
    unrated: float
    late_start: float
    early_stop: float
    longest_hold: float
    jumps: int
    clipped: float
    range_ratio: float = float("nan")
    agreement: float = float("nan")
    correlation: float = float("nan")
    ccc_with_rest: float = float("nan")
    delay: float = float("nan")
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckedRatings:
    """Measures of all ratings of one dimension in one set.

    Attributes:
        traces: by recording and rater
        agreement: mean CCC of two raters, over pairs and recordings
        alpha: Krippendorff's alpha, as `emoseq.labels.agreement.compute_alpha`
        ccc_with_rest: mean CCC of a rater with the mean of the others, over traces
        ceiling: as `emoseq.labels.agreement.estimate_ceiling`, mean over recordings
        unrated: seconds that no rater has rated
        findings: what looks wrong, in words, recording and rater first
    """

    traces: tuple[CheckedTrace, ...]
    agreement: float
    alpha: float
    ccc_with_rest: float
    ceiling: float
    unrated: float
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Scale:
    """Lowest and highest of all ratings; `ends` are those of the two that several traces reach."""

    low: float
    high: float
    ends: tuple[float, ...]


@dataclass(frozen=True)
class Pauses:
    """Frames in which a trace stands still.

    Attributes:
        first_move: frame of the first movement, before which the trace is unrated or at its first value
        last_move: frame of the last movement; both are the number of frames if there is none
        hold, hold_length: first frame and length of the longest run of one value between the two
    """

    first_move: int
    last_move: int
    hold: int
    hold_length: int


def check_ratings(
    ratings: Mapping[str, NDArray], raters: Mapping[str, Sequence[str]], frame_shift: float
) -> CheckedRatings:
    """Measure every trace against the other raters' and say which look wrong.

    Args:
        ratings: traces (frames, raters) by recording, at least one
        raters: names of the columns by recording
        frame_shift: seconds between frames

    Raises:
        ValueError: as `check_traces`
    """
    tables = {recording: check_traces(traces) for recording, traces in ratings.items()}
    scale = find_scale(tables.values())
    moving = {
        recording: np.stack([_mask_standstill(trace, frame_shift) for trace in traces.T], axis=1)
        for recording, traces in tables.items()
        if len(traces) * frame_shift >= SHORTEST
    }
    overall, single = follow_raters(moving, raters, frame_shift)
    everywhere, alone = _judge_courses(overall, single)
    checked: list[CheckedTrace] = []
    pairs, ceilings, findings = [], [], []
    for recording, traces in tables.items():
        agreement, correlation = compare_raters(traces), correlate_raters(traces)
        pairs += agreement[np.triu_indices(len(agreement), 1)].tolist()
        ceilings.append(estimate_ceiling(average_finite(correlation), int(np.isfinite(traces).any(axis=0).sum())))
        for column, rater in enumerate(raters[recording]):
            measures, problems = _measure_shape(traces, column, scale, frame_shift)
            if measures["late_start"] < measures["seconds"]:
                compared, differences = _compare_with_rest(traces, column, frame_shift)
                measures, problems = measures | compared, problems + differences
            measures |= {
                "agreement": average_finite(agreement[column]),
                "correlation": average_finite(correlation[column]),
            }
            if (recording, rater) in single:
                measures["delay"] = single[recording, rater].delay
            problems += alone.get((recording, rater), [])
            findings += [f"{recording}: {rater} {problem}" for problem in problems]
            problems += [words for words, where in everywhere.get(rater, []) if recording in where]
            checked.append(CheckedTrace(recording, rater, **measures, findings=tuple(problems)))
    alpha = compute_alpha(tables.values())
    findings += [f"{rater}: {words}" for rater, found in everywhere.items() for words, _ in found]
    if alpha < 0:
        findings.append(f"all recordings: the raters agree no better than by chance (Krippendorff's alpha {alpha:.2f})")
    return CheckedRatings(
        traces=tuple(checked),
        agreement=average_finite(pairs),
        alpha=alpha,
        ccc_with_rest=average_finite([trace.ccc_with_rest for trace in checked]),
        ceiling=average_finite(ceilings),
        unrated=frame_shift * sum(int(np.isnan(traces).all(axis=1).sum()) for traces in tables.values()),
        findings=tuple(findings),
    )


def describe_agreement(checked: CheckedRatings) -> str:
    """Describe the agreement of the raters in one line, numbers with two decimals, `-` where undefined."""
    counts = Counter(trace.recording for trace in checked.traces).values()
    raters = " to ".join(map(str, sorted({min(counts), max(counts)})))
    words = [
        f"{raters} rater{'s' * (max(counts) > 1)} per recording",
        f"mean CCC of two raters {format_measure(checked.agreement)}",
        f"Krippendorff's alpha {format_measure(checked.alpha)}",
        f"{checked.unrated:.1f} s without a rating",
    ]
    return ", ".join(words)


def describe_ceiling(checked: CheckedRatings) -> str:
    """Describe how well a rater, and how well any system, can agree with the raters."""
    return (
        f"CCC of a rater with the mean of the others {format_measure(checked.ccc_with_rest)}; "
        f"the raters' agreement bounds the CCC of any system by about {format_measure(checked.ceiling)}"
    )


def format_measure(value: float) -> str:
    """Return a measure with two decimals, `-` for NaN."""
    return "-" if np.isnan(value) else f"{value:.2f}"


def find_scale(ratings: Iterable[NDArray]) -> Scale:
    """Find the ends of the scale in the traces (frames, raters) of several recordings.

    An extreme that only one trace reaches does not count as an end. Low and high are NaN if there are no ratings.
    """
    columns = [column[np.isfinite(column)] for traces in ratings for column in traces.T]
    columns = [column for column in columns if len(column)]
    if not columns:
        return Scale(float("nan"), float("nan"), ())
    lows, highs = [column.min() for column in columns], [column.max() for column in columns]
    low, high = float(min(lows)), float(max(highs))
    return Scale(low, high, (low,) * (lows.count(low) > 1) + (high,) * (highs.count(high) > 1))


def find_pauses(trace: NDArray) -> Pauses:
    """Find where a trace of shape (frames,), NaN where unrated, stands still."""
    rated = np.flatnonzero(np.isfinite(trace))
    moves = rated[1:][np.diff(trace[rated]) != 0]
    if not len(moves):
        return Pauses(len(trace), len(trace), 0, 0)
    # NaN differs from everything, so no run goes through frames without a rating.
    runs = 1 + np.flatnonzero(trace[1:] != trace[:-1])
    runs = runs[(runs >= moves[0]) & (runs <= moves[-1])]
    lengths = np.append(np.diff(runs), 0)
    longest = int(lengths.argmax())
    return Pauses(int(moves[0]), int(moves[-1]), int(runs[longest]), int(lengths[longest]))


def _measure_shape(traces: NDArray, column: int, scale: Scale, frame_shift: float) -> tuple[dict[str, Any], list[str]]:
    """Measure one of the traces (frames, raters) by itself; return fields of CheckedTrace, and findings."""
    trace = traces[:, column]
    rest = average_raters(np.delete(traces, column, axis=1))
    frames, rated = len(trace), np.isfinite(trace)
    seconds, pauses = frames * frame_shift, find_pauses(trace)
    ends = [(end, float((trace[rated] == end).mean()) if rated.any() else 0.0) for end in scale.ends]
    jumps = int((np.abs(np.diff(trace)) > LARGEST_STEP * (scale.high - scale.low)).sum())
    findings = []
    if not rated.any():
        findings.append("has rated nothing")
    if jumps > MOST_JUMPS:
        findings.append(f"jumps {jumps} times by more than half of the scale within one frame")
    if rated.any() and seconds >= SHORTEST:
        if pauses.first_move == frames:
            findings.append(f"stays at {trace[rated][0]:g} throughout")
        else:
            findings += _find_standstill(trace, rest, pauses, frame_shift)
            findings += [
                f"is at the end of the scale, {end:g}, for {share:.0%} of the time"
                for end, share in ends
                if share > MOST_CLIPPED and share * rated.sum() * frame_shift > LONGEST_HOLD
            ]
    measures = {
        "seconds": seconds,
        "unrated": float((~rated).sum()) * frame_shift,
        "late_start": pauses.first_move * frame_shift,
        "early_stop": (frames - pauses.last_move) * frame_shift,
        "longest_hold": pauses.hold_length * frame_shift,
        "jumps": jumps,
        "clipped": sum(share for _, share in ends),
    }
    return measures, findings


def _find_standstill(trace: NDArray, rest: NDArray, pauses: Pauses, frame_shift: float) -> list[str]:
    """Say where a trace starts too late, stops too early or is stuck, while the mean of the others goes on."""
    seconds = len(trace) * frame_shift
    first, last, hold = (frame * frame_shift for frame in (pauses.first_move, pauses.last_move, pauses.hold))
    hold_end = hold + pauses.hold_length * frame_shift
    rated_end = (1 + np.flatnonzero(np.isfinite(trace))[-1]) * frame_shift
    findings = []
    if first > LATEST_START and _goes_on(rest, 0, pauses.first_move):
        findings.append(f"does not move before {first:.1f} s")
    if seconds - rated_end > LONGEST_GAP:
        findings.append(f"ends at {rated_end:.1f} s of {seconds:.1f} s")
    elif seconds - last > EARLIEST_STOP and _goes_on(rest, pauses.last_move, len(trace)):
        findings.append(f"does not move after {last:.1f} s of {seconds:.1f} s")
    longest = max(LONGEST_HOLD, LONGEST_HOLD_SHARE * seconds)
    if hold_end - hold > longest and _goes_on(rest, pauses.hold, pauses.hold + pauses.hold_length):
        findings.append(f"stays at {trace[pauses.hold]:g} from {hold:.1f} s to {hold_end:.1f} s")
    return findings


def _goes_on(rest: NDArray, first: int, last: int) -> bool:
    """Return whether the mean of the others moves in these frames, or there are no others."""
    whole, part = _measure_range(rest), _measure_range(rest[first:last])
    return np.isnan(whole) or part >= LEAST_MOVEMENT * whole


def _mask_standstill(trace: NDArray, frame_shift: float) -> NDArray:
    """Mask where a trace does not move at the start, at the end or for long; all if that leaves less than half."""
    pauses, masked = find_pauses(trace), trace.copy()
    masked[: pauses.first_move] = masked[pauses.last_move :] = np.nan
    if pauses.hold_length * frame_shift > LONGEST_HOLD:
        masked[pauses.hold : pauses.hold + pauses.hold_length] = np.nan
    return masked if np.isfinite(masked).mean() >= 0.5 else np.full_like(trace, np.nan)


def _judge_courses(
    overall: Mapping[str, Course], single: Mapping[tuple[str, str], Course]
) -> tuple[dict[str, list[tuple[str, set[str]]]], dict[tuple[str, str], list[str]]]:
    """Say who runs against the others, and who lags far behind them or runs ahead of them.

    Returns:
        by rater what is so in most recordings, and in which; by recording and rater what is so in this one
    """
    everywhere: dict[str, list[tuple[str, set[str]]]] = {}
    for rater, course in overall.items():
        own = {recording: found for (recording, name), found in single.items() if name == rater}
        words = _describe_course(course, *OVERALL)
        where = {recording for recording, found in own.items() if _is_alike(found, course)}
        if words and len(own) > 1 and len(where) > len(own) / 2:
            everywhere[rater] = [(f"{words}, in {len(where)} of {len(own)} recordings; {_advise(course)}", where)]
    alone = {}
    for (recording, rater), course in single.items():
        words = _describe_course(course, *ALONE)
        if words and rater not in everywhere:
            alone[recording, rater] = [f"{words}; {_advise(course)}"]
    return everywhere, alone


def _describe_course(course: Course, least_seconds: float, least_evidence: float, least_delay: float) -> str:
    """Describe what is wrong with a course; nothing if all is well or too little is known."""
    if course.seconds < least_seconds or course.evidence < least_evidence:
        return ""
    if abs(course.correlation) < LEAST_CORRELATION:
        return ""
    if course.correlation < 0:
        return f"runs against the other raters (correlation {course.correlation:.2f})"
    if abs(course.delay) >= least_delay:
        return f"reacts {abs(course.delay):.1f} s {'later' if course.delay > 0 else 'earlier'} than the other raters"
    return ""


def _is_alike(found: Course, course: Course) -> bool:
    """Return whether a recording points the same way as all of them."""
    if course.correlation < 0:
        return found.correlation < 0
    return found.correlation > 0 and found.delay * np.sign(course.delay) > ORDINARY_DELAY / 2


def _advise(course: Course) -> str:
    if course.correlation < 0:
        return "is it inverted?"
    return f"try --align-raters {np.ceil(abs(course.delay)):.0f}, or leave it out"


def _compare_with_rest(traces: NDArray, column: int, frame_shift: float) -> tuple[dict[str, Any], list[str]]:
    """Compare one of the traces (frames, raters) with the others; return fields of CheckedTrace, and findings."""
    trace, others = traces[:, column], np.delete(traces, column, axis=1)
    rest = average_raters(others)
    both = np.isfinite(trace) & np.isfinite(rest)
    if not both.any():
        return {}, []
    findings = []
    theirs = [_measure_range(other, 1) for other in others.T]
    theirs = [value for value in theirs if value > 0]
    ratio = _measure_range(trace, 1) / float(np.median(theirs)) if theirs else float("nan")
    if ratio > LARGEST_RATIO or ratio < 1 / LARGEST_RATIO:
        findings.append(f"covers {ratio:.2g} times the range of the others; is it on another scale?")
    measures = {"range_ratio": ratio, "ccc_with_rest": concordance(trace[both], rest[both])}
    return measures, findings if len(trace) * frame_shift >= SHORTEST_FOR_SCALE else []


def _measure_range(series: NDArray, cut: float = 0) -> float:
    """Return the range of the rated values, without `cut` percent at either end; NaN if there are none."""
    rated = series[np.isfinite(series)]
    if not len(rated):
        return float("nan")
    low, high = np.percentile(rated, [cut, 100 - cut])
    return float(high - low)
