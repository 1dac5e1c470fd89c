"""Options of the commands that run a server."""

import enum
import os
from pathlib import Path
from typing import Annotated

import typer

from heliograph.service.http_limits import HttpLimits


class Behaviour(enum.Enum):
    """Whose word is followed where AMAPI does other than its reference page says."""

    DOCUMENTED = "documented"
    AS_OBSERVED = "as-observed"


class LogLevel(enum.Enum):
    """From which level on events stand in the log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"


class OperationsOfDeleted(enum.Enum):
    """What becomes of the operations of a device that was deleted."""

    KEEP = "keep"
    NOT_FOUND = "404"


PushEndpointOption = Annotated[
    str, typer.Option(metavar="URL", help="Gets every notification that an enterprise enabled, as from a Pub/Sub push subscription.")
]
Host = Annotated[str, typer.Option(help="Address to listen on; loopback only.")]
AnyHost = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all. Callers' tokens want TLS: see docs/sign-in.md.")]
DEFAULT_DATA_DIR = Path("heliograph-data")
DataDir = Annotated[Path, typer.Option(help="Holds the key and, without --database, the database.")]
Database = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="HELIOGRAPH_DATABASE",
        help="A PostgreSQL, as in postgresql://user@host/name, which other servers may use as well (docs/many-servers.md). "
        "A password is safer in the environment or in a password file, for others can read the command line.",
        show_default="SQLite in --data-dir",
    ),
]
AdoptKey = Annotated[
    bool, typer.Option("--adopt-key", help="Go on with this key file where the database was used with one that is lost for good.")
]
New = Annotated[
    bool,
    typer.Option("--new", help="Begin with an empty database although there is a key file: phones enrolled before are unknown to it."),
]
KeyFile = Annotated[
    Path | None, typer.Option(help="The key that seals secrets, made with mode 0600 if it is not there.", show_default="in --data-dir")
]
RetentionDays = Annotated[int, typer.Option(min=1, help="How long ended operations are kept.")]
NoAuth = Annotated[bool, typer.Option("--no-auth", help="Let anybody do everything: for labs, on a loopback address only.")]
PubsubOption = Annotated[
    bool,
    typer.Option(
        "--pubsub", help="Publish to the enterprises' pubsubTopic. Needs heliograph\\[pubsub]; set PUBSUB_EMULATOR_HOST for its emulator."
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")]
BehaviourOption = Annotated[Behaviour, typer.Option(help="Follow the reference page, or do as real AMAPI was seen to do where it differs.")]
OperationsOfDeletedOption = Annotated[
    OperationsOfDeleted, typer.Option(help="Whether the operations of a deleted device stay readable, or are not found with it.")
]
QuotaPerMinute = Annotated[
    int,
    typer.Option(
        "--quota-per-minute",
        min=0,
        metavar="N",
        help="Requests a caller may send in a minute; more are refused with 429, as Google does. 0: as many as it likes.",
    ),
]
OpenCommandsMost = Annotated[
    int,
    typer.Option("--open-commands-most", min=1, metavar="N", help="Unfinished commands a device may have; more are refused with 429."),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=NUMBER",
        help="A limit of what one enterprise or device may hold, as in policies=500; may be given several times. "
        "The names and defaults: docs/errors.md.",
        show_default=False,
    ),
]
DrainSeconds = Annotated[
    int,
    typer.Option(
        "--drain-seconds",
        min=0,
        max=3_600,
        metavar="N",
        help="After SIGTERM, serve for so long while /readyz says no: what a load balancer needs to notice. Then it ends within 10 s.",
    ),
]
TrustedProxies = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy",
        metavar="ADDRESS",
        help="A proxy, or a network of them, whose X-Forwarded-Proto, -Host and -For are believed; may be given several times.",
        show_default=False,
    ),
]
PublicUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--public-url",
        metavar="URL",
        envvar="HELIOGRAPH_PUBLIC_URL",
        help="An address of this server as clients write it, as in https://amapi.example.com, besides the one it is bound to; may be given "
        "several times. The first one stands in links and QR codes if a client used another name. A token may be signed for any of them.",
        show_default="none",
    ),
]
LogLevelOption = Annotated[
    LogLevel, typer.Option("--log-level", envvar="HELIOGRAPH_LOG_LEVEL", help="debug: every step of every command is a line on stderr.")
]
CorsOrigins = Annotated[
    list[str] | None,
    typer.Option(
        "--cors-origin",
        metavar="ORIGIN",
        help="Whose web pages may call the API from a browser, as in https://console.example.com, or *; may be given several times.",
        show_default="none",
    ),
]

HeadSeconds = Annotated[
    float, typer.Option("--head-seconds", min=0.1, metavar="S", help="For the whole head of a request; then it is refused with 408.")
]
BodySeconds = Annotated[
    float, typer.Option("--body-seconds", min=0.1, metavar="S", help="For the whole body of a request; then it is refused with 408.")
]
ConnectionsMost = Annotated[
    int | None,
    typer.Option(
        "--connections-most",
        min=1,
        metavar="N",
        help="Connections at a time; beyond them only /healthz, /readyz and /metrics are answered, all else with 503.",
        show_default="what ulimit -n allows, less a reserve",
    ),
]
ConnectionsPerAddress = Annotated[
    int | None,
    typer.Option(
        "--connections-per-address",
        min=0,
        metavar="N",
        help="Connections of one address, of IPv6 of a /64, at a time; a --trusted-proxy may have any number. 0: any number.",
        show_default="half of all; loopback any number",
    ),
]
RequestsMiB = Annotated[
    int,
    typer.Option(
        "--requests-mib",
        min=1,
        metavar="N",
        help="MiB held of all requests under way; beyond that, the one whose body is waited for longest is refused with 503.",
    ),
]
HTTP = HttpLimits()


def http_limits(*, head_s: float, body_s: float, connections: int | None, per_address: int | None, requests_mib: int) -> HttpLimits:
    """What the options say of connections."""
    return HttpLimits(
        head_s=head_s, body_s=body_s, connections_most=connections, per_address_most=per_address, held_max_bytes=requests_mib << 20
    )


def pubsub_is_emulated() -> bool:
    """Whether the environment names a Pub/Sub emulator: what goes there leaves for no cloud."""
    return bool(os.environ.get("PUBSUB_EMULATOR_HOST"))
