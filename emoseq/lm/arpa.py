"""Write and read ARPA files, the text format of n-gram models, and describe format errors.

kenlm takes its own binary files in place of ARPA text and trusts what they say, so a crafted one ends the process.
Only files that begin as ARPA text are given to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.lm.regions import name_region

ARPA_ZERO = -99.0  # log10, the ARPA files' own spelling of zero
MAX_BYTES = 2**16  # of the header, and of a line: what has neither in these is no ARPA file
NO_DATA = "it does not begin with \\data\\"


def format_arpa(tables: Sequence[NDArray]) -> str:
    """Return the ARPA text of a model, every n-gram of every order listed, so that nothing backs off.

    Impossible n-grams stand at -99.

    Args:
        tables: probabilities of each order from 1 to n, as `emoseq.lm.witten_bell`
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
    """Read an ARPA file of order 2 or more, up to kenlm's limit of 6, and return kenlm's model.

    Raises:
        DataError: if the file is not ARPA text
    """
    import kenlm

    preamble, _ = _read_header(path)
    if any(line and not line.startswith("#") for line in preamble):
        raise _refuse(path, NO_DATA)
    try:
        for _ in _read_lines(path):
            pass  # kenlm reads a line of any length
    except ValueError as error:
        raise _refuse(path, str(error)) from None
    quiet = kenlm.Config()
    quiet.show_progress = False
    quiet.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(str(path), quiet)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        # kenlm's messages name lines of its own source, so the fault is searched here.
        raise _refuse(path, find_fault(path) or f"kenlm cannot read it ({name_reason(error)})") from None


def name_reason(error: Exception) -> str:
    """Return the part of kenlm's message that is not about its own source."""
    sentences = re.split(r"[.] ", " ".join(str(error).split()))
    return ". ".join(part for part in sentences if not re.search(r"\.(hh|cc):", part))[:120] or "no reason given"


def read_unigrams(path: Path) -> dict[str, float]:
    """Return the log10 probabilities of an ARPA file of order 1, none if the order is higher.

    Raises:
        DataError: if the file is not ARPA text, or has a fault
    """
    _, header = _read_header(path)
    stated = [line for line in header if line.startswith("ngram ")]
    if len(stated) != 1 or not stated[0].replace(" ", "").startswith("ngram1="):
        return {}
    if fault := find_fault(path):
        raise _refuse(path, fault)
    logarithms: dict[str, float] = {}
    in_list = False
    for line in _read_lines(path):
        if line.startswith("\\"):
            in_list = line == "\\1-grams:"
        elif line and in_list:
            logarithm, word, *_ = line.split()
            logarithms[word] = float(logarithm)
    return logarithms


def find_fault(path: Path) -> str:
    """Return the first fault of an ARPA file in words, an empty string if none is found."""
    stated: dict[int, int] = {}
    grams: set[tuple[str, ...]] = set()
    order, begun, ended = 0, False, False
    try:
        for number, line in enumerate(_read_lines(path), 1):
            if not begun:
                begun = line == "\\data\\"
            elif line == "\\end\\":
                ended = True
                break
            elif line.startswith("ngram "):
                words = line.removeprefix("ngram ").split("=")
                if len(words) != 2 or not all(word.strip().isdigit() for word in words):
                    return f"line {number}: {line[:40]!r} is not `ngram ORDER=COUNT`"
                stated[int(words[0])] = int(words[1])
            elif line.endswith("-grams:") and line[1:-7].isdigit():
                order = int(line[1:-7])
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
                unknown = [word for word in rest[:order] if order > 1 and (word,) not in grams]
                if unknown:
                    return f"line {number}: {unknown[0]} is not among the 1-grams"
                grams.add(tuple(rest[:order]))
    except ValueError as error:
        return str(error)
    if not begun:
        return NO_DATA
    counts = Counter(map(len, grams))
    for n, count in stated.items():
        if counts[n] != count:
            return f"{count} {n}-grams stated, {counts[n]} found"
    missing = [word for word in ("<s>", "</s>") if (word,) not in grams]
    if missing:
        return f"{missing[0]} is not in the model"
    return "" if ended else "there is no line \\end\\"


def _read_header(path: Path) -> tuple[list[str], list[str]]:
    """Return the lines before `\\data\\`, and those from there to the first list of n-grams.

    Raises:
        DataError: if there is no line `\\data\\` in the first MAX_BYTES, or binary data before it
    """
    with path.open("rb") as file:
        lines = [line.strip() for line in file.read(MAX_BYTES).decode(errors="replace").split("\n")]
    begin = lines.index("\\data\\") if "\\data\\" in lines else len(lines)
    if begin == len(lines) or "\0" in "".join(lines[:begin]):
        raise _refuse(path, NO_DATA)
    end = next((i for i in range(begin, len(lines)) if lines[i].endswith("-grams:")), len(lines))
    return lines[:begin], lines[begin:end]


def _read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file, blanks at their ends removed.

    Raises:
        ValueError: if a line is not UTF-8, or longer than MAX_BYTES
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_BYTES):
            number += 1
            if len(line) == MAX_BYTES:
                raise ValueError(f"line {number} is longer than {MAX_BYTES} bytes")
            try:
                text = line.decode()
            except UnicodeDecodeError:
                raise ValueError(f"line {number} is not UTF-8 text") from None
            yield text.strip()


def _refuse(path: Path, fault: str) -> DataError:
    return DataError(f"{path}: not an ARPA file ({fault})")
