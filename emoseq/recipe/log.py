"""Log lines of a step."""

from __future__ import annotations

import sys
from pathlib import Path


def log(message: str) -> None:
    """Print one line about the running step on stderr; it begins with the step's name as the user typed it."""
    try:
        print(f"{_name_step()}: {message}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:  # a full disk must not undo what is done
        pass


def _name_step() -> str:
    script = Path(sys.argv[0])
    return f"{script.absolute().parent.name}/{script.name}"
