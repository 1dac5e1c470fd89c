"""`heliograph serve`: a server for real devices."""

from pathlib import Path
from typing import Annotated

import typer

from heliograph.cli.event_loop import run
from heliograph.cli.output import console
from heliograph.cli.server_options import (
    Behaviour,
    BehaviourOption,
    CorsOrigins,
    OpenCommandsMost,
    OperationsOfDeleted,
    OperationsOfDeletedOption,
    Port,
    PubsubOption,
    PushEndpointOption,
    QuotaPerMinute,
    TrustedProxies,
    pubsub_is_emulated,
)


def serve(  # noqa: PLR0913 - one option each
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all. Callers' tokens want TLS: see docs/sign-in.md.")] = (
        "127.0.0.1"
    ),
    port: Port = 8080,
    data_dir: Annotated[Path, typer.Option(help="Holds the database and, unless --key-file says otherwise, the key.")] = Path(
        "heliograph-data"
    ),
    key_file: Annotated[
        Path | None, typer.Option(help="The key that seals secrets, made with mode 0600 if it is not there.", show_default="in --data-dir")
    ] = None,
    retention_days: Annotated[int, typer.Option(min=1, help="How long ended operations are kept.")] = 30,
    behaviour: BehaviourOption = Behaviour.DOCUMENTED,
    operations_of_deleted_devices: OperationsOfDeletedOption = OperationsOfDeleted.KEEP,
    open_commands_most: OpenCommandsMost = 1_000,
    quota_per_minute: QuotaPerMinute = 0,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Let anybody do everything: for labs, on a loopback address only.")] = False,
    trusted_proxy: TrustedProxies = None,
    cors_origin: CorsOrigins = None,
    push_endpoint: PushEndpointOption = "",
    pubsub: PubsubOption = False,
) -> None:
    """Run a server for devices that enrol. Callers sign in with a key: see [bold]heliograph keys create[/bold]."""
    from heliograph import server  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server
    from heliograph.service.limits import Limits  # noqa: PLC0415
    from heliograph.settings import Admission, Settings  # noqa: PLC0415

    limits = Limits(
        retention_days=retention_days, behaviour=behaviour.value, operations_of_deleted_devices=operations_of_deleted_devices.value,
        open_operations_most=open_commands_most, quota_per_minute=quota_per_minute,
    )  # fmt: skip
    admission = Admission.UNCHECKED if no_auth else Admission.KEYS
    settings = Settings(
        host=host, port=port, data_dir=data_dir, key_file=key_file, limits=limits, admission=admission,
        trusted_proxies=tuple(trusted_proxy or ()), cors_origins=tuple(cors_origin or ()),
        push_endpoint=push_endpoint, pubsub=pubsub or pubsub_is_emulated(),
    )  # fmt: skip
    log_to_stderr()
    run(server.serve(settings, ready=_say_ready))


def _say_ready(url: str) -> None:
    console().print(f"Heliograph serves on [bold]{url}[/bold] (Ctrl-C ends it)")
