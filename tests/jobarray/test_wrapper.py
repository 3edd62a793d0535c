"""Job selection, retries and failure reports of the wrappers."""

import dataclasses
import errno

import pytest

from jobarray import JobArrayError
from jobarray.command_line import Jobs, make_logs, parse_command_line
from jobarray.wrapper import Record, pick_jobs, read_last_line, report, run_jobs, say


def parsed_from(argv: str) -> Jobs:
    return parse_command_line(argv.split())


def failure(capsys, jobs, codes) -> list[str]:
    assert report("run.py", jobs, codes) == 1
    return capsys.readouterr().err.splitlines()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Plan:
    """A fake `execute`: each job ends with the codes given, one for each attempt."""

    def __init__(self, **codes):
        self.codes = {int(name[1:]): list(code) for name, code in codes.items()}
        self.ran = []

    def __call__(self, jobs, done):
        make_logs(jobs)
        self.ran.append(list(jobs.numbers))
        for number in jobs.numbers:
            with open(jobs.expand_log(number), "a") as log:
                log.write(f"try {jobs.attempt}\n")
            done(number, self.codes[number].pop(0))


# --- picking


@pytest.mark.parametrize(("pick", "numbers"), [("all", [1, 2, 3]), ("failed", [2, 3]), ("incomplete", [3])])
def test_pick_selects_jobs(pick, numbers):
    assert pick_jobs(parsed_from(f"--pick {pick} JOB=1:3 x.JOB.log a"), {1: 0, 2: 9}) == numbers


@pytest.mark.parametrize(
    ("pick", "again", "codes"),
    [
        ("all", [1, 2, 3], {1: 0, 2: 0, 3: 0}),
        ("failed", [2], {1: 0, 2: 0, 3: 0}),
        ("incomplete", None, {1: 0, 2: 1, 3: 0}),
    ],
)
def test_a_later_call_remembers_how_jobs_ended(folder, pick, again, codes):
    run_jobs("run.py", parsed_from("JOB=1:3 log/x.JOB.log a"), Plan(j1=[0], j2=[1], j3=[0]))
    plan = Plan(j1=[0], j2=[0], j3=[0])
    jobs = parsed_from(f"--pick {pick} JOB=1:3 log/x.JOB.log a")
    assert run_jobs("run.py", jobs, plan) == codes
    assert plan.ran == ([again] if again else [])


def test_jobs_of_a_killed_wrapper_are_incomplete(folder):
    jobs = parsed_from("JOB=1:3 x.JOB.log a")

    def killed(jobs, done):
        done(1, 0)
        done(2, 3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs("run.py", jobs, killed)
    plan = Plan(j3=[0])
    incomplete = dataclasses.replace(jobs, options={"pick": "incomplete"})
    assert run_jobs("run.py", incomplete, plan) == {1: 0, 2: 3, 3: 0}
    assert plan.ran == [[3]]


def test_what_runs_again_does_not_count_as_ended_before_it_has(folder):
    jobs = parsed_from("JOB=1:2 x.JOB.log a")
    run_jobs("run.py", jobs, Plan(j1=[0], j2=[0]))
    seen = []
    run_jobs(
        "run.py", jobs, lambda jobs, done: (seen.append((folder / ".x.JOB.status").read_text()), done(1, 0), done(2, 0))
    )
    assert seen == [""]


def test_a_single_job_of_an_array_leaves_the_others_alone(folder):
    run_jobs("run.py", parsed_from("JOB=1:3 x.JOB.log a"), Plan(j1=[0], j2=[1], j3=[1]))
    run_jobs("run.py", parsed_from("JOB=2 x.JOB.log a"), Plan(j2=[0]))
    plan = Plan(j3=[0])
    run_jobs("run.py", parsed_from("--pick failed JOB=1:3 x.JOB.log a"), plan)
    assert plan.ran == [[3]]


def test_the_logs_of_jobs_not_picked_stay(folder):
    run_jobs("run.py", parsed_from("JOB=1:2 x.JOB.log a"), Plan(j1=[0], j2=[1]))
    (folder / "x.1.log").write_text("of the first call\n")
    run_jobs("run.py", parsed_from("--pick failed JOB=1:2 x.JOB.log a"), Plan(j2=[0]))
    assert (folder / "x.1.log").read_text() == "of the first call\n"
    assert (folder / "x.2.log").read_text() == "try 1\n"


@pytest.mark.parametrize("log", ["x.JOB.log", "JOB/x.log", "a/JOB/log/x_JOB.log"])
def test_two_calls_on_the_same_logs_are_refused(folder, log):
    jobs = parsed_from(f"JOB=1:2 {log} a")

    def other(outer, done):
        with pytest.raises(JobArrayError, match=r"another call is at work on these logs"):
            run_jobs("run.py", parsed_from(f"JOB=2 {log} a"), Plan(j2=[0]))
        done(1, 0)
        done(2, 0)

    assert run_jobs("run.py", jobs, other) == {1: 0, 2: 0}
    assert run_jobs("run.py", parsed_from(f"--pick failed JOB=2 {log} a"), Plan()) == {2: 0}


def test_a_device_as_log_keeps_no_record(folder):
    record = Record(parsed_from("/dev/null a"))
    record.begin([1])
    record.end(1, 5)
    record.close()
    assert Record(parsed_from("/dev/null a")).codes == {}


# --- tries


def test_what_fails_is_run_again_and_its_log_goes_on(folder, capsys):
    plan = Plan(j1=[0], j2=[1, 1, 0], j3=[1, 0])
    jobs = parsed_from("--num-tries 3 JOB=1:3 x.JOB.log a")
    assert run_jobs("run.py", jobs, plan) == {1: 0, 2: 0, 3: 0}
    assert plan.ran == [[1, 2, 3], [2, 3], [2]]
    assert (folder / "x.2.log").read_text() == "try 1\ntry 2\ntry 3\n"
    assert capsys.readouterr().err.splitlines() == [
        "run.py: 2 failed (x.2.log, x.3.log), try 2 of 3",
        "run.py: 1 failed (x.2.log), try 3 of 3",
    ]


def test_no_more_tries_than_asked_for(folder):
    plan = Plan(j1=[1, 2, 0])
    assert run_jobs("run.py", parsed_from("--num-tries 2 x.log a"), plan) == {1: 2}
    assert plan.ran == [[1], [1]]


# --- the report


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
    assert read_last_line(str(tmp_path / "x.log")) == expected


def test_the_last_line_of_a_missing_log_is_empty(tmp_path):
    assert read_last_line(str(tmp_path / "x.log")) == ""


def test_success_is_silent(capsys):
    assert report("run.py", parsed_from("JOB=1:2 x.JOB.log a"), {1: 0, 2: 0}) == 0
    assert capsys.readouterr().err == ""


def test_the_report_counts_failures_and_quotes_the_first(folder, capsys):
    (folder / "x.2.log").write_text("# a\nno such corpus\n")
    (folder / "x.3.log").write_text("# a\nsomething else\n")
    assert failure(capsys, parsed_from("JOB=1:4 x.JOB.log a"), {1: 0, 2: 1, 3: 1, 4: 0}) == [
        "run.py: 2 / 4 failed, log is in x.*.log",
        "run.py: x.2.log: no such corpus",
    ]


def test_the_report_of_one_job_names_its_log(folder, capsys):
    assert failure(capsys, parsed_from("JOB=3 x.JOB.log a"), {3: 255}) == ["run.py: job failed, log is in x.3.log"]


def test_the_report_names_the_signal(folder, capsys):
    assert failure(capsys, parsed_from("x.log a"), {1: 137})[-1] == "run.py: x.log: ended by SIGKILL"


def test_the_report_asks_after_a_forgotten_range(folder, capsys):
    assert "JOB=1:N" in failure(capsys, parsed_from("x.JOB.log a"), {1: 1})[-1]


def test_a_terminal_that_is_gone_ends_nothing(monkeypatch):
    class Gone:
        text = ""

        def write(self, text):
            self.text += text
            raise OSError(errno.EIO, "Input/output error")

    gone = Gone()
    monkeypatch.setattr("sys.stderr", gone)
    say("run.py", "nobody hears this")
    monkeypatch.undo()
    assert gone.text == "run.py: nobody hears this"
