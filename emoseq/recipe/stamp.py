"""Up-to-date checks from hashes of inputs, options, code and outputs.

A step is current when the content of its inputs, its options, the code it consists of and the content of its outputs
are what they were when it last finished. Times of files play no part: touching a file or replacing it by a copy does
not trigger a rerun; damaging an output does.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from emoseq import DataError
from emoseq.io.files import write_text

_PACKAGE = Path(__file__).resolve().parents[1]


class Stamp:
    """The record of one piece of work.

    Args:
        step: the step's `__file__`
        key: tells this piece from others of the same step in the same folder
        folder: where the stamp is kept, as a rule that of the outputs
        inputs, outputs: files; what an .scp file points to counts as its content
        options: whatever `json` can write, or has a repr that is its value
    """

    def __init__(
        self,
        step: str,
        key: str,
        folder: Path,
        *,
        inputs: Iterable[Path],
        outputs: Iterable[Path],
        options: Any,
    ) -> None:
        self._file = folder / f".{Path(step).stem}.{key}.json"
        self._folder = folder
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self._made_of = {"code": digest_code(Path(step)), "options": repr(options)}
        self._began_with: dict[str, str | None] | None = None

    def find_reason(self) -> str:
        """Return why the work has to be done, and empty if it is current; inputs are what they are now.

        The reason is `missing`, `options`, `code`, `inputs` or `outputs`, the first that holds, as a rule with a file.
        """
        self._began_with = self._digests_of_inputs()
        missing = [path for path in self.outputs if not path.exists()]
        try:
            recorded = json.loads(self._file.read_text())
        except (OSError, ValueError):
            recorded = None
        if missing or not isinstance(recorded, dict):
            return f"missing: {missing[0] if missing else self._file}"
        state = self._state(self._began_with)
        for kind in ("options", "code"):
            if recorded.get(kind) != state[kind]:
                return kind
        for kind in ("inputs", "outputs"):
            before, now = recorded.get(kind) or {}, state[kind]
            changed = [
                name
                for name in sorted({*before, *now})
                if (name in before, before.get(name)) != (name in now, now.get(name))
            ]
            if changed:
                return f"{kind}: {os.path.normpath(self._folder / changed[0])}"
        return ""

    def write(self) -> None:
        """Record that the work is done.

        Raises:
            DataError: if an input is no longer what it was when the work began
        """
        inputs = self._digests_of_inputs()
        began_with = self._began_with or inputs
        for path in self.inputs:
            if inputs[self._name(path)] != began_with[self._name(path)]:
                raise DataError(f"{path} was changed by another process while it was used; run this again")
        write_text(self._file, json.dumps(self._state(inputs), indent=1, sort_keys=True) + "\n")

    def _state(self, inputs: dict[str, str | None]) -> dict[str, Any]:
        return self._made_of | {
            "inputs": inputs,
            "outputs": {self._name(path): _digest(path, located=True) for path in self.outputs},
        }

    def _digests_of_inputs(self) -> dict[str, str | None]:
        return {self._name(path): _digest(path) for path in self.inputs}

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self._folder)


def digest_code(script: Path) -> str:
    """Digest of a script and of every module of this package that it imports, directly or not.

    Comments, docstrings and layout do not count.
    """
    found: dict[Path, str] = {}
    waiting = [script.resolve()]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path], imported = _parsed(path)
            waiting += imported
    return hashlib.blake2b("".join(sorted(found.values())).encode(), digest_size=16).hexdigest()


@cache
def _parsed(path: Path) -> tuple[str, tuple[Path, ...]]:
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    statements = _list_statements(tree)
    for node in statements:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    modules = [_PACKAGE / "__init__.py", *(path.with_name(f"{name}.py") for name in names if "." not in name)]
    modules += [
        _PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in names if name.startswith("emoseq.")
    ]
    for node in statements:
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            del node.body[0]
    digest = hashlib.blake2b(ast.dump(tree).encode(), digest_size=16).hexdigest()
    return f"{path.name} {digest}\n", tuple(module for module in modules if module.is_file())


def _list_statements(tree: ast.Module) -> list[ast.AST]:
    """List the tree and its statements, at any depth; `ast.walk` takes ten times as long for what is in them."""
    found: list[ast.AST] = [tree]
    for node in found:
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            found += getattr(node, block, ())
    return found


def _digest(path: Path, *, located: bool = False) -> str | None:
    """Digest of a file's content; for an scp file of its ids and of the files it lists.

    With `located` its own place and the paths in it count too: they are absolute, so after the tree has
    moved the step that wrote them runs again, but nothing that only reads them does.
    """
    if not path.is_file():
        return None
    if path.suffix != ".scp":
        return _file_digest(path)
    content = hashlib.blake2b(str(path.absolute()).encode() if located else b"", digest_size=16)
    listed: dict[str, str | None] = {}
    for line in path.read_text().splitlines():
        utterance, _, entry = line.partition(" ")
        file, colon, offset = entry.rpartition(":")
        if not (colon and offset.isdigit()):
            file, offset = entry, ""
        if file not in listed:
            listed[file] = _file_digest(Path(file)) if Path(file).is_file() else None
        if listed[file] is None:
            return None
        content.update(f"{utterance} {entry if located else ''} {listed[file]} {offset}\n".encode())
    return content.hexdigest()


def _file_digest(path: Path) -> str:
    content = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()
