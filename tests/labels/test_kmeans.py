"""Discretisation against exhaustive search, and counts by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoseq import DataError
from emoseq.decode.graph import MAX_CLASSES
from emoseq.labels.kmeans import LabelOptions, average, cluster, quantise, read_centers, reconstruct
from emoseq.lm.regions import LmOptions, collapse, estimate_priors, estimate_transitions


def best_partition(values, num_classes):
    """Means of the best partition of all that cut the sorted values into neighbouring groups."""
    ordered = np.sort(values)
    cuts = itertools.combinations(range(1, len(ordered)), num_classes - 1)
    partitions = (np.split(ordered, cut) for cut in cuts)
    best = min(partitions, key=lambda groups: sum(((group - group.mean()) ** 2).sum() for group in groups))
    return [group.mean() for group in best]


@pytest.mark.parametrize("num_classes", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_cluster_means_equal_the_best_partition(num_classes, seed):
    """Ratings lie around K levels; values that come often pull as often as they come."""
    random = np.random.default_rng(seed)
    levels = np.linspace(-0.5, 0.5, num_classes)
    values = np.round(random.choice(levels, size=14) + random.normal(size=14) * 0.05, 2)
    values[:num_classes] = levels
    np.testing.assert_allclose(cluster(values, num_classes), best_partition(values, num_classes), atol=1e-12)


def test_repeated_values_count_as_often_as_they_come():
    assert cluster([0.0, 0.0, 0.0, 0.4, 9.0, 9.2], 2).tolist() == pytest.approx([0.1, 9.1])


def test_cluster_means_ascend():
    means = cluster(np.random.default_rng(0).normal(size=500), 10)
    assert (np.diff(means) > 0).all()


def test_clusters_are_the_same_every_time():
    values = np.random.default_rng(1).normal(size=300)
    assert np.array_equal(cluster(values, 6), cluster(values, 6))


def test_each_cluster_mean_is_the_mean_of_its_values():
    values = np.random.default_rng(2).normal(size=400)
    means = cluster(values, 4)
    nearest = np.abs(values[:, None] - means).argmin(axis=1)
    np.testing.assert_allclose(means, [values[nearest == k].mean() for k in range(4)], atol=5e-3)


def test_as_many_values_as_classes_are_their_own_means():
    np.testing.assert_allclose(cluster([0.3, -0.1, 0.7, 0.3], 3), [-0.1, 0.3, 0.7])


def test_fewer_distinct_values_than_classes_are_an_error():
    with pytest.raises(ValueError, match="3 distinct values for 4 classes"):
        cluster([0.0, 1.0, 1.0, 0.0, 2.0], 4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=20),
    st.lists(st.integers(-500, 500), min_size=2, max_size=6, unique=True),
)
def test_class_is_the_nearest_mean(series, centers):
    """Whole numbers, so that the distances are exact; argmin takes the lower one of two equally near."""
    means = np.sort(centers)
    expected = np.abs(np.array(series)[:, None] - means).argmin(axis=1)
    assert quantise(series, means).tolist() == expected.tolist()


def test_half_way_between_two_means_is_the_lower_class():
    assert quantise([0.5, 1.5], [0.0, 1.0, 2.0]).tolist() == [0, 1]


def test_labels_are_int32():
    assert quantise([0.1], [0.0, 1.0]).dtype == np.int32


def test_reconstruction_replaces_each_label_by_its_mean():
    assert reconstruct([2, 0, 0, 1], [-0.5, 0.25, 0.75]).tolist() == [0.75, -0.5, -0.5, 0.25]


@pytest.mark.parametrize("labels", [[0, 3], [-2, 0]])
def test_a_label_without_mean_is_an_error(labels):
    with pytest.raises(ValueError, match="3 cluster means"):
        reconstruct(labels, [0.0, 1.0, 2.0])


@given(st.lists(st.integers(0, 3), max_size=30))
def test_collapse_merges_equal_neighbours(labels):
    assert collapse(labels).tolist() == [label for label, _ in itertools.groupby(labels)]


def test_transitions_by_hand():
    """0 -> 0 once and 0 -> 1 twice; nothing leaves 1 or 2, whose rows are the smoothing alone."""
    expected = [[1.5 / 4.5, 2.5 / 4.5, 0.5 / 4.5], [1 / 3] * 3, [1 / 3] * 3]
    np.testing.assert_allclose(estimate_transitions([[0, 0, 1], [0, 1]], 3, smoothing=0.5), expected, rtol=1e-12)


def test_pairs_across_utterances_are_not_counted():
    """Together the two would have 1 -> 0."""
    matrix = estimate_transitions([[0, 1], [0, 1]], 2, smoothing=0.01)
    assert matrix[1].tolist() == [0.5, 0.5]


def test_default_smoothing_is_a_hundredth_of_a_count():
    assert estimate_transitions([[0, 1]], 2)[0, 1] == pytest.approx(1.01 / 1.02)


def test_an_utterance_of_one_frame_has_no_transition():
    assert estimate_transitions([[1]], 2).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_priors_are_counts_plus_one():
    np.testing.assert_allclose(estimate_priors([[0, 0, 2], [2, 2, 2, 0]], 4), [4 / 11, 1 / 11, 5 / 11, 1 / 11])


def test_average_by_hand():
    assert average([np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([2.0, 6.0])]).tolist() == [1.0, 3.0]


def test_average_is_summed_in_double_precision():
    """In single precision 1e8 + 1 is 1e8."""
    series = [np.array([value], dtype=np.float32) for value in (1e8, 1.0, -1e8)]
    assert average(series)[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "num_classes", [(), (1, 4), (0,), (-4,), (4, 4), (MAX_CLASSES + 1,), (4, 10**30), (float("nan"),), (float("inf"),)]
)
def test_numbers_of_classes_that_cannot_be_are_refused(num_classes):
    with pytest.raises(ValueError, match=r"^--num-classes="):
        LabelOptions(num_classes=num_classes, fit_on="train")


def test_as_many_classes_as_the_decoders_take_are_allowed():
    assert LabelOptions(num_classes=(MAX_CLASSES, 2), fit_on="train").num_classes == (MAX_CLASSES, 2)


@pytest.mark.parametrize("fit_on", ["dev", "", "test", "train,dev"])
def test_an_unknown_set_to_fit_on_is_refused(fit_on):
    with pytest.raises(ValueError, match=rf"^--fit-on={fit_on}: choose"):
        LabelOptions(num_classes=(4,), fit_on=fit_on)


@pytest.mark.parametrize("means", ["nan 1", "0 nan", "0 inf", "1 0", "0 0", "0 1 2"])
def test_cluster_means_that_do_not_ascend_are_refused(tmp_path, means):
    (tmp_path / "centers").write_text(f"K2 [ {means} ]\n")
    with pytest.raises(DataError, match="centers: K2 is not a vector"):
        read_centers(tmp_path / "centers")


@pytest.mark.parametrize("wrong", [{"transition_smoothing": 0.0}, {"orders": (0, 2)}, {"orders": (2, 6)}])
def test_language_model_options_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"--transition-smoothing|--orders"):
        LmOptions(**{"orders": (2, 3)} | wrong)
