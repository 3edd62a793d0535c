"""The baselines put together: features, a linear regression of what lags them, and the chain of post-processing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.archive import Scp, brief, replacing
from emoseq.baselines import USE_EGEMAPS, USE_LOG_MEL, BaselineOptions, BradyOptions, PovolnyOptions, ValstarOptions
from emoseq.bottleneck import Bottleneck, train_bottleneck
from emoseq.choices import Choice
from emoseq.egemaps import COLUMNS, functionals
from emoseq.features import read_features
from emoseq.metrics import common_length
from emoseq.postprocessing import Chain, tune_chain
from emoseq.regression import Linear, Series, Sets, ridge, search, support_vectors
from emoseq.sparse_coding import encode, learn_dictionary, pooled
from emoseq.windows import moments, normalised, offsets_within, stack_context

NUM_CLASSES = 10  # of the bottleneck's classifier: the finest of the paper's resolutions


@dataclass(frozen=True)
class Recording:
    """What a system hears of a recording; what it does not use may be missing.

    `descriptors` are those of eGeMAPS on the 40 ms grid, (frames, 100), as they are; `log_mel` stacks, (frames, 160),
    are normalised.
    """

    descriptors: NDArray[np.float32] | None = None
    log_mel: NDArray[np.float32] | None = None


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
    return {utt: Recording(descriptors.get(utt), log_mel.get(utt)) for utt in log_mel or descriptors}


@dataclass(frozen=True)
class Material:
    """Recordings, ratings (frames,) and, for the bottleneck, classes (frames,) of the train and the dev set."""

    train: Mapping[str, Recording]
    dev: Mapping[str, Recording]
    train_ratings: Series
    dev_ratings: Series
    train_classes: Series = dataclasses.field(default_factory=dict)
    dev_classes: Series = dataclasses.field(default_factory=dict)

    def sets(self, features: Callable[[str, Recording], NDArray]) -> Sets:
        """With the features (frames, dimensions) of each utterance."""
        train, dev = ({utt: features(utt, rec) for utt, rec in group.items()} for group in (self.train, self.dev))
        return Sets(train, self.train_ratings, dev, self.dev_ratings)


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


def train_baseline(material: Material, shared: BaselineOptions, options: Any) -> tuple[Baseline, list[Choice]]:
    """Train the system that these options are of, and choose all its settings by the dev CCC.

    Args:
        material: train and dev set
        shared: what all systems have in common
        options: ValstarOptions, PovolnyOptions or BradyOptions

    Returns:
        the system, and every score that was compared

    Raises:
        ValueError: if an utterance lacks features, ratings or classes, or they differ in length
    """
    front, linear, choices = _TRAINERS[type(options)](material, shared, options)
    series = {utt: linear(front(recording)) for utt, recording in material.dev.items()}
    chain, steps = tune_chain(series, material.dev_ratings, medians=shared.medians, shifts=shared.shifts)
    return Baseline(front, linear, chain), [*choices, *steps]


Trained = tuple[Front, Linear, list[Choice]]


def _train_valstar(material: Material, shared: BaselineOptions, options: ValstarOptions) -> Trained:
    fronts = {f"window {window:g} s": Functionals(window) for window in options.functional_windows}

    def kinds() -> Iterable[tuple[str, Sets]]:
        for name, front in fronts.items():
            yield name, material.sets(lambda _, recording, front=front: front(recording))

    name, linear, choices = search(
        kinds(),
        support_vectors,
        strengths=options.functional_complexities,
        delays=shared.delays,
        every=shared.train_frames,
    )
    return fronts[name], linear, choices


def _train_brady(material: Material, shared: BaselineOptions, options: BradyOptions) -> Trained:
    dictionary = learn_dictionary([recording.log_mel for recording in material.train.values()], options)
    codes = {
        utt: encode(recording.log_mel, dictionary, options.code_atoms)
        for group in (material.train, material.dev)
        for utt, recording in group.items()
    }
    windows = {f"window {window:g} s": window for window in options.pooling_windows}

    def kinds() -> Iterable[tuple[str, Sets]]:
        for name, window in windows.items():
            yield name, material.sets(lambda utt, _, window=window: pooled(codes[utt], window))

    name, linear, choices = search(
        kinds(),
        support_vectors,
        strengths=options.pooling_complexities,
        delays=shared.delays,
        every=shared.train_frames,
    )
    return SparseCodes(dictionary, options.code_atoms, windows[name]), linear, choices


def _train_povolny(material: Material, shared: BaselineOptions, options: PovolnyOptions) -> Trained:
    """The delay is chosen with eGeMAPS alone: the network has to know what it is to tell from each other."""
    step = options.context_step
    egemaps = {
        utt: descriptors_in_steps(recording, step)
        for group in (material.train, material.dev)
        for utt, recording in group.items()
    }
    reaches = {f"eGeMAPS; context {reach:g} s": reach for reach in options.context_reaches}

    def kinds() -> Iterable[tuple[str, Sets]]:
        for name, reach in reaches.items():
            offsets = offsets_within(reach, step)
            yield name, material.sets(lambda utt, _, offsets=offsets: stack_context(egemaps[utt], offsets))

    name, linear, choices = search(
        kinds(), ridge, strengths=options.ridge_penalties, delays=shared.delays, every=shared.train_frames
    )
    bottleneck, epochs = train_bottleneck(
        _classified(material.train, material.train_classes, linear.delay),
        _classified(material.dev, material.dev_classes, linear.delay),
        num_classes=NUM_CLASSES,
        options=options,
    )
    front = Context(reaches[name], step, bottleneck)
    name, linear, more = search(
        [(f"{name} and bottleneck", material.sets(lambda _, recording: front(recording)))],
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


_TRAINERS: dict[type, Callable[[Material, BaselineOptions, Any], Trained]] = {
    ValstarOptions: _train_valstar,
    PovolnyOptions: _train_povolny,
    BradyOptions: _train_brady,
}


def save_baseline(path: Path, baseline: Baseline) -> None:
    """Write a system to one file of arrays, whole or not at all."""
    with replacing(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, **_arrays(baseline))


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
