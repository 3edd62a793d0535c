"""Imported first by every script of the recipe: runs it in the environment that path.sh makes.

run.sh and job scripts source path.sh before they start a script; then there is nothing to do. A script
started from a plain shell is started again through path.sh, so that the interpreter, the locale and the
number of threads are the same either way. Imported by any other program, a test say, this does nothing.

steps/, local/ and egs/*/local/ have links to this file.
"""

import os
import sys

# $0 is the checkout and "$@" what stood after the interpreter. EMOSEQ_ROOT is set to what is compared
# below, so that a script is started again once at most.
START = '. "$0/path.sh" && EMOSEQ_ROOT=$0 exec python3 "$@"'


UTILS = os.path.dirname(os.path.realpath(__file__))


def _start_in_environment() -> None:
    root = os.path.dirname(UTILS)
    if os.environ.get("EMOSEQ_ROOT") == root:
        return
    # Python before 3.10 lacks orig_argv; path.sh is to say that it is too old.
    command = getattr(sys, "orig_argv", [sys.executable, *sys.argv])
    script = sys.argv[0]
    scripts = os.path.realpath(os.path.dirname(__file__))
    if script in command[1:] and os.path.dirname(os.path.realpath(script)) == scripts:
        os.execvp("bash", ["bash", "-c", START, root, *command[1:]])


_start_in_environment()
# The folder of a script is searched first, and utils/queue.py has the name of a standard module.
sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder or ".") != UTILS]
