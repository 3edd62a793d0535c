"""The emotion language model: n-grams over regions, in ARPA files that any toolkit reads.

A model is handled as one table of natural-log probabilities of shape (K + 1,) * n: the first n - 1
axes are the regions before, index K meaning `<s>` (or, before a shorter history, nothing); the last
axis is the next region, index K meaning `</s>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq import DataError

IMPOSSIBLE = -99.0  # log10, the ARPA files' own spelling of zero
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
    """
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
            lines = [f"{IMPOSSIBLE:g}\t<unk>", f"{IMPOSSIBLE:g}\t<s>" + ("" if highest else "\t0")]
        for history in product(range(size), repeat=order - 1):
            if size - 1 in history[1:]:
                continue  # <s> only begins a sentence
            context = "".join(histories[i] + " " for i in history)
            for word, probability in zip(words, table[history], strict=True):
                logarithm = np.log10(probability) if probability > 0 else IMPOSSIBLE
                backoff = "" if highest or word == "</s>" else "\t0"
                lines.append(f"{logarithm:.7g}\t{context}{word}{backoff}")
        sections.append(lines)
    counts = "".join(f"ngram {order}={len(lines)}\n" for order, lines in enumerate(sections, 1))
    grams = "".join(f"\n\\{order}-grams:\n" + "\n".join(lines) + "\n" for order, lines in enumerate(sections, 1))
    return f"\\data\\\n{counts}{grams}\n\\end\\\n"


def tabulate(path: Path, num_classes: int) -> NDArray[np.float64]:
    """All probabilities of an ARPA file that decoding can ask for, in this module's shape.

    Whatever made the file, its back-off weights included, the values are those that kenlm gives.

    Raises:
        DataError: if the file cannot be read, or lacks `<s>`, `</s>` or one of r0 ... r<K-1>
    """
    import kenlm

    if not path.is_file():
        raise DataError(f"{path} does not exist")
    quiet = kenlm.Config()
    quiet.show_progress = False
    quiet.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        model = kenlm.Model(str(path), quiet)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        cause = " ".join(str(error).split()).rpartition("Exception. ")[2]  # without kenlm's source lines
        raise DataError(f"{path}: not an ARPA file of order 2 or more ({cause[:200]})") from None
    words = [*map(token, range(num_classes)), "</s>"]
    missing = [word for word in ["<s>", *words] if word not in model]
    if missing:
        raise DataError(f"{path}: {missing[0]} is not in the model; was it made for {num_classes} classes?")
    extra = token(num_classes)
    if extra in model:
        raise DataError(f"{path}: {extra} is in the model; was it made for more than {num_classes} classes?")
    size = num_classes + 1
    table = np.empty((size,) * model.order)

    def fill(history: tuple[int, ...], state: kenlm.State) -> None:
        target = kenlm.State()
        padding = (num_classes,) * (model.order - 1 - len(history))
        for word in range(size):
            logarithm = model.BaseScore(state, words[word], target)
            if len(history) == model.order - 1:
                table[(*history, word)] = logarithm
            elif len(history) and history[0] == num_classes:
                # The regions since <s> are fewer than n - 1: written with further <s> before them.
                table[(*padding, *history, word)] = logarithm
            if len(history) < model.order - 1 and word < num_classes:
                following, target = target, kenlm.State()
                fill((*history, word), following)

    empty, begin = kenlm.State(), kenlm.State()
    model.NullContextWrite(empty)
    model.BeginSentenceWrite(begin)
    table[...] = 0.0  # histories with <s> amid regions, which nothing reads
    fill((), empty)
    if model.order > 1:
        fill((num_classes,), begin)
    return table * np.log(10)


def sequence_score(table: NDArray, regions: ArrayLike) -> float:
    """log P_LM of one utterance's regions including `</s>`, natural log, unweighted."""
    order = table.ndim
    end = len(table) - 1
    padded = np.r_[[end] * (order - 1), np.asarray(regions, dtype=np.intp), end].astype(np.intp)
    windows = np.lib.stride_tricks.sliding_window_view(padded, order)
    return float(table[tuple(windows.T)].sum())
