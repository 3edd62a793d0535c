"""Filterbanks against Kaldi's definition in numpy, and the way to normalised 40 ms features."""

import kaldiio
import numpy as np
import pytest
import soundfile

from emoseq import DataError
from emoseq.features.fbank import (
    FbankOptions,
    apply_cmvn,
    compute_cmvn_statistics,
    compute_fbank,
    extract_fbank,
    read_features,
    stack_frames,
)
from emoseq.io.audio import mix_and_resample, read_audio, read_duration
from emoseq.io.datadir import Segment

OPTIONS = FbankOptions(stack=4, num_mel_bins=40, dither=0.0)


def mel(hertz):
    return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)


def kaldi_fbank(samples, *, bins=40, rate=16000, low=20.0, high=8000.0, preemphasis=0.97):
    """Kaldi's compute-fbank-feats with snip-edges and without dither, written from its documentation."""
    length, shift = rate * 25 // 1000, rate * 10 // 1000
    count = 1 + (len(samples) - length) // shift
    frames = np.stack([samples[i * shift : i * shift + length] for i in range(count)]).astype(np.float64)
    frames -= frames.mean(axis=1, keepdims=True)
    frames -= preemphasis * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))
    size = 1 << (length - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * hann**0.85, size)) ** 2
    edges = np.linspace(mel(low), mel(high), bins + 2)
    positions = mel(np.arange(size // 2 + 1) * rate / size)
    rising = (positions - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - positions) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    return np.log(np.maximum(power @ filters.T, np.finfo(np.float32).eps))


@pytest.fixture(scope="module")
def speech_like():
    """Half a second of noise and tones with a DC offset, on the scale of 16-bit integers."""
    random = np.random.default_rng(0)
    times = np.arange(8000) / 16000
    tones = sum(np.sin(2 * np.pi * f * times) for f in (130, 700, 2600, 6100))
    return (1500 * tones + random.normal(size=8000) * 300 + 120).astype(np.float32)


def test_fbank_equals_kaldis_definition(speech_like):
    np.testing.assert_allclose(compute_fbank(speech_like, OPTIONS), kaldi_fbank(speech_like), atol=1e-3)


def test_number_of_mel_filters_is_an_option(speech_like):
    frames = compute_fbank(speech_like, FbankOptions(stack=4, num_mel_bins=23, dither=0.0))
    np.testing.assert_allclose(frames, kaldi_fbank(speech_like, bins=23), atol=1e-3)


def test_edges_of_the_filters_are_options(speech_like):
    """As in Kaldi a negative upper edge counts from the Nyquist frequency."""
    frames = compute_fbank(
        speech_like, FbankOptions(stack=4, num_mel_bins=40, dither=0.0, low_freq=100, high_freq=-1000)
    )
    np.testing.assert_allclose(frames, kaldi_fbank(speech_like, low=100, high=7000), atol=1e-3)


def test_preemphasis_is_an_option(speech_like):
    frames = compute_fbank(speech_like, FbankOptions(stack=4, num_mel_bins=40, dither=0.0, preemphasis_coefficient=0.5))
    np.testing.assert_allclose(frames, kaldi_fbank(speech_like, preemphasis=0.5), atol=1e-3)


def test_rate_is_an_option():
    samples = np.random.default_rng(1).normal(size=4000) * 1000
    options = FbankOptions(stack=4, num_mel_bins=20, dither=0.0, sample_frequency=8000.0)
    np.testing.assert_allclose(
        compute_fbank(samples, options), kaldi_fbank(samples, bins=20, rate=8000, high=4000), atol=1e-3
    )


def test_silence_is_floored_at_the_smallest_float_step():
    np.testing.assert_allclose(compute_fbank(np.zeros(1600), OPTIONS), np.log(np.finfo(np.float32).eps), rtol=1e-6)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16000, 98)])
def test_number_of_frames(samples, frames):
    assert compute_fbank(np.ones(samples), OPTIONS).shape == (frames, 40)


def test_five_minutes_make_7500_stacks():
    frames = 1 + (300 * 16000 - 400) // 160
    assert frames == 29998
    assert len(stack_frames(np.zeros((frames, 1)), 4)) == 7500


def test_features_without_dither_are_the_same_every_time(speech_like):
    assert np.array_equal(compute_fbank(speech_like, OPTIONS), compute_fbank(speech_like, OPTIONS))


@pytest.mark.parametrize(
    "wrong", [{"num_mel_bins": 400}, {"low_freq": 9000.0}, {"high_freq": 9000.0}, {"window_type": "triangle"}]
)
def test_options_that_make_no_filterbank_are_a_value_error(wrong):
    with pytest.raises(ValueError, match=r"."):
        compute_fbank(np.ones(1600), FbankOptions(stack=4, **wrong))


def test_stacking_joins_consecutive_frames_earliest_first():
    frames = np.arange(16).reshape(8, 2)
    assert stack_frames(frames, 4).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]]


def test_last_stack_is_padded_with_the_last_frame():
    frames = np.array([[1], [2], [3], [4], [5], [6]])
    assert stack_frames(frames, 4).tolist() == [[1, 2, 3, 4], [5, 6, 6, 6]]


def test_statistics_have_kaldis_layout():
    features = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, -30.0]], dtype=np.float32)
    assert compute_cmvn_statistics(features).tolist() == [[7.0, 0.0, 3.0], [21.0, 1400.0, 0.0]]


def test_statistics_are_summed_in_double_precision():
    features = np.full((100_000, 1), 0.1, dtype=np.float32)
    assert compute_cmvn_statistics(features)[0, 0] == pytest.approx(100_000 * float(np.float32(0.1)), rel=1e-12)


def test_cmvn_equals_numpys_mean_and_standard_deviation():
    features = np.random.default_rng(2).normal(5, 3, size=(200, 6)).astype(np.float32)
    expected = (features - features.mean(axis=0)) / features.std(axis=0)
    np.testing.assert_allclose(apply_cmvn(features, compute_cmvn_statistics(features)), expected, atol=1e-4)


def test_a_dimension_that_never_changes_becomes_zero():
    features = np.stack([np.full(50, -15.942385), np.arange(50)], axis=1).astype(np.float32)
    assert np.abs(apply_cmvn(features, compute_cmvn_statistics(features))[:, 0]).max() < 1e-3


@pytest.mark.parametrize("statistics", [np.ones((2, 3)), np.ones((1, 5)), np.zeros((2, 5))])
def test_statistics_of_other_features_are_refused(statistics):
    with pytest.raises(ValueError, match="statistics of shape"):
        apply_cmvn(np.ones((3, 4), dtype=np.float32), statistics)


def test_audio_of_two_channels(tmp_path):
    samples = np.stack([np.linspace(-0.5, 0.5, 80), np.zeros(80)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype="FLOAT")
    got, rate = read_audio(tmp_path / "a.wav")
    assert rate == 8000
    np.testing.assert_allclose(got, samples, atol=1e-7)


def test_duration_of_audio(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(12000), 8000)
    assert read_duration(tmp_path / "a.wav") == 1.5


@pytest.mark.parametrize("function", [read_audio, read_duration])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"a\.wav does not exist"),
        (b"", r"a\.wav is not an audio file \(0 bytes\)"),
        (b"no sound\n" * 20, r"a\.wav is not an audio file \(180 bytes\)"),
    ],
    ids=["missing", "empty", "text"],
)
def test_a_file_without_audio_is_an_error_of_one_line(tmp_path, function, content, message):
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        function(tmp_path / "a.wav")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("function", [read_audio, read_duration])
def test_audio_without_samples_is_an_error(tmp_path, function):
    soundfile.write(tmp_path / "a.wav", np.zeros(0), 8000)
    with pytest.raises(DataError, match=r"a\.wav holds no samples"):
        function(tmp_path / "a.wav")


def test_features_of_a_recording_are_on_kaldis_scale(tmp_path):
    """A 16-bit file: Kaldi reads whole numbers where others read fractions of 1."""
    samples = np.random.default_rng(4).integers(-3000, 3000, size=4000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    ((utterance, stacks),) = extract_fbank({"u": Segment(str(tmp_path / "a.wav"))}, OPTIONS, "wav.scp")
    assert utterance == "u"
    np.testing.assert_allclose(stacks.reshape(-1, 40)[:23], kaldi_fbank(samples.astype(np.float64)), atol=1e-3)


def test_a_recording_shorter_than_a_window_is_named(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(200), 16000)
    with pytest.raises(DataError, match=r"wav\.scp: u: .*a\.wav is shorter than one window of 25 ms"):
        list(extract_fbank({"u": Segment(str(tmp_path / "a.wav"))}, OPTIONS, "wav.scp"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_recording_with_non_finite_samples_is_named(tmp_path, value):
    soundfile.write(tmp_path / "a.wav", np.r_[np.zeros(4000), value, np.zeros(4000)], 16000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"wav\.scp: u: .*a\.wav holds NaN or infinite"):
        list(extract_fbank({"u": Segment(str(tmp_path / "a.wav"))}, OPTIONS, "wav.scp"))


def test_options_that_make_no_filterbank_are_an_error_of_one_line(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(4000), 16000)
    with pytest.raises(DataError, match="num_mel_bins"):
        list(extract_fbank({"u": Segment(str(tmp_path / "a.wav"))}, FbankOptions(stack=4, num_mel_bins=400), "wav.scp"))


def test_channels_are_averaged():
    stereo = np.array([[0.5, 0.1], [-0.5, 0.3]], dtype=np.float32)
    np.testing.assert_allclose(mix_and_resample(stereo, 16000, 16000), [0.3, -0.1], atol=1e-7)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_keeps_the_frequency_of_a_sine(rate):
    sine = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(mix_and_resample(sine, rate, 16000)))
    assert spectrum.argmax() == 440  # a second of signal, so bins are 1 Hz


def test_resampling_keeps_the_amplitude_of_a_sine():
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    assert np.abs(mix_and_resample(sine, 44100, 16000)[2000:-2000]).max() == pytest.approx(0.5, abs=1e-3)


def test_resampling_keeps_the_duration():
    assert len(mix_and_resample(np.zeros(44100, dtype=np.float32), 44100, 16000)) == 16000


@pytest.mark.parametrize(("stack", "shift", "seconds"), [(4, 10.0, 0.04), (10, 10.0, 0.1), (4, 12.5, 0.05)])
def test_stack_and_shift_give_the_label_rate(stack, shift, seconds):
    assert FbankOptions(stack=stack, frame_shift=shift).label_shift == seconds


NUMBERS = "sample_frequency frame_length frame_shift preemphasis_coefficient low_freq high_freq dither"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e300])
@pytest.mark.parametrize("name", NUMBERS.split())
def test_numbers_without_a_filterbank_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"^--{name.replace('_', '-')}=.*: .*needed$"):
        FbankOptions(**{"stack": 4, name: float(value)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stack", 0),
        ("stack", -4),
        ("stack", 10**30),
        ("num_mel_bins", 0),
        ("num_mel_bins", 2),  # Kaldi has three filters at least
        ("num_mel_bins", -1),
        ("num_mel_bins", 10**30),
        ("sample_frequency", 0.0),
        ("sample_frequency", -16000.0),
        ("frame_length", 0.0),
        ("frame_length", -25.0),
        ("frame_shift", 0.0),
        ("frame_shift", -10.0),
        ("preemphasis_coefficient", -0.1),
        ("preemphasis_coefficient", 1.1),
        ("low_freq", -1.0),
        ("low_freq", 8000.0),
        ("high_freq", 20.0),
        ("high_freq", 8001.0),
        ("high_freq", -7980.0),
        ("dither", -1.0),
        ("window_type", "triangle"),
        ("window_type", ""),
    ],
)
def test_options_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"^--{name.replace('_', '-')}="):
        FbankOptions(**{"stack": 4, name: value})


@pytest.mark.parametrize(
    "extreme",
    [
        {"stack": 40, "frame_shift": 1.0, "sample_frequency": 2000.0, "num_mel_bins": 3},
        {"frame_length": 1.0, "num_mel_bins": 3},
        {"num_mel_bins": 3, "low_freq": 0.0, "high_freq": 8000.0, "preemphasis_coefficient": 1.0},
        {"sample_frequency": 192000.0, "preemphasis_coefficient": 0.0},
        {"frame_length": 1000.0, "dither": 32768.0},
        {"window_type": "hamming"},
        {"window_type": "hanning"},
        {"window_type": "rectangular"},
        {"window_type": "blackman"},
    ],
)
def test_options_at_the_ends_of_their_ranges_make_a_filterbank(extreme):
    """With a shift of less than one sample kaldi_native_fbank divides by zero, which ends the interpreter."""
    options = FbankOptions(**{"stack": 4, "low_freq": 1.0} | extreme)
    samples = np.random.default_rng(5).normal(size=int(1.1 * options.sample_frequency))
    frames = compute_fbank(samples, options)
    assert len(frames)
    assert np.isfinite(frames).all()


def test_two_frames_of_20_ms_make_a_stack():
    assert FbankOptions(stack=2, frame_shift=20.0).stack == 2


def write_features(folder, features, statistics):
    """Write feats and cmvn of utterances, each a dictionary."""
    for name, matrices in (("feats", features), ("cmvn", statistics)):
        kaldiio.save_ark(str(folder / f"{name}.ark"), matrices, scp=str(folder / f"{name}.scp"))


def test_features_of_a_directory_are_normalised(tmp_path):
    features = np.random.default_rng(3).normal(2, 4, size=(30, 3)).astype(np.float32)
    sums = np.vstack([np.append(features.sum(0, dtype="f8"), 30), np.append((features.astype("f8") ** 2).sum(0), 0)])
    write_features(tmp_path, {"u": features}, {"u": sums})
    expected = (features - features.mean(axis=0)) / features.std(axis=0)
    np.testing.assert_allclose(read_features(tmp_path)["u"], expected, atol=1e-5)


def test_features_without_statistics_are_an_error(tmp_path):
    write_features(tmp_path, {"u": np.ones((2, 2), "f4")}, {"v": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"cmvn\.scp: u is missing"):
        read_features(tmp_path)


@pytest.mark.parametrize(("value", "spelled"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_a_number_of_the_features_that_is_not_finite_is_named(tmp_path, value, spelled):
    features = {f"dev_{i}": np.ones((30, 3), "f4") for i in range(1, 5)}
    features["dev_3"][17, 2] = value
    write_features(tmp_path, features, {utt: np.full((2, 4), 30.0) for utt in features})
    with pytest.raises(DataError) as error:
        read_features(tmp_path)
    assert str(error.value) == f"{tmp_path}/feats.scp: dev_3: {spelled} in row 17; run stage 1 again"


def test_a_number_of_the_statistics_that_is_not_finite_is_named(tmp_path):
    write_features(tmp_path, {"u": np.ones((30, 1), "f4")}, {"u": np.array([[30.0, 30.0], [np.nan, 0.0]])})
    with pytest.raises(DataError, match=r"cmvn\.scp: u: NaN in row 1; run stage 1 again$"):
        read_features(tmp_path)


def test_statistics_of_other_features_are_named(tmp_path):
    write_features(tmp_path, {"u": np.ones((30, 3), "f4")}, {"u": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"cmvn\.scp: u: statistics of shape"):
        read_features(tmp_path)


def test_a_vector_is_no_features(tmp_path):
    write_features(tmp_path, {"u": np.ones(30, "f4")}, {"u": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"feats\.scp: u: a vector instead of a matrix"):
        read_features(tmp_path)
