"""A baseline as a whole: front end, linear regression with a delay, post-processing chain; training and files."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.baselines.brady import SparseCodes, train_brady
from emoseq.baselines.chain import Chain, tune_chain
from emoseq.baselines.options import BaselineOptions, BradyOptions, Choice, ValstarOptions
from emoseq.baselines.povolny import Classes, Context, train_povolny
from emoseq.baselines.recording import Recording
from emoseq.baselines.regression import Linear, Sets
from emoseq.baselines.valstar import Functionals, train_valstar
from emoseq.io.archive import shorten_error
from emoseq.io.files import write_bytes

Front = Functionals | Context | SparseCodes  # computes features (frames, dimensions) of a recording
FRONTS = {"valstar": Functionals, "povolny": Context, "brady": SparseCodes}


@dataclass(frozen=True)
class Baseline:
    """A trained system."""

    front: Front
    linear: Linear
    chain: Chain

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        """Predict the time series (frames,) of a recording."""
        return self.chain(self.linear(self.front(recording)))


def train_baseline(
    recordings: Sets[Recording], shared: BaselineOptions, options: Any, *, classes: Classes = ({}, {})
) -> tuple[Baseline, list[Choice]]:
    """Train the system to which the options belong; choose all its settings by the dev CCC.

    Args:
        recordings: features and ratings of train and dev
        shared: options that all systems share
        options: ValstarOptions, PovolnyOptions or BradyOptions
        classes: labels of train and dev at K = 10, (frames,) by utterance, for the bottleneck of PovolnyOptions

    Returns:
        the system, and every dev score that was compared

    Raises:
        ValueError: if an utterance lacks features, ratings or classes, or they differ in length
    """
    front: Front
    if isinstance(options, ValstarOptions):
        front, linear, choices = train_valstar(recordings, shared, options)
    elif isinstance(options, BradyOptions):
        front, linear, choices = train_brady(recordings, shared, options)
    else:
        front, linear, choices = train_povolny(recordings, shared, options, classes)
    series = {utt: linear(front(recording)) for utt, recording in recordings.dev.items()}
    chain, steps = tune_chain(
        series,
        recordings.dev_ratings,
        medians=shared.medians,
        shifts=shared.list_shifts(recordings.frame_shift),
        frame_shift=recordings.frame_shift,
    )
    return Baseline(front, linear, chain), [*choices, *steps]


def save_baseline(path: Path, baseline: Baseline) -> None:
    """Write a system to one file of arrays; on an error the old file stays."""
    arrays: dict[str, Any] = _flatten(baseline)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    write_bytes(path, stream.getbuffer())


def load_baseline(path: Path, system: str) -> Baseline:
    """Read a system that `save_baseline` wrote; no code in the file is run.

    Raises:
        DataError: if the file is missing or does not hold such a system
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            parts = {"front": FRONTS[system], "linear": Linear, "chain": Chain}
            return Baseline(**{name: _rebuild(kind, dict(arrays), f"{name}.") for name, kind in parts.items()})
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; train the baseline first") from None
    except Exception as error:  # numpy has no error type for a damaged file
        raise DataError(f"{path}: not a baseline that steps/train_baseline.py wrote ({shorten_error(error)})") from None


def _flatten(value: Any, prefix: str = "") -> dict[str, NDArray]:
    """Collect the fields of a dataclass, and of dataclasses within it, by their dotted names."""
    arrays: dict[str, NDArray] = {}
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        name = f"{prefix}{field.name}"
        arrays |= _flatten(content, f"{name}.") if dataclasses.is_dataclass(content) else {name: np.asarray(content)}
    return arrays


def _rebuild(kind: Any, arrays: Mapping[str, NDArray], prefix: str) -> Any:
    """Build a dataclass from the arrays of `_flatten`."""
    fields = {}
    for name, hint in get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            fields[name] = _rebuild(hint, arrays, f"{prefix}{name}.")
        else:
            array = arrays[f"{prefix}{name}"]
            fields[name] = hint(array) if hint in (int, float) else array
    return kind(**fields)
