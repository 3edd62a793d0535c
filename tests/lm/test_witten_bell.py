"""The language model: estimates by hand, ARPA files parsed by the test, and kenlm as the oracle of tables."""

import itertools
import re

import kenlm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import LN10, ORDERS, backed_off, sparse_grams, write_arpa

from emoseq import DataError
from emoseq.lm.arpa import format_arpa
from emoseq.lm.regions import LmOptions, parse_regions
from emoseq.lm.table import LazyTable, score_sequence, tabulate
from emoseq.lm.witten_bell import witten_bell

# Two classes. Region counts: r0 3, r1 1, </s> 2.
CORPUS = [[0, 1, 0], [0]]
END = 2  # </s> as the next region, <s> as a history

# As SRILM or lmplz would write it: pruned, with back-off weights. Probabilities are log10.
BACKED_OFF = """\\data\\
ngram 1=6
ngram 2=5
ngram 3=2

\\1-grams:
-2.0\t<unk>
-99\t<s>\t-0.30
-0.8\t</s>
-0.4\tr0\t-0.25
-0.6\tr1\t-0.15
-0.9\tr2\t-0.05

\\2-grams:
-0.2\t<s> r0\t-0.12
-0.3\tr0 r1\t-0.22
-0.5\tr1 r0\t-0.31
-0.7\tr1 </s>
-0.6\tr2 r1

\\3-grams:
-0.1\t<s> r0 r1
-0.45\tr1 r0 r1

\\end\\
"""


# As lmplz would write it, with a column of back-off weights that nothing uses.
UNIGRAM = """\\data\\
ngram 1=6

\\1-grams:
-1.5\t<unk>\t0
0\t<s>\t0
-0.7\t</s>\t0
-0.3\tr0\t0
-0.6\tr1\t0
-0.9\tr2\t0

\\end\\
"""


def collapsed(words):
    return [word for word, _ in itertools.groupby(words)]


def random_regions(seed, num_classes, utterances, longest=9):
    random = np.random.default_rng(seed)
    return [
        collapsed(random.integers(num_classes, size=random.integers(1, longest)).tolist()) for _ in range(utterances)
    ]


def histories(num_classes, length):
    """All that can come before a region; num_classes is <s>, which never comes after a region."""
    return [
        history
        for history in itertools.product(range(num_classes + 1), repeat=length)
        if all(b < num_classes or a == num_classes for a, b in itertools.pairwise(history))
    ]


def words_of(history, num_classes):
    """As an n-gram has them: <s> once."""
    regions = [f"r{region}" for region in history if region < num_classes]
    return ("<s>", *regions) if len(regions) < len(history) else tuple(regions)


corpora = st.integers(2, 4).flatmap(
    lambda k: st.tuples(
        st.just(k), st.lists(st.lists(st.integers(0, k - 1), min_size=1, max_size=8).map(collapsed), min_size=1)
    )
)


def quiet_model(path):
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    return kenlm.Model(str(path), config)


def kenlm_score(model, regions):
    """Natural log, summed in double precision."""
    return LN10 * sum(score for score, _, _ in model.full_scores(" ".join(f"r{region}" for region in regions)))


def parse_arpa(text):
    """Stated counts and, by order, {words: log10 probability}."""
    counts = {int(n): int(c) for n, c in re.findall(r"^ngram (\d+)=(\d+)$", text, re.MULTILINE)}
    grams = {}
    for order in counts:
        section = re.search(rf"^\\{order}-grams:\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)[1]
        entries = [line.split("\t") for line in section.split("\n")]
        grams[order] = {tuple(entry[1].split(" ")): float(entry[0]) for entry in entries}
        assert len(grams[order]) == len(entries), "an n-gram comes twice"
    return counts, grams


@pytest.mark.parametrize(
    ("word", "expected"),
    # c(w) + T / 3 over N + T, with N = 6 regions and T = 3 kinds
    [(0, (3 + 1) / 9), (1, (1 + 1) / 9), (END, (2 + 1) / 9)],
)
def test_unigram_by_hand(word, expected):
    assert witten_bell(CORPUS, 2, 1)[0][word] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("history", "word", "expected"),
    [
        # After r0 (3 times, 2 kinds) the unigram of what may follow is 2/9 and 3/9, so 2/5 and 3/5.
        (0, 1, (1 + 2 * 2 / 5) / (3 + 2)),
        (0, END, (2 + 2 * 3 / 5) / (3 + 2)),
        # After r1 (once) it is 4/9 and 3/9, so 4/7 and 3/7.
        (1, 0, (1 + 1 * 4 / 7) / (1 + 1)),
        # After <s> (twice, 1 kind) everything may follow.
        (END, 0, (2 + 1 * 4 / 9) / (2 + 1)),
        (END, 1, (0 + 1 * 2 / 9) / (2 + 1)),
    ],
)
def test_bigram_by_hand(history, word, expected):
    assert witten_bell(CORPUS, 2, 2)[1][history, word] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("history", "word", "expected"),
    [
        ((0, 1), 0, (1 + 1 * 11 / 14) / (1 + 1)),  # once, and P(r0 | r1) = 11/14
        ((END, 0), 1, (1 + 2 * 9 / 25) / (2 + 2)),  # twice, 2 kinds, and P(r1 | r0) = 9/25
        ((END, 1), 0, 11 / 14),  # never, so the bigram
    ],
)
def test_trigram_by_hand(history, word, expected):
    assert witten_bell(CORPUS, 2, 3)[2][(*history, word)] == pytest.approx(expected, rel=1e-12)


def test_a_class_that_never_comes_can_come():
    assert witten_bell(CORPUS, 3, 2)[1][0, 2] > 0


@settings(max_examples=40, deadline=None)
@given(corpora, st.integers(1, 4))
def test_probabilities_after_every_history_sum_to_one(corpus, order):
    num_classes, sequences = corpus
    for table in witten_bell(sequences, num_classes, order):
        np.testing.assert_allclose(table.sum(axis=-1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("order", [2, 3])
def test_no_region_follows_itself(order):
    table = witten_bell(random_regions(0, 4, 5), 4, order)[-1]
    for region in range(4):
        assert not table[..., region, region].any()


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_arpa_states_the_counts_that_it_lists(order):
    counts, grams = parse_arpa(format_arpa(witten_bell(CORPUS, 2, order)))
    assert counts == {n: len(grams[n]) for n in range(1, order + 1)}


@pytest.mark.parametrize("order", [1, 2, 3])
def test_arpa_lists_every_ngram(order):
    """A sentence begins with one <s> and ends with one </s>."""
    _, grams = parse_arpa(format_arpa(witten_bell(CORPUS, 2, order)))
    regions, begin, end = ("r0", "r1"), ("<s>", "r0", "r1"), ("r0", "r1", "</s>")
    assert set(grams[1]) == {(w,) for w in ("<unk>", "<s>", *end)}
    for n in range(2, order + 1):
        assert set(grams[n]) == set(itertools.product(begin, *[regions] * (n - 2), end))


def test_arpa_holds_the_probabilities_as_decimal_logarithms():
    _, grams = parse_arpa(format_arpa(witten_bell(CORPUS, 2, 3)))
    assert grams[1]["r1",] == pytest.approx(np.log10(2 / 9), rel=1e-6)
    assert grams[2]["r0", "r1"] == pytest.approx(np.log10(9 / 25), rel=1e-6)
    assert grams[3]["<s>", "r0", "r1"] == pytest.approx(np.log10(0.43), rel=1e-6)


@pytest.mark.parametrize("ngram", [("r0", "r0"), ("r1", "r0", "r0"), ("<s>", "r1", "r1")])
def test_arpa_has_impossible_ngrams_at_minus_99(ngram):
    _, grams = parse_arpa(format_arpa(witten_bell(CORPUS, 2, 3)))
    assert grams[len(ngram)][ngram] == -99


@settings(max_examples=25, deadline=None)
@given(corpora, st.integers(2, 5), st.integers(0, 10**6))
def test_table_of_an_arpa_file_scores_as_kenlm(tmp_path_factory, corpus, order, seed):
    num_classes, sequences = corpus
    path = tmp_path_factory.mktemp("lm") / "x.arpa"
    path.write_text(format_arpa(witten_bell(sequences, num_classes, order)))
    model, table = quiet_model(path), tabulate(path, num_classes)
    for regions in random_regions(seed, num_classes, 5):
        assert score_sequence(table, regions) == pytest.approx(kenlm_score(model, regions), rel=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_arpa_means_what_the_estimate_says(order):
    """Scores straight from the text: the longest n-gram that is listed, since nothing backs off."""
    training = random_regions(1, 3, 6)
    tables = witten_bell(training, 3, order)
    _, grams = parse_arpa(format_arpa(tables))
    for regions in random_regions(2, 3, 20):
        words = ["<s>", *(f"r{region}" for region in regions), "</s>"]
        windows = [tuple(words[max(0, end - order + 1) : end + 1]) for end in range(1, len(words))]
        expected = LN10 * sum(grams[len(window)][window] for window in windows)
        with np.errstate(divide="ignore"):
            assert score_sequence(np.log(tables[-1]), regions) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_that_the_options_accept_can_be_tabulated(tmp_path, order):
    (accepted,) = LmOptions(orders=(order,)).orders
    (tmp_path / "x.arpa").write_text(format_arpa(witten_bell(CORPUS, 2, accepted)))
    assert tabulate(tmp_path / "x.arpa", 2).ndim == order


@pytest.mark.parametrize("order", ORDERS)
def test_table_of_an_arpa_file_is_the_estimate(tmp_path, order):
    """To the single precision of kenlm."""
    tables = witten_bell(random_regions(4, 3, 8), 3, order)
    (tmp_path / "x.arpa").write_text(format_arpa(tables))
    table = tabulate(tmp_path / "x.arpa", 3)
    for history in histories(3, order - 1):
        expected = np.log(np.maximum(tables[-1][history], 1e-99))
        np.testing.assert_allclose(table[history], expected, rtol=1e-5, atol=1e-5)


def test_table_of_a_pruned_model_with_back_off_scores_as_kenlm(tmp_path):
    path = tmp_path / "x.arpa"
    path.write_text(BACKED_OFF)
    model, table = quiet_model(path), tabulate(path, 3)
    for length in range(1, 5):
        for regions in itertools.product(range(3), repeat=length):
            assert score_sequence(table, regions) == pytest.approx(kenlm_score(model, regions), rel=1e-5)


@pytest.mark.parametrize(
    ("history", "word", "expected"),
    [
        ((1, 0), 1, -0.45),  # listed
        ((1, 0), 2, -0.31 - 0.25 - 0.9),  # two back-offs
        ((0, 1), 0, -0.22 - 0.5),  # one
        ((3, 0), 1, -0.1),  # <s> r0 r1
        ((3, 0), 2, -0.12 - 0.25 - 0.9),  # <s> r0, then r2
        ((3, 3), 0, -0.2),  # <s> alone
        ((3, 3), 1, -0.30 - 0.6),
        ((3, 3), 3, -0.30 - 0.8),  # an utterance without a region
    ],
)
def test_back_off_by_hand(tmp_path, history, word, expected):
    (tmp_path / "x.arpa").write_text(BACKED_OFF)
    table = tabulate(tmp_path / "x.arpa", 3)
    assert table[(*history, word)] == pytest.approx(LN10 * expected, rel=1e-5)


def test_histories_shorter_than_the_order_begin_at_the_sentence(tmp_path):
    """A 4-gram of <s> r0 alone is listed nowhere, its 2-gram and 3-gram are."""
    path = tmp_path / "x.arpa"
    path.write_text(format_arpa(witten_bell(random_regions(3, 3, 8), 3, 4)))
    model, table = quiet_model(path), tabulate(path, 3)
    first = LN10 * next(iter(model.full_scores("r0 r1 r2", eos=False)))[0]
    second = LN10 * list(model.full_scores("r0 r1 r2", eos=False))[1][0]
    assert table[3, 3, 3, 0] == pytest.approx(first, rel=1e-6)
    assert table[3, 3, 0, 1] == pytest.approx(second, rel=1e-6)


def assert_rows_are_those_of_the_table(path, num_classes, **options):
    lm, table = LazyTable(path, num_classes, **options), tabulate(path, num_classes, **options)
    assert lm.ndim == table.ndim
    for history in histories(num_classes, table.ndim - 1):
        assert np.array_equal(lm[history], table[history]), history


@pytest.mark.parametrize("renormalize", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_rows_on_demand_are_those_of_the_table(tmp_path, order, renormalize):
    (tmp_path / "x.arpa").write_text(format_arpa(witten_bell(random_regions(5, 3, 8), 3, order)))
    assert_rows_are_those_of_the_table(tmp_path / "x.arpa", 3, renormalize=renormalize)


@pytest.mark.parametrize("renormalize", [False, True])
def test_rows_on_demand_of_a_pruned_model_are_those_of_the_table(tmp_path, renormalize):
    (tmp_path / "x.arpa").write_text(BACKED_OFF)
    assert_rows_are_those_of_the_table(tmp_path / "x.arpa", 3, renormalize=renormalize)


def test_rows_may_be_asked_for_in_any_order(tmp_path):
    path = write_arpa(tmp_path / "x.arpa", sparse_grams(1, 3, 4))
    lm, asked = LazyTable(path, 3), histories(3, 3)
    forwards = [lm[history] for history in asked]
    assert np.array_equal([lm[history] for history in asked[::-1]], forwards[::-1])


@pytest.mark.parametrize("order", ORDERS[1:])
@pytest.mark.parametrize("seed", range(3))
def test_rows_of_a_pruned_model_are_those_of_the_definition_of_back_off(tmp_path, seed, order):
    grams = sparse_grams(seed, 3, order, sentences=3)
    lm = LazyTable(write_arpa(tmp_path / "x.arpa", grams), 3)
    for history in histories(3, order - 1):
        words = words_of(history, 3)
        expected = [LN10 * backed_off(grams, words, word) for word in ("r0", "r1", "r2", "</s>")]
        np.testing.assert_allclose(lm[history], expected, rtol=1e-5, err_msg=str(words))


def test_score_of_a_sequence_by_hand():
    """<s> r1 r0 </s> as bigrams."""
    table = np.arange(9.0).reshape(3, 3)
    assert score_sequence(table, [1, 0]) == 7 + 3 + 2


def test_score_of_a_unigram_has_no_history():
    assert score_sequence(np.array([1.0, 10.0, 100.0]), [1, 0, 1]) == 121.0


def test_score_of_a_sequence_without_its_end_by_hand():
    """<s> r1 r0 as bigrams."""
    assert score_sequence(np.arange(9.0).reshape(3, 3), [1, 0], end=False) == 7 + 3


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("end", [True, False])
def test_score_of_a_sequence_is_the_same_from_rows_and_table(tmp_path, order, end):
    path = tmp_path / "x.arpa"
    path.write_text(format_arpa(witten_bell(random_regions(6, 3, 8), 3, order)))
    for regions in random_regions(7, 3, 5):
        scores = [score_sequence(lm, regions, end=end) for lm in (LazyTable(path, 3), tabulate(path, 3))]
        assert scores[0] == scores[1]


UNIGRAM_ROW = LN10 * np.array([-0.3, -0.6, -0.9, -0.7])


@pytest.mark.parametrize(
    "text",
    [
        UNIGRAM,
        re.sub(r"\t0$", "", UNIGRAM, flags=re.MULTILINE),
        UNIGRAM.replace("\t", "  "),
        UNIGRAM.replace("\n", "\r\n"),
        UNIGRAM.replace("ngram 1=6", "ngram 1 = 6"),
        UNIGRAM.replace("-0.7\t</s>\t0", "\n-0.7\t</s>\t0\n"),
        "made by hand\n\n" + UNIGRAM,
        UNIGRAM + "\n\n",
        UNIGRAM.replace("0\t<s>", "-99\t<s>"),
        UNIGRAM.replace("-0.3\tr0", "-3e-1\tr0"),
    ],
    ids=["as is", "no back-off", "blanks", "CRLF", "spaced count", "empty lines", "preamble", "trailer", "-99", "3e-1"],
)
def test_a_unigram_file_is_read_without_kenlm(tmp_path, text):
    path = tmp_path / "x.arpa"
    path.write_bytes(text.encode())
    np.testing.assert_allclose(tabulate(path, 3), UNIGRAM_ROW, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "num_classes", "message"),
    [
        (UNIGRAM.replace("ngram 1=6", "ngram 1=7"), 3, "7 1-grams stated, 6 found"),
        (UNIGRAM.replace("ngram 1=6", "ngram 1=5"), 3, "5 1-grams stated, 6 found"),
        (UNIGRAM.replace("r1", "r0"), 3, "6 1-grams stated, 5 found"),
        (UNIGRAM.replace("ngram 1=6", "ngram 1=six"), 3, "not an ARPA file"),
        (UNIGRAM.replace("-0.6\tr1\t0", "-0.6"), 3, "not an ARPA file"),
        (UNIGRAM.replace("-0.6\tr1", "r1\t-0.6"), 3, "not an ARPA file"),
        (UNIGRAM.replace("-0.6\tr1", "0.6\tr1"), 3, "not an ARPA file .*no logarithm of a probability"),
        (UNIGRAM.replace("-0.6\tr1", "nan\tr1"), 3, "not an ARPA file .*no logarithm of a probability"),
        (UNIGRAM.replace("\\1-grams:", ""), 3, "not an ARPA file"),
        (UNIGRAM.replace("\\end\\", ""), 3, "not an ARPA file"),
        (UNIGRAM[: len(UNIGRAM) // 2], 3, "not an ARPA file"),
        ("\\data\\\nngram 1=0\n\n\\1-grams:\n\n\\end\\\n", 3, "x.arpa: "),
        (UNIGRAM.replace("ngram 1=6", "ngram 1=5").replace("0\t<s>\t0\n", ""), 3, "<s> is not in the model"),
        (UNIGRAM.replace("ngram 1=6", "ngram 1=5").replace("-0.7\t</s>\t0\n", ""), 3, "</s> is not in the model"),
        (UNIGRAM.replace("ngram 1=6", "ngram 1=5").replace("-0.6\tr1\t0\n", ""), 3, "r1 is not in the model"),
        (UNIGRAM, 4, "r3 is not in the model.*4 classes"),
        (UNIGRAM, 2, "r2 is in the model.*2 classes"),
    ],
    ids=[
        "too few", "too many", "twice", "count", "no word", "turned round", "above 1", "NaN", "no section", "no end",
        "cut", "empty", "no <s>", "no </s>", "no r1", "larger K", "smaller K",
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_unigram_is_an_error_of_one_line(tmp_path, text, num_classes, message):
    path = tmp_path / "x.arpa"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as error:
        tabulate(path, num_classes)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("order", ORDERS)
def test_renormalized_probabilities_after_every_history_sum_to_one(tmp_path, order):
    path = write_arpa(tmp_path / "x.arpa", sparse_grams(2, 3, order))
    lm = LazyTable(path, 3, renormalize=True)
    for history in histories(3, order - 1):
        assert np.exp(lm[history]).sum() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("order", ORDERS[1:])
def test_renormalized_no_region_follows_itself(tmp_path, order):
    path = write_arpa(tmp_path / "x.arpa", sparse_grams(2, 3, order))
    lm = LazyTable(path, 3, renormalize=True)
    for history in histories(3, order - 1):
        impossible = [history[-1]] if history[-1] < 3 else []
        assert np.flatnonzero(lm[history] == -np.inf).tolist() == impossible


@pytest.mark.parametrize("order", ORDERS)
def test_renormalizing_keeps_the_ratios_of_what_can_follow(tmp_path, order):
    path = write_arpa(tmp_path / "x.arpa", sparse_grams(2, 3, order))
    plain, lm = LazyTable(path, 3), LazyTable(path, 3, renormalize=True)
    for history in histories(3, order - 1):
        can_follow = [word for word in range(4) if word not in history[-1:] or word == 3]
        ratios = lm[history][can_follow] - plain[history][can_follow]
        assert np.ptp(ratios) < 1e-9


def test_renormalized_unigrams_by_hand(tmp_path):
    """Only the mass of <unk> is spent, since a unigram cannot tell that a region follows itself."""
    (tmp_path / "x.arpa").write_text(UNIGRAM)
    probabilities = np.array([10**-0.3, 10**-0.6, 10**-0.9, 10**-0.7])
    row = tabulate(tmp_path / "x.arpa", 3, renormalize=True)
    np.testing.assert_allclose(np.exp(row), probabilities / probabilities.sum(), rtol=1e-12)


def test_what_wastes_no_mass_stays_as_it_is_when_renormalized(tmp_path):
    (tmp_path / "x.arpa").write_text(format_arpa(witten_bell(CORPUS, 2, 3)))
    plain, renormalized = (np.exp(tabulate(tmp_path / "x.arpa", 2, renormalize=which)) for which in (False, True))
    for history in histories(2, 2):
        np.testing.assert_allclose(renormalized[history], plain[history], atol=1e-6)


def without(word):
    """The hand-written model without the n-grams that hold a word, its counts put right."""
    lines = [line for line in BACKED_OFF.splitlines() if "\t" not in line or word not in line.split("\t")[1].split()]
    orders = [len(line.split("\t")[1].split()) for line in lines if "\t" in line]
    return re.sub(r"ngram (\d)=\d", lambda match: f"ngram {match[1]}={orders.count(int(match[1]))}", "\n".join(lines))


@pytest.mark.parametrize(
    ("text", "num_classes", "message"),
    [
        ("", 3, "not an ARPA file"),
        ("some text\nthat is no model\n", 3, "not an ARPA file"),
        ("\x00\x01\x02" * 100, 3, "not an ARPA file"),
        (BACKED_OFF[:200], 3, "not an ARPA file"),
        (BACKED_OFF.replace("ngram 2=5", "ngram 2=7"), 3, "not an ARPA file"),
        (without("<s>"), 3, "x.arpa: .*<s>"),
        (without("</s>"), 3, "x.arpa: .*</s>"),
        (without("r1"), 3, "r1 is not in the model"),
        (BACKED_OFF, 4, "r3 is not in the model.*4 classes"),
        (BACKED_OFF, 2, "r2 is in the model.*2 classes"),
    ],
    ids=["empty", "prose", "binary", "cut", "counts", "no <s>", "no </s>", "no r1", "larger K", "smaller K"],
)
def test_a_file_that_is_no_such_model_is_an_error_of_one_line(tmp_path, text, num_classes, message):
    path = tmp_path / "x.arpa"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as error:
        tabulate(path, num_classes)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(DataError, match="is not a file"):
        tabulate(tmp_path, 3)


def test_a_model_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"x\.arpa does not exist"):
        tabulate(tmp_path / "x.arpa", 3)


def test_regions_of_each_utterance():
    assert parse_regions(["u1 r0 r3 r2", "u2 r1"], 4, "K4.regions") == {"u1": [0, 3, 2], "u2": [1]}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no utterance"),
        (["u1"], "u1: expected one"),
        (["u1 r0", ""], "an empty line: expected one"),
        (["u1 r0", "u1 r1"], "u1: expected one"),
        (["u1 r0 r4"], "u1: r4 is not one of r0 to r3"),
        (["u1 r0 x"], "u1: x is not one of"),
        (["u1 0 1"], "u1: 0 is not one of"),
        (["u1 r0 r1 r1"], "u1: a region repeats its neighbour"),
    ],
)
def test_malformed_regions_are_errors(lines, message):
    with pytest.raises(DataError, match=f"K4.regions: {message}"):
        parse_regions(lines, 4, "K4.regions")
