"""utils/parse_options.sh, sourced by a script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

PARSE_OPTIONS = ROOT / "utils" / "parse_options.sh"
DEFAULTS = """
stage=0
stop_stage=9
use_gpu=false
cmd=utils/run.py
corpus=
help_message="Usage: $0 [options]\\n  --stage N"
"""
DUMP = (
    "import json, os, sys; "
    "print(json.dumps([{n: os.environ.get(n) for n in os.environ['names'].split()}, sys.argv[1:]]))"
)
NAMES = "stage stop_stage use_gpu cmd corpus"


def call(folder: Path, *words: str, before: str = DEFAULTS, flags: str = "set -euo pipefail"):
    script = folder / "script.sh"
    script.write_text(
        f'{flags}\n{before}\n. "{PARSE_OPTIONS}"\n'
        f'export {NAMES}\nnames="{NAMES}" "{sys.executable}" -S -c "{DUMP}" "$@"\n'
    )
    return subprocess.run(
        ["bash", "script.sh", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        errors="surrogateescape",
    )


def parse(folder: Path, *words: str, **kwargs):
    done = call(folder, *words, **kwargs)
    assert done.returncode == 0, done.stderr
    variables, rest = json.loads(done.stdout)
    return variables, rest


def complaint(folder: Path, *words: str) -> str:
    done = call(folder, *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    return done.stderr.removeprefix("script.sh: ").strip()


def test_defaults_stand_without_options(tmp_path):
    variables, rest = parse(tmp_path)
    assert variables == {
        "stage": "0",
        "stop_stage": "9",
        "use_gpu": "false",
        "cmd": "utils/run.py",
        "corpus": "",
    }
    assert rest == []


@pytest.mark.parametrize("words", [["--stop-stage", "3"], ["--stop-stage=3"], ["--stop_stage", "3"]])
def test_an_option_sets_its_variable(tmp_path, words):
    assert parse(tmp_path, *words)[0]["stop_stage"] == "3"


def test_the_last_of_an_option_holds(tmp_path):
    assert parse(tmp_path, "--stage", "3", "--stage", "4")[0]["stage"] == "4"


def test_a_value_may_begin_with_dashes(tmp_path):
    assert parse(tmp_path, "--cmd", "--mem 4G")[0]["cmd"] == "--mem 4G"


def test_a_value_may_hold_an_equals_sign(tmp_path):
    assert parse(tmp_path, "--cmd=a=b")[0]["cmd"] == "a=b"


def test_a_value_may_be_empty(tmp_path):
    assert parse(tmp_path, "--stage", "", "--corpus=")[0]["stage"] == ""


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        (["--stage", "1", "a b", "--stage", "2"], ["a b", "--stage", "2"]),
        (["--stage", "1", "--", "--stage", "2"], ["--stage", "2"]),
        (["--stage", "1", "--"], []),
        (["--stage", "1", "", "x"], ["", "x"]),
        (["--stage", "1", "-", "x"], ["-", "x"]),
        (["--stage", "1"], []),
    ],
)
def test_what_follows_the_options_is_left(tmp_path, words, rest):
    variables, left = parse(tmp_path, *words)
    assert (variables["stage"], left) == ("1", rest)


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1))
@settings(max_examples=25, deadline=None)
def test_any_value_is_stored_as_it_is(tmp_path_factory, value):
    assert parse(tmp_path_factory.mktemp("any"), "--cmd", value, value.lstrip("-"))[0]["cmd"] == value


@pytest.mark.parametrize(
    "value", ["$(touch evil)", "`touch evil`", "x; touch evil", '"; touch evil; "', "a[$(touch evil)]"]
)
@pytest.mark.parametrize("form", ["separate", "joined", "config"])
def test_no_value_is_evaluated(tmp_path, value, form):
    (tmp_path / "c").write_text(f"--cmd={value}\n")
    words = {"separate": ["--cmd", value], "joined": [f"--cmd={value}"], "config": ["--config", "c"]}[form]
    assert parse(tmp_path, *words)[0]["cmd"] == value
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "name", ["a[$(touch evil)]", "x$(touch evil)", "stage;touch evil", "cmd[0]", "", "_po_name", "-stage"]
)
def test_no_name_is_evaluated(tmp_path, name):
    assert "unknown option" in complaint(tmp_path, f"--{name or ' '}", "1")
    assert not (tmp_path / "evil").exists()


def test_an_integer_variable_is_not_evaluated(tmp_path):
    before = f"{DEFAULTS}\ndeclare -i count=1"
    done = call(tmp_path, "--count", "a[$(touch evil)]", before=before)
    assert (done.returncode, done.stderr) == (1, "script.sh: --count cannot be set\n")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", ["UID", "BASHOPTS"])
def test_a_readonly_variable_is_refused(tmp_path, name):
    assert complaint(tmp_path, f"--{name}", "3") == f"--{name} cannot be set"


def test_an_unknown_option_is_named(tmp_path):
    assert complaint(tmp_path, "--stgae", "3").startswith("unknown option --stgae")


@pytest.mark.parametrize("words", [["--stage"], ["--stage", "1", "--cmd"], ["--config"]])
def test_a_missing_value_is_an_error(tmp_path, words):
    assert complaint(tmp_path, *words) == f"{words[-1]} wants a value"


@pytest.mark.parametrize("value", ["true", "false"])
def test_a_boolean_is_set(tmp_path, value):
    assert parse(tmp_path, "--use-gpu", value)[0]["use_gpu"] == value


@pytest.mark.parametrize("value", ["yes", "1", "", "True"])
def test_a_boolean_stays_one(tmp_path, value):
    assert complaint(tmp_path, "--use-gpu", value) == f'expected "true" or "false": --use-gpu {value}'.strip()


def test_an_empty_cmd_is_an_error(tmp_path):
    assert complaint(tmp_path, "--cmd", "") == "empty argument to --cmd"


CONF = """# stages
--stage=3   # to here

  --cmd=utils/slurm.py --mem 4G\t
--stop-stage=5\r
--use-gpu=true"""


def test_a_config_file_sets_variables(tmp_path):
    (tmp_path / "c.conf").write_bytes(CONF.encode())
    variables, _ = parse(tmp_path, "--config", "c.conf")
    assert variables == {
        "stage": "3",
        "stop_stage": "5",
        "use_gpu": "true",
        "cmd": "utils/slurm.py --mem 4G",
        "corpus": "",
    }


@pytest.mark.parametrize("words", [["--config", "c", "--stage", "8"], ["--stage", "8", "--config=c"]])
def test_the_command_line_wins_over_the_config_file(tmp_path, words):
    (tmp_path / "c").write_text("--stage=3\n--stop-stage=4\n")
    variables, _ = parse(tmp_path, *words)
    assert (variables["stage"], variables["stop_stage"]) == ("8", "4")


def test_a_config_after_the_options_is_none(tmp_path):
    assert parse(tmp_path, "x", "--config", "nowhere")[1] == ["x", "--config", "nowhere"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--stgae=3", "c:2: unknown option --stgae"),
        ("stage=3", "c:2: 'stage=3' is not --name=value"),
        ("--stage 3", "c:2: '--stage 3' is not --name=value"),
        ("--stage = 3", "c:2: unknown option --stage "),
        ("--use-gpu=yes", 'c:2: expected "true" or "false": --use-gpu yes'),
        ("touch evil", "c:2: 'touch evil' is not --name=value"),
    ],
)
def test_a_fault_in_a_config_file_is_found_by_its_line(tmp_path, line, expected):
    (tmp_path / "c").write_text(f"# one\n{line}\n")
    assert complaint(tmp_path, "--config", "c").startswith(expected)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_missing_config_file_is_an_error(tmp_path, name):
    assert complaint(tmp_path, "--config", name) == f"--config {name}: there is no such file"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--stage", "1", "--help"], ["--help", "--nonsense"]])
def test_help_prints_the_message_and_succeeds(tmp_path, words):
    done = call(tmp_path, *words)
    assert (done.returncode, done.stdout) == (0, "Usage: script.sh [options]\n  --stage N\n")


def test_help_works_without_a_message(tmp_path):
    done = call(tmp_path, "--help", before="stage=0")
    assert (done.returncode, done.stdout) == (0, "Usage: script.sh [--name value]... [argument]...\n")


def test_nothing_of_its_own_is_left_in_the_script(tmp_path):
    script = f'{DEFAULTS}. "{PARSE_OPTIONS}"; compgen -v _po_; declare -F'
    done = subprocess.run(["bash", "-c", script, "x", "--stage", "1"], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == ""


def test_it_works_in_a_script_without_safety_flags(tmp_path):
    assert parse(tmp_path, "--stage", "3", "x", flags="")[1] == ["x"]
