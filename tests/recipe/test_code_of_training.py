"""A trained model becomes stale with code that training uses, and with no other."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

TRAINING = "steps/train.py"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the code, in which each test edits a file and restores it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("emoseq", "jobarray", "steps", "utils"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def digest_step(folder, step=TRAINING):
    program = f"import pathlib; from emoseq.recipe.stamp import digest_code; print(digest_code(pathlib.Path('{step}')))"
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True).stdout


def digest_after_edit(folder, *files, step=TRAINING):
    original = {file: (folder / file).read_text() for file in files}
    for file, text in original.items():
        (folder / file).write_text(text + "\nCHANGED = 1\n")
    try:
        return digest_step(folder, step)
    finally:
        for file, text in original.items():
            (folder / file).write_text(text)


@pytest.fixture(scope="module")
def digest(copy):
    return digest_step(copy)


@pytest.mark.parametrize(
    "pattern", ["emoseq/lm/arpa.py", "emoseq/lm/*.py", "emoseq/decode/*.py", "emoseq/report/*.py", "jobarray/*.py"]
)
def test_a_trained_model_stays_current(copy, digest, pattern):
    files = sorted(str(path.relative_to(copy)) for path in copy.glob(pattern))
    assert files
    assert digest_after_edit(copy, *files) == digest


@pytest.mark.parametrize(
    "file",
    [
        "emoseq/model/losses.py",
        "emoseq/model/training.py",
        "emoseq/features/fbank.py",
        "emoseq/labels/kmeans.py",
        "emoseq/metrics.py",
    ],
)
def test_a_trained_model_becomes_stale(copy, digest, file):
    assert digest_after_edit(copy, file) != digest


def test_docstrings_leave_a_trained_model_current(copy, digest):
    file = copy / "emoseq/model/losses.py"
    original = file.read_text()
    edited = re.sub(r'"""(?=[A-Z])', '"""Other words. ', original)
    assert edited.count("Other words.") > 4
    file.write_text(edited)
    try:
        assert digest_step(copy) == digest
    finally:
        file.write_text(original)


@pytest.mark.parametrize(
    ("step", "pattern"),
    [
        ("steps/make_labels.py", "emoseq/decode/*.py"),
        ("steps/make_labels.py", "emoseq/baselines/*.py"),
        ("steps/make_labels.py", "emoseq/report/results.py"),
        ("steps/smooth.py", "emoseq/report/intervals.py"),
        ("steps/plot_figures.py", "emoseq/decode/[bjvg]*.py"),
        ("steps/make_results.py", "emoseq/report/[fo]*.py"),
    ],
)
def test_other_steps_stay_current_too(copy, step, pattern):
    files = sorted(str(path.relative_to(copy)) for path in copy.glob(pattern))
    assert files
    assert digest_after_edit(copy, *files, step=step) == digest_step(copy, step)
