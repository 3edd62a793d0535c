"""MSP-Conversation: data directories from a synthetic package, its faults in one message, and a small run."""

import importlib
import os

import kaldiio
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ROOT, recipe, step
from msp import BEGIN, METADATA, write_corpus, write_trace
from scipy.signal import butter, filtfilt

from emoseq import DataError
from emoseq.io.datadir import fix, read_table
from emoseq.io.validate import validate
from emoseq.labels.resampling import ResamplingOptions

RECIPE = ROOT / "egs/msp_conversation"
PREPARE = RECIPE / "local/prepare_data.py"
FIRST = "MSP-Conversation_0001"
PARTS = "Time_Labels/conversation_parts.txt"


@pytest.fixture
def package(tmp_path):
    """Two conversations of train, one of dev, one of test; two parts of 6 s each, three raters."""
    return write_corpus(tmp_path / "MSP", ["Train", "Train", "Validation", "Test"], seconds=6)


@pytest.fixture
def load(monkeypatch, package):
    """Reads the package with the recipe's settings."""
    monkeypatch.syspath_prepend(RECIPE / "local")
    module = importlib.import_module("conversations")

    def read(method="median", raters=("001",)):
        return module.load_corpus(package, ResamplingOptions(method, 0.5, raters), 0.04)

    return read


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def prepare(package, *options):
    return step(PREPARE, "--conf", RECIPE / "conf", *options, package, package.parent / "data")


def take_medians(path, seconds, low_pass):
    """Ratings of a file at 25 Hz by pandas and scipy alone."""
    trace = pd.read_csv(path, skiprows=len(METADATA), names=["time", "value"])
    ends = (np.arange(round(25 * seconds)) + 1) / 25
    windows = [trace.value[(trace.time >= end - 0.25 - 1e-6) & (trace.time <= end + 0.25 + 1e-6)] for end in ends]
    series = np.array([window.median() for window in windows]) / 100
    return filtfilt(*butter(3, 0.25 / 12.5), series) if low_pass else series


def test_data_directories_of_the_package(package):
    done = prepare(package)
    assert done.returncode == 0, done.stderr
    data = package.parent / "data"
    assert (data / "dimensions").read_text() == "arousal\nvalence\ndominance\n"
    assert f"{data}/train: 4 parts of 2 conversations, 0.4 min; arousal: 3 raters of 4 parts;" in done.stderr
    train = data / "train"
    assert (train / "wav.scp").read_text() == "".join(
        f"MSP-Conversation_{n:04d} {package}/Audios/MSP-Conversation_{n:04d}.wav\n" for n in (1, 2)
    )
    assert (train / "segments").read_text().splitlines()[:2] == [
        f"{FIRST}_1 {FIRST} 0.000 6.000",
        f"{FIRST}_2 {FIRST} 7.000 13.000",
    ]
    assert (train / "spk2utt").read_text().splitlines()[0] == f"{FIRST} {FIRST}_1 {FIRST}_2"
    assert (train / "utt2dur").read_text().splitlines()[0] == f"{FIRST}_1 6.00"
    assert read_table(train / "raters.valence")[f"{FIRST}_2"] == "001 002 003"
    for name, part in (("train", 1), ("test", 4)):
        ratings = kaldiio.load_scp(str(data / name / "ratings.valence.scp"))[f"MSP-Conversation_{part:04d}_2"]
        expected = [
            take_medians(package / f"Annotations/Valence/MSP-Conversation_{part:04d}_2_{rater}.csv", 6, rater == "001")
            for rater in ("001", "002", "003")
        ]
        np.testing.assert_allclose(ratings, np.stack(expected, axis=1), atol=1e-6)
    for name in ("train", "dev", "test"):
        validate(data / name, features=False)
    assert fix(train) == (4, 4)
    assert not (train / ".backup").exists()
    assert "up to date" in prepare(package).stderr


def test_a_rating_lies_where_it_was_heard(package, load):
    """Times count from the part: a step 2 s after the second part begins is that far into the part's ratings."""
    path = package / f"Annotations/Arousal/{FIRST}_2_002.csv"
    times = np.arange(1, 360) / 60
    write_trace(path, times, np.where(times < 2, -50, 50))
    values = load(raters=()).ratings["arousal"][f"{FIRST}_2"].values[:, 1]
    assert np.flatnonzero(np.diff(values) > 0.9).tolist() == [48]  # between the frames that end at 1.96 and 2.00 s


def test_the_audio_begins_with_the_first_part_where_no_list_says_otherwise(package, load):
    edit(package / "Time_Labels/conversations.txt", f"{FIRST};{BEGIN:.2f}", f"{FIRST};{BEGIN - 0.5:.2f}")
    shifted = load().sets["train"][f"{FIRST}_2"]
    (package / "Time_Labels/conversations.txt").unlink()
    plain = load().sets["train"][f"{FIRST}_2"]
    assert (shifted.start, shifted.end) == (7.5, 13.0)  # half a second is cut at the end of the audio
    assert (plain.start, plain.end) == (7.0, 13.0)


def test_the_folder_of_audio_has_either_name(package, load):
    (package / "Audios").rename(package / "Audio")
    assert load().sets["dev"]["MSP-Conversation_0003_1"].audio == package / "Audio/MSP-Conversation_0003.wav"


def test_raters_may_differ_between_parts(package, load):
    (package / f"Annotations/Arousal/{FIRST}_1_002.csv").unlink()
    corpus = load()
    assert corpus.ratings["arousal"][f"{FIRST}_1"].raters == ("001", "003")
    assert corpus.ratings["valence"][f"{FIRST}_1"].raters == ("001", "002", "003")


def test_parts_without_ratings_are_predicted_in_test_and_left_out_elsewhere(package, load):
    for pattern in (f"Arousal/{FIRST}_1_*", "Valence/MSP-Conversation_0004_*"):
        for path in package.glob(f"Annotations/{pattern}"):
            path.unlink()
    corpus = load()
    assert f"{FIRST}_1: no ratings of arousal, which train needs; left out" in corpus.notes
    assert "MSP-Conversation_0004_2: no ratings of valence; predicted but not scored" in corpus.notes
    assert sorted(corpus.sets["train"]) == [f"{FIRST}_2", "MSP-Conversation_0002_1", "MSP-Conversation_0002_2"]
    assert sorted(corpus.sets["test"]) == ["MSP-Conversation_0004_1", "MSP-Conversation_0004_2"]
    assert corpus.ratings["valence"].keys().isdisjoint(corpus.sets["test"])


def test_what_is_not_used_is_noted(package, load):
    with open(package / "partitions.txt", "a") as stream:
        stream.write("MSP-Conversation_0009;Train\n")
    notes = load(raters=("001", "01")).notes
    assert f"{PARTS} has no part of 1 conversation: MSP-Conversation_0009; left out" in notes
    assert "--low-pass-raters names 01, who has rated nothing" in notes


def test_a_cutoff_beyond_the_label_rate_is_one_line(package):
    done = prepare(package, "--low-pass=20")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--low-pass=20: it must be above 0 and below 12.5 Hz, half the label rate" in done.stderr


# Faults


def missing_audio(package):
    (package / f"Audios/{FIRST}.wav").unlink()
    return f"{PARTS}:1: {FIRST}_1: Audios/{FIRST}.wav does not exist; copy it from the package"


def damaged_audio(package):
    (package / f"Audios/{FIRST}.wav").write_text("")
    return f"Audios/{FIRST}.wav is not an audio file"


def short_audio(package):
    samples, rate = soundfile.read(package / f"Audios/{FIRST}.wav")
    soundfile.write(package / f"Audios/{FIRST}.wav", samples[: 12 * rate], rate)
    return f"{PARTS}:2: {FIRST}_2 ends 13 s after the beginning of its conversation, whose audio lasts 12.00 s"


def part_before_conversation(package):
    edit(package / "Time_Labels/conversations.txt", f"{FIRST};{BEGIN:.2f}", f"{FIRST};{BEGIN + 2:.2f}")
    return f"{PARTS}:1: {FIRST}_1 begins at 100 s, before its conversation, which begins at 102 s"


def unknown_conversation(package):
    edit(package / "partitions.txt", f"{FIRST};Train\n", "")
    return f"{PARTS}:1: {FIRST}_1: {FIRST} is not in partitions.txt; add it there or remove its parts"


def unknown_partition(package):
    edit(package / "partitions.txt", f"{FIRST};Train", f"{FIRST};Dev")
    return f"partitions.txt:1: {FIRST}: the partition is 'Dev'; write Train, Validation or Test"


def conversation_twice(package):
    edit(package / "partitions.txt", "MSP-Conversation_0002", FIRST)
    return f"partitions.txt:2: {FIRST} is listed twice; keep one line"


def strange_conversation(package):
    edit(package / "partitions.txt", f"{FIRST};", "Talk_1;")
    return "partitions.txt:1: 'Talk_1' is not a conversation; MSP-Conversation_ and four digits are expected"


def malformed_line(package):
    edit(package / PARTS, f"{FIRST}_1;100.00;", f"{FIRST}_1;100.00,")
    return f"{PARTS}:1: '{FIRST}_1;100.00,106.00' is not part;start;end; correct the line"


def malformed_time(package):
    edit(package / PARTS, f"{FIRST}_1;100.00;", f"{FIRST}_1;1:40;")
    return f"{PARTS}:1: {FIRST}_1: start '1:40' and end '106.00': two times in seconds, start before end, are expected"


def part_twice(package):
    edit(package / PARTS, f"{FIRST}_2;", f"{FIRST}_1;")
    return f"{PARTS}:2: {FIRST}_1 is listed twice; keep one line"


def strange_part(package):
    edit(package / PARTS, f"{FIRST}_2;", f"{FIRST};")
    return f"{PARTS}:2: '{FIRST}' is not a part; a conversation, '_' and a number are expected"


def ratings_of_an_unknown_part(package):
    os.rename(package / f"Annotations/Arousal/{FIRST}_1_001.csv", package / f"Annotations/Arousal/{FIRST}_7_001.csv")
    return f"Annotations/Arousal/{FIRST}_7_001.csv: there is no part {FIRST}_7 in {PARTS}"


def strange_rating_file(package):
    (package / "Annotations/Arousal/notes.csv").write_text("")
    return "Annotations/Arousal/notes.csv: the name is not <part>_<rater>.csv; rename or remove the file"


def missing_dimension(package):
    (package / "Annotations/Valence").rename(package / "Annotations/valence.old")
    return "Annotations/Valence does not exist; copy it from the package"


def time_going_back(package):
    write_trace(package / f"Annotations/Arousal/{FIRST}_1_001.csv", [1, 3, 2], [0, 0, 0])
    return f"Annotations/Arousal/{FIRST}_1_001.csv:12: the time goes back (2 s after 3 s)"


def beyond_the_scale(package):
    write_trace(package / f"Annotations/Arousal/{FIRST}_1_001.csv", [1, 2, 3], [0, 120, 0])
    return f"Annotations/Arousal/{FIRST}_1_001.csv:11: the rating 120 is outside the scale from -100 to 100; correct it"


def no_overlap(package):
    write_trace(package / f"Annotations/Arousal/{FIRST}_1_001.csv", [100, 101, 102], [0, 0, 0])
    return f"{FIRST}_1_001.csv: the ratings of 001 lie from 100 to 102 s, but {FIRST}_1 lasts 6.00 s"


def unrated_train(package):
    for path in package.glob("Annotations/Arousal/MSP-Conversation_000[12]_*"):
        path.unlink()
    return "partitions.txt: no part of Train has all ratings; train and dev need one each"


def missing_lists(package):
    (package / PARTS).unlink()
    return f"{PARTS} does not exist; copy it from the package"


@pytest.mark.parametrize(
    "damage",
    [
        missing_audio,
        damaged_audio,
        short_audio,
        part_before_conversation,
        unknown_conversation,
        unknown_partition,
        conversation_twice,
        strange_conversation,
        malformed_line,
        malformed_time,
        part_twice,
        strange_part,
        ratings_of_an_unknown_part,
        strange_rating_file,
        missing_dimension,
        time_going_back,
        beyond_the_scale,
        no_overlap,
        unrated_train,
        missing_lists,
    ],
)
def test_faults(package, load, damage):
    part = damage(package)
    with pytest.raises(DataError) as error:
        load()
    assert part in str(error.value)


def test_all_faults_come_in_one_message(package):
    damages = (short_audio, time_going_back, missing_dimension, strange_rating_file)
    expected = [damage(package) for damage in damages]
    edit(package / "partitions.txt", "Validation", "Dev")
    done = prepare(package)
    assert done.returncode == 1
    heading, *faults = [line.strip() for line in done.stderr.splitlines()]
    assert heading.endswith(f"{package}: {len(faults)} faults:")
    assert "Traceback" not in done.stderr
    for part in [*expected, "partitions.txt:3: MSP-Conversation_0003: the partition is 'Dev'"]:
        assert [fault for fault in faults if part in fault], (part, faults)
    assert not (package.parent / "data").exists()


# run.sh


def test_a_small_corpus_runs_to_the_end(tmp_path):
    """With all dimensions to the features, and to save time with one of them from there on."""
    package = write_corpus(tmp_path / "MSP", ["Train", "Validation", "Test"], seconds=10)
    for path in package.glob("Annotations/*/MSP-Conversation_0003_2_*"):
        path.unlink()
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "fbank.conf").write_text("--stack=10\n")
    (conf / "model.conf").write_text("--hidden-size=4\n")
    (conf / "labels.conf").write_text("--num-classes=3\n")
    (conf / "score.conf").write_text("--bootstrap-samples=50\n")
    (conf / "decode.conf").write_text("--lm-weights=0,4\n")
    settings = "--systems=cls\n--layers=1\n--seeds=1\n--first-stage-epochs=1\n--max-epochs=1\n"
    (conf / "train.conf").write_text(settings)
    paths = ["--corpus", package, "--conf", conf, "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    done = recipe(*paths, "--stop-stage", 1, script=RECIPE / "run.sh", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "data/dimensions").write_text("dominance\n")
    done = recipe(*paths, "--stage", 2, script=RECIPE / "run.sh", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(tmp_path / "exp/results.csv")
    assert set(table.dimension) == {"dominance"}
    assert set(table[table["set"] == "test"].utterances) == {1}
    curve = tmp_path / "exp/dominance/predict_test/csv/CLS-Decoded/MSP-Conversation_0003_2.csv"
    assert curve.read_text().startswith("time,value\n0.1,")
    assert len(curve.read_text().splitlines()) == 1 + 100
    assert (tmp_path / "exp/conf/traces.conf").read_text().count("--low-pass-raters=001,007,009") == 1
    assert (tmp_path / "exp/report/figure3.png").exists()
