"""Every file of the command line that has a command is part of it, and every command and option says what it is for."""

import importlib
import pkgutil
from collections.abc import Iterator

import click

import heliograph.cli
from heliograph.cli.command_tree import first_paragraph


def commands(of: click.Command = heliograph.cli.app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command by the words that call it, groups included."""
    yield " ".join(path), of
    if isinstance(of, click.Group):
        context = click.Context(of)
        for name in of.list_commands(context):
            below = of.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


def test_every_command_is_listed() -> None:
    names = [f"heliograph.cli.{module.name}" for module in pkgutil.iter_modules(heliograph.cli.__path__)]
    listed = {entry.place for entry in heliograph.cli.LISTED.values()}
    apps = {f"{name}:app": vars(importlib.import_module(name)).get("app") for name in names}

    missing = {place: app for place, app in apps.items() if isinstance(app, click.Group) and place not in listed}
    assert not missing, "\n".join(
        f'Add to LISTED in src/heliograph/cli/__init__.py: "{app.name}": '
        f'Listed(place="{place}", section=USE, summary="{first_paragraph(app)}"),'
        for place, app in missing.items()
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
