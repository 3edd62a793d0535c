"""Start processes in tests and wait for them."""

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
    """Start a wrapper with the signal handling of a terminal, whatever started pytest."""

    def as_from_a_terminal():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=as_from_a_terminal, **options)


def pids(folder: Path, count: int) -> list[int]:
    """Wait for `count` process ids in the files *.pid and return them."""

    def read_pids():
        texts = [path.read_text() for path in folder.glob("*.pid")]
        return [int(pid) for text in texts for pid in text.split()] if all(t.endswith("\n") for t in texts) else []

    wait_for(lambda: len(read_pids()) >= count)
    return read_pids()
