"""Options of the steps: dataclasses, conf files in Kaldi's grammar, and one-line errors.

A conf file holds one `--name=value` a line and `#` comments; it is parsed, never sourced. Each
concern (`fbank`, `train`, ...) has a file of its name. A step reads the recipe's conf/, then conf/
of the current folder, then `--config FILE`, each over the one before, and the command line wins.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import configargparse

from emoseq import DataError

ROOT = Path(__file__).resolve().parents[2]


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
                least, most = _spelled(low), _spelled(high)
                if high < math.inf:
                    bounds = f"above {least}, up to {most}," if above else f"from {least} to {most}"
                else:
                    bounds = f"above {least}" if above else f"of {least} or more"
                raise ValueError(f"{flag}={_spelled(value)}: a {kind} {bounds} is needed")


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
    """Reads `--name=value` lines and says which line of which file is wrong."""

    names: frozenset[str] = frozenset()

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
            if name not in self.names:
                raise configargparse.ConfigFileParserException(f"{where}: there is no option {name}")
            settings[name[2:]] = value
        return settings


class Parser(configargparse.ArgParser):
    """An argparse parser with conf files under it.

    Args:
        description: the step's docstring
        confs: concerns whose conf files the step reads; the first one is `--config`, a further one
            `--<concern>-config`
    """

    def __init__(self, description: str | None, *confs: str) -> None:
        folders = dict.fromkeys([ROOT / "conf", Path("conf").absolute()])
        super().__init__(
            description=description,
            formatter_class=configargparse.RawDescriptionHelpFormatter,
            config_file_parser_class=_ConfFile(),
            default_config_files=[str(d / f"{c}.conf") for d in folders for c in confs],
            add_config_file_help=False,
            add_env_var_help=False,
            allow_abbrev=False,
        )
        for i, concern in enumerate(confs or ("",)):
            self.add_argument(
                f"--{concern}-config" if i else "--config",
                is_config_file=True,
                metavar="FILE",
                help=f"conf file over conf/{concern}.conf" if concern else "conf file",
            )

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        self._config_file_parser.names = frozenset(self._option_string_actions)
        return super().parse_known_args(*args, **kwargs)

    def add_options(self, cls: type) -> None:
        """Give the parser one option for each field of a dataclass."""
        hints = get_type_hints(cls)
        for field in dataclasses.fields(cls):
            required = field.default is dataclasses.MISSING
            self.add_argument(
                "--" + field.name.replace("_", "-"),
                type=_TYPES.get(hints[field.name], hints[field.name]),
                default=None if required else field.default,
                required=required,
                metavar="X",
                help=(field.metadata["help"] + ("" if required else f" (default {_spelled(field.default)})")).replace(
                    "%", "%%"
                ),
            )


def make_options(cls: type[T], args: Any) -> T:
    """The dataclass from what `Parser.parse_args` returned.

    Raises:
        DataError: if the dataclass refuses a value
    """
    try:
        return cls(**{f.name: getattr(args, f.name) for f in dataclasses.fields(cls)})  # type: ignore[arg-type]
    except ValueError as error:
        raise DataError(str(error)) from None


def read_options(cls: type[T], path: Path) -> T:
    """The dataclass that a conf file such as `format_conf` makes gives by itself.

    Raises:
        DataError: if the file is missing or the dataclass refuses a value
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist; run the step that writes it again")
    parser = Parser(None)
    parser.add_options(cls)
    return make_options(cls, parser.parse_args([f"--config={path}"]))


def format_conf(options: Any) -> str:
    """The conf file that gives a dataclass of options."""
    return "".join(
        f"--{f.name.replace('_', '-')}={_spelled(getattr(options, f.name))}\n" for f in dataclasses.fields(options)
    )


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(_spelled(item) for item in value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
