"""Sparse codes of log-mel patches: a dictionary learned from the training set, and pooling over seconds."""

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
    """Online dictionary learning (Mairal et al. 2009) on a random choice of the patches.

    Args:
        patches: one array (frames, dimensions) for each recording, each dimension of unit variance
        options: size of the dictionary, and how it is learned

    Returns:
        shape (atoms, dimensions), rows of length 1 or less

    Raises:
        ValueError: if there are fewer patches than atoms
    """
    from sklearn.decomposition import MiniBatchDictionaryLearning
    from sklearn.exceptions import ConvergenceWarning

    every = np.concatenate(patches)
    if len(every) < options.atoms:
        raise ValueError(f"{len(every)} patches for {options.atoms} atoms; take fewer atoms or longer recordings")
    drawn = np.random.default_rng(options.atom_seed).choice(
        len(every), min(options.atom_patches, len(every)), replace=False
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
        warnings.simplefilter("ignore", ConvergenceWarning)  # of codes, which the next minibatch computes anew
        learner.fit(every[np.sort(drawn)].astype(np.float64))
    return learner.components_.astype(np.float32)


def encode_patches(patches: NDArray, dictionary: NDArray, nonzero: int) -> NDArray[np.float32]:
    """Codes of orthogonal matching pursuit, shape (frames, atoms), `nonzero` entries a frame at most.

    Args:
        patches: shape (frames, dimensions)
        dictionary: shape (atoms, dimensions)
        nonzero: atoms that a patch is made of
    """
    from sklearn.decomposition import sparse_encode

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of patches that fewer atoms give exactly
        codes = sparse_encode(patches, dictionary, algorithm="omp", n_nonzero_coefs=nonzero)
    return np.asarray(codes, dtype=np.float32)


def pool_codes(codes: NDArray, seconds: float) -> NDArray[np.float32]:
    """Largest magnitude and mean of each atom's code in the window of each frame, normalised.

    Args:
        codes: shape (frames, atoms)
        seconds: width of the windows

    Returns:
        shape (frames, 2 * atoms)
    """
    mean, _, _ = pool_moments(codes, seconds)
    return normalise(np.concatenate([pool_maxima(np.abs(codes), seconds), mean], axis=1).astype(np.float32))


@dataclass(frozen=True)
class SparseCodes:
    """Brady et al. (2016): sparse codes of log-mel patches, pooled over some seconds."""

    dictionary: NDArray[np.float32]  # (atoms, 160)
    code_atoms: int
    window: float

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        return pool_codes(encode_patches(recording.log_mel, self.dictionary, self.code_atoms), self.window)


def train_brady(
    recordings: Sets[Recording], shared: BaselineOptions, options: BradyOptions
) -> tuple[SparseCodes, Linear, list[Choice]]:
    dictionary = learn_dictionary([recording.log_mel for recording in recordings.train.values()], options)
    codes = recordings.map(lambda recording: encode_patches(recording.log_mel, dictionary, options.code_atoms))
    windows = {f"window {window:g} s": window for window in options.pooling_windows}
    name, linear, choices = search(
        ((name, codes.map(partial(pool_codes, seconds=window))) for name, window in windows.items()),
        fit_svr,
        strengths=options.pooling_complexities,
        delays=shared.delays,
        every=shared.train_frames,
    )
    return SparseCodes(dictionary, options.code_atoms, windows[name]), linear, choices
