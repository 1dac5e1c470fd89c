"""`heliograph operations`: follow commands to their outcome."""

import json

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.api_client import Json, Query
from heliograph.cli.coloured import Coloured
from heliograph.cli.command_tree import option
from heliograph.cli.options import AS_JSON, DEVICE, OPERATION, TIMEOUT, client_of, device_name, operation_name
from heliograph.cli.output import (
    local_time,
    outcome_word,
    print_json,
    print_list,
    print_operation,
    print_paragraph,
    print_table,
    with_local_times,
)
from heliograph.cli.waiting import wait_for
from heliograph.domain.evidence import Judgement
from heliograph.domain.longrunning import read_outcome

PAGE_SIZE = 1_000  # api.resources.operations: at most 1000

app = server_group("operations", "Follow commands: list, get, wait, cancel, timeline.")

JUDGED = {"observed": "green", "contradicted": "red"}

FILTER = option("--filter", default="", show_default=False, metavar="EXPRESSION", help='For example: done=false AND metadata.type="LOCK".')


@app.command("list")
@DEVICE
@FILTER
@ENTERPRISE
@SERVER
@AS_JSON
def list_operations(device: str, *, filter: str, enterprise: str, server: str, as_json: bool) -> None:
    """List a device's operations, oldest first."""
    path = f"/v1/{device_name(device, enterprise)}/operations"
    query: Query = {"pageSize": PAGE_SIZE, "filter": filter}
    empty = "No operation of this device matches." if filter else "No command has been issued to this device."
    columns = ("OPERATION", "TYPE", "CREATED", "OUTCOME", "DETAIL")
    print_list(client_of(server), path, columns, _row, empty=empty, as_json=as_json, query=query)


@app.command("get")
@OPERATION
@ENTERPRISE
@SERVER
@AS_JSON
def get_operation(operation: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Show one operation as it is now; the exit code does not depend on its outcome."""
    body = client_of(server).get(f"/v1/{operation_name(operation, enterprise)}")
    if as_json:
        return print_json(body)
    return print_operation(json.loads(body))


@app.command("wait")
@OPERATION
@TIMEOUT
@ENTERPRISE
@SERVER
@AS_JSON
def wait_operation(operation: str, *, timeout: float | None, enterprise: str, server: str, as_json: bool) -> None:
    """Wait until an operation ends; the exit code is its outcome."""
    wait_for(client_of(server), str(operation_name(operation, enterprise)), timeout=timeout, as_json=as_json)


@app.command("cancel")
@OPERATION
@ENTERPRISE
@SERVER
@AS_JSON
def cancel_operation(operation: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Cancel an operation that no device has acknowledged yet. Best effort: check the result."""
    client, name = client_of(server), operation_name(operation, enterprise)
    answer = client.post(f"/v1/{name}:cancel")
    if as_json:
        return print_json(answer)
    return print_operation(json.loads(client.get(f"/v1/{name}")))


@app.command("timeline")
@OPERATION
@ENTERPRISE
@SERVER
@AS_JSON
def show_timeline(operation: str, *, enterprise: str, server: str, as_json: bool) -> None:
    """Print every change of an operation with its time, and why it is stuck if it is."""
    body = client_of(server).get(f"/heliograph/v1/{operation_name(operation, enterprise)}/timeline")
    if as_json:
        return print_json(body)
    timeline = json.loads(body)
    click.echo(f"{click.style(timeline['type'], bold=True)} is {timeline['state']}; it expires {local_time(timeline['expiresAt'])}.")
    print_table(("TIME", "WHAT", "DETAIL"), map(_entry, timeline["entries"]), empty="Nothing has happened yet.")
    if timeline.get("evidence", {}).get("judgement") == Judgement.CONTRADICTED.value:
        click.echo("The phone reported success, and its own facts say that it did not do it: docs/operations.md says what to do.")
    if timeline.get("whyStuck"):
        print_paragraph(with_local_times(timeline["whyStuck"]))
    return None


def _row(operation: Json) -> list[str | Coloured]:
    metadata, outcome = operation["metadata"], read_outcome(operation)
    number = operation["name"].rpartition("/")[2]
    return [number, metadata["type"], local_time(metadata["createTime"]), outcome_word(outcome), outcome.detail]


def _entry(entry: Json) -> list[str | Coloured]:
    """Times to the millisecond, as the server wrote them: order and distance are the point."""
    times = f" × {entry['count']}, last {entry['until']}" if entry.get("count", 0) > 1 else ""
    return [entry["time"], Coloured(entry["what"] + times, JUDGED.get(entry["what"], "")), entry.get("detail", "")]
