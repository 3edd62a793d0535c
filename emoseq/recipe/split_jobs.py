"""Run a step as jobs on pieces of a data directory and join their output."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from emoseq import DataError
from emoseq.io.archive import Scp
from emoseq.io.datadir import split
from emoseq.io.files import write_text
from emoseq.recipe.options import format_conf
from jobarray.processes import PARENT, this_process


def compute_in_jobs(
    step: str, data: Path, options: Any, *, writes: str, jobs: int, wrapper: str
) -> Iterator[tuple[str, NDArray]]:
    """Run a step on pieces of a data directory and yield what it writes for each utterance, in their order.

    Args:
        step: its `__file__`, called with `--config` and the piece
        data: data directory
        options: dataclass of the step's options
        writes: name of the scp file that it writes to a data directory
        jobs: pieces
        wrapper: command line of the wrapper that runs them

    Raises:
        DataError: if a job fails
    """
    pieces = split(data, jobs)
    folder = pieces[0].parent
    name = Path(step).stem
    write_text(folder / f"{name}.conf", format_conf(options))
    command = [*shlex.split(wrapper), f"JOB=1:{len(pieces)}", f"{data}/log/{name}.JOB.log"]
    command += [step, "--config", f"{folder}/{name}.conf", f"{folder}/JOB"]
    if subprocess.run(command, env=os.environ | {PARENT: this_process()}).returncode:
        raise DataError(f"{data}: features are incomplete; fix what the logs in {data}/log name and run this again")
    for piece in pieces:
        yield from Scp(piece / writes).items()
    shutil.rmtree(folder)
