"""Read conf/slurm.conf and conf/queue.conf: the scheduler's options for each option of the wrappers.

The grammar is that of the conf files of Kaldi's slurm.pl and queue.pl, but the order of lines does not matter:

    command sbatch --export=PATH
    option mem=* --mem-per-cpu $0
    option gpu=0 -p shared
    option gpu=* -p gpu --gres=gpu:$0
    default gpu=0
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobarray import JobArrayError
from jobarray.command_line import check_option

_PER_CALL = frozenset({"config", "pick", "num-tries"})  # they choose what runs and have no default

_OWN = _PER_CALL | {"max-jobs-run"}  # the wrapper handles them itself

_OPTION = re.compile(r"option\s+([^=\s]+)=(\S+)(?:\s+(.*))?", re.DOTALL)

_DEFAULT = re.compile(r"default\s+([^=\s]+)=(\S+)")


@dataclass(frozen=True)
class QueueConf:
    """Content of a conf file.

    Attributes:
        path: the file
        command: the command that submits
        options: what `--name value` adds to it, by (name, value), where the value `*` stands for all others
        defaults: values of options that are not given
    """

    path: str
    command: tuple[str, ...]
    options: dict[tuple[str, str], str]
    defaults: dict[str, str]

    def fill_defaults(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the given options, named with dashes, and the defaults of all others."""
        return {**self.defaults, **given}

    def expand_options(self, options: Mapping[str, str]) -> list[str]:
        """Return the words that options add to the command; see `fill_defaults`.

        Raises:
            JobArrayError: if the file has no line for an option or for its value
        """
        added = []
        for name, value in options.items():
            if name in _OWN:
                continue
            exact, other = self.options.get((name, value)), self.options.get((name, "*"))
            if exact is None and other is None:
                key = name.replace("-", "_")
                if any(known == name for known, _ in self.options):
                    raise JobArrayError(f"{self.path}: no line for --{name} {value}; add 'option {key}={value} ...'")
                raise JobArrayError(f"{self.path}: no line for --{name}; add 'option {key}=* ...'")
            text = exact if exact is not None else str(other)
            added += [word.replace("$0", value) for word in shlex.split(text)]
        return added


def read_queue_conf(path: str | Path) -> QueueConf:
    """Read a conf file.

    Raises:
        JobArrayError: if the file is missing, or a line has none of the forms above
    """
    command: tuple[str, ...] = ()
    options: dict[tuple[str, str], str] = {}
    defaults: dict[str, str] = {}
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        raise JobArrayError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise JobArrayError(f"{path}: not a text file in UTF-8") from None
    for number, line in enumerate(lines, 1):
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        try:
            if not text:
                continue
            if match := re.fullmatch(r"command\s+(.+)", text):
                command = tuple(shlex.split(match[1]))
            elif match := _OPTION.fullmatch(text):
                shlex.split(match[3] or "")
                options[_normalize_name(match[1]), match[2]] = match[3] or ""
            elif match := _DEFAULT.fullmatch(text):
                name = _normalize_name(match[1])
                if name in _PER_CALL:
                    raise ValueError(f"--{name} cannot have a default in this file; give it on the command line")
                check_option(name, match[2])
                defaults[name] = match[2]
            else:
                raise ValueError("expected 'command ...', 'option NAME=VALUE ...' or 'default NAME=VALUE'")
        except ValueError as error:  # shlex raises it for an unclosed quote
            raise JobArrayError(f"{path}:{number}: {text!r}: {error}") from None
    if not command:
        raise JobArrayError(f"{path}: the line 'command ...' is missing")
    return QueueConf(str(path), command, options, defaults)


def _normalize_name(word: str) -> str:
    return word.replace("_", "-")
