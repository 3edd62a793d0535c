"""When work counts as done: content, options and code, and never the time of a file."""

import os
import shutil
import subprocess
import sys

import kaldiio
import numpy as np
import pytest
from conftest import ROOT

import emoseq.recipe.stamp
from emoseq import DataError
from emoseq.recipe.stamp import Stamp, digest_code


class Work:
    """A step that reads in.txt and feats.scp and writes out.txt and out.scp, all in one folder."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "step.py").write_text("print(1)\n")
        (folder / "in.txt").write_text("input\n")
        (folder / "out.txt").write_text("output\n")
        self.write_archive("feats", [1.0, 2.0])
        self.write_archive("out", [3.0, 4.0])

    def write_archive(self, name, values, utterance="dev_1"):
        ark, scp = (str(self.folder / f"{name}.{suffix}") for suffix in ("ark", "scp"))
        kaldiio.save_ark(ark, {utterance: np.array(values, dtype=np.float32)}, scp=scp)

    def stamp(self, options="options", step="step.py", key="key"):
        return Stamp(
            str(self.folder / step),
            key,
            self.folder,
            inputs=[self.folder / "in.txt", self.folder / "feats.scp"],
            outputs=[self.folder / "out.txt", self.folder / "out.scp"],
            options=options,
        )


@pytest.fixture
def work(tmp_path):
    """Work that is done."""
    work = Work(tmp_path / "exp")
    work.stamp().write()
    return work


def test_work_without_a_stamp_is_not_current(tmp_path):
    assert Work(tmp_path / "exp").stamp().find_reason()


@pytest.mark.parametrize("changed", ["in.txt", "feats.scp"])
def test_work_whose_input_changes_meanwhile_is_not_done(work, changed):
    """The work may have read the old content, the new one, or some of both."""
    stamp = work.stamp(options="others")
    assert stamp.find_reason()
    if changed == "in.txt":
        (work.folder / changed).write_text("another input\n")
    else:
        work.write_archive("feats", [1.5, 2.0])
    with pytest.raises(DataError, match=rf"{changed} was changed by another process while it was used; run this again"):
        stamp.write()
    assert work.stamp(options="others").find_reason()


def test_work_is_current_once_it_is_done(work):
    assert not work.stamp().find_reason()


def test_a_stamp_that_is_no_json_counts_for_nothing(work):
    for path in work.folder.glob(".*.json"):
        path.write_text("{")
    assert work.stamp().find_reason()


def test_an_input_of_other_content_is_seen(work):
    (work.folder / "in.txt").write_text("Input\n")
    assert work.stamp().find_reason()


def test_an_input_that_is_gone_is_seen(work):
    (work.folder / "in.txt").unlink()
    assert work.stamp().find_reason()


def test_an_input_that_is_new_is_seen(tmp_path):
    work = Work(tmp_path / "exp")
    (work.folder / "in.txt").unlink()
    work.stamp().write()
    assert not work.stamp().find_reason()
    (work.folder / "in.txt").write_text("")
    assert work.stamp().find_reason()


def test_other_content_of_the_archive_behind_an_input_is_seen(work):
    before = (work.folder / "feats.scp").read_bytes()
    work.write_archive("feats", [1.0, 2.5])
    assert (work.folder / "feats.scp").read_bytes() == before
    assert work.stamp().find_reason()


def test_another_id_in_an_scp_input_is_seen(work):
    text = (work.folder / "feats.scp").read_text()
    (work.folder / "feats.scp").write_text(text.replace("dev_1", "dev_2"))
    assert work.stamp().find_reason()


def test_an_scp_input_that_points_elsewhere_in_the_archive_is_seen(work):
    text = (work.folder / "feats.scp").read_text()
    (work.folder / "feats.scp").write_text(text.replace(":6", ":7"))
    assert work.stamp().find_reason()


def test_other_options_are_seen(work):
    assert work.stamp(options="others").find_reason()


def test_another_key_is_other_work(work):
    assert work.stamp(key="another").find_reason()


def test_another_step_is_other_work(work):
    shutil.copy(work.folder / "step.py", work.folder / "copy.py")
    assert work.stamp(step="copy.py").find_reason()


@pytest.mark.parametrize("name", ["out.txt", "out.scp", "out.ark"])
def test_an_output_that_is_gone_is_seen(work, name):
    (work.folder / name).unlink()
    assert work.stamp().find_reason()


@pytest.mark.parametrize("name", ["out.txt", "out.scp", "out.ark"])
def test_an_output_that_is_cut_is_seen(work, name):
    content = (work.folder / name).read_bytes()
    (work.folder / name).write_bytes(content[:-3])
    assert work.stamp().find_reason()


@pytest.mark.parametrize("name", ["in.txt", "feats.scp", "feats.ark", "out.txt", "out.ark", "step.py"])
def test_times_of_files_play_no_part(work, name):
    os.utime(work.folder / name, (1, 1))
    assert not work.stamp().find_reason()


def test_writing_a_stamp_again_gives_the_same_bytes(work):
    (path,) = work.folder.glob(".*.json")
    before = path.read_bytes()
    work.stamp().write()
    assert path.read_bytes() == before


def test_a_reader_is_current_after_the_tree_has_moved(tmp_path):
    """Its scp inputs now have other paths, which lead to the same content."""
    old, new = tmp_path / "old", tmp_path / "new"
    Work(old)
    shutil.move(old / "step.py", tmp_path)

    def stamp(folder):
        files = {"inputs": [folder / "feats.scp"], "outputs": [folder / "out.txt"]}
        return Stamp(str(tmp_path / "step.py"), "key", folder, options=None, **files)

    stamp(old).write()
    old.rename(new)
    (new / "feats.scp").write_text((new / "feats.scp").read_text().replace(str(old), str(new)))
    assert not stamp(new).find_reason()


def test_a_writer_of_scp_files_is_not_current_after_the_tree_has_moved(work, tmp_path):
    shutil.copytree(work.folder, tmp_path / "new")
    for name in ("feats.scp", "out.scp"):
        text = (work.folder / name).read_text()
        (tmp_path / "new" / name).write_text(text.replace(str(work.folder), str(tmp_path / "new")))
    work.folder = tmp_path / "new"
    assert work.stamp().find_reason()


def test_other_code_is_seen(work):
    (work.folder / "copy.py").write_text("print(2)\n")
    assert digest_code(work.folder / "copy.py") != digest_code(work.folder / "step.py")


def test_comments_and_layout_are_not_code(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "step.py").write_text("x = [1, 2]\nprint(x)\n")
    (tmp_path / "two" / "step.py").write_text("# why\nx = [\n    1,\n    2,\n]\n\n\nprint(x)  # what\n")
    assert digest_code(tmp_path / "one" / "step.py") == digest_code(tmp_path / "two" / "step.py")


IMPORTS = {
    "module.py": "import emoseq.metrics\n",
    "from_package.py": "from emoseq import metrics\n",
    "from_module.py": "from emoseq.metrics import concordance\n",
    "in_function.py": "def f():\n    from emoseq.metrics import rmse\n",
    "indirect.py": "from emoseq.labels.gold_standard import gold_standard\n",
    "other.py": "from emoseq.recipe.stamp import Stamp\n",
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """Scripts whose digests change, by what is changed in a copy of the package."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "emoseq", folder / "emoseq", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in IMPORTS.items():
        (folder / name).write_text(text)

    def digests():
        program = (
            "import pathlib, emoseq.recipe.stamp; print(*map(emoseq.recipe.stamp.digest_code, map(pathlib.Path, %r)))"
        )
        environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", program % [*IMPORTS]]
        output = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True).stdout
        return dict(zip(IMPORTS, output.split(), strict=True))

    before, found = digests(), {}
    for change, module, text in (
        ("a comment", "metrics.py", "\n# changed\n"),
        ("metrics", "metrics.py", "\nCHANGED = 1\n"),
        ("the package", "__init__.py", "\nCHANGED = 1\n"),
    ):
        with open(folder / "emoseq" / module, "a") as stream:
            stream.write(text)
        after = digests()
        found[change] = {name for name in IMPORTS if after[name] != before[name]}
        before = after
    return found


def test_other_code_of_an_imported_module_is_seen(changed):
    """Imported in whatever way, or by a module that is imported; a script that does not import it stays current."""
    assert changed["metrics"] == set(IMPORTS) - {"other.py"}


def test_comments_in_an_imported_module_are_not_code(changed):
    assert changed["a comment"] == set()


def test_docstrings_are_not_code(tmp_path):
    (tmp_path / "step.py").write_text('"""A step."""\n\n\ndef f():\n    """Says one thing."""\n    return "text"\n')
    before = digest_code(tmp_path / "step.py")
    emoseq.recipe.stamp._parsed.cache_clear()
    (tmp_path / "step.py").write_text('def f():\n    """Says another."""\n    return "text"\n')
    assert digest_code(tmp_path / "step.py") == before
    emoseq.recipe.stamp._parsed.cache_clear()
    (tmp_path / "step.py").write_text('def f():\n    """Says another."""\n    return "other text"\n')
    assert digest_code(tmp_path / "step.py") != before


def test_other_code_of_the_package_itself_is_seen(changed):
    assert changed["the package"] == set(IMPORTS)


def test_other_code_of_a_module_beside_the_script_is_seen(tmp_path):
    digests = []
    for value in (1, 2):
        folder = tmp_path / str(value)
        folder.mkdir()
        (folder / "step.py").write_text("import helper\n")
        (folder / "helper.py").write_text(f"VALUE = {value}\n")
        digests.append(digest_code(folder / "step.py"))
    assert digests[0] != digests[1]
