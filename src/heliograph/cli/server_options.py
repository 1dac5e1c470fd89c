"""Every option of `serve` and `sandbox`, once. Command line, environment, configuration file and docs/configuration.md follow from it."""

import os
from typing import Final, TypedDict, Unpack

import click

from heliograph.cli.anywhere import DEFAULT_ENTERPRISE
from heliograph.cli.options import DEFAULT_DATA_DIR, PATH
from heliograph.cli.server_option import CheckedText, ServerOption
from heliograph.domain.openid import check_provider_url, group_rule
from heliograph.service.limits import HttpLimits, Limits, with_limits

SERVE: Final = ("serve",)
SANDBOX: Final = ("sandbox",)
HTTP: Final = HttpLimits()


SERVER_OPTIONS: Final = (
    ServerOption(
        flag="--host",
        commands=SANDBOX,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="Address to listen on; any but a loopback address needs --allow-anybody.",
    ),
    ServerOption(
        flag="--allow-anybody",
        commands=SANDBOX,
        is_flag=True,
        help="Listen on --host 0.0.0.0 or another address that others reach, as in a container, and answer to any host name. "
        "Anyone who reaches it may do everything: it asks for no key.",
    ),
    ServerOption(
        flag="--host",
        commands=SERVE,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="Address to listen on; 0.0.0.0 for all. Callers' tokens need TLS: see docs/sign-in.md.",
    ),
    ServerOption(
        flag="--port", type=click.IntRange(0, 65_535), default=8080, metavar="PORT", help="Port to listen on; 0 takes a free one."
    ),
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
        help="Keep the world in this directory; phones then connect over sockets.",
    ),
    ServerOption(
        flag="--database",
        commands=SERVE,
        default="",
        default_words="SQLite in --data-dir",
        metavar="URL",
        secret=True,
        short_variable="HELIOGRAPH_DATABASE",
        help="A PostgreSQL database, as in postgresql://user@host/name; other servers may share it (docs/many-servers.md). "
        "Put a password into the environment or a password file: others can read the command line.",
    ),
    ServerOption(
        flag="--key-file",
        commands=SERVE,
        type=PATH,
        default_words="in --data-dir",
        help="Key file that seals secrets; made with mode 0600 if it does not exist.",
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
        help="Begin with an empty database although a key file exists. Phones enrolled before are then unknown.",
    ),
    ServerOption(
        flag="--enterprise",
        commands=SANDBOX,
        repeated=True,
        default_words=DEFAULT_ENTERPRISE,
        metavar="ID",
        help="An enterprise to start with; may be given several times.",
    ),
    ServerOption(
        flag="--ready-file",
        commands=SANDBOX,
        type=PATH,
        default_words="none",
        metavar="FILE",
        help="Write url, pid and more into this file as JSON once the sandbox is ready; it is removed when the sandbox ends.",
    ),
    ServerOption(
        flag="--json",
        commands=SANDBOX,
        is_flag=True,
        help="Once ready, print the same JSON as one line instead of the greeting.",
    ),
    ServerOption(
        flag="--worlds",
        commands=SANDBOX,
        type=click.IntRange(min=0),
        default=2_000,
        metavar="N",
        help="Most worlds at a time, for tests (docs/sandbox.md).",
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
        metavar="S",
        help="End a world after this many seconds without use; 0: never.",
    ),
    ServerOption(
        flag="--retention-days",
        commands=SERVE,
        type=click.IntRange(min=1),
        default=30,
        metavar="N",
        help="How long ended operations are kept.",
    ),
    ServerOption(
        flag="--event-retention-days",
        commands=SERVE,
        type=click.IntRange(min=0),
        default=7,
        metavar="N",
        help="How long events are kept for callers that read them (docs/events.md); 0: there are no events.",
    ),
    ServerOption(
        flag="--audit-retention-days",
        commands=SERVE,
        type=click.IntRange(min=0),
        default=400,
        metavar="N",
        help="How long the audit trail is kept (docs/audit.md); 0: there is none.",
    ),
    ServerOption(
        flag="--audit-phones",
        commands=SERVE,
        type=click.Choice(("all", "enrolments")),
        default="all",
        help="What of phones is in the audit trail: also what they say about commands, or only that they enrol.",
    ),
    ServerOption(
        flag="--audit-witness",
        commands=SERVE,
        repeated=True,
        default_words="none",
        metavar="PLACE",
        secret=True,
        help="A file or a URL that gets each signed checkpoint of the audit trail, to find a cut or restored trail later; may be given "
        "several times. A file is best on another machine's disk.",
    ),
    ServerOption(
        flag="--behaviour",
        type=click.Choice(("documented", "as-observed", "strict")),
        default="documented",
        help="Follow the reference page, behave as real AMAPI was observed to, or refuse sloppy JSON.",
    ),
    ServerOption(
        flag="--operations-of-deleted-devices",
        type=click.Choice(("keep", "404")),
        default="keep",
        help="Whether operations of a deleted device stay readable or answer 404.",
    ),
    ServerOption(
        flag="--open-commands-most",
        commands=SERVE,
        type=click.IntRange(min=1),
        default=1_000,
        metavar="N",
        help="Most unfinished commands of a device; more are refused with 429.",
    ),
    ServerOption(
        flag="--limit",
        repeated=True,
        type=CheckedText(lambda text: with_limits(Limits(), (text,))),
        default_words="see docs/errors.md",
        metavar="NAME=NUMBER",
        help="A limit for one enterprise or device, as in policies=500; may be given several times. Names and defaults: docs/errors.md.",
    ),
    ServerOption(
        flag="--quota-per-minute",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Most requests of a caller in a minute; more are refused with 429. 0: no limit.",
    ),
    ServerOption(
        flag="--quota",
        commands=SANDBOX,
        type=click.Choice(("none", "amapi")),
        default="none",
        help="amapi: refuse what is beyond 600 requests a minute of all callers together (one project).",
    ),
    ServerOption(
        flag="--no-auth",
        commands=SERVE,
        is_flag=True,
        help="Let every caller do everything, without signing in: for labs, on a loopback address only.",
    ),
    ServerOption(
        flag="--oidc-issuer",
        commands=SERVE,
        default="",
        default_words="none",
        type=CheckedText(lambda text: text and check_provider_url(text)),
        metavar="URL",
        help="An identity provider (OpenID Connect) that people sign in with, as in https://accounts.example.com (docs/sign-in.md).",
    ),
    ServerOption(
        flag="--oidc-client-id",
        commands=SERVE,
        default="",
        default_words="none",
        metavar="ID",
        help="This server's client id at the identity provider.",
    ),
    ServerOption(
        flag="--oidc-client-secret-file",
        commands=SERVE,
        type=PATH,
        default_words="none: a public client",
        metavar="FILE",
        help="File with this server's client secret at the identity provider.",
    ),
    ServerOption(
        flag="--oidc-name",
        commands=SERVE,
        default="",
        default_words="the issuer's host",
        metavar="NAME",
        help='What people call the identity provider, as in Acme: the button says "Sign in with Acme".',
    ),
    ServerOption(
        flag="--oidc-groups-claim",
        commands=SERVE,
        default="groups",
        metavar="CLAIM",
        help="The claim that names a person's groups; with dots it leads into an object, as in realm_access.roles.",
    ),
    ServerOption(
        flag="--oidc-scope",
        commands=SERVE,
        repeated=True,
        default_words="none",
        metavar="SCOPE",
        help="A scope to ask for besides openid, email and profile, if groups need one; may be given several times.",
    ),
    ServerOption(
        flag="--oidc-group",
        commands=SERVE,
        repeated=True,
        type=CheckedText(group_rule),
        default_words="none",
        metavar="GROUP=ROLE:ENTERPRISE",
        help="What the members of a group may do, as in fleet-admins=admin:* or acme-desk=viewer:acme,globex; may be given several times, "
        "and the first that fits counts. Someone who is in none of them cannot sign in.",
    ),
    ServerOption(
        flag="--session-idle-minutes",
        commands=SERVE,
        type=click.IntRange(1, 7 * 24 * 60),
        default=60,
        metavar="N",
        help="How long someone who signed in with a browser stays signed in without a request (docs/sign-in.md).",
    ),
    ServerOption(
        flag="--session-hours",
        commands=SERVE,
        type=click.IntRange(1, 30 * 24),
        default=12,
        metavar="N",
        help="How long someone who signed in with a browser stays signed in at most.",
    ),
    ServerOption(
        flag="--drain-seconds",
        commands=SERVE,
        type=click.IntRange(0, 3_600),
        default=0,
        metavar="N",
        help="Keep serving this long after SIGTERM while /readyz fails, so that a load balancer notices. Then end within 10 s.",
    ),
    ServerOption(
        flag="--public-url",
        repeated=True,
        default_words="none",
        metavar="URL",
        short_variable="HELIOGRAPH_PUBLIC_URL",
        help="An address of this server as clients write it, as in https://amapi.example.com, besides the one it is bound to; may be given "
        "several times. Links and QR codes use the first one if a client used another name. A token may be signed for any of them.",
    ),
    ServerOption(
        flag="--agent-apk",
        type=PATH,
        default_words="none",
        metavar="FILE",
        help="APK of the agent for real phones (make apk): served at /agent.apk. QR codes of enrollment tokens then set up a factory-fresh "
        "phone, if --public-url has https.",
    ),
    ServerOption(
        flag="--trusted-proxy",
        commands=SERVE,
        repeated=True,
        default_words="none",
        metavar="ADDRESS",
        help="A trusted proxy, or a network of them: its X-Forwarded-Proto, -Host and -For are used. May be given several times.",
    ),
    ServerOption(
        flag="--cors-origin",
        repeated=True,
        default_words="none",
        metavar="ORIGIN",
        help="Origin of web pages that may call the API, as in https://console.example.com, or *; may be given several times.",
    ),
    ServerOption(
        flag="--push-endpoint",
        default="",
        default_words="none",
        metavar="URL",
        secret=True,
        help="URL that receives every notification that an enterprise enabled, as from a Pub/Sub push subscription.",
    ),
    ServerOption(
        flag="--push-allow-network",
        commands=SERVE,
        repeated=True,
        default_words="none",
        metavar="NETWORK",
        help="A network, as in 10.0.0.0/8, that push endpoints of enterprises may be in, by http too; may be given several times. "
        "Without one they reach public addresses only, by https.",
    ),
    ServerOption(
        flag="--push-allow-network",
        commands=SANDBOX,
        repeated=True,
        default_words="all but link-local",
        metavar="NETWORK",
        help="A network, as in 127.0.0.0/8, that push endpoints of enterprises may be in besides public addresses, by http too; may be "
        "given several times.",
    ),
    ServerOption(
        flag="--pubsub",
        commands=SERVE,
        is_flag=True,
        help="Publish to the enterprises' pubsubTopic. Needs heliograph[pubsub]; set PUBSUB_EMULATOR_HOST for its emulator.",
    ),
    ServerOption(
        flag="--no-web-push",
        commands=SERVE,
        is_flag=True,
        help="Do not wake sleeping phones through their push services. Without this, those that ask for it are woken.",
    ),
    ServerOption(
        flag="--web-push-contact",
        commands=SERVE,
        default_words="the first https --public-url",
        default="",
        metavar="URL",
        help="A mailto: or https: URL by which operators of push services reach you; some refuse messages without one.",
    ),
    ServerOption(
        flag="--no-hot-lane",
        commands=SERVE,
        is_flag=True,
        help="Answer issueCommand, operations.get and operations.list as every other method is answered, which costs more: a way to "
        "find out whether a fault is one of the short way that they go.",
    ),
    ServerOption(
        flag="--head-seconds",
        type=click.FloatRange(min=0.1),
        default=HTTP.head_s,
        metavar="S",
        help="Time for the whole head of a request; after that it is refused with 408.",
    ),
    ServerOption(
        flag="--body-seconds",
        type=click.FloatRange(min=0.1),
        default=HTTP.body_s,
        metavar="S",
        help="Time for the whole body of a request; after that it is refused with 408.",
    ),
    ServerOption(
        flag="--connections-most",
        type=click.IntRange(min=1),
        default_words="what ulimit -n allows, less a reserve",
        metavar="N",
        help="Most connections at a time; beyond them only /healthz, /readyz and /metrics are answered, everything else gets 503.",
    ),
    ServerOption(
        flag="--connections-per-address",
        type=click.IntRange(min=0),
        default_words="half of all; loopback any number",
        metavar="N",
        help="Most connections of one address (IPv6: of one /64) at a time; a --trusted-proxy of serve has no limit. 0: no limit.",
    ),
    ServerOption(
        flag="--requests-mib",
        type=click.IntRange(min=1),
        default=HTTP.held_max_bytes >> 20,
        metavar="N",
        help="Most MiB held for all requests in progress; beyond that, the one that has waited longest for its body gets 503.",
    ),
    ServerOption(
        flag="--log-level",
        commands=SERVE,
        type=click.Choice(("debug", "info", "warning")),
        default="info",
        short_variable="HELIOGRAPH_LOG_LEVEL",
        help="debug: log every step of every command on stderr.",
    ),
)


def options_of(command: str) -> tuple[ServerOption, ...]:
    """The options of `serve` or of `sandbox`."""
    return tuple(option for option in SERVER_OPTIONS if command in option.commands)


def parameters_of(command: str) -> list[click.Parameter]:
    """Its options as click reads them."""
    return [option.for_command(command) for option in options_of(command)]


class HttpOptions(TypedDict):
    """Both commands' options for what connections may cost."""

    head_seconds: float
    body_seconds: float
    connections_most: int | None
    connections_per_address: int | None
    requests_mib: int


def http_limits(**given: Unpack[HttpOptions]) -> HttpLimits:
    """The options' limits for connections."""
    return HttpLimits(
        head_s=given["head_seconds"],
        body_s=given["body_seconds"],
        connections_most=given["connections_most"],
        per_address_most=given["connections_per_address"],
        held_max_bytes=given["requests_mib"] << 20,
    )


def pubsub_is_emulated() -> bool:
    """Whether the environment names a Pub/Sub emulator: messages to it never leave for the cloud."""
    return bool(os.environ.get("PUBSUB_EMULATOR_HOST"))
