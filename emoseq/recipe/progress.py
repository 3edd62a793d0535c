"""Progress of an array of training jobs, read from their logs, and the time left."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

_EPOCH = re.compile(r": epoch (\d+) rate ")


_LIMIT = re.compile(r": (\d+) epochs at most$", re.MULTILINE)
_STARTED = re.compile(r"^# Started at (.+)$", re.MULTILINE)


_ENDED = re.compile(r"^# (Ended|Finished) ", re.MULTILINE)


@dataclass(frozen=True)
class JobState:
    """State of one job by the log of steps/train.py: epochs trained so far, and whether the model is written.

    `current` is a model that was up to date and took no time; `started` is the date in the log's head, or empty;
    `failed` is a job that ended without a model.
    """

    epochs: int = 0
    max_epochs: int = 0
    done: bool = False
    current: bool = False
    failed: bool = False
    started: str = ""

    @property
    def running(self) -> bool:
        return bool(self.started) and not (self.done or self.failed)


def read_state(log: str) -> JobState:
    """The state of a job from the text of its log, which is empty before the job has begun; the last try counts."""
    log = log[max(0, log.rfind("\n# Started at ")) :]
    started = _STARTED.search(log)
    current = re.search(r": up to date$", log, re.MULTILINE) is not None
    done = current or re.search(r": trained in \d+ epochs$", log, re.MULTILINE) is not None
    failed = not done and _ENDED.search(log) is not None
    epochs = _EPOCH.findall(log)
    limit = _LIMIT.search(log)
    return JobState(
        int(epochs[-1]) if epochs else 0,
        int(limit[1]) if limit else 0,
        done,
        current,
        failed,
        started[1] if started else "",
    )


def find_start(states: Sequence[JobState]) -> float:
    """When the first of the jobs that train a model in this run started, in seconds of `time.time`; now if none did."""
    starts = [time.time()]
    for state in states:
        if state.started and not state.current:
            with contextlib.suppress(ValueError):  # the date of another locale
                starts.append(time.mktime(time.strptime(state.started, "%a %b %d %H:%M:%S %Z %Y")))
    return min(starts)


def estimate_seconds_left(layers: Sequence[int], states: Sequence[JobState], elapsed: float) -> float | None:
    """Seconds until all jobs have ended, if work goes on as fast as in the `elapsed` seconds of this run.

    The unit of work is an epoch of one layer, since layers are what an epoch's time is proportional to. A model that is
    not done is taken to need as many epochs as those of its depth that are done, or of any depth, or as many as it may.

    Args:
        layers: of each job
        states: of each job
        elapsed: seconds since the first job of this run started

    Returns:
        None as long as no epoch was trained
    """
    work = sum(depth * state.epochs for depth, state in zip(layers, states, strict=True))
    if not work or elapsed <= 0:
        return None
    trained = [(d, s.epochs) for d, s in zip(layers, states, strict=True) if s.done and not s.current]

    limit = max(state.max_epochs for state in states)

    def expected(depth: int) -> float:
        alike = [epochs for d, epochs in trained if d == depth] or [epochs for _, epochs in trained] or [limit]
        return sum(alike) / len(alike)

    left = sum(
        depth * max(expected(depth) - state.epochs, 0)
        for depth, state in zip(layers, states, strict=True)
        if not (state.done or state.failed)
    )
    return left * elapsed / work


def format_progress(states: Sequence[JobState], left: float | None) -> str:
    """One line for people: how many models are done, how far those under way are, and the time left."""
    done, current = sum(state.done for state in states), sum(state.current for state in states)
    failed = sum(state.failed for state in states)
    running = [str(state.epochs) for state in states if state.running]
    parts = [f"{done} of {len(states)} models done" + (f" ({current} were up to date)" if current else "")]
    if failed:
        parts.append(f"{failed} failed")
    if running:
        parts.append(f"{len(running)} under way (epoch {', '.join(running[:8])}{', ...' if len(running) > 8 else ''})")
    if left is not None and running:
        parts.append(f"about {format_duration(left)} left")
    return ", ".join(parts)


def format_duration(seconds: float) -> str:
    """Return a duration in hours and minutes, or minutes and seconds.

    >>> format_duration(5025), format_duration(59.6), format_duration(725)
    ('1 h 24 min', '1 min 0 s', '12 min 5 s')
    """
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"
