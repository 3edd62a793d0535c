"""Documents: links and file names exist, and the Python of the README runs."""

import ast
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from emoseq.io.archive import Writer, write_scp
from emoseq.io.files import write_text
from emoseq.io.matrix import write_matrix
from emoseq.lm.arpa import format_arpa
from emoseq.lm.witten_bell import witten_bell

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "RESULTS.md")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("egs/*/*.md")),
]
README = (ROOT / "README.md").read_text()

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# A path with a slash, in a code span or a block. One with a placeholder such as <dim> names no file.
FILE = re.compile(r"(?<![\w./<>=:-])(?:\./)?(?:[\w.*-]+/)+[\w.*<{-]*")
MADE_BY_A_RUN = {"data", "exp"}


def find_code(text):
    """Contents of the code spans and of the fenced blocks."""
    blocks = [block for _, block in FENCE.findall(text)]
    return blocks + re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def find_anchors(path):
    """Anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def find_missing_links(path):
    missing = []
    for link in LINK.findall(FENCE.sub("", path.read_text())):
        if link.startswith(("http:", "https:")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in find_anchors(target)):
            missing.append(link)
    return missing


def find_missing_files(path):
    """Paths into a folder of the checkout, or of the document, that match no file there."""
    missing = []
    for code in find_code(path.read_text()):
        for name in FILE.findall(code):
            relative = name.removeprefix("./")
            first = relative.split("/")[0]
            bases = [base for base in (path.parent, ROOT) if (base / first).is_dir()]
            if not bases or first in MADE_BY_A_RUN or set(relative) & set("<{"):
                continue
            if not any(any(base.glob(relative.rstrip("/."))) for base in bases):
                missing.append(name)
    return missing


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_and_anchors_resolve(path):
    assert find_missing_links(path) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_files_named_in_code_exist(path):
    assert find_missing_files(path) == []


def test_a_broken_link_and_a_missing_file_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One: two\n[a](#one-two) [b](#three) [c](gone.md) [d](https://x) `steps/gone.py` `steps/train.py`\n"
    )
    assert find_missing_links(page) == ["#three", "gone.md"]
    assert find_missing_files(page) == ["steps/gone.py"]


def test_the_readme_is_an_entrance():
    assert len(README.splitlines()) <= 128


def read_python():
    blocks = [block for language, block in FENCE.findall(README) if language == "python"]
    assert len(blocks) == 1
    return blocks[0]


def test_names_imported_in_the_readme_exist():
    imports = [node for node in ast.walk(ast.parse(read_python())) if isinstance(node, ast.ImportFrom)]
    assert imports
    for node in imports:
        module = importlib.import_module(node.module)
        assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_the_python_of_the_readme_runs_on_the_files_of_a_run(tmp_path, monkeypatch):
    """Posteriors that are sure of class 2, then of class 7, give the means of these two classes."""
    folder = tmp_path / "exp" / "arousal"
    for part in ("labels", "lm", "cls_l3_r0_s1"):
        (folder / part).mkdir(parents=True)
    posteriors = np.full((40, 10), 0.001, dtype=np.float32)
    posteriors[:20, 2] = posteriors[20:, 7] = 0.991
    write_scp(folder / "cls_l3_r0_s1" / "posteriors_test.K10", {"test_1": posteriors})
    write_matrix(folder / "lm" / "K10.trans", np.full((10, 10), 0.01) + 0.9 * np.eye(10))
    write_text(folder / "lm" / "K10.3gram.arpa", format_arpa(witten_bell([[2, 7], [0, 1, 2, 7]], 10, 3)))
    with Writer(f"ark,t:{folder}/labels/centers") as write:
        write("K10", np.arange(10.0))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(read_python(), "README.md", "exec"), names)
    assert names["series"].tolist() == [2.0] * 20 + [7.0] * 20
