"""Write files whole or not at all, with the file name in each error."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which is renamed to `path` when the block ends without an error."""
    if is_special(path):
        yield path
        return
    temporary = temporary_path(path)
    try:
        with name_write_errors(path):
            yield temporary
            os.replace(temporary, os.path.realpath(path))
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def name_write_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Attach the file name to write errors of the block; Python names a file only if it cannot be opened.

    Raises:
        OSError: that of the block, with `path` in place of no file name or of the temporary path
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary_path(Path(path)))):
            raise
        raise OSError(error.errno, error.strerror, "standard output" if path == "-" else str(path)) from None


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write a whole file, or keep the old one if that fails.

    Files that libraries write also go through here, from memory: on a full disk each library raises another error.
    """
    with replace_whole(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or keep the old one if that fails."""
    write_bytes(path, text.encode())


def is_special(path: Path) -> bool:
    """Return whether a path is a device, a pipe or the like, which must be written to and never replaced."""
    return str(path.absolute()).startswith(("/dev/", "/proc/")) or (path.exists() and not path.is_file())


def temporary_path(path: Path) -> Path:
    """Return a path in the same folder that no other process uses, on this machine or another that shares it."""
    path = Path(os.path.realpath(path))
    return path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}.tmp")
