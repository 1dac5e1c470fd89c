"""`--config FILE`: the options of `serve` and `sandbox` in TOML, one table per command."""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import click

from heliograph.cli.command_tree import Option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import PATH
from heliograph.cli.server_option import BOTH, CheckedText, ServerOption
from heliograph.cli.server_options import options_of

HELP_END: Final = (
    "Every option can also be set by an environment variable (--port: HELIOGRAPH_SERVE_PORT, HELIOGRAPH_SANDBOX_PORT) or in a TOML file "
    "(--config). The command line wins over the environment, the environment over the file: docs/configuration.md."
)
CONFIG_VARIABLE: Final = "HELIOGRAPH_CONFIG"

Values = dict[str, object]


def read_config(path: Path) -> dict[str, Values]:
    """What the file sets, by command and by the option's name in Python. Every value is checked.

    Raises: Failure: the file cannot be read, is not TOML, or has keys or values that no command accepts; the message names all of them.
    """
    try:
        tables = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise Failure(ExitCode.INVALID, f"Cannot read the configuration file {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise Failure(ExitCode.INVALID, f"{path} is not UTF-8 from byte {error.start} on: save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise Failure(
            ExitCode.INVALID, f"{path} is not valid TOML: {error}. A file looks like: [serve] and, below it, port = 8080."
        ) from None
    mistakes = list(_mistakes(tables))
    if mistakes:
        raise Failure(ExitCode.INVALID, "\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return {command: {key.replace("-", "_"): value for key, value in tables.get(command, {}).items()} for command in BOTH}


def _mistakes(tables: Mapping[str, object]) -> Iterator[str]:
    for name, table in tables.items():
        if not isinstance(table, dict):
            yield f"{name} is outside a table: put it below [serve] or [sandbox]."
        elif name not in BOTH:
            yield f"there is no table [{name}]: the tables are [serve] and [sandbox]."
        else:
            options = {option.key: option for option in options_of(name)}
            for key, value in table.items():
                mistake = _mistake(options[key], value) if key in options else _unknown(key, name, options)
                if mistake:
                    yield f"[{name}] {mistake}"


def _unknown(key: str, command: str, options: Mapping[str, ServerOption]) -> str:
    near = get_close_matches(key.replace("_", "-").lower(), options, n=1)
    if near:
        return f"{key} is not an option. Did you mean {near[0]}?"
    others = [other for other in BOTH if other != command and any(option.key == key for option in options_of(other))]
    if others:
        return f"{key} is an option of {others[0]} only: move it to [{others[0]}], or leave it out."
    return f"{key} is not an option: heliograph {command} --help lists them."


def _mistake(option: ServerOption, value: object) -> str:
    """Why the option cannot have this value; "" if it can."""
    wanted, fits = _wanted(option)
    if not fits(value):
        return f"{option.key} is {_shown(option, value)}; write {wanted}."
    if isinstance(option.type, click.Choice) and value not in option.type.choices:
        return f"{option.key} is {json.dumps(value)}; write {wanted}."
    if isinstance(option.type, click.IntRange | click.FloatRange) and isinstance(value, int | float):
        lowest, highest = option.type.min, option.type.max
        if (lowest is not None and not lowest <= value) or (highest is not None and not value <= highest):
            return f"{option.key} is {value}; it is at least {lowest:g}{f' and at most {highest:g}' if highest is not None else ''}."
    if isinstance(option.type, CheckedText):
        texts = value if isinstance(value, list) else [str(value)]
        return next((f"{option.key}: {trouble}" for text in texts if (trouble := option.type.trouble(text))), "")
    return ""


def _wanted(option: ServerOption) -> tuple[str, Callable[[object], bool]]:
    """The kind of value an option takes, in words and as a test."""
    if option.is_flag:
        return "true or false, without quotes", lambda value: isinstance(value, bool)
    if option.repeated:
        example = (option.metavar or "…").replace("NAME=NUMBER", "policies=500")
        return (
            f'a list of strings, as in {option.key} = ["{example}"]',
            lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
        )
    if isinstance(option.type, click.IntRange):
        return "a whole number, without quotes", lambda value: isinstance(value, int) and not isinstance(value, bool)
    if isinstance(option.type, click.FloatRange):
        return "a number, without quotes", lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(option.type, click.Choice):
        return "one of " + ", ".join(f'"{choice}"' for choice in option.type.choices), lambda value: isinstance(value, str)
    return "a string, in double quotes", lambda value: isinstance(value, str)


def _shown(option: ServerOption, value: object) -> str:
    kind = next((words for type_, words in _KINDS.items() if isinstance(value, type_)), "a date or a time")
    if option.secret or not isinstance(value, str | int | float):
        return kind
    return f"{json.dumps(value, ensure_ascii=False)[:64]}, {kind}"


_KINDS: Final = {
    bool: "a boolean", int: "a whole number", float: "a number with a fraction", str: "a string", list: "a list", dict: "a table",
}  # fmt: skip
"""Test for bool before int: in Python a bool is an int."""


def _apply(ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    if path is not None and not ctx.resilient_parsing:
        ctx.default_map = read_config(path)[str(ctx.info_name)]


CONFIG: Final = Option(
    ("--config",),
    type=PATH,
    metavar="FILE",
    envvar=CONFIG_VARIABLE,
    is_eager=True,
    expose_value=False,
    callback=_apply,
    help="Read options from this TOML file: [serve] and [sandbox] have the options' names as keys (docs/configuration.md).",
)
