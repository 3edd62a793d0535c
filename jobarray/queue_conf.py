"""conf/slurm.conf and conf/queue.conf: what an option of the wrappers becomes on a site's scheduler.

The grammar is that of the conf files of Kaldi's slurm.pl and queue.pl, except that the order of lines does not matter:

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

_OF_THE_CALL = frozenset({"config", "pick", "num-tries"})  # what is to run, rather than how


_OWN = _OF_THE_CALL | {"max-jobs-run"}  # these the wrapper sees to by itself


_OPTION = re.compile(r"option\s+([^=\s]+)=(\S+)(?:\s+(.*))?", re.DOTALL)


_DEFAULT = re.compile(r"default\s+([^=\s]+)=(\S+)")


@dataclass(frozen=True)
class QueueConf:
    """A conf file; `options` has what `--name value` adds by (name, value), with value `*` for any other one."""

    path: str
    command: tuple[str, ...]
    options: dict[tuple[str, str], str]
    defaults: dict[str, str]

    def completed(self, given: Mapping[str, str]) -> dict[str, str]:
        """The options given, by names with dashes, and the defaults of those that are not."""
        return {**self.defaults, **given}

    def words(self, options: Mapping[str, str]) -> list[str]:
        """What the options as completed add to the command.

        Raises:
            JobArrayError: if the file says nothing of an option, or of its value
        """
        added = []
        for name, value in options.items():
            if name in _OWN:
                continue
            exact, every = self.options.get((name, value)), self.options.get((name, "*"))
            if exact is None and every is None:
                if any(known == name for known, _ in self.options):
                    raise JobArrayError(f"{self.path}: --{name} {value} is not among the values there")
                key = name.replace("-", "_")
                raise JobArrayError(f"{self.path}: nothing there says what --{name} becomes; add 'option {key}=* ...'")
            text = exact if exact is not None else str(every)
            added += [word.replace("$0", value) for word in shlex.split(text)]
        return added


def read_queue_conf(path: str | Path) -> QueueConf:
    """Read a conf file.

    Raises:
        JobArrayError: if it is missing, or a line of it has none of the forms above
    """
    command: tuple[str, ...] = ()
    options: dict[tuple[str, str], str] = {}
    defaults: dict[str, str] = {}
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        raise JobArrayError(f"{path}: there is no such file") from None
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
                options[_name(match[1]), match[2]] = match[3] or ""
            elif match := _DEFAULT.fullmatch(text):
                name = _name(match[1])
                if name in _OF_THE_CALL:
                    raise ValueError(f"--{name} is for each call to say")
                check_option(name, match[2])
                defaults[name] = match[2]
            else:
                raise ValueError("neither command, option NAME=VALUE nor default NAME=VALUE")
        except ValueError as error:  # of shlex: a quote without its end
            raise JobArrayError(f"{path}:{number}: {text!r}: {error}") from None
    if not command:
        raise JobArrayError(f"{path}: the line 'command ...' is missing")
    return QueueConf(str(path), command, options, defaults)


def _name(word: str) -> str:
    return word.replace("_", "-")
