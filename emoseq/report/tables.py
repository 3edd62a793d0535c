"""Tables of results in CSV and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emoseq import DataError
from emoseq.io.archive import read_text, shorten_error

RESULTS_COLUMNS = (
    "system", "dimension", "set", "fit_on", "ccc", "ccc_low", "ccc_high", "rmse", "mean_ccc", "frames", "utterances"
)  # fmt: skip


def format_results(results: pd.DataFrame) -> str:
    """Format results.csv: one row per system, dimension, set and fit, columns RESULTS_COLUMNS, six decimals."""
    return results.to_csv(index=False, columns=list(RESULTS_COLUMNS), float_format="%.6f")


def read_published(path: Path) -> pd.DataFrame:
    """Read published scores: a CSV file with columns system, dimension, set and ccc, and `#` comments.

    Raises:
        DataError: if the file is missing or has other columns
    """
    try:
        published = pd.read_csv(path, comment="#")
        return published[["system", "dimension", "set", "ccc"]].astype({"ccc": float})
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: not a table of system, dimension, set and ccc ({shorten_error(error)})") from None


def format_table_1(reconstruction: Path, dimension: str, published: Path | None) -> str:
    """Return the rows of reconstruction.csv as text, with published ones for the same number of clusters beside them.

    The last line is the source of the published table, from its `#` comments.

    Raises:
        DataError: if the published table is malformed
    """
    table, source = pd.read_csv(reconstruction), ""
    if published:
        lines = read_text(published).splitlines()
        source = "\npublished: " + " ".join(line.strip("# ") for line in lines if line.startswith("#"))
        try:
            theirs = pd.read_csv(published, comment="#").set_index(["dimension", "clusters"])[["ccc", "rmse"]]
            table = table.join(theirs.astype(float).loc[dimension].add_prefix("published "), on="clusters")
        except (KeyError, ValueError) as error:  # pandas' errors of parsing are ValueErrors
            raise DataError(
                f"{published}: not a table with the columns dimension,clusters,ccc,rmse ({shorten_error(error)})"
            ) from None
    return table.to_string(index=False, float_format=lambda value: f"{value:.3f}", na_rep="-") + source


def format_tables(
    results: pd.DataFrame, differences: pd.DataFrame, published: pd.DataFrame | None, *, folds: int = 0
) -> str:
    """Format the paper's Table 2 in Markdown with intervals, published scores below it, and the paired differences.

    Args:
        results: of `emoseq.report.results.score_all`
        differences: of `emoseq.report.results.compare_all`
        published: of `read_published`
        folds: of the cross-validation whose recordings were scored together; 0 if there was none
    """
    fit_on = results.fit_on.iloc[0]
    cells = {
        (_name_row(row, fit_on), row.dimension, row.set): (
            f"{row.ccc:.3f} [{row.ccc_low:.3f}, {row.ccc_high:.3f}] {row.rmse:.3f}"
        )
        for row in results.itertuples()
    }
    caption = f"CCC [95 % interval, bootstrap over utterances] RMSE; clusters and language model fitted on {fit_on}."
    if folds:
        caption += f" Cross-validation: the recordings of {folds} folds are scored together."
    if published is not None:
        rows = published[published.dimension.isin(results.dimension)].itertuples()
        others = {(f"*{row.system}*", row.dimension, row.set): f"*{row.ccc:.3f}*" for row in rows}
        cells |= {(name, *key[1:]): "" for name in dict.fromkeys(name for name, _, _ in others) for key in cells}
        cells |= others
        caption += " In italics: CCC as published on RECOLA, not computed here."
    parts = [_format_cells(cells, "not scored") + f"\n{caption}\n"]
    for fitted, rows in differences.groupby("fit_on", sort=False):
        cells = {
            (row.system, row.dimension, row.set): f"{row.ccc:+.3f} [{row.low:+.3f}, {row.high:+.3f}] {row.p:.3f}"
            for row in rows.itertuples()
        }
        title = f"CCC of {rows.minuend.iloc[0]} less that of each system"
        if fitted != fit_on:
            title = f"CCC of each system fitted on {fit_on} less its own fitted on {fitted}"
        caption = f"{title} [95 % interval] p of the paired permutation test over utterances."
        parts.append(_format_cells(cells, "") + f"\n{caption}\n")
    return "\n".join(parts)


def format_markdown(table: pd.DataFrame) -> str:
    """Format a table in Markdown: floats with three decimals, NaN blank."""

    def format_cell(value: Any) -> str:
        if isinstance(value, float):
            return "" if pd.isna(value) else f"{value:.3f}"
        return str(value)

    return _align(
        [list(table.columns), *([format_cell(value) for value in row] for row in table.itertuples(index=False))]
    )


def _name_row(row: Any, fit_on: str) -> str:
    return str(row.system) if row.fit_on == fit_on else f"{row.system}, fitted on {row.fit_on}"


def _format_cells(cells: Mapping[tuple[str, str, str], str], empty: str) -> str:
    """Format a Markdown table: one row per system, one column per dimension and set."""
    sets = list(dict.fromkeys(name for _, _, name in cells))
    dimensions = list(dict.fromkeys(dim for _, dim, _ in cells))
    columns = [(dim, name) for dim in dimensions for name in sets if any(key[1:] == (dim, name) for key in cells)]
    lines = [["System", *(f"{dim} {name}" for dim, name in columns)]]
    for system in dict.fromkeys(system for system, _, _ in cells):
        lines.append([system, *(cells.get((system, *column), empty) for column in columns)])
    return _align(lines)


def _align(lines: Sequence[Sequence[str]]) -> str:
    """Align a Markdown table whose first line is the header."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    ]
    rows.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|\n")
    return "".join(rows)
