"""The three layouts of RECOLA, with files written here in the format of the packages, and the data made from them.

Nothing of the embedded corpus is used: header, separators, decimals and names are spelled out below.
"""

import contextlib
import importlib
import io
import shutil

import arff
import kaldiio
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ROOT, assert_one_line_error, recipe, step

from emoseq import DataError
from emoseq.io.validate import validate

PREPARE = ROOT / "egs/recola/local/prepare_data.py"
HEADER = "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"
DIMENSIONS = ("arousal", "valence")
SECONDS = 2


def ratings_of(number, rows):
    """Six traces at two decimals that differ by recording."""
    course = np.sin(np.arange(rows) / 9 + number)
    raters = [0.1 * rater + 0.2 * (1 + rater % 3) * course for rater in range(6)]
    return np.round(np.stack(raters, axis=1), 2)


def write_ratings(path, ratings, newline="\n"):
    lines = [HEADER, *(";".join(f"{value:.2f}" for value in [0.04 * i, *row]) for i, row in enumerate(ratings))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + newline for line in lines), newline="")


def write_gold(path, values, relation="GOLDSTANDARD", newline="\n"):
    lines = [f"@relation {relation}", "", "@attribute Instance_name string", "@attribute frameTime numeric"]
    lines += ["@attribute GoldStandard numeric", "", "", "@data", ""]
    times = [str(i // 25) if i % 25 == 0 else f"{i / 25:.2f}".rstrip("0") for i in range(len(values))]
    lines += [f"{path.stem},{time},{value:.6g}" for time, value in zip(times, values, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + newline for line in lines), newline="")


def write_audio(path, seconds=SECONDS, rate=8000, channels=1, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.1 * np.sin(np.arange(seconds * rate) * 2 * np.pi * 200 / rate)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate, **options)


def avec_2016(folder, seconds=SECONDS, recordings=2):
    """A package of AVEC 2016 whose gold standard is the plain mean of the raters."""
    for number, stem in enumerate(f"{name}_{i + 1}" for name in ("train", "dev", "test") for i in range(recordings)):
        write_audio(folder / f"recordings_audio/{stem}.wav", seconds)
        for dimension in DIMENSIONS:
            ratings = ratings_of(number + 10 * (dimension == "valence"), 25 * seconds + 1)
            write_ratings(folder / f"ratings_individual/{dimension}/{stem}.csv", ratings)
            write_gold(folder / f"ratings_gold_standard/{dimension}/{stem}.arff", ratings.mean(axis=1))
    return folder


@pytest.fixture
def package(tmp_path):
    return avec_2016(tmp_path / "AVEC 2016")


def remove(folder, pattern):
    paths = list(folder.glob(pattern))
    assert paths
    for path in paths:
        path.unlink()


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """The scripts as modules; a process for each call would take most of the time."""
    for folder in ("egs/recola/local", "steps"):
        monkeypatch.syspath_prepend(ROOT / folder)


def run_script(script, *words):
    """Run a script that succeeds; return its messages on stderr."""
    with contextlib.redirect_stderr(io.StringIO()) as messages:
        assert importlib.import_module(script).main([str(word) for word in words]) == 0
    return messages.getvalue()


def prepare(folder, data, *options):
    return run_script("prepare_data", *options, folder, data)


def with_features(folder, data, *options):
    """Prepare, with the number of frames where features would be made."""
    prepare(folder, data, *options)
    for name in ("train", "dev", "test"):
        utterances = [line.split()[0] for line in (data / name / "utt2dur").read_text().splitlines()]
        (data / name / "utt2num_frames").write_text("".join(f"{utt} {25 * SECONDS}\n" for utt in utterances))
        (data / name / "frame_shift").write_text("0.040\n")
    return data


def made_gold(folder, *options):
    return run_script("make_gold_standard", *options, folder)


def test_recordings_of_any_rate_format_and_number_of_channels_give_the_same_frames(package, tmp_path):
    audio = package / "recordings_audio"
    remove(package, "recordings_audio/*")
    write_audio(audio / "train_1.wav", rate=44100)
    write_audio(audio / "train_2.flac", rate=48000, channels=2)
    write_audio(audio / "dev_1.wav", rate=8000, channels=3, subtype="FLOAT")
    write_audio(audio / "dev_2.FLAC", rate=16000, subtype="PCM_24")
    write_audio(audio / "test_1.wav", rate=22050, format="WAVEX")
    write_audio(audio / "test_2.wav", rate=11025, subtype="PCM_U8")
    prepare(package, tmp_path / "data")
    for name in ("train", "dev", "test"):
        run_script("make_fbank", tmp_path / "data" / name)
        frames = (tmp_path / "data" / name / "utt2num_frames").read_text()
        assert frames == f"{name}_1 {25 * SECONDS}\n{name}_2 {25 * SECONDS}\n"


def test_300_s_are_7501_rows_of_which_the_one_at_0_s_is_dropped(tmp_path):
    package = avec_2016(tmp_path / "package", seconds=300, recordings=1)
    prepare(package, tmp_path / "data")
    ratings = kaldiio.load_scp(str(tmp_path / "data/train/ratings.valence.scp"))["train_1"]
    gold = kaldiio.load_scp(str(tmp_path / "data/train/published.valence.scp"))["train_1"]
    assert ratings.shape == (7500, 6)
    np.testing.assert_allclose(ratings, ratings_of(10, 7501)[1:], atol=1e-7)
    np.testing.assert_allclose(gold, ratings_of(10, 7501)[1:].mean(axis=1), atol=1e-6)


def test_predictions_of_300_s_are_gold_standards_to_other_readers_and_to_ours(tmp_path):
    avec = importlib.import_module("avec")
    series = np.linspace(-0.7, 0.9, 7500, dtype=np.float32)
    path = tmp_path / "test_1.arff"
    path.write_text(avec.format_arff("test_1", series, "arousal"))
    write_gold(tmp_path / "gold" / "test_1.arff", np.r_[series[:1], series])
    ours, theirs = (arff.loads(file.read_text()) for file in (path, tmp_path / "gold" / "test_1.arff"))
    assert ours["attributes"] == theirs["attributes"]
    assert len(ours["data"]) == 7501
    assert [row[:2] for row in ours["data"]] == [row[:2] for row in theirs["data"]]
    assert ours["data"][0][2] == ours["data"][1][2]
    np.testing.assert_allclose(avec.read_gold_standard(path), series, atol=0.5e-6)
    table = pd.read_csv(io.StringIO(avec.format_csv(series)), sep=";")
    np.testing.assert_allclose(table.time, 0.04 * np.arange(7501), atol=1e-9)
    np.testing.assert_allclose(table.prediction[1:], series, atol=0.5e-6)


def test_line_ends_and_relation_names_may_vary(package, tmp_path):
    prepare(package, tmp_path / "data")
    for number, stem in enumerate(("train_1", "train_2")):
        ratings = ratings_of(number, 25 * SECONDS + 1)
        write_ratings(package / f"ratings_individual/arousal/{stem}.csv", ratings, newline="\r\n")
        path = package / f"ratings_gold_standard/arousal/{stem}.arff"
        write_gold(path, ratings.mean(axis=1), relation="GOLDSTANDARD_AROUSAL", newline="\r\n")
    prepare(package, tmp_path / "other")
    for name in ("ratings", "published"):
        files = [tmp_path / data / f"train/{name}.arousal.ark" for data in ("data", "other")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_an_arff_file_of_features_is_no_gold_standard(package, tmp_path):
    path = package / "ratings_gold_standard/arousal/dev_1.arff"
    text = path.read_text().replace("@attribute GoldStandard numeric", "@attribute F0 numeric\n@attribute F1 numeric")
    path.write_text("".join(f"{line},0\n" if line.startswith("dev_1") else f"{line}\n" for line in text.splitlines()))
    assert_one_line_error(step(PREPARE, package, tmp_path / "data"), "dev_1.arff: not a gold standard in ARFF")


def test_a_file_of_all_gold_standards_beside_them_does_not_matter(package, tmp_path):
    folder = package / "ratings_gold_standard/arousal"
    prepare(package, tmp_path / "before")
    shutil.copy(folder / "train_1.arff", folder / "train_all.arff")
    prepare(package, tmp_path / "data")
    name = "train/published.arousal.ark"
    assert (tmp_path / "data" / name).read_bytes() == (tmp_path / "before" / name).read_bytes()


def test_a_test_set_labelled_in_part_is_scored_as_far_as_it_goes(package, tmp_path):
    remove(package, "ratings_*/*/test_1.*")
    remove(package, "ratings_*/valence/test_2.*")
    data = with_features(package, tmp_path / "data")
    assert "test_1" in made_gold(data / "test")
    assert (data / "test/arousal.scp").read_text().startswith("test_2 ")
    assert not (data / "test/valence.scp").exists()
    assert "arousal" in validate(data / "test", features=False).kinds
    for name in ("train", "dev"):
        made_gold(data / name)
    run_script("make_labels", "arousal", data, tmp_path / "labels")
    assert list(kaldiio.load_scp(str(tmp_path / "labels/test.K4.scp"))) == ["test_2"]


def test_raters_are_named_and_dimensions_listed(package, tmp_path):
    remove(package, "ratings_individual/valence/test_*")
    data = tmp_path / "data"
    prepare(package, data)
    assert (data / "dev/raters.arousal").read_text() == "".join(f"dev_{i} FM1 FM2 FM3 FF1 FF2 FF3\n" for i in (1, 2))
    assert not (data / "test/raters.valence").exists()
    assert (data / "dimensions").read_text() == "arousal\nvalence\n"


def test_a_training_set_labelled_in_part_is_one_line(package, tmp_path):
    remove(package, "ratings_gold_standard/valence/train_2.arff")
    assert_one_line_error(step(PREPARE, package, tmp_path / "data"), "train_2.arff does not exist")


def gold_of(data, utterance="train_1", dimension="arousal"):
    return kaldiio.load_scp(str(data / utterance.split("_")[0] / f"{dimension}.scp"))[utterance]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        # The package's own here is the plain mean; AVEC's offset and the EWE lean towards the raters that agree.
        ("auto", lambda ratings: ratings.mean(axis=1)),
        ("published", lambda ratings: ratings.mean(axis=1)),
        ("avec", lambda ratings: (ratings - ratings.mean(axis=0)).mean(axis=1) + offset(ratings)),
        # All traces have the same course, so all correlations are 1 but for rounding to two decimals.
        ("ewe", lambda ratings: ratings.mean(axis=1)),
    ],
)
def test_the_gold_standard_is_the_one_asked_for(package, tmp_path, choice, expected):
    data = with_features(package, tmp_path / "data")
    said = made_gold(data / "train", "--gold-from", choice)
    assert said.count("RMSE") == 2 * (2 if choice == "ewe" else 1)
    ratings = ratings_of(0, 25 * SECONDS + 1)[1:]
    tolerance = 2e-4 if choice == "ewe" else 1e-5
    np.testing.assert_allclose(gold_of(data), expected(ratings), atol=tolerance)


def offset(ratings):
    """AVEC's offset by its definition, with numpy's covariances."""
    covariance, means = np.cov(ratings.T, ddof=0), ratings.mean(axis=0)
    variance = np.diag(covariance)
    ccc = 2 * covariance / (variance[:, None] + variance + (means[:, None] - means) ** 2)
    weights = ccc.sum(axis=1) - 1
    return means @ weights / weights.sum()


def test_the_gold_standard_is_made_anew_when_the_choice_changes_and_only_then(package, tmp_path):
    data = with_features(package, tmp_path / "data")
    made_gold(data / "train")
    published = gold_of(data)
    assert made_gold(data / "train", "--gold-from", "published").count("up to date") == 2
    (tmp_path / "gold.conf").write_text("--gold-from=avec # on request\n")
    made_gold(data / "train", "--config", tmp_path / "gold.conf")
    assert abs(gold_of(data) - published).max() > 0.01
    made_gold(data / "train")
    np.testing.assert_array_equal(gold_of(data), published)


@pytest.mark.parametrize(
    ("lost", "choice", "message"),
    [
        ("ratings_individual/valence/dev_*", "avec", "dev/ratings.valence.scp does not exist"),
        ("ratings_individual/arousal/dev_*", "ewe", "dev/ratings.arousal.scp does not exist"),
        ("ratings_gold_standard/arousal/dev_*", "published", "dev/published.arousal.scp does not exist"),
    ],
)
def test_a_gold_standard_that_cannot_be_made_is_one_line_and_the_old_one_stays(
    package, tmp_path, lost, choice, message
):
    remove(package, lost)
    data = with_features(package, tmp_path / "data")
    made_gold(data / "dev")
    before = {path: path.read_bytes() for path in (data / "dev").iterdir()}
    done = step("steps/make_gold_standard.py", "--gold-from", choice, data / "dev")
    assert_one_line_error(done, message, f"--gold-from={choice}")
    assert {path: path.read_bytes() for path in (data / "dev").iterdir()} == before


def test_a_test_set_without_labels_has_no_gold_standard_whatever_is_asked_for(package, tmp_path):
    remove(package, "ratings_*/*/test_*")
    data = with_features(package, tmp_path / "data")
    assert made_gold(data / "test", "--gold-from", "ewe").count("predicted but not scored") == 2


def test_gold_standards_of_different_length_are_compared_as_far_as_both_go(package, tmp_path):
    path = package / "ratings_gold_standard/arousal/train_1.arff"
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[:-2]))
    data = with_features(package, tmp_path / "data")
    assert "RMSE" in made_gold(data / "train")
    assert len(gold_of(data)) == 25 * SECONDS - 2


@pytest.fixture
def ges(package):
    """As AVEC 2018 gives it out: gold standards by name, and the individual ratings as before."""
    (package / "labels").mkdir()
    (package / "ratings_gold_standard").rename(package / "labels" / "gs_1")
    return package


def test_ratings_beside_the_gold_standards_of_avec_2018_are_read(ges, tmp_path):
    remove(ges, "labels/gs_1/*/test_*")
    remove(ges, "ratings_individual/*/test_*")
    data = with_features(ges, tmp_path / "data")
    assert "RMSE" in made_gold(data / "dev", "--gold-from", "avec")
    assert made_gold(data / "test").count("predicted but not scored") == 2


PUBLIC = "16 17 19 21 22 23 25 26 28 30 34 37 39 41 42 43 45 46 48 56 58 64 65".split()


@pytest.fixture
def distribution(tmp_path):
    """23 participants as RECOLA's own site has them, those of the test set not among them."""
    folder = tmp_path / "RECOLA"
    for number in map(int, PUBLIC):
        write_audio(folder / f"RECOLA-Audio-recordings/P{number}.wav")
        for dimension in DIMENSIONS:
            path = folder / f"RECOLA-Annotation/emotional_behaviour/{dimension}/P{number}.csv"
            write_ratings(path, ratings_of(number, 25 * SECONDS + 1))
    return folder


def test_a_set_without_recordings_is_one_line_that_names_those_left(distribution, tmp_path):
    done = step(PREPARE, "--partition", ROOT / "egs/recola/conf/partition", distribution, tmp_path / "data")
    assert_one_line_error(done, "none of the test recordings", "in no set are: P17 P22 P43 P48 P58")


def test_the_public_participants_are_read_with_a_test_set_of_ones_own(distribution, tmp_path):
    lines = (ROOT / "egs/recola/conf/partition").read_text().splitlines()
    own = [line if not line.startswith("test") else "test P17 P22 P43 P48 P13" for line in lines]
    (tmp_path / "partition").write_text("\n".join(own) + "\n")
    said = prepare(distribution, tmp_path / "data", "--partition", tmp_path / "partition")
    assert f"{tmp_path}/partition names recordings that {distribution} lacks: " in said
    assert "P13" in said
    counts = {name: (tmp_path / "data" / name / "wav.scp").read_text().count("\n") for name in ("train", "dev", "test")}
    assert counts == {"train": 9, "dev": 9, "test": 4}
    ratings = kaldiio.load_scp(str(tmp_path / "data/dev/ratings.arousal.scp"))["P65"]
    np.testing.assert_allclose(ratings, ratings_of(65, 25 * SECONDS + 1)[1:], atol=1e-7)


def test_a_swap_of_two_recordings_between_sets_is_noticed(distribution, tmp_path):
    partition = tmp_path / "partition"
    partition.write_text("train P16\ndev P17\ntest P19\n")
    prepare(distribution, tmp_path / "data", "--partition", partition)
    partition.write_text("train P17\ndev P16\ntest P19\n")
    prepare(distribution, tmp_path / "data", "--partition", partition)
    assert (tmp_path / "data/train/utt2spk").read_text() == "P17 P17\n"
    assert "up to date" in prepare(distribution, tmp_path / "data", "--partition", partition)


def test_the_recipe_of_recola_starts_from_any_folder_through_a_link(distribution, tmp_path):
    (tmp_path / "partition").write_text("train P16\ndev P17\ntest P19\n")
    (tmp_path / "link.sh").symlink_to(ROOT / "egs/recola/run.sh")
    (tmp_path / "elsewhere").mkdir()
    options = ["--layout=recola", "--corpus=../RECOLA", "--partition=../partition", "--data=data", "--exp", "exp"]
    done = recipe(*options, "--stop-stage=0", script="../link.sh", cwd=tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "elsewhere/data/dev/utt2spk").read_text() == "P17 P17\n"
    assert (tmp_path / "elsewhere/exp").is_dir()


def test_options_in_a_file_are_found_from_any_folder(ges, tmp_path):
    shutil.copytree(ges / "labels/gs_1", ges / "labels/gs_2")
    (tmp_path / "my.conf").write_text(f"--corpus={ges}\n--gold-standard=gs_2\n--stop-stage=0\n")
    paths = ["--config", "my.conf", "--data", "data", "--exp", "exp"]
    done = recipe(*paths, script=ROOT / "egs/recola/run.sh", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/dev/published.arousal.scp").exists()


def test_table_1_is_printed_beside_the_published_one(package, tmp_path):
    data = with_features(package, tmp_path / "data")
    for name in ("train", "dev"):
        made_gold(data / name)
    command = ["--num-classes", "4,5", "--published", tmp_path / "table.csv", "valence"]
    (tmp_path / "table.csv").write_text(
        "# the source\ndimension,clusters,ccc,rmse\narousal,5,0.1,0.2\nvalence,4,0.3,0.4\n"
    )
    for _ in range(2):  # the second time the classes are there
        said = run_script("make_labels", *command, data, tmp_path / "labels")
        *_, header, four, five, source = said.splitlines()
        assert header.split() == "clusters ccc rmse published ccc published rmse".split()
        ours = pd.read_csv(tmp_path / "labels/reconstruction.csv")
        assert four.split() == ["4", f"{ours.ccc[0]:.3f}", f"{ours.rmse[0]:.3f}", "0.300", "0.400"]
        assert five.split()[0::3] == ["5", "-"]
        assert source == "published: the source"
    (tmp_path / "table.csv").write_text("dimension,clusters,ccc\nvalence,4,0.3\n")
    with pytest.raises(DataError, match=r"table.csv: not a table with the columns dimension,clusters"):
        run_script("make_labels", *command, data, tmp_path / "labels")


TABLE_2 = """
Valstar et al. (2016)  .796 .648 .455 .375
Povolny et al. (2016)  .832 .682 .489 .349
Brady et al. (2016)  .846 - .450 -
REG-MSE  .835 .652 .268 .238
REG-CCC  .855 .664 .518 .499
CLS-Raw  .858 .682 .563 .448
CLS-Decoded  .859 .680 .596 .460
wav2vec2-FR-2.6K-base  .719 .682 .498 .463
"""  # as printed: arousal dev and test, valence dev and test


def test_the_published_table_2_is_complete():
    expected = {}
    for line in TABLE_2.strip().splitlines():
        system, numbers = line.split("  ")
        columns = [(dimension, name) for dimension in DIMENSIONS for name in ("dev", "test")]
        expected |= {(system, *c): float(n) for c, n in zip(columns, numbers.split(), strict=True) if n != "-"}
    table = pd.read_csv(ROOT / "egs/recola/conf/published/table2.csv", comment="#")
    assert {(row.system, row.dimension, row.set): row.ccc for row in table.itertuples()} == expected


def test_the_published_table_1_has_both_dimensions_at_each_resolution():
    table = pd.read_csv(ROOT / "egs/recola/conf/published/table1.csv", comment="#")
    assert table.groupby("dimension").clusters.apply(list).to_dict() == {key: [4, 6, 8, 10] for key in DIMENSIONS}
    # With k-means RMSE^2 = V (1 - CCC) / (2 - CCC), V the variance: one standard deviation a dimension fits all rows.
    deviation = table.rmse * np.sqrt((2 - table.ccc) / (1 - table.ccc))
    assert deviation.groupby(table.dimension).agg(lambda values: np.ptp(values) / values.mean()).max() < 0.06
