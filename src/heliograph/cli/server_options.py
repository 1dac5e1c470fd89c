"""Every option of `serve` and `sandbox`, once: command line, environment, configuration file and docs/configuration.md follow."""

import os
from dataclasses import dataclass, field
from typing import Any, Final

import click
from click.core import ParameterSource

from heliograph.cli.command_tree import Option
from heliograph.cli.options import DEFAULT_DATA_DIR, DEFAULT_ENTERPRISE, PATH
from heliograph.service.limits import HttpLimits

SERVE: Final = ("serve",)
SANDBOX: Final = ("sandbox",)
BOTH: Final = ("serve", "sandbox")
HTTP: Final = HttpLimits()


@dataclass(frozen=True, kw_only=True)
class ServerOption:
    """One option of the commands that run a server."""

    flag: str
    help: str
    commands: tuple[str, ...] = BOTH
    default: Any = None
    default_words: str = ""
    """What the default means, if its value does not say so."""
    type: "click.ParamType[Any]" = field(default=click.STRING)
    metavar: str | None = None
    repeated: bool = False
    is_flag: bool = False
    secret: bool = False
    """Whether its value may hold a password: then no error repeats it."""
    short_variable: str = ""
    """An environment variable that every command which has this option reads; the command's own one wins."""

    @property
    def key(self) -> str:
        """Its name in a configuration file."""
        return self.flag.removeprefix("--")

    def variables(self, command: str) -> tuple[str, ...]:
        """The environment variables that set it, the first that is set wins."""
        own = f"HELIOGRAPH_{command}_{self.key}".upper().replace("-", "_")
        return (own, self.short_variable) if self.short_variable else (own,)

    def for_command(self, command: str) -> Option:
        """The option as click reads it."""
        return _FromAnywhere(
            (self.flag,),
            envvar=self.variables(command),
            show_envvar=False,  # the page and the end of the help say how they are named
            help=self.help,
            metavar=self.metavar,
            show_default=self.default_words or True,
            **({"is_flag": True} if self.is_flag else {"type": self.type, "multiple": self.repeated, "default": self.default}),
        )


class _FromAnywhere(Option):
    """An option whose errors say where its value came from."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """The environment variable if the value came from one, else the flag."""
        variable = next((name for name in self.envvar or () if os.environ.get(name)), None)
        if variable is not None and ctx is not None and ctx.get_parameter_source(self.name) is ParameterSource.ENVIRONMENT:
            return f"the environment variable {variable}"
        return super().get_error_hint(ctx)


SERVER_OPTIONS: Final = (
    ServerOption(flag="--host", commands=SANDBOX, default="127.0.0.1", help="Address to listen on; loopback only."),
    ServerOption(
        flag="--host",
        commands=SERVE,
        default="127.0.0.1",
        help="Address to listen on; 0.0.0.0 for all. Callers' tokens want TLS: see docs/sign-in.md.",
    ),
    ServerOption(flag="--port", type=click.IntRange(0, 65_535), default=8080, help="Port to listen on; 0 takes a free one."),
    ServerOption(
        flag="--data-dir",
        commands=SERVE,
        type=PATH,
        default=DEFAULT_DATA_DIR,
        help="Holds the key and, without --database, the database.",
    ),
    ServerOption(
        flag="--data-dir",
        commands=SANDBOX,
        type=PATH,
        default_words="none: in memory",
        help="Keep the world here, as files; phones speak to it over sockets.",
    ),
    ServerOption(
        flag="--database",
        commands=SERVE,
        default="",
        default_words="SQLite in --data-dir",
        metavar="URL",
        secret=True,
        short_variable="HELIOGRAPH_DATABASE",
        help="A PostgreSQL, as in postgresql://user@host/name, which other servers may use as well (docs/many-servers.md). "
        "A password is safer in the environment or in a password file, for others can read the command line.",
    ),
    ServerOption(
        flag="--key-file",
        commands=SERVE,
        type=PATH,
        default_words="in --data-dir",
        help="The key that seals secrets, made with mode 0600 if it is not there.",
    ),
    ServerOption(
        flag="--adopt-key",
        commands=SERVE,
        is_flag=True,
        help="Use this key file although the database was sealed with another, lost one. Sealed passwords stay unreadable.",
    ),
    ServerOption(
        flag="--new",
        commands=SERVE,
        is_flag=True,
        help="Begin with an empty database although there is a key file: phones enrolled before are unknown to it.",
    ),
    ServerOption(
        flag="--enterprise",
        commands=SANDBOX,
        repeated=True,
        default_words=DEFAULT_ENTERPRISE,
        metavar="ID",
        help="An enterprise that exists; may be given several times.",
    ),
    ServerOption(
        flag="--worlds",
        commands=SANDBOX,
        type=click.IntRange(min=0),
        default=2_000,
        help="Worlds that there may be at a time, for tests (docs/sandbox.md).",
    ),
    ServerOption(
        flag="--world-urls",
        commands=SANDBOX,
        type=click.Choice(("port", "path")),
        default_words="port on a loopback address, path on others or with --public-url",
        help="Whether a world's url is a port of its own, or a path below the sandbox's address (docs/sandbox.md).",
    ),
    ServerOption(
        flag="--world-idle-seconds",
        commands=SANDBOX,
        type=click.FloatRange(min=0),
        default=3_600.0,
        help="A world that nobody uses ends after so many seconds; 0: never.",
    ),
    ServerOption(
        flag="--retention-days", commands=SERVE, type=click.IntRange(min=1), default=30, help="How long ended operations are kept."
    ),
    ServerOption(
        flag="--behaviour",
        type=click.Choice(("documented", "as-observed")),
        default="documented",
        help="Follow the reference page, or do as real AMAPI was seen to do where it differs.",
    ),
    ServerOption(
        flag="--operations-of-deleted-devices",
        type=click.Choice(("keep", "404")),
        default="keep",
        help="Whether the operations of a deleted device stay readable, or are not found with it.",
    ),
    ServerOption(
        flag="--open-commands-most",
        commands=SERVE,
        type=click.IntRange(min=1),
        default=1_000,
        metavar="N",
        help="Unfinished commands a device may have; more are refused with 429.",
    ),
    ServerOption(
        flag="--limit",
        repeated=True,
        default_words="see docs/errors.md",
        metavar="NAME=NUMBER",
        help="A limit of what one enterprise or device may hold, as in policies=500; may be given several times. "
        "The names and defaults: docs/errors.md.",
    ),
    ServerOption(
        flag="--quota-per-minute",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Requests a caller may send in a minute; more are refused with 429, as Google does. 0: as many as it likes.",
    ),
    ServerOption(
        flag="--quota",
        commands=SANDBOX,
        type=click.Choice(("none", "amapi")),
        default="none",
        help="amapi: refuse as Google's quota does, 600 requests a minute for all callers together (one project).",
    ),
    ServerOption(
        flag="--no-auth",
        commands=SERVE,
        is_flag=True,
        help="Let anybody do everything: for labs, on a loopback address only.",
    ),
    ServerOption(
        flag="--drain-seconds",
        commands=SERVE,
        type=click.IntRange(0, 3_600),
        default=0,
        metavar="N",
        help="After SIGTERM, serve for so long while /readyz says no: what a load balancer needs to notice. Then it ends within 10 s.",
    ),
    ServerOption(
        flag="--public-url",
        repeated=True,
        default_words="none",
        metavar="URL",
        short_variable="HELIOGRAPH_PUBLIC_URL",
        help="An address of this server as clients write it, as in https://amapi.example.com, besides the one it is bound to; may be given "
        "several times. The first one stands in links and QR codes if a client used another name. A token may be signed for any of them.",
    ),
    ServerOption(
        flag="--trusted-proxy",
        commands=SERVE,
        repeated=True,
        default_words="none",
        metavar="ADDRESS",
        help="A proxy, or a network of them, whose X-Forwarded-Proto, -Host and -For are believed; may be given several times.",
    ),
    ServerOption(
        flag="--cors-origin",
        repeated=True,
        default_words="none",
        metavar="ORIGIN",
        help="Whose web pages may call the API from a browser, as in https://console.example.com, or *; may be given several times.",
    ),
    ServerOption(
        flag="--push-endpoint",
        default="",
        default_words="none",
        metavar="URL",
        secret=True,
        help="Gets every notification that an enterprise enabled, as from a Pub/Sub push subscription.",
    ),
    ServerOption(
        flag="--pubsub",
        commands=SERVE,
        is_flag=True,
        help="Publish to the enterprises' pubsubTopic. Needs heliograph[pubsub]; set PUBSUB_EMULATOR_HOST for its emulator.",
    ),
    ServerOption(
        flag="--head-seconds",
        type=click.FloatRange(min=0.1),
        default=HTTP.head_s,
        metavar="S",
        help="For the whole head of a request; then it is refused with 408.",
    ),
    ServerOption(
        flag="--body-seconds",
        type=click.FloatRange(min=0.1),
        default=HTTP.body_s,
        metavar="S",
        help="For the whole body of a request; then it is refused with 408.",
    ),
    ServerOption(
        flag="--connections-most",
        type=click.IntRange(min=1),
        default_words="what ulimit -n allows, less a reserve",
        metavar="N",
        help="Connections at a time; beyond them only /healthz, /readyz and /metrics are answered, all else with 503.",
    ),
    ServerOption(
        flag="--connections-per-address",
        type=click.IntRange(min=0),
        default_words="half of all; loopback any number",
        metavar="N",
        help="Connections of one address, of IPv6 of a /64, at a time; a --trusted-proxy may have any number. 0: any number.",
    ),
    ServerOption(
        flag="--requests-mib",
        type=click.IntRange(min=1),
        default=HTTP.held_max_bytes >> 20,
        metavar="N",
        help="MiB held of all requests under way; beyond that, the one whose body is waited for longest is refused with 503.",
    ),
    ServerOption(
        flag="--log-level",
        commands=SERVE,
        type=click.Choice(("debug", "info", "warning")),
        default="info",
        short_variable="HELIOGRAPH_LOG_LEVEL",
        help="debug: every step of every command is a line on stderr.",
    ),
)


def options_of(command: str) -> tuple[ServerOption, ...]:
    """The options of `serve` or of `sandbox`."""
    return tuple(option for option in SERVER_OPTIONS if command in option.commands)


def parameters_of(command: str) -> list[click.Parameter]:
    """Its options as click reads them."""
    return [option.for_command(command) for option in options_of(command)]


def http_limits(*, head_s: float, body_s: float, connections: int | None, per_address: int | None, requests_mib: int) -> HttpLimits:
    """What the options say of connections."""
    return HttpLimits(
        head_s=head_s, body_s=body_s, connections_most=connections, per_address_most=per_address, held_max_bytes=requests_mib << 20
    )


def pubsub_is_emulated() -> bool:
    """Whether the environment names a Pub/Sub emulator: what goes there leaves for no cloud."""
    return bool(os.environ.get("PUBSUB_EMULATOR_HOST"))
