"""Conf files, the order in which they count, and the conf files that the recipe brings."""

import dataclasses
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emoseq import DataError
from emoseq.recipe import options as conf
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, format_conf, make_options, option, parse_boolean, read_options
from emoseq.recipe.step import run_step


@dataclasses.dataclass(frozen=True)
class Options:
    """One option of every type."""

    seed: int = option("a number", default=1)
    low_freq: float = option("a frequency", default=20.0)
    rollback: bool = option("a truth value", default=True)
    window_type: str = option("a name", default="povey")
    layers: tuple[int, ...] = option("numbers", default=(3,))
    l2: tuple[float, ...] = option("weights", default=(0.0,))
    systems: tuple[str, ...] = option("names", default=("cls",))


@dataclasses.dataclass(frozen=True)
class Needed:
    """An option that some conf file has to give."""

    stack: int = option("frames")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A root with conf/ and a current folder with conf/, both empty."""
    for name in ("root", "here"):
        (tmp_path / name / "conf").mkdir(parents=True)
    monkeypatch.setattr(conf, "ROOT", tmp_path / "root")
    monkeypatch.setattr(conf, "CONCERNS", ["x", "y"])
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def parse(*words, options=Options, concerns=("x",)):
    parser = Parser("A step.", *concerns)
    parser.add_options(options)
    return make_options(options, parser.parse_args(list(words)))


def parse_text(text, *words):
    Path("given.conf").write_text(text)
    return parse("--config", "given.conf", *words)


def usage_error(capsys, *words, **kwargs):
    """Return the message with which a step ends with status 2."""
    with pytest.raises(SystemExit) as end:
        parse(*words, **kwargs)
    assert end.value.code == 2
    return capsys.readouterr().err


@pytest.mark.usefixtures("folders")
class TestGrammar:
    def test_every_type_of_value(self):
        text = (
            "--seed=7\n--low-freq=-2.5e1\n--rollback=false\n--window-type=hamming\n"
            "--layers=3,4,5\n--l2=0,2e-5\n--systems=cls,reg-mse\n"
        )
        expected = Options(7, -25.0, False, "hamming", (3, 4, 5), (0.0, 2e-5), ("cls", "reg-mse"))
        assert parse_text(text) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "# a comment\n--seed=7\n",
            "--seed=7   # why\n",
            "--seed=7#why\n",
            "\n\n   \n--seed=7\n\n",
            "  --seed=7  ",
            "--seed=7\r\n",
            "--seed=3\n--seed=7\n",
        ],
    )
    def test_comments_blanks_and_repetitions(self, text):
        assert parse_text(text).seed == 7

    def test_a_file_of_comments_changes_nothing(self):
        assert parse_text("# nothing\n\n") == Options()

    def test_values_are_not_evaluated(self):
        assert parse_text("--window-type=$(touch x) `touch x` $HOME\n").window_type == "$(touch x) `touch x` $HOME"

    @pytest.mark.parametrize("line", ["seed=7", "--seed 7", "--seed", "-s=7", "x", "--seed:7"])
    def test_a_line_of_another_form_is_named(self, capsys, line):
        Path("given.conf").write_text(f"--layers=3\n\n{line}  # wrong\n")
        assert f"given.conf:3: '{line}' is not --name=value" in usage_error(capsys, "--config", "given.conf")

    def test_an_unknown_option_in_a_file_is_named_with_file_and_line(self, capsys):
        Path("given.conf").write_text("# first\n--sed=7\n")
        assert "given.conf:2: there is no option --sed" in usage_error(capsys, "--config", "given.conf")

    def test_names_are_not_abbreviated_in_a_file(self, capsys):
        Path("given.conf").write_text("--roll=true\n")
        assert "given.conf:1: there is no option --roll" in usage_error(capsys, "--config", "given.conf")

    @pytest.mark.parametrize(
        "setting", ["--rollback=True", "--rollback=1", "--seed=1.5", "--seed=", "--layers=3,,4", "--layers=[3]"]
    )
    def test_a_value_of_another_type_is_a_usage_error(self, capsys, setting):
        Path("given.conf").write_text(f"{setting}\n")
        assert setting.split("=")[0] in usage_error(capsys, "--config", "given.conf")

    def test_a_conf_file_that_is_no_text_is_a_usage_error(self, capsys):
        Path("given.conf").write_bytes(b"--window-type=\xff\xfe\n")
        assert "given.conf" in usage_error(capsys, "--config", "given.conf")


@pytest.mark.usefixtures("folders")
class TestCommandLine:
    def test_names_are_not_abbreviated(self, capsys):
        assert "--roll" in usage_error(capsys, "--roll", "true")

    def test_a_negative_number(self):
        assert parse("--low-freq", "-400").low_freq == -400.0

    @pytest.mark.parametrize("words", [["--layers", "4,5"], ["--layers=4,5"]])
    def test_a_list(self, words):
        assert parse(*words).layers == (4, 5)

    def test_a_conf_file_that_is_not_there_is_a_usage_error(self, capsys):
        assert "missing.conf" in usage_error(capsys, "--config", "missing.conf")

    def test_an_option_without_value_anywhere_is_a_usage_error(self, capsys):
        assert "--stack" in usage_error(capsys, options=Needed)

    def test_help_lists_an_option_with_its_default(self, capsys):
        with pytest.raises(SystemExit) as end:
            parse("--help")
        assert end.value.code == 0
        assert re.search(r"--low-freq X\s+a frequency \(default 20\)", capsys.readouterr().out)


class TestOrder:
    """seed=1 stands in the dataclass, 2 in the root's conf/, 3 in that of the current folder, 4 in --config."""

    @pytest.fixture(autouse=True)
    def files(self, folders):
        (folders / "root" / "conf" / "x.conf").write_text("--seed=2\n--layers=2\n--window-type=root\n")
        (folders / "here" / "conf" / "x.conf").write_text("--seed=3\n--layers=3\n")
        (folders / "here" / "given.conf").write_text("--seed=4\n")

    def test_command_line_over_config_file(self):
        assert parse("--config", "given.conf", "--seed", "5").seed == 5

    def test_the_place_of_config_on_the_command_line_plays_no_part(self):
        assert parse("--seed", "5", "--config", "given.conf").seed == 5

    def test_config_file_over_the_current_folder(self):
        assert parse("--config=given.conf").seed == 4

    def test_current_folder_over_the_root(self):
        assert parse().seed == 3

    def test_a_file_changes_only_what_it_names(self):
        options = parse("--config", "given.conf")
        assert (options.layers, options.window_type, options.low_freq) == ((3,), "root", 20.0)

    def test_root_over_the_defaults(self):
        Path("conf/x.conf").unlink()
        assert parse().seed == 2

    def test_defaults_where_no_file_is(self, folders):
        Path("conf/x.conf").unlink()
        (folders / "root" / "conf" / "x.conf").unlink()
        assert parse() == Options()

    def test_other_concerns_are_not_read(self):
        assert parse(concerns=("y",)) == Options()

    def test_a_step_without_concern_reads_no_file(self):
        assert parse(concerns=()) == Options()

    def test_a_second_concern_has_an_option_of_its_name(self):
        Path("second.conf").write_text("--seed=6\n")
        parser = Parser("A step.", "x", "model")
        parser.add_options(Options)
        assert parser.parse_args(["--model-config", "second.conf"]).seed == 6

    def test_an_option_without_default_comes_from_a_file(self, folders):
        (folders / "root" / "conf" / "y.conf").write_text("--stack=4\n")
        assert parse(options=Needed, concerns=("y",)).stack == 4


def test_the_root_as_current_folder_is_read_once(folders, monkeypatch):
    monkeypatch.chdir(folders / "root")
    Path("conf/x.conf").write_text("--seed=2\n")
    assert parse().seed == 2


def test_what_a_dataclass_refuses_is_an_error_of_the_data():
    @dataclasses.dataclass(frozen=True)
    class Picky:
        seed: int = option("a number", default=1)

        def __post_init__(self):
            raise ValueError("--seed: not today")

    with pytest.raises(DataError, match="--seed: not today"):
        parse(options=Picky)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_boolean_has_kaldis_spelling(text, value):
    assert parse_boolean(text) is value


@pytest.mark.parametrize("text", ["True", "1", "yes", ""])
def test_other_spellings_of_a_boolean_are_refused(text):
    with pytest.raises(ValueError, match="neither true nor false"):
        parse_boolean(text)


def options_strategy(numbers):
    names = st.from_regex(r"[a-z][a-z0-9+.-]*", fullmatch=True)
    return st.builds(
        Options,
        seed=st.integers(-(10**9), 10**9),
        low_freq=numbers,
        rollback=st.booleans(),
        window_type=names,
        layers=st.lists(st.integers(-9, 99), min_size=1).map(tuple),
        l2=st.lists(numbers, min_size=1).map(tuple),
        systems=st.lists(names, min_size=1).map(tuple),
    )


def written_and_read(options):
    Path("written.conf").write_text(format_conf(options))
    return parse("--config", "written.conf")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=options_strategy(st.decimals(-9999, 9999, places=2).map(float)))
def test_a_written_conf_file_gives_the_same_options(folders, options):
    assert written_and_read(options) == options


@pytest.mark.parametrize("number", [1 / 3, 0.000123456789, 44100.25, 1234567.0])
def test_a_written_conf_file_keeps_every_digit(folders, number):
    assert written_and_read(Options(low_freq=number)).low_freq == number


def test_a_written_conf_file_has_one_option_a_line(tmp_path):
    (tmp_path / "x.conf").write_text(format_conf(Options(l2=(0.0, 2e-5))))
    assert (tmp_path / "x.conf").read_text() == (
        "--seed=1\n--low-freq=20\n--rollback=true\n--window-type=povey\n--layers=3\n--l2=0,2e-05\n--systems=cls\n"
    )


@pytest.fixture
def step_name(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/steps/score.py", "x"])
    return "steps/score.py"


def raising(error):
    def main():
        raise error

    return main


def test_a_message_begins_with_the_step(step_name, capsys):
    log("up to date")
    assert capsys.readouterr().err == f"{step_name}: up to date\n"


def test_status_of_a_step_is_what_its_main_returns():
    assert run_step(lambda: 0) == 0


def test_an_error_of_the_data_is_one_line_and_status_1(step_name, capsys):
    assert run_step(raising(DataError("x.scp: dev_1 is missing"))) == 1
    assert capsys.readouterr().err == f"{step_name}: x.scp: dev_1 is missing\n"


def test_an_error_of_the_system_is_one_line_and_status_1(step_name, capsys, tmp_path):
    assert run_step(lambda: (tmp_path / "missing").read_bytes()) == 1
    assert capsys.readouterr().err == f"{step_name}: {tmp_path}/missing: No such file or directory\n"


def test_an_error_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run_step(lambda: 1 // 0)


def test_too_little_memory_is_one_line(capsys):
    def main():
        raise MemoryError("Unable to allocate 3.70 PiB for an array")

    assert run_step(main) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "3.70 PiB" in lines[0]


# Which steps read a conf file of the recipe, by which option, and what else they ask for.
STEPS = {
    "corpus": {"local/make_corpus.py": ["--config", "out"]},
    "fbank": {"steps/make_fbank.py": ["--config", "data/train"]},
    "egemaps": {"steps/make_egemaps.py": ["--config", "data/train"]},
    "baselines": {
        "steps/make_baseline_jobs.py": ["--config", "exp", "data"],
        "steps/train_baseline.py": ["--config", "baselines.jobs", "1", "data", "dev"],
    },
    **{
        system: {"steps/train_baseline.py": [f"--{system}-config", "baselines.jobs", "1", "data", "dev"]}
        for system in ("valstar", "povolny", "brady")
    },
    "labels": {"steps/make_labels.py": ["--config", "arousal", "data", "labels"]},
    "lm": {
        "steps/make_lm.py": ["--config", "labels", "lm"],
        "steps/tune_decoding.py": ["--lm-config", "gold.scp", "exp/arousal"],
    },
    "folds": {"steps/make_folds.py": ["--config", "3", "data"]},
    "gold": {"steps/make_gold_standard.py": ["--config", "data/train"]},
    "train": {"steps/make_train_jobs.py": ["--config", "exp", "data"]},
    "model": {"steps/train.py": ["--model-config", "train.jobs", "1", "data"]},
    "smooth": {"steps/smooth.py": ["--config", "gold.scp", "exp/arousal", "dev"]},
    "decode": {"steps/tune_decoding.py": ["--config", "gold.scp", "exp/arousal"]},
    "score": {"steps/make_results.py": ["--config", "data", "exp"]},
    "traces": {"egs/csv/local/prepare_data.py": ["--config", "corpus", "data"]},
}
RECIPE_CONFS = sorted([*(ROOT / "conf").glob("*.conf"), *(ROOT / "egs").glob("*/conf/*.conf")])


@pytest.fixture
def parser_of(monkeypatch):
    """The parser of a script of the recipe, which is loaded under a name of its own."""

    def load(script):
        name = f"recipe_{Path(script).stem}"
        spec = importlib.util.spec_from_file_location(name, ROOT / script)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.syspath_prepend((ROOT / script).parent)
        spec.loader.exec_module(module)
        return module.get_parser()

    return load


def test_every_conf_file_of_the_recipe_has_a_step_that_reads_it():
    assert {path.stem for path in RECIPE_CONFS} - {"queue", "slurm"} == set(STEPS)


@pytest.mark.parametrize(
    ("path", "script", "words"),
    [
        pytest.param(path, script, words, id=f"{path.relative_to(ROOT)} {script}")
        for path in RECIPE_CONFS
        for script, words in STEPS.get(path.stem, {}).items()
    ],
)
def test_conf_files_of_the_recipe_mean_the_same_as_their_lines_on_the_command_line(
    path, script, words, parser_of, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    parser, (config, *others) = parser_of(script), words
    lines = re.findall(r"^--[\w-]+=[^\s#]*", path.read_text(), re.MULTILINE)
    from_file = vars(parser.parse_args([config, str(path), *others]))
    from_lines = vars(parser.parse_args([*lines, *others]))
    assert lines
    assert from_lines | {config[2:].replace("-", "_"): str(path)} == from_file


def test_options_come_back_from_their_file(tmp_path):
    options = Options(layers=(3, 4), l2=(0.0, 2e-5), rollback=False)
    (tmp_path / "x.conf").write_text(format_conf(options))
    assert read_options(Options, tmp_path / "x.conf") == options


def test_a_file_of_options_that_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match=r"x\.conf does not exist"):
        read_options(Options, tmp_path / "x.conf")
