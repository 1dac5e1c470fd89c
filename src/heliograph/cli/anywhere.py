"""`--server`, `--key` and `--enterprise`: options that hold before a command's name and after it.

No import of the domain: the group `heliograph` itself has these options.
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from heliograph.cli.command_tree import AnywhereOption, Group, group, option

DEFAULT_SERVER = "http://127.0.0.1:8080"
DEFAULT_ENTERPRISE = "sandbox"

KEY_FILE: ContextVar[Path | None] = ContextVar("KEY_FILE", default=None)
"""The key file given with `--key`, the same for every command."""


HELIOGRAPH = "heliograph"
"""Where a key file says which server and enterprise it is for; Google's clients pass over it."""


class KeyFileOption(AnywhereOption):
    """An option that the key file knows, if neither the command line nor the environment gives it."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """The value given; else the key file's, or the default."""
        value, source = super().consume_value(ctx, opts)
        known = _in_key_file(str(self.name)) if source is ParameterSource.DEFAULT else None
        return (known, source) if known else (value, source)


def _in_key_file(name: str) -> str | None:
    """What the key file says of this; a file that cannot be read is refused where it is signed in with."""
    path = KEY_FILE.get()
    try:
        found = json.loads(path.read_bytes())[HELIOGRAPH][name] if path is not None else None
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _sign_in(_ctx: click.Context, _parameter: click.Parameter, key: Path | None) -> None:
    KEY_FILE.set(key)


SERVER_ALONE = option(
    "--server",
    cls=KeyFileOption,
    envvar="HELIOGRAPH_SERVER",
    default=DEFAULT_SERVER,
    show_default=f"the key file's, or {DEFAULT_SERVER}",
    metavar="URL",
    help="Address of the server.",
)
"""For commands that do not sign in."""
KEY = option(
    "--key",
    cls=AnywhereOption,
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar="HELIOGRAPH_KEY",
    is_eager=True,  # before the options that it gives
    expose_value=False,
    callback=_sign_in,
    help="Key file to sign in with, if the server requires one.",
)
ENTERPRISE = option(
    "--enterprise",
    cls=KeyFileOption,
    envvar="HELIOGRAPH_ENTERPRISE",
    default=DEFAULT_ENTERPRISE,
    show_default=f"the key file's, or {DEFAULT_ENTERPRISE}",
    metavar="ID",
    help="Enterprise that short device names belong to.",
)


def SERVER(decorated: Any) -> Any:  # noqa: ANN401, N802 - named like its neighbours; a function or a command, as click's decorators take
    """Give a command `--server` and `--key`."""
    return SERVER_ALONE(KEY(decorated))


def server_group(name: str, summary: str) -> Group:
    """A group of commands that speak to a server. It takes their options before the command's name; its help leaves them out."""
    made = group(name, summary)
    for decorate in (ENTERPRISE, SERVER):
        decorate(made)
    for parameter in made.params:
        if isinstance(parameter, click.Option):
            parameter.hidden = True
    return made
