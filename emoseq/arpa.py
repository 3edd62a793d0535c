"""What is wrong with an ARPA file, in terms of the file and not of a reader's source code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def what_is_wrong(path: Path) -> str:
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
