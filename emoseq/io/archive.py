"""Kaldi archives: read and write them by specifier.

Read specifiers are `ark:F`, `ark,t:F` and `scp:F`, write specifiers `ark:F`, `ark,t:F` and `ark,scp:A,S`; `-` is
standard input or output. kaldiio decodes the binary forms from a stream that is opened here: it never sees a file
name, and pickles, numpy files and audio never reach it. A pipe (`cmd |`) is refused: reading data must not run
commands. A file appears when it is complete, so that no reader sees half of it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, cast

import kaldiio
import numpy as np
from kaldiio.matio import read_int32vector, read_matrix_or_vector, read_token
from numpy.typing import NDArray

from emoseq import DataError, MissingInputError
from emoseq.io.datadir import is_id
from emoseq.io.files import is_special, name_write_errors, temporary_path, write_text


class Scp(Mapping[str, NDArray]):
    """Matrices or vectors listed in an scp file, each read when it is looked up.

    Raises:
        DataError: if the file is missing or malformed, or what it points to cannot be read
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._entries: dict[str, str] = {}
        for number, line in enumerate(read_text(self.path).removesuffix("\n").split("\n"), 1):
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
    """Read the matrix or vector that an entry of an scp file points to.

    Args:
        entry: `<file>` or `<file>:<offset>`, the offset in bytes. As in Kaldi it is the digits after the last colon, if
            nothing follows them; any other colon belongs to the name.
        where: beginning of each error message

    Raises:
        DataError: if the entry is a command, standard input or a range of rows, or no matrix or vector can be read
    """
    if "|" in entry:
        raise DataError(f"{where} is a command; write its output to a file and list that")
    if entry == "-":
        raise DataError(f"{where} is standard input; list a file")
    if entry.endswith("]"):
        raise DataError(f"{where} is a range; write these rows to an archive with Kaldi's copy-feats and list that")
    path, _, offset = entry.rpartition(":")
    if not (path and offset.isascii() and offset.isdigit()):
        path, offset = entry, "0"
    try:
        with open(path, "rb") as stream:
            stream.seek(int(offset))
            return _read_array(stream)
    except FileNotFoundError:
        raise MissingInputError(f"{where} does not exist; run the step that writes it again") from None
    except Exception as error:  # kaldiio raises whatever the bytes happen to break
        raise DataError(f"{where} is not a Kaldi matrix or vector ({shorten_error(error)})") from None


def read(rspecifier: str) -> Iterator[tuple[str, NDArray]]:
    """Yield the utterances and arrays of a read specifier, in the order of the file.

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
    with _open_archive(location) as stream:
        seen: set[str] = set()
        last = ""
        while True:
            try:
                utterance = read_token(stream)
                if utterance is None:
                    return
                array = _read_array(stream)
            except Exception as error:  # kaldiio raises whatever the bytes happen to break
                where = f"{location}: after {last}" if last else location
                raise DataError(f"{where}: not a Kaldi archive ({shorten_error(error)})") from None
            if utterance in seen:
                raise DataError(f"{location}: {utterance} comes twice; keep one of the two")
            seen.add(utterance)
            last = utterance
            yield utterance, array


def read_nonempty(rspecifier: str) -> Iterator[tuple[str, NDArray]]:
    """Yield as `read` does, and require at least one utterance.

    Raises:
        DataError: as `read`, or if there is no utterance
    """
    count = 0
    for entry in read(rspecifier):
        count += 1
        yield entry
    if not count:
        raise DataError(f"{rspecifier}: holds no utterance")


def _is_same_file(first: str, second: str) -> bool:
    if os.path.exists(first) and os.path.exists(second):
        return os.path.samefile(first, second)
    return os.path.realpath(first) == os.path.realpath(second)


class Writer:
    """Write arrays by a write specifier; the files appear when the block ends without an error.

    >>> with Writer("ark,scp:/tmp/x.ark,/tmp/x.scp") as write:  # doctest: +SKIP
    ...     write("dev_1", np.array([0, 0, 3], dtype=np.int32))

    Raises:
        DataError: if the specifier is malformed, its two files are the same, or an id is malformed or comes twice
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
        if wants_scp and "-" in files:
            raise DataError(f"{wspecifier!r}: an archive with an scp file cannot be standard output; name two files")
        if any("\n" in file for file in files):
            raise DataError(f"{wspecifier!r}: a path with a line break breaks an scp file; rename the folder")
        if wants_scp and _is_same_file(*files):
            raise DataError(f"{wspecifier!r}: archive and scp file are the same file; name two files")
        self._ark = files[0]
        self._scp = Path(files[1]) if wants_scp else None
        self._utterances: set[str] = set()
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
        if not is_id(utterance):
            reason = "blanks or control characters" if utterance else "no characters"
            raise DataError(
                f"{self._ark}: {utterance!r} is not a valid utterance id: it has {reason}; rename the utterance"
            )
        if utterance in self._utterances:
            raise DataError(f"{self._ark}: {utterance} comes twice; rename or remove one of the two")
        self._utterances.add(utterance)
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
                self._stream.close()  # writes the rest of the buffer; the disk may be full
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
    """Return the content of a text file.

    Raises:
        DataError: if it does not exist or is not text
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        raise MissingInputError(f"{path} does not exist") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file") from None


@contextlib.contextmanager
def _open_archive(location: str) -> Iterator[io.BufferedReader]:
    if location == "-":
        yield cast(io.BufferedReader, sys.stdin.buffer)
        return
    try:
        stream = open(location, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise MissingInputError(f"{location} does not exist") from None
    with stream:
        yield stream


class _ExactReader:
    """A stream with its first bytes put back, whose `read` fails where the stream ends early.

    kaldiio reads all binary forms through it. It does not check how much it got, and would take a vector that was cut
    off for a shorter one.
    """

    def __init__(self, head: bytes, stream: io.BufferedReader) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        if size < 0:
            raise ValueError("negative size")
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            data += self._stream.read(size - len(data))
        else:  # integer vectors come here for each value
            data = self._stream.read(size)
        if len(data) < size:
            raise EOFError("the file ends early")
        return data


def _read_array(stream: io.BufferedReader) -> NDArray:
    """Read the binary or text matrix or vector at the position of a stream.

    Of kaldiio only the decoders of Kaldi's own types are called (integer vector, FM, DM, FV, DV, CM, CM2, CM3). Its
    `read_kaldi` and `load_mat` would also load pickles, which run code.

    Raises:
        Exception: whatever kaldiio raises if the bytes are malformed
    """
    head = stream.read(1)
    if head != b"\0":
        return _read_text(head, stream)
    head += stream.read(2)
    if head[1:2] != b"B":
        raise ValueError("neither binary nor text")
    decode = read_int32vector if head[2:] == b"\4" else read_matrix_or_vector
    return decode(_ExactReader(head, stream))


def _read_text(first: bytes, stream: io.BufferedReader) -> NDArray:
    """Read a text matrix or vector, given its first byte and the stream with the rest.

    A vector is one line of numbers, in brackets or not, and int32 if all its numbers are integers. (kaldiio decides by
    the first number alone.) A matrix has its rows on lines of their own and is float32.

    Raises:
        ValueError: if the text is malformed
    """
    if first not in (b" ", b"\t", b"\n", b"[", b"+", b"-") and not first.isdigit():
        raise ValueError("neither binary nor text")
    lines = [first if first == b"\n" else first + stream.readline()]
    if b"[" in lines[0]:
        while b"]" not in lines[-1]:
            lines.append(stream.readline())
            if not lines[-1]:
                raise ValueError("no ] after [")
    text = b"".join(lines).strip()
    if text.startswith(b"[") and text.endswith(b"]"):
        text = text[1:-1]
    if b"\n" in text:
        rows = [[float(word) for word in row.split()] for row in text.split(b"\n") if row.strip()]
        return np.array(rows, dtype=np.float32)
    words = text.split()
    if all(word.lstrip(b"+-").isdigit() for word in words):
        return np.array([int(word) for word in words], dtype=np.int32)
    return np.array([float(word) for word in words], dtype=np.float32)


def shorten_error(error: BaseException) -> str:
    """Return the message of an error on one line, at most 120 characters long."""
    return " ".join(str(error).split())[:120] or type(error).__name__
