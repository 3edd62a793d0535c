"""Preparation of RECOLA's packages: the data directories, and a one-line error for each kind of damage."""

import re
import shutil

import kaldiio
import numpy as np
import pytest
import soundfile
from conftest import ROOT, assert_one_line_error, step

PREPARE = ROOT / "egs/recola/local/prepare_data.py"


@pytest.fixture
def corpus(small_run, tmp_path):
    return shutil.copytree(small_run.data / "corpus", tmp_path / "corpus")


def prepare(corpus, tmp_path):
    return step(PREPARE, corpus, tmp_path / "data")


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_rows_after_time_zero_are_kept(corpus, tmp_path):
    assert prepare(corpus, tmp_path).returncode == 0
    ratings = kaldiio.load_scp(str(tmp_path / "data/train/ratings.arousal.scp"))["train_1"]
    lines = (corpus / "ratings_individual/arousal/train_1.csv").read_text().splitlines()
    assert ratings.shape == (250, 6)
    assert ratings[0].tolist() == pytest.approx([float(value) for value in lines[2].split(";")[1:]])
    gold = kaldiio.load_scp(str(tmp_path / "data/dev/published.valence.scp"))["dev_2"]
    rows = (corpus / "ratings_gold_standard/valence/dev_2.arff").read_text().splitlines()
    assert gold[-1] == pytest.approx(float(rows[-1].split(",")[2]))
    assert len(gold) == 250


def test_tables_are_kaldis(corpus, tmp_path):
    prepare(corpus, tmp_path)
    train = tmp_path / "data/train"
    assert (train / "utt2spk").read_text() == "train_1 train_1\ntrain_2 train_2\n"
    assert (train / "utt2dur").read_text() == "train_1 10.00\ntrain_2 10.00\n"
    assert (train / "wav.scp").read_text().startswith(f"train_1 {corpus}/recordings_audio/train_1.wav\n")


def test_a_rating_file_may_have_other_relation_names_and_line_ends(corpus, tmp_path):
    path = corpus / "ratings_gold_standard/arousal/dev_1.arff"
    edit(path, "GOLDSTANDARD", "GOLDSTANDARD_AROUSAL")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    csv = corpus / "ratings_individual/arousal/dev_1.csv"
    csv.write_bytes(csv.read_bytes().replace(b"\n", b"\r\n"))
    done = prepare(corpus, tmp_path)
    assert done.returncode == 0, done.stderr


def no_wav(corpus):
    (corpus / "recordings_audio/dev_2.wav").unlink()
    return "dev_2.wav does not exist"


def empty_wav(corpus):
    (corpus / "recordings_audio/dev_2.wav").write_bytes(b"")
    return "dev_2.wav is not an audio file (0 bytes)"


def wav_without_samples(corpus):
    soundfile.write(corpus / "recordings_audio/dev_2.wav", np.zeros(0), 16000)
    return "dev_2.wav holds no samples"


def missing_rater(corpus):
    path = corpus / "ratings_individual/valence/train_1.csv"
    path.write_text("".join(line.rpartition(";")[0] + "\n" for line in path.read_text().splitlines()))
    return "train_1.csv: the header names 5 raters"


def nan_rating(corpus):
    path = corpus / "ratings_individual/valence/train_1.csv"
    lines = path.read_text().splitlines()
    lines[5] = lines[5].rpartition(";")[0] + ";nan"
    path.write_text("\n".join(lines) + "\n")
    return "train_1.csv:6: no number under FF3"


def nan_gold(corpus):
    edit(corpus / "ratings_gold_standard/arousal/dev_1.arff", "dev_1,0.08,", "dev_1,0.08,?%")
    return "dev_1.arff"


def short_ratings(corpus):
    path = corpus / "ratings_individual/arousal/test_1.csv"
    path.write_text("".join(line + "\n" for line in path.read_text().splitlines()[:-20]))
    return "test_1.csv: 230 rows after time 0"


def gap_in_ratings(corpus):
    path = corpus / "ratings_individual/arousal/test_1.csv"
    lines = path.read_text().splitlines()
    del lines[100]
    path.write_text("\n".join(lines) + "\n")
    return "rows must follow each other"


def missing_rating_file(corpus):
    (corpus / "ratings_individual/arousal/train_2.csv").unlink()
    return "train_2.csv does not exist"


def clashing_ids(corpus):
    audio = corpus / "recordings_audio"
    samples, rate = soundfile.read(audio / "train_1.wav")
    soundfile.write(audio / "train_1.flac", samples, rate)
    return "train_1 is also the id of"


def gold_of_another_recording(corpus):
    folder = corpus / "ratings_gold_standard/arousal"
    shutil.copy(folder / "dev_1.arff", folder / "dev_2.arff")
    return "is about dev_1, not dev_2"


def no_test_recordings(corpus):
    for path in (corpus / "recordings_audio").glob("test_*"):
        path.unlink()
    return "holds no test_*.wav"


DAMAGE = [
    no_wav, empty_wav, wav_without_samples, missing_rater, nan_rating, nan_gold, short_ratings, gap_in_ratings,
    missing_rating_file, clashing_ids, gold_of_another_recording, no_test_recordings,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_is_one_line_and_leaves_earlier_results(damage, corpus, tmp_path):
    assert prepare(corpus, tmp_path).returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    message = damage(corpus)
    assert_one_line_error(prepare(corpus, tmp_path), "prepare_data.py: ", message)
    assert {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()} == before


def test_a_folder_in_another_layout_is_refused(tmp_path):
    assert_one_line_error(prepare(tmp_path, tmp_path), "recordings_audio does not exist")


@pytest.fixture
def ges(corpus, tmp_path):
    """The same corpus as AVEC 2018 gives it out: gold standards only, by name."""
    folder = tmp_path / "ges"
    (folder / "labels").mkdir(parents=True)
    shutil.move(corpus / "recordings_audio", folder / "recordings_audio")
    shutil.move(corpus / "ratings_gold_standard", folder / "labels" / "gs_1")
    return folder


def test_the_only_gold_standard_of_avec_2018_is_taken(ges, tmp_path):
    done = step(PREPARE, ges, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert len(kaldiio.load_scp(str(tmp_path / "data/dev/published.valence.scp"))) == 2
    assert not (tmp_path / "data/dev/ratings.valence.scp").exists()


def test_one_of_several_gold_standards_is_chosen(ges, tmp_path):
    shutil.copytree(ges / "labels" / "gs_1", ges / "labels" / "gs_2")
    labels = ges / "labels/gs_2/arousal/dev_1.arff"
    labels.write_text(re.sub(r"dev_1,0\.04,\S+", "dev_1,0.04,9.5", labels.read_text()))
    assert_one_line_error(step(PREPARE, ges, tmp_path / "data"), "choose with --gold-standard: gs_1, gs_2")
    assert_one_line_error(step(PREPARE, "--gold-standard", "x", ges, tmp_path / "data"), "--gold-standard x: ")
    done = step(PREPARE, "--gold-standard", "gs_2", ges, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert abs(kaldiio.load_scp(str(tmp_path / "data/dev/published.arousal.scp"))["dev_1"][0]) >= 9


@pytest.fixture
def distribution(corpus, tmp_path):
    """The same corpus as its authors give it out, P1 to P6, with the header as it is written there."""
    folder = tmp_path / "recola"
    audio, annotation = folder / "RECOLA-Audio-recordings", folder / "RECOLA-Annotation" / "emotional_behaviour"
    audio.mkdir(parents=True)
    stems = [f"{name}_{i}" for name in ("train", "dev", "test") for i in (1, 2)]
    for i, stem in enumerate(stems, 1):
        shutil.copy(corpus / "recordings_audio" / f"{stem}.wav", audio / f"P{i}.wav")
        for dimension in ("arousal", "valence"):
            (annotation / dimension).mkdir(parents=True, exist_ok=True)
            text = (corpus / "ratings_individual" / dimension / f"{stem}.csv").read_text()
            header, _, rows = text.partition("\n")
            names = [name.strip() for name in header.split(";")]
            spelled = ";".join([names[0], *(f"{name} " for name in names[1:-1]), names[-1]])
            (annotation / dimension / f"P{i}.csv").write_text(f"{spelled}\n{rows}")
    (tmp_path / "partition").write_text("# whose?\ntrain P1 P2\ndev P3\ndev P4 P99 # not in this copy\ntest P5 P6\n")
    return folder


def test_the_distribution_is_read_with_a_partition(distribution, tmp_path):
    done = step(PREPARE, "--partition", tmp_path / "partition", distribution, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/dev/utt2spk").read_text() == "P3 P3\nP4 P4\n"
    assert kaldiio.load_scp(str(tmp_path / "data/test/ratings.arousal.scp"))["P6"].shape == (250, 6)
    assert not (tmp_path / "data/test/published.arousal.scp").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train P1\ndev P1\ntest P2\n", "partition:2: P1 is repeated"),
        ("train P1\ndev P2\n", "names no test recordings"),
        ("training P1\n", "partition:1: not a line"),
        ("train\n", "partition:1: not a line"),
        ("train P77\ndev P2\ntest P3\n", "none of the train recordings"),
    ],
)
def test_a_partition_that_cannot_be_is_one_line(distribution, tmp_path, text, message):
    (tmp_path / "partition").write_text(text)
    done = step(PREPARE, "--partition", tmp_path / "partition", distribution, tmp_path / "data")
    assert_one_line_error(done, message)


def test_a_partition_for_another_layout_is_refused(corpus, tmp_path):
    done = step(PREPARE, "--partition", tmp_path / "p", corpus, tmp_path / "data")
    assert_one_line_error(done, "--partition", "layout avec2016")


def test_gold_standards_of_two_kinds_are_pointed_out(corpus, tmp_path):
    for path in (corpus / "ratings_gold_standard/valence").glob("dev_*"):
        path.unlink()
    done = step(PREPARE, corpus, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "only train has a gold standard of valence" in done.stderr
    assert "of arousal;" not in done.stderr


def test_the_distribution_without_a_partition_is_one_line(distribution, tmp_path):
    assert_one_line_error(step(PREPARE, distribution, tmp_path / "data"), "--partition FILE")


def test_the_partition_that_comes_with_the_recipe_names_27_recordings():
    lines = [line.split() for line in (ROOT / "egs/recola/conf/partition").read_text().splitlines() if line[0] != "#"]
    assert [(name, len(set(ids))) for name, *ids in lines] == [("train", 9), ("dev", 9), ("test", 9)]
    assert len({utt for _, *ids in lines for utt in ids}) == 27


@pytest.mark.parametrize("system", ["CLS-Raw", "CLS-Decoded", "REG-CCC-Median"])
def test_predictions_are_written_as_avec_has_its_gold_standards(small_run, tmp_path, system):
    """And are read as such: the row at 0 s repeats the first value and is left out."""
    folder = small_run.exp / "arousal/predict_test"
    series = kaldiio.load_scp(str(folder / f"{system}.scp"))["test_2"]
    rows = (folder / "avec" / system / "test_2.arff").read_text().splitlines()
    data = [row.split(",") for row in rows[rows.index("@data") + 1 :]]
    assert [row[:2] for row in data[:2]] == [["test_2", "0"], ["test_2", "0.04"]]
    assert data[0][2] == data[1][2]
    assert len(data) == len(series) + 1
    np.testing.assert_allclose([float(row[2]) for row in data[1:]], series, atol=1e-6)
    table = [line.split(";") for line in (folder / "avec" / system / "test_2.csv").read_text().splitlines()]
    assert table[0] == ["time", "prediction"]
    assert [[float(value) for value in row[1:]] for row in data] == [[float(v) for v in row] for row in table[1:]]
