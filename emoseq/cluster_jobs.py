"""Running jobs on a cluster: one array for all of them, and an eye on it until each has ended.

A task leaves its exit code in a file of its own, in a folder made for the submission, and these files alone say how
jobs went. The scheduler is asked now and then for the whole array, to notice tasks that will never leave one. As long
as it does not answer, nothing is concluded.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoseq import DataError
from emoseq.jobs import ASSIGNMENT, OPERATORS, THREADS, Jobs, command_line, footer, make_logs, quote, split_at
from emoseq.processes import guard, signals
from emoseq.queue_conf import read_queue_conf
from emoseq.schedulers import Answer, Scheduler, Task
from emoseq.wrapper import say

LOST = 255  # in place of the exit code of a job that left none

ROOT = Path(__file__).resolve().parent.parent

# What the script of a task returns where it could not leave a status; a command may return the same, with a status.
_SCRIPT_ENDS = {
    71: "the scheduler started it a second time",
    72: "its host does not see the folder of submission; that must lie on a file system which all hosts share",
    73: "it could not write its status; is the disk full?",
}

# What a scheduler may have written of the end of a task, in its output.
_SAID = {
    "memory limit|[Oo]ut [Oo]f [Mm]emory|oom-kill": "it ran out of memory; ask for more with --mem",
    "DUE TO TIME LIMIT": "it ran out of time; ask for more with --time",
    "DUE TO NODE FAILURE": "its node failed",
    "DUE TO PREEMPTION": "it was preempted",
}

_SCRIPT = """\
#!/bin/bash
# A task of {name}. Its command's output goes to the log, its exit code to a file of its own.
task=${task_id}
{number}
folder={folder}
cd -- {here} && [ -d "$folder" ] || exit 72
mkdir "$folder/$task.begun" || {{ [ -d "$folder/$task.begun" ] && exit 71 || exit 73; }}
log={log}
began=$(date +%s)
# The log ends with a foot whatever ends the command; the scheduler's SIGTERM is for that alone.
trap : TERM XCPU USR1 USR2
{{
  printf '%s\\n' {head}
  echo "# Running on $(hostname)"
  echo "# Started at $(LC_ALL=C date)"
  echo "#"
}} >> "$log"
(
  if [ -f path.sh ]; then . ./path.sh || exit; fi
  export {threads}{gpus}
  set -o pipefail
  {command}
) < /dev/null >> "$log" 2>&1
code=$?
{{
  [ -z "$(tail -c 1 "$log")" ] || echo
  echo "# Accounting: time=$(($(date +%s) - began)) threads={count}"
  echo "# Finished at $(LC_ALL=C date) with status $code"
}} >> "$log"
{{ echo $code > "$folder/$task.tmp" && mv "$folder/$task.tmp" "$folder/$task.status"; }} || exit 73
# 99 and 100 mean something to Grid Engine.
case $code in 99 | 100) exit 1 ;; *) exit $code ;; esac
"""


@dataclass(frozen=True)
class Pace:
    """How often things are done, in seconds.

    Attributes:
        ask: between two questions to the scheduler
        again: until a task that seems lost is asked after a second time, and a command is tried again
        unheard: for which a host must not have answered until its tasks count as lost
        patience: for one command of the scheduler
        cancel: for an array that was cancelled to be gone
    """

    ask: float = 15
    again: float = 10
    unheard: float = 25
    patience: float = 30
    cancel: float = 45  # Slurm gives tasks 30 s by default


def run_on(scheduler: Scheduler, pace: Pace = Pace()) -> Callable[[Jobs, Callable[[int, int], None]], None]:
    """A function that runs jobs there, for `emoseq.wrapper.run_wrapper`.

    That function returns when all jobs have ended, or are lost: then their code is LOST and their log says why. It
    raises

        DataError: if the jobs cannot be submitted as they are
        OSError: if a file cannot be written
        StoppedError: if SIGTERM, SIGINT or SIGHUP came; the array was cancelled before
    """

    def execute(jobs: Jobs, done: Callable[[int, int], None]) -> None:
        words = submission_words(scheduler, jobs)
        pattern, folder = folders(jobs)
        name = array_name(jobs, folder)
        with guard(lambda names: _cancel_all(scheduler, names)) as note, signals() as wait:
            desk = _Desk(scheduler, pace, wait)
            desk.clear_away(pattern, jobs)
            make_logs(jobs)
            os.makedirs(folder)
            numbering = scheduler.numbering(jobs.numbers)
            script = os.path.join(folder, f"{name}.sh")
            with open(script, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(job_script(scheduler, jobs, numbering, folder))
            limit = int(jobs.options.get("max-jobs-run", 0))
            limit = limit if limit < len(jobs.numbers) else 0
            own = scheduler.submit(name, sorted(numbering.values()), limit, folder)
            note(f"+{name}")
            finished = False
            try:
                try:
                    desk.submit([*words, *jobs.native, *own, script], name)
                except DataError:
                    finished = True  # nothing is there to be cancelled
                    raise
                codes = desk.watch(jobs, numbering, folder, name, done)
                finished = LOST not in codes  # a task that is lost may run on
            finally:
                if finished or desk.cancel(name):
                    note(f"-{name}")
            if not any(codes):
                shutil.rmtree(folder, ignore_errors=True)

    return execute


def submission_words(scheduler: Scheduler, jobs: Jobs) -> list[str]:
    """The command that submits, with what the conf file has for the options given.

    The file is that of --config, else conf/slurm.conf or conf/queue.conf of the current folder, else the recipe's own.
    """
    path = jobs.options.get("config", f"conf/{scheduler.conf}")
    if "config" not in jobs.options and not os.path.exists(path):
        path = str(ROOT / "conf" / scheduler.conf)
    conf = read_queue_conf(path)
    return [*conf.command, *conf.words(jobs.options)]


def folders(jobs: Jobs) -> tuple[str, str]:
    """Where scripts and status files go, as Kaldi's q/: a pattern for those of earlier calls, and a new one."""
    folder, name = os.path.split(jobs.logs if jobs.variable else jobs.log)
    folder = os.path.abspath(folder.replace("*", "_"))
    if os.path.basename(folder).lower() == "log":
        folder = os.path.dirname(folder)
    stem = os.path.join(folder, "q", re.sub(r"[^\w.+-]", "", name.removesuffix(".log")).strip(".") or "job")
    return f"{glob.escape(stem)}-??????", f"{stem}-{secrets.token_hex(3)}"


def array_name(jobs: Jobs, folder: str) -> str:
    """The name of a submission at the scheduler: what users know its log by, and a token that makes it the only one."""
    name = re.sub(r"\.+", ".", os.path.basename(folder))
    return name if name[0].isalpha() else f"j{name}"


def job_script(scheduler: Scheduler, jobs: Jobs, numbering: dict[int, int], folder: str) -> str:
    """The script of every task of the array, which finds its job's number from its own."""
    if all(number == task for number, task in numbering.items()):
        number = "n=$task"
    else:
        tasks = {task: number for number, task in numbering.items()}
        number = "numbers=({})\nn=${{numbers[task - 1]}}".format(" ".join(str(tasks[task]) for task in sorted(tasks)))
    words = [word if word in OPERATORS else _in_bash(word, jobs.variable) for word in jobs.command]
    plain = not (any(word in OPERATORS for word in jobs.command) or ASSIGNMENT.fullmatch(jobs.command[0]))
    given = scheduler.exclusive_gpus
    gpus = f'\n  [ -z "${{{given}-}}" ] || export CUDA_VISIBLE_DEVICES="${{{given}// /,}}"'
    return _SCRIPT.format(
        name=os.path.basename(folder),
        task_id=scheduler.task_id,
        number=number,
        folder=quote(folder),
        here=quote(_here()),
        log=_in_bash(jobs.log, jobs.variable),
        head=_head(jobs),
        threads=" ".join(f"{name}={jobs.threads}" for name in THREADS),
        gpus=gpus if given and jobs.gpus else "",
        command=("exec " if plain else "") + " ".join(words),
        count=jobs.threads,
    )


def _here() -> str:
    """The current folder, by the name that the user went there."""
    here = os.environ.get("PWD", "")
    with contextlib.suppress(OSError):
        if os.path.isabs(here) and os.path.samefile(here, "."):
            return here
    return os.getcwd()


def _in_bash(word: str, variable: str) -> str:
    """A word of bash in which $n stands for the job's number."""
    parts = split_at(word, variable)
    if len(parts) == 1:
        return quote(word)
    return '"$n"'.join(quote(part) if part else "" for part in parts)


def _head(jobs: Jobs) -> str:
    """The first line of the log in bash: the command of job $n, quoted as in `emoseq.jobs.header`."""
    number = 10**9
    while any(str(number) in word for word in jobs.command):
        number += 1
    line = f"# {command_line(jobs.command_of(number))}"
    return '"$n"'.join(map(quote, line.split(str(number))))


class _Desk:
    """Where the scheduler is asked: it waits for what does not answer, and tells the user when it does."""

    def __init__(self, scheduler: Scheduler, pace: Pace, wait: Callable[..., None]) -> None:
        self.scheduler = scheduler
        self.pace = pace
        self.wait = wait
        self.away_since: float | None = None
        self.label = ""

    def say(self, message: str) -> None:
        say(self.scheduler.program, message)

    def call(self, words: Sequence[str], *, to_its_end: bool = False) -> Answer:
        """What a command answers; one that takes too long is killed.

        Raises:
            DataError: if there is no such command
            StoppedError: for a signal, which a command that is to run `to_its_end` is given time before
        """
        with open(os.memfd_create("output"), "w+b") as output, open(os.memfd_create("error"), "w+b") as error:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=error,
                    start_new_session=True,  # not for Ctrl-C to end halfway
                )
            except OSError as reason:
                if self.label:  # it was there to submit: a file system or a host under strain
                    return Answer(127, "", f"{words[0]}: {reason.strerror}")
                where = f"this host ({socket.gethostname()}) does not submit to {self.scheduler.title}"
                raise DataError(f"{words[0]}: {reason.strerror}; {where}, or its tools are not in PATH") from None
            deadline = time.monotonic() + self.pace.patience
            stop: BaseException | None = None
            try:
                while process.poll() is None and time.monotonic() < deadline:
                    try:
                        self.wait(min(1.0, self.pace.patience))
                    except BaseException as signal:
                        if not to_its_end or stop:
                            raise
                        stop, deadline = signal, min(deadline, time.monotonic() + self.pace.again)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            if stop:
                raise stop
            output.seek(0)
            error.seek(0)
            text = error.read().decode(errors="replace")
            if process.returncode < 0:
                text += f"{words[0]} timed out after {self.pace.patience:.0f} s"
            return Answer(process.returncode, output.read().decode(errors="replace"), text)

    def is_away(self, words: str) -> None:
        """The scheduler did not answer."""
        if self.away_since is None:
            self.away_since = time.monotonic()
            self.say(f"{self.scheduler.title} does not answer ({words}); waiting for it, nothing is lost")

    def is_back(self) -> None:
        if self.away_since is not None:
            self.say(f"{self.scheduler.title} answers again after {time.monotonic() - self.away_since:.0f} s")
            self.away_since = None

    def ask(self, name: str) -> dict[int, Task] | None:
        """The tasks of an array, as far as the scheduler knows them; None as long as it does not answer."""
        answer = self.call(self.scheduler.asks(name))
        found = self.scheduler.tasks(answer, name)
        if found is None:
            self.is_away(answer.words)
        else:
            self.is_back()
        return found

    def clear_away(self, pattern: str, jobs: Jobs) -> None:
        """Remove what earlier calls with the same logs have left.

        Raises:
            DataError: if the array of one is still there
        """
        for folder in sorted(glob.glob(pattern)):
            name = array_name(jobs, folder)
            deadline = time.monotonic() + self.pace.cancel
            # What is being ended is given time, and no more: a host that is down never confirms it.
            while (found := self.ask(name)) is None or (
                any(task.ending for task in found.values()) and time.monotonic() < deadline
            ):
                self.wait(self.pace.again if found is None else 0.5)
            ended = {int(path.stem) for path in Path(folder).glob("*.status")}
            if alive := [s for task, s in found.items() if s.alive and not s.ending and task not in ended]:
                cancel = " ".join(self.scheduler.cancels(name))
                raise DataError(
                    f"{jobs.logs}: {len(alive)} tasks of an earlier call ({alive[0].label} ...) are at work on these"
                    f" logs; wait for them, or cancel them: {cancel}"
                )
            shutil.rmtree(folder, ignore_errors=True)

    def submit(self, words: Sequence[str], name: str) -> None:
        """Submit an array, as soon as the scheduler can be reached.

        Raises:
            DataError: if the scheduler refuses it
        """
        while True:
            answer = self.call(words, to_its_end=True)
            if answer.code == 0:
                self.is_back()
                self.label = self.scheduler.accepted(answer)
                return
            if not self.scheduler.is_away(answer):
                raise DataError(f"{words[0]} refused the jobs: {answer.words}")
            self.is_away(answer.words)
            self.wait(self.pace.again)
            # What it did not answer it may have accepted.
            while (found := self.scheduler.tasks(self.call(self.scheduler.asks(name)), name)) is None:
                self.wait(self.pace.again)
            if found:
                self.is_back()
                self.label = next(iter(found.values())).label.partition(self.scheduler.joint)[0]
                return

    def watch(
        self,
        jobs: Jobs,
        numbering: dict[int, int],
        folder: str,
        name: str,
        done: Callable[[int, int], None],
    ) -> list[int]:
        """Wait for the end of all jobs; their codes, in the order of their ends."""
        waiting = {task: number for number, task in numbering.items()}
        codes: list[int] = []
        judge = _Judge(self.pace)
        began = time.monotonic()
        due = began + self.pace.ask
        while True:
            for task, code in _statuses(folder, waiting):
                number = waiting.pop(task)
                if code:
                    _append(jobs, number, _read(f"{folder}/{task}.out"))
                codes.append(code)
                done(number, code)
            if not waiting:
                return codes
            now = time.monotonic()
            if now >= due:
                found = self.ask(name)
                now = time.monotonic()
                _refresh(folder)
                ended = dict(_statuses(folder, waiting))
                lost = judge.lost(found, [task for task in waiting if task not in ended], now)
                for task, state in lost.items():
                    number = waiting.pop(task)
                    self._tell_lost(jobs, number, task, state, folder)
                    codes.append(LOST)
                    done(number, LOST)
                for remark in judge.remarks(found, waiting):
                    self.say(f"{jobs.logs}: {remark}")
                due = now + (self.pace.again if judge.suspects else self.pace.ask)
                continue
            # Short jobs are noticed at once, long ones need not be looked after as often.
            self.wait(min(2.0, max(0.1, (now - began) / 50), due - now))

    def _tell_lost(self, jobs: Jobs, number: int, task: int, state: Task | None, folder: str) -> None:
        """Say in the log and on stderr what became of a job without a status."""
        label = state.label if state else f"{self.label}{self.scheduler.joint}{task}"
        remark, code = (state.remark, state.code) if state else ("", None)
        if not (state and state.alive and not state.ending) and (why := self.scheduler.asks_why(label)):
            with contextlib.suppress(DataError):
                words, script = self.scheduler.why(self.call(why))
                remark, code = words or remark, code if script is None else script
        output = _read(f"{folder}/{task}.out")
        told = [end for pattern, end in _SAID.items() if re.search(pattern, output)]
        told += [_SCRIPT_ENDS.get(code or 0, remark), f"{self.scheduler.title} does not know it any more"]
        remark = next(filter(None, told))
        _append(jobs, number, f"{output}{self.scheduler.program}: job {label} was lost: {remark}\n", foot=True)
        last = output.strip().splitlines()[-1:]
        self.say(f"{jobs.log_of(number)}: job {label} was lost: {': '.join([remark, *last])}")

    def cancel(self, name: str) -> bool:
        """Cancel an array and wait until it is gone; say so if it is not."""
        words = self.scheduler.cancels(name)
        deadline = time.monotonic() + self.pace.cancel
        problem = ""
        while time.monotonic() < deadline:
            answer = self.call(words)
            problem = answer.words if self.scheduler.is_away(answer) else ""
            found = None if problem else self.scheduler.tasks(self.call(self.scheduler.asks(name)), name)
            if found is not None and not any(task.alive for task in found.values()):
                return True
            self.wait(0.3)
        self.say(f"{problem or 'its tasks go on'}; cancel them by hand: {' '.join(words)}")
        return False


class _Judge:
    """Which tasks will never leave a status."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.suspects: dict[int, float] = {}
        self.told: set[str] = set()

    def lost(self, found: dict[int, Task] | None, waiting: Sequence[int], now: float) -> dict[int, Task | None]:
        """Tasks without a status that are lost, with the scheduler's last word on each.

        A task is lost if the scheduler says twice that it has ended, or does not know it, or that its host does not
        answer; at once if it is stuck. Where the scheduler does not answer, none is.
        """
        if found is None:
            self.suspects.clear()
            return {}
        lost: dict[int, Task | None] = {}
        suspects: dict[int, float] = {}
        for task in waiting:
            state = found.get(task)
            if state and state.stuck:
                lost[task] = state
            elif state is None or not state.alive or state.ending or state.unheard:
                since = self.suspects.get(task, now)
                if now - since >= (self.pace.unheard if state and state.unheard else 0.9 * self.pace.again):
                    lost[task] = state
                else:
                    suspects[task] = since
        self.suspects = suspects
        return lost

    def remarks(self, found: dict[int, Task] | None, waiting: Sequence[int] | dict[int, int]) -> list[str]:
        """What the scheduler remarks on tasks that it has not remarked before, once for all of them."""
        new: dict[str, str] = {}
        for task, state in (found or {}).items():
            if task in waiting and state.alive and not state.ending and state.remark and state.remark not in self.told:
                new.setdefault(state.remark, state.label)
        self.told |= new.keys()
        return [f"job {label}: {remark}" for remark, label in new.items()]


def _statuses(folder: str, waiting: dict[int, int]) -> list[tuple[int, int]]:
    """Tasks that have left a status by now, and their codes."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        raise DataError(f"{folder}: the folder of this submission was removed") from None
    except OSError:  # of a network file system, for a while
        return []
    found = []
    for name in names:
        task, _, kind = name.partition(".")
        if kind == "status" and task.isdigit() and int(task) in waiting:
            with contextlib.suppress(OSError, ValueError):
                found.append((int(task), int(_read(f"{folder}/{name}"))))
    return found


def _refresh(folder: str) -> None:
    """Have a network file system look at a folder again, whose content it believes to know."""
    with contextlib.suppress(OSError):
        path = os.path.join(folder, ".refresh")
        open(path, "w").close()
        os.remove(path)


def _read(path: str) -> str:
    """The end of a small file, with a newline at its end; empty if there is none."""
    with contextlib.suppress(OSError), open(path, errors="replace") as stream:
        text = stream.read()[-4096:]
        return text if text.endswith("\n") or not text else text + "\n"
    return ""


def _append(jobs: Jobs, number: int, text: str, *, foot: bool = False) -> None:
    """Add what the scheduler says of a job to its log."""
    with contextlib.suppress(OSError), open(jobs.log_of(number), "ab") as log:
        log.write(text.encode() + (footer(LOST, 0, jobs.threads, cluster=True) if foot else b""))


def _cancel_all(scheduler: Scheduler, names: set[str]) -> None:
    """What is left to do when the wrapper was killed."""
    for name in names:
        for _ in range(5):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                done = subprocess.run(scheduler.cancels(name), capture_output=True, text=True, timeout=30)
                if not scheduler.is_away(Answer(done.returncode, done.stdout, done.stderr)):
                    break
            time.sleep(10)
