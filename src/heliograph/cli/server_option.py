"""One option of the commands that run a server: what its row says, and how click reads it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import click
from click.core import ParameterSource

from heliograph.cli.command_tree import Option
from heliograph.protojson.errors import InvalidArgument

BOTH: Final = ("serve", "sandbox")


class CheckedText(click.ParamType[str]):
    """A text that another room reads. What is wrong with it is said as of any option: with the flag, variable or file it came from."""

    name = "text"

    def __init__(self, check: Callable[[str], object]) -> None:
        """`check` raises InvalidArgument."""
        self._check = check

    def trouble(self, text: str) -> str:
        """What is wrong with the text; "": nothing."""
        try:
            self._check(text)
        except InvalidArgument as error:
            return error.message
        return ""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises: click.BadParameter."""
        if trouble := self.trouble(value):
            self.fail(trouble, param, ctx)
        return value


@dataclass(frozen=True, kw_only=True)
class ServerOption:
    """One option of the commands that run a server."""

    flag: str
    help: str
    commands: tuple[str, ...] = BOTH
    default: Any = None
    default_words: str = ""
    """What the default means, if its value does not say so."""
    type: "click.ParamType[Any]" = field(default=click.STRING)
    metavar: str | None = None
    repeated: bool = False
    is_flag: bool = False
    secret: bool = False
    """Whether its value may hold a password; if so, no error repeats it."""
    short_variable: str = ""
    """An environment variable that every command with this option reads; the command's own variable wins."""

    @property
    def key(self) -> str:
        """Its name in a configuration file."""
        return self.flag.removeprefix("--")

    def variables(self, command: str) -> tuple[str, ...]:
        """The environment variables that set it, the first that is set wins."""
        own = f"HELIOGRAPH_{command}_{self.key}".upper().replace("-", "_")
        return (own, self.short_variable) if self.short_variable else (own,)

    def for_command(self, command: str) -> Option:
        """The option as click reads it."""
        return _FromAnywhere(
            (self.flag,),
            envvar=self.variables(command),
            show_envvar=False,  # the page and the end of the help say how they are named
            help=self.help,
            metavar=self.metavar,
            show_default=self.default_words or True,
            **({"is_flag": True} if self.is_flag else {"type": self.type, "multiple": self.repeated, "default": self.default}),
        )


class _FromAnywhere(Option):
    """An option whose errors say where its value came from."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """The environment variable if the value came from one, else the flag."""
        variable = next((name for name in self.envvar or () if os.environ.get(name)), None)
        if variable is not None and ctx is not None and ctx.get_parameter_source(self.name) is ParameterSource.ENVIRONMENT:
            return f"the environment variable {variable}"
        return super().get_error_hint(ctx)
