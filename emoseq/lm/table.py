"""Emotion language model (paper, Sec. 4.3): an n-gram over regions as a table of log probabilities.

The table holds natural logarithms and has the shape (K + 1,) * n. The first n - 1 axes are the regions before,
where index K is `<s>` (or, before a shorter history, nothing). The last axis is the next region, where index K is
`</s>`.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.lm.arpa import read_kenlm, read_unigrams
from emoseq.lm.regions import name_region

MAX_TABLE = 2**26  # doubles, 512 MB


class LazyTable:
    """Table of an ARPA file whose rows are computed on demand.

    `lm[history]`, with a tuple of n - 1 regions, `lm.ndim` and `len(lm)` are those of the table. The values are
    kenlm's for the file of any toolkit, back-off weights included. kenlm reads no unigrams; these are read by
    `emoseq.lm.arpa.read_unigrams`.

    Args:
        path: an ARPA file of order 1 or more
        num_classes: K
        renormalize: give the mass of `<unk>` and of regions that follow themselves to what can follow

    Raises:
        DataError: if the file cannot be read, or lacks `<s>`, `</s>` or one of r0 ... r<K-1>
    """

    def __init__(self, path: Path, num_classes: int, *, renormalize: bool = False) -> None:
        if not path.is_file():
            raise DataError(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
        self._words = [*map(name_region, range(num_classes)), "</s>"]
        self._unigrams = read_unigrams(path)
        self._model: Any = None if self._unigrams else read_kenlm(path)
        known: Container[str] = self._model or self._unigrams
        missing = [word for word in ["<s>", *self._words] if word not in known]
        if missing:
            raise DataError(f"{path}: {missing[0]} is not in the model; was it made for {num_classes} classes?")
        extra = name_region(num_classes)
        if extra in known:
            raise DataError(f"{path}: {extra} is in the model; was it made for more than {num_classes} classes?")
        self.ndim = self._model.order if self._model else 1
        self._size = num_classes + 1
        self._renormalize = renormalize

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, history: tuple[int, ...]) -> NDArray[np.float64]:
        """Return natural-log probabilities of each region and of `</s>` after a history, shape (K + 1,)."""
        logarithms = self._query_kenlm(history) if self._model else [self._unigrams[word] for word in self._words]
        natural = np.array(logarithms) * np.log(10)
        if not self._renormalize:
            return natural
        if history and history[-1] < self._size - 1:
            natural[history[-1]] = -np.inf
        return natural - np.logaddexp.reduce(natural)

    def _query_kenlm(self, history: tuple[int, ...]) -> list[float]:
        import kenlm

        state, target = kenlm.State(), kenlm.State()
        end = self._size - 1
        if history and history[0] == end:
            self._model.BeginSentenceWrite(state)
        else:
            self._model.NullContextWrite(state)
        for region in history:
            if region != end:  # a history shorter than n - 1 is padded with <s>
                self._model.BaseScore(state, self._words[region], target)
                state, target = target, state
        return [self._model.BaseScore(state, word, target) for word in self._words]

    def full(self) -> NDArray[np.float64]:
        """Return the whole table, shape (K + 1,) * n; histories with `<s>` after a region, which never occur, are 0.

        Raises:
            ValueError: as `check_table`
        """
        check_table(self.ndim, self._size - 1)
        table = np.zeros((self._size,) * self.ndim)
        end = self._size - 1
        for history in product(range(self._size), repeat=self.ndim - 1):
            if all(a == end or b != end for a, b in pairwise(history)):
                table[history] = self[history]
        return table


Lm = NDArray | LazyTable


def check_table(order: int, num_classes: int) -> None:
    """Check that a table is no larger than MAX_TABLE.

    Raises:
        ValueError: if it is; the message says what it takes and what to do
    """
    size = (num_classes + 1) ** order
    if size > MAX_TABLE:
        raise ValueError(
            f"a table of order {order} with {num_classes} classes takes {8 * size / 2**20:.0f} MB, more than "
            f"{8 * MAX_TABLE / 2**20:.0f}; take a lower order, or steps/decode.py --search beam, which needs none"
        )


def tabulate(path: Path, num_classes: int, *, renormalize: bool = False) -> NDArray[np.float64]:
    """Return the table of an ARPA file.

    Raises:
        DataError: as `LazyTable`, or if the table would be too large
    """
    lm = LazyTable(path, num_classes, renormalize=renormalize)
    try:
        return lm.full()
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def score_sequence(lm: Lm, regions: Sequence[int], *, end: bool = True) -> float:
    """Return log P_LM of the regions of an utterance, with `</s>` unless `end` is false; natural log, unweighted.

    A bigram scores r1 r0 as P(r1 | <s>) P(r0 | r1) P(</s> | r0). Here is one with its probabilities made up as
    logarithms, rows r0, r1 and `<s>`, columns r0, r1 and `</s>`:

    >>> bigram = np.array([[-9.0, -1.0, -2.0], [-3.0, -9.0, -4.0], [-5.0, -6.0, -9.0]])
    >>> score_sequence(bigram, [1, 0])  # -6 - 3 - 2
    -11.0
    """
    memory = lm.ndim - 1
    stop = len(lm) - 1
    words = [*[stop] * memory, *regions, *[stop] * end]
    return float(sum(lm[tuple(words[i : i + memory])][words[i + memory]] for i in range(len(words) - memory)))
