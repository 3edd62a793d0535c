"""Valstar et al. (2016): support vector regression on functionals of eGeMAPS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoseq.baselines.options import BaselineOptions, Choice, ValstarOptions
from emoseq.baselines.recording import Recording
from emoseq.baselines.regression import Linear, Sets, fit_svr, search
from emoseq.features.egemaps import compute_functionals
from emoseq.features.windows import normalise


@dataclass(frozen=True)
class Functionals:
    """Front end: functionals of eGeMAPS in a window of `window` seconds."""

    window: float

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        """Compute features (frames, 51)."""
        return normalise(compute_functionals(recording.descriptors, self.window, frame_shift=recording.frame_shift))


def train_valstar(
    recordings: Sets[Recording], shared: BaselineOptions, options: ValstarOptions
) -> tuple[Functionals, Linear, list[Choice]]:
    """Search window, delay and complexity on the dev set."""
    fronts = {f"window {window:g} s": Functionals(window) for window in options.functional_windows}
    name, linear, choices = search(
        ((name, recordings.map(front)) for name, front in fronts.items()),
        fit_svr,
        strengths=options.functional_complexities,
        delays=shared.list_delays(recordings.frame_shift),
        every=shared.train_frames,
    )
    return fronts[name], linear, choices
