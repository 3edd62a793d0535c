"""eGeMAPS descriptors: their grid and functionals by hand, and openSMILE where it is installed."""

import kaldiio
import numpy as np
import pytest
import soundfile
from conftest import assert_one_line_error, step

from emoseq import DataError
from emoseq.features import egemaps
from emoseq.features.egemaps import EgemapsOptions, compute_functionals, extract_egemaps, stack_descriptors
from emoseq.io.datadir import Segment


def test_four_descriptors_make_a_frame_and_the_last_one_goes_on_to_the_end():
    rows = np.arange(6 * 25).reshape(6, 25)
    grid = stack_descriptors(rows, 3, 4)
    assert grid.shape == (3, 100)
    assert grid[0].tolist() == list(range(100))
    assert (grid.reshape(12, 25)[6:] == rows[5]).all()


def test_descriptors_beyond_the_recording_are_cut():
    assert stack_descriptors(np.zeros((9, 25)), 2, 4).shape == (2, 100)


def test_functionals_by_hand():
    """Two frames of eight rows: of 0.16 s around 0.04 s and 0.08 s all eight are there.

    Rows count up in a descriptor of all frames; the voiced ones, of which the first two are not voiced, in another.
    """
    rows = np.zeros((8, 25))
    rows[:, 0] = np.arange(8)
    rows[2:, 10] = 20.0
    rows[:2, 11] = 1000.0
    rows[2:, 11] = [1, 1, 1, 3, 3, 3]
    values = compute_functionals(stack_descriptors(rows, 2, 4), 0.16, frame_shift=0.04)
    assert values.shape == (2, 51)
    assert values[0, [0, 11, 25, 36, 50]] == pytest.approx([3.5, 2.0, np.sqrt(5.25), 1.0, 0.75])


def test_functionals_of_silence_are_numbers():
    assert np.isfinite(compute_functionals(np.zeros((5, 100), dtype=np.float32), 2.0, frame_shift=0.04)).all()


@pytest.mark.parametrize("rate", [8000.0, 0.0, -1.0, np.nan, np.inf, -np.inf, 1e300])
def test_a_rate_without_all_descriptors_is_refused(rate):
    with pytest.raises(ValueError, match=r"^--sample-frequency=.* from 16000 to 192000 is needed$"):
        EgemapsOptions(sample_frequency=rate)


def test_a_missing_opensmile_is_reported_with_the_command_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setattr(egemaps, "is_installed", lambda: False)
    with pytest.raises(DataError, match=r"pip install opensmile`.*licence") as error:
        list(extract_egemaps({"u": Segment("u.wav")}, EgemapsOptions(), "wav.scp", frame_shift=0.04))
    assert "\n" not in str(error.value)


# With openSMILE


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A vowel-like sound of 1.2 s, silent at first, in stereo at 44.1 kHz."""
    times = np.arange(round(1.2 * 44100)) / 44100
    sound = sum(np.sin(2 * np.pi * 150 * k * times) / k for k in range(1, 20)) * 0.1 * (times >= 0.6)
    path = tmp_path_factory.mktemp("audio") / "u.wav"
    soundfile.write(path, np.stack([sound, sound], axis=1), 44100)
    return path


@pytest.fixture(scope="module")
def descriptors(recording):
    pytest.importorskip("opensmile")
    ((utt, matrix),) = extract_egemaps({"u": Segment(str(recording))}, EgemapsOptions(), "wav.scp", frame_shift=0.04)
    assert utt == "u"
    return matrix


def test_a_recording_has_a_frame_of_stacked_descriptors_for_every_rating(descriptors):
    assert descriptors.shape == (30, 100)
    assert descriptors.dtype == np.float32
    assert np.isfinite(descriptors).all()


def test_descriptors_are_where_the_sound_is(descriptors):
    """Loudness begins at 0.6 s, row 60 of 10 ms, give or take a window and its smoothing."""
    loudness = descriptors.reshape(-1, 25)[:, 0]
    assert loudness[:57].max() < 0.01 < loudness[62:110].min()


def test_pitch_is_that_of_the_sound_and_there_is_none_in_silence(descriptors):
    """150 Hz are 29.4 semitones above 27.5 Hz."""
    rows = descriptors.reshape(-1, 25)
    assert np.median(rows[70:110, egemaps.VOICED]) == pytest.approx(12 * np.log2(150 / 27.5), abs=0.2)
    assert not rows[:50, egemaps.VOICED].any()


def test_descriptors_are_named_as_the_columns_are_used():
    opensmile = pytest.importorskip("opensmile")
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
    names = smile.feature_names
    assert len(names) == egemaps.DESCRIPTORS
    assert [name.endswith("nz") for name in names] == [i >= egemaps.VOICED for i in range(len(names))]
    assert names[egemaps.VOICED].startswith("F0")


def test_a_recording_too_short_for_opensmile_is_named(tmp_path):
    pytest.importorskip("opensmile")
    soundfile.write(tmp_path / "s.wav", np.zeros(300), 16000)
    with pytest.raises(DataError, match=r"wav\.scp: u: .*s\.wav is too short"):
        list(extract_egemaps({"u": Segment(str(tmp_path / "s.wav"))}, EgemapsOptions(), "wav.scp", frame_shift=0.04))


@pytest.fixture
def data(recording, tmp_path):
    for name, value in (("wav.scp", recording), ("utt2spk", "s"), ("spk2utt", None)):
        lines = [f"{utt} {value}\n" for utt in ("u1", "u2")] if value else ["s u1 u2\n"]
        (tmp_path / name).write_text("".join(lines))
    (tmp_path / "frame_shift").write_text("0.040\n")
    return tmp_path


def test_the_step_writes_the_same_bytes_in_two_jobs_and_does_nothing_again(data, descriptors):
    archives = []
    for jobs in (1, 2):
        (data / "egemaps.scp").unlink(missing_ok=True)
        done = step("steps/make_egemaps.py", "--nj", jobs, data)
        assert done.returncode == 0, done.stderr
        archives.append((data / "egemaps.ark").read_bytes())
    assert archives[0] == archives[1]
    assert not list(data.glob("split*"))
    for matrix in kaldiio.load_scp(str(data / "egemaps.scp")).values():
        np.testing.assert_array_equal(matrix, descriptors)
    assert step("steps/make_egemaps.py", data).stderr.endswith(": up to date\n")


# In an environment that lacks openSMILE, a module of that name that cannot be found


@pytest.fixture
def without_opensmile(monkeypatch, tmp_path_factory):
    """The environment of a step that cannot find openSMILE."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'opensmile' else find(name, *rest)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")


@pytest.mark.usefixtures("without_opensmile")
def test_the_step_reports_a_missing_opensmile_on_one_line(data):
    done = step("steps/make_egemaps.py", data)
    assert_one_line_error(done, "opensmile is not installed", "pip install opensmile")


@pytest.mark.usefixtures("without_opensmile")
def test_existing_descriptors_are_used_without_opensmile(data):
    (data / "egemaps.scp").write_text("u1 x.ark:0\nu2 x.ark:9\n")
    done = step("steps/make_egemaps.py", data)
    assert done.returncode == 0, done.stderr
    assert "used unchanged" in done.stderr
    assert (data / "egemaps.scp").read_text() == "u1 x.ark:0\nu2 x.ark:9\n"


@pytest.mark.usefixtures("without_opensmile")
def test_descriptors_of_other_recordings_are_refused(data):
    (data / "egemaps.scp").write_text("u1 x.ark:0\n")
    assert_one_line_error(step("steps/make_egemaps.py", data), "egemaps.scp: not the utterances of wav.scp")


@pytest.mark.usefixtures("without_opensmile")
def test_baselines_without_opensmile_are_left_out_and_reported(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dimensions").write_text("arousal\nvalence\n")
    command = ["steps/make_baseline_jobs.py", "--baselines", "brady,valstar", tmp_path / "exp", tmp_path / "data"]
    done = step(*command)
    assert done.returncode == 0
    assert "opensmile is not installed" in done.stderr
    assert "valstar are left out" in done.stderr
    assert " valstar " not in (tmp_path / "exp/baselines.jobs").read_text()
    for name in ("train", "dev", "test"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for file in ("wav.scp", "egemaps.scp"):
            (tmp_path / "data" / name / file).touch()
    assert step(*command).returncode == 0
    assert (tmp_path / "exp/baselines.jobs").read_text().count(" valstar ") == 2


@pytest.mark.usefixtures("without_opensmile")
def test_a_baseline_without_egemaps_does_not_need_opensmile(tmp_path):
    (tmp_path / "dimensions").write_text("arousal\nvalence\n")
    assert step("steps/make_baseline_jobs.py", "--baselines", "brady", tmp_path, tmp_path).returncode == 0
    assert len((tmp_path / "baselines.jobs").read_text().splitlines()) == 2
