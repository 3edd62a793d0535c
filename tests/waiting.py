"""Processes that tests start, look at and wait for."""

import signal
import subprocess
import time
from pathlib import Path


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def begin(command, ignored: tuple[int, ...] = (), **options) -> subprocess.Popen:
    """A wrapper that takes signals as one started from a terminal does, whatever pytest was started by."""

    def as_from_a_terminal():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=as_from_a_terminal, **options)


def pids(folder: Path, count: int) -> list[int]:
    """Ids of processes, once `count` jobs have each left theirs in a file."""

    def found():
        texts = [path.read_text() for path in folder.glob("*.pid")]
        return [int(pid) for text in texts for pid in text.split()] if all(t.endswith("\n") for t in texts) else []

    wait_for(lambda: len(found()) >= count)
    return found()
