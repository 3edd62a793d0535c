"""path.sh, the installation of .venv, and scripts that are started from a plain shell.

Every test works in a copy of the few files concerned. Where .venv is really made, it is with the real pip,
which is kept from the network and has only the copy's own build backend to run.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT

BASH = shutil.which("bash") or "/bin/bash"
INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
needs_ensurepip = pytest.mark.skipif(
    subprocess.run([INTERPRETER, "-c", "import ensurepip"], capture_output=True).returncode != 0,
    reason="this Python cannot make virtual environments",
)

# Stands in for setuptools, and is as slow as a real installation, so that two of them meet.
BACKEND = """
import time, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with open("builds", "a") as builds:
        builds.write("once\\n")
    time.sleep(2)
    with zipfile.ZipFile(wheel_directory + "/emoseq-0-py3-none-any.whl", "w") as wheel:
        folder = "emoseq-0.dist-info/"
        wheel.writestr(folder + "METADATA", "Metadata-Version: 2.1\\nName: emoseq\\nVersion: 0\\n")
        wheel.writestr(folder + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(folder + "RECORD", "")
    return "emoseq-0-py3-none-any.whl"
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout without .venv, in a folder whose name needs quoting."""
    tree = tmp_path / "check out"
    for name in ("path.sh", "utils/_recipe.py", "utils/install_environment.py", "utils/environment/python3"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    (tree / "steps").mkdir()
    (tree / "steps" / "_recipe.py").symlink_to("../utils/_recipe.py")
    (tree / "egs" / "recola").mkdir(parents=True)
    (tree / "egs" / "recola" / "path.sh").symlink_to("../../path.sh")
    (tree / "egs" / "recola" / "steps").symlink_to("../../steps")
    (tree / "requirements.txt").write_text("# nothing\n")
    (tree / "pyproject.toml").write_text(PYPROJECT)
    (tree / "backend.py").write_text(BACKEND)
    return tree


@pytest.fixture
def ready(tree: Path) -> Path:
    """A checkout whose .venv is complete."""
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python3").symlink_to(INTERPRETER)
    shutil.copy(tree / "requirements.txt", tree / ".venv" / ".installed")
    return tree


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def environment(tree: Path, path: str = "/usr/bin:/bin", **variables: str) -> dict[str, str]:
    """That of a user who has just logged in; `python3` is the one that runs the tests."""
    tools = tree.parent / "tools"
    tools.mkdir(exist_ok=True)
    for name, target in (("python3", INTERPRETER), ("readlink", shutil.which("readlink")), ("bash", BASH)):
        if not (tools / name).exists():
            (tools / name).symlink_to(str(target))
    offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    return {"PATH": f"{tools}:{path}".rstrip(":"), "HOME": str(tree.parent), **offline, **variables}


def bash(script: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BASH, "-c", script], env=env, cwd=cwd, capture_output=True, text=True)


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a failure of path.sh printed."""
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("path.sh: ")
    return line


def test_a_python_that_is_too_old_is_named(tree: Path) -> None:
    old = program(tree.parent / "old" / "python3", "echo 3.8.18; exit 1\n")
    env = environment(tree)
    done = bash(". ./path.sh", {**env, "PATH": f"{old.parent}:{env['PATH']}"}, tree)
    assert f"python3 is 3.8.18 ({old}), 3.10 or newer is needed" in only_line(done)
    assert not (tree / ".venv").exists()


def test_a_python_that_does_not_run_is_named(tree: Path) -> None:
    broken = program(tree.parent / "broken" / "python3", "echo broken >&2; exit 127\n")
    env = environment(tree)
    done = bash(". ./path.sh", {**env, "PATH": f"{broken.parent}:{env['PATH']}"}, tree)
    assert str(broken) in only_line(done)


def test_a_missing_python_is_one_line(tree: Path) -> None:
    env = environment(tree, path="")
    (tree.parent / "tools" / "python3").unlink()
    assert "no python3 in PATH" in only_line(bash(". ./path.sh", env, tree))


def test_failure_does_not_end_or_change_the_calling_shell(tree: Path) -> None:
    env = environment(tree, EMOSEQ_PYTHON="/nowhere/python3")
    done = bash("before=$-; . ./path.sh || echo $? same=$([ $before = $- ] && echo yes)", env, tree)
    assert done.stdout == "1 same=yes\n"


def test_own_python_without_the_modules_lists_them(tree: Path) -> None:
    bare = program(tree.parent / "bare" / "python3", f'exec {shlex.quote(INTERPRETER)} -I -S "$@"\n')
    done = bash(". ./path.sh", environment(tree, EMOSEQ_PYTHON=str(bare)), tree)
    assert f"EMOSEQ_PYTHON ({bare}) lacks the modules torch numpy " in only_line(done)


@pytest.mark.parametrize("value", ["/nowhere/python3", "no-such-python3", "."])
def test_own_python_that_is_no_program_is_one_line(tree: Path, value: str) -> None:
    done = bash(". ./path.sh", environment(tree, EMOSEQ_PYTHON=value), tree)
    assert f"EMOSEQ_PYTHON is {value}, which is not a program" in only_line(done)


def test_own_python_is_used_and_nothing_is_made(tree: Path) -> None:
    env = environment(tree, EMOSEQ_PYTHON=sys.executable, PYTHONPATH="/mine")
    before = sorted(tree.rglob("*"))
    done = bash(". ./path.sh && echo $PYTHONPATH && python3 -c 'import sys; print(sys.executable)'", env, tree)
    assert (done.stdout, done.stderr) == (f"{tree}:/mine\n{sys.executable}\n", "")
    assert sorted(tree.rglob("*")) == before


def test_relative_own_python_is_found_from_elsewhere(tree: Path) -> None:
    program(tree.parent / "mine-with-modules", f'exec {shlex.quote(sys.executable)} "$@"\n')
    env = environment(tree, EMOSEQ_PYTHON="../mine-with-modules")
    done = bash(". ./path.sh && cd / && python3 -c 'print(1)'", env, tree)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_wrapper_of_own_python_is_not_taken_for_it(tree: Path) -> None:
    wrapper = tree / "utils" / "environment" / "python3"
    done = bash(". ./path.sh", environment(tree, EMOSEQ_PYTHON=str(wrapper)), tree)
    assert "only starts $EMOSEQ_PYTHON" in only_line(done)


def test_own_python_lost_on_the_way_to_a_job_installs_nothing(tree: Path) -> None:
    env = environment(tree)
    env["PATH"] = f"{tree}/utils/environment:{env['PATH']}"
    assert "have the scheduler pass it on" in only_line(bash(". ./path.sh", env, tree))


@pytest.mark.parametrize("options", ["", "set -euo pipefail;", "set -o noclobber;"])
def test_shell_options_of_the_caller_stay(ready: Path, options: str) -> None:
    done = bash(f"{options} shopt -o -p > ../a; . ./path.sh; shopt -o -p > ../b", environment(ready), ready)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (ready.parent / "a").read_text() == (ready.parent / "b").read_text()


def test_environment_of_a_job(ready: Path) -> None:
    env = environment(ready, PYTHONPATH="/another/python", OMP_NUM_THREADS="8", LC_ALL="de_DE.UTF-8")
    names = "EMOSEQ_ROOT PYTHONPATH LC_ALL OMP_NUM_THREADS".split()
    show = " && ".join(f"printenv {name}" for name in names)
    done = bash(f". ./path.sh && {show} && command -v python3", env, ready)
    assert done.stdout.splitlines() == [str(ready), str(ready), "C", "1", f"{ready}/.venv/bin/python3"]


def test_second_sourcing_changes_nothing(ready: Path) -> None:
    done = bash(". ./path.sh; env > ../a; . ./path.sh; env > ../b", environment(ready), ready)
    assert done.stderr == ""
    assert (ready.parent / "a").read_text() == (ready.parent / "b").read_text()


@pytest.mark.parametrize("command", ['. "{tree}/path.sh"', 'cd "{tree}/egs/recola"; . ./path.sh'])
def test_sourced_from_elsewhere_and_through_a_link(ready: Path, command: str) -> None:
    script = command.format(tree=ready) + "; echo $EMOSEQ_ROOT; command -v python3"
    done = bash(script, environment(ready), ready.parent)
    assert done.stdout.splitlines() == [str(ready), f"{ready}/.venv/bin/python3"]


@needs_ensurepip
def test_failing_pip_is_one_line_with_its_log(tree: Path) -> None:
    """Without a compiler, too: the pin that fails is the wheel's."""
    (tree / "requirements.txt").write_text("kenlm==1\nufal-kenlm==2; python_version >= '4'\n")
    done = bash(". ./path.sh", environment(tree, path=""), tree)
    assert (done.returncode, done.stdout) == (1, "")
    *announced, line = done.stderr.splitlines()
    assert "ufal-kenlm takes the place of kenlm" in announced[-1]
    log = tree / ".venv" / "install.log"
    assert line.startswith("path.sh: pip failed: No matching distribution found for ufal-kenlm==2 (all of ")
    assert f"(all of its output: {log})" in line
    assert "No matching distribution found" in log.read_text()
    assert not (tree / ".venv" / ".installed").exists()


@pytest.fixture
def starters(tree: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two that start at once, where an installation was once killed half way."""
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python3").symlink_to("/nowhere/python3")
    (tree / ".venv" / "left over").touch()
    command = [BASH, "-c", ". ./path.sh && python3 -c 'import sys; print(sys.prefix)'"]
    processes = [
        subprocess.Popen(command, env=environment(tree), cwd=tree, text=True, stdout=-1, stderr=-1) for _ in "12"
    ]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@needs_ensurepip
def test_two_at_once_install_once(tree: Path, starters: list[subprocess.Popen[str]]) -> None:
    outputs = [process.communicate() for process in starters]
    assert [stdout for stdout, _ in outputs] == [f"{tree}/.venv\n"] * 2
    said = "".join(stderr for _, stderr in outputs)
    assert said.count("waiting for another installation") == 1
    assert said.count(".venv is ready") == 1
    assert (tree / "builds").read_text() == "once\n"
    assert not (tree / ".venv" / "left over").exists()


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("installer", ROOT / "utils" / "install_environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOG", tmp_path / "install.log")
    monkeypatch.setattr(module, "PYTHON", tmp_path / "python3")
    return module


def test_who_waited_finds_the_work_done(ready: Path) -> None:
    stamp = (ready / ".venv" / ".installed").rename(ready / "stamp")
    with open(ready / ".venv.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [BASH, "-c", ". ./path.sh"]
        waiting = subprocess.Popen(command, env=environment(ready), cwd=ready, text=True, stderr=subprocess.PIPE)
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "path.sh: waiting for another installation of .venv\n"
        stamp.rename(ready / ".venv" / ".installed")
    assert waiting.communicate() == (None, "")
    assert waiting.returncode == 0


def test_pip_holds_the_lock_of_an_installer_that_was_killed(installer: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with open(lock, "w") as held:
        check = (
            f"import os; assert os.path.samestat(os.fstat({held.fileno()}), os.stat({str(lock)!r}))\n"
            f"open({str(tmp_path / 'checked')!r}, 'w')"
        )
        program(installer.PYTHON, shlex.join(["exec", INTERPRETER, "-c", check]))
        installer.pip_install("emoseq", held=held)
    assert (tmp_path / "checked").exists()


def test_python_without_ensurepip_is_one_line(installer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Debian without python3-venv."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(installer.InstallError, match=r"has no ensurepip: .*python3-venv on Debian.*EMOSEQ_PYTHON"):
        installer.make_venv()


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("Collecting x\nERROR: No release of x\nWARNING: pip is old\n", "No release of x"),
        ("  error: subprocess-exited\nERROR: Failed building kenlm\n\n", "Failed building kenlm"),
        ("Segmentation fault\n", "Segmentation fault"),
        ("", "no output"),
    ],
)
def test_what_pip_failed_of(installer: ModuleType, output: str, error: str) -> None:
    assert installer.last_error(output) == error


def test_pins_without_a_compiler(installer: ModuleType) -> None:
    pins = (ROOT / "requirements.txt").read_text()
    changed = set(installer.without_compiler(pins).splitlines()) - set(pins.splitlines())
    gone = set(pins.splitlines()) - set(installer.without_compiler(pins).splitlines())
    assert [line.split("==")[0] for line in changed] == ["ufal-kenlm"]
    assert sorted(line.split("==")[0] for line in gone) == ["kenlm", "ufal-kenlm"]
    assert ";" not in changed.pop()


SHOW = """#!/usr/bin/env python3
import sys
import _recipe
import os
if __name__ == "__main__":
    print(ascii([sys.argv, sys.prefix, os.environ.get("LC_ALL"), sys.stdin.read()]))
    sys.exit(7)
"""
ODD = ["", "a b", "'\"", "new\nline", "$(touch x)", "*", "--", "-c", "\\"]


@pytest.fixture
def script(ready: Path) -> Path:
    path = ready / "steps" / "show.py"
    path.write_text(SHOW)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["steps/show.py", "./steps/show.py", "egs/recola/steps/show.py"])
def test_script_from_a_plain_shell_runs_in_the_environment(script: Path, ready: Path, name: str) -> None:
    done = subprocess.run([name, *ODD], env=environment(ready), cwd=ready, capture_output=True, text=True, input="in")
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == ascii([[name, *ODD], sys.base_prefix, "C", "in"]) + "\n"


def test_script_from_another_directory(script: Path, ready: Path) -> None:
    done = subprocess.run([script], env=environment(ready), cwd="/", capture_output=True, text=True, input="")
    assert (done.returncode, done.stderr) == (7, "")


def test_script_says_only_what_path_sh_says(script: Path, ready: Path) -> None:
    env = environment(ready, EMOSEQ_PYTHON="/nowhere/python3")
    done = subprocess.run([script], env=env, cwd=ready, capture_output=True, text=True)
    assert "EMOSEQ_PYTHON is /nowhere/python3" in only_line(done)


def test_script_in_its_environment_is_not_started_again(script: Path, ready: Path) -> None:
    """Nor could it be: there is no path.sh any more."""
    (ready / "path.sh").unlink()
    env = environment(ready, EMOSEQ_ROOT=str(ready))
    done = subprocess.run([script], env=env, cwd=ready, capture_output=True, text=True, input="")
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.path.insert(0, 'steps'); import show",
        "import sys; sys.path.insert(0, 'steps'); sys.argv[0] = 'steps/show.py'; import show",
    ],
)
def test_imported_script_is_not_started(script: Path, ready: Path, code: str) -> None:
    (ready / "path.sh").unlink()
    command = [sys.executable, "-c", code + "; print('imported')"]
    done = subprocess.run(command, env=environment(ready), cwd=ready, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "imported\n", "")


def test_python_options_and_profilers_are_kept(script: Path, ready: Path) -> None:
    command = ["python3", "-O", "-m", "trace", "--count", "-C", "../counts", "steps/show.py", "a b"]
    done = subprocess.run(command, env=environment(ready), cwd=ready, capture_output=True, text=True, input="")
    assert "['steps/show.py', 'a b']" in done.stdout
    assert "'C'" in done.stdout
    assert (ready.parent / "counts").is_dir()
