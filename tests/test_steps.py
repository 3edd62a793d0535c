"""The steps as people call them by hand, on what a small run of the recipe left."""

import re

import kaldiio
import numpy as np
import pytest
from conftest import ROOT, assert_one_line_error, decoded, step


def test_labels_become_cluster_means_and_are_scored(model, small_run, tmp_path):
    decoded(model, "K4", labels=f"ark:{tmp_path}/labels.ark")
    centers = model.parent / "labels" / "centers"
    series = f"ark,scp:{tmp_path}/s.ark,{tmp_path}/s.scp"
    assert step("steps/reconstruct.py", centers, "K4", f"ark:{tmp_path}/labels.ark", series).returncode == 0
    values = {value for array in kaldiio.load_scp(f"{tmp_path}/s.scp").values() for value in array.tolist()}
    means = np.array(centers.read_text().split("K6")[0].split()[2:-1], dtype=np.float32)
    assert values <= set(means.tolist())
    done = step("steps/score.py", f"scp:{small_run.data}/test/arousal.scp", f"scp:{tmp_path}/s.scp")
    pattern = r"CCC (-?\d\.\d{4}) RMSE \d\.\d{4} over 500 frames, 2 utterances\n"
    ccc = float(re.fullmatch(pattern, done.stdout)[1])
    gold = np.concatenate(list(kaldiio.load_scp(f"{small_run.data}/test/arousal.scp").values()))
    rebuilt = np.concatenate(list(kaldiio.load_scp(f"{tmp_path}/s.scp").values()))
    spread = gold.var() + rebuilt.var() + (gold.mean() - rebuilt.mean()) ** 2
    assert ccc == pytest.approx(2 * np.cov(gold, rebuilt, ddof=0)[0, 1] / spread, abs=1e-4)


def test_prediction_from_audio_is_that_of_the_recipe(model, small_run, tmp_path):
    folders = [model, model.with_name("cls_l1_r0_s2")]
    done = step("steps/predict.py", *folders, small_run.data / "test/wav.scp", f"ark:{tmp_path}/p.ark")
    assert done.returncode == 0, done.stderr
    expected = kaldiio.load_scp(str(model.parent / "predict_test/CLS-Raw.scp"))
    for utt, series in kaldiio.load_ark(f"{tmp_path}/p.ark"):
        np.testing.assert_array_equal(series, expected[utt])


def test_train_lm_writes_what_the_recipe_has(model, tmp_path):
    regions = model.parent / "lm" / "K4.regions"
    done = step("steps/train_lm.py", "--order", 2, "--num-classes", 4, regions, tmp_path / "x.arpa")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.arpa").read_bytes() == regions.with_name("K4.2gram.arpa").read_bytes()


def test_train_lm_names_a_region_that_cannot_be(model, tmp_path):
    regions = model.parent / "lm" / "K10.regions"
    done = step("steps/train_lm.py", "--order", 2, "--num-classes", 4, regions, tmp_path / "x.arpa")
    assert_one_line_error(done, "K10.regions", "is not one of r0 to r3")


@pytest.fixture
def recordings(small_run, tmp_path):
    """A data directory of two recordings that has no features yet."""
    folder = tmp_path / "data"
    folder.mkdir()
    audio = sorted((small_run.data / "corpus/recordings_audio").glob("dev_*.wav"))
    (folder / "wav.scp").write_text("".join(f"{path.stem} {path}\n" for path in audio))
    for name in ("utt2spk", "spk2utt"):
        (folder / name).write_text("".join(f"{path.stem} {path.stem}\n" for path in audio))
    return folder


def test_features_are_the_same_in_two_jobs(recordings, small_run):
    done = step(ROOT / "steps/make_fbank.py", "--nj", 2, recordings)
    assert done.returncode == 0, done.stderr
    assert (recordings / "feats.ark").read_bytes() == (small_run.data / "dev/feats.ark").read_bytes()
    assert not list(recordings.glob("split*"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_empty_recording_is_one_line_however_many_jobs(recordings, tmp_path, jobs):
    (tmp_path / "empty.wav").touch()
    (recordings / "wav.scp").write_text(f"dev_1 {tmp_path}/empty.wav\ndev_2 {tmp_path}/empty.wav\n")
    done = step("steps/make_fbank.py", "--nj", jobs, recordings)
    assert_one_line_error(done, "wav.scp: dev_1", "empty.wav is not an audio file (0 bytes)")


def test_discretisations_are_compared(small_run, tmp_path):
    done = step("steps/compare_discretisations.py", "arousal", small_run.data, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out" / "discretisation.csv").read_text().splitlines()
    assert lines[0] == "technique,clusters,ccc,rmse,entropy,smallest,largest"
    assert len(lines) == 1 + 4 * 4
    assert (tmp_path / "out" / "discretisation.png").read_bytes().startswith(b"\x89PNG")
