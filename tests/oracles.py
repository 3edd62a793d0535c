"""Oracles of decoding: label sequences scored from the formulas, with no code of the decoders.

Numbers come from `random_case`, which has no structure that could hide a mistake. `score` is Eq. 8 as
the docstring of emoseq.decode.graph has it, `every_score` that of all K^F label sequences.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from emoseq.decode.score import Scoring

LN10 = float(np.log(10))
ORDERS = (1, 2, 3, 4, 5)
SELF_LOOPS = np.full((10, 10), 0.02 / 9) + np.eye(10) * (0.98 - 0.02 / 9)  # of a frame rate far above the regions'
PLAIN = Scoring()


class Case(NamedTuple):
    """One problem; its fields are the arguments of `decode`."""

    posteriors: Any
    transitions: Any
    table: Any
    scoring: Scoring = PLAIN
    initial: Any = None

    @property
    def problem(self):
        return self.posteriors, self.transitions, self.table

    @property
    def num_classes(self):
        return len(self.transitions)


class Score(NamedTuple):
    """Arrays of shape (paths,)."""

    am: Any
    lm: Any
    total: Any


# All of a problem comes from its seed: drawn one by one, its numbers would mostly be the smallest.
seeds = st.integers(0, 10**6)


def any_case(order, seed, *, most_classes=4, most_frames=6, **fixed):
    """A case of random size and options, `fixed` excepted, small enough for brute force."""
    random = np.random.default_rng([order, seed])
    chosen = {
        "num_classes": int(random.integers(2, most_classes + 1)),
        "frames": int(random.integers(1, most_frames + 1, size=2).max()),
        "zeros": bool(random.integers(2)),
        "prior": bool(random.integers(2)),
        "scoring": Scoring(
            lm_weight=float(random.choice([0.0, 0.5, 2.0, 14.0])),
            acoustic_scale=float(random.choice([1.0, 0.3])),
            score_end=bool(random.integers(2)),
            log_base=str(random.choice(["e", "10"])),
        ),
    }
    return random_case(order, seed=seed, **(chosen | fixed))


def random_case(order, *, seed, num_classes, frames, zeros=False, prior=False, scoring=PLAIN):
    """Posteriors, transitions and a table of natural logarithms.

    With `zeros` about a quarter of the transitions and posteriors are 0; rows sum to 1 all the same.
    """
    random = np.random.default_rng(seed)
    posteriors = random.dirichlet(np.full(num_classes, 0.5), size=frames)
    transitions = random.dirichlet(np.full(num_classes, 0.7), size=num_classes)
    table = np.log(random.dirichlet(np.ones(num_classes + 1), size=(num_classes + 1,) * (order - 1)))
    if zeros:
        posteriors, transitions = (_with_zeros(random, matrix) for matrix in (posteriors, transitions))
    return Case(posteriors, transitions, table, scoring, random.dirichlet(np.ones(num_classes)) if prior else None)


def _with_zeros(random, matrix):
    """Sets about a quarter of the entries to 0, the largest of each row excepted."""
    kept = np.where((random.random(matrix.shape) < 0.25) & (matrix < matrix.max(axis=1, keepdims=True)), 0.0, matrix)
    return kept / kept.sum(axis=1, keepdims=True)


def every_path(num_classes, frames):
    """All label sequences in lexicographic order, shape (K^F, F)."""
    return np.array(list(itertools.product(range(num_classes), repeat=frames)))


def regions_of(path):
    """B(l)."""
    return tuple(int(label) for label, _ in itertools.groupby(path))


def lm_score(regions, table, *, end):
    """log P_LM of a region sequence: each region, and </s>, after the n - 1 before it."""
    order, outside = table.ndim, len(table) - 1
    words = [outside] * (order - 1) + list(regions) + [outside] * end
    return sum(table[tuple(words[i : i + order])] for i in range(len(words) - order + 1))


def score(paths, case):
    """Eq. 8 of label sequences of shape (paths, F), term by term; `lm` is in the base of the scoring."""
    paths, scoring = np.asarray(paths), case.scoring
    with np.errstate(divide="ignore"):
        log_y, log_a = np.log(case.posteriors), np.log(case.transitions)
        log_pi = np.zeros(case.num_classes) if case.initial is None else np.log(case.initial)
    am = scoring.acoustic_scale * log_y[np.arange(paths.shape[1]), paths].sum(axis=1)
    am = am + log_a[paths[:, :-1], paths[:, 1:]].sum(axis=1) + log_pi[paths[:, 0]]
    lm = region_lm(paths, case)
    return Score(am, lm, am + scoring.lm_weight * lm)


def region_lm(paths, case):
    """log P_LM(B(l)) of each path in the base of the scoring, shape (paths,)."""
    regions = [regions_of(path) for path in np.asarray(paths).tolist()]
    natural = {key: lm_score(key, case.table, end=case.scoring.score_end) for key in set(regions)}
    return np.array([natural[key] for key in regions]) / (LN10 if case.scoring.log_base == "10" else 1.0)


def every_score(case):
    """All label sequences and their totals, shapes (K^F, F) and (K^F,)."""
    paths = every_path(case.num_classes, len(case.posteriors))
    return paths, score(paths, case).total


def backed_off(grams, history, word):
    """log10 P(word | history) by the definition of ARPA files.

    Args:
        grams: {words: (log10 probability, log10 back-off weight)}
    """
    if (*history, word) in grams:
        return grams[(*history, word)][0]
    return grams.get(history, (0.0, 0.0))[1] + backed_off(grams, history[1:], word)


def sparse_grams(seed, num_classes, order, sentences=12):
    """n-grams of random region sequences with random numbers, most of all possible ones not among them."""
    random = np.random.default_rng(seed)

    def minus(least, most):
        return -round(random.uniform(least, most), 4)

    grams = {}
    for word in ["<unk>", "<s>", "</s>", *(f"r{region}" for region in range(num_classes))]:
        grams[word,] = (-99.0 if word == "<s>" else minus(0.5, 2), minus(0, 1))
    for _ in range(sentences):
        regions = regions_of(random.integers(num_classes, size=random.integers(order, order + 8)))
        words = ["<s>", *(f"r{region}" for region in regions), "</s>"]
        for length in range(2, order + 1):
            for first in range(len(words) - length + 1):
                grams.setdefault(tuple(words[first : first + length]), (minus(0, 1.5), minus(0, 1)))
    return grams


def write_arpa(path, grams):
    """The n-grams as an ARPA file."""
    order = max(map(len, grams))
    lists = [[words for words in grams if len(words) == length] for length in range(1, order + 1)]
    text = "\\data\\\n" + "".join(f"ngram {length}={len(words)}\n" for length, words in enumerate(lists, 1))
    for length, listed in enumerate(lists, 1):
        text += f"\n\\{length}-grams:\n"
        for words in listed:
            probability, backoff = grams[words]
            has_backoff = length < order and words[-1] != "</s>"
            text += f"{probability}\t{' '.join(words)}" + (f"\t{backoff}" if has_backoff else "") + "\n"
    path.write_text(text + "\n\\end\\\n")
    return path
