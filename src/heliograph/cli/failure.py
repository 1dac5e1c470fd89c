"""How a command fails: it prints a sentence or the server's JSON on stderr, and exits with a code for scripts."""

import re
import shutil
import sys
from typing import Final

import click

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.foreign_text import harmless

_COMMAND: Final = re.compile(r"heliograph(?: [^\s.,;:()]+)+")


class Failure(Exception):
    """An error: the sentence to print, and the exit code."""

    def __init__(self, exit_code: ExitCode, message: str, *, body: bytes = b"") -> None:
        """`body` is the server's answer, if it answered."""
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.body = body


def print_failure(failure: Failure, *, as_json: bool) -> None:
    """Print the error on stderr: the server's JSON for scripts, its message for people."""
    if as_json and failure.body:
        sys.stderr.write(failure.body.decode(errors="replace") + "\n")
        return
    print_error(failure.message)


def print_error(message: str) -> None:
    """One error as text, on a terminal broken between words."""
    _print("Error: ", message, "red")


def print_warning(message: str) -> None:
    """What is dangerous, in words."""
    _print("Warning: ", message, "yellow")


def _print(label: str, message: str, colour: str) -> None:
    text = harmless(message)
    lines = _wrapped(text, len(label)) if sys.stderr.isatty() else text
    click.echo(click.style(label, fg=colour, bold=True) + lines, err=True)


def _wrapped(message: str, begun: int) -> str:
    """The message in lines of the terminal's width, `begun` columns less for the first. A command in it stays whole: it can be copied."""
    from textwrap import TextWrapper  # noqa: PLC0415 - most commands do not fail

    wrapper = TextWrapper(shutil.get_terminal_size().columns, initial_indent=" " * begun, break_on_hyphens=False, break_long_words=False)
    lines: list[str] = []
    for line in _COMMAND.sub(lambda found: found[0].replace(" ", "\0"), message).split("\n"):
        lines += wrapper.wrap(line) or [wrapper.initial_indent]
        wrapper.initial_indent = ""
    return "\n".join(lines)[begun:].replace("\0", " ")
