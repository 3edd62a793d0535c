"""The baselines put together: features, a linear regression of what lags them, and the chain of post-processing."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.baselines import USE_EGEMAPS, USE_LOG_MEL, BaselineOptions, BradyOptions, PovolnyOptions, ValstarOptions
from emoseq.bottleneck import Bottleneck, train_bottleneck
from emoseq.choices import Choice
from emoseq.features.egemaps import COLUMNS, functionals
from emoseq.features.fbank import read_features
from emoseq.features.windows import moments, normalised, offsets_within, stack_context
from emoseq.io.archive import Scp, brief
from emoseq.io.files import write_bytes
from emoseq.metrics import common_length
from emoseq.postprocessing import Chain, tune_chain
from emoseq.regression import Linear, Series, Sets, ridge, search, support_vectors
from emoseq.sparse_coding import encode, learn_dictionary, pooled

NUM_CLASSES = 10  # of the bottleneck's classifier: the finest of the paper's resolutions


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


@dataclass(frozen=True)
class Functionals:
    """Valstar et al. (2016): functionals of eGeMAPS in a window of some seconds."""

    window: float

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        return normalised(functionals(recording.descriptors, self.window))


@dataclass(frozen=True)
class Context:
    """Povolny et al. (2016): means over a short while of eGeMAPS and bottleneck features, at times around a frame."""

    reach: float
    step: float
    bottleneck: Bottleneck

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        egemaps = descriptors_in_steps(recording, self.step)
        means, _, _ = moments(self.bottleneck(recording.log_mel), self.step)
        frames = min(len(egemaps), len(means))
        both = np.concatenate([egemaps[:frames], normalised(means)[:frames]], axis=1)
        return stack_context(both, offsets_within(self.reach, self.step))


def descriptors_in_steps(recording: Recording, step: float) -> NDArray[np.float32]:
    """Functionals of eGeMAPS in windows of `step` seconds, shape (frames, 51)."""
    return normalised(functionals(recording.descriptors, step))


@dataclass(frozen=True)
class SparseCodes:
    """Brady et al. (2016): sparse codes of log-mel patches, pooled over some seconds."""

    dictionary: NDArray[np.float32]  # (atoms, 160)
    code_atoms: int
    window: float

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        return pooled(encode(recording.log_mel, self.dictionary, self.code_atoms), self.window)


Front = Functionals | Context | SparseCodes
FRONTS = {"valstar": Functionals, "povolny": Context, "brady": SparseCodes}


@dataclass(frozen=True)
class Baseline:
    """A trained system."""

    front: Front
    linear: Linear
    chain: Chain

    def __call__(self, recording: Recording) -> NDArray[np.float32]:
        """The time series (frames,) of a recording."""
        return self.chain(self.linear(self.front(recording)))


Classes = tuple[Series, Series]
Trained = tuple[Front, Linear, list[Choice]]


def train_baseline(
    recordings: Sets[Recording], shared: BaselineOptions, options: Any, *, classes: Classes = ({}, {})
) -> tuple[Baseline, list[Choice]]:
    """Train the system that these options are of, and choose all its settings by the dev CCC.

    Args:
        recordings: of train and dev, and their ratings
        shared: what all systems have in common
        options: ValstarOptions, PovolnyOptions or BradyOptions
        classes: of the K = 10 labels of train and dev, (frames,) by utterance, for the bottleneck

    Returns:
        the system, and every score that was compared

    Raises:
        ValueError: if an utterance lacks features, ratings or classes, or they differ in length
    """
    if isinstance(options, ValstarOptions):
        front, linear, choices = _train_valstar(recordings, shared, options)
    elif isinstance(options, BradyOptions):
        front, linear, choices = _train_brady(recordings, shared, options)
    else:
        front, linear, choices = _train_povolny(recordings, shared, options, classes)
    series = {utt: linear(front(recording)) for utt, recording in recordings.dev.items()}
    chain, steps = tune_chain(series, recordings.dev_ratings, medians=shared.medians, shifts=shared.shifts)
    return Baseline(front, linear, chain), [*choices, *steps]


def _train_valstar(recordings: Sets[Recording], shared: BaselineOptions, options: ValstarOptions) -> Trained:
    fronts = {f"window {window:g} s": Functionals(window) for window in options.functional_windows}
    name, linear, choices = search(
        ((name, recordings.map(front)) for name, front in fronts.items()),
        support_vectors,
        strengths=options.functional_complexities,
        delays=shared.delays,
        every=shared.train_frames,
    )
    return fronts[name], linear, choices


def _train_brady(recordings: Sets[Recording], shared: BaselineOptions, options: BradyOptions) -> Trained:
    dictionary = learn_dictionary([recording.log_mel for recording in recordings.train.values()], options)
    codes = recordings.map(lambda recording: encode(recording.log_mel, dictionary, options.code_atoms))
    windows = {f"window {window:g} s": window for window in options.pooling_windows}
    name, linear, choices = search(
        ((name, codes.map(partial(pooled, seconds=window))) for name, window in windows.items()),
        support_vectors,
        strengths=options.pooling_complexities,
        delays=shared.delays,
        every=shared.train_frames,
    )
    return SparseCodes(dictionary, options.code_atoms, windows[name]), linear, choices


def _train_povolny(
    recordings: Sets[Recording], shared: BaselineOptions, options: PovolnyOptions, classes: Classes
) -> Trained:
    """The delay is chosen with eGeMAPS alone, since the network has to be told which classes belong to which speech."""
    step = options.context_step
    egemaps = recordings.map(lambda recording: descriptors_in_steps(recording, step))
    reaches = {f"eGeMAPS; context {reach:g} s": reach for reach in options.context_reaches}
    name, linear, choices = search(
        (
            (name, egemaps.map(partial(stack_context, offsets=offsets_within(reach, step))))
            for name, reach in reaches.items()
        ),
        ridge,
        strengths=options.ridge_penalties,
        delays=shared.delays,
        every=shared.train_frames,
    )
    train, dev = (
        _classified(known, labels, linear.delay)
        for known, labels in zip((recordings.train, recordings.dev), classes, strict=True)
    )
    bottleneck, epochs = train_bottleneck(train, dev, num_classes=NUM_CLASSES, options=options)
    front = Context(reaches[name], step, bottleneck)
    _, linear, more = search(
        [(f"{name}; bottleneck", recordings.map(front))],
        ridge,
        strengths=options.ridge_penalties,
        delays=[linear.delay],
        every=shared.train_frames,
    )
    return front, linear, [*choices, *epochs, *more]


def _classified(recordings: Mapping[str, Recording], classes: Series, delay: int) -> list[tuple[NDArray, NDArray]]:
    """Log-mel of each utterance and the class that raters chose `delay` frames later."""
    pairs = []
    for utt, labels in classes.items():
        if utt not in recordings:
            raise ValueError(f"{utt} has labels and no features")
        log_mel = recordings[utt].log_mel
        frames = common_length(len(log_mel), len(labels), utt, ("the features", "the labels"))
        if frames > delay:
            pairs.append((log_mel[: frames - delay], labels[delay:frames]))
    return pairs


def save_baseline(path: Path, baseline: Baseline) -> None:
    """Write a system to one file of arrays, whole or not at all."""
    arrays: dict[str, Any] = _arrays(baseline)
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    write_bytes(path, stream.getbuffer())


def load_baseline(path: Path, system: str) -> Baseline:
    """Read what `save_baseline` wrote; no code in the file is run.

    Raises:
        DataError: if the file is missing or is not such a system
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            parts = {"front": FRONTS[system], "linear": Linear, "chain": Chain}
            return Baseline(**{name: _built(kind, dict(arrays), f"{name}.") for name, kind in parts.items()})
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; train the baseline first") from None
    except Exception as error:  # numpy raises whatever the bytes happen to break
        raise DataError(f"{path}: not a baseline of this program ({brief(error)})") from None


def _arrays(value: Any, prefix: str = "") -> dict[str, NDArray]:
    """The fields of a dataclass and of those in it by their dotted names."""
    arrays: dict[str, NDArray] = {}
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        name = f"{prefix}{field.name}"
        arrays |= _arrays(content, f"{name}.") if dataclasses.is_dataclass(content) else {name: np.asarray(content)}
    return arrays


def _built(kind: Any, arrays: Mapping[str, NDArray], prefix: str) -> Any:
    """The dataclass that `_arrays` took apart."""
    fields = {}
    for name, hint in get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            fields[name] = _built(hint, arrays, f"{prefix}{name}.")
        else:
            array = arrays[f"{prefix}{name}"]
            fields[name] = hint(array) if hint in (int, float) else array
    return kind(**fields)
