"""Traces of the raters of one recording, brought to the label rate and joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from emoseq import DataError
from emoseq.labels.resampling import ResamplingOptions, filter_low_pass, resample
from emoseq.labels.traces import Trace, scale_values
from emoseq.recipe.recordings import Recording, RecordingRatings

DIFFERENCE = 0.5  # seconds between the ends, or the beginnings, of audio and ratings that are worth a note

Raters = dict[str, tuple[str, Trace]]  # file and trace by rater


def join_traces(
    recording: Recording,
    dimension: str,
    raters: Raters,
    options: ResamplingOptions,
    shift: float,
    *,
    faults: list[str],
    notes: list[str],
) -> RecordingRatings:
    """Bring the traces of a recording to the label rate, scale them to -1 to 1 and join them.

    Args:
        recording: which the traces are of
        dimension: of the traces, for messages
        raters: traces with their scales, times from the beginning of the recording
        options: see `ResamplingOptions`
        shift: seconds between labels
        faults: gains traces that miss the recording
        notes: gains how late traces begin, and how far they end from the end of the audio

    Returns:
        ratings of shape (round(duration / shift), raters). `auto` holds event-driven traces and interpolates others;
        `hold` holds irregular tables, too, through pauses and to the end

    Raises:
        DataError: if the cutoff of the low-pass filter is too high for the label rate
    """
    frames = _count_frames(recording, shift)
    columns = []
    outside: dict[tuple[str, str], list[str]] = {}  # raters by file and by what keeps their ratings from all labels
    misses: dict[str, list[str]] = {}  # raters by where their ratings begin or end
    for rater, (where, trace) in raters.items():
        assert trace.low is not None  # who reads the file completes the scale
        assert trace.high is not None
        method = options.resample
        if method == "auto":
            method = "hold" if trace.event_driven else "linear"
        held = options.resample == "hold" and trace.irregular
        series = resample(
            trace.times,
            scale_values(trace.values, trace.low, trace.high),
            frames=frames,
            shift=shift,
            method=method,
            event_driven=trace.event_driven or held,
            window=options.window,
        )
        if rater in options.low_pass_raters:
            try:
                series = filter_low_pass(series, cutoff=options.low_pass, shift=shift)
            except ValueError as error:
                raise DataError(str(error)) from None
        columns.append(series)
        rated = trace.times[np.isfinite(trace.values)]
        if not np.isfinite(series).any():
            if rated[0] < recording.duration:
                remedy = "hold them with --resample=hold" if trace.irregular and not held else "rate longer stretches"
                reason = f"are too few or too far apart to rate a label; {remedy}, or remove them"
                outside.setdefault((where, reason), []).append(rater)
                continue
            first, last = rated[0] / trace.unit, rated[-1] / trace.unit
            unit = "s" if trace.unit == 1 else "ms"
            begin = f"start, {recording.start:g} s into the audio" if recording.start else "beginning"
            reason = (
                f"lie from {first:g} to {last:g} {unit}, but {recording.id} lasts {recording.duration:.2f} s; let "
                f"times count from its {begin}"
            )
            outside.setdefault((where, reason), []).append(rater)
            continue
        late = rated[-1] - recording.duration
        step = np.median(np.diff(trace.times)) if len(trace.times) > 1 else 0.0
        worth_a_note = max(DIFFERENCE, step + shift)
        if rated[0] > worth_a_note:
            misses.setdefault(f"begin {rated[0]:.2f} s into the audio", []).append(rater)
        if abs(late) > worth_a_note and not (trace.event_driven and late < 0):
            distance = f"end {abs(late):.2f} s {'after' if late > 0 else 'before'} the audio"
            if held and late < 0:
                distance += ", the last value held to its end"
            misses.setdefault(distance, []).append(rater)
    for (where, reason), names in outside.items():
        faults.append(f"{where}: the ratings of {', '.join(names)} {reason}")
    for distance, names in misses.items():
        notes.append(f"{recording.id}: {dimension}: the ratings of {', '.join(names)} {distance}")
    return RecordingRatings(np.stack(columns, axis=1).astype(np.float32), tuple(raters))


def count_pauses(recording: Recording, traces: Iterable[Trace], shift: float) -> float:
    """Return the seconds in which a trace is unrated by interpolation but would be rated if its values were held."""
    frames = _count_frames(recording, shift)
    paused = np.zeros(frames, dtype=bool)
    for trace in traces:
        held = resample(trace.times, trace.values, frames=frames, shift=shift, method="hold", event_driven=True)
        rated = resample(trace.times, trace.values, frames=frames, shift=shift, method="linear")
        paused |= np.isfinite(held) & ~np.isfinite(rated)
    return float(paused.sum() * shift)


def _count_frames(recording: Recording, shift: float) -> int:
    return max(1, round(recording.duration / shift))


def describe_unknown_raters(
    options: ResamplingOptions, ratings: Mapping[str, Mapping[str, RecordingRatings]]
) -> list[str]:
    """Describe the names in --low-pass-raters that match no rater; ratings are by dimension and recording."""
    known = {rater for recordings in ratings.values() for rated in recordings.values() for rater in rated.raters}
    return [
        f"--low-pass-raters names {rater}, who has rated nothing"
        for rater in options.low_pass_raters
        if rater not in known
    ]
