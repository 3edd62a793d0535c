"""utils/run.py as its users call it."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from waiting import begin, is_alive, pids, wait_for

ENVIRONMENT = os.environ | {
    "EMOSEQ_ROOT": str(ROOT),
    "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
}
COMMAND = [sys.executable, str(ROOT / "utils" / "run.py")]


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def output(log: Path) -> str:
    """Return the output of a job without the head and the foot of its log."""
    match = re.fullmatch(r"# .*\n# Started at .*\n#\n((?s:.*?))# Accounting: .*\n# Ended .*\n", log.read_text())
    assert match, log.read_text()
    return match[1]


@contextlib.contextmanager
def started(folder: Path, *words: str, ignored: tuple[int, ...] = ()):
    """Start a wrapper."""
    process = begin([*COMMAND, *words], ignored, cwd=folder, env=ENVIRONMENT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_log_is_laid_out_as_kaldis(tmp_path):
    assert run(tmp_path, "--num-threads", "2", "a/b/x.log", "sh", "-c", "echo out; echo err >&2").returncode == 0
    date = r"\w{3} \w{3} [ \d]\d [\d:]{8} \S+ \d{4}"
    assert re.fullmatch(
        "# sh -c 'echo out; echo err >&2'\n"
        rf"# Started at {date}\n#\nout\nerr\n# Accounting: time=\d+ threads=2\n"
        rf"# Ended \(code 0\) at {date}, elapsed time \d+ seconds\n",
        (tmp_path / "a/b/x.log").read_text(),
    )


def test_the_foot_begins_a_line_of_its_own(tmp_path):
    run(tmp_path, "x.log", "printf", "no newline")
    assert output(tmp_path / "x.log") == "no newline\n"


def test_an_old_log_is_replaced(tmp_path):
    (tmp_path / "x.log").write_text("old\n")
    run(tmp_path, "x.log", "true")
    assert output(tmp_path / "x.log") == ""


ODD = ["", " ", "it's", '"both\' "', "$(touch evil)", "`touch evil`", "a\nb", "\t", "*", "$HOME", "a\\b", "é"]


def test_arguments_arrive_as_given(tmp_path):
    run(tmp_path, "x.log", sys.executable, "-c", "import sys; print(sys.argv[1:])", *ODD)
    assert output(tmp_path / "x.log") == f"{ODD}\n"
    assert not (tmp_path / "evil").exists()


def test_arguments_beside_an_operator_arrive_as_given(tmp_path):
    run(tmp_path, "x.log", sys.executable, "-c", "import sys; print(sys.argv[1:])", *ODD, "|", "cat")
    assert output(tmp_path / "x.log") == f"{ODD}\n"
    assert not (tmp_path / "evil").exists()


def test_the_first_line_can_be_pasted(tmp_path):
    run(tmp_path, "x.log", "printf", r"%s\n", *ODD, "|", "tr", "a", "b")
    command = (tmp_path / "x.log").read_text().split("\n")[0].removeprefix("# ")
    pasted = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert pasted.stdout == output(tmp_path / "x.log")


OPERATORS = [  # a command, what it prints, how it ends
    ("echo abc '|' tr a x", "xbc\n", 0),
    ("echo abc '>' out '&&' cat out", "abc\n", 0),
    ("echo a '>' out ';' echo b '>>' out ';' cat out", "a\nb\n", 0),
    ("cat '<' in", "input\n", 0),
    ("ls nowhere '2>' /dev/null '||' echo none", "none\n", 0),
    ("false '|' cat", "", 1),
    ("false '&&' echo never", "", 1),
    ("ls nowhere '>' both '2>&1' ';' grep -c nowhere both", "1\n", 0),
    ("GREETING='a b' printenv GREETING", "a b\n", 0),
    ("echo 'a|b' '>out'", "a|b >out\n", 0),
]


@pytest.mark.parametrize(("command", "expected", "code"), OPERATORS)
def test_operators_that_are_words_of_their_own_work(tmp_path, command, expected, code):
    (tmp_path / "in").write_text("input\n")
    assert run(tmp_path, "x.log", *shlex.split(command)).returncode == code
    assert output(tmp_path / "x.log") == expected


def test_each_job_of_an_array_gets_its_number(tmp_path):
    assert run(tmp_path, "J=2:4", "log.J/x_J.log", "echo", "J", "x_J.ark", "JS").returncode == 0
    assert [output(tmp_path / f"log.{j}/x_{j}.log") for j in (2, 3, 4)] == [f"{j} x_{j}.ark JS\n" for j in (2, 3, 4)]


def test_all_jobs_finish_before_the_failure_is_reported(tmp_path):
    script = "sleep 0.JOB; echo step: job JOB is wrong; exit $((JOB % 2))"
    done = run(tmp_path, "JOB=1:4", "--max-jobs-run", "4", "log/t.JOB.log", "sh", "-c", script)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "run.py: 2 / 4 failed, log is in log/t.*.log",
        "run.py: t.1.log: step: job 1 is wrong",
    ]
    assert "Ended (code 0)" in (tmp_path / "log/t.4.log").read_text()


def test_a_failed_job_without_array(tmp_path):
    done = run(tmp_path, "log/x.log", "sh", "-c", "echo why; exit 3")
    assert (done.returncode, done.stderr) == (
        1,
        "run.py: job failed, log is in log/x.log\nrun.py: x.log: why\n",
    )
    assert "# Ended (code 3) at" in (tmp_path / "log/x.log").read_text()


def test_what_a_log_says_does_not_make_success(tmp_path):
    lie = "# Accounting: time=0 threads=1\n# Ended (code 0) at now, elapsed time 0 seconds"
    assert run(tmp_path, "x.log", "sh", "-c", 'echo "$1"; exit 1', "sh", lie).returncode == 1


def test_what_a_log_says_does_not_make_failure(tmp_path):
    assert run(tmp_path, "x.log", "echo", "# Ended (code 1) at now, elapsed time 0 seconds").returncode == 0


def test_a_job_killed_by_a_signal(tmp_path):
    done = run(tmp_path, "x.log", "sh", "-c", "kill -SEGV $$")
    assert done.stderr.splitlines()[-1] == "run.py: x.log: ended by SIGSEGV"
    assert "# Ended (code 139)" in (tmp_path / "x.log").read_text()


def test_a_command_that_does_not_exist(tmp_path):
    done = run(tmp_path, "x.log", "no-such-program")
    assert done.stderr.splitlines()[-1] == "run.py: x.log: no-such-program: command not found"
    assert "# Ended (code 127)" in (tmp_path / "x.log").read_text()


def test_a_command_that_is_not_executable(tmp_path):
    (tmp_path / "x").write_text("")
    assert run(tmp_path, "x.log", "./x").stderr.splitlines()[-1] == "run.py: x.log: ./x: Permission denied"


def test_a_script_without_an_interpreter_line_runs_in_bash(tmp_path):
    (tmp_path / "x").write_text("[[ $1 == a?c ]] && echo matched\n")
    (tmp_path / "x").chmod(0o755)
    run(tmp_path, "x.log", "./x", "abc")
    assert output(tmp_path / "x.log") == "matched\n"


def test_stdin_is_empty(tmp_path):
    done = subprocess.run([*COMMAND, "x.log", "cat"], cwd=tmp_path, env=ENVIRONMENT, input=b"not for the job")
    assert (done.returncode, output(tmp_path / "x.log")) == (0, "")


def begun(count):
    """Return shell code that ends once `count` jobs have reached it, however busy the machine is."""
    return f"touch JOB.begun; until [ $(ls | grep -c begun$) -ge {count} ]; do sleep 0.01; done"


def test_no_more_jobs_at_once_than_asked(tmp_path):
    script = f"touch JOB.on; {begun(3)}; ls | grep -c on$; sleep 0.2; rm JOB.on"
    run(tmp_path, "--max-jobs-run", "3", "JOB=1:9", "x.JOB.log", "sh", "-c", script)
    assert max(int(output(tmp_path / f"x.{j}.log")) for j in range(1, 10)) == 3


def test_as_many_jobs_at_once_as_cores(tmp_path):
    script = "touch JOB.on; sleep 0.2; ls | grep -c on$; rm JOB.on"
    core = min(os.sched_getaffinity(0))
    words = ["taskset", "-c", str(core), *COMMAND, "JOB=1:2", "x.JOB.log", "sh", "-c", script]
    subprocess.run(words, cwd=tmp_path, env=ENVIRONMENT, check=True)
    assert [output(tmp_path / f"x.{j}.log") for j in (1, 2)] == ["1\n", "1\n"]


def test_threads_leave_room_for_fewer_jobs(tmp_path):
    threads = str(len(os.sched_getaffinity(0)))
    script = "touch JOB.on; sleep 0.2; ls | grep -c on$; rm JOB.on"
    run(tmp_path, "--num-threads", threads, "JOB=1:2", "x.JOB.log", "sh", "-c", script)
    assert [output(tmp_path / f"x.{j}.log") for j in (1, 2)] == ["1\n", "1\n"]


@pytest.mark.parametrize(("options", "expected"), [([], "1"), (["--num-threads", "4"], "4")])
def test_threads_of_a_job(tmp_path, options, expected):
    run(tmp_path, *options, "x.log", "printenv", "OMP_NUM_THREADS", OMP_NUM_THREADS="9")
    assert output(tmp_path / "x.log") == f"{expected}\n"


@pytest.mark.parametrize(
    ("options", "visible"),
    [
        (["--gpu", "1"], {"a", "b", "c"}),
        (["--gpu", "2"], {"a,b"}),
        (["--gpu", "9"], {"a,b,c"}),
        (["--gpu", "2", "--max-jobs-run", "3"], {"a,b", "c,a", "b,c"}),
        (["--gpu", "0", "--max-jobs-run", "3"], {"a,b,c"}),
        ([], {"a,b,c"}),
    ],
)
def test_gpus_are_shared_out(tmp_path, options, visible):
    script = f"echo $CUDA_VISIBLE_DEVICES; {begun(len(visible))}; sleep 0.2"
    run(tmp_path, *options, "JOB=1:3", "x.JOB.log", "sh", "-c", script, CUDA_VISIBLE_DEVICES="a,b,c")
    assert {output(tmp_path / f"x.{j}.log").strip() for j in (1, 2, 3)} == visible


def test_a_gpu_is_free_once_its_job_is_over(tmp_path):
    (tmp_path / "job").write_text(
        "echo $CUDA_VISIBLE_DEVICES\n"
        "if [ $1 = 1 ]; then until [ -e last ]; do sleep 0.01; done; fi\n"
        "if [ $1 = 4 ]; then touch last; fi\n"
    )
    run(tmp_path, "--gpu", "1", "JOB=1:4", "x.JOB.log", "sh", "job", "JOB", CUDA_VISIBLE_DEVICES="a,b")
    assert [output(tmp_path / f"x.{j}.log").strip() for j in (1, 2, 3, 4)] == ["a", "b", "b", "b"]


def test_options_for_clusters_are_accepted(tmp_path):
    assert run(tmp_path, "--mem", "4G", "--time", "1:00", "--config", "conf/q.conf", "x.log", "true").returncode == 0


def test_a_usage_error_exits_2_in_one_line(tmp_path):
    done = run(tmp_path, "--whole-nodes", "1", "x.log", "true")
    assert done.returncode == 2
    assert re.fullmatch(r"run\.py: unknown option --whole-nodes.*\n", done.stderr)


def test_a_range_without_its_variable_in_the_log_exits_1(tmp_path):
    done = run(tmp_path, "JOB=1:2", "x.log", "touch", "ran")
    assert (done.returncode, (tmp_path / "ran").exists()) == (1, False)


def test_help_exits_0(tmp_path):
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "utils/run.py JOB=1:4 exp/log/train.JOB.log" in done.stdout


def test_a_log_that_cannot_be_written_exits_1_before_any_job(tmp_path):
    (tmp_path / "x.3.log").mkdir()
    done = run(tmp_path, "JOB=1:3", "x.JOB.log", "touch", "ran")
    assert (done.returncode, done.stderr) == (1, "run.py: x.3.log: Is a directory\n")
    assert not (tmp_path / "ran").exists()


def test_a_full_disk_is_named_with_the_log(tmp_path):
    done = run(tmp_path, "/dev/full", "true")
    assert (done.returncode, done.stderr) == (1, "run.py: /dev/full: No space left on device\n")


def test_a_log_may_be_a_device(tmp_path):
    done = run(tmp_path, "/dev/null", "echo", "hello")
    assert (done.returncode, done.stderr) == (0, "")


TREE = "sleep 60 & echo $$ $! > JOB.new; mv JOB.new JOB.pid; wait"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_nothing_running_and_ends_the_logs(tmp_path, number):
    with started(tmp_path, "--max-jobs-run", "2", "JOB=1:3", "x.JOB.log", "sh", "-c", TREE) as process:
        children = pids(tmp_path, 4)
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        assert not [pid for pid in children if is_alive(pid)]
        assert "# Ended (code 143)" in (tmp_path / "x.1.log").read_text()
        assert process.stderr.read() == f"run.py: stopped by {number.name}\n"
    assert not (tmp_path / "3.pid").exists()


def test_a_job_that_ignores_sigterm_is_killed(tmp_path):
    with started(tmp_path, "x.log", "sh", "-c", f"trap '' TERM; {TREE}") as process:
        children = pids(tmp_path, 2)
        process.terminate()
        assert process.wait(20) == 143
    assert not [pid for pid in children if is_alive(pid)]
    assert "# Ended (code 137)" in (tmp_path / "x.log").read_text()


def test_a_wrapper_inside_a_wrapper_ends_its_jobs(tmp_path):
    with started(tmp_path, "x.log", *COMMAND, "y.log", "sh", "-c", TREE) as process:
        children = pids(tmp_path, 2)
        process.terminate()
        assert process.wait(20) == 143
    assert not [pid for pid in children if is_alive(pid)]
    assert "# Ended (code 143)" in (tmp_path / "y.log").read_text()


def test_jobs_of_a_killed_wrapper_die(tmp_path):
    with started(tmp_path, "x.log", "sh", "-c", TREE) as process:
        children = pids(tmp_path, 2)
        assert all(map(is_alive, children))
        process.kill()
        wait_for(lambda: not [pid for pid in children if is_alive(pid)])


def test_what_a_finished_job_left_behind_is_left_alone(tmp_path):
    run(tmp_path, "x.log", "sh", "-c", "sleep 60 & echo $! > 1.pid")
    (left,) = pids(tmp_path, 1)
    assert is_alive(left)
    os.kill(left, signal.SIGKILL)


def test_nohup_holds(tmp_path):
    words = ("x.log", "sh", "-c", "echo $$ > 1.pid; while [ ! -e go ]; do sleep 0.05; done")
    with started(tmp_path, *words, ignored=(signal.SIGHUP,)) as process:
        pids(tmp_path, 1)
        process.send_signal(signal.SIGHUP)
        (tmp_path / "go").touch()
        assert process.wait(20) == 0


def test_a_script_of_utils_finds_the_standard_module_that_is_called_queue(tmp_path):
    script = tmp_path / "utils" / "script.py"
    script.parent.mkdir()
    for name in ("_recipe.py", "queue.py"):
        (script.parent / name).write_bytes((ROOT / "utils" / name).read_bytes())
    script.write_text("import _recipe\nfrom queue import Queue\n")
    environment = ENVIRONMENT | {"EMOSEQ_ROOT": str(tmp_path)}
    assert subprocess.run([sys.executable, str(script)], env=environment, cwd=script.parent).returncode == 0
