"""Fake Slurm and Grid Engine in a folder: sbatch squeue scancel qsub qstat qacct qdel, as far as needed here.

Usage: python3 scheduler.py FOLDER PROGRAM [ARGUMENT]...

Tasks run in the background, in an environment with little more than what the submission exports. FOLDER contains

    calls       a line of JSON for each call: the program and its arguments
    plan.json   faults to simulate; see Plan
    jobs/<id>/  job.json, the script, states.json; `cancelled` requests its end, `over` says that no task runs
    closed      requests the end of everything
"""

import contextlib
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

AWAY = {
    "sbatch": "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
    "squeue": "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
    "scancel": "scancel: error: slurm_kill_jobs2 error: Unable to contact slurm controller (connect failure)",
}
AWAY_GE = (
    "error: commlib error: got select error (Connection refused)\n"
    'error: unable to send message to qmaster using port 6444 on host "vm": got send error'
)
LATE = {
    "sbatch": "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
    "qsub": "Unable to run job: failed receiving gdi request response for mid=1 "
    "(got syncron message receive timeout error).\nExiting.",
}
REFUSED = {
    "sbatch": "sbatch: error: Batch job submission failed: Invalid partition name specified",
    "qsub": "Unable to run job: error: no suitable queues\nExiting.",
}
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT", "OUT_OF_MEMORY"}


class Plan:
    """Faults to simulate.

    Attributes:
        away: by program, the first and the last call, counted from 1, that does not reach the scheduler
        hangs: the same for calls that do not return
        crashes: the same for calls that die of a signal
        denied: the same for calls that the scheduler does not take from this user
        late: the first submission is accepted, but its reply is that it timed out
        refuses: no submission is accepted
        slots: tasks at once
        fates: by task: `lost STATE` ends in that state without running; `killed STATE` is killed shortly after its
            start; `vanishes` is never listed; `stuck` is in an error state; `unheard` is on a dead host; `waits REASON`
            waits until the file `go` appears; `again` is killed and run once more; `elsewhere` runs on a host that sees
            another file system
        deaf: seconds until a cancellation has an effect, or until the file `now` appears
    """

    def __init__(
        self,
        *,
        away: dict[str, list[int]] | None = None,
        hangs: dict[str, list[int]] | None = None,
        crashes: dict[str, list[int]] | None = None,
        denied: dict[str, list[int]] | None = None,
        late: bool = False,
        refuses: bool = False,
        slots: int = 8,
        fates: dict[str, str] | None = None,
        deaf: float = 0,
    ) -> None:
        self.away, self.hangs, self.crashes, self.denied = away or {}, hangs or {}, crashes or {}, denied or {}
        self.late, self.refuses, self.slots, self.fates, self.deaf = late, refuses, slots, fates or {}, deaf


def main(folder: Path, program: str, argv: list[str]) -> int:
    with open(folder / "calls", "a") as calls:
        calls.write(json.dumps([program, *argv]) + "\n")
    count = sum(json.loads(line)[0] == program for line in (folder / "calls").read_text().splitlines())
    plan = Plan(**json.loads((folder / "plan.json").read_text()))

    def is_now(calls: dict[str, list[int]]) -> bool:
        first, last = calls.get(program, [0, 0])
        return first <= count <= last

    if is_now(plan.hangs):
        time.sleep(60)
    if is_now(plan.crashes):
        os.kill(os.getpid(), signal.SIGSEGV)
    if is_now(plan.denied):
        return complain(f"{program}: error: Protocol authentication error")
    if is_now(plan.away):
        return complain(AWAY.get(program, AWAY_GE))
    if program in REFUSED and plan.refuses:
        return complain(REFUSED[program])
    act = {
        "sbatch": sbatch,
        "squeue": squeue,
        "scancel": scancel,
        "qsub": qsub,
        "qstat": qstat,
        "qacct": qacct,
        "qdel": qdel,
    }
    code = act[program](folder, argv, plan)
    return complain(LATE[program]) if program in LATE and plan.late and count == 1 else code


def complain(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


# --- submission


def numbers_of(text: str) -> list[int]:
    numbers = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def sbatch(folder: Path, argv: list[str], plan: Plan) -> int:
    options: dict[str, str] = {}
    words = list(argv)
    while words[0].startswith("-"):
        name, equals, value = words.pop(0).partition("=")
        options[name] = value if equals or name in ("--parsable", "--no-requeue") else words.pop(0)
    if "--no-requeue" not in options:
        return complain("scheduler.py: tasks may be requeued")
    tasks, _, limit = options["--array"].partition("%")
    if numbers_of(tasks)[-1] > 1000:
        return complain("sbatch: error: Batch job submission failed: Invalid job array specification")
    exported = options.get("--export", "ALL").split(",")
    late = plan.late
    job = {
        "name": options["--job-name"],
        "tasks": numbers_of(tasks),
        "limit": int(limit or 0),
        "output": options["--output"],
        "exported": {name: value for name, value in os.environ.items() if name in exported or "ALL" in exported},
        "slurm": True,
    }
    number = submit(folder, words, job, plan)
    print("" if late else f"{number}")
    return 0


def qsub(folder: Path, argv: list[str], plan: Plan) -> int:
    widths = {"-terse": 0, "-cwd": 0, "-V": 0, "-pe": 2} | dict.fromkeys(
        "-S -r -N -j -o -t -tc -l -v -w -q -p -sync".split(), 1
    )
    options: dict[str, list[str]] = {}
    words = list(argv)
    while words[0].startswith("-"):
        name = words.pop(0)
        if name not in widths:
            return complain(f'qsub: Unknown option "{name}"')
        options[name] = [*options.get(name, []), *(words.pop(0) for _ in range(widths[name]))]
    name = options["-N"][0]
    if not name.isascii() or name[0].isdigit() or re.search(r"[\s/:@\\*?]", name):
        return complain(f'Unable to run job: denied: "{name}" is not a valid object name\nExiting.')
    match = re.fullmatch(r"(\d+)-(\d+)", options["-t"][0])
    if not match or "," in options["-o"][0]:
        return complain("qsub: Unknown option")
    gpus = [int(word.removeprefix("gpu=")) for word in options.get("-l", []) if word.startswith("gpu=")]
    variables = {}
    for variable in ",".join(options.get("-v", [])).split(","):
        name_of, equals, value = variable.partition("=")
        if equals or name_of in os.environ:
            variables[name_of] = value if equals else os.environ[name_of]
    job = {
        "name": name,
        "tasks": list(range(int(match[1]), int(match[2]) + 1)),
        "limit": int(options.get("-tc", ["0"])[0]),
        "output": options["-o"][0],
        "exported": variables | ({"SGE_HGR_gpu": " ".join(str(i) for i in range(gpus[0]))} if gpus else {}),
        "slurm": False,
    }
    number = submit(folder, words, job, plan)
    if not plan.late:
        print(f"{number}.{options['-t'][0]}:1")
    return 0


def submit(folder: Path, words: list[str], job: dict, plan: Plan) -> int:
    """Add a job; a process of its own runs it."""
    number = 1 + len(list((folder / "jobs").iterdir()))
    home = folder / "jobs" / str(number)
    home.mkdir()
    job |= {"id": number, "here": os.getcwd()}
    shutil.copy(words[0], home / "script")
    (home / "script").chmod(0o755)
    write(home / "job.json", job)
    write(home / "states.json", {str(task): ["PENDING", "None", 0] for task in job["tasks"]})
    sys.stdout.flush()
    if not os.fork():
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        try:
            Runner(folder, home, job, plan).run()
        finally:
            (home / "over").touch()
            os._exit(0)
    return number


# --- running


class Runner:
    """Runs the tasks of one job."""

    def __init__(self, folder: Path, home: Path, job: dict, plan: Plan) -> None:
        self.folder = folder
        self.home = home
        self.job = job
        self.plan = plan
        self.states: dict[str, list] = json.loads((home / "states.json").read_text())
        self.running: dict[str, subprocess.Popen] = {}

    def run(self) -> None:
        room = min(self.plan.slots, self.job["limit"] or self.plan.slots)
        waiting = [str(task) for task in self.job["tasks"]]
        cancelled = 0.0
        while True:
            if (self.folder / "closed").exists():
                return self.kill(signal.SIGKILL)
            if (self.home / "cancelled").exists():
                cancelled = cancelled or time.monotonic()
                if time.monotonic() - cancelled >= self.plan.deaf or (self.folder / "now").exists():
                    return self.cancel()
            for task in list(waiting):
                if len(self.running) >= room:
                    break
                if self.begin(task):
                    waiting.remove(task)
            for task, process in list(self.running.items()):
                if process.poll() is not None:
                    del self.running[task]
                    self.end(task, process.returncode)
            self.save()
            if not waiting and not self.running and all(state[0] in ENDED for state in self.states.values()):
                return None
            time.sleep(0.01)

    def begin(self, task: str) -> bool:
        """Start a task or simulate its fault; return False if it waits."""
        fate, _, word = self.plan.fates.get(task, "").partition(" ")
        if fate == "waits" and not (self.folder / "go").exists():
            self.states[task] = ["PENDING", word, 0]
            return False
        if fate == "lost":
            self.states[task] = [word, "None", 0]
        elif fate in ("vanishes", "stuck", "unheard"):
            self.states[task] = [fate, "None", 0]
        else:
            self.start(task, elsewhere=fate == "elsewhere")
            if fate in ("killed", "again"):
                time.sleep(0.15)
                self.kill(signal.SIGKILL, task)
                self.running.pop(task).wait()
                if fate == "killed":
                    self.states[task] = [word, "None", 9]
                else:
                    self.start(task)
        return True

    def start(self, task: str, elsewhere: bool = False) -> None:
        job = self.job
        script = self.home / "script"
        if elsewhere:
            script = self.home / "elsewhere"
            script.write_text((self.home / "script").read_text().replace("/q/", "/no/"))
            script.chmod(0o755)
        output = job["output"].replace("$TASK_ID", task)
        words = ["/bin/bash", str(script)]
        variables = {"SGE_TASK_ID": task, "JOB_ID": str(job["id"])}
        if job["slurm"]:
            output = re.sub("%[a%]", lambda match: "%" if match[0] == "%%" else task, job["output"])
            words = [str(script)]
            variables = {"SLURM_ARRAY_TASK_ID": task, "SLURM_JOB_ID": str(job["id"] * 100 + int(task))}
        variables |= {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ} | job["exported"]
        with open(output, "ab") as stream:
            self.running[task] = subprocess.Popen(
                words, cwd=job["here"], env=variables, stdout=stream, stderr=stream, start_new_session=True
            )
        self.states[task] = ["RUNNING", "None", 0]

    def end(self, task: str, code: int) -> None:
        status = -code if code < 0 else code << 8  # as wait(2) has it
        self.states[task] = ["FAILED" if status else "COMPLETED", "None", status]

    def kill(self, number: int, *tasks: str) -> None:
        for task in tasks or self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.running[task].pid, number)

    def cancel(self) -> None:
        """End the tasks: Slurm with SIGTERM first, Grid Engine with SIGKILL."""
        deadline = time.monotonic() + 0.3
        if self.job["slurm"]:
            self.kill(signal.SIGTERM)
            while time.monotonic() < deadline and any(p.poll() is None for p in self.running.values()):
                time.sleep(0.01)
        self.kill(signal.SIGKILL)
        for process in self.running.values():
            process.wait()
        for task, state in self.states.items():
            if state[0] not in ENDED:
                self.states[task] = ["CANCELLED", "None", 15 if task in self.running else 0]
        self.save()

    def save(self) -> None:
        write(self.home / "states.json", self.states)


def write(path: Path, content: object) -> None:
    text = json.dumps(content)
    if not path.exists() or path.read_text() != text:
        path.with_suffix(".tmp").write_text(text)
        path.with_suffix(".tmp").rename(path)


def jobs_in(folder: Path) -> list[tuple[dict, dict[str, list]]]:
    jobs = []
    for home in sorted((folder / "jobs").iterdir(), key=lambda path: int(path.name)):
        job, states = (json.loads((home / name).read_text()) for name in ("job.json", "states.json"))
        jobs.append((job, states))
    return jobs


def cancel(folder: Path, name: str, plan: Plan) -> int:
    """Cancel jobs by name and wait briefly for their end."""
    homes = [folder / "jobs" / str(job["id"]) for job, _ in jobs_in(folder) if job["name"] == name]
    for home in homes:
        (home / "cancelled").touch()
    deadline = time.monotonic() + 1
    while not plan.deaf and not all((home / "over").exists() for home in homes) and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(homes)


# --- Slurm's answers


def squeue(folder: Path, argv: list[str], plan: Plan) -> int:
    names = [word.removeprefix("--name=") for word in argv if word.startswith("--name=")]
    fields = re.findall(r"(\w+):(\|?)(?:,|$)", argv[argv.index("-O") + 1])
    if not {"-h", "-r", "-t"} <= set(argv) or argv[argv.index("-u") + 1] != str(os.getuid()):
        return complain("scheduler.py: squeue is asked otherwise than expected")
    for job, states in jobs_in(folder):
        if names and job["name"] not in names:
            continue
        cancelled = (folder / "jobs" / str(job["id"]) / "cancelled").exists()
        for task, (state, reason, status) in states.items():
            if state == "vanishes":
                continue
            if cancelled and state == "CANCELLED" and not status:  # it waited: of all these the array's record is left
                print(f"N/A|{job['id']}|CANCELLED|None|0|")
                continue
            row = {
                "ArrayTaskID": task,
                "JobArrayID": f"{job['id']}_{task}",
                "State": "RUNNING" if state == "unheard" else state,
                "Reason": reason,
                "exit_code": str(status),
            }
            print("".join(row[name] + end for name, end in fields))
    return 0


def scancel(folder: Path, argv: list[str], plan: Plan) -> int:
    (name,) = (word.removeprefix("--name=") for word in argv if word.startswith("--name="))
    cancel(folder, name, plan)
    return 0


# --- Grid Engine's answers


def qstat(folder: Path, argv: list[str], plan: Plan) -> int:
    if argv[0] == "-j":
        for job, states in jobs_in(folder):
            if job["name"] == argv[1]:
                print(f"job_number:                 {job['id']}")
                for task in (task for task, (state, *_) in states.items() if state == "stuck"):
                    print(f"error reason {task:>4}:          can't chdir to /gone: No such file or directory")
        return 0
    if not {"-f", "-ne", "-xml", "-u"} <= set(argv):
        return complain("scheduler.py: qstat is asked otherwise than expected")
    queues: dict[str, list[str]] = {"all.q@vm": [element("running", 900, "decoy", "r", 1)]}
    pending = [element("pending", 901, "decoy", "qw", 1)]
    for job, states in jobs_in(folder):
        waiting: dict[str, list[str]] = {}  # by state, in which they are summed up
        for task, (state, reason, _) in states.items():
            if state in ("RUNNING", "unheard"):
                where = "all.q@dead" if state == "unheard" else "all.q@vm"
                state = "dr" if (folder / "jobs" / str(job["id"]) / "cancelled").exists() else "r"
                queues.setdefault(where, []).append(element("running", job["id"], job["name"], state, task))
            elif state in ("PENDING", "stuck"):
                word = "Eqw" if state == "stuck" else "qw" if reason == "None" else "hqw"
                waiting.setdefault(word, []).append(task)
        pending += [
            element("pending", job["id"], job["name"], word, ",".join(tasks)) for word, tasks in waiting.items()
        ]
    print("<?xml version='1.0'?>\n<job_info  xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\n  <queue_info>")
    for name, jobs in queues.items():
        state = "<state>au</state>" if name.endswith("dead") else ""
        print(f"<Queue-List><name>{name}</name><qtype>BP</qtype>{state}{''.join(jobs)}</Queue-List>")
    print(f"  </queue_info>\n  <job_info>{''.join(pending)}</job_info>\n</job_info>")
    return 0


def element(list_name: str, number: int, name: str, state: str, task: object) -> str:
    return (
        f'<job_list state="{list_name}"><JB_job_number>{number}</JB_job_number><JAT_prio>0.55500</JAT_prio>'
        f"<JB_name>{html.escape(name, quote=False)}</JB_name><JB_owner>root</JB_owner><state>{state}</state>"
        f"<slots>1</slots><tasks>{task}</tasks></job_list>"
    )


def qacct(folder: Path, argv: list[str], plan: Plan) -> int:
    name = argv[argv.index("-j") + 1]
    ends = {
        task: (state, status)
        for job, states in jobs_in(folder)
        for task, (state, _, status) in states.items()
        if job["name"] == name and state in ENDED
    }
    for task, (state, status) in ends.items():
        failed = {
            "COMPLETED": "0    ",
            "FAILED": "0    ",
            "NODE_FAIL": "21  : in recognizing job",
        }.get(state, "100 : assumedly after job")
        code = 137 if failed.startswith("100") else status >> 8
        print("=" * 62)
        print("qname        all.q               \nhostname     vm                  \njobname      x")
        print(f"jobnumber    1\ntaskid       {task:<20}\nfailed       {failed}\nexit_status  {code:<20}")
    return 0 if ends else complain(f"error: job name {name} not found")


def qdel(folder: Path, argv: list[str], plan: Plan) -> int:
    if not cancel(folder, argv[0], plan):
        print(f'denied: job "{argv[0]}" does not exist')
        return 1
    print(f"root has deleted job {argv[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
