"""One command to many devices: issued to each, followed if asked, and summed up."""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import click

from heliograph.backoff import Backoff
from heliograph.cli.api_client import ApiClient, Json
from heliograph.cli.coloured import Coloured
from heliograph.cli.exit_codes import INTERRUPTED, OF_OUTCOME, ExitCode, exit_unless_ok
from heliograph.cli.failure import Failure
from heliograph.cli.output import outcome_word, print_object, print_table
from heliograph.cli.waiting import FIRST_PAUSE_S, LONGEST_PAUSE_S, show_progress
from heliograph.domain.longrunning import read_outcome
from heliograph.domain.names import DeviceName

NOT_ISSUED: Final = "not issued"


@dataclass(slots=True)
class Issued:
    """One device's command, and its outcome."""

    device: DeviceName
    operation: Json = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def pending(self) -> bool:
        return self.failure is None and not self.operation.get("done")

    def exit_code(self, *, waited: bool) -> ExitCode:
        """As for a command to this device alone."""
        if self.failure is not None:
            return self.failure.exit_code
        if not waited:
            return ExitCode.OK
        return ExitCode.WAITED_TOO_LONG if self.pending else OF_OUTCOME[read_outcome(self.operation).outcome]

    @property
    def word(self) -> str:
        return NOT_ISSUED if self.failure is not None else read_outcome(self.operation).outcome


def issue_to_many(
    client: ApiClient, devices: Sequence[DeviceName], body: bytes, *, wait: bool, timeout: float | None, as_json: bool
) -> None:
    """Issue the command to each device, print the outcomes, and exit with a code.

    0: all is well. If the others have one code in common, it is that one, otherwise 1.  Raises: SystemExit.
    """
    issued = [Issued(device) for device in devices]
    try:
        _issue_each(client, issued, body)
        if wait:
            _follow(client, issued, timeout)
    except KeyboardInterrupt:
        _print(issued, as_json=as_json)
        sys.exit(INTERRUPTED)
    _print(issued, as_json=as_json)
    exit_unless_ok(one.exit_code(waited=wait) for one in issued)


def _issue_each(client: ApiClient, issued: Sequence[Issued], body: bytes) -> None:
    for number, one in enumerate(issued, start=1):
        try:
            one.operation = json.loads(client.post(f"/v1/{one.device}:issueCommand", body))
        except Failure as failure:
            one.failure = failure
        show_progress(f"{number} of {len(issued)} issued", shown=sys.stderr.isatty())
    show_progress("", shown=sys.stderr.isatty())


def _follow(client: ApiClient, issued: Sequence[Issued], timeout: float | None) -> None:
    """Return when all operations have ended, or the time is over."""
    until = None if timeout is None else time.monotonic() + timeout
    backoff = Backoff(first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
    while True:
        for one in issued:
            if one.pending:
                _look(client, one)
        ended = sum(not one.pending for one in issued)
        show_progress(f"{ended} of {len(issued)} ended", shown=sys.stderr.isatty())
        left = LONGEST_PAUSE_S if until is None else until - time.monotonic()
        if left <= 0 or ended == len(issued):
            break
        time.sleep(min(backoff.next_s(), left))
    show_progress("", shown=sys.stderr.isatty())


def _look(client: ApiClient, one: Issued) -> None:
    try:
        one.operation = json.loads(client.get(f"/v1/{one.operation['name']}"))
    except Failure as failure:
        one.failure = failure


def _print(issued: Sequence[Issued], *, as_json: bool) -> None:
    """A row or an object for each device on stdout; the summary on stderr."""
    if as_json:
        print_object({"results": [_object(one) for one in issued]})
    else:
        print_table(("DEVICE", "OPERATION", "OUTCOME", "DETAIL"), map(_row, issued), empty="No device.")
    counts = Counter(one.word for one in issued)
    click.echo(f"{len(issued)} devices: {', '.join(f'{count} {word}' for word, count in counts.items())}.", err=True)


def _object(one: Issued) -> Json:
    if one.failure is None:
        return {"device": str(one.device), "operation": one.operation}
    return {"device": str(one.device), "error": {"message": one.failure.message, "exitCode": int(one.failure.exit_code)}}


def _row(one: Issued) -> list[str | Coloured]:
    device = str(one.device).rpartition("/")[2]
    if one.failure is not None:
        return [device, "", NOT_ISSUED, one.failure.message]
    outcome = read_outcome(one.operation)
    return [device, one.operation["name"].rpartition("/")[2], outcome_word(outcome), outcome.detail]
