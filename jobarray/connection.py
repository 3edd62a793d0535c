"""Between a wrapper and a scheduler: calls of its commands, and patience with them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from jobarray import JobArrayError
from jobarray.processes import signals
from jobarray.scheduler import Answer, Scheduler, State, Task, meanings
from jobarray.wrapper import say


@dataclass(frozen=True)
class Pace:
    """How often things are done, in seconds.

    Attributes:
        ask: between two questions to the scheduler
        again: until a task that seems lost is asked after a second time, and a command is tried again
        unheard: for which a host must not have answered until its tasks count as lost
        patience: for one command of the scheduler
        why: for the command that tells why tasks are lost
        note: for what the scheduler may write yet of a task that was killed
        cancel: for an array that was cancelled to be gone
    """

    ask: float = 15
    again: float = 10
    unheard: float = 25
    patience: float = 30
    why: float = 10
    note: float = 2
    cancel: float = 45  # Slurm gives tasks 30 s by default


class Connection:
    """Calls of a scheduler's commands, which a signal can interrupt; tells the user when it does not answer.

    Attributes:
        job: the scheduler's number of the array, once that was submitted and if it has told it
        submitted: whether it has taken one: then a command that cannot be started is a matter of the moment
    """

    def __init__(self, scheduler: Scheduler, pace: Pace, wait: Callable[..., None]) -> None:
        self.scheduler = scheduler
        self.pace = pace
        self.wait = wait
        self.away_since: float | None = None
        self.job = ""
        self.submitted = False

    def say(self, message: str) -> None:
        say(self.scheduler.program, message)

    def call(self, words: Sequence[str], *, patience: float | None = None, to_its_end: bool = False) -> Answer:
        """What a command answers; one that takes longer than `patience`, or that of the pace, is killed.

        Raises:
            JobArrayError: if there is no such command
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
                if self.submitted:
                    return Answer(127, "", f"{words[0]}: {reason.strerror}")
                where = f"this host ({socket.gethostname()}) does not submit to {self.scheduler.title}"
                raise JobArrayError(f"{words[0]}: {reason.strerror}; {where}, or its tools are not in PATH") from None
            patience = self.pace.patience if patience is None else patience
            deadline = time.monotonic() + patience
            stop: BaseException | None = None
            late = False
            try:
                while process.poll() is None and time.monotonic() < deadline:
                    try:
                        self.wait(min(1.0, patience))
                    except BaseException as signal:
                        if not to_its_end or stop:
                            raise
                        stop, deadline = signal, min(deadline, time.monotonic() + self.pace.again)
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
                death = f"timed out after {patience:.0f} s" if late else f"died of signal {-process.returncode}"
                text += f"{words[0]} {death}"
            return Answer(process.returncode, output.read().decode(errors="replace"), text)

    def _is_away(self, words: str) -> None:
        if self.away_since is None:
            self.away_since = time.monotonic()
            self.say(f"{self.scheduler.title} does not answer ({words}); waiting for it, nothing is lost")

    def _is_back(self) -> None:
        if self.away_since is not None:
            self.say(f"{self.scheduler.title} answers again after {time.monotonic() - self.away_since:.0f} s")
            self.away_since = None

    def ask(self, name: str) -> dict[int, Task] | None:
        """The tasks of an array, as far as the scheduler knows them; None as long as it does not answer."""
        answer, found = self._found(name)
        if found is None:
            self._is_away(answer.words)
        else:
            self._is_back()
        return found

    def _found(self, name: str) -> tuple[Answer, dict[int, Task] | None]:
        answer = self.call(self.scheduler.asks(name))
        return answer, self.scheduler.tasks(answer, name)

    def submit(self, words: Sequence[str], name: str) -> None:
        """Submit an array, as soon as the scheduler can be reached.

        Raises:
            JobArrayError: if the scheduler refuses it
        """
        while True:
            answer = self.call(words, to_its_end=True)
            if answer.code == 0:
                self._is_back()
                self.submitted = True
                self.job = self.scheduler.accepted(answer)
                return
            if not self.scheduler.away.search(answer.error):
                if answer.code < 0:  # it may have been accepted before
                    self.cancel(name)
                why = "; ".join([answer.words, *meanings(self.scheduler, answer.error)])
                raise JobArrayError(f"{words[0]} refused the jobs: {why}")
            self._is_away(answer.words)
            self.wait(self.pace.again)
            # What it did not answer it may have accepted.
            while (found := self._found(name)[1]) is None:
                self.wait(self.pace.again)
            if found:
                self._is_back()
                self.submitted = True
                self.job = next(iter(found.values())).label.partition(self.scheduler.joint)[0]
                return

    def cancel(self, name: str) -> bool:
        """Cancel an array and wait until it is gone; if it is not, say so and return False."""
        words = self.scheduler.cancels(name)
        deadline = time.monotonic() + self.pace.cancel
        problem, away, pause = "not cancelled", False, 0.2
        while time.monotonic() < deadline:
            if problem:
                answer = self.call(words)
                problem = answer.words if answer.code else ""
                away = bool(answer.code and self.scheduler.away.search(answer.error))
            found = None if away else self._found(name)[1]
            if found is not None and all(task.state is State.GONE for task in found.values()):
                return True
            self.wait(pause)
            pause = min(2.0, 1.5 * pause)
        self.say(f"{problem or 'its tasks go on'}; cancel them by hand: {' '.join(words)}")
        return False


def cancel_unattended(scheduler: Scheduler, pace: Pace, names: Collection[str]) -> None:
    """Cancel arrays whose wrapper was killed, also where the scheduler does not answer for some minutes."""
    with signals() as wait:
        connection = Connection(scheduler, replace(pace, cancel=300), wait)
        connection.submitted = True
        for name in names:
            connection.cancel(name)
