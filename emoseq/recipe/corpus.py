"""Rated dimensions and sets of a corpus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from emoseq import SETS, DataError, MissingInputError
from emoseq.io.datadir import NOT_A_DIMENSION
from emoseq.io.files import write_text
from emoseq.recipe.dry_run import locate_copy


def check_dimension(name: str) -> None:
    """Check the name of a rated dimension, which becomes part of file names.

    Raises:
        ValueError: if it is not lower-case letters, digits and underscores, or belongs to other files

    >>> check_dimension("arousal")
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r}: use lower-case letters, digits and '_' for a dimension, a letter first")
    if name in NOT_A_DIMENSION or name.startswith(("fit_on", "fold_")):
        raise ValueError(f"{name!r} cannot name a dimension, since the name is reserved for other files; rename it")


def read_dimensions(data: Path) -> tuple[str, ...]:
    """Read the names of the rated dimensions from `data`/dimensions, one per line; in a dry run from its planned copy.

    Raises:
        DataError: if the file is missing or empty, or a name is malformed or repeated
    """
    path = data / "dimensions"
    copy = locate_copy(path)
    try:
        names = (copy if copy and copy.exists() else path).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        raise MissingInputError(f"{path} does not exist; stage 0 writes it") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8; it must list the dimensions, one per line, such as arousal") from None
    for name in names:
        try:
            check_dimension(name)
        except ValueError as error:
            raise DataError(f"{path}: {error}") from None
    if not names or len(set(names)) < len(names):
        raise DataError(f"{path}: it is empty or lists a dimension twice; write each once, one per line")
    return tuple(names)


def write_dimensions(data: Path, names: Sequence[str], *, dry_run: bool) -> None:
    """Write `data`/dimensions, which `read_dimensions` reads; in a dry run only its copy.

    Raises:
        ValueError: as `check_dimension`
    """
    for name in names:
        check_dimension(name)
    path, text = locate_copy(data / "dimensions") if dry_run else data / "dimensions", "".join(f"{n}\n" for n in names)
    if path and not (path.is_file() and path.read_text() == text):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)


def list_sets(data: Path) -> list[str]:
    """List the sets that a corpus has, in the order of SETS: those with a data directory."""
    return [name for name in SETS if (data / name / "wav.scp").exists()]
