"""Command line, job numbers, quoting, and the head and foot of logs."""

import os
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobarray import JobArrayError
from jobarray import command_line as jobs
from jobarray.command_line import UsageError, parse_command_line, substitute

WORDS = st.lists(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])).filter(
        lambda word: word not in jobs.OPERATORS
    ),
    max_size=5,
)


def parsed_from(argv: str) -> jobs.Jobs:
    return parse_command_line(argv.split())


@given(WORDS)
@settings(max_examples=60, deadline=None)
def test_bash_reads_the_quoted_command_as_the_same_words(words):
    line = jobs.quote_command(["printf", r"%s\0", *words])
    read = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    assert read == b"".join(word.encode() + b"\0" for word in words or [""])


def test_bytes_that_are_no_text_survive_quoting():
    word = os.fsdecode(b"\xff\xfe'\n")
    line = os.fsencode(jobs.quote_command(["printf", "%s", word]))
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout == b"\xff\xfe'\n"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("x.log", (".", "x")),
        ("exp/log/x.JOB.log", ("exp/log", "x.JOB")),
        ("exp/JOB/x.log", ("exp", "JOB+x")),
        ("JOB/log/x", (".", "JOB+log+x")),
        ("/JOB/x.log", ("/", "JOB+x")),
        ("/x.log", ("/", "x")),
        ("exp/JOBS/x.log", ("exp/JOBS", "x")),
    ],
)
def test_the_folder_that_contains_all_logs_of_an_array(log, expected):
    assert jobs.parse_command_line(["JOB=1", log, "a"]).locate_logs() == expected


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
    assert parsed_from("JOB.log echo JOB").expand_command(1) == ["echo", "JOB"]


def test_any_identifier_may_stand_for_job():
    parsed = parsed_from("LMWT=7:17 score_LMWT.log score.sh --weight LMWT")
    assert list(parsed.numbers) == list(range(7, 18))
    assert parsed.expand_log(9) == "score_9.log"
    assert parsed.expand_command(9) == ["score.sh", "--weight", "9"]


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
    with pytest.raises(JobArrayError, match=log):
        parsed_from(f"JOB=1:2 {log} true")


def test_one_job_needs_no_number_in_its_log():
    assert parsed_from("JOB=1:1 x.log true").expand_log(1) == "x.log"


def test_underscores_in_names_are_dashes():
    assert parsed_from("--num_threads 2 --max_jobs_run 3 x.log a").options == {"num-threads": "2", "max-jobs-run": "3"}


def test_a_cluster_takes_any_option_and_its_schedulers_own():
    argv = "-q all.q --queue long JOB=1:2 -V -pe smp 4 -l gpu=1 x.JOB.log a -b"
    parsed = parse_command_line(argv.split(), known=None)
    assert parsed.options == {"queue": "long"}
    assert parsed.native == tuple("-q all.q -V -pe smp 4 -l gpu=1".split())
    assert parsed.command == ("a", "-b")


def test_a_wrapper_may_know_other_options():
    assert parse_command_line(["--queue", "long", "x.log", "true"], {"queue"}).options == {"queue": "long"}


def test_the_foot_of_a_clusters_log_is_kaldis():
    accounting, ended = jobs.format_footer(3, 12.2, 4, cluster=True).decode().splitlines()
    assert accounting == "# Accounting: time=12 threads=4"
    assert re.fullmatch(r"# Finished at \w{3} \w{3} [ \d]\d [\d:]{8} \S+ \d{4} with status 3", ended)
