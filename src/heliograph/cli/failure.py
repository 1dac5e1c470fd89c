"""How a command fails: it prints a sentence or the server's JSON on stderr, and exits with a code for scripts."""

import sys

import click

from heliograph.cli.exit_codes import ExitCode


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
    """One error as text. Only the terminal breaks lines, so that a command in it can be copied."""
    click.echo(click.style("Error: ", fg="red", bold=True) + message, err=True)


def print_warning(message: str) -> None:
    """What is dangerous, in words."""
    click.echo(click.style("Warning: ", fg="yellow", bold=True) + message, err=True)
