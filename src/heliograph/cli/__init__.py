"""The command line for people. It speaks HTTP like any other client."""

import errno
import os
import sys
import traceback
from typing import NoReturn

import click

import heliograph
from heliograph.cli.anywhere import ENTERPRISE, SERVER
from heliograph.cli.command_tree import LazyGroup, Listed, Option
from heliograph.cli.completion import print_completion
from heliograph.cli.exit_codes import CANNOT_WRITE, CLOSED_PIPE, DEFECT, EPILOG, exit_code_of
from heliograph.cli.failure import Failure, print_error, print_failure

RUN, USE, PROVE = "Run", "Use a server", "Prove it"
LISTED = {
    "sandbox": Listed(
        place="heliograph.cli.sandbox:sandbox",
        section=RUN,
        summary="Run a server with virtual phones of every profile, already enrolled. Any AMAPI client works with any or no token.",
    ),
    "replay": Listed(
        place="heliograph.cli.replay:replay",
        section=RUN,
        summary="Run a sandbox with the world of a snapshot: the same devices, operations, phones, clock and faults, for a closer look.",
    ),
    "env": Listed(
        place="heliograph.cli.env:env",
        section=RUN,
        summary='Print the environment variables for a running sandbox, as in eval "$(heliograph env)".',
    ),
    "serve": Listed(
        place="heliograph.cli.serve:serve",
        section=RUN,
        summary="Run a server for devices that enrol. Callers sign in with a key: see heliograph keys create.",
    ),
    "fleet": Listed(
        place="heliograph.cli.fleet:fleet",
        section=RUN,
        summary="Run many virtual phones that enrol with a token and execute their commands, until Ctrl-C.",
    ),
    "version": Listed(place="heliograph.cli.version:version", section=RUN, summary="Print the version."),
    "db": Listed(place="heliograph.cli.db:app", section=RUN, summary="Migrate, check, back up and restore the database."),
    "enterprises": Listed(place="heliograph.cli.enterprises:app", section=USE, summary="List, create, show and delete enterprises."),
    "tokens": Listed(place="heliograph.cli.tokens:app", section=USE, summary="Create, list and delete enrollment tokens."),
    "policies": Listed(place="heliograph.cli.policies:app", section=USE, summary="List, show, set and delete policies."),
    "devices": Listed(place="heliograph.cli.devices:app", section=USE, summary="List, find, show, disable, enable and delete devices."),
    "issue": Listed(
        place="heliograph.cli.issue:app",
        section=USE,
        summary="Issue a command to a device, or to many. heliograph issue DEVICE TYPE --help shows the options of a type.",
    ),
    "lab": Listed(place="heliograph.cli.lab:app", section=USE, summary="Enrol phones over adb, list, reset and reserve them."),
    "operations": Listed(place="heliograph.cli.operations:app", section=USE, summary="Follow commands: list, get, wait, cancel, timeline."),
    "approvals": Listed(
        place="heliograph.cli.approvals:app",
        section=USE,
        summary="List, show, approve, decline and call off what needs a second person; see and set the rules.",
    ),
    "watch": Listed(
        place="heliograph.cli.watch:watch",
        section=USE,
        summary=(
            "Follow commands live: each change with its time, and why one waits. Of devices until Ctrl-C, of commands until all have ended."
        ),
    ),
    "explain": Listed(
        place="heliograph.cli.explain:explain",
        section=USE,
        summary=(
            "Say why a command is not done, what happens next, and what to do. "
            "Approvals, reservations, dead letters and push endpoints, too."
        ),
    ),
    "tail": Listed(
        place="heliograph.cli.tail:tail",
        section=USE,
        summary="Follow the requests that reach a sandbox: when, what, about which phone, the status, and the fault that changed it.",
    ),
    "listen": Listed(
        place="heliograph.cli.listen:listen",
        section=USE,
        summary=(
            "Follow an enterprise's notifications as they come, and forward them to an endpoint of yours, "
            "as stripe listen does for webhooks."
        ),
    ),
    "notifications": Listed(
        place="heliograph.cli.notifications:app",
        section=USE,
        summary="Set up where notifications are pushed; see those that could not be delivered, and send them again.",
    ),
    "keys": Listed(
        place="heliograph.cli.keys:app", section=USE, summary="Make, list, change, rotate and delete the keys that callers sign in with."
    ),
    "audit": Listed(
        place="heliograph.cli.audit:app",
        section=USE,
        summary="List, export and verify the audit trail: who did what, and what was refused.",
    ),
    "people": Listed(
        place="heliograph.cli.people:app", section=USE, summary="Invite, list, sign out and remove the people who sign in with a browser."
    ),
    "roles": Listed(
        place="heliograph.cli.roles:app",
        section=USE,
        summary="List, show, set and delete roles, and bind them to keys, people and groups.",
    ),
    "can": Listed(
        place="heliograph.cli.can:can",
        section=USE,
        summary="Explain whether someone may issue a command or call a method, by which line of which role.",
    ),
    "token": Listed(
        place="heliograph.cli.token:token",
        section=USE,
        summary='Print an access token, valid for an hour, as in curl -H "Authorization: Bearer $(heliograph token --key key.json)".',
    ),
    "check-history": Listed(
        place="heliograph.cli.check_history:check_history",
        section=PROVE,
        summary="Check a recorded history: was anything lost, executed twice, undone, late or out of order?",
    ),
    "check-agent": Listed(
        place="heliograph.cli.check_agent:check_agent",
        section=PROVE,
        summary="Check whether an agent keeps the device protocol: each case says what it expects, and what came instead.",
    ),
    "conformance": Listed(
        place="heliograph.cli.conformance:conformance",
        section=PROVE,
        summary="Ask a server what it does, and compare with what AMAPI is documented, observed or assumed to do.",
    ),
    "record": Listed(
        place="heliograph.cli.record:app",
        section=PROVE,
        summary="Record what a server answers, the real one too, without anything that is yours: a proxy that redacts by schema.",
    ),
}


@click.group(cls=LazyGroup, listed=LISTED, name="heliograph", no_args_is_help=True, epilog=EPILOG)
@SERVER
@ENTERPRISE
@click.option(
    "--show-completion",
    cls=Option,
    type=click.Choice(("bash", "zsh", "fish")),
    is_eager=True,
    expose_value=False,
    callback=print_completion,
    help="Print the completion script for a shell and exit: eval it, or put it into the shell's start-up file.",
)
@click.version_option(heliograph.__version__, message="%(version)s", help="Print the version and exit.")
def app(*, server: str, enterprise: str) -> None:
    """An open server for Android device commands, wire-compatible with the Android Management API."""


def main() -> None:
    """Run the command line and exit with its code.  Raises: SystemExit."""
    try:
        _run()
    except BrokenPipeError:
        _exit_without_output(CLOSED_PIPE)


def _run() -> None:
    """Raises: SystemExit; BrokenPipeError: the reader has gone."""
    try:
        try:
            app(prog_name="heliograph")
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except Failure as failure:
        print_failure(failure, as_json="--json" in sys.argv)
        sys.exit(failure.exit_code)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - its traceback is printed
        # Only a command that loaded the domain can raise its errors; importing it here would slow down the others.
        from heliograph.protojson.errors import HeliographError  # noqa: PLC0415

        if isinstance(error, HeliographError):
            print_error(error.message)
            sys.exit(exit_code_of(error.code.name))
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            print_error("No space left on the device: the output is incomplete.")
            _exit_without_output(CANNOT_WRITE)
        traceback.print_exception(error)
        sys.exit(DEFECT)


def _exit_without_output(code: int) -> NoReturn:
    """Exit with this code: what could not be written is not tried again, which would fail and change the code.  Raises: SystemExit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    sys.exit(code)
