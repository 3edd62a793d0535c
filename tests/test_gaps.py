"""Frames that nobody has rated play no part in losses, statistics, tuning and scores."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, recipe
from own_corpus import Row, write_conf, write_corpus
from series import direct_ccc

from emoseq.baselines.chain import Chain, tune_chain
from emoseq.baselines.regression import Linear, align_to_delay, score_on_dev
from emoseq.labels.kmeans import UNRATED, pool_ratings, quantise, reconstruct, split_at_gaps
from emoseq.lm.regions import collapse, estimate_hazards, estimate_transitions, name_stretch
from emoseq.metrics import align_series, ccc_and_rmse, pair_series
from emoseq.model.blstm import Blstm
from emoseq.model.experiment import ModelOptions
from emoseq.model.schedule import TrainOptions
from emoseq.model.training import make_examples, train
from emoseq.report.measures import count_transitions_per_minute

NAN = np.nan


def test_scores_are_those_of_the_rated_frames():
    random = np.random.default_rng(0)
    gold, series = random.normal(size=(2, 50))
    holes = gold.copy()
    holes[[0, 7, 8, 49]] = NAN
    rated = np.isfinite(holes)
    ccc, rmse = ccc_and_rmse({"a": series}, {"a": holes})
    assert ccc == pytest.approx(direct_ccc(series[rated], gold[rated]), abs=1e-12)
    assert rmse == pytest.approx(np.sqrt(np.mean((series[rated] - gold[rated]) ** 2)), abs=1e-12)


def test_an_utterance_that_nobody_has_rated_is_left_out():
    gold = {"a": np.full(3, NAN), "b": np.array([1.0, NAN, 2.0])}
    predicted, true = pair_series({"a": np.zeros(3), "b": np.arange(3.0)}, gold)
    assert [values.tolist() for values in predicted] == [[0.0, 2.0]]
    assert [values.tolist() for values in true] == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="no frame has a gold standard"):
        pair_series({"a": np.zeros(3)}, {"a": np.full(3, NAN)})


def test_alignment_keeps_the_gaps():
    predicted, true = align_series({"a": np.arange(4.0)}, {"a": np.array([NAN, 1.0, NAN])})
    assert predicted[0].tolist() == [0.0, 1.0, 2.0]
    np.testing.assert_array_equal(true[0], [NAN, 1.0, NAN])


def test_classes_of_unrated_frames_come_back_as_gaps():
    series = np.array([0.1, NAN, 0.9], dtype=np.float32)
    labels = quantise(series, [0.0, 1.0])
    assert labels.tolist() == [0, UNRATED, 1]
    np.testing.assert_array_equal(reconstruct(labels, [0.0, 1.0]), np.array([0.0, NAN, 1.0], dtype=np.float32))


def test_pooled_ratings_have_no_gaps():
    assert pool_ratings({"b": np.array([NAN, 2.0]), "a": np.array([1.0])}, {"c": np.array([NAN])}).tolist() == [
        2.0,
        1.0,
    ]


@pytest.mark.parametrize(
    ("labels", "stretches"),
    [([], []), ([-1, -1], []), ([1], [[1]]), ([-1, 1, 1, -1, -1, 0, -1], [[1, 1], [0]]), ([2, -1, 2], [[2], [2]])],
)
def test_stretches_by_hand(labels, stretches):
    assert [stretch.tolist() for stretch in split_at_gaps(labels)] == stretches


def test_a_gap_is_no_transition_and_ends_no_region():
    """0 0 | 1 1 has two self-loops and no change; the regions beside the gap are of unknown length."""
    stretches = split_at_gaps([0, 0, -1, 1, 1])
    np.testing.assert_allclose(estimate_transitions(stretches, 2, smoothing=1.0), [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])
    alone = estimate_hazards(split_at_gaps([0, 1, 1, 0]), 2, longest=4)
    np.testing.assert_array_equal(estimate_hazards(split_at_gaps([0, 1, 1, 0, -1, -1]), 2, longest=4), alone)
    assert [collapse(stretch).tolist() for stretch in stretches] == [[0], [1]]
    assert [name_stretch("u", i) for i in range(3)] == ["u", "u/2", "u/3"]


def test_transitions_a_minute_leave_gaps_out():
    """Two changes in 1 s of rated frames, at 0.1 s a frame."""
    labels = [0, 0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 1, 1]
    assert count_transitions_per_minute([labels], 0.1) == pytest.approx(2 * 60)


@pytest.mark.parametrize("system", ["cls", "reg-mse"])
def test_the_loss_is_that_of_the_rated_frames(system):
    """Of the first epoch of one utterance, against the formula on the network before any step."""
    random = np.random.default_rng(1)
    features = {"a": random.normal(size=(30, 3)).astype(np.float32)}
    gold = random.normal(size=30).astype(np.float32)
    gold[[0, 3, 4, 29]] = NAN
    rated = np.isfinite(gold)
    centers = np.array([-1.0, 0.0, 1.0])
    labels = quantise(gold, centers)
    classifies = system == "cls"
    trained = train(
        make_examples(features, labels=[{"a": labels}]) if classifies else make_examples(features, gold={"a": gold}),
        make_examples(features, gold={"a": gold}),
        system=system,
        centers=[centers] if classifies else (),
        priors=[np.full(3, 1 / 3)] if classifies else (),
        layers=1,
        l2=0.0,
        seed=4,
        model_options=ModelOptions(4),
        options=TrainOptions(first_stage_epochs=1, max_epochs=1),
    )
    epoch, model = next(trained)
    torch.manual_seed(4)
    with torch.no_grad():
        output = Blstm(3, 1, 4, [3 if classifies else 1])(torch.from_numpy(features["a"]))[0].numpy()[rated]
    if classifies:
        logits = output - np.log(np.exp(output).sum(axis=1, keepdims=True))
        cost = 1 + np.abs(output.argmax(axis=1) - labels[rated]) / 3
        expected = -np.mean(cost * logits[np.arange(rated.sum()), labels[rated]])
    else:
        expected = np.mean((output[:, 0] - gold[rated]) ** 2)
    assert epoch.loss == pytest.approx(expected, rel=1e-5)
    series = model.predict(features["a"]).series
    assert len(series) == 30
    assert epoch.dev_ccc == pytest.approx(direct_ccc(series[rated], gold[rated]), abs=1e-6)


def test_nothing_rated_is_an_error():
    features = {"a": np.zeros((5, 2), dtype=np.float32)}
    example = make_examples(features, gold={"a": np.full(5, NAN, dtype=np.float32)})
    with pytest.raises(ValueError, match="no frame of the training set is rated"):
        next(
            train(
                example,
                example,
                system="reg-mse",
                layers=1,
                l2=0.0,
                seed=1,
                model_options=ModelOptions(2),
                options=TrainOptions(),
            )
        )


def test_linear_regression_sees_rated_frames_only():
    features = {"a": np.arange(6.0)[:, None]}
    ratings = {"a": np.array([9.0, 0.0, NAN, 2.0, 3.0, NAN])}
    inputs, targets = align_to_delay(features, ratings, delay=1, every=1)
    assert inputs[:, 0].tolist() == [0.0, 2.0, 3.0]
    assert targets.tolist() == [0.0, 2.0, 3.0]
    assert score_on_dev(Linear(np.ones(1), 0.0, 0), features, {"a": np.array([NAN, 1.0, 2.0, 3.0, NAN, 5.0])}) == 1.0


def test_the_chain_filters_whole_series_and_scores_rated_frames():
    """The shift of two frames is found although frames in between have no rating."""
    series = np.random.default_rng(2).normal(size=200).astype(np.float32)
    gold = np.concatenate([np.repeat(series[:1], 2), series[:-2]])
    gold[50:60] = NAN
    chain, _ = tune_chain({"a": series}, {"a": gold}, medians=[], shifts=[1, 2, 3], frame_shift=0.04)
    assert chain.shift == 2
    assert isinstance(chain, Chain)


def test_own_recordings_at_10_hz_with_gaps_and_no_test_set_run_to_the_end(tmp_path):
    rows = [Row(14, "s0", "train"), Row(12, "s1", "train"), Row(12, "s2", "dev"), Row(10, "s2", "dev")]
    corpus, conf = write_corpus(tmp_path / "corpus", rows), write_conf(tmp_path / "conf")
    with open(conf / "train.conf", "a") as stream:
        stream.write("--systems=cls,reg-ccc\n")
    paths = ["--corpus", corpus, "--conf", conf, "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    done = recipe(*paths, "--dry-run", "--stage", 0, "--stop-stage", 4, script=ROOT / "egs/csv/run.sh", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/exp/liking/cls_l1_r0_s1: would run" in done.stderr
    assert not (tmp_path / "data").exists()
    done = recipe(*paths, "--nj", 2, script=ROOT / "egs/csv/run.sh", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pd.read_csv(tmp_path / "exp/results.csv")
    assert set(table.dimension) == {"liking"}
    assert set(table["set"]) == {"dev"}
    # 12 + 10 s at 10 Hz, less a pause of 1.5 s and the last second of each.
    assert set(table.frames) == {220 - 2 * 25}
    assert "5.0 s unrated" in done.stderr
    assert (tmp_path / "data/dev/frame_shift").read_text() == "0.100\n"
    curve = (tmp_path / "exp/liking/predict_dev/csv/CLS-Decoded/s2-r2.csv").read_text().splitlines()
    assert curve[:2][0] == "time,value"
    assert curve[1].startswith("0.1,")
    assert len(curve) == 1 + 120
    assert (tmp_path / "exp/report/observations.md").exists()
    assert (tmp_path / "exp/report/figure3.png").exists()
