"""Plan of a dry run: what the steps so far would write, for the steps after them.

`./run.sh --dry-run` makes a folder and names it in the environment variable EMOSEQ_DRY_RUN. Each step adds the outputs
that it would write to the file `outputs` there; a list of jobs is written below that folder, under its own path.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

VARIABLE = "EMOSEQ_DRY_RUN"


def find_planned(paths: Iterable[Path]) -> list[Path]:
    """Return those of the paths that an earlier step of this dry run would write."""
    try:
        planned = set((Path(os.environ[VARIABLE]) / "outputs").read_text().splitlines())
    except (KeyError, FileNotFoundError):
        return []
    return [path for path in paths if str(path.absolute()) in planned]


def add_planned(paths: Iterable[Path]) -> None:
    """Record what this step would write."""
    if VARIABLE in os.environ:
        with open(Path(os.environ[VARIABLE]) / "outputs", "a") as plan:
            plan.writelines(f"{path.absolute()}\n" for path in paths)


def locate_copy(path: Path) -> Path | None:
    """Return where this dry run keeps its version of a file that it must not write; None outside of one."""
    return Path(os.environ[VARIABLE] + str(path.absolute())) if VARIABLE in os.environ else None
