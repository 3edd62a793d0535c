#!/usr/bin/env python3
"""Make .venv from requirements.txt. Started by path.sh; needs only the standard library.

.venv/.installed, a copy of requirements.txt, is written last: without it, or when it differs, .venv is made
from scratch. One process installs at a time; the others wait and then find the work done.

With --check NAME ADVICE it checks that this interpreter has the modules of the recipe.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python3"
STAMP = VENV / ".installed"
LOG = VENV / "install.log"

MODULES = (
    "torch numpy kaldiio sklearn kenlm pandas numba kaldi_native_fbank soundfile soxr "
    "configargparse matplotlib arff parselmouth"
).split()


OWN_PYTHON = "set EMOSEQ_PYTHON to an interpreter that has the packages"


class InstallError(Exception):
    """Failed installation; the message is one line with the fix."""


def say(message: str) -> None:
    print(f"path.sh: {message}", file=sys.stderr, flush=True)


def is_installed() -> bool:
    """Return whether .venv is complete and of this requirements.txt, as path.sh checks."""
    return os.access(PYTHON, os.X_OK) and STAMP.exists() and STAMP.read_text() == REQUIREMENTS.read_text()


@contextmanager
def lock() -> Iterator[IO[str]]:
    """Hold .venv.lock, which ends with its holders: a killed installation leaves nothing locked."""
    with open(ROOT / ".venv.lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another installation of .venv")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:  # some of the clusters' file systems have no locks
            say(f"{file.name} cannot be locked ({error.strerror}): see that nobody else is installing")
        yield file


def can_compile() -> bool:
    """Return whether kenlm can be built: with a C and a C++ compiler, make, and Python's headers."""
    compilers = [os.environ.get(name) or sysconfig.get_config_var(name) or "" for name in ("CC", "CXX")]
    programs = ["make"] + [(shlex.split(compiler) or [""])[0] for compiler in compilers]
    header = Path(sysconfig.get_path("include"), "Python.h")
    return header.is_file() and all(shutil.which(program) for program in programs)


def without_compiler(requirements: str) -> str:
    """The pins with ufal-kenlm, the same module as a wheel, in the place of kenlm."""
    wheel = re.sub(r"^(ufal-kenlm==[^;\s]+).*$", r"\1", requirements, flags=re.MULTILINE)
    return re.sub(r"^kenlm==.*\n", "", wheel, flags=re.MULTILINE)


def last_error(output: str) -> str:
    """The line of pip's output that says what failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"error\b", line, flags=re.IGNORECASE)]
    return re.sub(r"^(error:\s*)+", "", (errors or lines or ["no output"])[-1], flags=re.IGNORECASE)


def make_venv() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        raise InstallError(
            f"{sys.executable} cannot make .venv, it has no ensurepip: install the system's package for it "
            f"(python3-venv on Debian and Ubuntu), or {OWN_PYTHON}"
        )
    # The interpreter itself, not a link that a system upgrade points at the next Python.
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    made = subprocess.run(
        [base, "-m", "venv", "--clear", VENV], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if made.returncode != 0:
        raise InstallError(f"{base} -m venv {VENV} failed: {last_error(made.stdout)}")


def pip_install(*arguments: str | Path, held: IO[str]) -> None:
    """Run pip with the user's own settings. It holds the lock too, in case it outlives this process."""
    # A --user installation cannot go into .venv, and would be pip's error.
    environment = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with open(LOG, "a+", errors="replace") as log:
        begin = log.seek(0, os.SEEK_END)
        done = subprocess.run(
            [PYTHON, "-m", "pip", "install", "--no-input", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=[held.fileno()],
        )
        log.seek(begin)
        if done.returncode != 0:
            raise InstallError(
                f"pip failed: {last_error(log.read())} (all of its output: {LOG}); check the network and "
                f"pip's settings and start again, or {OWN_PYTHON}"
            )


def install(held: IO[str]) -> None:
    requirements = REQUIREMENTS.read_text()
    pins = requirements
    say(
        f"making {VENV} with Python {sys.version.split()[0]}: pip downloads torch (0.2 GB as a CPU build, "
        "about 3 GB with CUDA) and 0.25 GB of other packages"
    )
    say(f"pip's own settings (PIP_EXTRA_INDEX_URL, pip.conf) choose the build; its output goes to {LOG}")
    if not can_compile():
        say("no C++ compiler, make or Python headers here: ufal-kenlm takes the place of kenlm")
        pins = without_compiler(requirements)

    make_venv()
    pinned = VENV / "requirements.txt"
    pinned.write_text(pins)
    pip_install("-r", pinned, held=held)
    pip_install("--no-deps", "-e", ROOT, held=held)

    complete = STAMP.with_suffix(".new")
    complete.write_text(requirements)
    complete.replace(STAMP)
    say(".venv is ready")


def main() -> int:
    if sys.argv[1:2] == ["--check"]:
        missing = [module for module in MODULES if importlib.util.find_spec(module) is None]
        if missing:
            name, advice = sys.argv[2:]
            modules = " ".join(missing)
            say(f"EMOSEQ_PYTHON ({name}) lacks the modules {modules}: install what requirements.txt names, or {advice}")
        return 1 if missing else 0
    try:
        with lock() as held:
            if not is_installed():
                install(held)
    except (InstallError, OSError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next start makes .venv from scratch")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
