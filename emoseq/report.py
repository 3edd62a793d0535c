"""Tables of results."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from emoseq import DIMENSIONS

RESULTS_COLUMNS = (
    "system", "dimension", "set", "fit_on", "ccc", "ccc_low", "ccc_high", "rmse", "mean_ccc", "frames", "utterances"
)  # fmt: skip


def results_csv(results: pd.DataFrame) -> str:
    """results.csv: one row a system, dimension and set, in RESULTS_COLUMNS, six decimals."""
    return results.to_csv(index=False, columns=list(RESULTS_COLUMNS), float_format="%.6f")


def results_table(results: pd.DataFrame) -> str:
    """The paper's Table 2 in Markdown, with the interval of each CCC and its RMSE."""
    cells = {
        (row.system, row.dimension, row.set): f"{row.ccc:.3f} [{row.ccc_low:.3f}, {row.ccc_high:.3f}] {row.rmse:.3f}"
        for row in results.itertuples()
    }
    fitted = " and ".join(dict.fromkeys(results.fit_on))
    caption = f"CCC [95 % interval, bootstrap over utterances] RMSE; clusters and language model fitted on {fitted}."
    return _by_dimension_and_set(cells, "not scored") + f"\n{caption}\n"


def differences_table(differences: pd.DataFrame, system: str) -> str:
    """How much better one system is than each of the others, in Markdown."""
    cells = {
        (row.system, row.dimension, row.set): f"{row.ccc:+.3f} [{row.low:+.3f}, {row.high:+.3f}] {row.p:.3f}"
        for row in differences.itertuples()
    }
    caption = (
        f"CCC of {system} less that of each system [95 % interval] p of the paired permutation test over utterances."
    )
    return _by_dimension_and_set(cells, "") + f"\n{caption}\n"


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
