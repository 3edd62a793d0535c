"""Script of an array's tasks."""

from __future__ import annotations

import contextlib
import os

from jobarray.command_line import ASSIGNMENT, OPERATORS, THREADS, Jobs, quote, quote_command, split_at
from jobarray.scheduler import Scheduler

# Exit codes of a task's script that left no status; with a status the same codes are those of the command.
SCRIPT_ENDS = {
    71: "the scheduler started it a second time",
    72: "its host does not see the folder of submission; that must lie on a file system all hosts share",
    73: "it could not write its status; is the disk full?",
}

_SCRIPT = """\
#!/bin/bash
# A task of {name}: the output of its command goes to the log, the exit code to a file of its own.
task=${task_id}
{number}
folder={folder}
cd -- {here} && [ -d "$folder" ] || exit 72
mkdir "$folder/$task.begun" || {{ [ -d "$folder/$task.begun" ] && exit 71 || exit 73; }}
{log}
began=$(date +%s)
# A signal of the scheduler ends the command only, so that the log gets its foot.
trap : TERM XCPU USR1 USR2
{{
  printf '%s\\n' {head}
  echo "# Running on $(hostname)"
  echo "# Started at $(LC_ALL=C date)"
  echo "#"
}} >> "$log"
# bash's own stderr is discarded: its message about a killed command would look like the scheduler's.
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
# Grid Engine reruns a task that returns 99; 100 puts it into an error state.
case $code in 99 | 100) exit 1 ;; *) exit $code ;; esac
"""

_GPUS = """\
  if [ "${{{gpus}-}}" ]; then
    export CUDA_VISIBLE_DEVICES="${{{gpus}// /,}}"
  else
    echo "# {title} names no GPU for this job: it sees all GPUs of this host"
  fi
"""


def format_script(scheduler: Scheduler, jobs: Jobs, numbering: dict[int, int], folder: str) -> str:
    """Return the script that every task of the array runs; it finds its job by the number of the task.

    Args:
        scheduler: the scheduler that runs it
        jobs: the jobs
        numbering: the task of each job
        folder: folder of the status files
    """
    if all(number == task for number, task in numbering.items()):
        number = "n=$task"
    else:
        tasks = {task: number for number, task in numbering.items()}
        number = "numbers=({})\nn=${{numbers[task - 1]}}".format(" ".join(str(tasks[task]) for task in sorted(tasks)))
    words = [word if word in OPERATORS else _quote_with_number(word, jobs.variable) for word in jobs.command]
    plain = not (any(word in OPERATORS for word in jobs.command) or ASSIGNMENT.fullmatch(jobs.command[0]))
    return _SCRIPT.format(
        name=os.path.basename(folder),
        task_id=scheduler.task_id,
        number=number,
        folder=quote(folder),
        here=quote(_find_current_folder()),
        log=format_log_line(jobs),
        head=_quote_header(jobs),
        threads=" ".join(f"{name}={jobs.threads}" for name in THREADS),
        gpus=_GPUS.format(title=scheduler.title, gpus=scheduler.gpus) if scheduler.gpus and jobs.gpus else "",
        command=("exec " if plain else "") + " ".join(words),
        count=jobs.threads,
    )


def format_log_line(jobs: Jobs) -> str:
    """Return the line of the script that names the log; equal lines mean the same logs."""
    return f"log={_quote_with_number(jobs.log, jobs.variable)}"


def _find_current_folder() -> str:
    """Return the current folder under the name that the user chose, which may lead over links."""
    here = os.environ.get("PWD", "")
    with contextlib.suppress(OSError):
        if os.path.isabs(here) and os.path.samefile(here, "."):
            return here
    return os.getcwd()


def _quote_with_number(word: str, variable: str) -> str:
    """Quote a word for bash, with $n in place of the job's number."""
    parts = split_at(word, variable)
    if len(parts) == 1:
        return quote(word)
    return '"$n"'.join(quote(part) if part else "" for part in parts)


def _quote_header(jobs: Jobs) -> str:
    """Quote for bash the first line of the log of job $n; `jobarray.command_line.format_header` has the same line."""
    number = 10**9
    while any(str(number) in word for word in jobs.command):
        number += 1
    line = f"# {quote_command(jobs.expand_command(number))}"
    return '"$n"'.join(map(quote, line.split(str(number))))
