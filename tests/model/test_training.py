"""The loss by hand, the schedule as a table, and training on a problem that is easy."""

import copy
import dataclasses
import itertools
import subprocess
import sys

import kaldiio
import numpy as np
import pytest
import torch
from conftest import step
from hypothesis import given
from hypothesis import strategies as st

from emoseq.features.fbank import compute_cmvn_statistics
from emoseq.model.blstm import Blstm
from emoseq.model.experiment import ModelOptions
from emoseq.model.losses import LOSSES, concordance_loss, cost_sensitive_cross_entropy, l2_penalty
from emoseq.model.schedule import Schedule, TrainOptions
from emoseq.model.training import Adam, Epoch, Example, format_epochs, make_examples, train

# Softmax probabilities are the rows, since the logarithm of a distribution is a logit of it.
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.2, 0.6, 0.2]])
LABELS = np.array([0, 0, 2])


def numpy_loss(logits, labels, cost=None):
    """Eqs. 6 and 7 in numpy; a given cost is kept whatever the logits."""
    if cost is None:
        cost = 1 + np.abs(logits.argmax(axis=1) - labels) / logits.shape[1]
    log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.mean(cost * log_softmax[np.arange(len(labels)), labels])


def test_loss_by_hand():
    """Frame 1 is right: cost 1. Frame 2 says 2 for 0: cost 5/3. Frame 3 says 1 for 2: cost 4/3."""
    expected = -(np.log(0.5) + 5 / 3 * np.log(0.1) + 4 / 3 * np.log(0.2)) / 3
    loss = cost_sensitive_cross_entropy(torch.tensor(np.log(PROBABILITIES)), torch.tensor(LABELS))
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_loss_does_not_change_with_a_shift_of_the_logits():
    logits = torch.tensor(np.log(PROBABILITIES))
    shifted = cost_sensitive_cross_entropy(logits + 300.0, torch.tensor(LABELS))
    assert shifted.item() == pytest.approx(numpy_loss(np.log(PROBABILITIES), LABELS), rel=1e-6)


def test_the_optimiser_is_adam_to_the_last_bit():
    """Over a fall of the learning rate."""
    torch.manual_seed(0)
    ours = Blstm(4, 1, 3, [2])
    theirs = copy.deepcopy(ours)
    optimiser, adam = Adam(ours.parameters()), torch.optim.Adam(theirs.parameters())
    for number, features in enumerate(torch.randn(20, 7, 4)):
        adam.param_groups[0]["lr"] = rate = 0.01 if number < 10 else 0.002
        for network in (ours, theirs):
            network.zero_grad()
            network(features)[0].square().sum().backward()
        optimiser.step(rate)
        adam.step()
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


def test_a_training_does_not_import_the_compiler():
    """It takes as long as torch itself."""
    program = """
import sys
import numpy as np
from emoseq.model.experiment import ModelOptions
from emoseq.model.schedule import TrainOptions
from emoseq.model.training import Example, train

before = set(sys.modules)
example = Example("a", np.ones((5, 3), np.float32), gold=np.arange(5, dtype=np.float32))
options = TrainOptions(first_stage_epochs=1, max_epochs=2)
model = {"layers": 1, "l2": 0.1, "seed": 1, "model_options": ModelOptions()}
assert len(list(train([example], [example], system="reg-ccc", **model, options=options))) == 2
print([name for name in sys.modules if name not in before and name.startswith(("torch._dynamo", "torch._inductor"))])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_gradient_is_that_of_a_constant_cost():
    """Central differences of the loss whose cost stays what it was."""
    logits = np.random.default_rng(0).normal(size=(5, 4))
    labels = np.array([0, 3, 1, 2, 2])
    cost = 1 + np.abs(logits.argmax(axis=1) - labels) / 4
    expected = np.empty_like(logits)
    for index in np.ndindex(logits.shape):
        step = np.zeros_like(logits)
        step[index] = 1e-6
        expected[index] = (numpy_loss(logits + step, labels, cost) - numpy_loss(logits - step, labels, cost)) / 2e-6
    tensor = torch.tensor(logits, requires_grad=True)
    cost_sensitive_cross_entropy(tensor, torch.tensor(labels)).backward()
    np.testing.assert_allclose(tensor.grad.numpy(), expected, atol=1e-8)


def test_penalty_is_the_sum_of_squares_of_weights_without_biases():
    """Every weight is 2 and every bias 100; an LSTM of 3 inputs and 5 cells has 4 x 5 x (3 + 5) weights."""
    network = Blstm(3, layers=1, hidden_size=5, tasks=[4])
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(100.0 if name.split(".")[-1].startswith("bias") else 2.0)
    weights = 2 * (4 * 5 * (3 + 5)) + 10 * 4
    assert l2_penalty(network).item() == 4 * weights


def run_schedule(dev_cccs, **options):
    """(rate, goes back, is done) of each epoch until it is done."""
    schedule = Schedule.start(TrainOptions(**options))
    rows = []
    for dev_ccc in dev_cccs:
        rate = schedule.learning_rate
        schedule = schedule.after(dev_ccc)
        rows.append((rate, schedule.go_back, schedule.done))
        if schedule.done:
            break
    return rows


RISING = [i / 100 for i in range(1, 100)]


def test_first_stage_is_20_epochs_at_one_rate_whatever_comes():
    rows = run_schedule([0.5] + [0.1] * 19)
    assert [rate for rate, _, _ in rows] == [0.002] * 20


def test_first_stage_ends_by_going_back_to_the_best_parameters():
    rows = run_schedule([0.5] + [0.1] * 19)
    assert [i for i, (_, goes_back, _) in enumerate(rows, 1) if goes_back] == [20]


def test_first_epoch_of_the_second_stage_runs_at_the_first_rate():
    assert run_schedule([0.1] * 21)[20][0] == 0.002


@pytest.mark.parametrize(
    ("second_stage", "expected"),
    [
        # (dev CCC of epochs 21, 22, ...), [(rate, goes back)] of the same epochs; the best before them is 0.5
        ([0.4, 0.4], [(0.002, True), (0.001, True)]),
        ([0.6, 0.4, 0.4], [(0.002, False), (0.002, True), (0.001, True)]),
        ([0.4, 0.6, 0.7], [(0.002, True), (0.001, False), (0.001, False)]),
        ([0.6, 0.55, 0.61], [(0.002, False), (0.002, True), (0.001, False)]),  # better than the last is not enough
        ([0.5, 0.6, 0.6], [(0.002, True), (0.001, False), (0.001, True)]),  # a tie is no improvement
    ],
)
def test_second_stage(second_stage, expected):
    rows = run_schedule([0.5] * 20 + second_stage)
    assert [(rate, goes_back) for rate, goes_back, _ in rows[20:]] == expected


def test_without_rollback_the_rate_is_halved_all_the_same():
    rows = run_schedule([0.5] * 20 + [0.4, 0.6, 0.4, 0.4], rollback=False)
    assert [(rate, goes_back) for rate, goes_back, _ in rows[20:]] == [
        (0.002, False),
        (0.001, False),
        (0.001, False),
        (0.0005, False),
    ]


def test_without_rollback_the_first_stage_still_ends_at_the_best_parameters():
    assert run_schedule([0.5] * 20, rollback=False)[-1] == (0.002, True, False)


def test_training_ends_with_the_eighth_halving():
    """0.002 / 2^8 is the first rate below 0.00001."""
    rows = run_schedule([0.5] * 60)
    assert len(rows) == 28
    assert rows[-1] == (0.002 / 2**7, True, True)


def test_training_ends_after_40_epochs():
    rows = run_schedule(RISING)
    assert [done for _, _, done in rows] == [False] * 39 + [True]


def test_a_negative_dev_ccc_can_be_the_best():
    assert Schedule.start(TrainOptions()).after(-0.3).improved


def test_only_a_rise_above_the_best_so_far_improves():
    schedule = Schedule.start(TrainOptions())
    improved = []
    for dev_ccc in (0.1, 0.3, 0.2, 0.3, 0.4):
        schedule = schedule.after(dev_ccc)
        improved.append(schedule.improved)
    assert improved == [True, True, False, False, True]


@pytest.mark.parametrize("first_stage_epochs", [0, 41])
def test_a_first_stage_outside_the_training_is_refused(first_stage_epochs):
    with pytest.raises(ValueError, match="first-stage-epochs"):
        TrainOptions(first_stage_epochs=first_stage_epochs)


def test_examples_are_cut_to_the_length_that_features_and_targets_share():
    labels = [{"u": np.array([0, 1, 2, 3])}, {"u": np.array([4, 5, 6, 7])}]
    (example,) = make_examples({"u": np.zeros((3, 2))}, labels=labels)
    assert [task.tolist() for task in example.labels] == [[0, 1, 2], [4, 5, 6]]
    assert len(example.features) == 3


def test_examples_of_a_longer_recording_lose_its_end():
    (example,) = make_examples({"u": np.arange(10.0).reshape(5, 2)}, gold={"u": np.array([0.5, 1.5, 2.5])})
    assert example.gold.tolist() == [0.5, 1.5, 2.5]
    assert example.features.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_examples_whose_lengths_disagree_are_named():
    with pytest.raises(ValueError, match=r"u: .*10.*4"):
        make_examples({"u": np.zeros((10, 2))}, gold={"u": np.zeros(4)})


def test_table_of_epochs():
    rows = [Epoch(1, 0.002, 1.25, -0.5, True), Epoch(2, 7.8125e-06, 1.0, 0.1234567, False)]
    assert format_epochs(rows) == (
        "epoch,learning_rate,loss,dev_ccc,best\n1,0.002,1.250000,-0.500000,1\n2,7.8125e-6,1.000000,0.123457,0\n"
    )


CENTERS = (np.array([-0.8, 0.0, 0.8]), np.array([-0.9, -0.3, 0.3, 0.9]))
PRIORS = (np.full(3, 1 / 3), np.full(4, 1 / 4))


def easy_example(phase, frames=60):
    """The gold standard is one of the features, the other is noise."""
    gold = np.sin(np.arange(frames) / 7 + phase).astype(np.float32)
    noise = np.random.default_rng(int(10 * phase)).normal(size=frames)
    labels = [np.abs(gold[:, None] - means).argmin(axis=1).astype(np.int32) for means in CENTERS]
    return Example(f"utt_{phase}", np.stack([gold / 0.7, noise], axis=1).astype(np.float32), labels, gold)


def easy_epochs(utterances=2, *, seed=1, l2=0.0, system="cls", train_set=None, dev_set=None, delay=0, **options):
    options = {"learning_rate": 0.02, "first_stage_epochs": 8, "max_epochs": 10} | options
    return train(
        train_set or [easy_example(phase) for phase in range(utterances)],
        dev_set or [easy_example(2.5)],
        system=system,
        centers=CENTERS if system.startswith("cls") else (),
        priors=PRIORS if system.startswith("cls") else (),
        layers=1,
        l2=l2,
        seed=seed,
        delay=delay,
        model_options=ModelOptions(hidden_size=8),
        options=TrainOptions(**options),
    )


def train_easily(*arguments, **options):
    """Every epoch with a copy of the model that was yielded."""
    return [(epoch, copy.deepcopy(model)) for epoch, model in easy_epochs(*arguments, **options)]


def weights_of(model):
    return np.concatenate([tensor.numpy().ravel() for tensor in model.network.state_dict().values()])


def direct_ccc(x, y):
    return 2 * np.cov(x, y, ddof=0)[0, 1] / (np.var(x) + np.var(y) + (np.mean(x) - np.mean(y)) ** 2)


def dev_ccc_of(model):
    example = easy_example(2.5)
    labels = [task.argmax(axis=1) for task in model.posteriors(example.features)]
    series = np.mean([means[path] for means, path in zip(CENTERS, labels, strict=True)], axis=0)
    return direct_ccc(series, example.gold.astype(np.float64))


def loss_of(model, example):
    """Sum over the tasks of the model's loss on one utterance."""
    with torch.no_grad():
        tasks = [logits.double().numpy() for logits in model.network(torch.from_numpy(example.features))]
    return sum(numpy_loss(logits, labels) for logits, labels in zip(tasks, example.labels, strict=True))


@pytest.fixture(scope="module")
def restless():
    """One utterance at a rate so high that epochs get worse, all in the second stage but the first."""
    return train_easily(1, learning_rate=0.4, first_stage_epochs=1, max_epochs=12, min_learning_rate=1e-9)


def test_an_easy_problem_is_learnt():
    assert max(epoch.dev_ccc for epoch, _ in train_easily()) > 0.8


@pytest.mark.parametrize("system", LOSSES)
def test_every_system_learns_an_easy_problem(system):
    epochs = train_easily(system=system, first_stage_epochs=14, max_epochs=15)
    assert max(epoch.dev_ccc for epoch, _ in epochs) > 0.8


@pytest.mark.parametrize("system", ["reg-mse", "reg-ccc"])
def test_a_regressors_dev_ccc_is_that_of_its_output(system):
    (epoch, model), *_ = train_easily(system=system)
    example = easy_example(2.5)
    assert epoch.dev_ccc == pytest.approx(direct_ccc(model.predict(example.features).series, example.gold), abs=1e-5)


def test_mean_squared_error_is_the_loss_of_its_system():
    """With one utterance the second epoch's loss is that of the parameters after the first."""
    (_, model), (second, _) = train_easily(1, system="reg-mse", first_stage_epochs=2, max_epochs=2)[:2]
    example = easy_example(0)
    error = model.predict(example.features).series - example.gold
    assert second.loss == pytest.approx(np.mean(error**2), rel=1e-4)


def test_plain_cross_entropy_has_no_cost():
    """Of the first epoch, whose parameters follow from the seed alone."""
    plain, weighted = (train_easily(1, system=system)[0][0].loss for system in ("cls-ce", "cls"))
    assert plain < weighted


@given(st.integers(2, 30), st.integers(0, 10**6))
def test_concordance_loss_is_one_minus_ccc(frames, seed):
    x, y = np.random.default_rng(seed).normal(size=(2, frames))
    assert concordance_loss(torch.tensor(x), torch.tensor(y)).item() == pytest.approx(1 - direct_ccc(x, y), abs=1e-9)


def test_concordance_loss_of_a_constant_has_a_finite_gradient():
    prediction = torch.zeros(10, requires_grad=True)
    loss = concordance_loss(prediction, torch.linspace(-1, 1, 10))
    loss.backward()
    assert loss.item() == 1.0
    assert torch.isfinite(prediction.grad).all()


def test_one_seed_gives_identical_tensors():
    first, second = (train_easily(max_epochs=2, first_stage_epochs=1)[-1][1] for _ in range(2))
    assert np.array_equal(weights_of(first), weights_of(second))


def test_other_random_numbers_between_epochs_play_no_part():
    def last(disturb):
        weights = []
        for _, model in easy_epochs(3, max_epochs=4, first_stage_epochs=4):
            weights.append(weights_of(model))
            disturb()
        return weights[-1]

    assert np.array_equal(last(lambda: None), last(lambda: torch.rand(1)))


def test_another_seed_gives_other_tensors():
    first, second = (train_easily(max_epochs=2, first_stage_epochs=1, seed=seed)[-1][1] for seed in (1, 2))
    assert not np.array_equal(weights_of(first), weights_of(second))


def test_epochs_are_numbered_and_say_their_rate():
    rows = [(epoch.epoch, epoch.learning_rate) for epoch, _ in train_easily(first_stage_epochs=2, max_epochs=3)]
    assert rows == [(1, 0.02), (2, 0.02), (3, 0.02)]


def test_some_epochs_of_the_restless_training_are_not_the_best(restless):
    assert {epoch.best for epoch, _ in restless} == {True, False}


def test_the_model_yielded_is_that_of_the_best_epoch(restless):
    best = float("-inf")
    for epoch, model in restless:
        best = max(best, epoch.dev_ccc)
        assert dev_ccc_of(model) == pytest.approx(best, abs=1e-6)


def test_best_epochs_are_those_above_all_before(restless):
    dev_cccs = [epoch.dev_ccc for epoch, _ in restless]
    assert [epoch.best for epoch, _ in restless] == [
        all(ccc < dev_cccs[i] for ccc in dev_cccs[:i]) for i in range(len(dev_cccs))
    ]


def test_after_an_epoch_that_is_not_the_best_training_goes_on_from_the_best_parameters(restless):
    """With one utterance the loss of an epoch is that of the parameters it began with."""
    for (epoch, best), (following, _) in itertools.pairwise(restless):
        if not epoch.best:
            assert following.loss == pytest.approx(loss_of(best, easy_example(0)), rel=1e-5)


def test_without_rollback_training_goes_on_from_where_it_is():
    epochs = train_easily(
        1, learning_rate=0.4, first_stage_epochs=1, max_epochs=12, min_learning_rate=1e-9, rollback=False
    )
    worse = [i for i, (epoch, _) in enumerate(epochs[:-1]) if i and not epoch.best]
    assert worse
    for i in worse:
        assert epochs[i + 1][0].loss != pytest.approx(loss_of(epochs[i][1], easy_example(0)), rel=1e-3)


def test_the_loss_reported_is_without_the_penalty():
    """The first epoch begins with the same parameters whatever the penalty."""
    plain, penalised = (train_easily(1, l2=l2, first_stage_epochs=1, max_epochs=1)[0][0] for l2 in (0.0, 1.0))
    assert penalised.loss == plain.loss


def spoil(example, value=np.nan):
    """The same utterance with one feature that is not a finite number."""
    features = example.features.copy()
    features[7, 1] = value
    return dataclasses.replace(example, features=features)


@pytest.mark.parametrize("system", LOSSES)
@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "the loss is nan"), (np.inf, "the gradient of the loss is not")]
)
def test_a_loss_that_is_not_finite_ends_training_at_its_utterance(system, value, message):
    """LSTM cells saturate at infinity, which leaves the loss finite and not its gradient."""
    train_set = [easy_example(0), spoil(easy_example(1), value), easy_example(2)]
    with pytest.raises(ValueError, match=rf"epoch 1: utt_1: {message}.*; .*--learning-rate.*features"):
        next(easy_epochs(system=system, train_set=train_set))


@pytest.mark.parametrize("system", LOSSES)
def test_a_dev_series_that_is_not_finite_ends_training_at_its_utterance(system):
    """A classifier's labels hide it: argmax of NaN is a class."""
    dev_set = [easy_example(2.5), spoil(easy_example(3))]
    with pytest.raises(ValueError, match=r"epoch 1: utt_3: the predicted series .*--learning-rate.*features"):
        next(easy_epochs(system=system, dev_set=dev_set))


def test_a_penalty_that_is_not_finite_ends_training():
    """Every weight of this size squared is beyond single precision, and the loss itself stays finite."""
    with pytest.raises(ValueError, match=r"epoch 1: utt_0: the loss is inf"):
        next(easy_epochs(1, l2=1e39))


def test_training_that_diverges_names_the_epoch():
    epochs = []
    with pytest.raises(ValueError, match=r"epoch \d+: utt_0: the loss is (nan|inf)"):
        epochs.extend(easy_epochs(1, system="reg-mse", learning_rate=1e19, min_learning_rate=1e-9))


def test_the_penalty_makes_weights_small():
    plain, penalised = (
        l2_penalty(train_easily(1, l2=l2, first_stage_epochs=5, max_epochs=5)[-1][1].network).item()
        for l2 in (0.0, 1.0)
    )
    assert penalised < plain


# The step


@pytest.fixture
def regression(tmp_path):
    """One job, a regressor of arousal on five features, and its data: the file of jobs and the folder."""
    random = np.random.default_rng(0)
    for name in ("train", "dev"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        feats = random.normal(size=(30, 5)).astype(np.float32)
        arrays = {"feats": feats, "cmvn": compute_cmvn_statistics(feats), "arousal": feats[:, 0] / 3}
        for kind, array in arrays.items():
            kaldiio.save_ark(f"{folder}/{kind}.ark", {f"{name}_1": array}, scp=f"{folder}/{kind}.scp")
        (folder / "fbank.conf").write_text("--num-mel-bins=5\n")
        (folder / "frame_shift").write_text("0.040\n")
    jobs = tmp_path / "train.jobs"
    jobs.write_text(f"arousal reg-mse 1 0 1 {tmp_path}/arousal/reg-mse_l1_r0_s1\n")
    return jobs, tmp_path / "data"


def test_a_failed_training_is_one_line_and_leaves_no_model(regression, tmp_path):
    jobs, data = regression
    folder = tmp_path / "arousal" / "reg-mse_l1_r0_s1"
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "model.conf").write_text("--hidden-size=5\n")  # of an earlier model
    (tmp_path / "arousal" / "delay.csv").write_text("seconds,dev_ccc,chosen\n0.000,,1\n")
    done = step("steps/train.py", "--learning-rate=1e19", "--hidden-size=4", jobs, 1, data)
    error = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert f"{folder}: epoch 2: train_1: the loss is inf; lower --learning-rate" in error
    assert "Traceback" not in done.stderr
    assert not (folder / "final.pt").exists()
    assert not (folder / "epochs.csv").exists()
    assert (folder / "conf" / "model.conf").read_text() == "--hidden-size=5\n"


@pytest.mark.parametrize("system", ["cls", "reg-ccc"])
def test_training_with_a_delay_is_training_on_advanced_targets_and_delaying_the_output(system):
    """By hand: targets 3 frames earlier, the last one repeated."""
    early = []
    for phase in (0, 1):
        example = easy_example(phase)
        indices = np.minimum(np.arange(len(example.features)) + 3, len(example.features) - 1)
        targets = {"labels": [task[indices] for task in example.labels], "gold": example.gold[indices]}
        early.append(dataclasses.replace(example, **targets))
    (_, delayed), *_ = easy_epochs(system=system, max_epochs=1, first_stage_epochs=1, delay=3)
    (_, plain), *_ = easy_epochs(system=system, max_epochs=1, first_stage_epochs=1, train_set=early)
    for mine, theirs in zip(delayed.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    features = easy_example(2.5).features
    ours, early_series = delayed.predict(features), plain.predict(features)
    np.testing.assert_array_equal(ours.series[3:], early_series.series[:-3])
    assert (ours.series[:3] == early_series.series[0]).all()
    for task, other in zip(ours.posteriors, early_series.posteriors, strict=True):
        np.testing.assert_array_equal(task[3:], other[:-3])
