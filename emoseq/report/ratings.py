"""Tables and figures of individual ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from emoseq.labels.rating_checks import CheckedRatings
from emoseq.report.figures import BLUE, GREEN, PAGE, PURPLE, VERMILION, compute_times, in_style, make_panels

PANELS = 30  # recordings in one figure
COMMON_LEGEND = 12  # raters of all recordings together; with more, each panel has its own legend
COLORS = (BLUE, VERMILION, GREEN, PURPLE, "#E69F00", "#56B4E9")
DASHES = ("-", (0, (4, 1)), (0, (1, 1)))
GOLD_LOOK: dict[str, Any] = {"color": "0.72", "linewidth": 2.0, "zorder": 1}  # a band behind the traces
SUSPECT_WIDTH = 1.6
TITLE_LENGTH = 32  # characters that fit above the narrowest panel
# Column of ratings.csv: heading in the printed table, and format
COLUMNS = {
    "recording": ("recording", "{}"),
    "rater": ("rater", "{}"),
    "seconds": ("length", "{:.1f}"),
    "unrated": ("unrated", "{:.1f}"),
    "late_start": ("start", "{:.1f}"),
    "early_stop": ("stop", "{:.1f}"),
    "longest_hold": ("hold", "{:.1f}"),
    "jumps": ("jumps", "{}"),
    "clipped": ("clipped", "{:.2f}"),
    "range_ratio": ("range", "{:.2f}"),
    "delay": ("delay", "{:+.2f}"),
    "correlation": ("corr", "{:.2f}"),
    "agreement": ("CCC", "{:.2f}"),
    "ccc_with_rest": ("CCC rest", "{:.2f}"),
}
EXPLANATION = """\
length, unrated: seconds; start, stop, hold: seconds without a movement at the start, at the end and between
jumps: steps of more than half of the scale within a frame; clipped: share of the time at an end of the scale
range: range over the median of the others' ranges; delay: seconds behind the other raters, by lagged correlation
corr, CCC: mean correlation and mean CCC with each other rater; CCC rest: CCC with the mean of the others
<: looks wrong, see below"""


def tabulate_ratings(checked: Mapping[str, CheckedRatings]) -> pd.DataFrame:
    """Tabulate the measures of each trace, by dimension: column `dimension`, COLUMNS and `findings`, joined by `; `."""
    rows = [
        {"dimension": dimension} | asdict(trace) | {"findings": "; ".join(trace.findings)}
        for dimension, ratings in checked.items()
        for trace in ratings.traces
    ]
    return pd.DataFrame(rows, columns=["dimension", *COLUMNS, "findings"])


def format_ratings(checked: CheckedRatings) -> str:
    """Format the measures of each trace as a table with one line a trace; `<` marks those that look wrong."""
    lines = [[heading for heading, _ in COLUMNS.values()] + [""]]
    for trace in checked.traces:
        values = asdict(trace)
        cells = [_format_cell(values[name], layout) for name, (_, layout) in COLUMNS.items()]
        lines.append([*cells, "<" if trace.findings else ""])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _format_cell(value: Any, layout: str) -> str:
    return "-" if isinstance(value, float) and np.isnan(value) else layout.format(value)


@in_style
def plot_ratings(
    ratings: Mapping[str, NDArray],
    raters: Mapping[str, Sequence[str]],
    gold: Mapping[str, NDArray],
    suspects: Mapping[str, Sequence[str]],
    *,
    dimension: str,
    gold_name: str,
    frame_shift: float,
) -> Figure:
    """Plot every trace and the gold standard, one panel a recording, each with its own time axis.

    Args:
        ratings: traces (frames, raters) by recording, at least one
        raters: names of the columns by recording
        gold: series (frames,) by recording; some or all may be missing
        suspects: raters whose trace looks wrong, by recording; their traces are thick, and the title names them
        dimension: what is rated, for the axes
        gold_name: label of the series in `gold`
        frame_shift: seconds between frames
    """
    names = list(dict.fromkeys(name for recording in ratings for name in raters[recording]))
    is_common = len(names) <= COMMON_LEGEND
    columns = min(3 if is_common else 2, 1 + (len(ratings) > 1) + (len(ratings) > 6))
    rows = -(-len(ratings) // columns)
    figure, axes = make_panels(rows, columns, width=PAGE, height=1.5 if rows < 4 else 1.3, sharex=False, sharey=True)
    for axis, (recording, traces) in zip(axes.flat, ratings.items(), strict=False):
        times = compute_times(traces, frame_shift)
        for column, name in enumerate(raters[recording]):
            is_suspect = name in suspects.get(recording, ())
            look = _choose_look(names.index(name) if is_common else column)
            width, alpha = (SUSPECT_WIDTH, 1.0) if is_suspect else (0.6, 0.8)
            axis.plot(times, traces[:, column], label=name, linewidth=width, alpha=alpha, **look)
        if recording in gold:
            series = gold[recording]
            axis.plot(compute_times(series, frame_shift), series, label=gold_name, **GOLD_LOOK)
        marked = f": check {', '.join(suspects[recording])}" if suspects.get(recording) else ""
        title = recording + marked
        if len(title) > TITLE_LENGTH:
            title = title.replace(": ", ":\n", 1)
        axis.set_title(title, color=VERMILION if marked else "black")
        axis.set_xlim(0, frame_shift * len(traces))
        if not is_common:
            axis.legend(fontsize=5.5, loc="center left", bbox_to_anchor=(1, 0.5), handles=axis.lines[: traces.shape[1]])
    for axis in axes.flat[len(ratings) :]:
        axis.remove()
    for column in range(columns):
        axes[rows - 1 - (column >= len(ratings) - (rows - 1) * columns), column].set_xlabel("time (s)")
    for axis in axes[:, 0]:
        axis.set_ylabel(f"{dimension}\n(raters' scale)")
    axes[0, 0].set_ylim(_choose_limits(ratings, raters, suspects))
    handles = [Line2D([], [], label=name, **_choose_look(i)) for i, name in enumerate(names)] * is_common
    handles += [Line2D([], [], label=gold_name, **GOLD_LOOK)] * any(recording in gold for recording in ratings)
    if any(suspects.get(recording) for recording in ratings):
        handles.append(Line2D([], [], label="thick: looks wrong", color="black", linewidth=SUSPECT_WIDTH))
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 8))
    return figure


def _choose_limits(
    ratings: Mapping[str, NDArray], raters: Mapping[str, Sequence[str]], suspects: Mapping[str, Sequence[str]]
) -> tuple[float, float]:
    """Return the ends of the value axis: the range of the traces that look right, so that another scale hides none."""
    plausible: list[NDArray] = []
    every: list[NDArray] = []
    for recording, traces in ratings.items():
        for name, trace in zip(raters[recording], traces.T, strict=True):
            every.append(trace)
            if name not in suspects.get(recording, ()):
                plausible.append(trace)
    values = np.concatenate(plausible or every)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _choose_look(index: int) -> dict[str, Any]:
    """Return colour and dashes of a rater."""
    return {
        "color": COLORS[index % len(COLORS)],
        "linestyle": DASHES[index // len(COLORS) % len(DASHES)],
    }
