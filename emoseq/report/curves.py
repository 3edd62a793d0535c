"""Predicted series as text files, one per system and recording, in the format of a corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from emoseq.io.archive import Scp
from emoseq.io.files import write_text
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date
from emoseq.report.systems import list_reported_systems

Format = Callable[[str, NDArray], str]  # text of an utterance's series (frames,)


def write_curves(
    step: str,
    dimension_dir: Path,
    sets: Sequence[str],
    kind: str,
    formats: Mapping[str, Format],
    *,
    options: Any,
    dry_run: bool,
) -> None:
    """Write predict_<set>/<kind>/<system>/<utt><suffix> for every reported system, unless they are up to date.

    Args:
        step: `__file__` of the step
        dimension_dir: such as exp/arousal
        sets: such as dev, test
        kind: name of the folder
        formats: by suffix of the file
        options: what the texts depend on besides the series
        dry_run: only say what would be done

    Raises:
        DataError: if a series is missing
    """
    for name in sets:
        folder = dimension_dir / f"predict_{name}"
        systems = {system: Scp(folder / f"{system}.scp") for system in list_reported_systems(dimension_dir.parent)}
        files = {
            folder / kind / system / f"{utt}{suffix}": (system, utt, suffix)
            for system, series in systems.items()
            for utt in series
            for suffix in formats
        }
        stamp = Stamp(
            step,
            kind,
            folder,
            inputs=[folder / f"{system}.scp" for system in systems],
            outputs=files,
            options=options,
        )

        def work(files: dict = files, systems: dict = systems) -> str:
            for path, (system, utt, suffix) in files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, formats[suffix](utt, systems[system][utt]))
            return f"{len(systems)} systems of {len(files) // len(systems) // len(formats)} recordings"

        bring_up_to_date(stamp, f"{folder}/{kind}", work, dry_run=dry_run)
