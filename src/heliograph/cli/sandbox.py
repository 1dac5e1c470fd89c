"""`heliograph sandbox`: a server with virtual phones, for tests and trials of AMAPI clients."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import click

from heliograph.cli.command_tree import command
from heliograph.cli.config_file import CONFIG, HELP_END
from heliograph.cli.event_loop import run
from heliograph.cli.options import DEFAULT_ENTERPRISE, DEFAULT_SERVER
from heliograph.cli.outlet import Outlet
from heliograph.cli.server_options import http_limits, parameters_of, pubsub_is_emulated
from heliograph.commands import COMMANDS

if TYPE_CHECKING:
    from heliograph.sandbox.run import Greeting

GOOGLES_CLIENT = "Google's Python client"
EXAMPLE = """\
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

here = "{url}/$discovery/rest?version={{apiVersion}}"
amapi = build("androidmanagement", "v1", discoveryServiceUrl=here, static_discovery=False, credentials=AnonymousCredentials())
phone = "{device}"
print(amapi.enterprises().devices().issueCommand(name=phone, body={{"type": "{type}"}}).execute())"""


@command("sandbox", params=[*parameters_of("sandbox"), CONFIG], epilog=HELP_END)
def sandbox(  # noqa: PLR0913 - one option each
    *,
    host: str,
    port: int,
    data_dir: Path | None,
    enterprise: tuple[str, ...],
    behaviour: str,
    operations_of_deleted_devices: str,
    limit: tuple[str, ...],
    quota_per_minute: int,
    quota: str,
    head_seconds: float,
    body_seconds: float,
    connections_most: int | None,
    connections_per_address: int | None,
    requests_mib: int,
    public_url: tuple[str, ...],
    cors_origin: tuple[str, ...],
    push_endpoint: str,
    worlds: int,
    world_idle_seconds: float,
) -> None:
    """Run a server with virtual phones of every profile, already enrolled. Any AMAPI client works with any or no token."""
    from heliograph.api.http.quota import AMAPI_PER_MINUTE  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server
    from heliograph.domain.behaviour import Behaviour  # noqa: PLC0415
    from heliograph.sandbox.run import run_sandbox  # noqa: PLC0415
    from heliograph.sandbox.settings import SandboxSettings  # noqa: PLC0415
    from heliograph.service.limits import Limits, with_limits  # noqa: PLC0415

    limits = Limits(
        behaviour=Behaviour(behaviour),
        operations_of_deleted_devices=operations_of_deleted_devices,
        quota_per_minute=quota_per_minute or (AMAPI_PER_MINUTE if quota == "amapi" else 0),
        quota_per_project=quota == "amapi",
    )
    http = http_limits(
        head_s=head_seconds, body_s=body_seconds, connections=connections_most, per_address=connections_per_address,
        requests_mib=requests_mib,
    )  # fmt: skip
    limits = with_limits(limits, limit)
    settings = SandboxSettings(
        host=host,
        port=port,
        data_dir=data_dir,
        enterprises=enterprise or (DEFAULT_ENTERPRISE,),
        limits=limits,
        http=http,
        public_urls=public_url,
        cors_origins=cors_origin,
        push_endpoint=push_endpoint,
        pubsub=pubsub_is_emulated(),
        worlds_most=worlds,
        worlds_idle_s=world_idle_seconds,
    )
    log_to_stderr()
    run(run_sandbox(settings, ready=_say_ready))


def _say_ready(sandbox_there: "Greeting") -> None:
    """The address, the phones and how to begin."""
    text = "\n".join(_ready_lines(sandbox_there)) + "\n"
    Outlet(sys.stdout.fileno()).put(text if sys.stdout.isatty() else click.unstyle(text))  # printed, it would wait for somebody to read


def _ready_lines(sandbox_there: "Greeting") -> Iterator[str]:
    yield f"\n{_bold(f'Heliograph sandbox on {sandbox_there.url}')}   (Ctrl-C ends it)\n"
    names = [phone.name for phone in sandbox_there.phones]
    first_type = next(iter(COMMANDS))
    in_one = sandbox_there.enterprises == (DEFAULT_ENTERPRISE,)
    rows = [(phone.name.rpartition("/")[2] if in_one else phone.name, phone.summary) for phone in sandbox_there.phones]
    title = f"Phones of enterprises/{sandbox_there.enterprises[0]}" if in_one else "Phones"
    width = max(len(text) for text in (title, *(row[0] for row in rows)))
    yield _bold(f"{title:<{width}} WHAT FOR")
    yield from (f"{name:<{width}} {summary}" for name, summary in rows)
    yield f"\n{_bold(GOOGLES_CLIENT)} (pip install google-api-python-client)"
    yield indent(EXAMPLE.format(url=sandbox_there.url, device=names[0], type=first_type), "  ")
    yield f"\n{_bold('This command line')}"
    address = "" if sandbox_there.url == DEFAULT_SERVER else f" --server {sandbox_there.url}"
    yield f"  heliograph issue {rows[0][0]} {first_type} --wait{address}"
    yield f"\nSteer the phones at {sandbox_there.url}/sandbox/v1 (docs/sandbox.md)."


def _bold(text: str) -> str:
    return click.style(text, bold=True)
