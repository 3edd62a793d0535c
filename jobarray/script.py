"""The script of an array's tasks."""

from __future__ import annotations

import contextlib
import os

from jobarray.command_line import ASSIGNMENT, OPERATORS, THREADS, Jobs, command_line, quote, split_at
from jobarray.scheduler import Scheduler

# What the script of a task returns where it could not leave a status; a command may return the same, with a status.
SCRIPT_ENDS = {
    71: "the scheduler started it a second time",
    72: "its host does not see the folder of submission; that must lie on a file system which all hosts share",
    73: "it could not write its status; is the disk full?",
}


_SCRIPT = """\
#!/bin/bash
# A task of {name}. Its command's output goes to the log, its exit code to a file of its own.
task=${task_id}
{number}
folder={folder}
cd -- {here} && [ -d "$folder" ] || exit 72
mkdir "$folder/$task.begun" || {{ [ -d "$folder/$task.begun" ] && exit 71 || exit 73; }}
{log}
began=$(date +%s)
# The log ends with a foot whatever ends the command; the scheduler's SIGTERM is for that alone.
trap : TERM XCPU USR1 USR2
{{
  printf '%s\\n' {head}
  echo "# Running on $(hostname)"
  echo "# Started at $(LC_ALL=C date)"
  echo "#"
}} >> "$log"
# What bash itself says of a command's death would look like a line of the scheduler's.
{{ (
  if [ -f path.sh ]; then . ./path.sh || {{ code=$?; echo "# path.sh ended with status $code"; exit $code; }}; fi
  export {threads}
{gpus}  set -o pipefail
  {command}
) < /dev/null >> "$log" 2>&1; }} 2> /dev/null
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


_GPUS = """\
  if [ "${{{gpus}-}}" ]; then
    export CUDA_VISIBLE_DEVICES="${{{gpus}// /,}}"
  else
    echo "# {title} names no GPU of this job: it sees all of this host"
  fi
"""


def job_script(scheduler: Scheduler, jobs: Jobs, numbering: dict[int, int], folder: str) -> str:
    """The script of every task of the array, which finds its job's number by its own.

    Args:
        scheduler: where it will run
        jobs: what to run
        numbering: the task of each job
        folder: where it leaves its status
    """
    if all(number == task for number, task in numbering.items()):
        number = "n=$task"
    else:
        tasks = {task: number for number, task in numbering.items()}
        number = "numbers=({})\nn=${{numbers[task - 1]}}".format(" ".join(str(tasks[task]) for task in sorted(tasks)))
    words = [word if word in OPERATORS else _in_bash(word, jobs.variable) for word in jobs.command]
    plain = not (any(word in OPERATORS for word in jobs.command) or ASSIGNMENT.fullmatch(jobs.command[0]))
    return _SCRIPT.format(
        name=os.path.basename(folder),
        task_id=scheduler.task_id,
        number=number,
        folder=quote(folder),
        here=quote(_here()),
        log=log_line(jobs),
        head=_head(jobs),
        threads=" ".join(f"{name}={jobs.threads}" for name in THREADS),
        gpus=_GPUS.format(title=scheduler.title, gpus=scheduler.gpus) if scheduler.gpus and jobs.gpus else "",
        command=("exec " if plain else "") + " ".join(words),
        count=jobs.threads,
    )


def log_line(jobs: Jobs) -> str:
    """The line of the script that says where the log is, by which one finds a script of the same logs."""
    return f"log={_in_bash(jobs.log, jobs.variable)}"


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
    """The first line of the log in bash: the command of job $n, quoted as in `jobarray.command_line.header`."""
    number = 10**9
    while any(str(number) in word for word in jobs.command):
        number += 1
    line = f"# {command_line(jobs.command_of(number))}"
    return '"$n"'.join(map(quote, line.split(str(number))))
