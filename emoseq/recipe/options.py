"""Options of the steps: dataclasses, and conf files in Kaldi's grammar.

A conf file holds one `--name=value` a line and `#` comments; it is parsed, never sourced. Each concern (`fbank`,
`train`, ...) has a file of its name in conf/. A step reads conf/ of the checkout, conf/ of the current folder, the
folder given with `--conf DIR` and the file given with `--config FILE`, each option by option over the one before; the
command line wins.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import configargparse

from emoseq import DataError, MissingInputError
from emoseq.recipe.dry_run import VARIABLE
from emoseq.recipe.log import log

ROOT = Path(__file__).resolve().parents[2]


# Names of the conf files: what steps, wrappers and scripts of local/ read.
CONCERNS = (
    "baselines brady corpus decode egemaps fbank folds gold labels lm model "
    "povolny queue score slurm smooth traces train valstar"
).split()
FROZEN = ".frozen"  # marks the complete settings of a run: nothing lies under them

SPECIFIERS = """\
Specifiers:
  a read specifier (RSPEC) is ark:FILE or scp:FILE; a write specifier (WSPEC) is ark:FILE, ark,t:FILE for text, or
  ark,scp:ARK,SCP for an archive and its index. `-` is standard input or output: ark,t:- prints text.
"""

T = TypeVar("T")


def option(help: str, *, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that `add_options` turns into `--its-name`; without default the conf file decides."""
    return dataclasses.field(default=default, metadata={"help": help})


def check_range(options: Any, *names: str, low: float, high: float = math.inf, above: bool = False) -> None:
    """Check numeric fields of a dataclass of options, each item of a list by itself.

    Args:
        options: the dataclass
        names: fields to check
        low: least value; with `above`, a bound that values must exceed
        high: greatest value, itself allowed unless infinite

    Raises:
        ValueError: if a value is NaN, infinite or out of range, or a list is empty

    >>> from types import SimpleNamespace
    >>> check_range(SimpleNamespace(l2=(0.0, math.nan)), "l2", low=0)
    Traceback (most recent call last):
    ValueError: --l2=nan: a finite number of 0 or more is needed
    """
    for name in names:
        flag, content = f"--{name.replace('_', '-')}", getattr(options, name)
        values = content if isinstance(content, tuple) else (content,)
        if not values:
            raise ValueError(f"{flag}= is empty; give one number or more")
        for value in values:
            # Not math.isfinite, which fails for integers beyond the largest float.
            if not (low <= value <= high and value < math.inf) or (above and value == low):
                kind = "whole number" if isinstance(value, int) else "finite number"
                least, most = _format_value(low), _format_value(high)
                if high < math.inf:
                    bounds = f"above {least}, up to {most}," if above else f"from {least} to {most}"
                else:
                    bounds = f"above {least}" if above else f"of {least} or more"
                raise ValueError(f"{flag}={_format_value(value)}: a {kind} {bounds} is needed")


def parse_boolean(text: str) -> bool:
    """Kaldi's spelling of a truth value.

    Raises:
        ValueError: if text is neither true nor false
    """
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def make_list_parser(kind: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Type of an option that is a comma-separated list, which may be empty."""

    def parse(text: str) -> tuple[T, ...]:
        return tuple(kind(item) for item in text.split(",")) if text else ()

    parse.__name__ = f"comma-separated list of {kind.__name__}"
    return parse


_TYPES: dict[Any, Callable[[str], Any]] = {
    bool: parse_boolean,
    tuple[int, ...]: make_list_parser(int),
    tuple[float, ...]: make_list_parser(float),
    tuple[str, ...]: make_list_parser(str),
}


class _ConfFile(configargparse.ConfigFileParser):
    """Read `--name=value` lines; an error names the line and the file."""

    names: frozenset[str] = frozenset()
    ignored: set[str]

    def parse(self, stream: Any) -> dict[str, str]:
        settings: dict[str, str] = {}
        try:
            lines = stream.read().splitlines()
        except UnicodeDecodeError:
            raise configargparse.ConfigFileParserException(f"{stream.name}: not a text file in UTF-8") from None
        for number, line in enumerate(lines, 1):
            text = line.split("#", 1)[0].strip()
            if not text:
                continue
            where = f"{stream.name}:{number}"
            name, equals, value = text.partition("=")
            if not (name.startswith("--") and equals):
                raise configargparse.ConfigFileParserException(f"{where}: {text!r} is not --name=value")
            if name in self.ignored:
                continue
            if name not in self.names:
                raise configargparse.ConfigFileParserException(f"{where}: there is no option {name}")
            settings[name[2:]] = value
        return settings


class Parser(configargparse.ArgParser):
    """An argparse parser with conf files under it, `--conf DIR` and `--dry-run`.

    Args:
        description: the step's docstring; what follows a line `Example:` becomes the epilog
        confs: concerns whose conf files the step reads; the first one is `--config`, a further one
            `--<concern>-config`
        plans: the step itself says in a dry run what it would do; any other step only says that it would run
    """

    def __init__(self, description: str | None, *confs: str, plans: bool = False) -> None:
        text, example, command = (description or "").partition("\nExample:")
        super().__init__(
            description=text.strip(),
            epilog=f"Example:{command.rstrip()}" if example else None,
            formatter_class=configargparse.RawDescriptionHelpFormatter,
            config_file_parser_class=_ConfFile(),
            default_config_files=[],
            add_config_file_help=False,
            add_env_var_help=False,
            allow_abbrev=False,
        )
        self._confs, self._plans = confs, plans
        self._config_file_parser.ignored = set()
        self.add_argument("--conf", metavar="DIR", help="folder whose conf files are laid over conf/")
        for i, concern in enumerate(confs):
            self.add_argument(
                f"--{concern}-config" if i else "--config",
                is_config_file=True,
                metavar="FILE",
                help=f"conf file laid over {concern}.conf",
            )
        if not confs:
            self.add_argument("--config", is_config_file=True, metavar="FILE", help="conf file with options")
        self.add_argument(
            "--dry-run",
            action="store_true",
            default=VARIABLE in os.environ,
            help="say what would run and why, and do nothing",
        )

    def format_help(self) -> str:
        """Return the help; it explains specifiers once, where an argument is one."""
        text: str = super().format_help()
        takes_specifier = any(str(action.metavar or action.dest).upper().endswith("SPEC") for action in self._actions)
        return f"{text}\n{SPECIFIERS}" if takes_specifier else text

    def parse_known_args(self, args: Any = None, *rest: Any, **kwargs: Any) -> Any:
        # ConfigArgParse would take --conf for an abbreviation of --config.
        early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        early.add_argument("--conf")
        known, words = early.parse_known_args(args)
        self._default_config_files = [
            str(folder / f"{concern}.conf") for folder in list_conf_folders(known.conf) for concern in self._confs
        ]
        self._config_file_parser.names = frozenset(self._option_string_actions)
        parsed = super().parse_known_args(words, *rest, **kwargs)
        parsed[0].conf = known.conf
        if parsed[0].dry_run and not self._plans:
            log("would run")
            raise SystemExit(0)
        return parsed

    def ignore_options(self, cls: type) -> None:
        """Let conf files set the fields of a dataclass that another step uses."""
        self._config_file_parser.ignored |= {f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(cls)}

    def add_options(self, cls: type, *, required: bool = True) -> None:
        """Give the parser one option for each field of a dataclass; without `required` each may be left out."""
        hints = get_type_hints(cls)
        for field in dataclasses.fields(cls):
            needed = field.default is dataclasses.MISSING
            self.add_argument(
                "--" + field.name.replace("_", "-"),
                type=_TYPES.get(hints[field.name], hints[field.name]),
                default=None if needed else field.default,
                required=needed and required,
                metavar="X",
                help=(
                    field.metadata["help"] + ("" if needed else f" (default {_format_value(field.default) or 'none'})")
                ).replace("%", "%%"),
            )


def list_conf_folders(conf: str | None) -> list[Path]:
    """List the folders of conf files, each laid over the one before: the checkout's, the current folder's and `conf`.

    The frozen settings of a run, which are complete, stand alone.

    Raises:
        DataError: if `conf` is no folder, or one of the folders holds a conf file that nothing reads
    """
    if conf is not None and not Path(conf).is_dir():
        raise DataError(f"--conf {conf}: there is no such folder")
    if conf is not None and (Path(conf) / FROZEN).exists():
        return [Path(conf).absolute()]
    folders = list(dict.fromkeys([ROOT / "conf", Path("conf").absolute(), *([Path(conf).absolute()] if conf else [])]))
    for folder in folders:
        check_conf_folder(folder)
    return folders


def check_conf_folder(folder: Path) -> None:
    """Check that each conf file of a folder is one that a step, a wrapper or a script of local/ reads.

    Other files and folders may stand beside them.

    Raises:
        DataError: for the first unknown file
    """
    known = [f"{name}.conf" for name in CONCERNS]
    for path in sorted(folder.glob("*.conf")):
        if path.name not in known:
            close = difflib.get_close_matches(path.name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"conf files are {', '.join(known)}"
            raise DataError(f"{path}: nothing reads it; {hint}")


def make_options(cls: type[T], args: Any) -> T:
    """Return the dataclass from the result of `Parser.parse_args`.

    Raises:
        DataError: if the dataclass refuses a value
    """
    try:
        return cls(**{f.name: getattr(args, f.name) for f in dataclasses.fields(cls)})  # type: ignore[arg-type]
    except ValueError as error:
        raise DataError(str(error)) from None


def read_options(cls: type[T], path: Path) -> T:
    """Read a dataclass from a conf file as `format_conf` writes it.

    Raises:
        DataError: if the file is missing or the dataclass refuses a value
    """
    if not path.is_file():
        raise MissingInputError(f"{path} does not exist; run the step that writes it again")
    parser = Parser(None, plans=True)
    parser.add_options(cls)
    return make_options(cls, parser.parse_args([f"--config={path}"]))


def format_conf(options: Any) -> str:
    """Return the text of the conf file that gives a dataclass of options."""
    return "".join(
        f"--{f.name.replace('_', '-')}={_format_value(getattr(options, f.name))}\n" for f in dataclasses.fields(options)
    )


def format_number(number: float) -> str:
    """Return a number as in folder names: 0, 2e-5.

    >>> format_number(2e-5)
    '2e-5'
    """
    return repr(float(number)).removesuffix(".0").replace("e-0", "e-")


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(_format_value(item) for item in value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
