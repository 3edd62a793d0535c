"""Input of the baselines: the features of each recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.baselines.options import USE_EGEMAPS, USE_LOG_MEL
from emoseq.features.egemaps import DESCRIPTORS, count_rows
from emoseq.features.fbank import read_features
from emoseq.io.archive import Scp
from emoseq.io.datadir import read_frame_shift


@dataclass(frozen=True)
class Recording:
    """Features of one recording; an array that the system does not use is empty.

    `descriptors` are the low-level descriptors of eGeMAPS, four rows of 10 ms per frame of 40 ms, (frames, 100), not
    normalised; `log_mel` are normalised stacks, (frames, 160). `frame_shift` is in seconds.
    """

    descriptors: NDArray[np.float32]
    log_mel: NDArray[np.float32]
    frame_shift: float


def read_recordings(data_dir: Path, system: str) -> dict[str, Recording]:
    """Read the features that a system uses from a data directory, by utterance.

    Raises:
        DataError: if a file or an utterance is missing or malformed
    """
    log_mel = read_features(data_dir) if system in USE_LOG_MEL else {}
    descriptors = dict(Scp(data_dir / "egemaps.scp")) if system in USE_EGEMAPS else {}
    frame_shift = read_frame_shift(data_dir)
    columns = DESCRIPTORS * count_rows(frame_shift) if descriptors else 0
    for utt, matrix in descriptors.items():
        if matrix.ndim != 2 or matrix.shape[1] != columns or not len(matrix):
            raise DataError(f"{data_dir}/egemaps.scp: {utt}: shape {matrix.shape}, not (frames, {columns})")
    if log_mel and descriptors and log_mel.keys() != descriptors.keys():
        unpaired = min(log_mel.keys() ^ descriptors.keys())
        raise DataError(f"{data_dir}: {unpaired} is in one of feats.scp and egemaps.scp only; run stage 1 again")
    empty = np.empty((0, 0), dtype=np.float32)
    return {
        utt: Recording(descriptors.get(utt, empty), log_mel.get(utt, empty), frame_shift)
        for utt in log_mel or descriptors
    }
