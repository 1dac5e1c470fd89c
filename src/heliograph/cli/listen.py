"""`heliograph listen`: an enterprise's events as they come, and an endpoint of yours that gets each of them."""

import contextlib
import json
import sys
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import urlsplit

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER
from heliograph.cli.api_client import ApiClient
from heliograph.cli.command_tree import command, option
from heliograph.cli.event_lines import print_event
from heliograph.cli.event_stream import LATEST, OLDEST, EventStream
from heliograph.cli.exit_codes import INTERRUPTED, ExitCode
from heliograph.cli.failure import Failure, print_warning
from heliograph.cli.foreign_text import harmless
from heliograph.cli.options import AS_JSON, client_of, enterprise_name
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import EnterpriseName
from heliograph.domain.notification import TEST_TYPE

SENT: Final = tuple(
    kind.value
    for kind in NotificationType
    if kind not in {NotificationType.NOTIFICATION_TYPE_UNSPECIFIED, NotificationType.COMPLIANCE_REPORT}
)
"""The types that an enterprise can enable and that come."""


class TypesType(click.ParamType[tuple[str, ...]]):
    """Notification types with commas between them."""

    name = "types"

    def convert(self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Raises: click.BadParameter: not a type."""
        if not isinstance(value, str):
            return value
        known = {kind.upper(): kind for kind in (*SENT, TEST_TYPE)}
        types = tuple(word.strip() for word in value.split(",") if word.strip())
        for word in types:
            if word.upper() not in known:
                self.fail(f"{word!r} is not a notification type: {', '.join(known.values())}.", param, ctx)
        return tuple(known[word.upper()] for word in types)


@command("listen")
@option("--forward-to", metavar="URL", help="Post each event to this endpoint, as a Pub/Sub push, until it is taken; then the next.")
@option("--types", type=TypesType(), default=(), show_default="all", metavar="TYPE,…", help="Only events of these types.")
@option("--after", metavar="CURSOR", default="", show_default="from now on", help="Begin after the event with this cursor.")
@option("--from-start", is_flag=True, help="Begin with the oldest event that the server keeps.")
@option("--count", type=click.IntRange(min=0), default=0, metavar="N", help="End after this many events; 0: never.")
@option("--attempts", type=click.IntRange(min=0), default=0, metavar="N", help="Give up an event after N attempts to forward it; 0: never.")
@option("--enable", is_flag=True, help="First enable the types (of --types, or all) in the enterprise's enabledNotificationTypes.")
@ENTERPRISE
@SERVER
@AS_JSON
def listen(  # noqa: PLR0913 - its options
    *, forward_to: str | None, types: Collection[str], after: str, from_start: bool, count: int, attempts: int, enable: bool,
    enterprise: str, server: str, as_json: bool,
) -> None:  # fmt: skip
    """Follow an enterprise's notifications as they come, and forward them to an endpoint of yours, as stripe listen does for webhooks.

    Prints a line for each event; one that is forwarded is printed when it was taken. After a lost connection it goes on without a gap.
    """
    if after and from_start:
        raise Failure(ExitCode.INVALID, "--after and --from-start exclude each other: give one of them.")
    client, name = client_of(server), enterprise_name(enterprise)
    _see_to_types(client, name, set(types) or set(SENT), enable=enable)
    begin = after or (OLDEST if from_start else LATEST)
    with contextlib.ExitStack() as stack:
        forwarder = None
        if forward_to is not None:
            from heliograph.cli.forwarding import Forwarder  # noqa: PLC0415 - its HTTP client loads slowly

            forwarder = stack.enter_context(Forwarder(forward_to, attempts_most=attempts, on_failure=_say))
        stream = EventStream(client, name, begin)
        since = f"after event {stream.cursor}" if stream.cursor else "from the oldest event on"
        to = f" for {urlsplit(forward_to).hostname}" if forward_to else ""  # its path may hold a secret
        _say(f"Listening to {name}{to}, {since}. Ctrl-C ends.")
        done = stream.cursor
        try:
            for number, event in enumerate(_wanted(stream, types), 1):
                if forwarder is None or forwarder.forward(event):
                    click.echo(event) if as_json else print_event(event)
                done = stream.cursor
                if number == count:
                    return
        except KeyboardInterrupt:
            _say("")  # the terminal shows ^C
            sys.exit(INTERRUPTED)
        finally:
            _say(f"Continue with: --after {done}" if done else "No event came.")


def _wanted(stream: EventStream, types: Collection[str]) -> Iterator[bytes]:
    """Every event of these types; empty: of all."""
    for event in stream.events(_say):
        if not types or json.loads(event)["notificationType"] in types:
            yield event


def _see_to_types(client: ApiClient, name: EnterpriseName, wanted: Collection[str], *, enable: bool) -> None:
    """The enterprise has enabled the types, if asked to; if it has none of them, a warning says so.  Raises: Failure."""
    path = f"/v1/{name}"
    enabled = json.loads(client.get(path)).get("enabledNotificationTypes", [])
    missing = [kind for kind in SENT if kind in wanted and kind not in enabled]
    if enable and missing:
        body = json.dumps({"enabledNotificationTypes": [*enabled, *missing]}).encode()
        client.patch(path, body, {"updateMask": "enabledNotificationTypes"})
    elif missing and not set(enabled) & set(wanted):
        print_warning(f"{name} has not enabled {' or '.join(missing)}: no such event will come. Enable what you want with --enable.")


def _say(text: str) -> None:
    click.echo(harmless(text), err=True)
