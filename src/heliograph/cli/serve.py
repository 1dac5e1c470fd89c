"""`heliograph serve`: a server for real devices."""

import logging
import sys

from heliograph.cli.event_loop import run
from heliograph.cli.outlet import Outlet
from heliograph.cli.output import console
from heliograph.cli.server_options import (
    DEFAULT_DATA_DIR,
    HTTP,
    AdoptKey,
    AnyHost,
    Behaviour,
    BehaviourOption,
    BodySeconds,
    ConnectionsMost,
    ConnectionsPerAddress,
    CorsOrigins,
    Database,
    DataDir,
    DrainSeconds,
    HeadSeconds,
    KeyFile,
    LimitOption,
    LogLevel,
    LogLevelOption,
    New,
    NoAuth,
    OpenCommandsMost,
    OperationsOfDeleted,
    OperationsOfDeletedOption,
    Port,
    PublicUrls,
    PubsubOption,
    PushEndpointOption,
    QuotaPerMinute,
    RequestsMiB,
    RetentionDays,
    TrustedProxies,
    http_limits,
    pubsub_is_emulated,
)


def serve(  # noqa: PLR0913 - one option each
    *,
    host: AnyHost = "127.0.0.1",
    port: Port = 8080,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: Database = "",
    key_file: KeyFile = None,
    adopt_key: AdoptKey = False,
    new: New = False,
    retention_days: RetentionDays = 30,
    behaviour: BehaviourOption = Behaviour.DOCUMENTED,
    operations_of_deleted_devices: OperationsOfDeletedOption = OperationsOfDeleted.KEEP,
    open_commands_most: OpenCommandsMost = 1_000,
    limit: LimitOption = None,
    quota_per_minute: QuotaPerMinute = 0,
    no_auth: NoAuth = False,
    drain_seconds: DrainSeconds = 0,
    public_url: PublicUrls = None,
    trusted_proxy: TrustedProxies = None,
    cors_origin: CorsOrigins = None,
    push_endpoint: PushEndpointOption = "",
    pubsub: PubsubOption = False,
    head_seconds: HeadSeconds = HTTP.head_s,
    body_seconds: BodySeconds = HTTP.body_s,
    connections_most: ConnectionsMost = None,
    connections_per_address: ConnectionsPerAddress = None,
    requests_mib: RequestsMiB = HTTP.held_max_bytes >> 20,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Run a server for devices that enrol. Callers sign in with a key: see [bold]heliograph keys create[/bold]."""
    from heliograph import server  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server
    from heliograph.service.limits import Limits, with_limits  # noqa: PLC0415
    from heliograph.settings import Admission, Settings, database_url  # noqa: PLC0415

    limits = with_limits(Limits(
        retention_days=retention_days, behaviour=behaviour.value, operations_of_deleted_devices=operations_of_deleted_devices.value,
        open_operations_most=open_commands_most, quota_per_minute=quota_per_minute,
    ), limit or ())  # fmt: skip
    admission = Admission.UNCHECKED if no_auth else Admission.KEYS
    http = http_limits(
        head_s=head_seconds, body_s=body_seconds, connections=connections_most, per_address=connections_per_address,
        requests_mib=requests_mib,
    )  # fmt: skip
    settings = Settings(
        host=host, port=port, data_dir=data_dir, database_url=database_url(database), key_file=key_file, adopt_key=adopt_key,
        new=new, limits=limits, admission=admission, http=http,
        public_urls=tuple(public_url or ()), trusted_proxies=tuple(trusted_proxy or ()), cors_origins=tuple(cors_origin or ()),
        push_endpoint=push_endpoint, pubsub=pubsub or pubsub_is_emulated(), drain_s=drain_seconds,
        log_commands=log_level is LogLevel.DEBUG,
    )  # fmt: skip
    log_to_stderr(level=logging.getLevelNamesMapping()[log_level.name])
    run(server.serve(settings, ready=_say_ready))


def _say_ready(url: str) -> None:
    out = console()
    with out.capture() as captured:
        out.print(f"Heliograph serves on [bold]{url}[/bold] (Ctrl-C ends it)")
    Outlet(sys.stdout.fileno()).put(captured.get())  # printed, it would wait for somebody to read
