"""The emotion language model: n-grams over regions, in ARPA files that any toolkit reads.

A model is handled as one table of natural-log probabilities of shape (K + 1,) * n: the first n - 1
axes are the regions before, index K meaning `<s>` (or, before a shorter history, nothing); the last
axis is the next region, index K meaning `</s>`.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import islice, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.arpa import what_is_wrong

MAX_TABLE = 2**26  # doubles, 512 MB
ARPA_ZERO = -99.0  # log10, the ARPA files' own spelling of zero
SMOOTHINGS = ("witten-bell",)


def token(region: int) -> str:
    """Name of a region in region files and ARPA files."""
    return f"r{region}"


def parse_regions(lines: Sequence[str], num_classes: int, name: str) -> dict[str, list[int]]:
    """Regions of each utterance from `<utt> r0 r3 r2 ...` lines.

    Args:
        name: the file, for messages

    Raises:
        DataError: if a token is not one of r0 ... r<K-1>, or a region repeats its neighbour
    """
    tokens = {token(region): region for region in range(num_classes)}
    regions: dict[str, list[int]] = {}
    for line in lines:
        utterance, *words = line.split() or [""]
        where = f"{name}: {utterance or 'an empty line'}"
        if not words or utterance in regions:
            raise DataError(f"{where}: expected one `<utt> r0 r1 ...` line per utterance")
        unknown = [word for word in words if word not in tokens]
        if unknown:
            raise DataError(f"{where}: {unknown[0]} is not one of r0 to r{num_classes - 1}; is --num-classes right?")
        regions[utterance] = [tokens[word] for word in words]
        if any(a == b for a, b in pairwise(words)):
            raise DataError(f"{where}: a region repeats its neighbour; equal neighbours are one region")
    if not regions:
        raise DataError(f"{name}: holds no utterance")
    return regions


def witten_bell(sequences: Sequence[Sequence[int]], num_classes: int, order: int) -> list[NDArray[np.float64]]:
    """Interpolated Witten-Bell estimates in which no region follows itself.

    With h a history and h' the same without its first region, c counts, T(h) the number of distinct
    successors of h, and every estimate given a history renormalised over what may follow its last
    region: P(w | h) = (c(h w) + T(h) P(w | h')) / (c(h) + T(h)). The recursion ends in 1 / (K + 1).
    (Chen and Goodman 1999, Sec. 2.5.)

    Args:
        sequences: collapsed region sequences, one per utterance
        num_classes: K
        order: n, 1 or above

    Returns:
        for each order up to n the probabilities as a table in this module's shape

    Raises:
        ValueError: as `check_table`
    """
    check_table(order, num_classes)
    size = num_classes + 1
    lower = np.full(size, 1 / size)
    tables: list[NDArray[np.float64]] = []
    for length in range(order):
        counts = np.zeros((size,) * (length + 1))
        for sequence in sequences:
            padded = [*[num_classes] * min(length, 1), *sequence, num_classes]
            for end in range(length, len(padded)):
                counts[tuple(padded[end - length : end + 1])] += 1
        if length == 1:  # higher orders inherit the zeros
            lower = np.tile(lower, (size, 1))
            lower[np.arange(num_classes), np.arange(num_classes)] = 0
            lower /= lower.sum(axis=1, keepdims=True)
        types = np.count_nonzero(counts, axis=-1)[..., None]
        total = counts.sum(axis=-1, keepdims=True)
        inherited = np.broadcast_to(lower, counts.shape)
        seen = total > 0
        lower = np.where(seen, (counts + types * inherited) / np.where(seen, total + types, 1), inherited)
        tables.append(lower)
    return tables


def arpa(tables: Sequence[NDArray]) -> str:
    """ARPA text of the tables of all orders, every n-gram listed, so that nothing backs off.

    n-grams that cannot happen stand at -99.
    """
    size = len(tables[0])
    words = [*map(token, range(size - 1)), "</s>"]
    histories = [*words[:-1], "<s>"]
    sections = []
    for order, table in enumerate(tables, 1):
        highest = order == len(tables)
        lines = []
        if order == 1:
            lines = [f"{ARPA_ZERO:g}\t<unk>", f"{ARPA_ZERO:g}\t<s>" + ("" if highest else "\t0")]
        for history in product(range(size), repeat=order - 1):
            if size - 1 in history[1:]:
                continue  # <s> only begins a sentence
            context = "".join(histories[i] + " " for i in history)
            for word, probability in zip(words, table[history], strict=True):
                logarithm = np.log10(probability) if probability > 0 else ARPA_ZERO
                backoff = "" if highest or word == "</s>" else "\t0"
                lines.append(f"{logarithm:.7g}\t{context}{word}{backoff}")
        sections.append(lines)
    counts = "".join(f"ngram {order}={len(lines)}\n" for order, lines in enumerate(sections, 1))
    grams = "".join(f"\n\\{order}-grams:\n" + "\n".join(lines) + "\n" for order, lines in enumerate(sections, 1))
    return f"\\data\\\n{counts}{grams}\n\\end\\\n"


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
        self._words = [*map(token, range(num_classes)), "</s>"]
        self._unigrams = _read_unigrams(path)
        self._model: Any = None if self._unigrams else _read_kenlm(path)
        known: Container[str] = self._model or self._unigrams
        missing = [word for word in ["<s>", *self._words] if word not in known]
        if missing:
            raise DataError(f"{path}: {missing[0]} is not in the model; was it made for {num_classes} classes?")
        extra = token(num_classes)
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


def sequence_score(lm: Lm, regions: Sequence[int], *, end: bool = True) -> float:
    """log P_LM of one utterance's regions, with `</s>` unless `end` is false; natural log, unweighted."""
    memory = lm.ndim - 1
    stop = len(lm) - 1
    words = [*[stop] * memory, *regions, *[stop] * end]
    return float(sum(lm[tuple(words[i : i + memory])][words[i + memory]] for i in range(len(words) - memory)))


def _read_kenlm(path: Path) -> Any:
    import kenlm

    quiet = kenlm.Config()
    quiet.show_progress = False
    quiet.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(str(path), quiet)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        # kenlm speaks of its own source; what is wrong with the file is found here.
        cause = what_is_wrong(path) or " ".join(str(error).split())[:120]
        raise DataError(f"{path}: not an ARPA file ({cause})") from None


def _read_unigrams(path: Path) -> dict[str, float]:
    """log10 probabilities of an ARPA file of order 1, empty for a file that is none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        stated = [line for line in islice(file, 20) if line.startswith("ngram ")]
        if len(stated) != 1 or not stated[0].replace(" ", "").startswith("ngram1="):
            return {}
    cause = what_is_wrong(path)
    if cause:
        raise DataError(f"{path}: not an ARPA file ({cause})")
    lines = path.read_text(encoding="utf-8").splitlines()
    grams = (line.split() for line in lines[lines.index("\\1-grams:") + 1 :] if line and line[0] != "\\")
    return {word: float(logarithm) for logarithm, word, *_ in grams}
