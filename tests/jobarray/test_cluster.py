"""Jobs on the fake schedulers of tests/fakes/scheduler.py: submission, environment, failures, lost tasks."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from clusters import PACE, ROOT, TREE, output, submitted
from hypothesis import given, settings
from hypothesis import strategies as st
from test_local import OPERATORS as CASES_OF_OPERATORS
from waiting import is_alive, pids, wait_for

from jobarray.command_line import OPERATORS, Jobs, format_header, parse_command_line
from jobarray.grid_engine import GridEngine
from jobarray.script import format_script
from jobarray.slurm import Slurm
from jobarray.watch import LOST

# --- submission


def test_one_job(cluster):
    assert cluster.run("log/x.log", "echo", "hello") == (0, [])
    assert output("log/x.log") == "hello\n"
    expected = {
        "slurm": "--parsable --no-requeue --array=1 --job-name=x-TOKEN"
        " --output=HERE/q/x-TOKEN/%a.out HERE/q/x-TOKEN/job.sh",
        "gridengine": "-v PATH,EMOSEQ_PYTHON -cwd -S /bin/bash -j y -terse -sync n -S /bin/bash -r n -N x-TOKEN"
        " -j y -o HERE/q/x-TOKEN/$TASK_ID.out -t 1-1 HERE/q/x-TOKEN/job.sh",
    }
    assert cluster.submission == expected[cluster.kind]


def test_an_array_is_one_submission(cluster):
    assert cluster.run("JOB=2:4", "log/x.JOB.log", "echo", "JOB", "x_JOB.ark", "JOBS") == (0, [])
    assert [output(f"log/x.{n}.log") for n in (2, 3, 4)] == [f"{n} x_{n}.ark JOBS\n" for n in (2, 3, 4)]
    assert {"slurm": "--array=2-4 ", "gridengine": "-t 2-4 "}[cluster.kind] in cluster.submission


def test_the_limit_goes_with_the_array(cluster):
    script = "touch JOB.on; ls | grep -c on$; sleep 0.1; rm JOB.on"
    assert cluster.run("--max-jobs-run", "2", "JOB=1:5", "x.JOB.log", "sh", "-c", script).code == 0
    assert {"slurm": "--array=1-5%2 ", "gridengine": "-t 1-5 -tc 2 "}[cluster.kind] in cluster.submission
    assert max(int(output(f"x.{n}.log")) for n in range(1, 6)) <= 2


def test_a_limit_as_large_as_the_array_is_none(cluster):
    cluster.run("--max-jobs-run", "3", "JOB=1:3", "x.JOB.log", "true")
    assert "%3" not in cluster.submission
    assert "-tc" not in cluster.submission


def test_numbers_with_a_gap_get_the_right_job(cluster):
    script = 'echo JOB; [ -e go ] || [ "$((JOB % 2))" = 1 ]'
    assert cluster.run("JOB=3:8", "x.JOB.log", "sh", "-c", script).code == 1
    Path("go").touch()
    assert cluster.run("--pick", "failed", "JOB=3:8", "x.JOB.log", "sh", "-c", script).code == 0
    assert [output(f"x.{n}.log") for n in range(3, 9)] == [f"{n}\n" for n in range(3, 9)]
    last = " ".join(cluster.calls(cluster.submits)[-1])
    assert {"slurm": "--array=4,6,8 ", "gridengine": "-t 1-3 "}[cluster.kind] in last


def test_options_become_what_the_conf_file_of_the_folder_says(cluster):
    Path("conf").mkdir()
    Path("conf", cluster.scheduler.conf).write_text(f"command {cluster.submits} -p 7\noption mem=* -l $0\n")
    assert cluster.run("--mem", "4G", "x.log", "true") == (0, [])
    assert cluster.submission.startswith("-p 7 -l 4G ")


def test_another_conf_file(cluster):
    Path("mine.conf").write_text(f"command {cluster.submits} -p 8\n")
    assert cluster.run("--config", "mine.conf", "x.log", "true") == (0, [])
    assert cluster.submission.startswith("-p 8 ")


def test_the_schedulers_own_options_pass(cluster):
    assert cluster.run("-p", "9", "x.log", "true") == (0, [])
    # Of an option given twice the last one holds: the array's name has to stay its own.
    name = {"slurm": "--job-name=", "gridengine": "-N "}[cluster.kind]
    assert -1 < cluster.submission.find("-p 9 ") < cluster.submission.find(name)


def test_an_option_that_the_conf_file_lacks_is_refused_before_anything_runs(cluster):
    done = cluster.run("--hostname", "b1", "x.log", "true")
    assert done.code == 1
    (line,) = done.lines
    assert f"{cluster.scheduler.conf}: no line for --hostname" in line
    assert not cluster.calls(cluster.submits)


def test_a_site_that_has_defaults(cluster):
    """As in Kaldi a default acts like an option given, also where the wrapper handles the option itself."""
    Path("own.conf").write_text(
        f"command {cluster.submits}\noption num_threads=* -p $0\ndefault num_threads=3\ndefault max_jobs_run=2\n"
    )
    words = ["--config", "own.conf", "JOB=1:3", "x.JOB.log", "printenv", "OMP_NUM_THREADS"]
    assert cluster.run(*words).code == 0
    assert [output(f"x.{n}.log") for n in (1, 2, 3)] == 3 * ["3\n"]
    assert cluster.submission.startswith("-p 3 ")
    assert {"slurm": "--array=1-3%2 ", "gridengine": "-t 1-3 -tc 2 "}[cluster.kind] in cluster.submission
    assert cluster.run("--num-threads", "1", *words).code == 0
    assert output("x.1.log") == "1\n"


def test_a_path_that_the_scheduler_would_misread_is_refused(cluster):
    folder = {"slurm": "a\\b", "gridengine": "a:b"}[cluster.kind]
    done = cluster.run(f"{folder}/x.log", "true")
    (line,) = done.lines
    assert re.fullmatch(
        rf"{cluster.program}: .*{re.escape(folder)}.*: .* takes no . in a path; put the log elsewhere", line
    )
    assert (done.code, cluster.calls(cluster.submits)) == (1, [])


def test_numbers_beyond_what_an_array_may_have(slurm):
    assert slurm.run("JOB=2000:2001", "x.JOB.log", "echo", "JOB") == (0, [])
    assert [output(f"x.{n}.log") for n in (2000, 2001)] == ["2000\n", "2001\n"]
    done = slurm.run("JOB=1:1001", "y.JOB.log", "true")
    (line,) = done.lines
    assert re.search("sbatch refused the jobs: .*Invalid job array specification; .*MaxArraySize", line)


@pytest.mark.parametrize("log", ["log/7.log", "a b/it's.log", "x:y*.log", ".log", "50%.log", "é.log"])
def test_any_name_of_a_log(cluster, log):
    assert cluster.run(log, "echo", "hello") == (0, [])
    assert output(log) == "hello\n"


# --- jobs and their logs


def test_a_log_is_laid_out_as_kaldis(cluster):
    words = ["--num-threads", "1", "log/x.log", "sh", "-c", "echo out; echo err >&2; printf end"]
    assert cluster.run(*words).code == 0
    date = r"\w{3} \w{3} [ \d]\d [\d:]{8}( [AP]M)? \S+ \d{4}"
    assert re.fullmatch(
        "# sh -c 'echo out; echo err >&2; printf end'\n"
        rf"# Running on \S+\n# Started at {date}\n#\nout\nerr\nend\n# Accounting: time=\d+ threads=1\n"
        rf"# Finished at {date} with status 0\n",
        Path("log/x.log").read_text(),
    )


ODD = [
    "", " ", "it's", '"both\' "', "$(touch evil)", "`touch evil`", "a\nb", "\t", "*", "$HOME", "a\\b", "é", "x_JOB.JOB",
    "JOBS", "'JOB'", "$n", "JOB\n", "!", "%s", "{a,b}", "~",
]  # fmt: skip


@pytest.mark.parametrize("beside", [[], ["|", "cat"]])
def test_arguments_arrive_as_given(cluster, beside):
    words = [sys.executable, "-c", "import sys; print(sys.argv[1:])", *ODD, *beside]
    assert cluster.run("JOB=3", "x.JOB.log", *words) == (0, [])
    jobs = parse_command_line(["JOB=3", "x.JOB.log", *ODD, "end"])
    assert output("x.3.log") == f"{jobs.expand_command(3)[:-1]}\n"
    assert not Path("evil").exists()


words_of_commands = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
) | st.sampled_from([*ODD, "JOB", "aJOB", "JOB.1000000000", "1000000000", "1000000001", "-n", "A=JOB"])


@pytest.mark.parametrize("scheduler", [Slurm(), GridEngine()], ids=["slurm", "gridengine"])
@settings(max_examples=20, deadline=None)
@given(
    words=st.lists(words_of_commands.filter(lambda word: word not in OPERATORS), max_size=6),
    number=st.sampled_from([1, 7, 12]),
)
def test_the_script_of_a_task_runs_its_command(tmp_path_factory, scheduler, words, number):
    """Bash is the oracle: it reads the script, and Python prints the words it gets."""
    folder = tmp_path_factory.mktemp("task")
    (folder / "print").write_text(
        f"#!{sys.executable} -IS\nimport sys\nsys.stdout.write('\\0'.join(sys.argv[1:]) + '|')\n"
    )
    (folder / "print").chmod(0o755)
    jobs = Jobs({}, "JOB", [1, 7, 12], f"{folder}/x.JOB.log", (str(folder / "print"), *words))
    numbering = scheduler.number_tasks(jobs.numbers)
    script = folder / "task.sh"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # the recipe's own path.sh is not for these
        text = format_script(scheduler, jobs, numbering, str(folder))
    script.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    environment = os.environ | {scheduler.task_id: str(numbering[number])}
    assert subprocess.run(["bash", script], env=environment, check=True, capture_output=True).stderr == b""
    log = Path(jobs.expand_log(number)).read_bytes()
    assert log.startswith(format_header(jobs.expand_command(number)).split(b"\n")[0] + b"\n# Running on ")
    got = log.split(b"\n#\n", 1)[1].rpartition(b"|\n# Accounting: ")[0]
    assert got == "\0".join(jobs.expand_command(number)[1:]).encode()
    assert (folder / f"{numbering[number]}.status").read_text() == "0\n"


def test_a_word_that_is_not_text(cluster):
    word = os.fsdecode(b"a\xff'b")
    assert cluster.run("x.log", "printf", "%s", word).code == 0
    assert b"\na\xff'b\n" in Path("x.log").read_bytes()


@pytest.mark.parametrize(("command", "expected", "code"), CASES_OF_OPERATORS)
def test_operators_that_are_words_of_their_own_work(slurm, command, expected, code):
    Path("in").write_text("input\n")
    assert slurm.run("x.log", *shlex.split(command)).code == code
    assert output("x.log") == expected


def test_stdin_is_empty(cluster):
    assert cluster.run("x.log", "cat") == (0, [])


def test_path_sh_is_sourced(cluster):
    Path("path.sh").write_text("export GREETING=hello\n")
    assert cluster.run("x.log", "printenv", "GREETING") == (0, [])
    assert output("x.log") == "hello\n"


@pytest.mark.parametrize("text", ['echo "path.sh: no Python here" >&2\nreturn 4\n', "(exit 4)\n"])
def test_a_path_sh_that_fails_ends_the_job(cluster, text):
    Path("path.sh").write_text(text)
    done = cluster.run("x.log", "touch", "ran")
    assert (done.code, done.lines[0]) == (1, f"{cluster.program}: job failed, log is in x.log")
    expected = [f"{cluster.program}: x.log: path.sh: no Python here"] if "echo" in text else []
    assert done.lines[1:] == expected
    assert "# path.sh ended with status 4\n" in Path("x.log").read_text()
    assert "with status 4" in Path("x.log").read_text()
    assert not Path("ran").exists()


def test_threads_of_a_job(cluster):
    Path("own.conf").write_text(f"command {cluster.submits}\noption num_threads=*\n")
    assert cluster.run("--config", "own.conf", "--num-threads", "3", "x.log", "printenv", "OMP_NUM_THREADS").code == 0
    assert output("x.log") == "3\n"
    assert "threads=3" in Path("x.log").read_text()


def test_gpus_that_grid_engine_gives(grid_engine):
    assert grid_engine.run("--gpu", "2", "x.log", "printenv", "CUDA_VISIBLE_DEVICES").code == 0
    assert output("x.log") == "0,1\n"


def test_a_log_reports_gpus_that_grid_engine_did_not_assign(grid_engine):
    """A complex that only counts GPUs leaves all of the host visible."""
    Path("own.conf").write_text("command qsub\noption gpu=*\n")
    command = ["sh", "-c", 'echo "<${CUDA_VISIBLE_DEVICES-unset}>"']
    assert grid_engine.run("--config", "own.conf", "--gpu", "1", "x.log", *command).code == 0
    assert output("x.log") == "# Grid Engine names no GPU for this job: it sees all GPUs of this host\n<unset>\n"
    assert grid_engine.run("x.log", *command).code == 0
    assert output("x.log") == "<unset>\n"


def test_jobs_start_in_the_folder_as_the_user_named_it(cluster, monkeypatch):
    here = os.getcwd()
    os.symlink(here, "../link")
    monkeypatch.setenv("PWD", f"{os.path.dirname(here)}/link")
    assert cluster.run("x.log", "printenv", "PWD").code == 0
    assert output("x.log") == f"{os.path.dirname(here)}/link\n"


# --- failures


def test_all_jobs_finish_before_the_failure_is_reported(cluster):
    script = "sleep 0.JOB; echo step: job JOB is wrong; exit $((JOB % 2))"
    assert cluster.run("JOB=1:4", "log/t.JOB.log", "sh", "-c", script) == (
        1,
        [
            f"{cluster.program}: 2 / 4 failed, log is in log/t.*.log",
            f"{cluster.program}: t.1.log: step: job 1 is wrong",
        ],
    )
    assert output("log/t.4.log") == "step: job 4 is wrong\n"


@pytest.mark.parametrize("code", [1, 71, 72, 73, 99, 100, 137, 255])
def test_the_code_of_a_job_is_in_its_log(cluster, code):
    assert (
        cluster.run("x.log", "sh", "-c", f"exit {code}").lines[0] == f"{cluster.program}: job failed, log is in x.log"
    )
    assert f"with status {code}\n" in Path("x.log").read_text()
    assert Path(".x.status").read_text() == f"1 {code}\n"
    assert submitted()


@pytest.mark.parametrize("code", [99, 100])
def test_grid_engine_does_not_see_codes_that_mean_something_to_it(grid_engine, code):
    grid_engine.run("x.log", "sh", "-c", f"exit {code}")
    wait_for(lambda: (grid_engine.state / "jobs/1/over").exists())
    assert json.loads((grid_engine.state / "jobs/1/states.json").read_text()) == {"1": ["FAILED", "None", 256]}


def test_what_a_log_says_does_not_make_success(cluster):
    lie = "# Accounting: time=0 threads=1\n# Finished at now with status 0"
    assert cluster.run("x.log", "sh", "-c", 'echo "$1"; exit 1', "sh", lie).code == 1


def test_what_a_log_says_does_not_make_failure(cluster):
    assert cluster.run("x.log", "echo", "# Finished at now with status 1") == (0, [])


def test_a_job_killed_by_a_signal_is_reported_as_here(cluster):
    done = cluster.run("x.log", "sh", "-c", "echo loading; kill -SEGV $$")
    assert done.lines[-1] == f"{cluster.program}: x.log: ended by SIGSEGV: loading"
    assert Path("x.log").read_text().endswith("with status 139\n")


def test_what_slurm_writes_of_a_killed_task_a_little_later_is_read(slurm):
    """A step's out-of-memory events are counted at its end, which its script has then come to."""
    late = 'sleep 0.3; echo "slurmstepd: error: Detected 1 oom-kill event(s)" >> q/x-*/1.out'
    command = ["bash", "-c", f"setsid bash -c '{late}' & kill -KILL $$"]
    done = slurm.run("x.log", *command, pace=replace(PACE, late_output=2))
    assert (
        done.lines[-1] == "slurm.py: x.log: ended by SIGKILL: slurm.py: it ran out of memory; ask for more with --mem"
    )


def test_a_command_that_does_not_exist(cluster):
    assert "no-such-program: " in cluster.run("x.log", "no-such-program").lines[-1]
    assert "with status 127\n" in Path("x.log").read_text()


def test_only_what_failed_is_tried_again(cluster):
    script = 'echo "try"; [ JOB != 2 ] || mkdir once || mkdir twice && [ -e twice -o JOB != 2 ]'
    done = cluster.run("--num-tries", "3", "JOB=1:3", "x.JOB.log", "sh", "-c", script)
    assert (done.code, len(done.lines)) == (0, 1)
    assert [Path(f"x.{n}.log").read_text().count("\ntry\n") for n in (1, 2, 3)] == [1, 2, 1]
    arrays = [" ".join(call) for call in cluster.calls(cluster.submits)]
    assert [re.findall(r"(?:--array=|-t )(\S+)", array) for array in arrays] == [
        ["1-3"],
        [{"slurm": "2", "gridengine": "2-2"}[cluster.kind]],
    ]


# --- lost tasks


LOSSES = [
    ("slurm", "lost NODE_FAIL", r"its node failed \(NODE_FAIL\)"),
    ("slurm", "killed TIMEOUT", r"it ran out of time; ask for more with --time \(TIMEOUT\)"),
    ("slurm", "killed OUT_OF_MEMORY", r"it ran out of memory; ask for more with --mem \(OUT_OF_MEMORY\)"),
    ("slurm", "lost CANCELLED", r"it was cancelled \(CANCELLED\)"),
    ("slurm", "vanishes", "Slurm does not know it any more"),
    ("slurm", "again", "the scheduler started it a second time.*"),
    ("slurm", "elsewhere", "its host does not see the folder of submission.*"),
    ("gridengine", "lost NODE_FAIL", "failed 21: in recognizing job, exit status 0"),
    ("gridengine", "killed TIMEOUT", "failed 100: assumedly after job, exit status 137; if it ran out of time or.*"),
    ("gridengine", "vanishes", "Grid Engine does not know it any more"),
    ("gridengine", "stuck", "it is in the error state Eqw: can't chdir to /gone: No such file or directory"),
    ("gridengine", "unheard", r"its host does not answer \(dead\)"),
    ("gridengine", "again", "the scheduler started it a second time.*"),
    ("gridengine", "elsewhere", "its host does not see the folder of submission.*"),
]


@pytest.mark.parametrize(("cluster", "fate", "reason"), LOSSES, indirect=["cluster"])
def test_a_lost_task_is_named_with_its_reason(cluster, fate, reason):
    cluster.plan(fates={"2": fate})
    done = cluster.run("JOB=1:3", "log/x.JOB.log", "sh", "-c", "sleep 0.4; echo JOB")
    assert done.code == 1
    label = "1_2|1 task 2" if cluster.kind == "slurm" else "1.2|1 task 2"
    assert re.fullmatch(rf"{cluster.program}: log/x\.2\.log: job ({label}) was lost: {reason}", done.lines[-3])
    assert done.lines[-2] == f"{cluster.program}: 1 / 3 failed, log is in log/x.*.log"
    assert re.fullmatch(rf"{cluster.program}: x\.2\.log: {cluster.program}: job .* was lost: {reason}", done.lines[-1])
    text = Path("log/x.2.log").read_text()
    assert re.search(
        rf"\n?{cluster.program}: job ({label}) was lost: {reason}\n# Accounting: .*\n# Finished at .*", text
    )
    assert text.endswith(f"with status {LOST}\n")
    assert [output(f"log/x.{n}.log") for n in (1, 3)] == ["1\n", "3\n"]
    assert sorted(Path("log/.x.JOB.status").read_text().splitlines()) == ["1 0", f"2 {LOST}", "3 0"]


def test_a_lost_task_is_noticed_within_two_questions(cluster):
    cluster.plan(fates={"1": "vanishes"})
    assert cluster.run("x.log", "true").code == 1
    # The third follows the cancellation, to see that the array is gone.
    assert len(cluster.calls(cluster.asks)) <= 3


def test_one_command_explains_all_lost_tasks(grid_engine):
    grid_engine.plan(fates={str(task): "lost NODE_FAIL" for task in range(1, 7)})
    assert grid_engine.run("JOB=1:6", "x.JOB.log", "true").lines[-2].startswith("queue.py: 6 / 6 failed")
    (words,) = grid_engine.calls("qacct")
    assert re.fullmatch(r"-j x-\w{6}", " ".join(words))


def test_a_lost_task_is_tried_again(cluster):
    cluster.plan(fates={"2": "vanishes"})
    script = f"echo '{{}}' > {cluster.state}/plan.json; echo JOB"
    done = cluster.run("--num-tries", "2", "JOB=1:2", "x.JOB.log", "sh", "-c", script)
    assert done.code == 0
    assert done.lines[-1] == f"{cluster.program}: 1 failed (x.2.log), try 2 of 2"
    assert Path("x.2.log").read_text().endswith("with status 0\n")
    assert len(cluster.calls(cluster.submits)) == 2


def test_a_status_that_cannot_be_written(cluster):
    done = cluster.run("log/x.log", "sh", "-c", "ln -s /dev/full $(echo q/x-*)/1.tmp; echo done")
    assert done.code == 1
    (lost, *_) = done.lines
    assert "it could not write its status; is the disk full?" in lost
    assert "done\n" in Path("log/x.log").read_text()


def test_a_folder_that_is_removed(cluster):
    done = cluster.run("log/x.log", "sh", "-c", "rm -r q; sleep 0.3")
    assert done.code == 1
    (line,) = done.lines
    assert re.fullmatch(rf"{cluster.program}: /.*/q/x-\w{{6}}: the folder of this submission was removed", line)
    assert cluster.calls(cluster.cancels)


def test_what_waits_for_something_unusual_is_remarked_upon_once(cluster):
    cluster.plan(fates={"1": "waits PartitionConfig", "2": "waits PartitionConfig"})
    script = f"{cluster.waits_for(5)}; touch {cluster.state}/go"
    done = cluster.run("JOB=1:3", "x.JOB.log", "sh", "-c", script)
    remark = {"slurm": "job 1_1: waits for PartitionConfig", "gridengine": "job 1.1: it is held"}[cluster.kind]
    assert done == (0, [f"{cluster.program}: x.*.log: {remark}"])


# --- the folder q


def test_the_folder_of_a_submission(cluster):
    """Beside the logs, or beside their folder where that is called log, as Kaldi has it."""
    assert cluster.run("JOB=1:2", "a/log/x.JOB.log", "false").code == 1
    (folder,) = Path("a/q").iterdir()
    assert re.fullmatch(r"x-[0-9a-f]{6}", folder.name)
    names = {path.name for path in folder.iterdir()}
    assert names >= {"1.status", "2.status", "1.begun", "2.begun", "1.out", "2.out"}
    assert (folder / "1.status").read_text() != "0\n"


def test_success_leaves_no_folder(cluster):
    assert cluster.run("a/log/x.log", "true").code == 0
    assert os.listdir("a/q") == []


def test_what_an_earlier_call_left_is_removed(cluster):
    cluster.run("x.log", "false")
    cluster.run("y.log", "false")
    before = submitted()
    cluster.run("x.log", "true")
    assert submitted() == [name for name in before if name.startswith("y")]


def test_a_job_that_is_ended_by_the_scheduler_says_why(slurm):
    script = 'echo "slurmstepd: error: *** JOB 1 CANCELLED DUE TO TIME LIMIT ***" >> q/x-*/1.out; kill -TERM $$'
    done = slurm.run("x.log", "bash", "-c", script)
    assert done.lines[-1] == "slurm.py: x.log: ended by SIGTERM: slurm.py: it ran out of time; ask for more with --time"


def test_logs_that_differ_in_their_number_alone_do_not_disturb_each_other(cluster):
    with cluster.started("JOB=1:2", "x.JOB.log", "sh", "-c", TREE):
        children = pids(Path(), 4)
        assert cluster.run("x.log", "echo", "alone") == (0, [])
        assert all(is_alive(pid) for pid in children)
        assert len(submitted()) == 1


# --- as users call it


@pytest.mark.parametrize("code", [0, 3])
def test_the_program(cluster, code):
    words = [str(ROOT / "utils" / cluster.program), "JOB=1:2", "log/x.JOB.log", "sh", "-c", f"echo JOB; exit {code}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1 if code else 0, "")
    assert done.stderr.splitlines()[:1] == ([f"{cluster.program}: 2 / 2 failed, log is in log/x.*.log"] if code else [])


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help(cluster, words):
    done = subprocess.run([str(ROOT / "utils" / cluster.program), *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"utils/{cluster.program} [options] [JOB=1:N | JOB=n] [options] LOG COMMAND" in done.stdout
