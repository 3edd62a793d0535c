"""What is wrong with an ARPA file, in terms of the file and not of a reader's source code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.lm.regions import name_region

ARPA_ZERO = -99.0  # log10, the ARPA files' own spelling of zero


def format_arpa(tables: Sequence[NDArray]) -> str:
    """ARPA text of the tables of all orders, every n-gram listed, so that nothing backs off.

    n-grams that cannot happen stand at -99.
    """
    size = len(tables[0])
    words = [*map(name_region, range(size - 1)), "</s>"]
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


def read_kenlm(path: Path) -> Any:
    import kenlm

    quiet = kenlm.Config()
    quiet.show_progress = False
    quiet.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(str(path), quiet)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        # kenlm speaks of its own source; what is wrong with the file is found here.
        cause = find_fault(path) or " ".join(str(error).split())[:120]
        raise DataError(f"{path}: not an ARPA file ({cause})") from None


def read_unigrams(path: Path) -> dict[str, float]:
    """log10 probabilities of an ARPA file of order 1, empty for a file that is none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        stated = [line for line in islice(file, 20) if line.startswith("ngram ")]
        if len(stated) != 1 or not stated[0].replace(" ", "").startswith("ngram1="):
            return {}
    cause = find_fault(path)
    if cause:
        raise DataError(f"{path}: not an ARPA file ({cause})")
    lines = path.read_text(encoding="utf-8").splitlines()
    grams = (line.split() for line in lines[lines.index("\\1-grams:") + 1 :] if line and line[0] != "\\")
    return {word: float(logarithm) for logarithm, word, *_ in grams}


def find_fault(path: Path) -> str:
    """The first fault of an ARPA file in words, empty if there is none that can be seen."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError:
        return "it is not text"
    if "\\data\\" not in lines:
        return "there is no line \\data\\"
    stated: dict[int, int] = {}
    grams: set[tuple[str, ...]] = set()
    order = 0
    for number, line in enumerate(lines, 1):
        if line.startswith("ngram "):
            words = line.removeprefix("ngram ").split("=")
            if len(words) != 2 or not all(word.strip().isdigit() for word in words):
                return f"line {number}: {line[:40]!r} is not `ngram ORDER=COUNT`"
            stated[int(words[0])] = int(words[1])
        elif line.endswith("-grams:") and line[1:-7].isdigit():
            order = int(line[1:-7])
        elif line == "\\end\\":
            order = 0
        elif line and order:
            logarithm, *rest = line.split()
            try:
                value = float(logarithm)
            except ValueError:
                return f"line {number}: {logarithm[:40]!r} is no logarithm"
            if not value <= 0:
                return f"line {number}: {logarithm} is no logarithm of a probability"
            if not order <= len(rest) <= order + 1:
                return f"line {number}: not {order} words and a back-off weight or none"
            grams.add(tuple(rest[:order]))
    found = Counter(map(len, grams))
    for n, count in stated.items():
        if found[n] != count:
            return f"{count} {n}-grams stated, {found[n]} found"
    missing = [word for word in ("<s>", "</s>") if (word,) not in grams]
    if missing:
        return f"{missing[0]} is not in the model"
    return "" if "\\end\\" in lines else "there is no line \\end\\"
