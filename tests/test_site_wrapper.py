"""run.sh with a wrapper that is not ours, named by --cmd or in cmd.sh."""

import pytest
from conftest import assert_one_line_error, recipe, small_recipe
from test_run import copied, results_of

WRAPPER = "tests/site_wrapper.sh --mem 2G"


@pytest.fixture
def paths(tmp_path):
    return ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp"]


def test_a_sites_own_wrapper_gives_the_same_results(small_run, tmp_path):
    """Features, a model and posteriors of two classifiers are made by its jobs."""
    copied(small_run, tmp_path)
    lost = [tmp_path / "data/train/feats.ark", tmp_path / "exp/valence/cls_l1_r0_s1/final.pt"]
    for path in [*lost, *tmp_path.glob("exp/*/cls_*_s1/posteriors_*.ark")]:
        path.unlink()
    run = small_recipe(tmp_path, "--stage", 1, "--stop-stage", 7, "--cmd", WRAPPER, nj=2)
    assert "8 models, 7 of them up to date" in run.output
    assert results_of(run.exp) == results_of(small_run.exp)
    for name in ("train", "dev"):
        assert (run.data / name / "feats.ark").read_bytes() == (small_run.data / name / "feats.ark").read_bytes()
    assert (run.data / "train/log/make_fbank.2.log").read_text().startswith("# ")


def test_a_job_that_fails_ends_the_run_with_the_wrappers_own_words(small_run, tmp_path, paths):
    copied(small_run, tmp_path)
    (tmp_path / "exp/valence/labels/train.K4.ark").unlink()
    for model in tmp_path.glob("exp/valence/cls_*/final.pt"):
        model.unlink()
    done = recipe(*paths, "--stage", 4, "--stop-stage", 4, "--cmd", WRAPPER)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == f"site_wrapper.sh: 2 failed, log is in {tmp_path}/exp/log/train.*.log"
    assert "labels/train.K4.scp" in (tmp_path / "exp/log/train.3.log").read_text()


def test_a_wrapper_that_is_not_there_is_said_before_any_work_is_done(tmp_path, paths):
    done = recipe(*paths, "--cmd", "utils/nowhere.pl --mem 2G")
    assert_one_line_error(done, "utils/nowhere.pl", "not a program", "--cmd", "cmd.sh")
    assert list(tmp_path.glob("data/*")) == []
