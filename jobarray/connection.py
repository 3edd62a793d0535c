"""Call a scheduler's commands, with timeouts, and repeat them while the scheduler is down."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from jobarray import JobArrayError
from jobarray.processes import Wait
from jobarray.scheduler import Reply, Scheduler, State, Task, explain
from jobarray.wrapper import say


@dataclass(frozen=True)
class Pace:
    """Intervals and timeouts in seconds.

    Attributes:
        query: interval between two queries of an array
        retry: pause before a command is repeated, or before a missing task is queried a second time
        unreachable: time for which a host must be unreachable until its tasks count as lost
        timeout: limit for one command
        reason_timeout: limit for the command that explains lost tasks
        late_output: time that the scheduler has to write about a task that was killed
        finish: time that a submission has to finish after a signal to stop
        cancel: time that a cancelled array has to disappear
    """

    query: float = 15
    retry: float = 10
    unreachable: float = 25
    timeout: float = 30
    reason_timeout: float = 10
    late_output: float = 2
    finish: float = 10
    cancel: float = 45  # by default Slurm gives tasks 30 s


class Connection:
    """Calls of a scheduler's commands; a signal interrupts them, and the user reads when the scheduler is down.

    Attributes:
        job: the scheduler's number of the submitted array; empty if it reported none
        submitted: true once an array is submitted: a command that cannot be started is then worth a retry
    """

    def __init__(self, scheduler: Scheduler, pace: Pace, wait: Wait, *, submitted: bool = False) -> None:
        self.scheduler = scheduler
        self.pace = pace
        self.wait = wait
        self.job = ""
        self.submitted = submitted
        self._down_since: float | None = None

    def submit(self, words: Sequence[str], name: str) -> None:
        """Submit an array, once only, as soon as the scheduler answers.

        Args:
            words: the command
            name: the array's name

        Raises:
            JobArrayError: if the scheduler refuses it
            StoppedError: see `call`
        """
        while True:
            reply = self.call(words, finish=True)
            if reply.code == 0:
                self._report_up()
                self.submitted = True
                self.job = self.scheduler.parse_submission(reply)
                return
            if not self.scheduler.unreachable.search(reply.error):
                if reply.code < 0:  # the array may have been accepted before the command died
                    self.cancel(name)
                why = "; ".join([reply.message, *explain(self.scheduler, reply.error)])
                raise JobArrayError(f"{words[0]} refused the jobs: {why}")
            self._report_down(reply.message)
            self.wait(self.pace.retry)
            # The array may have been accepted although the reply got lost.
            while (tasks := self._query(name)[1]) is None:
                self.wait(self.pace.retry)
            if tasks:
                self._report_up()
                self.submitted = True
                self.job = next(iter(tasks.values())).label.partition(self.scheduler.separator)[0]
                return

    def query(self, name: str) -> dict[int, Task] | None:
        """Return the tasks of an array that the scheduler lists, by number; None if it does not answer."""
        reply, tasks = self._query(name)
        if tasks is None:
            self._report_down(reply.message)
        else:
            self._report_up()
        return tasks

    def cancel(self, name: str) -> bool:
        """Cancel an array and wait until it is gone; if it is not, print the command for it and return False."""
        words = self.scheduler.cancel_command(name)
        deadline = time.monotonic() + self.pace.cancel
        problem, down, pause = "not cancelled", False, 0.2
        while time.monotonic() < deadline:
            if problem:
                reply = self.call(words)
                problem = reply.message if reply.code else ""
                down = bool(reply.code and self.scheduler.unreachable.search(reply.error))
            tasks = None if down else self._query(name)[1]
            if tasks is not None and all(task.state is State.GONE for task in tasks.values()):
                return True
            self.wait(pause)
            pause = min(2.0, 1.5 * pause)
        self.say(f"{problem or 'its tasks go on'}; cancel them by hand: {' '.join(words)}")
        return False

    def call(self, words: Sequence[str], *, timeout: float | None = None, finish: bool = False) -> Reply:
        """Run a command and return its reply; a command that takes longer than `timeout` is killed.

        Args:
            words: the command
            timeout: in seconds, by default that of the pace
            finish: give the command some time to finish before a signal stops this process

        Raises:
            JobArrayError: if there is no such command
            StoppedError: on a signal to stop
        """
        with open(os.memfd_create("output"), "w+b") as output, open(os.memfd_create("error"), "w+b") as error:
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=error,
                    start_new_session=True,  # Ctrl-C does not end it halfway
                )
            except OSError as reason:
                if self.submitted:
                    return Reply(127, "", f"{words[0]}: {reason.strerror}")
                raise JobArrayError(
                    f"{words[0]}: {reason.strerror}; add the commands of {self.scheduler.title} to PATH, or call"
                    f" {self.scheduler.program} on a submit host, which {socket.gethostname()} may not be"
                ) from None
            timeout = self.pace.timeout if timeout is None else timeout
            deadline = time.monotonic() + timeout
            stop: BaseException | None = None
            late = False
            try:
                while process.poll() is None and time.monotonic() < deadline:
                    try:
                        self.wait(min(1.0, timeout))
                    except BaseException as signal:
                        if not finish or stop:
                            raise
                        stop, deadline = signal, min(deadline, time.monotonic() + self.pace.finish)
            finally:
                if late := process.poll() is None:
                    process.kill()
                    process.wait()
            if stop:
                raise stop
            output.seek(0)
            error.seek(0)
            text = error.read().decode(errors="replace")
            if process.returncode < 0:
                death = f"timed out after {timeout:.0f} s" if late else f"died of signal {-process.returncode}"
                text += f"{words[0]} {death}"
            return Reply(process.returncode, output.read().decode(errors="replace"), text)

    def say(self, message: str) -> None:
        """Print a line on stderr that begins with the wrapper's name."""
        say(self.scheduler.program, message)

    def _query(self, name: str) -> tuple[Reply, dict[int, Task] | None]:
        reply = self.call(self.scheduler.query_command(name))
        return reply, self.scheduler.parse_tasks(reply, name)

    def _report_down(self, message: str) -> None:
        if self._down_since is None:
            self._down_since = time.monotonic()
            self.say(f"{self.scheduler.title} does not answer ({message}); waiting for it, nothing is lost")

    def _report_up(self) -> None:
        if self._down_since is not None:
            self.say(f"{self.scheduler.title} answers again after {time.monotonic() - self._down_since:.0f} s")
            self._down_since = None
