"""Writing that fails half way: the error names the file, the old one stays, nothing else is left.

A limit to the size of a file stands in for a full disk: both make write() fail, and Python does not say of which file.
tests/cluster/test_drills_here.py fills a disk.
"""

import contextlib
import dataclasses
import resource
import shlex

import numpy as np
import pytest
import torch
from conftest import ROOT, assert_one_line_error, step
from matplotlib.figure import Figure

from emoseq.baselines.system import save_baseline
from emoseq.io.archive import Writer, write_scp
from emoseq.io.datadir import write_table
from emoseq.io.files import replace_whole, write_bytes, write_text
from emoseq.model.blstm import Blstm, Regressor, save_model
from emoseq.report.figures import save_figure

SIZE = 1024  # bytes that fit


@contextlib.contextmanager
def full_disk():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_archive(path, specifier="ark"):
    with Writer(f"{specifier}:{path}") as write:
        for utterance in "ab":
            write(utterance, np.ones((30, 30)))


def copy_in_a_block(path):
    with replace_whole(path) as temporary, open(temporary, "wb") as stream:
        stream.write(bytes(2 * SIZE))


@dataclasses.dataclass
class SomeBaseline:
    weights: np.ndarray = dataclasses.field(default_factory=lambda: np.ones(2 * SIZE))


WRITERS = {
    "text": lambda path: write_text(path, "x" * 2 * SIZE),
    "bytes": lambda path: write_bytes(path, bytes(2 * SIZE)),
    "block": copy_in_a_block,
    "archive": write_archive,
    "small archive": lambda path: write_scp(path.with_suffix(""), {"a": np.ones(SIZE)}),  # seen when it is closed
    "text archive": lambda path: write_archive(path, "ark,t"),
    "table": lambda path: write_table(path, {"a": "x" * 2 * SIZE}),
    "baseline": lambda path: save_baseline(path, SomeBaseline()),
    "model": lambda path: save_model(path, Regressor(Blstm(4, 1, 16, [1]))),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_does_not_fit_is_named_and_the_old_one_stays(kind, tmp_path):
    path = tmp_path / "old.ark"
    path.write_text("old")
    with pytest.raises(OSError, match="File too large") as caught, full_disk():
        WRITERS[kind](path)
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_figure_that_does_not_fit_is_named(tmp_path):
    figure = Figure()
    figure.add_subplot().plot([0, 1])
    with pytest.raises(OSError, match="File too large") as caught, full_disk():
        save_figure(figure, tmp_path / "figure1")
    assert caught.value.filename == str(tmp_path / "figure1.png")
    assert list(tmp_path.iterdir()) == []


def limited(*command):
    """A script of the recipe with files of 8 kB at most."""
    return step("bash", "-c", f"ulimit -f 8; exec {shlex.join(map(str, command))}")


def test_a_step_says_on_one_line_which_file_does_not_fit(small_run, tmp_path):
    target = tmp_path / "series.ark"
    labels = f"scp:{small_run.exp}/arousal/decode_test/cls_l1_r0_s1.K4.scp"
    centers = small_run.exp / "arousal/labels/centers"
    done = limited(ROOT / "steps/reconstruct.py", centers, "K4", labels, f"ark,t:{target}")
    assert_one_line_error(done, f"{target}: File too large")
    assert list(tmp_path.iterdir()) == []


def test_output_that_goes_to_a_full_disk_is_an_error(small_run):
    gold = small_run.data / "dev/arousal.scp"
    done = step("bash", "-c", f"steps/score.py scp:{gold} scp:{gold} > /dev/full")
    assert_one_line_error(done, "standard output: No space left on device")
    labels = f"scp:{small_run.exp}/arousal/decode_test/cls_l1_r0_s1.K4.scp"
    centers = small_run.exp / "arousal/labels/centers"
    done = step("bash", "-c", f"steps/reconstruct.py {centers} K4 {labels} ark:- > /dev/full")
    assert_one_line_error(done, "standard output: No space left on device")


def test_a_log_that_cannot_be_written_does_not_end_the_work(small_run, tmp_path):
    step("bash", "-c", f"steps/make_lm.py {small_run.exp}/arousal/labels {tmp_path}/lm 2> /dev/full")
    made = small_run.exp / "arousal/lm/K10.3gram.arpa"
    assert (tmp_path / "lm/K10.3gram.arpa").read_bytes() == made.read_bytes()


def test_a_corpus_that_does_not_fit_is_one_line_and_leaves_nothing(tmp_path):
    corpus = tmp_path / "corpus"
    done = limited(ROOT / "local/make_corpus.py", "--seconds", 5, "--recordings", 1, corpus)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert any("recordings_audio" in line and line.endswith("File too large") for line in lines), lines
    assert list(tmp_path.iterdir()) == []


def test_tensors_do_not_depend_on_the_name_of_the_file(tmp_path):
    network = Blstm(4, 1, 2, [1])
    for name in ("a.pt", "final.pt"):
        save_model(tmp_path / name, Regressor(network))
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "final.pt").read_bytes()
    assert torch.load(tmp_path / "a.pt", weights_only=True)["layers"] == 1
