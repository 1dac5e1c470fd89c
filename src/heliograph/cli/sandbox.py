"""`heliograph sandbox`: a server with virtual phones, for tests and trials of AMAPI clients."""

import sys
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from heliograph.cli.event_loop import run
from heliograph.cli.options import DEFAULT_ENTERPRISE, DEFAULT_SERVER
from heliograph.cli.outlet import Outlet
from heliograph.cli.output import console, table_of
from heliograph.cli.server_options import (
    HTTP,
    Behaviour,
    BehaviourOption,
    BodySeconds,
    ConnectionsMost,
    ConnectionsPerAddress,
    CorsOrigins,
    HeadSeconds,
    Host,
    LimitOption,
    OperationsOfDeleted,
    OperationsOfDeletedOption,
    Port,
    PublicUrls,
    PushEndpointOption,
    QuotaPerMinute,
    RequestsMiB,
    http_limits,
    pubsub_is_emulated,
)
from heliograph.commands import COMMANDS

if TYPE_CHECKING:
    from rich.console import Console

    from heliograph.sandbox.run import Greeting

EXAMPLE = """\
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

here = "{url}/$discovery/rest?version={{apiVersion}}"
amapi = build("androidmanagement", "v1", discoveryServiceUrl=here, static_discovery=False, credentials=AnonymousCredentials())
phone = "{device}"
print(amapi.enterprises().devices().issueCommand(name=phone, body={{"type": "{type}"}}).execute())"""


def sandbox(  # noqa: PLR0913 - one option each
    *,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    data_dir: Annotated[Path | None, typer.Option(help="Keep the database here; otherwise it is temporary.", show_default=False)] = None,
    enterprise: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="An enterprise that exists; may be given several times.", show_default=DEFAULT_ENTERPRISE),
    ] = None,
    behaviour: BehaviourOption = Behaviour.DOCUMENTED,
    operations_of_deleted_devices: OperationsOfDeletedOption = OperationsOfDeleted.KEEP,
    limit: LimitOption = None,
    quota_per_minute: QuotaPerMinute = 0,
    head_seconds: HeadSeconds = HTTP.head_s,
    body_seconds: BodySeconds = HTTP.body_s,
    connections_most: ConnectionsMost = None,
    connections_per_address: ConnectionsPerAddress = None,
    requests_mib: RequestsMiB = HTTP.held_max_bytes >> 20,
    public_url: PublicUrls = None,
    cors_origin: CorsOrigins = None,
    push_endpoint: PushEndpointOption = "",
    worlds: Annotated[int, typer.Option(min=0, help="Worlds that there may be at a time, for tests (docs/sandbox.md).")] = 2_000,
    world_idle_seconds: Annotated[
        float, typer.Option(min=0, help="A world that nobody uses ends after so many seconds; 0: never.")
    ] = 3_600.0,
) -> None:
    """Run a server with virtual phones of every profile, already enrolled. Any AMAPI client works with any or no token."""
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server
    from heliograph.sandbox.run import run_sandbox  # noqa: PLC0415
    from heliograph.sandbox.settings import SandboxSettings  # noqa: PLC0415
    from heliograph.service.limits import Limits, with_limits  # noqa: PLC0415

    limits = Limits(
        behaviour=behaviour.value,
        operations_of_deleted_devices=operations_of_deleted_devices.value,
        quota_per_minute=quota_per_minute,
    )
    http = http_limits(
        head_s=head_seconds, body_s=body_seconds, connections=connections_most, per_address=connections_per_address,
        requests_mib=requests_mib,
    )  # fmt: skip
    limits = with_limits(limits, limit or ())
    settings = SandboxSettings(
        host=host,
        port=port,
        data_dir=data_dir,
        enterprises=tuple(enterprise or [DEFAULT_ENTERPRISE]),
        limits=limits,
        http=http,
        public_urls=tuple(public_url or ()),
        cors_origins=tuple(cors_origin or ()),
        push_endpoint=push_endpoint,
        pubsub=pubsub_is_emulated(),
        worlds_most=worlds,
        worlds_idle_s=world_idle_seconds,
    )
    log_to_stderr()
    run(run_sandbox(settings, ready=_say_ready))


def _say_ready(sandbox_there: "Greeting") -> None:
    """The address, the phones and how to begin."""
    out = console()
    with out.capture() as captured:
        _print_ready(out, sandbox_there)
    Outlet(sys.stdout.fileno()).put(captured.get())  # printed, it would wait for somebody to read


def _print_ready(out: "Console", sandbox_there: "Greeting") -> None:
    out.print(f"\n[bold]Heliograph sandbox on {sandbox_there.url}[/bold]   (Ctrl-C ends it)", highlight=False)
    names = [phone.name for phone in sandbox_there.phones]
    first_type = next(iter(COMMANDS))
    in_one = sandbox_there.enterprises == (DEFAULT_ENTERPRISE,)
    rows = [(phone.name.rpartition("/")[2] if in_one else phone.name, phone.summary) for phone in sandbox_there.phones]
    title = f"Phones of enterprises/{sandbox_there.enterprises[0]}" if in_one else "Phones"
    out.print(table_of((title, "WHAT FOR"), rows))
    out.print("[bold]Google's Python client[/bold] (pip install google-api-python-client)")
    out.print(indent(EXAMPLE.format(url=sandbox_there.url, device=names[0], type=first_type), "  "), soft_wrap=True)
    out.print("\n[bold]This command line[/bold]")
    address = "" if sandbox_there.url == DEFAULT_SERVER else f" --server {sandbox_there.url}"
    out.print(f"  heliograph issue {rows[0][0]} {first_type} --wait{address}", soft_wrap=True)
    out.print(f"\nSteer the phones at {sandbox_there.url}/sandbox/v1 (docs/sandbox.md).", soft_wrap=True)
