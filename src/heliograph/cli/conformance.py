"""`heliograph conformance`: how a server's answers stand to what is known of AMAPI."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import click

from heliograph.cli.anywhere import ENTERPRISE, KEY
from heliograph.cli.coloured import Coloured
from heliograph.cli.command_tree import command, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import bearer_given, device_name, enterprise_name
from heliograph.cli.output import print_object, print_paragraph, print_table

if TYPE_CHECKING:
    from heliograph.conformance.run import Result
    from heliograph.conformance.server import Server

ALL: Final = "all"
NOT_TRIED: Final = "not tried"
COLOURS: Final = {
    "as documented": "green", "as observed": "green", "as assumed": "cyan", "not as assumed": "yellow", "otherwise": "red",
    NOT_TRIED: "bright_black",
}  # fmt: skip
TOKEN = option(
    "--token",
    envvar="HELIOGRAPH_TOKEN",
    default="",
    show_default=False,
    metavar="TOKEN",
    help="Access token to send, as from gcloud auth print-access-token, if you do not sign in with --key.",
)


@command("conformance")
@option("--against", required=True, metavar="URL", help="Address of the server, as in https://androidmanagement.googleapis.com.")
@ENTERPRISE
@KEY
@option("--device", "devices", multiple=True, metavar="ID", help="Device to ask; may be given several times. all: all of the enterprise.")
@TOKEN
@option("--yes", is_flag=True, help="Make the probes that lock, restart, lose and find the devices, and set a password, too.")
@option(
    "--patience", type=click.FloatRange(min=1), default=120.0, metavar="SECONDS", help="How long to wait for a device to end a command."
)
@option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def conformance(  # noqa: PLR0913 - one option each
    *, against: str, enterprise: str, devices: Sequence[str], token: str, yes: bool, patience: float, as_json: bool
) -> None:
    """Ask a server what it does, and compare with what AMAPI is documented, observed or assumed to do.

    Works with any server, the real one too. Exit code 0: no answer is known to be unlike AMAPI's. 1: one is documented or was observed
    to be otherwise. 8: no probe could be made. Claims and evidence: docs/conformance.md.
    """
    from heliograph.conformance.run import Standing, probe_server, score  # noqa: PLC0415 - the other commands start without the probes
    from heliograph.conformance.server import NotTried, Server  # noqa: PLC0415

    try:
        server = Server(against, str(enterprise_name(enterprise)), bearer=_bearer(token), ends_within_s=patience)
    except ValueError as error:
        raise Failure(ExitCode.INVALID, f"{against!r} is not the address of a server: {error}.") from None
    try:
        with contextlib.closing(server):
            _add_devices(server, devices, enterprise)
            results = list(probe_server(server, may_change=yes))
    except NotTried as reason:
        raise Failure(ExitCode.NOT_FOUND, f"--device: {reason}") from None
    except OSError as error:
        raise Failure(ExitCode.UNAVAILABLE, f"Cannot reach {against}: {error.strerror or error}.") from None
    counts = score(results)
    (_print_json if as_json else _print_results)(results, {standing.value: count for standing, count in counts.items()})
    if counts[Standing.NOT_TRIED] == len(results):
        sys.exit(ExitCode.INCONCLUSIVE)
    sys.exit(ExitCode.FAILED if counts[Standing.OTHERWISE] else ExitCode.OK)


def _bearer(token: str) -> Callable[[], str] | None:
    return bearer_given() or ((lambda: token) if token else None)


def _add_devices(server: "Server", devices: Sequence[str], enterprise: str) -> None:
    if ALL in devices:
        server.add_all_devices()
    else:
        server.add_devices([str(device_name(device, enterprise)) for device in devices])


def _print_json(results: "Sequence[Result]", counts: dict[str, int]) -> None:
    found = [{"claim": result.name, "standing": result.standing.value, "answer": result.answer} for result in results]
    print_object({"score": counts, "results": found})


def _print_results(results: "Sequence[Result]", counts: dict[str, int]) -> None:
    from heliograph.conformance.ledger import how_known  # noqa: PLC0415 - as above

    tried = [result for result in results if result.standing.value != NOT_TRIED]
    rows = [(result.name, Coloured(result.standing.value, COLOURS[result.standing.value]), result.answer) for result in tried]
    print_table(("claim", "stands", "the server's answer"), rows, empty="No probe could be made.")
    print_paragraph(", ".join(f"{count} {standing}" for standing, count in counts.items() if count) + ".")
    for result in tried:
        if result.standing.value in {"otherwise", "not as assumed"}:
            known = "; ".join(f"{evidence.answer} ({how_known(evidence)})" for evidence in result.claim.evidence)
            print_paragraph(f"{result.name}: {result.claim.subject}. AMAPI: {known}. The server: {result.answer}.")
    not_tried = [result for result in results if result.standing.value == NOT_TRIED]
    for reason in dict.fromkeys(result.answer for result in not_tried):
        names = ", ".join(result.name for result in not_tried if result.answer == reason)
        print_paragraph(f"Not tried, {reason}: {names}.")
