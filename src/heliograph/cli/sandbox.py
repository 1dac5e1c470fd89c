"""`heliograph sandbox`: a server with virtual phones, for tests and trials of AMAPI clients."""

import contextlib
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent, wrap
from typing import TYPE_CHECKING, Unpack

import click
from click.core import ParameterSource

from heliograph.cli.agent_file import agent_of
from heliograph.cli.anywhere import DEFAULT_ENTERPRISE, DEFAULT_SERVER
from heliograph.cli.command_tree import command
from heliograph.cli.config_file import CONFIG, HELP_END
from heliograph.cli.event_loop import run
from heliograph.cli.failure import print_warning
from heliograph.cli.outlet import Outlet
from heliograph.cli.ready_file import ReadyFile, ready_line, variables_of
from heliograph.cli.server_options import HttpOptions, http_limits, parameters_of, pubsub_is_emulated
from heliograph.commands import COMMANDS

if TYPE_CHECKING:
    from heliograph.cli.accompanied import Accompanied
    from heliograph.sandbox.run import Greeting
    from heliograph.sandbox.settings import SandboxSettings

TEXT_LEAST = 30
"""On a narrower rest of a line, text is no easier to read than one that the terminal wraps."""
GOOGLES_CLIENT = "Google's Python client"
EXAMPLE = """\
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

here = "{url}/$discovery/rest?version={{apiVersion}}"
nobody = AnonymousCredentials()
amapi = build("androidmanagement", "v1", discoveryServiceUrl=here, static_discovery=False, credentials=nobody)
phone = "{device}"
print(amapi.enterprises().devices().issueCommand(name=phone, body={{"type": "{type}"}}).execute())"""


COMMAND = click.Argument(
    ("command",),
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[-- COMMAND…]",
    help="Run this once the sandbox is ready, and end with it and its exit code. It finds the sandbox by AMAPI_EMULATOR_HOST (host:port) "
    "and HELIOGRAPH_URL. Without --port, any free port is taken.",
)


@command("sandbox", params=[*parameters_of("sandbox"), CONFIG, COMMAND], epilog=HELP_END)
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
    public_url: tuple[str, ...],
    agent_apk: Path | None,
    cors_origin: tuple[str, ...],
    push_endpoint: str,
    push_allow_network: tuple[str, ...],
    worlds: int,
    world_urls: str | None,
    world_idle_seconds: float,
    allow_anybody: bool,
    ready_file: Path | None,
    json: bool,
    command: tuple[str, ...],
    **http: Unpack[HttpOptions],
) -> None:
    """Run a server with virtual phones of every profile, already enrolled. Any AMAPI client works with any or no token."""
    from heliograph.api.http.quota import AMAPI_PER_MINUTE  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server
    from heliograph.domain.behaviour import Behaviour  # noqa: PLC0415
    from heliograph.sandbox.settings import ANY_NETWORK, SandboxSettings, WorldUrls  # noqa: PLC0415
    from heliograph.service.limits import Limits, with_limits  # noqa: PLC0415

    company = _company(command, as_json=json)
    limits = with_limits(Limits(
        behaviour=Behaviour(behaviour), operations_of_deleted_devices=operations_of_deleted_devices,
        quota_per_minute=quota_per_minute or (AMAPI_PER_MINUTE if quota == "amapi" else 0), quota_per_project=quota == "amapi",
    ), limit)  # fmt: skip
    settings = SandboxSettings(
        host=host,
        port=_port(port, command),
        allow_anybody=allow_anybody,
        data_dir=data_dir,
        enterprises=enterprise or (DEFAULT_ENTERPRISE,),
        limits=limits,
        http=http_limits(**http),
        agent=agent_of(agent_apk),
        public_urls=public_url,
        cors_origins=cors_origin,
        push_endpoints=(push_endpoint,) if push_endpoint else (),
        push_allow_networks=push_allow_network or ANY_NETWORK,
        pubsub=pubsub_is_emulated(),
        worlds_most=worlds,
        world_urls=WorldUrls(world_urls or ""),
        worlds_idle_s=world_idle_seconds,
    )
    log_to_stderr(level=logging.WARNING if company else logging.INFO)
    if allow_anybody:
        print_warning(f"everybody who reaches {host} port {settings.port or '(a free one)'} may do everything here: it asks for no key.")
    _run(settings, ReadyFile(ready_file) if ready_file else None, _say_json if json else _say_ready, company)


def _run(settings: "SandboxSettings", file: ReadyFile | None, say: Callable[["Greeting"], None], company: "Accompanied | None") -> None:
    """The sandbox has ended.  Raises: SystemExit: with the code of the command that it ran for."""
    from heliograph.sandbox.run import run_sandbox  # noqa: PLC0415

    def ready(greeting: "Greeting") -> None:
        if file is not None:
            file.write(ready_line(greeting))
        if company is None:
            say(greeting)

    async def during(greeting: "Greeting") -> None:
        if company is not None:
            await company.run(variables_of(greeting.url))

    with file.kept() if file is not None else contextlib.nullcontext():
        run(run_sandbox(settings, ready=ready, during=during if company is not None else None))
    if company is not None:
        sys.exit(company.exit_code)


def _company(command: tuple[str, ...], *, as_json: bool) -> "Accompanied | None":
    """What the sandbox is to run for.  Raises: UsageError; SystemExit: there is no such program."""
    if not command:
        return None
    if as_json:
        raise click.UsageError("--json prints to stdout, which is the command's: use --ready-file FILE with a command.")
    from heliograph.cli.accompanied import Accompanied  # noqa: PLC0415 - loads asyncio, which other commands start without

    company = Accompanied(command)
    if not company.is_there:
        sys.exit(company.exit_code)
    return company


def _port(port: int, command: tuple[str, ...]) -> int:
    """A command hears the port, so without one that was asked for any free one will do: several may run at a time."""
    asked = click.get_current_context().get_parameter_source("port") is not ParameterSource.DEFAULT
    return port if asked or not command else 0


def _say_json(sandbox_there: "Greeting") -> None:
    Outlet(sys.stdout.fileno()).put(ready_line(sandbox_there))


def _say_ready(sandbox_there: "Greeting") -> None:
    """The address, the phones and how to begin."""
    text = "\n".join(_ready_lines(sandbox_there)) + "\n"
    Outlet(sys.stdout.fileno()).put(text if sys.stdout.isatty() else click.unstyle(text))  # a print would wait for a reader


def _ready_lines(sandbox_there: "Greeting") -> Iterator[str]:
    yield f"\n{_bold(f'Heliograph sandbox on {sandbox_there.url}')}   (Ctrl-C ends it)\n"
    names = [phone.name for phone in sandbox_there.phones]
    first_type = next(iter(COMMANDS))
    in_one = sandbox_there.enterprises == (DEFAULT_ENTERPRISE,)
    rows = [(phone.name.rpartition("/")[2] if in_one else phone.name, phone.summary) for phone in sandbox_there.phones]
    title = f"Phones of enterprises/{sandbox_there.enterprises[0]}" if in_one else "Phones"
    width = max(len(text) for text in (title, *(row[0] for row in rows)))
    yield _bold(f"{title:<{width}} WHAT FOR")
    for name, summary in rows:
        yield from _wrapped(f"{name:<{width}} ", summary)
    yield f"\n{_bold(GOOGLES_CLIENT)} (pip install google-api-python-client)"
    yield indent(EXAMPLE.format(url=sandbox_there.url, device=names[0], type=first_type), "  ")
    yield f"\n{_bold('This command line')}"
    address = "" if sandbox_there.url == DEFAULT_SERVER else f" --server {sandbox_there.url}"
    yield f"  heliograph issue {rows[0][0]} {first_type} --wait{address}"
    yield f"\nSee the phones and command them in a browser: {sandbox_there.url} (docs/console.md)."
    yield f"Steer the phones at {sandbox_there.url}/sandbox/v1 (docs/sandbox.md)."


def _wrapped(name: str, text: str) -> list[str]:
    """On a terminal, beside the name and no wider than it; for programs, one line."""
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if room < len(name) + TEXT_LEAST:
        return [name + text]
    return wrap(text, room, initial_indent=name, subsequent_indent=" " * len(name))


def _bold(text: str) -> str:
    return click.style(text, bold=True)
