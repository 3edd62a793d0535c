"""What the job wrappers share: the command line, job numbers, logs, status files, the report."""

import os
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoseq import DataError, jobs
from emoseq.jobs import UsageError, parse_command_line, substitute

WORDS = st.lists(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])).filter(
        lambda word: word not in jobs.OPERATORS
    ),
    max_size=5,
)


def parsed_from(argv: str) -> jobs.Jobs:
    return parse_command_line(argv.split())


def failure(capsys, jobs_, codes) -> list[str]:
    assert jobs.report("run.py", jobs_, codes) == 1
    return capsys.readouterr().err.splitlines()


@given(WORDS)
@settings(max_examples=60, deadline=None)
def test_bash_reads_the_quoted_command_as_the_same_words(words):
    line = jobs.command_line(["printf", r"%s\0", *words])
    read = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    assert read == b"".join(word.encode() + b"\0" for word in words or [""])


def test_bytes_that_are_no_text_survive_quoting():
    word = os.fsdecode(b"\xff\xfe'\n")
    line = os.fsencode(jobs.command_line(["printf", "%s", word]))
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout == b"\xff\xfe'\n"


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_a_quoted_word_is_one_line(word):
    assert len(jobs.quote(word).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("JOB", "7"),
        ("x_JOB.ark", "x_7.ark"),
        ("log/JOB/JOB.log", "log/7/7.log"),
        ("JOB_JOB", "7_7"),
        ("exp/JOBS", "exp/JOBS"),
        ("MYJOB", "MYJOB"),
        ("JOB2", "JOB2"),
        ("2JOB", "2JOB"),
        ("éJOB", "éJOB"),
        ("job", "job"),
    ],
)
def test_the_number_stands_where_no_letter_or_digit_touches(text, expected):
    assert substitute(text, "JOB", 7) == expected


def test_without_a_range_nothing_is_replaced():
    assert parsed_from("JOB.log echo JOB").command_of(1) == ["echo", "JOB"]


def test_any_identifier_may_stand_for_job():
    parsed = parsed_from("LMWT=7:17 score_LMWT.log score.sh --weight LMWT")
    assert list(parsed.numbers) == list(range(7, 18))
    assert parsed.log_of(9) == "score_9.log"
    assert parsed.command_of(9) == ["score.sh", "--weight", "9"]


def test_a_single_number_is_a_range_of_one():
    assert list(parsed_from("JOB=3 x.JOB.log true").numbers) == [3]


def test_options_stand_before_and_after_the_range():
    parsed = parsed_from("--mem 4G JOB=1:2 --num-threads 3 x.JOB.log prog --mem 1G")
    assert parsed.options == {"mem": "4G", "num-threads": "3"}
    assert parsed.command == ("prog", "--mem", "1G")


def test_an_option_may_be_joined_to_its_argument():
    assert parsed_from("--mem=4G x.log true").options == {"mem": "4G"}


def test_the_smallest_of_several_limits_holds():
    assert parsed_from("--max-jobs-run 10 --max-jobs-run 9 --max-jobs-run 20 x.log a").options["max-jobs-run"] == "9"


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ("--whole-nodes 1 x.log true", "--whole-nodes"),
        ("-tc 4 x.log true", "-tc"),
        ("-- x.log true", "--"),
        ("--mem", "--mem"),
        ("--num-threads 0 x.log true", "'0'"),
        ("--max-jobs-run two x.log true", "'two'"),
        ("--gpu -1 x.log true", "'-1'"),
        ("JOB=4:1 x.JOB.log true", "JOB=4:1"),
        ("JOB=0:3 x.JOB.log true", "JOB=0:3"),
        ("JOB=1: x.JOB.log true", "JOB=1:"),
        ("JOB= x.JOB.log true", "JOB="),
        ("JOB=1-4 x.JOB.log true", "JOB=1-4"),
        ("JOB=1:2 X=1:2 x.JOB.log true", "X=1:2"),
        ("x.log", "command"),
        ("", "log file"),
    ],
)
def test_a_usage_error_names_what_is_wrong(argv, complaint):
    with pytest.raises(UsageError, match=re.escape(complaint)):
        parsed_from(argv)


@pytest.mark.parametrize("log", ["x.log", "JOBS.log"])
def test_jobs_that_would_share_a_log_are_refused(log):
    with pytest.raises(DataError, match=log):
        parsed_from(f"JOB=1:2 {log} true")


def test_one_job_needs_no_number_in_its_log():
    assert parsed_from("JOB=1:1 x.log true").log_of(1) == "x.log"


def test_a_wrapper_may_know_other_options():
    assert parse_command_line(["--queue", "long", "x.log", "true"], {"queue"}).options == {"queue": "long"}


def test_the_head_of_a_clusters_log_names_the_host():
    assert jobs.header(["true"], host="node7").splitlines()[:2] == [b"# true", b"# Running on node7"]


def test_the_foot_of_a_clusters_log_is_kaldis():
    accounting, ended = jobs.footer(3, 12.2, 4, cluster=True).decode().splitlines()
    assert accounting == "# Accounting: time=12 threads=4"
    assert re.fullmatch(r"# Finished at \w{3} \w{3} [ \d]\d [\d:]{8} \S+ \d{4} with status 3", ended)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b"# cmd\n# Started at x\n#\nfirst\nlast\n\n# Accounting: time=0 threads=1\n# Ended (code 1)\n",
            "last",
        ),
        (b"a\n 10%\r 20%\r done\n", "done"),
        (b"a\n\x1b[31mred\x07\n", "[31mred"),
        (b"a\n\xff\n", "\N{REPLACEMENT CHARACTER}"),
        (b"# only\n#\n", ""),
        (b"x" * 1000, "x" * 297 + "..."),
        (b"y\n" * 100000 + b"end\n", "end"),
    ],
)
def test_the_last_line_of_a_log(tmp_path, text, expected):
    (tmp_path / "x.log").write_bytes(text)
    assert jobs.last_line(str(tmp_path / "x.log")) == expected


def test_the_last_line_of_a_missing_log_is_empty(tmp_path):
    assert jobs.last_line(str(tmp_path / "x.log")) == ""


def test_a_status_is_read_as_written(tmp_path):
    jobs.write_status(str(tmp_path / "1"), 137)
    assert jobs.read_status(str(tmp_path / "1")) == 137
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("content", [None, ""])
def test_there_is_no_status_before_it_is_whole(tmp_path, content):
    if content is not None:
        (tmp_path / "1").write_text(content)
    assert jobs.read_status(str(tmp_path / "1")) is None


def test_success_is_silent(capsys):
    assert jobs.report("run.py", parsed_from("JOB=1:2 x.JOB.log a"), {1: 0, 2: 0}) == 0
    assert capsys.readouterr().err == ""


def test_the_report_counts_failures_and_quotes_the_first(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.2.log").write_text("# a\nno such corpus\n")
    (tmp_path / "x.3.log").write_text("# a\nsomething else\n")
    assert failure(capsys, parsed_from("JOB=1:4 x.JOB.log a"), {1: 0, 2: 1, 3: 1, 4: 0}) == [
        "run.py: 2 / 4 failed, log is in x.*.log",
        "run.py: x.2.log: no such corpus",
    ]


def test_the_report_of_one_job_names_its_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert failure(capsys, parsed_from("JOB=3 x.JOB.log a"), {3: 255}) == ["run.py: job failed, log is in x.3.log"]


def test_the_report_names_the_signal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert failure(capsys, parsed_from("x.log a"), {1: 137})[-1] == "run.py: x.log: ended by SIGKILL"


def test_the_report_asks_after_a_forgotten_range(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "JOB=1:N" in failure(capsys, parsed_from("x.JOB.log a"), {1: 1})[-1]
