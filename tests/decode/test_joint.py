"""Joint decoding against brute force over the cells of the rating axis."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import Case, any_case, every_path, every_score, random_case, score, seeds

from emoseq.decode.decoder import decode
from emoseq.decode.joint import JointDecoder, label_cells
from emoseq.decode.resolution import Resolution
from emoseq.decode.score import Scoring

SIZES = ([2, 3], [3, 3], [2, 2, 3])
SLACK = {"rel": 1e-9, "abs": 1e-9}
orders = pytest.mark.parametrize("order", [1, 2, 3])


def random_centers(seed, sizes):
    random = np.random.default_rng(seed)
    return [np.sort(random.normal(size=size)) for size in sizes]


def random_cases(order, seed, sizes, **fixed):
    """One case per task, all with one scoring and as many frames."""
    first = any_case(order, seed, most_frames=5, num_classes=sizes[0], prior=False, **fixed)
    fixed = fixed | {"prior": False, "scoring": first.scoring, "frames": len(first.posteriors)}
    return [first, *(any_case(order, seed + i, num_classes=size, **fixed) for i, size in enumerate(sizes[1:], 1))]


def joint_decoder(cases, centers):
    order = cases[0].table.ndim
    resolutions = [
        Resolution(means, case.transitions, {order: case.table}, hazards=None)  # which a joint decoder does not use
        for means, case in zip(centers, cases, strict=True)
    ]
    return JointDecoder(resolutions, order, cases[0].scoring)


def joint_labels(cases, centers):
    return joint_decoder(cases, centers)([case.posteriors for case in cases])


def summed_score(labels, cases):
    return sum(score([path], case).total[0] for path, case in zip(labels, cases, strict=True))


def nearest_classes(centers):
    """The distinct combinations of nearest cluster means along the axis, ascending, one row each."""
    edges = np.sort(np.concatenate([(means[1:] + means[:-1]) / 2 for means in centers]))
    values = [edges[0] - 1, *((edges[1:] + edges[:-1]) / 2), edges[-1] + 1]
    return np.array([[int(np.abs(means - value).argmin()) for means in centers] for value in values])


def share_a_value(labels, centers):
    """Return whether each frame has a value to which every task's class has the nearest cluster mean."""
    lowest, highest = np.full(len(labels[0]), -np.inf), np.full(len(labels[0]), np.inf)
    for path, means in zip(labels, centers, strict=True):
        edges = np.r_[-np.inf, (means[1:] + means[:-1]) / 2, np.inf]
        lowest, highest = np.maximum(lowest, edges[path]), np.minimum(highest, edges[path + 1])
    return lowest < highest


def best_summed_score(cases, centers):
    """The maximum over all sequences of cells."""
    cells = nearest_classes(centers)
    paths = every_path(len(cells), len(cases[0].posteriors))
    totals = np.zeros(len(paths))
    for case, classes in zip(cases, cells.T, strict=True):
        powers = case.num_classes ** np.arange(paths.shape[1])[::-1]  # which number the paths in lexicographic order
        totals += every_score(case)[1][(classes[paths] * powers).sum(axis=1)]
    return totals.max()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@orders
@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_joint_decoding_finds_the_maximum_of_brute_force(order, sizes, seed):
    cases, centers = random_cases(order, seed, sizes), random_centers(seed, sizes)
    best = best_summed_score(cases, centers)
    assume(best > -np.inf)
    assert summed_score(joint_labels(cases, centers), cases) == pytest.approx(best, **SLACK)


def best_of_all_states(cases, centers):
    """Viterbi over (cell, each task's region before), one state at a time."""
    cells, weight = nearest_classes(centers).tolist(), cases[0].scoring.lm_weight
    tables = [weight * np.broadcast_to(case.table, (len(case.transitions) + 1,) * 3) for case in cases]
    log_a = [np.log(case.transitions) for case in cases]
    log_y = [np.log(case.posteriors) for case in cases]
    begin = tuple(case.num_classes for case in cases)
    best = {
        (cell, begin): sum(t[b, b, c] + y[0, c] for t, b, c, y in zip(tables, begin, classes, log_y, strict=True))
        for cell, classes in enumerate(cells)
    }
    for frame in range(1, len(log_y[0])):
        reached = {}
        for (cell, before), total in best.items():
            for target, classes in enumerate(cells):
                added, after = 0.0, []
                for t, a, y, h, b, c in zip(tables, log_a, log_y, before, cells[cell], classes, strict=True):
                    added += a[b, c] + y[frame, c] + (t[h, b, c] if b != c else 0.0)
                    after.append(b if b != c else h)
                state = target, tuple(after)
                reached[state] = max(reached.get(state, -np.inf), total + added)
        best = reached
    return max(
        total + sum(t[h, c, -1] for t, h, c in zip(tables, before, cells[cell], strict=True))
        for (cell, before), total in best.items()
    )


@pytest.mark.parametrize("weight", [0.0, 2.0, 14.0])
@pytest.mark.parametrize("sticky", [False, True])
@orders
def test_states_that_are_dropped_are_never_of_the_best_path(order, sticky, weight):
    scoring = Scoring(lm_weight=weight)
    cases = [random_case(order, seed=size, num_classes=size, frames=40, scoring=scoring) for size in (2, 3, 4)]
    if sticky:
        cases = [case._replace(transitions=0.05 * case.transitions + 0.95 * np.eye(case.num_classes)) for case in cases]
    centers = random_centers(1, [2, 3, 4])
    best = best_of_all_states(cases, centers)
    assert summed_score(joint_labels(cases, centers), cases) == pytest.approx(best, rel=1e-9)


@orders
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_claimed_score_is_the_sum_of_the_tasks_scores(order, seed):
    cases, centers = random_cases(order, seed, [3, 4], zeros=False), random_centers(seed, [3, 4])
    decoder, posteriors = joint_decoder(cases, centers), [case.posteriors for case in cases]
    labels = decoder(posteriors)
    assert decoder.score(labels, posteriors) == pytest.approx(summed_score(labels, cases), **SLACK)


@orders
def test_one_task_alone_is_decoded_as_without_the_others(order):
    case = random_case(order, seed=2, num_classes=6, frames=300, scoring=Scoring(lm_weight=4.0, score_end=False))
    (labels,) = joint_labels([case], random_centers(2, [6]))
    assert labels.tolist() == decode(*case.problem, case.scoring).labels.tolist()


@orders
def test_no_two_tasks_disagree(order):
    sizes = [4, 6, 8, 10]
    cases = [
        random_case(order, seed=size, num_classes=size, frames=40, scoring=Scoring(lm_weight=2.0)) for size in sizes
    ]
    centers = random_centers(3, sizes)
    assert share_a_value(joint_labels(cases, centers), centers).all()


def test_tasks_decoded_one_by_one_do_disagree():
    """Without this the test above would show nothing."""
    sizes = [4, 6, 8, 10]
    cases = [random_case(2, seed=size, num_classes=size, frames=40, scoring=Scoring(lm_weight=2.0)) for size in sizes]
    labels = [decode(*case.problem, case.scoring).labels for case in cases]
    assert not share_a_value(labels, random_centers(3, sizes)).all()


@orders
def test_of_equally_good_paths_one_is_found(order):
    cases = [
        Case(np.full((4, size), 1 / size), np.full((size, size), 1 / size), np.full((size + 1,) * order, -1.0))
        for size in (2, 3)
    ]
    cases = [case._replace(scoring=Scoring(lm_weight=1.0)) for case in cases]
    centers = random_centers(4, [2, 3])
    found = joint_labels(cases, centers)
    assert summed_score(found, cases) == pytest.approx(best_summed_score(cases, centers))


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_cells_of_four_tasks_are_25_at_most(seed):
    assert len(label_cells(random_centers(seed, [4, 6, 8, 10]))) <= 25


@settings(max_examples=50, deadline=None)
@given(seeds, st.lists(st.integers(2, 6), min_size=1, max_size=4))
def test_cells_are_the_combinations_of_classes_that_values_have(seed, sizes):
    centers = random_centers(seed, sizes)
    assert label_cells(centers).tolist() == nearest_classes(centers).tolist()


def test_a_boundary_that_tasks_share_divides_one_pair_of_cells():
    assert label_cells([np.array([0.0, 1.0]), np.array([-2.0, 0.25, 0.75])]).tolist() == [[0, 0], [0, 1], [1, 2]]


@pytest.mark.parametrize("order", [1, 2])
def test_as_many_cells_as_a_byte_counts_are_told_apart(order):
    """Two tasks of 127 and 128 classes have 254 cells; each frame here is sure of one."""
    sizes = [127, 128]
    centers = random_centers(5, sizes)
    cells = nearest_classes(centers)
    truth = cells[np.random.default_rng(5).permutation(len(cells))]
    cases = []
    for size, classes in zip(sizes, truth.T, strict=True):
        posteriors = np.full((len(truth), size), 1e-9)
        posteriors[np.arange(len(truth)), classes] = 1 - (size - 1) * 1e-9
        cases.append(Case(posteriors, np.full((size, size), 1 / size), np.zeros((size + 1,) * order)))
    assert np.array_equal(np.transpose(joint_labels(cases, centers)), truth)


@orders
def test_more_cells_are_an_error(order):
    sizes = [128, 128]
    cases = [
        Case(np.eye(size)[[0]], np.full((size, size), 1 / size), np.broadcast_to(0.0, (size + 1,) * order))
        for size in sizes
    ]
    with pytest.raises(ValueError, match="255 cells of 2 tasks; joint decoding takes 254 at most"):
        joint_labels(cases, random_centers(5, sizes))


def test_an_order_above_three_is_an_error():
    cases = [random_case(4, seed=1, num_classes=2, frames=3) for _ in range(2)]
    with pytest.raises(ValueError, match="language models of order 1 to 3, not 4"):
        joint_labels(cases, random_centers(1, [2, 2]))


def test_too_many_states_are_an_error_that_names_the_fix():
    sizes = [20] * 5
    cases = [random_case(3, seed=i, num_classes=size, frames=1) for i, size in enumerate(sizes)]
    with pytest.raises(ValueError, match="too many states; take bigrams"):
        joint_labels(cases, random_centers(1, sizes))


@orders
def test_no_possible_path_is_an_error(order):
    """Each task can be in its first class only, or in its last only, which no value is in at once."""
    cases = [Case(np.eye(2)[[place]], np.full((2, 2), 0.5), np.zeros((3,) * order)) for place in (0, 1)]
    with pytest.raises(ValueError, match="no label sequence has a probability above zero"):
        joint_labels(cases, [np.array([0.0, 1.0]), np.array([0.0, 1.0])])


def test_tasks_of_other_lengths_are_an_error():
    cases = [random_case(2, seed=1, num_classes=2, frames=frames) for frames in (3, 4)]
    with pytest.raises(ValueError, match="tasks of 3, 4 frames"):
        joint_labels(cases, random_centers(1, [2, 2]))


@pytest.mark.parametrize("task", [0, 1])
@pytest.mark.parametrize("value", [np.nan, 2.0, -1.0])
def test_posteriors_that_are_none_are_errors(task, value):
    cases = [random_case(2, seed=1, num_classes=2, frames=3) for _ in range(2)]
    cases[task].posteriors[1, 0] = value
    with pytest.raises(ValueError, match="posteriors"):
        joint_labels(cases, random_centers(1, [2, 2]))
