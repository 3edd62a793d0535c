"""The network against LSTM equations in numpy, prior scaling by hand, and model files."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from emoseq import DataError
from emoseq.model.blstm import Blstm, Classifier, Regressor, load_model, save_model, scale_by_priors


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(inputs, weights, suffix):
    """Eq. 1 over the rows of inputs; the rows of PyTorch's weights are the gates i, f, g, o."""
    w_input, w_hidden, b_input, b_hidden = (
        weights[f"blstm.{name}_{suffix}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = c = np.zeros(w_hidden.shape[1])
    outputs = []
    for x in inputs:
        i, f, g, o = np.split(w_input @ x + b_input + w_hidden @ h + b_hidden, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def blstm(features, weights, layers):
    """Eqs. 2 to 4: both directions, side by side, layer on layer, and the output layer."""
    hidden = features
    for layer in range(layers):
        forward = lstm(hidden, weights, f"l{layer}")
        backward = lstm(hidden[::-1], weights, f"l{layer}_reverse")[::-1]
        hidden = np.concatenate([forward, backward], axis=1)
    return hidden @ weights["output.weight"].T + weights["output.bias"]


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    network = Blstm(3, layers=2, hidden_size=4, tasks=[4, 6])
    return Classifier(
        network,
        centers=(np.linspace(-1, 1, 4), np.linspace(-1, 1, 6)),
        priors=(np.array([0.1, 0.2, 0.3, 0.4]), np.full(6, 1 / 6)),
    )


def test_network_computes_the_equations_of_the_paper():
    torch.manual_seed(1)
    network = Blstm(5, layers=2, hidden_size=4, tasks=[3, 6]).double()
    features = np.random.default_rng(0).normal(size=(7, 5))
    with torch.no_grad():
        first, second = network(torch.from_numpy(features))
    expected = blstm(features, {name: tensor.numpy() for name, tensor in network.state_dict().items()}, layers=2)
    np.testing.assert_allclose(first.numpy(), expected[:, :3], atol=1e-10)
    np.testing.assert_allclose(second.numpy(), expected[:, 3:], atol=1e-10)


def test_hidden_size_is_that_of_one_direction():
    assert Blstm(160, layers=3, hidden_size=80, tasks=[4, 6, 8, 10]).output.weight.shape == (28, 160)


def test_prior_scaling_by_hand():
    """Probabilities .5 .3 .2 over priors .5 .1 .4 are 1, 3 and .5, of a sum of 4.5."""
    logits = np.log([[0.5, 0.3, 0.2]]) + 7.0
    np.testing.assert_allclose(scale_by_priors(logits, np.array([0.5, 0.1, 0.4])), [[2 / 9, 6 / 9, 1 / 9]], rtol=1e-6)


def test_uniform_priors_change_nothing():
    logits = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scale_by_priors(logits, np.full(6, 1 / 6)), softmax, rtol=1e-5)


EXTREME = np.array([[1e4, -1e4, 0.0], [-3e4, -3e4, -3e4], [3e38, 0.0, -3e38], [200.0, 0.0, -200.0]], dtype=np.float32)


def test_posteriors_of_extreme_logits_sum_to_one():
    np.testing.assert_allclose(scale_by_priors(EXTREME, np.array([0.98, 0.01, 0.01])).sum(axis=1), 1.0, rtol=1e-6)


def test_logarithms_of_the_posteriors_of_extreme_logits_are_finite():
    assert np.isfinite(np.log(scale_by_priors(EXTREME, np.array([0.98, 0.01, 0.01])))).all()


def test_posteriors_are_single_precision():
    assert scale_by_priors(np.zeros((1, 2)), np.array([0.5, 0.5])).dtype == np.float32


def test_posteriors_are_the_networks_softmax_over_priors(classifier):
    features = np.random.default_rng(2).normal(size=(9, 3)).astype(np.float32)
    weights = {name: tensor.double().numpy() for name, tensor in classifier.network.state_dict().items()}
    scaled = np.exp(blstm(features.astype(np.float64), weights, layers=2)[:, :4]) / classifier.priors[0]
    expected = scaled / scaled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.posteriors(features)[0], expected, rtol=1e-4)


def test_series_is_the_task_average_of_the_most_probable_means(classifier):
    """Classes 3 and 1 of four means from -1 to 1 (1 and -1/3), 5 and 0 of six (1 and -1)."""
    four = np.array([[0.1, 0.2, 0.3, 0.4], [0.1, 0.7, 0.1, 0.1]])
    six = np.array([[0.1, 0.1, 0.1, 0.1, 0.1, 0.5], [0.5, 0.1, 0.1, 0.1, 0.1, 0.1]])
    np.testing.assert_allclose(classifier.series([four, six]), [1.0, (-1 / 3 - 1) / 2], rtol=1e-6)


def test_a_saved_model_gives_the_same_posteriors(classifier, tmp_path):
    save_model(tmp_path / "final.pt", classifier)
    features = np.random.default_rng(3).normal(size=(12, 3)).astype(np.float32)
    loaded = load_model(tmp_path / "final.pt")
    for ours, theirs in zip(classifier.posteriors(features), loaded.posteriors(features), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_saved_regressor_gives_the_same_series(tmp_path):
    regressor = Regressor(Blstm(3, layers=1, hidden_size=4, tasks=[1]), delay=4)
    save_model(tmp_path / "final.pt", regressor)
    features = np.random.default_rng(3).normal(size=(12, 3)).astype(np.float32)
    series = load_model(tmp_path / "final.pt").predict(features).series
    assert series.shape == (12,)
    assert np.array_equal(series, regressor.predict(features).series)


def test_a_saved_model_keeps_its_cluster_means(classifier, tmp_path):
    save_model(tmp_path / "final.pt", classifier)
    assert [means.tolist() for means in load_model(tmp_path / "final.pt").centers] == [
        means.tolist() for means in classifier.centers
    ]


def test_saving_leaves_one_file(classifier, tmp_path):
    save_model(tmp_path / "final.pt", classifier)
    assert [path.name for path in tmp_path.iterdir()] == ["final.pt"]


def test_a_model_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"final\.pt does not exist"):
        load_model(tmp_path / "final.pt")


@pytest.mark.parametrize("content", [b"", b"no model\n", bytes(range(256)) * 8])
def test_a_file_that_is_no_model_is_an_error_of_one_line(tmp_path, content):
    (tmp_path / "final.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"final\.pt: not a model") as error:
        load_model(tmp_path / "final.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [{"parameters": {}}, [1, 2], torch.zeros(3)])
def test_a_file_of_other_tensors_is_an_error(tmp_path, content):
    torch.save(content, tmp_path / "final.pt")
    with pytest.raises(DataError, match=r"final\.pt: not a model"):
        load_model(tmp_path / "final.pt")


class Command:
    """Unpickling this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    "save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))]
)
def test_code_in_a_file_is_refused_and_not_run(tmp_path, save):
    save(Command(tmp_path / "touched"), tmp_path / "final.pt")
    with pytest.raises(DataError, match="not a model"):
        load_model(tmp_path / "final.pt")
    assert not (tmp_path / "touched").exists()
