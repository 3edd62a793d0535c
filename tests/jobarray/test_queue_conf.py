"""Conf files of the wrappers: Kaldi's, the grammar, errors, those of the recipe."""

import pytest
from conftest import ROOT

from jobarray import JobArrayError
from jobarray.queue_conf import read_queue_conf

# The defaults of Kaldi's slurm.pl and queue.pl, where no conf file is given.
KALDI_SLURM = """\
# Default configuration
command sbatch --export=PATH  --ntasks-per-node=1
option time=* --time $0
option mem=* --mem-per-cpu $0
option mem=0          # Do not add anything to qsub_opts
option num_threads=* --cpus-per-task $0
option num_threads=1 --cpus-per-task 1 # Do not add anything to qsub_opts
option max_jobs_run=*     # Do nothing
default gpu=0
option gpu=0 -p shared
option gpu=* -p gpu --gres=gpu:$0  # in practice 0 or 1
"""
KALDI_QUEUE = """\
# Default configuration
command qsub -v PATH -cwd -S /bin/bash -j y -l arch=*64*
option mem=* -l mem_free=$0,ram_free=$0
option mem=0          # Do not add anything to qsub_opts
option num_threads=* -pe smp $0
option num_threads=1  # Do not add anything to qsub_opts
option max_jobs_run=* -tc $0
default gpu=0
option gpu=0
option gpu=* -l gpu=$0 -q g.q
"""


def words(conf, given):
    """Return the words that these options and the defaults of all others add."""
    return conf.expand_options(conf.fill_defaults(given))


@pytest.fixture
def conf(tmp_path):
    """Read a conf file with this text."""

    def make(text: str):
        (tmp_path / "x.conf").write_text(text)
        return read_queue_conf(tmp_path / "x.conf")

    return make


@pytest.fixture
def complaint(conf, tmp_path):
    """Return the error for a text without the name of its file."""

    def complain(text: str, given=None) -> str:
        with pytest.raises(JobArrayError) as error:
            words(conf(text), given or {})
        assert str(error.value).startswith(f"{tmp_path}/x.conf:")
        return str(error.value).removeprefix(f"{tmp_path}/x.conf:")

    return complain


# --- Kaldi's


def test_kaldis_command(conf):
    assert conf(KALDI_SLURM).command == ("sbatch", "--export=PATH", "--ntasks-per-node=1")
    assert conf(KALDI_QUEUE).command == tuple("qsub -v PATH -cwd -S /bin/bash -j y -l arch=*64*".split())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "-p shared"),
        ({"gpu": "0"}, "-p shared"),
        ({"gpu": "1"}, "-p gpu --gres=gpu:1"),
        ({"mem": "4G"}, "-p shared --mem-per-cpu 4G"),
        ({"mem": "0"}, "-p shared"),
        ({"time": "2:00:00"}, "-p shared --time 2:00:00"),
        ({"num-threads": "4"}, "-p shared --cpus-per-task 4"),
        ({"num-threads": "1"}, "-p shared --cpus-per-task 1"),
        ({"max-jobs-run": "9"}, "-p shared"),
    ],
)
def test_kaldis_options_of_slurm(conf, given, expected):
    assert words(conf(KALDI_SLURM), given) == expected.split()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ""),
        ({"gpu": "2"}, "-l gpu=2 -q g.q"),
        ({"mem": "4G"}, "-l mem_free=4G,ram_free=4G"),
        ({"num-threads": "4"}, "-pe smp 4"),
        ({"num-threads": "1"}, ""),
    ],
)
def test_kaldis_options_of_grid_engine(conf, given, expected):
    assert words(conf(KALDI_QUEUE), given) == expected.split()


def test_the_limit_is_the_wrappers_whatever_the_file_says(conf):
    """It goes with the range of tasks: twice in one submission would be an error."""
    assert words(conf(KALDI_QUEUE), {"max-jobs-run": "9"}) == []


# --- the grammar


@pytest.mark.parametrize("lines", [["option a=* -x $0", "option a=1 -y"], ["option a=1 -y", "option a=* -x $0"]])
def test_an_exact_value_wins_in_any_order(conf, lines):
    text = "\n".join(["command c", *lines])
    assert words(conf(text), {"a": "1"}) == ["-y"]
    assert words(conf(text), {"a": "2"}) == ["-x", "2"]


def test_the_order_of_lines_does_not_matter(conf):
    lines = [*KALDI_SLURM.splitlines()]
    given = {"mem": "4G", "gpu": "1"}
    assert words(conf("\n".join(reversed(lines))), given) == words(conf("\n".join(lines)), given)


def test_a_default_holds_where_the_option_is_not_given(conf):
    text = "command c\ndefault a=1\noption a=* -x $0\n"
    assert words(conf(text), {}) == ["-x", "1"]
    assert words(conf(text), {"a": "2"}) == ["-x", "2"]


@pytest.mark.parametrize("name", ["num_threads", "num-threads"])
def test_names_are_the_same_with_dashes(conf, name):
    assert words(conf(f"command c\noption {name}=* -x $0\ndefault {name}=2"), {}) == ["-x", "2"]


def test_any_name_may_be_an_option(conf):
    assert words(conf("command c\noption hostname=* -l h=$0\n"), {"hostname": "b*"}) == ["-l", "h=b*"]


def test_every_0_of_a_word_is_replaced(conf):
    assert words(conf("command c\noption mem=* a=$0,b=$0 $0\n"), {"mem": "1"}) == ["a=1,b=1", "1"]


def test_quotes_keep_a_word_together(conf):
    text = "command c --comment='two words'\noption a=* --constraint=\"x|y $0\"\n"
    assert conf(text).command == ("c", "--comment=two words")
    assert words(conf(text), {"a": "1"}) == ["--constraint=x|y 1"]


def test_a_value_stays_one_word(conf):
    assert words(conf("command c\noption a=* -x $0\n"), {"a": "1 '2"}) == ["-x", "1 '2"]


def test_comments_begin_after_a_space_or_a_line(conf):
    text = "# all of it\ncommand c # the rest\n  # indented\n\noption a=* -l x#y=$0 #\n"
    assert conf(text).command == ("c",)
    assert words(conf(text), {"a": "1"}) == ["-l", "x#y=1"]


def test_lines_may_end_as_in_windows(conf):
    assert words(conf("command c -x\r\noption a=* -y $0\r\n"), {"a": "1"}) == ["-y", "1"]


# --- faults


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("command c\nhello there\n", "2: 'hello there': expected 'command ...'"),
        ("command c\n\n# x\noption mem\n", "4: 'option mem': expected"),
        ("command c\ndefault gpu\n", "2: 'default gpu': expected"),
        ("command c\ndefault gpu=0 -x\n", "2: 'default gpu=0 -x': expected"),
        (
            "command c\ndefault num_tries=3\n",
            "2: 'default num_tries=3': --num-tries cannot have a default in this file; give it on the command line",
        ),
        ("command c\ndefault num_threads=two\n", "2: 'default num_threads=two': --num-threads must be a number"),
        ("command\n", "1: 'command': expected"),
        ("command c 'x\n", '1: "command c \'x": No closing quotation'),
        ('command c\noption a=* "x\n', "2: 'option a=* \"x': No closing quotation"),
        ("option a=* -x\n", " the line 'command ...' is missing"),
        ("", " the line 'command ...' is missing"),
    ],
)
def test_a_line_of_another_form_is_named(complaint, text, expected):
    assert complaint(text).startswith(expected)


def test_an_option_without_a_line(complaint):
    expected = " no line for --max-mem; add 'option max_mem=* ...'"
    assert complaint("command c\n", {"max-mem": "1"}) == expected


def test_a_value_that_no_line_has(complaint):
    text = "command c\noption gpu=0\noption gpu=1 -l gpu=1\n"
    assert complaint(text, {"gpu": "2"}) == " no line for --gpu 2; add 'option gpu=2 ...'"


def test_a_default_without_a_line(complaint):
    assert "no line for --gpu;" in complaint("command c\ndefault gpu=0\n")


def test_a_missing_file(tmp_path):
    with pytest.raises(JobArrayError, match=r"x\.conf: no such file"):
        read_queue_conf(tmp_path / "x.conf")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "x.conf").write_bytes(b"command \xff\n")
    with pytest.raises(JobArrayError, match=r"x\.conf: not a text file in UTF-8"):
        read_queue_conf(tmp_path / "x.conf")


# --- ours


GIVEN = {"mem": "4G", "time": "2:00:00", "num-threads": "4", "gpu": "1"}


@pytest.mark.parametrize(
    ("name", "command", "given", "expected"),
    [
        ("slurm", "sbatch", {}, ""),
        ("queue", "qsub -v PATH,EMOSEQ_PYTHON -cwd -S /bin/bash -j y", {}, ""),
        (
            "slurm",
            "sbatch",
            GIVEN,
            "--gres=gpu:1 --mem-per-cpu=4G --time=2:00:00 --cpus-per-task=4",
        ),
        (
            "queue",
            "qsub -v PATH,EMOSEQ_PYTHON -cwd -S /bin/bash -j y",
            GIVEN,
            "-l gpu=1 -l mem_free=4G -l h_rt=2:00:00 -pe smp 4",
        ),
        ("slurm", "sbatch", {"mem": "0", "num-threads": "1"}, "--cpus-per-task=1"),
        ("queue", "qsub -v PATH,EMOSEQ_PYTHON -cwd -S /bin/bash -j y", {"mem": "0", "num-threads": "1"}, ""),
    ],
)
def test_options_of_the_recipes_files(name, command, given, expected):
    conf = read_queue_conf(ROOT / "conf" / f"{name}.conf")
    assert conf.command == tuple(command.split())
    assert words(conf, given) == expected.split()
