"""Features of one recording as the baselines use them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.baselines.options import USE_EGEMAPS, USE_LOG_MEL
from emoseq.features.egemaps import COLUMNS
from emoseq.features.fbank import read_features
from emoseq.io.archive import Scp


@dataclass(frozen=True)
class Recording:
    """What a system knows of a recording; what it does not use is empty.

    `descriptors` are those of eGeMAPS on the 40 ms grid, (frames, 100), as they are; `log_mel` stacks, (frames, 160),
    are normalised.
    """

    descriptors: NDArray[np.float32]
    log_mel: NDArray[np.float32]


def read_recordings(data_dir: Path, system: str) -> dict[str, Recording]:
    """What a system uses of each utterance of a data directory.

    Raises:
        DataError: if a file or an utterance is missing or malformed
    """
    log_mel = read_features(data_dir) if system in USE_LOG_MEL else {}
    descriptors = dict(Scp(data_dir / "egemaps.scp")) if system in USE_EGEMAPS else {}
    for utt, matrix in descriptors.items():
        if matrix.ndim != 2 or matrix.shape[1] != COLUMNS or not len(matrix):
            raise DataError(f"{data_dir}/egemaps.scp: {utt}: shape {matrix.shape}, not (frames, {COLUMNS})")
    if log_mel and descriptors and log_mel.keys() != descriptors.keys():
        odd = min(log_mel.keys() ^ descriptors.keys())
        raise DataError(f"{data_dir}: {odd} is in one of feats.scp and egemaps.scp only; run stage 1 again")
    nothing = np.empty((0, 0), dtype=np.float32)
    return {utt: Recording(descriptors.get(utt, nothing), log_mel.get(utt, nothing)) for utt in log_mel or descriptors}
