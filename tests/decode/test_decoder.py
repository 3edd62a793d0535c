"""Decoding against brute force over all label sequences, which shares no code with the decoders."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from oracles import (
    LN10,
    ORDERS,
    SELF_LOOPS,
    Case,
    any_case,
    backed_off,
    every_path,
    every_score,
    random_case,
    regions_of,
    score,
    seeds,
    sparse_grams,
    write_arpa,
)

from emoseq.decode.decoder import Decoder, decode
from emoseq.decode.graph import SEARCHES, build_graph, check_size
from emoseq.decode.score import Scoring, acoustic_score, language_model_score
from emoseq.lm.arpa import format_arpa
from emoseq.lm.table import LazyTable, tabulate
from emoseq.lm.witten_bell import witten_bell

SLACK = {"rel": 1e-9, "abs": 1e-9}


def decoded(case, **options):
    return decode(*case.problem, case.scoring, initial=case.initial, **options)


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_exact_search_finds_the_maximum_of_brute_force(order, seed):
    case = any_case(order, seed)
    _, totals = every_score(case)
    assume(totals.max() > -np.inf)
    found = decoded(case)
    assert score([found.labels], case).total[0] == pytest.approx(totals.max(), **SLACK)


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=80, deadline=None)
@given(seed=seeds)
def test_beam_that_holds_all_states_finds_the_maximum_of_brute_force(order, seed):
    case = any_case(order, seed)
    _, totals = every_score(case)
    assume(totals.max() > -np.inf)
    found = decoded(case, search="beam", beam=(case.num_classes + 1) ** order)
    assert not found.pruned
    assert score([found.labels], case).total[0] == pytest.approx(totals.max(), **SLACK)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_claimed_scores_are_those_of_the_labels(order, search, seed):
    case = any_case(order, seed, zeros=False)
    found = decoded(case, search=search, beam=3)
    am, lm, total = (values[0] for values in score([found.labels], case))
    assert (found.am, found.lm, found.total) == (
        pytest.approx(am, **SLACK),
        pytest.approx(lm, **SLACK),
        pytest.approx(total, **SLACK),
    )


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("order", ORDERS)
def test_impossible_transitions_and_posteriors_are_avoided(order, search):
    case = random_case(order, seed=5, num_classes=3, frames=6, scoring=Scoring(lm_weight=2.0))
    paths, totals = every_score(case)
    best = paths[totals.argmax()]
    case.posteriors[2, best[2]] = 0
    case.posteriors[2] /= case.posteriors[2].sum()
    case.transitions[best[3], best[4]] = 0
    paths, totals = every_score(case)
    assert decoded(case, search=search).labels.tolist() == paths[totals.argmax()].tolist()


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("order", ORDERS)
def test_no_possible_sequence_is_an_error(order, search):
    """Each class is sure in one frame, and none can be left."""
    with pytest.raises(ValueError, match="no label sequence has a probability above zero"):
        decode([[1.0, 0.0], [0.0, 1.0]], np.eye(2), np.zeros((3,) * order), search=search)


@pytest.mark.parametrize("search", SEARCHES)
def test_a_first_class_that_cannot_be_is_not_chosen(search):
    case = random_case(2, seed=1, num_classes=3, frames=1)
    likeliest = int(case.posteriors[0].argmax())
    case = case._replace(initial=np.where(np.arange(3) == likeliest, 0.0, 0.5))
    assert decoded(case, search=search).labels[0] != likeliest


@pytest.mark.parametrize("search", SEARCHES)
def test_weight_zero_asks_the_language_model_nothing(search):
    """It may even call the best path impossible."""
    posteriors, transitions = [[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]]
    found = decode(posteriors, transitions, np.array([-np.inf, -1.0, -1.0]), Scoring(lm_weight=0.0), search=search)
    assert found.total == pytest.approx(np.log(0.9**3))


@pytest.mark.parametrize("order", ORDERS)
def test_moves_have_one_layout_whatever_the_order(order):
    """Each search is compiled for each layout, which takes seconds."""
    case = random_case(order, seed=3, num_classes=3, frames=1)
    assert build_graph(case.transitions, case.table, case.scoring).moves.flags.c_contiguous


def test_weight_zero_is_a_textbook_viterbi():
    posteriors, transitions, table = random_case(3, seed=7, num_classes=4, frames=200).problem
    log_a, log_y = np.log(transitions), np.log(posteriors)
    best, back = log_y[0], []
    for frame in range(1, 200):
        candidates = best[:, None] + log_a
        back.append(candidates.argmax(axis=0))
        best = candidates.max(axis=0) + log_y[frame]
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    assert decode(posteriors, transitions, table).labels.tolist() == path[::-1]


def best_trigram_total(case):
    """Viterbi over all pairs (region before, current region), in numpy."""
    size, weight = len(case.table), case.scoring.lm_weight
    log_y, log_a, lm = np.log(case.posteriors), np.log(case.transitions), weight * case.table
    begin = size - 1
    best = np.full((size, size - 1), -np.inf)
    best[begin] = lm[begin, begin, :-1] + log_y[0]
    leaving = lm[:, :-1, :-1] + log_a + np.where(np.eye(size - 1, dtype=bool), -np.inf, 0.0)
    for frame in log_y[1:]:
        moved = (best[:, :, None] + leaving).max(axis=0)
        best = best + log_a.diagonal()
        best[:begin] = np.maximum(best[:begin], moved)
        best = best + frame
    return (best + lm[:, :-1, -1]).max()


@pytest.mark.parametrize("weight", [0.0, 1.0, 6.0, 30.0])
@pytest.mark.parametrize("sticky", [False, True])
def test_a_long_signal_gets_the_score_of_viterbi_over_dense_states(weight, sticky):
    case = random_case(3, seed=13, num_classes=10, frames=2000, scoring=Scoring(lm_weight=weight))
    case = case._replace(transitions=SELF_LOOPS) if sticky else case
    found = decoded(case)
    assert score([found.labels], case).total[0] == pytest.approx(best_trigram_total(case), rel=1e-12)


def test_decoders_agree_on_a_long_signal():
    posteriors = np.random.default_rng(3).dirichlet(np.full(10, 0.3), size=3000)
    regions = [[0, 1, 2, 1, 3, 2, 4, 5, 9, 8, 7, 6]]
    table = np.log(np.maximum(witten_bell(regions, 10, 3)[-1], 1e-99))
    case = Case(posteriors, SELF_LOOPS, table, Scoring(lm_weight=6.0))
    assert decoded(case).labels.tolist() == decoded(case, search="beam", beam=110).labels.tolist()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("options", [{}, {"search": "beam"}, {"search": "beam", "beam": 2}], ids=str)
def test_of_equally_good_paths_one_is_found(order, options):
    """Every region costs the same, so all paths of equally many regions tie."""
    uniform = Case(
        np.full((6, 3), 1 / 3), np.full((3, 3), 1 / 3), np.full((4,) * order, np.log(1 / 4)), Scoring(lm_weight=1.0)
    )
    found = decoded(uniform, **options)
    assert score([found.labels], uniform).total[0] == pytest.approx(every_score(uniform)[1].max())


@pytest.mark.parametrize("beam", [1, 2, 10])
def test_narrow_beam_scores_no_better_than_exact_and_says_that_it_pruned(beam):
    case = random_case(3, seed=11, num_classes=6, frames=300, scoring=Scoring(lm_weight=4.0))
    narrow = decoded(case, search="beam", beam=beam)
    assert narrow.pruned
    assert narrow.total <= decoded(case).total


def best_of_a_plain_beam(case, beam):
    """The total that is left of the best hypotheses of each frame, one for each LM state, kept in a dict."""
    weight, order, end = case.scoring.lm_weight, case.table.ndim, len(case.table) - 1
    log_y, log_a = np.log(case.posteriors), np.log(case.transitions)

    def lm(history, word):
        return weight * case.table[(*history[len(history) - order + 1 :], word)]

    def best(hypotheses):
        return dict(sorted(hypotheses.items(), key=lambda item: -item[1])[:beam])

    begin = (end,) * max(1, order - 1)
    kept = best({(*begin[1:], label): lm(begin, label) + log_y[0, label] for label in range(end)})
    for frame in log_y[1:]:
        reached = {}
        for history, total in kept.items():
            for label in range(end):
                stays = label == history[-1]
                state = history if stays else (*history[1:], label)
                score = total + log_a[history[-1], label] + frame[label] + (0 if stays else lm(history, label))
                reached[state] = max(score, reached.get(state, -np.inf))
        kept = best(reached)
    return max(total + lm(history, end) for history, total in kept.items())


@pytest.mark.parametrize("beam", [1, 2, 5, 10, 30])
@pytest.mark.parametrize("order", ORDERS)
def test_a_narrow_beam_keeps_the_best_hypotheses_of_each_frame(order, beam):
    case = random_case(order, seed=14, num_classes=4, frames=40, scoring=Scoring(lm_weight=2.0))
    assert decoded(case, search="beam", beam=beam).total == pytest.approx(best_of_a_plain_beam(case, beam), rel=1e-9)


@pytest.mark.parametrize(("beam", "pruned"), [(2, True), (3, False)])
def test_what_the_first_frame_drops_counts_as_pruned(beam, pruned):
    case = random_case(2, seed=15, num_classes=3, frames=1)
    assert decoded(case, search="beam", beam=beam).pruned == pruned


def test_a_beam_is_exact_with_exactly_as_many_hypotheses_as_states():
    """For a trigram K * K: the pairs of two classes, and the first regions."""
    case = random_case(3, seed=12, num_classes=4, frames=200, scoring=Scoring(lm_weight=3.0))
    found = decoded(case, search="beam", beam=16)
    assert not found.pruned
    assert found.total == pytest.approx(decoded(case).total, rel=1e-12)


def test_a_decoder_remembers_nothing_of_the_utterances_before():
    case = random_case(3, seed=20, num_classes=4, frames=50, scoring=Scoring(lm_weight=2.0))
    decoder = Decoder(case.transitions, case.table, case.scoring)
    first = decoder(case.posteriors)
    decoder(case.posteriors[::-1])
    assert decoder(case.posteriors).labels.tolist() == first.labels.tolist()


@pytest.mark.parametrize(
    ("scoring", "initial", "am", "lm"),
    [
        (Scoring(), None, np.log(0.5 * 0.75 * 0.8 * 0.1 * 0.6), np.log(0.8 * 0.6 * 0.3)),
        (Scoring(score_end=False), None, np.log(0.5 * 0.75 * 0.8 * 0.1 * 0.6), np.log(0.8 * 0.6)),
        (Scoring(log_base="10"), None, np.log(0.5 * 0.75 * 0.8 * 0.1 * 0.6), np.log10(0.8 * 0.6 * 0.3)),
        (Scoring(acoustic_scale=2.0), None, np.log(0.3**2 * 0.1 * 0.6), np.log(0.8 * 0.6 * 0.3)),
        (Scoring(), [0.2, 0.8], np.log(0.2 * 0.5 * 0.75 * 0.8 * 0.1 * 0.6), np.log(0.8 * 0.6 * 0.3)),
    ],
    ids=["plain", "no end", "base 10", "scaled", "initial"],
)
def test_scores_of_a_path_by_hand(scoring, initial, am, lm):
    posteriors = np.array([[0.5, 0.5], [0.25, 0.75], [0.2, 0.8]])
    transitions = np.array([[0.9, 0.1], [0.4, 0.6]])
    table = np.log([[0.3, 0.6, 0.1], [0.5, 0.2, 0.3], [0.8, 0.1, 0.1]])
    assert acoustic_score([0, 1, 1], posteriors, transitions, scoring, initial=initial) == pytest.approx(am)
    assert language_model_score([0, 1, 1], table, scoring) == pytest.approx(lm)


@pytest.mark.parametrize("order", [1, 3])
def test_the_oracle_scores_a_path_as_by_hand(order):
    """r1 r0 r1 of two classes, index 2 standing for <s> and </s>."""
    case = random_case(order, seed=4, num_classes=2, frames=5, scoring=Scoring(lm_weight=2.0), prior=True)
    (y, a, t), pi = case.problem, case.initial
    lm = t[1] + t[0] + t[1] + t[2] if order == 1 else t[2, 2, 1] + t[2, 1, 0] + t[1, 0, 1] + t[0, 1, 2]
    am = np.log(pi[1] * y[0, 1] * a[1, 1] * y[1, 1] * a[1, 0] * y[2, 0] * a[0, 1] * y[3, 1] * a[1, 1] * y[4, 1])
    assert score([[1, 1, 0, 1, 1]], case).total[0] == pytest.approx(am + 2 * lm)


GOOD = [[0.4, 0.6], [0.7, 0.3]]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(
    ("posteriors", "message"),
    [
        ([[0.4, 0.6], [0.7, 0.4]], "posteriors of frame 2 sum to 1.1, not to 1"),
        ([[0.4, 0.6], [0.0, 0.0]], "posteriors of frame 2 sum to 0, not to 1"),
        ([[0.4, 0.6], [0.7, np.nan]], "must be probabilities, not NaN"),
        ([[0.4, 0.6], [np.inf, 0.0]], "must be probabilities, not NaN or infinite"),
        ([[0.4, 0.6], [1.5, -0.5]], "must be probabilities, .* negative"),
        (np.log(GOOD), "must be probabilities, .* negative"),
        ([[0.2, 0.3, 0.5]], r"shape \(1, 3\) for 2 classes"),
        ([[1.0]], r"shape \(1, 1\) for 2 classes"),
        ([0.4, 0.6], r"shape \(2,\) for 2 classes"),
        ([], r"shape \(0,\) for 2 classes"),
        (np.empty((0, 2)), "no frames"),
    ],
    ids=["sum", "zeros", "NaN", "infinite", "negative", "logs", "K + 1", "K - 1", "vector", "nothing", "no frame"],
)
def test_posteriors_that_are_none_are_errors(posteriors, message, search):
    with pytest.raises(ValueError, match=message):
        decode(posteriors, GOOD, np.zeros((3, 3)), search=search)


def test_posteriors_in_single_precision_sum_to_one_well_enough():
    case = random_case(2, seed=6, num_classes=4, frames=100, scoring=Scoring(lm_weight=2.0))
    single = case._replace(posteriors=case.posteriors.astype(np.float32))
    assert decoded(single).labels.tolist() == decoded(case).labels.tolist()


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(
    ("transitions", "table", "initial"),
    [
        (GOOD, np.zeros((4, 4)), None),
        (GOOD, np.zeros((2, 2)), None),
        ([*GOOD, [0.5, 0.5]], np.zeros((4, 4)), None),
        (np.full((2, 3), 1 / 3), np.zeros((3, 3)), None),
        (GOOD, np.zeros((3, 3)), [0.2, 0.3, 0.5]),
        (GOOD, np.zeros((3, 3)), [1.0]),
    ],
    ids=["larger LM", "smaller LM", "more rows", "more columns", "longer prior", "shorter prior"],
)
def test_shapes_that_disagree_are_errors(transitions, table, initial, search):
    with pytest.raises(ValueError, match=r"shape|classes"):
        decode(GOOD, transitions, table, initial=initial, search=search)


@pytest.mark.parametrize("options", [{"search": "best"}, {"search": "beam", "beam": 0}, {"search": "beam", "beam": -1}])
def test_an_unknown_search_or_an_empty_beam_is_an_error(options):
    with pytest.raises(ValueError, match="choose exact or beam"):
        decode(GOOD, GOOD, np.zeros((3, 3)), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lm_weight": -1.0}, "--lm-weight"),
        ({"lm_weight": np.nan}, "--lm-weight"),
        ({"lm_weight": np.inf}, "--lm-weight"),
        ({"acoustic_scale": 0.0}, "--acoustic-scale"),
        ({"acoustic_scale": np.nan}, "--acoustic-scale"),
        ({"log_base": "2"}, "--log-base 2: choose e or 10"),
    ],
)
def test_scoring_that_makes_no_sense_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        Scoring(**options)


def test_too_many_states_are_an_error_that_names_the_beam():
    case = Case(np.full((1, 40), 1 / 40), np.full((40, 40), 1 / 40), np.broadcast_to(0.0, (41,) * 5))
    with pytest.raises(ValueError, match=r"order 5 with 40 classes takes \d+ MB, .*--search beam"):
        decoded(case)


def test_an_utterance_too_long_for_its_backpointers_is_an_error_that_names_the_beam():
    with pytest.raises(ValueError, match=r"--search beam"):
        check_size(4, 30, frames=10**6)


def test_more_classes_than_a_byte_counts_are_an_error():
    with pytest.raises(ValueError, match=r"255 classes; .* 254 at most"):
        decode(np.full((1, 255), 1 / 255), np.full((255, 255), 1 / 255), np.zeros((256, 256)))


def test_a_beam_takes_more_classes_than_a_byte_counts():
    truth = np.random.default_rng(1).integers(200, 300, size=30)
    posteriors = np.eye(300)[truth]
    found = decode(posteriors, np.full((300, 300), 1 / 300), np.broadcast_to(0.0, (301, 301)), search="beam")
    assert found.labels.tolist() == truth.tolist()


@pytest.mark.parametrize("order", [1, 2])
def test_as_many_classes_as_allowed_are_told_apart(order):
    """Backpointers are bytes: 254 classes and the mark of a frame that stays need 255 of them."""
    case = random_case(order, seed=2, num_classes=254, frames=30)
    truth = np.random.default_rng(2).integers(200, 254, size=30)
    posteriors = np.full((30, 254), 1e-9)
    posteriors[np.arange(30), truth] = 1
    case = case._replace(posteriors=posteriors / posteriors.sum(axis=1, keepdims=True))
    assert decoded(case._replace(transitions=np.full((254, 254), 1 / 254))).labels.tolist() == truth.tolist()


def test_beam_finds_the_maximum_where_the_states_are_too_many(tmp_path):
    """40 classes and order 5; brute force can follow since only 3 classes have a probability."""
    grams = sparse_grams(8, 40, 5, sentences=40)
    lm = LazyTable(write_arpa(tmp_path / "x.arpa", grams), 40)
    possible, frames, weight = np.array([3, 17, 39]), 7, 2.0
    random = np.random.default_rng(8)
    posteriors = np.zeros((frames, 40))
    posteriors[:, possible] = random.dirichlet(np.full(3, 0.5), size=frames)
    transitions = random.dirichlet(np.full(40, 0.7), size=40)

    def lm_by_definition(regions):
        words = ["<s>", *(f"r{region}" for region in regions), "</s>"]
        return LN10 * sum(backed_off(grams, tuple(words[max(0, i - 4) : i]), words[i]) for i in range(1, len(words)))

    paths = possible[every_path(3, frames)]
    case = Case(posteriors, transitions, np.zeros(41))  # the language model apart
    best = (score(paths, case).am + weight * np.array([lm_by_definition(regions_of(path)) for path in paths])).max()
    found = decode(posteriors, transitions, lm, Scoring(lm_weight=weight), search="beam", beam=3 * 4**3)
    assert found.total == pytest.approx(best, rel=1e-6)  # kenlm has single precision


@pytest.fixture(scope="module")
def twelve_classes(tmp_path_factory):
    """A case of order 5 with its table, and the rows of the same model."""
    case = random_case(1, seed=9, num_classes=12, frames=120, scoring=Scoring(lm_weight=1.0))
    path = tmp_path_factory.mktemp("lm") / "x.arpa"
    lm = LazyTable(write_arpa(path, sparse_grams(9, 12, 5, sentences=60)), 12)
    return case._replace(table=lm.full()), lm


@pytest.mark.parametrize("options", [{"search": "exact"}, {"search": "beam", "beam": 200}], ids=SEARCHES)
def test_beam_with_rows_on_demand_equals_the_search_of_the_whole_table(twelve_classes, options):
    case, lm = twelve_classes
    rows = decoded(case._replace(table=lm), search="beam", beam=200)
    assert rows.labels.tolist() == decoded(case, **options).labels.tolist()


def test_a_lazy_table_is_tabulated_for_exact_search(tmp_path):
    (tmp_path / "x.arpa").write_text(format_arpa(witten_bell([[0, 1, 0], [1]], 2, 3)))
    problem = random_case(1, seed=5, num_classes=2, frames=6).problem[:2]
    lazy = LazyTable(tmp_path / "x.arpa", 2)
    expected = decode(*problem, tabulate(tmp_path / "x.arpa", 2), Scoring(lm_weight=2.0))
    assert decode(*problem, lazy, Scoring(lm_weight=2.0)).total == expected.total


def test_a_beam_whose_hypotheses_all_die_says_that_it_was_too_narrow():
    """Only 1 1 is possible, but 0 looks better at first."""
    posteriors = [[0.9, 0.1], [0.0, 1.0]]
    with pytest.raises(ValueError, match="larger --beam"):
        decode(posteriors, np.eye(2), np.zeros((3, 3)), search="beam", beam=1)
    assert decode(posteriors, np.eye(2), np.zeros((3, 3))).labels.tolist() == [1, 1]
