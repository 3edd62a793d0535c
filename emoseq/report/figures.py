"""Figures at the width of a paper's column: discretisation, series, sweeps, trainings, gains.

The colours are Okabe and Ito's, which colour-blind readers can tell apart. Lines also differ in lightness, width,
dash or marker, so a grey print stays readable.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from emoseq.io.files import write_bytes
from emoseq.labels.kmeans import quantise, reconstruct
from emoseq.recipe.trial import Trial, choose_best

COLUMN, PAGE = 3.4, 7.0  # inches: width of one column of a two-column paper, and of both


GREY, BLUE, VERMILION, GREEN, PURPLE = "0.62", "#0072B2", "#D55E00", "#009E73", "#CC79A7"


PALETTE = (BLUE, VERMILION, GREEN, PURPLE)


MARKERS = ("o", "s", "^", "D")


STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 1.8,
    "legend.borderaxespad": 0.2,
    "pdf.fonttype": 42,  # text stays text
}


in_style = matplotlib.rc_context(STYLE)


def make_panels(
    rows: int, columns: int = 1, *, width: float = COLUMN, height: float, sharex: bool = True, sharey: bool = False
) -> Any:
    """Return a figure and its axes, shape (rows, columns); `height` is the height of a row in inches."""
    figure = Figure(figsize=(width, rows * height), layout="constrained")
    return figure, figure.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False)


def compute_times(series: NDArray, frame_shift: float) -> NDArray[np.float64]:
    """Return the seconds at the end of each frame, shape (frames,)."""
    return frame_shift * np.arange(1.0, 1 + len(series))


@in_style
def plot_discretisation(series: NDArray, centers: Mapping[int, NDArray], title: str, *, frame_shift: float) -> Figure:
    """Plot the paper's Figure 1: a gold standard and its reconstruction, coarsest and finest resolution.

    Args:
        series: gold standard of one utterance, shape (frames,)
        centers: ascending cluster means by number of clusters
        title: dimension and utterance
        frame_shift: seconds
    """
    figure, axes = make_panels(2, height=1.4, sharey=True)
    for axis, k in zip(axes[:, 0], (min(centers), max(centers)), strict=True):
        _draw_reconstruction(axis, series, reconstruct(quantise(series, centers[k]), centers[k]), frame_shift)
        axis.set_title(f"{title}, {k} clusters")
        axis.set_ylabel(title.split()[0])
    axes[1, 0].set_xlabel("time (s)")
    return figure


@in_style
def plot_discretisations(
    series: NDArray, rebuilt: Mapping[tuple[str, int], NDArray], title: str, *, frame_shift: float
) -> Figure:
    """Plot the paper's Figure 1 for several techniques, one row each, coarsest and finest resolution side by side.

    Args:
        series: gold standard of one utterance, shape (frames,)
        rebuilt: reconstructions by technique and number of classes, each of shape (frames,)
        title: dimension and utterance
        frame_shift: seconds
    """
    techniques = list(dict.fromkeys(technique for technique, _ in rebuilt))
    resolutions = sorted({k for _, k in rebuilt})[:: max(1, len({k for _, k in rebuilt}) - 1)]
    figure, axes = make_panels(len(techniques), len(resolutions), width=PAGE, height=1.3, sharey=True)
    for row, technique in zip(axes, techniques, strict=True):
        for axis, k in zip(row, resolutions, strict=True):
            _draw_reconstruction(axis, series, rebuilt[technique, k], frame_shift)
            axis.set_title(f"{technique}, {k} classes")
        row[0].set_ylabel(title.split()[0])
    for axis in axes[-1]:
        axis.set_xlabel("time (s)")
    figure.suptitle(title)
    return figure


def _draw_reconstruction(axis: Axes, series: NDArray, rebuilt: NDArray, frame_shift: float) -> None:
    times = compute_times(series, frame_shift)
    axis.plot(times, series, color=GREY, linewidth=1.5)
    axis.step(times, rebuilt, where="mid", color=VERMILION, linewidth=0.9)
    axis.set_xlim(0, times[-1])


SERIES_LINES: dict[str, dict[str, Any]] = {
    "gold standard": {"color": GREY, "linewidth": 2.0},
    "raw": {"color": BLUE, "linewidth": 0.6},
    "decoded": {"color": VERMILION, "linewidth": 1.3},
}


@in_style
def plot_series(series: Mapping[str, Mapping[str, NDArray]], start: float, end: float, *, frame_shift: float) -> Figure:
    """Plot the paper's Figure 3: the series of one utterance on top of each other, one panel per dimension.

    Args:
        series: series of shape (frames,), by dimension and by name, one of `SERIES_LINES`
        start, end: seconds to show
        frame_shift: seconds
    """
    figure, axes = make_panels(len(series), height=1.4)
    shown = [name for name in SERIES_LINES if any(name in lines for lines in series.values())]
    for axis, (dimension, lines) in zip(axes[:, 0], series.items(), strict=True):
        for name in shown:
            if name in lines:
                times = compute_times(lines[name], frame_shift)
                inside = (times >= start) & (times <= end)
                axis.plot(times[inside], lines[name][inside], label=name, **SERIES_LINES[name])
        axis.set_ylabel(dimension)
        axis.set_xlim(start, end)
    axes[-1, 0].set_xlabel("time (s)")
    handles = [Line2D([], [], label=name, **SERIES_LINES[name]) for name in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


@in_style
def plot_sweeps(sweeps: Mapping[str, Sequence[Trial[Any]]]) -> Figure:
    """Plot dev CCC over language model weight: one line per n-gram order and acoustic scale, the chosen trial circled.

    Args:
        sweeps: trials by panel title; their settings have `order`, `acoustic_scale` and `lm_weight`
    """
    figure, axes = make_panels(len(sweeps), height=1.6)
    for axis, (title, trials) in zip(axes[:, 0], sweeps.items(), strict=True):
        lines: dict[tuple[int, float], list[Trial[Any]]] = {}
        for trial in trials:
            lines.setdefault((trial.setting.order, trial.setting.acoustic_scale), []).append(trial)
        orders, scales = (list(dict.fromkeys(values)) for values in zip(*lines, strict=True))
        for (order, scale), line in lines.items():
            axis.plot(
                [trial.setting.lm_weight for trial in line],
                [trial.score for trial in line],
                color=PALETTE[orders.index(order) % len(PALETTE)],
                marker=MARKERS[orders.index(order) % len(MARKERS)],
                linestyle=("-", "--", ":", "-.")[scales.index(scale) % 4],
                label=f"{order}-gram" + (f", scale {scale:g}" if len(scales) > 1 else ""),
            )
        best = choose_best(trials)
        ring = {"color": "black", "marker": "o", "markersize": 8, "fillstyle": "none", "linestyle": "none"}
        axis.plot(best.setting.lm_weight, best.score, label="chosen", **ring)
        axis.set_ylabel("dev CCC")
        axis.set_title(title)
        axis.margins(y=0.12)
    axes[0, 0].legend(ncols=1 + (len(lines) > 3))
    axes[-1, 0].set_xlabel("language model weight")
    return figure


@in_style
def plot_trainings(trainings: Mapping[str, Mapping[str, Sequence[ArrayLike]]], first_stage_epochs: int) -> Figure:
    """Plot dev CCC after each epoch: one panel per dimension, one thin line per model, its best epoch marked.

    Args:
        trainings: dev CCC of each model, shape (epochs,), by dimension and system
        first_stage_epochs: last epoch of the first stage, marked by a vertical line
    """
    figure, axes = make_panels(len(trainings), height=1.6)
    systems = list(dict.fromkeys(system for curves in trainings.values() for system in curves))
    looks = dict(zip(systems, zip(PALETTE, MARKERS, strict=True), strict=False))
    for axis, (dimension, curves) in zip(axes[:, 0], trainings.items(), strict=True):
        for system, models in curves.items():
            color, marker = looks[system]
            for model in map(np.asarray, models):
                best = model.argmax()
                axis.plot(1 + np.arange(len(model)), model, color=color, linewidth=0.5, alpha=0.7)
                axis.plot(1 + best, model[best], marker=marker, color=color, linestyle="none", clip_on=False)
        axis.axvline(first_stage_epochs + 0.5, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
        axis.set_ylabel("dev CCC")
        axis.set_title(dimension)
    axes[-1, 0].set_xlabel("epoch")
    axes[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    handles = [Line2D([], [], color=looks[name][0], marker=looks[name][1], label=name) for name in systems]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


@in_style
def plot_gains(gains: Mapping[tuple[str, str], tuple[ArrayLike, ArrayLike]]) -> Figure:
    """Plot the gain of decoding over the raw CCC of each model.

    Args:
        gains: raw CCC, and decoded less raw CCC, each of shape (models,), by dimension and set
    """
    figure, axes = make_panels(1, height=2.2)
    axis = axes[0, 0]
    dimensions = list(dict.fromkeys(dimension for dimension, _ in gains))
    sets = list(dict.fromkeys(name for _, name in gains))
    for (dimension, name), (raw, gain) in gains.items():
        index = dimensions.index(dimension)
        axis.plot(
            np.asarray(raw),
            np.asarray(gain),
            color=PALETTE[index],
            marker=MARKERS[index],
            fillstyle="none" if sets.index(name) else "full",
            markeredgewidth=0.8,
            linestyle="none",
            label=f"{dimension}, {name}",
        )
    axis.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axis.set_xlabel("CCC of the raw series")
    axis.set_ylabel("decoded less raw CCC")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


@in_style
def save_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.pdf."""
    for suffix, metadata in ((".png", {}), (".pdf", {"CreationDate": None})):
        stream = io.BytesIO()
        figure.savefig(stream, format=suffix[1:], dpi=300, metadata=metadata)
        write_bytes(stem.with_suffix(suffix), stream.getbuffer())
