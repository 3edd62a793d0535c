"""Attach the file name to write errors; read the ends of logs and append to them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Attach `path` to write errors in the block; Python's own, of a full disk for one, name no file.

    Raises:
        OSError: as in the block, with the name of the file
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def read_tail(path: str, size: int) -> str:
    """Return the last `size` bytes of a file as text; empty if it cannot be read."""
    with contextlib.suppress(OSError), open(path, "rb") as stream:
        stream.seek(max(0, os.path.getsize(path) - size))
        return stream.read(size).decode(errors="replace")
    return ""


def append_if_possible(path: str, data: bytes) -> None:
    """Append to a file; a file that cannot be written stays as it is."""
    with contextlib.suppress(OSError), open(path, "ab") as stream:
        stream.write(data)
