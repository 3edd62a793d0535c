"""Job wrappers behind Kaldi's command line: arrays of commands on this machine, on Slurm and on Grid Engine.

The package knows nothing of what the jobs compute and imports nothing but the standard library.
"""


class JobArrayError(Exception):
    """Invalid user input; the message is one line that names the file or the option and the fix."""
