"""Kaldi archives: reading and writing by specifier, so that no reader ever sees half a file.

`ark:F`, `ark,t:F`, `scp:F` and `ark,scp:A,S`; `-` is standard input or output. kaldiio does the
formats. A pipe (`cmd |`) is refused: reading data must not run commands.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, cast

import kaldiio
import numpy as np
from kaldiio.matio import read_kaldi, read_token
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.io.files import is_special, name_write_errors, temporary_path, write_text

_ENTRY = re.compile(r"(.+?)(?::(\d+))?(?:\[[\d:,]*\])?")


class Scp(Mapping[str, NDArray]):
    """The matrices or vectors that an scp file lists, read when asked for.

    Raises:
        DataError: if the file is missing or malformed, or what it points to cannot be read
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._entries: dict[str, str] = {}
        for number, line in enumerate(read_text(self.path).splitlines(), 1):
            utterance, _, entry = line.strip().partition(" ")
            if not entry:
                raise DataError(f"{path}:{number}: not `<utt> <file>:<offset>`; run the step that writes it again")
            if utterance in self._entries:
                raise DataError(f"{path}: {utterance} comes twice; keep one of the two")
            self._entries[utterance] = entry.strip()

    def __getitem__(self, utterance: str) -> NDArray:
        if utterance not in self._entries:
            raise DataError(f"{self.path}: {utterance} is missing")
        entry = self._entries[utterance]
        return load_entry(entry, f"{self.path}: {utterance}: {entry}")

    def __contains__(self, utterance: object) -> bool:
        return utterance in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def load_entry(entry: str, where: str) -> NDArray:
    """The matrix or vector that an entry of an scp file, `<file>:<offset>`, points to.

    Args:
        entry: as in the scp file
        where: what messages begin with

    Raises:
        DataError: if it cannot be read or is something else
    """
    if "|" in entry:
        raise DataError(f"{where} is a command; write its output to a file and list that")
    match = _ENTRY.fullmatch(entry)
    try:
        with open(match[1] if match else entry, "rb") as stream:
            stream.seek(int(match[2] or 0) if match else 0)
            vector = _text_vector(stream)
        return vector if vector is not None else kaldiio.load_mat(entry)
    except FileNotFoundError:
        raise DataError(f"{where} does not exist; run the step that writes it again") from None
    except Exception as error:  # kaldiio raises whatever the bytes happen to break
        raise DataError(f"{where} is no Kaldi matrix or vector ({shorten_error(error)})") from None


def read(rspecifier: str) -> Iterator[tuple[str, NDArray]]:
    """Utterances and arrays of a read specifier, in the order of the file.

    Raises:
        DataError: if the specifier, the file or an entry is malformed, or an id comes twice
    """
    options, _, location = rspecifier.partition(":")
    kinds = set(options.split(","))
    if not location or len(kinds & {"ark", "scp"}) != 1 or kinds - {"ark", "scp", "t", "s", "cs", "o", "p"}:
        raise DataError(f"{rspecifier!r} is not a read specifier such as scp:FILE, ark:FILE or ark,t:-")
    if location.rstrip().endswith("|"):
        raise DataError(f"{rspecifier!r} is a command; write its output to a file and read that")
    if "scp" in kinds:
        yield from Scp("/dev/stdin" if location == "-" else location).items()
        return
    with _opened(location) as stream:
        seen: set[str] = set()
        last = ""
        while True:
            try:
                utterance = read_token(stream)
                if utterance is None:
                    return
                vector = _text_vector(stream)
                array = vector if vector is not None else read_kaldi(stream)
            except Exception as error:  # kaldiio raises whatever the bytes happen to break
                where = f"{location}: after {last}" if last else location
                raise DataError(f"{where}: not a Kaldi archive ({shorten_error(error)})") from None
            if utterance in seen:
                raise DataError(f"{location}: {utterance} comes twice; keep one of the two")
            seen.add(utterance)
            last = utterance
            yield utterance, array


def read_nonempty(rspecifier: str) -> Iterator[tuple[str, NDArray]]:
    """As `read`, from what must hold an utterance.

    Raises:
        DataError: as `read`, or if there is none
    """
    count = 0
    for entry in read(rspecifier):
        count += 1
        yield entry
    if not count:
        raise DataError(f"{rspecifier}: holds no utterance")


class Writer:
    """Writes arrays by a write specifier; the files appear when the block ends without an error.

    >>> with Writer("ark,scp:/tmp/x.ark,/tmp/x.scp") as write:  # doctest: +SKIP
    ...     write("dev_1", np.array([0, 0, 3], dtype=np.int32))

    Raises:
        DataError: if the specifier is malformed
    """

    def __init__(self, wspecifier: str) -> None:
        options, _, location = wspecifier.partition(":")
        kinds = options.split(",")
        self._text = "t" in kinds
        files = location.split(",")
        wants_scp = "scp" in kinds
        if not location or "ark" not in kinds or set(kinds) - {"ark", "scp", "t"} or len(files) != 1 + wants_scp:
            raise DataError(f"{wspecifier!r} is not a write specifier such as ark:FILE or ark,scp:ARK,SCP")
        if any("|" in file for file in files):
            raise DataError(f"{wspecifier!r} is a command; write to a file or to ark:-")
        if wants_scp and kinds.index("scp") < kinds.index("ark"):
            raise DataError(f"{wspecifier!r}: write ark,scp:ARK,SCP, the archive first")
        self._ark = files[0]
        self._scp = Path(files[1]) if wants_scp else None
        self._lines: list[str] = []
        self._stream: IO[bytes]

    def __enter__(self) -> Writer:
        if self._ark == "-":
            self._stream = sys.stdout.buffer
            return self
        with name_write_errors(self._ark):
            path = Path(self._ark)
            self._stream = open(path if is_special(path) else temporary_path(path), "wb")
        return self

    def __call__(self, utterance: str, array: NDArray) -> None:
        if self._scp is not None:
            offset = self._stream.tell() + len(f"{utterance} ".encode())
            self._lines.append(f"{utterance} {Path(self._ark).absolute()}:{offset}\n")
        with name_write_errors(self._ark):
            if self._text and array.ndim == 1 and array.dtype.kind == "i":
                # Kaldi's text form of an integer vector has no brackets; kaldiio would write them.
                self._stream.write(f"{utterance} {' '.join(map(str, array.tolist()))}\n".encode())
            else:
                kaldiio.save_ark(self._stream, {utterance: array}, text=self._text)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with name_write_errors(self._ark):
            if self._ark == "-":
                self._stream.flush()
                return
            temporary = None if is_special(Path(self._ark)) else temporary_path(Path(self._ark))
            try:
                self._stream.close()  # which writes what is left, and the disk may be full
                if temporary and error is None:
                    os.replace(temporary, os.path.realpath(self._ark))
            finally:
                if temporary:
                    temporary.unlink(missing_ok=True)
        if self._scp is not None and error is None:
            write_text(self._scp, "".join(self._lines))


def write_scp(stem: Path, arrays: Mapping[str, NDArray]) -> None:
    """Write `stem`.ark and `stem`.scp together."""
    with Writer(f"ark,scp:{stem}.ark,{stem}.scp") as write:
        for utterance, array in arrays.items():
            write(utterance, array)


def read_text(path: Path) -> str:
    """Content of a text file.

    Raises:
        DataError: if it does not exist or is not text
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file") from None


def _text_vector(stream: io.BufferedReader) -> NDArray | None:
    """The text vector that begins here, or nothing where a matrix or something binary does.

    kaldiio would take a vector for integers if its first number looks like one. And it reads other
    formats too, among them pickles, which run whatever they say.

    Raises:
        ValueError: if neither a binary nor a text matrix or vector begins here
    """
    ahead = stream.peek(1)
    if ahead[:1] == b"\0":
        return None
    if ahead[:1] not in (b" ", b"\t", b"\n", b"[", b"+", b"-") and not ahead[:1].isdigit():
        raise ValueError("neither binary nor text")
    if ahead.split(b"\n", 1)[0].strip() == b"[":
        return None
    line = stream.readline()
    if b"[" in line and b"]" not in line:
        raise ValueError("a matrix begins on the line of its bracket")
    words = line.replace(b"[", b" ", 1).replace(b"]", b" ", 1).split()
    if all(word.lstrip(b"+-").isdigit() for word in words):
        return np.array([int(word) for word in words], dtype=np.int32)
    return np.array([float(word) for word in words], dtype=np.float32)


@contextlib.contextmanager
def _opened(location: str) -> Iterator[io.BufferedReader]:
    if location == "-":
        yield cast(io.BufferedReader, sys.stdin.buffer)
        return
    try:
        stream = open(location, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise DataError(f"{location} does not exist") from None
    with stream:
        yield stream


def shorten_error(error: BaseException) -> str:
    """An error of a library on one line."""
    return " ".join(str(error).split())[:120] or type(error).__name__
