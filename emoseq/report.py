"""Tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray

from emoseq import DIMENSIONS, DataError
from emoseq.archive import brief, replacing
from emoseq.features import FRAME_SHIFT
from emoseq.labels import quantise, reconstruct
from emoseq.results import RESULTS_COLUMNS
from emoseq.trials import Trial, best_trial


def results_csv(results: pd.DataFrame) -> str:
    """results.csv: one row a system, dimension, set and choice of sets fitted on, in RESULTS_COLUMNS, six decimals."""
    return results.to_csv(index=False, columns=list(RESULTS_COLUMNS), float_format="%.6f")


def read_published(path: Path) -> pd.DataFrame:
    """Scores of other people: a CSV file with columns system, dimension, set and ccc, `#` beginning a comment.

    Raises:
        DataError: if the file is missing or has other columns
    """
    try:
        published = pd.read_csv(path, comment="#")
        return published[["system", "dimension", "set", "ccc"]].astype({"ccc": float})
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: not a table of system, dimension, set and ccc ({brief(error)})") from None


def results_tables(results: pd.DataFrame, differences: pd.DataFrame, published: pd.DataFrame | None) -> str:
    """The paper's Table 2 in Markdown with intervals, published scores below, and the differences between systems."""
    fit_on = results.fit_on.iloc[0]
    cells = {
        (_label(row, fit_on), row.dimension, row.set): (
            f"{row.ccc:.3f} [{row.ccc_low:.3f}, {row.ccc_high:.3f}] {row.rmse:.3f}"
        )
        for row in results.itertuples()
    }
    caption = f"CCC [95 % interval, bootstrap over utterances] RMSE; clusters and language model fitted on {fit_on}."
    if published is not None:
        theirs = {(f"*{row.system}*", row.dimension, row.set): f"*{row.ccc:.3f}*" for row in published.itertuples()}
        cells |= {(name, *key[1:]): "" for name in dict.fromkeys(name for name, _, _ in theirs) for key in cells}
        cells |= theirs
        caption += " In italics: CCC as published on RECOLA, not computed here."
    parts = [_by_dimension_and_set(cells, "not scored") + f"\n{caption}\n"]
    for fitted, rows in differences.groupby("fit_on", sort=False):
        cells = {
            (row.system, row.dimension, row.set): f"{row.ccc:+.3f} [{row.low:+.3f}, {row.high:+.3f}] {row.p:.3f}"
            for row in rows.itertuples()
        }
        what = f"CCC of {rows.minuend.iloc[0]} less that of each system"
        if fitted != fit_on:
            what = f"CCC of each system fitted on {fit_on} less its own fitted on {fitted}"
        caption = f"{what} [95 % interval] p of the paired permutation test over utterances."
        parts.append(_by_dimension_and_set(cells, "") + f"\n{caption}\n")
    return "\n".join(parts)


def _label(row: Any, fit_on: str) -> str:
    return str(row.system) if row.fit_on == fit_on else f"{row.system}, fitted on {row.fit_on}"


def _by_dimension_and_set(cells: Mapping[tuple[str, str, str], str], empty: str) -> str:
    """A table with a row for each system and a column for each dimension and set."""
    sets = list(dict.fromkeys(name for _, _, name in cells))
    columns = [(dim, name) for dim in DIMENSIONS for name in sets if any(key[1:] == (dim, name) for key in cells)]
    lines = [["System", *(f"{dim} {name}" for dim, name in columns)]]
    for system in dict.fromkeys(system for system, _, _ in cells):
        lines.append([system, *(cells.get((system, *column), empty) for column in columns)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    ]
    rows.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|\n")
    return "".join(rows)


def plot_discretisation(series: NDArray, centers: Mapping[int, NDArray], title: str) -> Figure:
    """The paper's Figure 1: a gold standard under its reconstruction, coarsest and finest resolution.

    Args:
        series: gold standard of one utterance, shape (frames,)
        centers: ascending cluster means by number of clusters
        title: dimension and utterance
    """
    figure, axes = plt.subplots(2, 1, figsize=(8, 5), sharex=True, sharey=True, layout="constrained")
    times = FRAME_SHIFT * (1 + np.arange(len(series)))
    for axis, k in zip(axes, (min(centers), max(centers)), strict=True):
        axis.plot(times, series, color="0.55", linewidth=1.2, label="gold standard")
        rebuilt = reconstruct(quantise(series, centers[k]), centers[k])
        axis.step(times, rebuilt, where="mid", color="C3", linewidth=1.2, label=f"{k} clusters")
        axis.legend(loc="upper right", frameon=False, ncols=2)
        axis.set_ylabel(title.split()[0])
    axes[0].set_title(title, loc="left")
    axes[-1].set_xlabel("time (s)")
    axes[-1].set_xlim(0, times[-1])
    return figure


def plot_discretisations(series: NDArray, rebuilt: Mapping[tuple[str, int], NDArray], title: str) -> Figure:
    """The paper's Figure 1 for several techniques, a row each, coarsest and finest resolution side by side.

    Args:
        series: gold standard of one utterance, shape (frames,)
        rebuilt: what each technique makes of it, by technique and number of classes
        title: dimension and utterance
    """
    techniques = list(dict.fromkeys(technique for technique, _ in rebuilt))
    resolutions = sorted({k for _, k in rebuilt})[:: max(1, len({k for _, k in rebuilt}) - 1)]
    figure, axes = plt.subplots(
        len(techniques), len(resolutions), figsize=(10, 1.9 * len(techniques)), sharex=True, sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    times = FRAME_SHIFT * (1 + np.arange(len(series)))
    for row, technique in zip(axes, techniques, strict=True):
        for axis, k in zip(row, resolutions, strict=True):
            axis.plot(times, series, color="0.55", linewidth=1.2)
            axis.step(times, rebuilt[technique, k], where="mid", color="C3", linewidth=1.2)
            axis.set_title(f"{technique}, {k} classes", loc="left", fontsize="medium")
        row[0].set_ylabel(title.split()[0])
    for axis in axes[-1]:
        axis.set_xlabel("time (s)")
        axis.set_xlim(0, times[-1])
    figure.suptitle(title)
    return figure


def plot_sweep(trials: Sequence[Trial], title: str) -> Figure:
    """Dev CCC over the language model weight, a line for each n-gram order and acoustic scale, the best one marked."""
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    lines: dict[tuple[int, float], list[Trial]] = {}
    for trial in trials:
        lines.setdefault((trial.options.order, trial.options.acoustic_scale), []).append(trial)
    several = len({scale for _, scale in lines}) > 1
    for (order, scale), line in lines.items():
        label = f"{order}-gram" + (f", acoustic scale {scale:g}" if several else "")
        axis.plot([trial.options.lm_weight for trial in line], [trial.ccc for trial in line], marker=".", label=label)
    best = best_trial(trials)
    axis.plot(best.options.lm_weight, best.ccc, "o", color="black", fillstyle="none", markersize=10, label="chosen")
    axis.set_xlabel("language model weight")
    axis.set_ylabel("CCC")
    axis.set_title(title, loc="left")
    axis.legend(frameon=False)
    return figure


def save_figure(figure: Figure, stem: Path) -> None:
    """Write `stem`.png and `stem`.pdf and close the figure."""
    for suffix, metadata in ((".png", {}), (".pdf", {"CreationDate": None})):
        with replacing(stem.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, format=suffix[1:], dpi=150, metadata=metadata)
    plt.close(figure)
