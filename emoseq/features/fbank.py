"""Log-mel filterbanks at the frame rate of the ratings (paper, Sec. 3), and their normalisation per utterance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq import DataError
from emoseq.io.archive import Scp
from emoseq.io.audio import mix_and_resample, read_audio, read_duration
from emoseq.io.datadir import Segment
from emoseq.recipe.options import check_range, option

INT16_SCALE = 32768  # Kaldi's samples are on the scale of 16-bit integers
VARIANCE_FLOOR = 1e-20
WINDOW_TYPES = ("povey", "hamming", "hanning", "rectangular", "blackman")
MAX_RATE = 192000  # Hz


@dataclass(frozen=True)
class FbankOptions:
    """Options of Kaldi's compute-fbank-feats, with its defaults; conf/fbank.conf holds what differs.

    Raises:
        ValueError: if a value is out of range
    """

    stack: int = option("consecutive frames that make one feature vector; with the shift they give the rate of ratings")
    num_mel_bins: int = option("triangular mel filters", default=23)
    sample_frequency: float = option("Hz; audio at another rate is resampled to it", default=16000.0)
    frame_length: float = option("window in ms", default=25.0)
    frame_shift: float = option("ms", default=10.0)
    preemphasis_coefficient: float = option("first-order preemphasis", default=0.97)
    window_type: str = option(f"{', '.join(WINDOW_TYPES[:-1])} or {WINDOW_TYPES[-1]}", default="povey")
    remove_dc_offset: bool = option("subtract the mean of each window", default=True)
    snip_edges: bool = option("only windows that lie inside the signal", default=True)
    low_freq: float = option("lower edge of the filters in Hz", default=20.0)
    high_freq: float = option("upper edge in Hz; 0 or less counts from the Nyquist frequency", default=0.0)
    dither: float = option("standard deviation of noise added to the samples", default=1.0)

    def __post_init__(self) -> None:
        # Windows of two samples and shifts of one or more: kaldi_native_fbank crashes where it has none.
        check_range(self, "sample_frequency", low=2000, high=MAX_RATE)
        check_range(self, "frame_length", low=1, high=1000)
        check_range(self, "frame_shift", low=1, high=1000)
        check_range(self, "stack", low=1, high=100)
        check_range(self, "num_mel_bins", low=3, high=1000)
        check_range(self, "preemphasis_coefficient", low=0, high=1)
        check_range(self, "dither", low=0, high=INT16_SCALE)
        if self.window_type not in WINDOW_TYPES:
            raise ValueError(
                f"--window-type={self.window_type}: choose {', '.join(WINDOW_TYPES[:-1])} or {WINDOW_TYPES[-1]}"
            )
        nyquist = self.sample_frequency / 2
        upper = self.high_freq if self.high_freq > 0 else nyquist + self.high_freq
        if not 0 <= self.low_freq < nyquist:
            raise ValueError(f"--low-freq={self.low_freq:g}: from 0 to below {nyquist:g} Hz is needed")
        if not self.low_freq < upper <= nyquist:
            raise ValueError(
                f"--high-freq={self.high_freq:g}: above --low-freq={self.low_freq:g}, up to {nyquist:g} Hz, is needed"
            )

    @property
    def label_shift(self) -> float:
        """Seconds between ratings, and between stacked frames: 0.04 in the paper."""
        return round(self.frame_shift * self.stack / 1000, 9)


def compute_fbank(samples: ArrayLike, options: FbankOptions) -> NDArray[np.float32]:
    """Compute the mel energies of one channel, in natural log.

    Args:
        samples: shape (samples,), at `options.sample_frequency`, on the scale of 16-bit integers

    Returns:
        shape (1 + (samples - window) // shift, num_mel_bins), empty if the signal is shorter than one window

    Raises:
        ValueError: if kaldi_native_fbank refuses the options, as it does more filters than the spectrum allows
    """
    import kaldi_native_fbank

    settings = kaldi_native_fbank.FbankOptions()
    settings.frame_opts.samp_freq = options.sample_frequency
    settings.frame_opts.frame_length_ms = options.frame_length
    settings.frame_opts.frame_shift_ms = options.frame_shift
    settings.frame_opts.preemph_coeff = options.preemphasis_coefficient
    settings.frame_opts.window_type = options.window_type
    settings.frame_opts.remove_dc_offset = options.remove_dc_offset
    settings.frame_opts.snip_edges = options.snip_edges
    settings.frame_opts.dither = options.dither
    settings.mel_opts.num_bins = options.num_mel_bins
    settings.mel_opts.low_freq = options.low_freq
    settings.mel_opts.high_freq = options.high_freq
    settings.use_energy = False
    computer = kaldi_native_fbank.OnlineFbank(settings)
    computer.accept_waveform(options.sample_frequency, np.asarray(samples, dtype=np.float32))
    computer.input_finished()
    frames = [computer.get_frame(i) for i in range(computer.num_frames_ready)]
    return np.stack(frames) if frames else np.empty((0, options.num_mel_bins), dtype=np.float32)


def stack_frames(frames: NDArray, size: int) -> NDArray:
    """Join each `size` consecutive frames to one; the last stack is padded with the last frame.

    Args:
        frames: shape (frames, dimensions)

    Returns:
        shape (ceil(frames / size), size * dimensions), the earliest frame first
    """
    missing = -len(frames) % size
    padded = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    return padded.reshape(len(padded) // size, size * frames.shape[1])


def compute_cmvn_statistics(features: NDArray) -> NDArray[np.float64]:
    """Accumulate features of shape (frames, dimensions) as Kaldi's compute-cmvn-stats does.

    Returns:
        shape (2, dimensions + 1): the sums and the number of frames; the sums of squares and 0
    """
    wide = features.astype(np.float64)
    return np.stack([np.append(wide.sum(axis=0), len(wide)), np.append((wide**2).sum(axis=0), 0.0)])


def apply_cmvn(features: NDArray, statistics: NDArray) -> NDArray[np.float32]:
    """Normalise features of shape (frames, dimensions) to zero mean and unit variance in each dimension.

    Args:
        features: shape (frames, dimensions)
        statistics: as `compute_cmvn_statistics` returns them

    Raises:
        ValueError: if the statistics have another dimension or count no frames
    """
    dimensions = features.shape[1]
    if statistics.shape != (2, dimensions + 1) or statistics[0, -1] < 1:
        raise ValueError(f"statistics of shape {statistics.shape} for {dimensions}-dimensional features")
    mean, square = statistics[:, :-1] / statistics[0, -1]
    deviation = np.sqrt(np.maximum(square - mean**2, VARIANCE_FLOOR))
    return ((features - mean) / deviation).astype(np.float32)


def check_headers(recordings: Mapping[str, Segment], name: str) -> None:
    """Check that every recording of the list `name` can be opened and has samples.

    Raises:
        DataError: for the first recording that fails
    """
    for utt, (path, start, _) in recordings.items():
        try:
            if start >= read_duration(path):
                raise DataError(f"{path} ends before {start:g} s, where the segment begins; correct segments")
        except DataError as error:
            raise DataError(f"{name}: {utt}: {error}") from None


def extract_fbank(
    recordings: Mapping[str, Segment], options: FbankOptions, name: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Extract stacked filterbank features of each recording, not normalised.

    Args:
        recordings: where the audio of each utterance is
        options: of the filterbank
        name: file that lists the recordings, for messages

    Yields:
        utterance and features of shape (frames, dimensions)

    Raises:
        DataError: if a recording cannot be read, is too short or has NaN or infinite samples
    """
    for utt, path, samples in read_resampled(recordings, options.sample_frequency, name):
        try:
            frames = compute_fbank(INT16_SCALE * samples, options)
        except (ValueError, RuntimeError) as error:  # of the filterbank's options
            raise DataError(f"{name}: {utt}: no filterbank with these options: {error}") from None
        if not len(frames):
            window = f"one window of {options.frame_length:g} ms"
            raise DataError(f"{name}: {utt}: {path} is shorter than {window}; leave it out")
        yield utt, stack_frames(frames, options.stack)


def read_resampled(
    recordings: Mapping[str, Segment], rate: float, name: str
) -> Iterator[tuple[str, str, NDArray[np.float32]]]:
    """Read recordings, mix them to one channel and resample them.

    Args:
        recordings: where the audio of each utterance is
        rate: target rate in Hz
        name: file that lists the recordings, for messages

    Yields:
        utterance, audio file and samples of shape (samples,)

    Raises:
        DataError: if a recording cannot be read or resampled, or has NaN or infinite samples
    """
    for utt, (path, start, end) in recordings.items():
        try:
            samples, own_rate = read_audio(path, start, end)
            if not np.isfinite(samples).all():
                raise DataError(f"{path} holds NaN or infinite samples; copy it again")
            mono = mix_and_resample(samples, own_rate, rate)
        except ValueError as error:  # soxr refuses the rate
            raise DataError(f"{name}: {utt}: {path} cannot be resampled to {rate:g} Hz: {error}") from None
        except DataError as error:
            raise DataError(f"{name}: {utt}: {error}") from None
        yield utt, path, mono


def read_features(data_dir: Path) -> dict[str, NDArray[np.float32]]:
    """Read the features of each utterance of a data directory and normalise them.

    Returns:
        features by utterance, shape (frames, dimensions)

    Raises:
        DataError: if a file or an utterance is missing or malformed, or a number is NaN or infinite (rows are counted
            from 0)
    """
    matrices, statistics = Scp(data_dir / "feats.scp"), Scp(data_dir / "cmvn.scp")
    features = {}
    for utt, matrix in matrices.items():
        _check_matrix(matrix, f"{matrices.path}: {utt}")
        _check_matrix(statistics[utt], f"{statistics.path}: {utt}")
        try:
            features[utt] = apply_cmvn(matrix, statistics[utt])
        except ValueError as error:
            raise DataError(f"{statistics.path}: {utt}: {error}; run stage 1 again") from None
    return features


def _check_matrix(matrix: NDArray, where: str) -> None:
    if matrix.ndim != 2:
        raise DataError(f"{where}: a vector instead of a matrix; run stage 1 again")
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        value = "NaN" if np.isnan(matrix[row]).any() else "infinity"
        raise DataError(f"{where}: {value} in row {row}; run stage 1 again")
