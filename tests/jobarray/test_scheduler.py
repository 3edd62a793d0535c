"""Replies that Slurm and Grid Engine have printed, and how they are parsed."""

import os

import pytest

from jobarray.grid_engine import GridEngine
from jobarray.scheduler import Reply, State, Task
from jobarray.slurm import Slurm, format_ranges

SLURM, GRID_ENGINE = Slurm(), GridEngine()


def printed(output: str) -> Reply:
    return Reply(0, output, "")


def failed(error: str, code: int = 1, output: str = "") -> Reply:
    return Reply(code, output, error)


@pytest.fixture(autouse=True)
def no_cell(monkeypatch, tmp_path):
    """Return Grid Engine's folder with the file that dates its master's start."""
    monkeypatch.setenv("SGE_ROOT", str(tmp_path))
    monkeypatch.delenv("SGE_CELL", raising=False)
    return tmp_path / "default" / "common"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([1], "1"), ([1, 2, 3], "1-3"), ([4, 5, 9], "4-5,9"), ([1, 3, 5], "1,3,5"), ([2, 3, 7, 8, 9], "2-3,7-9")],
)
def test_ranges(numbers, expected):
    assert format_ranges(numbers) == expected


# --- Slurm


SQUEUE = """\
1|1_1|CANCELLED|None|15|
2|1_2|PENDING|JobArrayTaskLimit|0|
3|1_3|RUNNING|None|0|
4|1_4|COMPLETED|None|0|
5|1_5|NODE_FAIL|NodeDown|0|
6|1_6|PENDING|PartitionConfig|0|
7|1_7|COMPLETING|NonZeroExitCode|256|
8|1_8|FAILED|NonZeroExitCode|18176|
"""


def test_squeue_is_read_line_by_line():
    assert SLURM.parse_tasks(printed(SQUEUE), "x") == {
        1: Task("1_1", State.GONE, "it was cancelled (CANCELLED)"),
        2: Task("1_2", State.ALIVE),
        3: Task("1_3", State.ALIVE),
        4: Task("1_4", State.GONE, "its script ended (COMPLETED)", code=0),
        5: Task("1_5", State.GONE, "its node failed (NODE_FAIL)", code=0),
        6: Task("1_6", State.ALIVE, "waits for PartitionConfig"),
        7: Task("1_7", State.ENDING, "it was ended"),
        8: Task("1_8", State.GONE, "its script failed (FAILED)", code=71),
    }


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        ("TIMEOUT", "ask for more with --time"),
        ("OUT_OF_MEMORY", "ask for more with --mem"),
        ("PREEMPTED", "preempted"),
        ("BOOT_FAIL", "did not boot"),
        ("DEADLINE", "deadline"),
    ],
)
def test_ends_in_slurm(state, hint):
    task = SLURM.parse_tasks(printed(f"3|7_3|{state}|None|9|\n"), "x")[3]
    assert task.state is State.GONE
    assert hint in task.remark


@pytest.mark.parametrize("state", "CONFIGURING REQUEUED SUSPENDED STOPPED SIGNALING RESIZING REQUEUE_HOLD".split())
def test_other_states_of_slurm_are_alive(state):
    assert SLURM.parse_tasks(printed(f"3|7_3|{state}|None|0|\n"), "x")[3].state is State.ALIVE


@pytest.mark.parametrize(
    "reason",
    "None Resources Priority JobArrayTaskLimit Dependency BeginTime AssocGrpCpuLimit QOSMaxJobsPerUserLimit"
    " AssocMaxJobsLimit MaxMemPerAccount".split(),
)
def test_ordinary_waiting_is_not_remarked_upon(reason):
    assert SLURM.parse_tasks(printed(f"1|3_1|PENDING|{reason}|0|\n"), "x")[1].remark == ""


@pytest.mark.parametrize("reason", ["PartitionConfig", "PartitionTimeLimit", "BadConstraints", "JobHeldUser"])
def test_waiting_that_may_not_end_is_remarked_upon(reason):
    assert SLURM.parse_tasks(printed(f"1|3_1|PENDING|{reason}|0|\n"), "x")[1].remark == f"waits for {reason}"


def test_of_two_submissions_of_one_name_the_living_one_counts():
    lines = ["1|7_1|RUNNING|None|0|", "1|8_1|CANCELLED|None|0|"]
    for order in (lines, lines[::-1]):
        assert SLURM.parse_tasks(printed("\n".join(order)), "x")[1].state is State.ALIVE


def test_no_line_is_no_task():
    assert SLURM.parse_tasks(printed(""), "x") == {}


@pytest.mark.parametrize(
    "error",
    [
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
        "squeue timed out after 30 s",
        "slurm_load_jobs error: Slurm backup controller in standby mode\n",
        "slurm_load_jobs error: Zero Bytes were transmitted or received\n",
    ],
)
def test_slurm_is_away(error):
    assert SLURM.unreachable.search(error)
    assert SLURM.parse_tasks(failed(error), "x") is None


@pytest.mark.parametrize(
    "error",
    [
        "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
        "sbatch: error: Batch job submission failed: Requested node configuration is not available\n",
        "sbatch: error: Memory specification can not be satisfied\n",
        "sbatch: unrecognized option '--wrong'\n",
        "sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)\n",
        "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n",
    ],
)
def test_slurm_refuses(error):
    assert not SLURM.unreachable.search(error)


@pytest.mark.parametrize("output", ["17\n", "17;cluster\n"])
def test_the_id_that_sbatch_prints(output):
    assert SLURM.parse_submission(printed(output)) == "17"


def test_an_array_of_slurm():
    words = SLURM.submit_options("x-1", [1, 2, 4], 2, "/a/50%/q/x-1")
    assert words == [
        "--parsable",
        "--no-requeue",
        "--array=1-2,4%2",
        "--job-name=x-1",
        "--output=/a/50%%/q/x-1/%a.out",
    ]
    assert "--array=1-2,4" in SLURM.submit_options("x-1", [1, 2, 4], 0, "/a")
    assert SLURM.number_tasks([1, 2, 4]) == {1: 1, 2: 2, 4: 4}


def test_slurm_is_queried_and_cancels_by_name():
    uid = str(os.getuid())
    assert {"--name=x-1", "-u", uid, "-r", "all"} <= set(SLURM.query_command("x-1"))
    assert SLURM.cancel_command("x-1") == ["scancel", "--name=x-1", "-u", uid]


# --- Grid Engine


def job(state: str, task: object, name: str = "train-zz", number: int = 5) -> str:
    tasks = f"<tasks>{task}</tasks>" if task else ""
    return f"""
      <job_list state="{"pending" if "q" in state else "running"}">
        <JB_job_number>{number}</JB_job_number>
        <JAT_prio>0.55500</JAT_prio>
        <JB_name>{name}</JB_name>
        <JB_owner>root</JB_owner>
        <state>{state}</state>
        <slots>1</slots>
        {tasks}
      </job_list>"""


def qstat(running: str = "", pending: str = "", queue: str = "") -> Reply:
    state = f"<state>{queue}</state>" if queue else ""
    queues = f"""
    <Queue-List>
      <name>all.q@vm</name>
      <qtype>BIP</qtype>
      <slots_used>1</slots_used>
      <slots_resv>0</slots_resv>
      <slots_total>2</slots_total>
      <arch>lx-amd64</arch>
      {state}{running}
    </Queue-List>"""
    return printed(f"""<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <queue_info>{queues if running else ""}
  </queue_info>
  <job_info>{pending}
  </job_info>
</job_info>
""")


def test_qstat_lists_running_and_waiting_tasks():
    answer = qstat(job("r", 1) + job("r", 7, "other", 4), job("qw", 2) + job("hqw", 3) + job("qw", 1, "other"))
    assert GRID_ENGINE.parse_tasks(answer, "train-zz") == {
        1: Task("5.1", State.ALIVE),
        2: Task("5.2", State.ALIVE),
        3: Task("5.3", State.ALIVE, "it is held"),
    }


@pytest.mark.parametrize("state", ["Eqw", "Ehqw"])
def test_an_error_state_is_the_end(state):
    task = GRID_ENGINE.parse_tasks(qstat(pending=job(state, 2)), "train-zz")[2]
    assert task == Task("5.2", State.STUCK, f"it is in the error state {state}")


@pytest.mark.parametrize("state", ["t", "r", "s", "S", "T", "Rr"])
def test_a_task_on_a_host_is_alive(state):
    assert GRID_ENGINE.parse_tasks(qstat(job(state, 1)), "train-zz") == {1: Task("5.1", State.ALIVE)}


@pytest.mark.parametrize("state", ["dr", "dt", "dRr"])
def test_a_deleted_task_is_ending(state):
    task = Task("5.1", State.ENDING, "it was deleted")
    assert GRID_ENGINE.parse_tasks(qstat(job(state, 1)), "train-zz") == {1: task}


@pytest.mark.parametrize("queue", ["u", "au", "adu"])
def test_an_unreachable_host(queue):
    task = GRID_ENGINE.parse_tasks(qstat(job("r", 1), queue=queue), "train-zz")[1]
    assert task == Task("5.1", State.UNREACHABLE, "its host does not answer (vm)")


def test_what_was_deleted_on_a_host_that_is_down_is_gone():
    task = Task("5.1", State.GONE, "its host does not answer (vm)")
    assert GRID_ENGINE.parse_tasks(qstat(job("dr", 1), queue="au"), "train-zz") == {1: task}


@pytest.mark.parametrize("queue", ["a", "d", "s"])
def test_a_queue_that_takes_no_more_says_nothing_of_its_tasks(queue):
    assert GRID_ENGINE.parse_tasks(qstat(job("r", 1), queue=queue), "train-zz")[1].state is State.ALIVE


def test_no_host_is_unreachable_just_after_the_masters_start(no_cell):
    no_cell.mkdir(parents=True)
    (no_cell / "act_qmaster").write_text("vm\n")
    assert GRID_ENGINE.parse_tasks(qstat(job("r", 1), queue="au"), "train-zz")[1].state is State.ALIVE
    os.utime(no_cell / "act_qmaster", (0, 0))
    assert GRID_ENGINE.parse_tasks(qstat(job("r", 1), queue="au"), "train-zz")[1].state is State.UNREACHABLE


def test_an_array_of_one_task_may_go_without_its_number():
    assert GRID_ENGINE.parse_tasks(qstat(job("r", "")), "train-zz") == {1: Task("5.1", State.ALIVE)}


def test_an_empty_cluster_has_no_task():
    assert GRID_ENGINE.parse_tasks(qstat(), "train-zz") == {}


@pytest.mark.parametrize("output", ["", "<?xml version='1.0'?>\n<job_info><queue_in"])
def test_half_an_answer_is_none(output):
    assert GRID_ENGINE.parse_tasks(printed(output), "train-zz") is None


SGE_AWAY = """\
error: commlib error: got select error (Connection refused)
error: unable to send message to qmaster using port 6444 on host "vm": got send error
"""


@pytest.mark.parametrize(
    "error",
    [
        SGE_AWAY,
        'Unable to run job: unable to send message to qmaster using port 6444 on host "vm": got send error.\nExiting.',
        'error: unable to contact qmaster using port 6444 on host "vm"',
        "Unable to run job: failed receiving gdi request response for mid=1 (got syncron message receive timeout"
        " error).\nExiting.",
        "qstat timed out after 30 s",
    ],
)
def test_grid_engine_is_away(error):
    assert GRID_ENGINE.unreachable.search(error)
    assert GRID_ENGINE.parse_tasks(failed(error), "x") is None


@pytest.mark.parametrize(
    "error",
    [
        "Unable to run job: error: no suitable queues\nExiting.\n",
        'Unable to run job: unknown resource "gpus".\nExiting.\n',
        'Unable to run job: job rejected: the requested parallel environment "smp" does not exist.\nExiting.\n',
        'Unable to run job: denied: host "vm" is no submit host.\nExiting.\n',
        "qsub: Unknown option\n",
    ],
)
def test_grid_engine_refuses(error):
    assert not GRID_ENGINE.unreachable.search(error)


def test_a_complaint_is_one_line_without_qsubs_good_bye():
    answer = failed("Unable to run job: error: no suitable queues\nExiting.\n")
    assert answer.message == "Unable to run job: error: no suitable queues"
    assert failed("", 3).message == "exit code 3"
    assert failed("", 1, 'denied: job "x" does not exist\n').message == 'denied: job "x" does not exist'


@pytest.mark.parametrize("output", ["5.1-3:1\n", "5\n", "a warning of the site\n5.2-2:1\n"])
def test_the_id_that_qsub_prints(output):
    assert GRID_ENGINE.parse_submission(printed(output)) == "5"


@pytest.mark.parametrize("scheduler", [SLURM, GRID_ENGINE], ids=["slurm", "gridengine"])
def test_an_answer_without_an_id_does_not_matter(scheduler):
    assert scheduler.parse_submission(printed("")) == ""


def test_an_array_of_grid_engine():
    words = GRID_ENGINE.submit_options("x-1", [3, 4, 5], 2, "/a/q/x-1")
    assert " ".join(words) == ("-terse -sync n -S /bin/bash -r n -N x-1 -j y -o /a/q/x-1/$TASK_ID.out -t 3-5 -tc 2")
    assert "-tc" not in GRID_ENGINE.submit_options("x-1", [3], 0, "/a")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([3, 4, 5], {3: 3, 4: 4, 5: 5}), ([7], {7: 7}), ([2, 5, 9], {2: 1, 5: 2, 9: 3})],
)
def test_the_tasks_of_grid_engine_have_no_gap(numbers, expected):
    assert GRID_ENGINE.number_tasks(numbers) == expected


QACCT = """\
==============================================================
qname        all.q
hostname     vm
group        root
owner        root
project      NONE
department   defaultdepartment
jobname      train-zz
jobnumber    5
taskid       2
account      sge
priority     0
qsub_time    Tue Nov 25 10:00:00 2025
start_time   Tue Nov 25 10:00:01 2025
end_time     Tue Nov 25 10:00:09 2025
granted_pe   NONE
slots        1
failed       {failed}
exit_status  {status}
ru_wallclock 8s
"""


@pytest.mark.parametrize(
    ("ended", "status", "expected"),
    [
        ("0    ", "0                   ", ("its script ended with code 0", 0)),
        ("0    ", "73                  ", ("its script ended with code 73", 73)),
        (
            "100 : assumedly after job",
            "137                  (Killed)",
            (
                "failed 100: assumedly after job, exit status 137; if it ran out of time or memory, ask for more with"
                " --time or --mem",
                None,
            ),
        ),
        ("21  : in recognizing job", "0", ("failed 21: in recognizing job, exit status 0", None)),
    ],
)
def test_qacct_knows_how_a_task_ended(ended, status, expected):
    other = QACCT.replace("taskid       2", "taskid       12").format(failed="0    ", status="1")
    account = QACCT.format(failed=ended, status=status)
    assert GRID_ENGINE.parse_reason(printed(other + account + other), 2) == expected


def test_qacct_explains_no_other_task():
    assert GRID_ENGINE.parse_reason(printed(QACCT.format(failed="0    ", status="1")), 1) == ("", None)


def test_qstat_knows_why_a_task_is_stuck():
    """As Grid Engine 8.1.9 prints it."""
    text = "error reason    1:          can't chdir to /gone: No such file or directory\n                2: job waits\n"
    stuck = printed(f"job_number:                 5\n{text}scheduling info:            none\n")
    assert GRID_ENGINE.parse_reason(stuck, 1) == ("can't chdir to /gone: No such file or directory", None)
    assert GRID_ENGINE.parse_reason(stuck, 2) == ("", None)


def test_after_a_reschedule_the_last_record_counts():
    first = QACCT.format(failed="25  : rescheduling", status="0")
    assert GRID_ENGINE.parse_reason(printed(first + QACCT.format(failed="0    ", status="9")), 2) == (
        "its script ended with code 9",
        9,
    )


def test_qacct_may_not_know_it_yet():
    assert GRID_ENGINE.parse_reason(failed("error: job id 5 not found\n"), 2) == ("", None)


def test_the_commands_that_explain_a_state():
    commands = {state: GRID_ENGINE.reason_command("x-1", state) for state in State}
    assert commands[State.GONE] == commands[State.ENDING] == ["qacct", "-j", "x-1"]
    assert commands[State.STUCK] == ["qstat", "-j", "x-1"]
    assert commands[State.ALIVE] == commands[State.UNREACHABLE] == []


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([1, 1000], {1: 1, 1000: 1000}), ([1001], {1001: 1}), ([7, 2000], {7: 1, 2000: 2})],
)
def test_slurm_counts_as_the_jobs_do_up_to_1000(numbers, expected):
    assert SLURM.number_tasks(numbers) == expected


def test_grid_engine_cancels_by_name():
    assert GRID_ENGINE.cancel_command("x-1") == ["qdel", "x-1"]


# --- answers that are not as expected


def test_lines_of_squeue_that_are_no_tasks_are_skipped():
    answer = printed("cached at 12:00\n\n3|1_3|RUNNING|None|0|\n")
    assert SLURM.parse_tasks(answer, "x") == {3: Task("1_3", State.ALIVE)}


def test_an_array_whose_waiting_tasks_were_cancelled_has_none_left():
    """As Slurm 22.05 prints it."""
    rest = "N/A|4|CANCELLED|JobArrayTaskLimit|0|\n"
    assert SLURM.parse_tasks(printed(rest), "x") == {}
    assert set(SLURM.parse_tasks(printed(rest + "1|4_1|CANCELLED|None|15|\n"), "x")) == {1}


def test_an_answer_of_squeue_without_any_task_line_is_none():
    assert SLURM.parse_tasks(printed("try again later\n"), "x") is None
    assert SLURM.parse_tasks(printed(""), "x") == {}


def test_tasks_that_qstat_sums_up_are_all_there():
    assert sorted(GRID_ENGINE.parse_tasks(qstat(pending=job("qw", "1-5:2,9")), "train-zz")) == [1, 3, 5, 9]
