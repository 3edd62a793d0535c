"""Files that are no ARPA text are refused in one line and in time, and none reaches kenlm's reader of binary files."""

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emoseq import DataError
from emoseq.io.matrix import write_matrix
from emoseq.lm.arpa import find_fault, format_arpa
from emoseq.lm.table import LazyTable, tabulate
from emoseq.lm.witten_bell import witten_bell

ROOT = Path(__file__).parents[2]
BIGRAM = format_arpa(witten_bell([[0, 1, 0], [1]], 2, 2))
UNIGRAM = format_arpa(witten_bell([[0, 1, 0], [1]], 2, 1))
REFUSAL = r"not an ARPA file \(it does not begin with \\data\\\)"

# The beginning of kenlm's binary files: the magic, then values that tell whether this machine wrote the file.
MAGIC = b"mmap lm http://kheafield.com/code format version 5\n\0"
TEST_VALUES = struct.pack("<fffIIIQ", 0.0, 1.0, -0.5, 1, 2**32 - 1, 0, 1)


def binary_model(first_count, filler):
    """A probing hash table of order 2 as kenlm's `build_binary` has it, with garbage for counts and tables."""
    parameters = struct.pack("<BxxxfIBxxxIQQ", 2, 1.5, 0, 0, 0, first_count, 3)
    return MAGIC.ljust(56, b"\0") + TEST_VALUES + parameters + filler * 20000


NOT_ARPA = {
    "kenlm's magic": MAGIC + b"\x07" * 500,
    "a hash table without a bucket": binary_model(2**64 - 1, b"\0"),
    "a hash table of garbage": binary_model(3, b"\xff"),
    "kenlm's magic, then ARPA text": MAGIC + BIGRAM.encode(),
    "gzip": gzip.compress(BIGRAM.encode()),
    "zeros": b"\0" * 10**6,
    "text after 64 KiB": b"# comment\n" * 10000 + BIGRAM.encode(),
    "one long line": b"x" * 10**6,
    "prose": b"some text\nthat is no model\n",
    "empty": b"",
}


@pytest.mark.parametrize("content", NOT_ARPA.values(), ids=NOT_ARPA)
def test_what_does_not_begin_as_arpa_never_reaches_kenlm(tmp_path, content):
    """In a process of its own, which a crash in kenlm would end."""
    path = tmp_path / "x.arpa"
    path.write_bytes(content)
    code = "import sys; from pathlib import Path; from emoseq.lm.table import tabulate; tabulate(Path(sys.argv[1]), 2)"
    done = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        f"DataError: {path}: not an ARPA file (it does not begin with \\data\\)"
    )


@pytest.mark.parametrize("search", ["exact", "beam"])
def test_decoding_with_a_binary_model_ends_with_one_line(tmp_path, search):
    path = tmp_path / "x.arpa"
    path.write_bytes(NOT_ARPA["a hash table without a bucket"])
    write_matrix(tmp_path / "trans", np.full((2, 2), 0.5))
    (tmp_path / "y.ark").write_text("u [ 0.5 0.5 ]\n")
    command = ["steps/decode.py", "--search", search, "--lm-weight", "1", tmp_path / "trans", path]
    done = subprocess.run(
        [sys.executable, *command, f"ark:{tmp_path}/y.ark", "ark,t:-"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"{path}: not an ARPA file (it does not begin with \\data\\)")


def grown(path, text):
    """The text, and after it a terabyte of zeros that takes no space on the disk."""
    path.write_text(text)
    os.truncate(path, 2**40)
    return path


@pytest.mark.parametrize("text", ["", "\\data\\\n", BIGRAM.replace("\\end\\\n", ""), UNIGRAM.replace("\\end\\\n", "")])
def test_a_file_without_an_end_is_refused_in_time(tmp_path, text):
    with pytest.raises(DataError, match=r"x\.arpa: not an ARPA file"):
        tabulate(grown(tmp_path / "x.arpa", text), 2)


@pytest.mark.parametrize("path", [Path("/dev/zero"), Path("/dev")], ids=str)
def test_devices_and_folders_are_refused(path):
    with pytest.raises(DataError, match=f"{path} is not a file"):
        LazyTable(path, 2)


@pytest.mark.parametrize("preamble", ["# made by hand\n", "\n \n", "#\n\n# r0 \\data\\ r1\n"])
@pytest.mark.parametrize("text", [UNIGRAM, BIGRAM], ids=["unigram", "bigram"])
def test_comments_and_empty_lines_may_come_first(tmp_path, text, preamble):
    for name, content in (("plain", text), ("commented", preamble + text)):
        (tmp_path / name).write_text(content)
    plain, commented = (tabulate(tmp_path / name, 2) for name in ("plain", "commented"))
    assert np.array_equal(plain, commented)


def test_lines_may_end_as_on_windows(tmp_path):
    (tmp_path / "x.arpa").write_bytes(BIGRAM.replace("\n", "\r\n").encode())
    assert tabulate(tmp_path / "x.arpa", 2).ndim == 2


def test_the_first_bad_line_is_named(tmp_path):
    (tmp_path / "x.arpa").write_text(BIGRAM.replace("\\2-grams:\n", "\\2-grams:\nhalf\tr0 r1\n"))
    number = BIGRAM.splitlines().index("\\2-grams:") + 2
    assert find_fault(tmp_path / "x.arpa") == f"line {number}: 'half' is no logarithm"


def test_a_model_without_a_fault_has_none(tmp_path):
    (tmp_path / "x.arpa").write_text(BIGRAM)
    assert find_fault(tmp_path / "x.arpa") == ""
