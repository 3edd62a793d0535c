"""The language model: estimates by hand, ARPA files read anew, and kenlm as the judge of tables."""

import itertools
import re

import kenlm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoseq import DataError
from emoseq.labels import LmOptions
from emoseq.ngram import arpa, parse_regions, sequence_score, tabulate, witten_bell

LN10 = np.log(10)
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


def collapsed(words):
    return [word for word, _ in itertools.groupby(words)]


def random_regions(seed, num_classes, utterances, longest=9):
    random = np.random.default_rng(seed)
    return [
        collapsed(random.integers(num_classes, size=random.integers(1, longest)).tolist()) for _ in range(utterances)
    ]


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
    counts, grams = parse_arpa(arpa(witten_bell(CORPUS, 2, order)))
    assert counts == {n: len(grams[n]) for n in range(1, order + 1)}


@pytest.mark.parametrize("order", [1, 2, 3])
def test_arpa_lists_every_ngram(order):
    """A sentence begins with one <s> and ends with one </s>."""
    _, grams = parse_arpa(arpa(witten_bell(CORPUS, 2, order)))
    regions, begin, end = ("r0", "r1"), ("<s>", "r0", "r1"), ("r0", "r1", "</s>")
    assert set(grams[1]) == {(w,) for w in ("<unk>", "<s>", *end)}
    for n in range(2, order + 1):
        assert set(grams[n]) == set(itertools.product(begin, *[regions] * (n - 2), end))


def test_arpa_holds_the_probabilities_as_decimal_logarithms():
    _, grams = parse_arpa(arpa(witten_bell(CORPUS, 2, 3)))
    assert grams[1]["r1",] == pytest.approx(np.log10(2 / 9), rel=1e-6)
    assert grams[2]["r0", "r1"] == pytest.approx(np.log10(9 / 25), rel=1e-6)
    assert grams[3]["<s>", "r0", "r1"] == pytest.approx(np.log10(0.43), rel=1e-6)


@pytest.mark.parametrize("ngram", [("r0", "r0"), ("r1", "r0", "r0"), ("<s>", "r1", "r1")])
def test_arpa_has_impossible_ngrams_at_minus_99(ngram):
    _, grams = parse_arpa(arpa(witten_bell(CORPUS, 2, 3)))
    assert grams[len(ngram)][ngram] == -99


@settings(max_examples=25, deadline=None)
@given(corpora, st.integers(2, 4), st.integers(0, 10**6))
def test_table_of_an_arpa_file_scores_as_kenlm(tmp_path_factory, corpus, order, seed):
    num_classes, sequences = corpus
    path = tmp_path_factory.mktemp("lm") / "x.arpa"
    path.write_text(arpa(witten_bell(sequences, num_classes, order)))
    model, table = quiet_model(path), tabulate(path, num_classes)
    for regions in random_regions(seed, num_classes, 5):
        assert sequence_score(table, regions) == pytest.approx(kenlm_score(model, regions), rel=1e-5)


@pytest.mark.parametrize(
    "order",
    [
        1,
        2,
        3,
        4,
    ],
)
def test_arpa_means_what_the_estimate_says(order):
    """Scores straight from the text: the longest n-gram that is listed, since nothing backs off."""
    training = random_regions(1, 3, 6)
    tables = witten_bell(training, 3, order)
    _, grams = parse_arpa(arpa(tables))
    for regions in random_regions(2, 3, 20):
        words = ["<s>", *(f"r{region}" for region in regions), "</s>"]
        windows = [tuple(words[max(0, end - order + 1) : end + 1]) for end in range(1, len(words))]
        expected = LN10 * sum(grams[len(window)][window] for window in windows)
        with np.errstate(divide="ignore"):
            assert sequence_score(np.log(tables[-1]), regions) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_an_order_that_the_options_accept_can_be_tabulated(tmp_path, order):
    try:
        LmOptions(orders=(order,))
    except ValueError:
        return
    (tmp_path / "x.arpa").write_text(arpa(witten_bell(CORPUS, 2, order)))
    assert tabulate(tmp_path / "x.arpa", 2).ndim == order


def test_table_of_a_pruned_model_with_back_off_scores_as_kenlm(tmp_path):
    path = tmp_path / "x.arpa"
    path.write_text(BACKED_OFF)
    model, table = quiet_model(path), tabulate(path, 3)
    for length in range(1, 5):
        for regions in itertools.product(range(3), repeat=length):
            assert sequence_score(table, regions) == pytest.approx(kenlm_score(model, regions), rel=1e-5)


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
    path.write_text(arpa(witten_bell(random_regions(3, 3, 8), 3, 4)))
    model, table = quiet_model(path), tabulate(path, 3)
    first = LN10 * next(iter(model.full_scores("r0 r1 r2", eos=False)))[0]
    second = LN10 * list(model.full_scores("r0 r1 r2", eos=False))[1][0]
    assert table[3, 3, 3, 0] == pytest.approx(first, rel=1e-6)
    assert table[3, 3, 0, 1] == pytest.approx(second, rel=1e-6)


def test_score_of_a_sequence_by_hand():
    """<s> r1 r0 </s> as bigrams."""
    table = np.arange(9.0).reshape(3, 3)
    assert sequence_score(table, [1, 0]) == 7 + 3 + 2


def test_score_of_a_unigram_has_no_history():
    assert sequence_score(np.array([1.0, 10.0, 100.0]), [1, 0, 1]) == 121.0


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
