"""Conf folders, stages and --dry-run of run.sh and its steps."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, assert_one_line_error, recipe, step
from test_run import copied, times_of

STEPS = sorted([*(ROOT / "steps").glob("[a-z]*.py"), ROOT / "local/make_corpus.py"])


def test_a_stop_stage_below_the_stage_is_an_error(tmp_path):
    done = recipe("--stage", 3, "--stop-stage", 2, "--data", tmp_path / "data", "--exp", tmp_path / "exp")
    assert_one_line_error(done, "--stop-stage 2 is below --stage 3")


@pytest.mark.parametrize(
    ("name", "hint"), [("lmm.conf", "did you mean lm.conf?"), ("zzzzzzzz.conf", "conf files are baselines.conf")]
)
def test_a_conf_file_that_nothing_reads_is_refused_by_name(tmp_path, name, hint):
    conf = tmp_path / "conf"
    (conf / "old").mkdir(parents=True)
    (conf / "notes.txt").write_text("other files are left alone\n")
    (conf / name).write_text("--orders=2\n")
    done = recipe("--conf", conf, "--data", tmp_path / "data", "--exp", tmp_path / "exp")
    assert_one_line_error(done, f"{name}: nothing reads it", hint)
    done = step("steps/make_lm.py", "--conf", conf, tmp_path, tmp_path)
    assert_one_line_error(done, f"{name}: nothing reads it", hint)


def test_a_misspelled_file_in_the_usual_conf_folder_is_refused_as_well(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/lmm.conf").write_text("--orders=2\n")
    done = step(ROOT / "steps/make_lm.py", "labels", "lm", cwd=tmp_path)
    assert_one_line_error(done, "conf/lmm.conf: nothing reads it", "did you mean lm.conf?")


def test_every_conf_file_has_a_known_name():
    from emoseq.recipe.options import CONCERNS

    assert {path.stem for path in (ROOT / "conf").glob("*.conf")} == set(CONCERNS)


def test_every_concern_of_a_parser_has_a_file_in_conf():
    concerns = set()
    for script in STEPS:
        for call in re.findall(r"Parser\(__doc__((?:, \"\w+\")+)", script.read_text()):
            concerns |= set(re.findall(r'"(\w+)"', call))
    assert len(concerns) > 10
    assert {f"{name}.conf" for name in concerns} <= {path.name for path in (ROOT / "conf").glob("*.conf")}


@pytest.mark.parametrize(
    ("stage", "lost", "earlier"),
    [
        (1, "data/dev/wav.scp", 0),
        (3, "data/train/feats.scp", 1),
        (3, "exp/valence/labels/centers", 2),
        (4, "data/dev/arousal.scp", 2),
        (5, "exp/train.jobs", 4),
        (6, "exp/arousal/cls_l1_r0_s2/predict_test.scp", 5),
        (7, "exp/arousal/predict_test/CLS-HMM.scp", 6),
        (8, "exp/valence/selected.cls", 6),
        (8, "exp/results.csv", 7),
    ],
)
def test_a_stage_without_its_input_says_which_stage_to_run(small_run, tmp_path, stage, lost, earlier):
    copied(small_run, tmp_path)
    (tmp_path / lost).unlink()
    paths = ["--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    done = recipe("--conf", "tests/conf", *paths, "--stage", stage)
    assert_one_line_error(done, f"{lost} is missing, which stage {earlier} writes: run --stage {earlier} first")


def test_a_dry_run_before_a_run_lists_its_steps_and_writes_nothing(tmp_path):
    """The models that are only compared are among them, though their setting has yet to be chosen."""
    conf = shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    with open(conf / "train.conf", "a") as stream:
        stream.write("--chosen-systems=cls-ce\n--chosen-fit-on=train\n")
    done = recipe("--conf", conf, "--data", tmp_path / "data", "--exp", tmp_path / "exp", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [conf]
    assert len(re.findall(r"train\.py: \S*/(?:cls-ce|fit_on_train/\w+/cls)_l1_r0_s[12]: would run", done.stderr)) == 8
    assert f"local/make_corpus.py: {tmp_path}/data/corpus: would run (missing)" in done.stderr
    assert "exp/train.jobs: 8 jobs: would be written (missing)" in done.stderr
    assert len(re.findall(r"train\.py: \S*exp/\w+/(?:cls|reg-ccc)_l1_r0_s[12]: would run", done.stderr)) == 8
    assert "up to date" not in done.stderr


def test_a_dry_run_after_a_run_and_after_a_change_of_an_option(small_run, tmp_path):
    copied(small_run, tmp_path)
    conf = shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    paths = ["--conf", conf, "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    before = times_of(small_run._replace(data=tmp_path / "data", exp=tmp_path / "exp"))
    done = recipe(*paths, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert not re.search(r"(would|may) run|would be written", done.stderr), done.stderr
    assert done.stderr.count("steps/train.py: ") == 8

    (conf / "decode.conf").write_text("--lm-weights=0,3\n")
    done = recipe(*paths, "--dry-run")
    assert done.returncode == 0, done.stderr
    changed = [line for line in done.stderr.splitlines() if " run (" in line]
    assert f"steps/tune_decoding.py: {tmp_path}/exp/arousal/decode_dev: would run (options)" in changed
    follows = re.escape(f"{tmp_path}/exp/arousal: CLS-Decoded: dev: may run (inputs: {tmp_path}/exp/arousal/")
    assert any(re.match(f"steps/decode_models.py: {follows}", line) for line in changed)
    assert not any("steps/train.py" in line or "steps/make_lm.py" in line for line in changed)
    assert times_of(small_run._replace(data=tmp_path / "data", exp=tmp_path / "exp")) == before


def test_the_logs_of_an_array_that_is_up_to_date_are_kept(small_run, tmp_path):
    run = copied(small_run, tmp_path)
    logs = {path: path.read_bytes() for path in run.exp.glob("log/train.*.log")}
    assert len(logs) == 8
    assert all(b": epoch 1 rate " in text for text in logs.values())
    done = recipe("--conf", "tests/conf", "--data", run.data, "--exp", run.exp, "--stage", 4, "--stop-stage", 4)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in run.exp.glob("log/train.*.log")} == logs


def test_a_run_keeps_its_settings_whatever_becomes_of_conf(tmp_path):
    """Neither other settings nor a file half written in the conf folder of the current folder reach it."""
    conf = shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    begin, plan = ROOT / "steps/begin_run.py", ROOT / "steps/make_train_jobs.py"
    assert step(begin, "--conf", conf, "data", "exp", cwd=tmp_path).returncode == 0
    (conf / "train.conf").write_text((conf / "train.conf").read_text().replace("=1,2", "=1,2,3") + "--seedz=1\n--sy")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dimensions").write_text("arousal\nvalence\n")
    done = step(plan, "--conf", "exp/conf", "exp", "data", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "exp/train.jobs").read_text().splitlines()) == 8


def test_models_of_other_settings_are_not_averaged(small_run, tmp_path):
    run = copied(small_run, tmp_path)
    conf = run.exp / "valence/cls_l1_r0_s2/conf/train.conf"
    conf.write_text(conf.read_text().replace("--learning-rate=0.002", "--learning-rate=0.001"))
    done = step("steps/select_models.py", run.exp / "train.jobs", run.data, "dev", "test")
    assert done.returncode == 1
    assert f"{conf} differs from {run.exp}/valence/cls_l1_r0_s1/conf/train.conf" in done.stderr
    assert "run stage 4 again" in done.stderr


def test_a_later_stage_does_not_go_on_with_other_settings_than_the_models(small_run, tmp_path):
    run = copied(small_run, tmp_path)
    conf = shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    (conf / "model.conf").write_text("--hidden-size=99\n")
    done = recipe("--conf", conf, "--data", run.data, "--exp", run.exp, "--stage", 6)
    assert_one_line_error(done, "was trained with --hidden-size=12", "run --stage 4 first")


@pytest.mark.parametrize(
    ("concern", "line"),
    [
        ("train", "--l2=nan"),
        ("train", "--l2=inf"),
        ("train", "--l2=-1"),
        ("train", "--l2=1e300"),
        ("train", "--learning-rate=1e300"),
        ("decode", "--lm-weights="),
        ("decode", "--acoustic-scales="),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_stage_0(tmp_path, concern, line):
    (tmp_path / "conf").mkdir()
    (tmp_path / f"conf/{concern}.conf").write_text(f"{line}\n")
    done = recipe("--conf", tmp_path / "conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp")
    assert_one_line_error(done, f"{concern}.conf", line.partition("=")[0])
    assert not (tmp_path / "data/corpus").exists()


def test_a_dry_run_reports_a_fault_as_any_run_does(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/lm.conf").write_text("--orders=9\n")
    paths = ["--conf", tmp_path / "conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    assert_one_line_error(recipe(*paths, "--dry-run"), "lm.conf", "--orders")
    done = step("steps/make_lm.py", "--dry-run", "--orders", "9", tmp_path / "labels", tmp_path / "lm")
    assert_one_line_error(done, "--orders")
    done = step("steps/make_lm.py", "--dry-run", tmp_path / "labels", tmp_path / "lm")
    assert (done.returncode, done.stdout) == (0, "")
    assert "would run (missing: " in done.stderr


HEAVY = ("torch", "numba", "sklearn", "pandas", "scipy", "matplotlib")


@pytest.mark.parametrize("script", STEPS, ids=lambda path: path.stem)
def test_help_is_complete_and_imports_no_library_that_takes_long(script):
    """Every argument is explained, an example ends the help, and specifiers are explained where one is taken."""
    program = (
        "import json, runpy, sys\n"
        f"sys.argv = [{str(script)!r}, '--help']\nsys.path.insert(0, {str(script.parent)!r})\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr)"
    )
    environment = os.environ | {"EMOSEQ_ROOT": str(ROOT), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == []
    for option in ("--conf DIR", "--config FILE", "--dry-run"):
        assert option in done.stdout
    assert f"\nExample:\n  {script.parent.name}/{script.name} " in done.stdout
    assert ("ark,t:-" in done.stdout.partition("Specifiers:")[2]) == ("SPEC" in done.stdout.partition("Example:")[0])
    for call in ast.walk(ast.parse(script.read_text())):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "parser.add_argument":
            assert any(keyword.arg == "help" for keyword in call.keywords), ast.unparse(call)


def test_run_sh_and_path_sh_are_short():
    assert len((ROOT / "run.sh").read_text().splitlines()) <= 150
    assert len((ROOT / "path.sh").read_text().splitlines()) <= 60


def test_conf_folders_are_laid_over_one_another_option_by_option(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/lm.conf").write_text("--longest-duration=99\n")
    (tmp_path / "x.conf").write_text("--transition-smoothing=0.5\n--longest-duration=7\n")
    sys.path.insert(0, str(ROOT))
    from emoseq.lm.regions import LmOptions
    from emoseq.recipe.options import Parser, make_options

    def read(*words):
        parser = Parser("A step.", "lm", plans=True)
        parser.add_options(LmOptions)
        return make_options(LmOptions, parser.parse_args([*map(str, words)]))

    assert read("--conf", tmp_path / "conf") == LmOptions((2, 3), 0.01, 99)
    assert read(f"--conf={tmp_path}/conf", "--config", tmp_path / "x.conf") == LmOptions((2, 3), 0.5, 7)
    assert read("--conf", tmp_path / "conf", "--longest-duration", 3) == LmOptions((2, 3), 0.01, 3)
    assert Path("conf/lm.conf").read_text().startswith("--orders=2,3")
