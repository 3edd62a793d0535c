"""The bottleneck network on an easy problem, and the part of it that is kept."""

import numpy as np
import pytest
import torch

from emoseq.baselines.bottleneck import Bottleneck, train_bottleneck
from emoseq.baselines.options import PovolnyOptions

OPTIONS = PovolnyOptions(
    bottleneck_size=5, bottleneck_stacks=3, bottleneck_hidden=16, bottleneck_epochs=6, bottleneck_rate=0.01
)


def example(seed):
    """The class is the sign of the sum of two features of the frame before."""
    features = np.random.default_rng(seed).normal(size=(600, 4)).astype(np.float32)
    before = np.r_[features[:1], features[:-1]]
    return features, (before[:, 0] + before[:, 1] > 0).astype(np.int32)


@pytest.fixture(scope="module")
def trained():
    return train_bottleneck([example(0), example(1)], [example(2)], num_classes=2, options=OPTIONS)


def test_features_have_the_size_of_the_bottleneck(trained):
    features = trained[0](example(2)[0])
    assert features.shape == (600, 5)
    assert features.dtype == np.float32


def test_features_separate_the_classes(trained):
    """A plane through the bottleneck, fitted on one utterance, is right on another."""
    (first, classes), (second, others) = example(3), example(2)
    plane, *_ = np.linalg.lstsq(np.c_[trained[0](first), np.ones(600)], 2.0 * classes - 1, rcond=None)
    right = (np.c_[trained[0](second), np.ones(600)] @ plane > 0) == others
    assert right.mean() > 0.9


def test_training_is_the_same_every_time(trained):
    again = train_bottleneck([example(0), example(1)], [example(2)], num_classes=2, options=OPTIONS)
    assert again[1] == trained[1]
    for name, array in vars(trained[0]).items():
        assert np.array_equal(getattr(again[0], name), array)


def test_training_stops_when_the_dev_cross_entropy_no_longer_falls():
    """Classes independent of the features can only be memorised."""
    random = np.random.default_rng(0)
    sets = [[(random.normal(size=(400, 4)).astype(np.float32), random.integers(2, size=400))] for _ in range(2)]
    options = PovolnyOptions(bottleneck_hidden=64, bottleneck_stacks=1, bottleneck_epochs=50, bottleneck_rate=0.05)
    _, epochs = train_bottleneck(*sets, num_classes=2, options=options)
    scores = [epoch.score for epoch in epochs]
    assert len(epochs) == int(np.argmin(scores)) + 1 + options.bottleneck_patience < 50


def test_each_epoch_has_its_dev_cross_entropy(trained):
    assert {epoch.measure for epoch in trained[1]} == {"cross entropy"}
    assert trained[1][-1].score < trained[1][0].score < np.log(2)


def test_the_kept_part_is_the_network_up_to_its_bottleneck():
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(12, 7), torch.nn.ReLU(), torch.nn.Linear(7, 5))
    kept = Bottleneck(*(parameter.detach().numpy() for parameter in layers.parameters()))
    log_mel = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    padded = np.r_[log_mel[:1], log_mel, log_mel[-1:]]
    inputs = torch.from_numpy(np.stack([padded[f : f + 3].ravel() for f in range(9)]))
    np.testing.assert_allclose(kept(log_mel), layers(inputs).detach().numpy(), atol=1e-5)


def test_a_dev_cross_entropy_that_is_not_finite_ends_training():
    """NaN is below no number, so the initial network would be kept without a word."""
    features, classes = example(0)
    features[5, 1] = np.nan
    with pytest.raises(ValueError, match="bottleneck: epoch 1: the dev cross entropy is nan; lower --bottleneck-rate"):
        train_bottleneck([(features, classes)], [example(2)], num_classes=2, options=OPTIONS)
