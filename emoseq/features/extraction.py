"""Features of a data directory, here or in jobs on pieces of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from emoseq import DataError
from emoseq.features.fbank import check_headers
from emoseq.io.datadir import Segment
from emoseq.recipe.options import ROOT, Parser
from emoseq.recipe.split_jobs import compute_in_jobs

Extract = Callable[[Mapping[str, Segment], Any, str], Iterator[tuple[str, NDArray]]]


def add_job_arguments(parser: Parser) -> None:
    """Add `--nj` and `--cmd`."""
    parser.add_argument("--nj", type=int, default=1, help="jobs (default 1)")
    parser.add_argument("--cmd", default=f"{ROOT}/utils/run.py", help="wrapper that runs them (default utils/run.py)")


def extract_features(
    step: str,
    data: Path,
    options: Any,
    recordings: Mapping[str, Segment],
    extract: Extract,
    *,
    writes: str,
    jobs: int,
    wrapper: str,
) -> Iterator[tuple[str, NDArray]]:
    """Extract features of each recording, in their order.

    Args:
        step: `__file__` of the step, which jobs call with a piece of the data directory
        data: data directory
        options: dataclass of the step's options
        recordings: where the audio of each utterance is
        extract: called with recordings, options and the name of their list
        writes: name of the scp file that the step writes to a data directory
        jobs: pieces that are extracted side by side
        wrapper: command line of the wrapper that runs them

    Raises:
        DataError: if `jobs` is below 1, a recording cannot be read, or a job fails
    """
    if jobs < 1:
        raise DataError(f"--nj {jobs}: at least one job is needed")
    check_headers(recordings, str(data / "wav.scp"))  # before any job is submitted
    if jobs > 1 and len(recordings) > 1:
        return compute_in_jobs(step, data, options, writes=writes, jobs=jobs, wrapper=wrapper)
    return extract(recordings, options, str(data / "wav.scp"))
