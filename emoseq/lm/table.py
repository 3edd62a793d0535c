"""The emotion language model: n-grams over regions, in ARPA files that any toolkit reads.

A model is handled as one table of natural-log probabilities of shape (K + 1,) * n: the first n - 1
axes are the regions before, index K meaning `<s>` (or, before a shorter history, nothing); the last
axis is the next region, index K meaning `</s>`.
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
    """The table of an ARPA file, its rows computed when they are asked for.

    `lm[history]`, with a tuple of n - 1 regions, `lm.ndim` and `len(lm)` are those of the table. Whatever made
    the file, its back-off weights included, the values are those that kenlm gives; kenlm reads no
    unigrams, which are read here.

    Args:
        path: an ARPA file of order 1 or more
        num_classes: K
        renormalize: spend the mass of `<unk>` and of regions that follow themselves on what can follow

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
        """Natural-log probabilities of each region and of `</s>` after a history, shape (K + 1,)."""
        logarithms = self._after(history) if self._model else [self._unigrams[word] for word in self._words]
        natural = np.array(logarithms) * np.log(10)
        if not self._renormalize:
            return natural
        if history and history[-1] < self._size - 1:
            natural[history[-1]] = -np.inf
        return natural - np.logaddexp.reduce(natural)

    def _after(self, history: tuple[int, ...]) -> list[float]:
        import kenlm

        state, target = kenlm.State(), kenlm.State()
        end = self._size - 1
        if history and history[0] == end:
            self._model.BeginSentenceWrite(state)
        else:
            self._model.NullContextWrite(state)
        for region in history:
            if region != end:  # before a shorter history <s> stands more than once
                self._model.BaseScore(state, self._words[region], target)
                state, target = target, state
        return [self._model.BaseScore(state, word, target) for word in self._words]

    def full(self) -> NDArray[np.float64]:
        """The whole table, shape (K + 1,) * n; histories with `<s>` amid regions, which nothing reads, are 0.

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
    """See that a table is no larger than MAX_TABLE.

    Raises:
        ValueError: if it is, with what is needed and what to do
    """
    size = (num_classes + 1) ** order
    if size > MAX_TABLE:
        raise ValueError(
            f"a table of order {order} with {num_classes} classes takes {8 * size / 2**20:.0f} MB, more than "
            f"{8 * MAX_TABLE / 2**20:.0f}; take a lower order, or steps/decode.py --search beam, which needs none"
        )


def tabulate(path: Path, num_classes: int, *, renormalize: bool = False) -> NDArray[np.float64]:
    """All probabilities of an ARPA file that decoding can ask for, in this module's shape.

    Raises:
        DataError: as `LazyTable`, or if the table would be too large
    """
    lm = LazyTable(path, num_classes, renormalize=renormalize)
    try:
        return lm.full()
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def score_sequence(lm: Lm, regions: Sequence[int], *, end: bool = True) -> float:
    """log P_LM of one utterance's regions, with `</s>` unless `end` is false; natural log, unweighted."""
    memory = lm.ndim - 1
    stop = len(lm) - 1
    words = [*[stop] * memory, *regions, *[stop] * end]
    return float(sum(lm[tuple(words[i : i + memory])][words[i + memory]] for i in range(len(words) - memory)))
