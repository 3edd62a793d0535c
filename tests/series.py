"""Series to score, and their CCC by a direct formula."""

import numpy as np


def direct_ccc(x, y):
    """Eq. 5 with numpy's own moments."""
    covariance = np.cov(x, y, ddof=0)[0, 1]
    return 2 * covariance / (np.var(x) + np.var(y) + (np.mean(x) - np.mean(y)) ** 2)


def random_utterances(seed, lengths):
    """Random walks as gold standards, and noisy predictions of them."""
    random = np.random.default_rng(seed)
    golds = [np.cumsum(random.normal(size=n)) / 10 + random.normal() for n in lengths]
    predictions = [0.7 * gold + random.normal(size=len(gold)) * 0.5 + 0.1 for gold in golds]
    return predictions, golds
