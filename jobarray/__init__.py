"""Job arrays behind Kaldi's wrapper command line, run on this machine, on Slurm or on Grid Engine.

The package knows nothing about what the jobs compute and imports only the standard library.
"""


class JobArrayError(Exception):
    """Invalid user input; the message is one line that names the file or the option and the fix."""
