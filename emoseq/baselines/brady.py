"""Brady et al. (2016): support vector regression on pooled sparse codes of log-mel patches.

An adaptation to this recipe's features: a patch is one stack of log-mel, 40 ms.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from emoseq.baselines.options import BaselineOptions, BradyOptions, Choice
from emoseq.baselines.recording import Recording
from emoseq.baselines.regression import Linear, Sets, fit_svr, search
from emoseq.features.windows import normalise, pool_maxima, pool_moments


def learn_dictionary(patches: Sequence[NDArray], options: BradyOptions) -> NDArray[np.float32]:
    """Learn a dictionary online (Mairal et al. 2009) from a random choice of patches.

    Args:
        patches: one array (frames, dimensions) for each recording, each dimension of unit variance
        options: size of the dictionary, and settings of the learning

    Returns:
        shape (atoms, dimensions), rows of length 1 or less

    Raises:
        ValueError: if there are fewer patches than atoms
    """
    from sklearn.decomposition import MiniBatchDictionaryLearning
    from sklearn.exceptions import ConvergenceWarning

    pool = np.concatenate(patches)
    if len(pool) < options.atoms:
        raise ValueError(f"{len(pool)} patches for {options.atoms} atoms; take fewer atoms or longer recordings")
    drawn = np.random.default_rng(options.atom_seed).choice(
        len(pool), min(options.atom_patches, len(pool)), replace=False
    )
    learner = MiniBatchDictionaryLearning(
        options.atoms,
        alpha=options.atom_sparsity,
        max_iter=2,
        batch_size=256,
        fit_algorithm="lars",
        random_state=options.atom_seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the next minibatch computes all codes again
        learner.fit(pool[np.sort(drawn)].astype(np.float64))
    return learner.components_.astype(np.float32)


def encode_patches(patches: NDArray, dictionary: NDArray, nonzero: int) -> NDArray[np.float32]:
    """Compute codes by orthogonal matching pursuit, shape (frames, atoms), with at most `nonzero` entries per frame.

    Args:
        patches: shape (frames, dimensions)
        dictionary: shape (atoms, dimensions)
        nonzero: atoms in the code of a patch
    """
    from sklearn.decomposition import sparse_encode

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # fewer atoms give some patches exactly
        codes = sparse_encode(patches, dictionary, algorithm="omp", n_nonzero_coefs=nonzero)
    return np.asarray(codes, dtype=np.float32)


def pool_codes(codes: NDArray, seconds: float, *, frame_shift: float) -> NDArray[np.float32]:
    """Pool codes in the window of each frame: each atom's largest magnitude and mean, normalised.

    Args:
        codes: shape (frames, atoms)
        seconds: width of the windows
        frame_shift: seconds

    Returns:
        shape (frames, 2 * atoms)
    """
    mean, _, _ = pool_moments(codes, seconds, frame_shift=frame_shift)
    largest = pool_maxima(np.abs(codes), seconds, frame_shift=frame_shift)
    return normalise(np.concatenate([largest, mean], axis=1).astype(np.float32))


@dataclass(frozen=True)
class SparseCodes:
    """Front end: sparse codes of log-mel patches, pooled in windows of `window` seconds."""

    dictionary: NDArray[np.float32]  # (atoms, 160)
    code_atoms: int
    window: float

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        """Compute features (frames, 2 * atoms)."""
        codes = encode_patches(recording.log_mel, self.dictionary, self.code_atoms)
        return pool_codes(codes, self.window, frame_shift=recording.frame_shift)


def train_brady(
    recordings: Sets[Recording], shared: BaselineOptions, options: BradyOptions
) -> tuple[SparseCodes, Linear, list[Choice]]:
    """Learn the dictionary from the training set, then search window, delay and complexity on the dev set."""
    dictionary = learn_dictionary([recording.log_mel for recording in recordings.train.values()], options)
    codes = recordings.map(lambda recording: encode_patches(recording.log_mel, dictionary, options.code_atoms))
    windows = {f"window {window:g} s": window for window in options.pooling_windows}
    name, linear, choices = search(
        (
            (name, codes.map(partial(pool_codes, seconds=window, frame_shift=recordings.frame_shift)))
            for name, window in windows.items()
        ),
        fit_svr,
        strengths=options.pooling_complexities,
        delays=shared.list_delays(recordings.frame_shift),
        every=shared.train_frames,
    )
    return SparseCodes(dictionary, options.code_atoms, windows[name]), linear, choices
