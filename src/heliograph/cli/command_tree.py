"""Click's commands, groups and options as this command line uses them: sections in the help; a group loads a command when it is named."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from heliograph.cli.exit_codes import CLOSED_PIPE, INTERRUPTED

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from click.types import OptionHelpExtra


OPTIONS: Final = "Options"
CONTEXT: Final[Mapping[str, Any]] = {"max_content_width": 120, "show_default": True}


class Option(click.Option):
    """An option that shows its environment variables and default in the help, under the heading `section`."""

    def __init__(self, *args: Any, section: str = OPTIONS, **attributes: Any) -> None:  # noqa: ANN401 - as click has them
        super().__init__(*args, **{"show_envvar": True, **attributes})
        self.section = section

    def get_help_extra(self, ctx: click.Context) -> "OptionHelpExtra":
        """Words that stand for a default, without the parentheses that click puts around them."""
        extra = super().get_help_extra(ctx)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        return extra


class AnywhereOption(Option):
    """An option that groups and their commands share: wherever it is given, it holds; the value nearest to the end wins."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """The value given here, or before the name of this command; otherwise the environment's, or the default."""
        value, source = super().consume_value(ctx, opts)
        place = f"{__name__}.{self.name}"
        if source is ParameterSource.COMMANDLINE:
            ctx.meta[place] = value
        elif place in ctx.meta:
            before = ctx.meta[place]
            return ((before,) if self.multiple and isinstance(before, str) else before), ParameterSource.COMMANDLINE
        return value, source


def _in_context(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A command's attributes, CONTEXT below its own settings of its context."""
    return {**attributes, "context_settings": {**CONTEXT, **(attributes.get("context_settings") or {})}}


class Command(click.Command):
    """A command that lists its options by section."""

    def __init__(self, *args: Any, **attributes: Any) -> None:  # noqa: ANN401 - as click has them
        super().__init__(*args, **_in_context(attributes))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list of options for each section."""
        _write_options(self, ctx, formatter)


class Group(click.Group):
    """A group that shows the first paragraph of each command's help, whole."""

    command_class = Command

    def __init__(self, *args: Any, **attributes: Any) -> None:  # noqa: ANN401 - as click has them
        super().__init__(*args, **_in_context(attributes))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list of options for each section, and the commands."""
        _write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        _write_list(formatter, "Commands", [(name, first_paragraph(command)) for name, command in commands if command is not None])


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A command as its group knows it before it is loaded."""

    place: str
    """`module:name`."""
    section: str
    summary: str
    """The first paragraph of its help; a test compares."""


class LazyGroup(Group):
    """The whole program. It imports a command's module only when the command is named: others cost nothing."""

    def __init__(self, *args: Any, listed: Mapping[str, Listed], **attributes: Any) -> None:  # noqa: ANN401 - as click has them
        super().__init__(*args, **attributes)
        self.listed = listed

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:  # noqa: ANN401 - as click has them
        """Read the arguments; `--help` prints here."""
        with _ended_as_shells_report():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the command that the arguments name."""
        with _ended_as_shells_report():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the help."""
        return list(self.listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, loaded."""
        if cmd_name not in self.listed:
            return None
        module, _, name = self.listed[cmd_name].place.partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(self.listed[cmd_name].place)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name.  Raises: NoSuchCommand: it does not exist; the message suggests similar names."""
        if args[0] not in self.listed and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.listed, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section without loading any."""
        for section in dict.fromkeys(listed.section for listed in self.listed.values()):
            _write_list(formatter, section, [(name, listed.summary) for name, listed in self.listed.items() if listed.section == section])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete a command's name without loading any."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - click itself loads it when a shell asks

        names = [CompletionItem(name, help=listed.summary) for name, listed in self.listed.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@contextlib.contextmanager
def _ended_as_shells_report() -> Iterator[None]:
    """Click would end with 1, which is a command's outcome.  Raises: Exit: Ctrl-C was pressed, or the reader of the output has gone."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)  # the terminal shows ^C: begin another line after it
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise click.exceptions.Exit(CLOSED_PIPE) from None


def command(name: str, *, params: Sequence[click.Parameter] = (), epilog: str | None = None) -> Callable[[Callable[..., Any]], Command]:
    """Make a command from a function: its docstring is the help."""
    return click.command(name, cls=Command, params=list(params), epilog=epilog)


def group(name: str, summary: str) -> Group:
    """A group without options of its own; without a command it shows its help."""
    return Group(name, help=summary, no_args_is_help=True)


def option(*flags: str, cls: type[Option] = Option, **attributes: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - as click has them
    """Give a command an option."""
    return click.option(*flags, cls=cls, **attributes)


def together(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Give a command these options, in this order."""

    def decorate(function: Any) -> Any:  # noqa: ANN401 - as click's decorators
        for one in reversed(options):
            function = one(function)
        return function

    return decorate


def first_paragraph(command: click.Command) -> str:
    """The help of a command: a sentence or two."""
    return " ".join((command.help or "").partition("\n\n")[0].split())


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    sections: dict[str, list[tuple[str, str]]] = {OPTIONS: []}
    for parameter in command.get_params(ctx):
        record = None if isinstance(parameter, click.Argument) else parameter.get_help_record(ctx)
        if record is not None:
            section = parameter.section if isinstance(parameter, Option) else OPTIONS
            sections.setdefault(section, []).append(record)
    for section, records in sections.items():
        _write_list(formatter, section, records)


def _write_list(formatter: click.HelpFormatter, heading: str, records: Sequence[tuple[str, str]]) -> None:
    if records:
        with formatter.section(heading):
            formatter.write_dl(records)
