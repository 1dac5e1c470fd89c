"""Every file of the command line that has a command is part of it, and every command and option says what it is for."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

import heliograph.cli

WHOLE: Any = get_command(heliograph.cli.app)


def commands(of: Any = WHOLE, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - Typer's own click classes are not public
    """Every command by the words that call it, groups included."""
    yield " ".join(path), of
    for name, below in getattr(of, "commands", {}).items():
        yield from commands(below, (*path, name))


def test_every_group_of_commands_is_added() -> None:
    modules = [importlib.import_module(f"heliograph.cli.{module.name}") for module in pkgutil.iter_modules(heliograph.cli.__path__)]
    added = [group.typer_instance for group in heliograph.cli.app.registered_groups]

    missing = [module.__name__ for module in modules if isinstance(vars(module).get("app"), typer.Typer) and module.app not in added]
    assert not missing, "\n".join(
        f'Add to src/heliograph/cli/__init__.py: app.add_typer({name.rpartition(".")[2]}.app, name="…", rich_help_panel=USE)'
        for name in missing
    )


def test_every_command_and_option_says_what_it_is_for() -> None:
    silent = [f"heliograph {words}" for words, command in commands() if not command.help]
    silent += [
        f"heliograph {words} {parameter.opts[0]}"
        for words, command in commands()
        for parameter in command.params
        if parameter.name != "help" and not getattr(parameter, "help", None)
    ]

    assert not silent, "Say what these are for (a docstring; help=…):\n" + "\n".join(silent)
