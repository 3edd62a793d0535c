"""Writing files whole or not at all, and saying of which one it failed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends without an error."""
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
    """Let errors of writing in the block name the file, which they do only where it cannot be opened.

    Raises:
        OSError: as in the block, of `path` where it was of no file, or of its temporary one
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary_path(Path(path)))):
            raise
        raise OSError(error.errno, error.strerror, "standard output" if path == "-" else str(path)) from None


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write a whole file or leave the old one.

    What a library would write goes through here, by way of memory, since of a full disk each says something else.
    """
    with replace_whole(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file or leave the old one."""
    write_bytes(path, text.encode())


def is_special(path: Path) -> bool:
    """Whether this is a device, a pipe or the like, which is written to and must never be replaced."""
    return str(path.absolute()).startswith(("/dev/", "/proc/")) or (path.exists() and not path.is_file())


def temporary_path(path: Path) -> Path:
    """A name beside `path` that no other process has, also on the machines that share the folder."""
    path = Path(os.path.realpath(path))
    return path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}.tmp")
